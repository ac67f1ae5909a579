//! `pulsarr` under strace: killed at a system call of our choice, or told there that no space is left. Where strace cannot trace, a story
//! says so and is skipped, unless `PULSARR_REQUIRE_STRACE=1` asks for it.

use std::io::Write;
use std::process::Command;

use pulsarr_tests::household::{Done, Household, Running};

/// The system calls by which files and folders change. Each is looked at by itself.
pub(super) const CHANGES: [&str; 14] = [
    "openat",
    "mkdir",
    "write",
    "pwrite64",
    "ftruncate",
    "fallocate",
    "copy_file_range",
    "chmod",
    "fchmod",
    "fsync",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
];

/// Whether processes can be traced here.
pub(super) fn can_tamper() -> bool {
    let refusal = match Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output() {
        Ok(done) if done.status.success() => return true,
        Ok(done) => String::from_utf8_lossy(&done.stderr).lines().next().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    let required = std::env::var("PULSARR_REQUIRE_STRACE").is_ok_and(|value| value == "1");
    assert!(!required, "PULSARR_REQUIRE_STRACE=1, and strace does not work: {refusal}");
    // Past the test harness, which would swallow it.
    let _ = writeln!(
        std::io::stderr().lock(),
        "SKIPPED: a story about a program that breaks off, because nothing can be traced: {refusal}"
    );
    false
}

/// `pulsarr` with these arguments, to whose system call `call` is done what `what` says in strace's words: `error=ENOSPC`,
/// `signal=SIGKILL:when=3`. The tracer stands aside, so that the process that is started is pulsarr.
fn command(household: &Household, call: &str, what: &str, arguments: &[&str]) -> Command {
    let plain = household.command(arguments);
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    traced.args(["-e", &format!("inject={call}:{what}")]).arg(plain.get_program()).args(plain.get_args());
    traced
        .current_dir(household.folder())
        .env_clear()
        .envs(&household.vars)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    traced.stdin(std::process::Stdio::null());
    traced
}

/// Runs it to its end, whatever that is.
pub(super) fn tampered(household: &Household, call: &str, what: &str, arguments: &[&str]) -> Done {
    command(household, call, what, arguments).output().unwrap().into()
}

/// Starts it and leaves it running.
pub(super) fn start_tampered(household: &Household, call: &str, what: &str, arguments: &[&str]) -> Running {
    Running::start(command(household, call, what, arguments))
}

/// Kills `pulsarr` right before its n-th `call`, for every n up to 12 and then for ever fewer, until it comes to its end before that;
/// `after` looks at the world after each death. Answers how often it was killed.
pub(super) fn killed_at_every(
    household: &Household,
    call: &str,
    arguments: &[&str],
    mut before: impl FnMut(),
    mut after: impl FnMut(&str),
) -> usize {
    let mut nth = 1;
    for killed in 0.. {
        before();
        let done = tampered(household, call, &format!("signal=SIGKILL:when={nth}"), arguments);
        if let Some(code) = done.code {
            assert_eq!(code, 0, "with {call} left alone:\n{}\n{}", done.stdout, done.stderr);
            return killed;
        }
        after(&format!("killed before {call} number {nth}"));
        nth += 1 + nth / 12;
    }
    unreachable!("numbers do not end")
}
