//! Stories that cannot be told on this machine.

use std::io::Write as _;

/// Says that a story is not told here, and why: past the test harness, which would swallow it, in one line that `.ci/run` counts. Where the
/// variable `required` is `1`, it has to be told, and fails.
pub(super) fn skipped(required: &str, story: &str, why: &str) {
    let is_required = std::env::var(required).is_ok_and(|value| value == "1");
    assert!(!is_required, "{required}=1, and {why}");
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {story}, because {why}");
}
