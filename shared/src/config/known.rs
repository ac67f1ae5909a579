//! The names of our variables: which there are, what else they may be called, and which strangers only look like ours.

use std::collections::BTreeSet;

use super::finding::{Findings, Problem, quoted};
use super::nearest::nearest;
use super::secret::Secrets;
use super::variables::Variables;

/// In front of every variable of ours.
pub(super) const PREFIX: &str = "PULSARR_";

/// A variable of ours.
pub(super) struct Known {
    pub name: &'static str,
    /// Names of the first deployment plan; `name` wins over them, an earlier one over a later.
    aliases: &'static [&'static str],
    /// What the value must be, after "expected".
    pub expected: &'static str,
    /// Also taken from the file that `<name>_FILE` names.
    secret: bool,
    /// That file may be missing or empty, and then there is no value.
    passing: bool,
}

impl Known {
    const fn new(name: &'static str, expected: &'static str) -> Self {
        Self { name, aliases: &[], expected, secret: false, passing: false }
    }

    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    const fn passing(self) -> Self {
        Self { passing: true, ..self }
    }

    /// The name without prefix: `DATA_DIR`, `TZ`.
    pub fn field(&self) -> &'static str {
        self.name.strip_prefix(PREFIX).unwrap_or(self.name)
    }
}

const ADDRESS: &str = "an address";
const PORT: &str = "a port number from 0 to 65535";
const DAYS: &str = "days, from 1 to 3650";
const SWITCH: &str = "true or false";
const LOG: &str = "off, error, warn, info, debug or trace, or a list such as info,pulsarr_shared=debug";

/// Every variable, in the order in which people are shown them.
pub(super) const VARIABLES: &[Known] = &[
    Known::new("PULSARR_DATA_DIR", "a folder").or(&["dataDir"]),
    Known::new("PULSARR_CONFIG", "a file"),
    Known::new("PULSARR_PORT", PORT).or(&["port", "listenPort"]),
    Known::new("PULSARR_METRICS_PORT", PORT),
    Known::new("PULSARR_BASE_URL", ADDRESS).or(&["baseUrl"]),
    Known::new("PULSARR_BASE_PATH", "a path such as /pulsarr"),
    Known::new("PULSARR_LOG", LOG).or(&["logLevel"]),
    Known::new("PULSARR_LOG_FORMAT", "auto, json or text"),
    Known::new("PULSARR_LOG_FILE", "true or false"),
    Known::new("PULSARR_LOG_SIZE_LIMIT_MB", "megabytes, from 1 to 100"),
    Known::new("PULSARR_LOG_ROTATE", "a number of files, from 1 to 50"),
    Known::new("PULSARR_PLEX_TV_URL", ADDRESS),
    Known::new("PULSARR_PLEX_DISCOVER_URL", ADDRESS),
    Known::new("PULSARR_PLEX_METADATA_URL", ADDRESS),
    Known::new("PULSARR_PLEX_COMMUNITY_URL", ADDRESS),
    Known::new("PULSARR_PLEX_RSS_URL", ADDRESS),
    Known::new("PULSARR_TMDB_URL", ADDRESS),
    Known::new("PULSARR_PLEX_PAGE_PAUSE_MS", "milliseconds, from 0 to 600000"),
    Known::new("PULSARR_PLEX_REQUEST_BUDGET", "a number of requests, at least 1"),
    Known::new("PULSARR_FULL_READ_EVERY_S", "seconds, from 0 to 31536000"),
    Known::new("PULSARR_SEASON_WINDOW_S", "seconds, at most 86400"),
    Known::new("PULSARR_RECENT_EPISODE_H", "hours, at most 8760"),
    Known::new("PULSARR_RUN_LIMIT_S", "seconds, from 1 to 86400"),
    Known::new("PULSARR_KEEP_RUNS_DAYS", DAYS),
    Known::new("PULSARR_KEEP_WEBHOOKS_DAYS", DAYS),
    Known::new("PULSARR_KEEP_MESSAGES_DAYS", DAYS),
    Known::new("PULSARR_KEEP_DECISIONS_DAYS", DAYS),
    Known::new("PULSARR_RETRY_BASE_MS", "milliseconds, from 0 to 60000"),
    Known::new("PULSARR_FAST_LANE", SWITCH),
    Known::new("PULSARR_FAST_LANE_OWN_S", "seconds, from 5 to 3600"),
    Known::new("PULSARR_FAST_LANE_FRIENDS_S", "seconds, from 30 to 86400"),
    Known::new("PULSARR_FAST_LANE_FEEDS", "auto or off"),
    Known::new("PULSARR_FAST_LANE_FEEDS_S", "seconds, from 30 to 3600"),
    Known::new("PULSARR_ALLOW_NETWORK_FS", SWITCH),
    Known::new("PULSARR_CA_FILE", "a file"),
    Known::new("PULSARR_TERMINATION_LOG", "a file"),
    Known::new("PULSARR_TRIGGER", "cli, schedule, manual, service, fast_lane or api"),
    Known::new("PULSARR_AUTH", "required, required_except_local or disabled").or(&["authenticationMethod"]),
    Known::new("PULSARR_TRUSTED_PROXIES", "addresses"),
    Known::new("PULSARR_PROXY_USER_HEADER", "the name of a header"),
    Known::new("PULSARR_COOKIE_SECURE", SWITCH).or(&["cookieSecured"]),
    // Nobody needs it once there is an admin: whoever takes it out of the Secret then stops nothing, and is not told so at every run. Where
    // there is no admin, the service makes a token of its own and says so in its log.
    Known::new("PULSARR_SETUP_TOKEN", "a token").secret().passing(),
    Known::new("PULSARR_APPRISE_URL", ADDRESS).or(&["appriseUrl"]).secret(),
    Known::new("TZ", "a time zone such as Europe/Berlin"),
];

