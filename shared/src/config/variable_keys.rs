//! Groups of the settings whose keys stand for variables: `intervals`, how often there is a look and what waits how long; and `logs`, the
//! files that lines go to besides. Each key is read as its variable is, and counts where the variable is not set. What the container's own
//! limits depend on has variables alone.

use crate::model::Section;

use super::environment::Environment;
use super::finding::{Findings, Problem, Source, quoted};
use super::reader::{Fields, Reader};

/// The keys of `intervals`, in the order of their variables.
pub(super) const INTERVALS: &[&str] = &[
    "fast_lane",
    "own_s",
    "friends_s",
    "feeds",
    "feeds_s",
    "full_read_every_s",
    "season_window_s",
    "recent_episode_h",
];

/// The keys of `logs`. What they are called in the arrs' own `config.xml`: `LogSizeLimit`, `LogRotate`.
pub(super) const LOGS: &[&str] = &["file", "size_limit_mb", "rotate"];

const INTERVAL_VARIABLES: [&str; 8] = [
    "PULSARR_FAST_LANE",
    "PULSARR_FAST_LANE_OWN_S",
    "PULSARR_FAST_LANE_FRIENDS_S",
    "PULSARR_FAST_LANE_FEEDS",
    "PULSARR_FAST_LANE_FEEDS_S",
    "PULSARR_FULL_READ_EVERY_S",
    "PULSARR_SEASON_WINDOW_S",
    "PULSARR_RECENT_EPISODE_H",
];

const LOG_VARIABLES: [&str; 3] = ["PULSARR_LOG_FILE", "PULSARR_LOG_SIZE_LIMIT_MB", "PULSARR_LOG_ROTATE"];

/// Every group, with its keys and their variables.
const GROUPS: [(Section, &[&str], &[&str]); 2] =
    [(Section::Intervals, INTERVALS, &INTERVAL_VARIABLES), (Section::Logs, LOGS, &LOG_VARIABLES)];

/// Every key of a group with the variable that wins over it: `("own_s", "PULSARR_FAST_LANE_OWN_S")`. Empty for a group of another kind.
pub fn variables_of(section: Section) -> impl Iterator<Item = (&'static str, &'static str)> {
    let group = GROUPS.iter().find(|(known, ..)| *known == section);
    group.into_iter().flat_map(|(_, keys, variables)| keys.iter().copied().zip(variables.iter().copied()))
}

/// What was written for a variable.
#[derive(Debug, Clone)]
pub(super) struct Written {
    /// `intervals.own_s`
    name: String,
    variable: &'static str,
    /// As the variable would have it, found well.
    text: String,
}

/// What the settings say in these groups. What is left out is not listed: its variable is.
pub(super) fn read<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> Vec<Written> {
    let mut all = Vec::new();
    for (section, keys, _) in GROUPS {
        let fields = reader.group(root, section.word(), keys);
        for (key, variable) in variables_of(section) {
            let Some(field) = fields.get(key) else { continue };
            let text = reader.scalar(field);
            match text.as_deref().map(str::trim).map(|text| Environment::one(variable, text)) {
                Some(Ok(_)) => {
                    let text = text.unwrap_or_default().trim().to_owned();
                    reader.list_value(field, &*text);
                    all.push(Written { name: format!("{section}.{key}"), variable, text });
                }
                Some(Err(message)) => reader.problem(field, message),
                None => {
                    let message = format!("expected one word or number, found {}", field.shape());
                    reader.problem(field, message);
                }
            }
        }
    }
    all
}

/// Lets `written` count in `environment` where the variable is not set, and lists it as the variable's outcome.
pub(super) fn apply(written: &[Written], environment: &mut Environment, findings: &mut Findings) {
    for Written { name, variable, text } in written {
        let listed = findings.values.iter().find(|value| value.name == *name);
        let source = listed.map_or(Source::Default, |value| value.source.clone());
        let Some(value) = findings.values.iter_mut().find(|value| value.name == *variable) else { continue };
        if let Source::Environment { variable, .. } = &value.source {
            let sentence = format!(
                "{variable} is set and wins over what the settings say, {}: remove one of the two",
                quoted(text)
            );
            findings.warnings.push(sentence);
            continue;
        }
        match Environment::one(variable, text) {
            Ok(one) => {
                environment.take(variable, &one);
                value.value = one.outcome(variable);
                value.source = source;
            }
            Err(message) => findings.problem(Problem::outside(*variable, message)),
        }
    }
}

impl Environment {
    /// This one with what the settings may say of `read`.
    pub(super) fn with_settings_of(mut self, read: &Self) -> Self {
        let variables = GROUPS.iter().flat_map(|(.., variables)| variables.iter());
        variables.for_each(|variable| self.take(variable, read));
        self
    }

