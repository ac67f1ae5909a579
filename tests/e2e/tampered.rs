//! `pulsarr` under strace: killed at a system call of our choice, or told there that no space is left. Where strace cannot trace, a story
//! says so and is skipped, unless `PULSARR_REQUIRE_STRACE=1` asks for it.

use std::process::{Command, Stdio};

use pulsarr_tests::household::{Done, Household, Running};

use super::skipped::skipped;

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
    cannot_be_traced("a story about a program that breaks off", &refusal)
}

/// Says so, or fails where it has to be.
pub(super) fn cannot_be_traced(story: &str, refusal: &str) -> bool {
    skipped("PULSARR_REQUIRE_STRACE", story, &format!("nothing can be traced: {refusal}"));
    false
}

/// Strace, doing to the system call `call` what `what` says in its words: `error=ENOSPC`, `signal=SIGKILL:when=3`. Whom it traces is still
/// to be said.
pub(super) fn strace(call: &str, what: &str) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={call}:{what}")]);
    strace
}

/// `pulsarr` with these arguments under [`strace`], which stands aside, so that the process that is started is pulsarr.
fn command(household: &Household, call: &str, what: &str, arguments: &[&str]) -> Command {
    let plain = household.command(arguments);
    let mut traced = strace(call, what);
    traced.args(["-D", "-qq"]).arg(plain.get_program()).args(plain.get_args()).current_dir(household.folder());
    traced.env_clear().envs(&household.vars).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    traced.stdin(Stdio::null());
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