/// Names of the first deployment plan that ask for what happens anyway, or is asked for otherwise now.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("enableConsoleOutput", "logs always go to the console; PULSARR_LOG=off silences them"),
    ("enableRequestLogging", "PULSARR_LOG=debug logs requests"),
];

/// A variable as it was given.
pub(super) struct Given {
    /// The name as written.
    pub name: String,
    pub value: String,
    pub dot_env: bool,
}

/// The value for `known` under its own name, its `_FILE` name or an alias. Kubernetes' service links are passed over.
pub(super) fn find(
    known: &Known,
    variables: &Variables,
    secrets: &Secrets<'_>,
    findings: &mut Findings,
) -> Option<Given> {
    for (index, name) in [known.name].iter().chain(known.aliases).enumerate() {
        if let Some(found) = variables.get(name) {
            let value = found.value.trim();
            if is_service_address(value) && name.ends_with("PORT") {
                let shown = quoted(value);
                findings.warnings.push(format!(
                    "{name}={shown} is ignored: it is a link that Kubernetes sets for a service of this name. \
                     `enableServiceLinks: false` in the pod stops it"
                ));
                continue;
            }
            let value = if index == 0 { value.to_owned() } else { modern(known.name, value) };
            return Some(Given { name: (*name).to_owned(), value, dot_env: found.dot_env });
        }
        let in_file = format!("{name}_FILE");
        if let Some(path) = variables.get(&in_file).filter(|_| known.secret && index == 0) {
            match secrets.read(path.value.trim()) {
                Ok(value) => return Some(Given { name: in_file, value, dot_env: path.dot_env }),
                Err(_) if known.passing => return None,
                Err(message) => {
                    findings.problem(Problem::outside(in_file, message));
                    return None;
                }
            }
        }
    }
    None
}

/// The first deployment plan's value in today's words.
fn modern(name: &str, value: &str) -> String {
    let word = match (name, value) {
        ("PULSARR_AUTH", "requiredExceptLocal") => "required_except_local",
        ("PULSARR_LOG", "fatal") => "error",
        ("PULSARR_LOG", "silent") => "off",
        _ => value,
    };
    word.to_owned()
}

/// Warns of names that were understood once and ask for nothing now.
pub(super) fn warn_without_effect(variables: &Variables, findings: &mut Findings) {
    for (name, instead) in WITHOUT_EFFECT {
        if variables.get(name).is_some() {
            findings.warnings.push(format!("{name} has no effect: {instead}"));
        }
    }
}

/// Warns of variables with our prefix that nobody reads. `asked` are names that references in the settings file used.
pub(super) fn warn_unknown(variables: &Variables, asked: &BTreeSet<String>, findings: &mut Findings) {
    for (name, variable) in variables.iter() {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let ours = VARIABLES.iter().any(|known| {
            known.name == name || (known.secret && name.strip_suffix("_FILE").is_some_and(|name| known.name == name))
        });
        if ours || asked.contains(name) || is_service_link(rest, &variable.value) {
            continue;
        }
        let advice = nearest(name, VARIABLES.iter().map(|known| known.name))
            .map_or_else(|| "remove it".to_owned(), |near| format!("did you mean {near}?"));
        findings.warnings.push(format!("{name} is no variable of pulsarr and has no effect: {advice}"));
    }
}

