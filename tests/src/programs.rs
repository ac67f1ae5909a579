//! The real programs, as child processes. Cargo builds the binaries of a package only for that package's own tests, so they are
//! built here, once, by the same cargo and profile that built us: a story never runs an outdated program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of `pulsarr` or `pulsarr-webhook-svc`, freshly built; or as they lie in the folder `PULSARR_PROGRAMS`, such as those of an
/// image.
///
/// # Panics
/// When the build fails, with cargo's words.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let elsewhere = || std::env::var_os("PULSARR_PROGRAMS").map(PathBuf::from);
    FOLDER.get_or_init(|| elsewhere().unwrap_or_else(build)).join(name)
}

/// Builds the programs and answers the folder they are in.
fn build() -> PathBuf {
    let own = std::env::current_exe().expect("the kernel tells which program runs");
    // `target/debug/demo`, or `target/debug/deps/e2e-0123456789abcdef`.
    let folder = own.parent().expect("a program lies in a folder");
    let folder =
        if folder.ends_with("deps") { folder.parent().expect("deps lies in the profile's folder") } else { folder };
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let target = folder.parent().expect("the profile's folder lies in the target folder");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(workspace)
        .args([
            "build",
            "--quiet",
            "--package",
            "pulsarr-jobs",
            "--package",
            "pulsarr-webhook-svc",
            "--bins",
            "--profile",
        ])
        .arg(profile)
        .arg("--target-dir")
        .arg(target)
        .output()
        .expect("cargo can be started");
    assert!(built.status.success(), "failed to build the programs:\n{}", String::from_utf8_lossy(&built.stderr));
    folder.to_owned()
}