    /// Takes one variable over from `other`.
    fn take(&mut self, variable: &str, other: &Self) {
        match variable {
            "PULSARR_FAST_LANE" => self.fast_lane = other.fast_lane,
            "PULSARR_FAST_LANE_OWN_S" => self.fast_lane_own_s = other.fast_lane_own_s,
            "PULSARR_FAST_LANE_FRIENDS_S" => self.fast_lane_friends_s = other.fast_lane_friends_s,
            "PULSARR_FAST_LANE_FEEDS" => self.fast_lane_feeds = other.fast_lane_feeds,
            "PULSARR_FAST_LANE_FEEDS_S" => self.fast_lane_feeds_s = other.fast_lane_feeds_s,
            "PULSARR_FULL_READ_EVERY_S" => self.full_read_every_s = other.full_read_every_s,
            "PULSARR_SEASON_WINDOW_S" => self.season_window_s = other.season_window_s,
            "PULSARR_RECENT_EPISODE_H" => self.recent_episode_h = other.recent_episode_h,
            "PULSARR_LOG_FILE" => self.log_file = other.log_file,
            "PULSARR_LOG_SIZE_LIMIT_MB" => self.log_size_limit_mb = other.log_size_limit_mb,
            "PULSARR_LOG_ROTATE" => self.log_rotate = other.log_rotate,
            _ => unreachable!("no settings stand for `{variable}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::super::Config;
    use crate::model::{Declaration, Section};
    use crate::vault::Vault;

    fn config(file: &str, stored: serde_json::Value, vars: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pulsarr.yaml"), file).unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let body =
            Declaration { section: Section::Intervals, name: String::new(), position: 0, body: stored, version: 0 };
        let vars = || vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let base: &Path = folder.path();
        let loaded = Config::load(vars(), base).map_err(|error| error.to_string())?;
        loaded.with_stored(&[body], &vault, vars(), base).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_wins_over_the_file_and_the_file_over_what_is_stored() {
        let stored = json!({"own_s": 31, "friends_s": 301, "feeds_s": 61, "fast_lane": false});
        let vars = [("PULSARR_FAST_LANE_OWN_S", "33")];
        let config = config("intervals: {own_s: 32, friends_s: 302}\n", stored, &vars).unwrap();
        let it = &config.environment;
        assert_eq!(
            (it.fast_lane_own_s, it.fast_lane_friends_s, it.fast_lane_feeds_s, it.fast_lane),
            (33, 302, 61, false)
        );
        let told = |name: &str| {
            let found = config.values.iter().find(|value| value.name == name).unwrap();
            format!("{} ({})", found.value, found.source)
        };
        assert_eq!(told("PULSARR_FAST_LANE_OWN_S"), "33 (environment PULSARR_FAST_LANE_OWN_S)");
        assert_eq!(told("PULSARR_FAST_LANE_FRIENDS_S"), "302 (pulsarr.yaml:1)");
        assert_eq!(told("PULSARR_FAST_LANE_FEEDS_S"), "61 (settings made in the service)");
        assert_eq!(told("PULSARR_FULL_READ_EVERY_S"), "21600 (default)");
        assert!(
            config.warnings.iter().any(|it| it.contains("PULSARR_FAST_LANE_OWN_S is set and wins")),
            "{:?}",
            config.warnings
        );
    }

    #[test]
    fn the_bounds_are_those_of_the_variables_and_each_key_has_its_own_message() {
        let stored = json!({"own_s": 4, "friends_s": "often", "feeds": "on", "season_window_s": [], "own": 7});
        assert_eq!(
            config("", stored, &[]).unwrap_err(),
            "settings made in the service: intervals.own: unknown key `own`: known here are fast_lane, own_s, friends_s, feeds, \
             feeds_s, full_read_every_s, season_window_s, recent_episode_h\n\
             settings made in the service: intervals.own_s: expected seconds, from 5 to 3600, found `4`\n\
             settings made in the service: intervals.friends_s: expected seconds, from 30 to 86400, found `often`\n\
             settings made in the service: intervals.feeds: expected auto or off, found `on`\n\
             settings made in the service: intervals.season_window_s: expected one word or number, found a list"
        );
    }

    #[test]
    fn files_of_lines_are_asked_for_within_bounds() {
        let config = |file: &str, vars: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("pulsarr.yaml"), file).unwrap();
            let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Config::load(vars, folder.path()).map_err(|error| error.to_string())
        };
        let told = |config: Config| {
            let it = config.environment;
            (it.log_file, it.log_size_limit_mb, it.log_rotate)
        };
        assert_eq!(told(config("", &[]).unwrap()), (false, 10, 3));
        let file = "logs: {file: true, size_limit_mb: 1, rotate: 50}\n";
        assert_eq!(told(config(file, &[]).unwrap()), (true, 1, 50));
        assert_eq!(told(config(file, &[("PULSARR_LOG_FILE", "false")]).unwrap()), (false, 1, 50));
        assert_eq!(
            config("logs: {file: sometimes, size_limit_mb: 0, rotate: 51, level: info}\n", &[]).unwrap_err(),
            "pulsarr.yaml:1: logs.level: unknown key `level`: known here are file, size_limit_mb, rotate\n\
             pulsarr.yaml:1: logs.file: expected true or false, found `sometimes`\n\
             pulsarr.yaml:1: logs.size_limit_mb: expected megabytes, from 1 to 100, found `0`\n\
             pulsarr.yaml:1: logs.rotate: expected a number of files, from 1 to 50, found `51`"
        );
    }

    #[test]
    fn what_is_forgotten_is_as_usual_again_and_an_export_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let body = json!({"own_s": 31, "fast_lane": false, "feeds": "off"});
        let body = Declaration { section: Section::Intervals, name: String::new(), position: 0, body, version: 0 };
        let plain = Config::load([], folder.path()).unwrap();
        let with = plain.with_stored(&[body], &vault, [], folder.path()).unwrap();
        let export = with.export(folder.path()).unwrap().text;
        let without = with.with_stored(&[], &vault, [], folder.path()).unwrap();
        assert_eq!((with.environment.fast_lane_own_s, without.environment.fast_lane_own_s), (31, 20));
        assert!(without.environment.fast_lane);
        std::fs::write(folder.path().join("pulsarr.yaml"), &export).unwrap();
        let again = Config::load([], folder.path()).unwrap();
        assert_eq!(format!("{:?}", again.environment), format!("{:?}", with.environment), "{export}");
    }
}
