//! What is different for a user, or for everybody, as lines for people to compare.

use pulsarr_shared::model::Quota;
use pulsarr_shared::quota;
use serde_json::Value;

/// Settings in the words of the settings file as lines: `sync: off`, `quota: 3 movies a week, then approval`.
pub fn lines(settings: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(alias) = settings["alias"].as_str() {
        lines.push(format!("alias: {alias}"));
    }
    for (key, [yes, no]) in [
        ("sync", ["sync: on", "sync: off"]),
        ("require_approval", ["approval: somebody is asked", "approval: automatic"]),
        ("bypass_quota", ["quotas: do not count", "quotas: count"]),
    ] {
        lines.extend(settings[key].as_bool().map(|on| if on { yes } else { no }.to_owned()));
    }
    match settings["quotas"].as_array().map(Vec::as_slice) {
        None => {}
        Some([]) => lines.push("quota: none".to_owned()),
        Some(quotas) => lines.extend(quotas.iter().map(one)),
    }
    if lines.is_empty() {
        lines.push("as for everybody".to_owned());
    }
    lines
}

fn one(quota: &Value) -> String {
    // What was typed need not be a quota.
    serde_json::from_value::<Quota>(quota.clone()).map_or_else(
        |_| format!("quota: {quota}"),
        |it| format!("quota: {}, then {}", quota::in_words(&it), it.when_exceeded.word()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_told_line_by_line() {
        let quota = json!({"type": "movie", "period": "weekly", "limit": 3, "when_exceeded": "wait"});
        let told =
            lines(&json!({"alias": "mum", "sync": false, "require_approval": true, "quotas": [quota, {"x": 1}]}));
        let expected = [
            "alias: mum",
            "sync: off",
            "approval: somebody is asked",
            "quota: 3 movies a week, then wait",
            "quota: {\"x\":1}",
        ];
        assert_eq!(told, expected);
        assert_eq!(lines(&json!({})), ["as for everybody"]);
        assert_eq!(lines(&json!({"quotas": []})), ["quota: none"]);
    }
}