fn is_service_address(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// Whether `PULSARR_<rest>` is one of the variables that Kubernetes sets for each service whose name begins with
/// `pulsarr`: <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_service_link(rest: &str, value: &str) -> bool {
    if is_service_address(value) {
        return true;
    }
    let of_service = |suffix: &str| rest == suffix || rest.ends_with(&format!("_{suffix}"));
    if of_service("SERVICE_HOST") || rest.starts_with("SERVICE_PORT") || rest.contains("_SERVICE_PORT") {
        return true;
    }
    // `PORT_3003_TCP`, `WEBHOOK_PORT_3003_TCP_ADDR`
    let parts: Vec<&str> = rest.split('_').collect();
    parts
        .windows(3)
        .any(|part| part[0] == "PORT" && part[1].parse::<u16>().is_ok() && matches!(part[2], "TCP" | "UDP" | "SCTP"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn given(name: &str, vars: &[(&str, &str)]) -> (Option<(String, String)>, Vec<String>) {
        let variables = Variables::of(vars);
        let known = VARIABLES.iter().find(|known| known.name == name).unwrap();
        let mut findings = Findings::default();
        let given = find(known, &variables, &Secrets::new(&variables, Path::new("")), &mut findings);
        (given.map(|given| (given.name, given.value)), findings.warnings)
    }

    fn unknown(vars: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Findings::default();
        warn_unknown(&Variables::of(vars), &BTreeSet::from(["PULSARR_RADARR_KEY".to_owned()]), &mut findings);
        findings.warnings
    }

    #[test]
    fn the_first_plan_s_names_are_understood_and_ours_win() {
        let check = |name: &str, vars: &[(&str, &str)], expected: (&str, &str)| {
            let (found, warnings) = given(name, vars);
            assert_eq!(found, Some((expected.0.to_owned(), expected.1.to_owned())));
            assert_eq!(warnings, [""; 0]);
        };
        check("PULSARR_PORT", &[("port", "1"), ("listenPort", "2")], ("port", "1"));
        check("PULSARR_PORT", &[("listenPort", "2")], ("listenPort", "2"));
        check("PULSARR_PORT", &[("port", "1"), ("PULSARR_PORT", "3")], ("PULSARR_PORT", "3"));
        check("PULSARR_BASE_URL", &[("baseUrl", "http://x")], ("baseUrl", "http://x"));
        check("PULSARR_DATA_DIR", &[("dataDir", "/x")], ("dataDir", "/x"));
        check("PULSARR_LOG", &[("logLevel", "silent")], ("logLevel", "off"));
        check("PULSARR_LOG", &[("logLevel", "debug")], ("logLevel", "debug"));
        check("PULSARR_COOKIE_SECURE", &[("cookieSecured", "true")], ("cookieSecured", "true"));
        check("PULSARR_APPRISE_URL", &[("appriseUrl", "http://x")], ("appriseUrl", "http://x"));
        check(
            "PULSARR_AUTH",
            &[("authenticationMethod", "requiredExceptLocal")],
            ("authenticationMethod", "required_except_local"),
        );
    }

    #[test]
    fn a_service_link_is_no_port() {
        let link = "PULSARR_PORT=`tcp://10.43.0.7:3003` is ignored: it is a link that Kubernetes sets for a service of this \
                    name. `enableServiceLinks: false` in the pod stops it";
        let vars = [("PULSARR_PORT", "tcp://10.43.0.7:3003")];
        assert_eq!(given("PULSARR_PORT", &vars), (None, vec![link.to_owned()]));
        let with_alias = [vars[0], ("port", "8080")];
        let (found, warnings) = given("PULSARR_PORT", &with_alias);
        assert_eq!(found, Some(("port".to_owned(), "8080".to_owned())));
        assert_eq!(warnings, [link]);
    }

    #[test]
    fn unknown_names_are_warned_of_and_service_links_are_not() {
        assert_eq!(
            unknown(&[
                ("PULSARR_RUN_LIMIT", "7"),
                ("PULSARR_COLOUR", "blue"),
                ("PULSARR_RADARR_KEY", "x"),
                ("PORT", "1")
            ]),
            [
                "PULSARR_COLOUR is no variable of pulsarr and has no effect: remove it",
                "PULSARR_RUN_LIMIT is no variable of pulsarr and has no effect: did you mean PULSARR_RUN_LIMIT_S?",
            ]
        );
        let links = [
            ("PULSARR_SERVICE_HOST", "10.43.0.7"),
            ("PULSARR_SERVICE_PORT", "3003"),
            ("PULSARR_SERVICE_PORT_HTTP", "3003"),
            ("PULSARR_PORT_3003_TCP", "tcp://10.43.0.7:3003"),
            ("PULSARR_PORT_3003_TCP_PROTO", "tcp"),
            ("PULSARR_PORT_3003_TCP_PORT", "3003"),
            ("PULSARR_PORT_3003_TCP_ADDR", "10.43.0.7"),
            ("PULSARR_WEBHOOK_PORT", "tcp://10.43.0.8:80"),
            ("PULSARR_WEBHOOK_SERVICE_HOST", "10.43.0.8"),
            ("PULSARR_WEBHOOK_SERVICE_PORT_HTTP", "80"),
        ];
        assert_eq!(unknown(&links), [""; 0]);
    }

    #[test]
    fn names_without_effect_say_what_to_do_instead() {
        let mut findings = Findings::default();
        let vars = [("enableConsoleOutput", "true"), ("enableRequestLogging", "false")];
        warn_without_effect(&Variables::of(&vars), &mut findings);
        assert_eq!(
            findings.warnings,
            [
                "enableConsoleOutput has no effect: logs always go to the console; PULSARR_LOG=off silences them",
                "enableRequestLogging has no effect: PULSARR_LOG=debug logs requests",
            ]
        );
    }
}
