//! Rules, quotas, approvals and tests of the settings file: what they come out as, and what people are told about mistakes.

use super::*;

mod conditions;
mod expectations;
mod others;
mod people;
mod routes;
mod whole;

/// Two of each kind, the first of them the default.
const INSTANCES: &str = "\
instances:
  - {name: movies, kind: radarr, url: 'http://r', api_key: '${RADARR_API_KEY}', default: true}
  - {name: films-4k, kind: radarr, url: 'http://r4', api_key: '${RADARR_API_KEY}'}
  - {name: shows, kind: sonarr, url: 'http://s', api_key: '${SONARR_API_KEY}', default: true}
  - {name: anime, kind: sonarr, url: 'http://a', api_key: '${SONARR_API_KEY}'}
";

/// The line behind [`INSTANCES`].
const NEXT: usize = 6;

fn load_after(yaml: &str) -> Result<Config, ConfigError> {
    load(&format!("{INSTANCES}{yaml}"))
}

/// One rule with this condition that goes to `anime`.
fn rule_when(when: &str) -> String {
    format!("rules:\n  - {{name: a, route: anime, when: {when}}}\n")
}

/// The problems of what stands behind the instances; a line is counted from there.
fn check(yaml: &str, expected: &[(usize, &str)]) {
    let told = match load_after(yaml) {
        Ok(_) => panic!("no mistake found in\n{yaml}"),
        Err(error) => error.to_string(),
    };
    let expected: Vec<String> =
        expected.iter().map(|(line, message)| format!("pulsarr.yaml:{}: {message}", NEXT - 1 + line)).collect();
    assert_eq!(told, expected.join("\n"), "{yaml}");
}
