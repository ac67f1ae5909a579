//! The termination message: one JSON line of at most 4096 bytes, where Kubernetes shows it beside the pod.

use std::path::{Path, PathBuf};

use pulsarr_shared::config::TERMINATION_LOG;
use pulsarr_shared::report::Report;
use serde_json::json;

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Kubernetes' limit for one container.
const LIMIT: usize = 4096;

/// Leaves what a run came to at `path`, if there is such a file.
pub fn leave_report(path: &Path, report: &Report, code: ExitCode) {
    let first_problem = report.problems.first().map(|problem| problem.message.as_str());
    leave(
        path,
        &json!({
            "run": report.run.id,
            "result": report.run.result,
            "exit_code": code as u8,
            "summary": report.summary(),
            "decisions": report.decisions,
            "placements": report.placements,
            "error": shortened(first_problem.or(report.run.detail.as_deref())),
        }),
    );
}

/// Leaves what a command other than a sync came to at `path`, if there is such a file.
pub fn leave_outcome(path: &Path, command: &str, result: &str, summary: &str, code: ExitCode) {
    let summary = shortened(Some(summary));
    leave(path, &json!({"command": command, "result": result, "exit_code": code as u8, "summary": summary}));
}

/// Where the message goes while there is no configuration to say so.
pub fn place_by_variable() -> PathBuf {
    std::env::var("PULSARR_TERMINATION_LOG").unwrap_or_else(|_| TERMINATION_LOG.to_owned()).into()
}

/// Leaves why a run could not be carried out at `path`, if there is such a file.
pub fn leave_failure(path: &Path, failure: &Failure) {
    let error = shortened(Some(&failure.text));
    leave(path, &json!({"result": "failed", "exit_code": failure.code as u8, "error": error}));
}

fn leave(path: &Path, message: &serde_json::Value) {
    let line = format!("{message}\n");
    debug_assert!(line.len() <= LIMIT, "the parts are shortened to fit");
    // Only where Kubernetes put the file: making one would leave litter on other machines. A message that cannot be left is no
    // reason to fail a run that went well.
    if path.exists() {
        let _ = std::fs::write(path, line);
    }
}

/// At most 2,000 characters, and at most 2,500 bytes as a JSON text, escapes included: what stands beside it in a message is counts
/// and a summary, which are well below the rest of [`LIMIT`].
fn shortened(text: Option<&str>) -> Option<String> {
    text.map(|text| {
        let escaped_len = |text: &str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
        let mut text: String = text.chars().take(2_000).collect();
        while escaped_len(&text) > 2_500 {
            text.pop();
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_within_the_limit_however_long_the_error_is() {
        let folder = std::env::temp_dir().join(format!("pulsarr-termination-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("termination-log");
        std::fs::write(&path, "").unwrap();
        leave_failure(&path, &Failure { code: ExitCode::Configuration, text: "ü\n\"".repeat(5_000) });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() <= LIMIT, "{}", text.len());
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["exit_code"], 78);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn no_file_is_made_where_kubernetes_did_not_put_one() {
        let path = std::env::temp_dir().join(format!("pulsarr-no-termination-{}", std::process::id()));
        leave_failure(&path, &Failure { code: ExitCode::Unexpected, text: "x".into() });
        assert!(!path.exists());
    }
}
