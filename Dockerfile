# Both programs, static, in an image with nothing else. CA roots are compiled in.
#   docker build -t pulsarr .
# The builder needs Rust 1.95 and a C compiler; name another one where no registry can be reached:
#   docker build --build-arg BUILDER=my-rust-image -t pulsarr .
ARG BUILDER=docker.io/library/rust:1.95-bookworm

FROM ${BUILDER} AS build
WORKDIR /src
COPY . .
# The commit, for the metric `pulsarr_build_info`: `--build-arg PULSARR_REVISION=$(git rev-parse HEAD)`.
ARG PULSARR_REVISION=unknown
# A static binary of the gnu target: the C library is linked in, and names are still resolved through /etc/hosts and resolv.conf.
RUN PULSARR_REVISION="${PULSARR_REVISION}" RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked --target "$(rustc -vV | sed -n 's/^host: //p')" \
      --package pulsarr-jobs --package pulsarr-webhook-svc --bins --target-dir /build \
 && mkdir -p /out/app/data \
 && cp /build/*/release/pulsarr /build/*/release/pulsarr-webhook-svc /out/

FROM scratch
LABEL org.opencontainers.image.title="pulsarr" \
      org.opencontainers.image.description="Plex watchlists into Sonarr and Radarr" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build --chown=10001:10001 /out/ /
ENV PULSARR_DATA_DIR=/app/data
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["/pulsarr"]
CMD ["sync"]
