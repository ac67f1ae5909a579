# One static program with two names, in an image with nothing else. CA roots are compiled in.
#   docker build -t pulsarr --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE="$(git remote get-url origin)" .
# What can be told with --build-arg:
#   BUILDER    the image to build in: Rust 1.95, a C compiler, a shell. `.ci/builder` makes one where no registry can be reached.
#   BUILD_ON   the platform of that image.
#   TARGETARCH amd64 or arm64, what to build for, when it is not the builder's own; together with `--platform`, from which BuildKit tells
#              it by itself.
#   VERSION, REVISION, SOURCE   for the labels; the commit is in the metric `pulsarr_build_info` too.
ARG BUILDER=docker.io/library/rust:1.95-bookworm
ARG BUILD_ON=linux/amd64

FROM --platform=${BUILD_ON} ${BUILDER} AS build
ARG TARGETARCH
WORKDIR /src
# Another target needs Rust's library and a C compiler for it; what the builder lacks of them is fetched. Debian's names, as in the official
# image.
RUN host="$(rustc -vV | sed -n 's/^host: //p')" \
 && case "$TARGETARCH" in arm64) target=aarch64-unknown-linux-gnu ;; amd64) target=x86_64-unknown-linux-gnu ;; *) target="$host" ;; esac \
 && echo "$target" > /target \
 && if [ "$target" != "$host" ]; then \
      machine="${target%%-*}"; compiler="$machine-linux-gnu-gcc"; \
      { [ -d "$(rustc --print target-libdir --target "$target")" ] || rustup target add "$target"; } \
   && { command -v "$compiler" || { apt-get update && apt-get install -y --no-install-recommends \
        "gcc-$(echo "$machine" | tr _ -)-linux-gnu" "libc6-dev-$TARGETARCH-cross"; }; } \
   && printf '[target.%s]\nlinker = "%s"\n' "$target" "$compiler" >> "$CARGO_HOME/config.toml"; \
    fi
COPY . .
ARG REVISION=unknown
# A static program of the gnu target: the C library is linked in, and names are still resolved through /etc/hosts and resolv.conf.
# It may be put anywhere in memory: what that takes is packed, and 4 kB. Rust's own linker, which only some targets have, also lays functions
# that are the same in every byte on one another, and no data: 78 kB less. C code has no tables for unwinding, 106 kB less: a panic never
# passes through it, because what SQLite calls back catches its own (rusqlite).
RUN target="$(cat /target)" \
 && case "$target" in \
      x86_64-*) link="-C link-arg=-Wl,--icf=all -C link-arg=-Wl,--pack-dyn-relocs=relr" ;; \
      *) link="-C link-arg=-fuse-ld=bfd -C link-arg=-Wl,-z,pack-relative-relocs" ;; \
    esac \
 && PULSARR_REVISION="${REVISION}" CFLAGS="-fno-asynchronous-unwind-tables -fno-unwind-tables" RUSTFLAGS="-C target-feature=+crt-static $link" \
    cargo build --release --locked --target "$target" --target-dir /build \
      --package pulsarr-jobs --bin pulsarr --features image \
 && mkdir -p /out/app/data \
 && cp "/build/$target/release/pulsarr" /out/pulsarr \
 && ln -s pulsarr /out/pulsarr-webhook-svc

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="pulsarr" \
      org.opencontainers.image.description="Plex watchlists into Sonarr and Radarr" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build --chown=10001:10001 /out/ /
ENV PULSARR_DATA_DIR=/app/data
WORKDIR /app
USER 10001:10001
EXPOSE 3003 9090
# For the service, where Docker runs it; Kubernetes asks by its own probes. A job does not live long enough for it to matter.
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/pulsarr-webhook-svc", "healthcheck"]
ENTRYPOINT ["/pulsarr"]
CMD ["sync"]
