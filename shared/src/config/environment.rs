//! What the process is told by variables: where it keeps its data, where it listens, whom it talks to, how patient it
//! is. What people set up (Plex, instances, users) is in the settings file. Never asks the process itself; see
//! [`Environment::from_vars`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, de};

use crate::model::Trigger;

use super::address::base_address;
use super::finding::{ConfigError, Findings, Problem, Source, quoted, secret_shown};
use super::known::{self, Known, PREFIX};
use super::secret::Secrets;
use super::variables::{Variables, resolve_path};
use super::zone;

crate::model::words! {
    /// How log lines look.
    LogFormat {
        /// Text on a terminal, JSON elsewhere.
        Auto = "auto",
        /// One JSON object per line.
        Json = "json",
        /// For people.
        Text = "text",
    }
}

crate::model::words! {
    /// Who must sign in to the service.
    AuthMode {
        /// Everybody.
        Required = "required",
        /// Everybody who does not come from a private network.
        RequiredExceptLocal = "required_except_local",
        /// Nobody.
        Disabled = "disabled",
    }
}

crate::model::words! {
    /// Whether Plex's feeds of watchlists are used.
    FeedUse {
        /// As long as they tell what is new.
        Auto = "auto",
        /// Never.
        Off = "off",
    }
}

/// Where Kubernetes looks for a container's last words.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// The process's own settings. Each field is the variable of the same name in capitals, with `PULSARR_` in front. An
/// empty variable counts as not set. Paths that were relative start at the folder given to [`Environment::from_vars`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Where the database, the lock and backups live. Default `./data`.
    pub data_dir: PathBuf,
    /// The settings file, when somebody named one; [`super::Config::settings_file`] says which one is used.
    pub config: Option<PathBuf>,
    /// Where the service listens; 0 is any free port. Default 3003.
    pub port: u16,
    /// Where the service gives its metrics; 0 is any free port. Default 9090.
    pub metrics_port: u16,
    /// How Sonarr and Radarr reach the service, without a trailing slash:
    /// `http://pulsarr.media.svc.cluster.local:3003`.
    #[serde(deserialize_with = "optional_address")]
    pub base_url: Option<String>,
    /// What stands in front of every path of the service, for a reverse proxy that passes it on: `/pulsarr`. Default empty.
    #[serde(deserialize_with = "base_path")]
    pub base_path: String,
    /// `off`, `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,pulsarr_shared=debug`. Default `info`.
    #[serde(deserialize_with = "log_filter")]
    pub log: String,
    /// How log lines look. Default `auto`.
    pub log_format: LogFormat,
    /// Whether lines go to files below the data folder, too. Default false.
    #[serde(deserialize_with = "switch")]
    pub log_file: bool,
    /// Megabytes after which a file of lines is put aside and the next one begun. Default 10; 1 to 100.
    #[serde(deserialize_with = "within::<1, 100, _, _>")]
    pub log_size_limit_mb: u32,
    /// Files that are kept of each program, besides the one that is written to. Default 3; 1 to 50.
    #[serde(deserialize_with = "within::<1, 50, _, _>")]
    pub log_rotate: u32,
    /// Plex: token, account, friends. Default `https://plex.tv`.
    #[serde(deserialize_with = "address")]
    pub plex_tv_url: String,
    /// Plex: the owner's watchlist. Default `https://discover.provider.plex.tv`.
    #[serde(deserialize_with = "address")]
    pub plex_discover_url: String,
    /// Plex: ids and facts of titles. Default `https://metadata.provider.plex.tv`.
    #[serde(deserialize_with = "address")]
    pub plex_metadata_url: String,
    /// Plex: friends' watchlists. Default `https://community.plex.tv`.
    #[serde(deserialize_with = "address")]
    pub plex_community_url: String,
    /// Plex: where watchlists are as feeds, for whoever asks whether that can be reached: each feed's address comes from Plex. Default
    /// `https://rss.plex.tv`.
    #[serde(deserialize_with = "address")]
    pub plex_rss_url: String,
    /// TMDB: what neither Plex nor an arr tells about titles. Default `https://api.themoviedb.org`.
    #[serde(deserialize_with = "address")]
    pub tmdb_url: String,
    /// Milliseconds: the pause before the second page of a list is once to three times this, at random; shorter before later
    /// pages, a tenth before small questions. Default 5000, at most 600000; 0 in tests.
    #[serde(deserialize_with = "within::<0, 600_000, _, _>")]
    pub plex_page_pause_ms: u64,
    /// Requests to Plex that one run may make. Default 2000, at least 1.
    #[serde(deserialize_with = "within::<1, { u32::MAX as u64 }, _, _>")]
    pub plex_request_budget: u32,
    /// Seconds after which every list is read whole again, because only that sees removals deep in a list. Default
    /// 21600, six hours; at most a year.
    #[serde(deserialize_with = "within::<0, 31_536_000, _, _>")]
    pub full_read_every_s: u64,
    /// Seconds for which the episodes of one season are gathered into one message. Default 120, at most a day.
    #[serde(deserialize_with = "within::<0, 86_400, _, _>")]
    pub season_window_s: u32,
    /// Hours after its first showing for which an episode is told of at once. Default 48, at most a year.
    #[serde(deserialize_with = "within::<0, 8_760, _, _>")]
    pub recent_episode_h: u32,
    /// Seconds after which a run leaves the rest to the next one. Default 200, below the schedule's five minutes; 1 to
    /// 86400.
    #[serde(deserialize_with = "within::<1, 86_400, _, _>")]
    pub run_limit_s: u64,
    /// Days for which the nightly upkeep keeps runs. Default 90; 1 to 3650.
    #[serde(deserialize_with = "within::<1, 3_650, _, _>")]
    pub keep_runs_days: u32,
    /// Days for which it keeps webhooks that nothing is left to do about. Default 30; 1 to 3650.
    #[serde(deserialize_with = "within::<1, 3_650, _, _>")]
    pub keep_webhooks_days: u32,
    /// Days for which it keeps messages that were delivered. Default 180; 1 to 3650.
    #[serde(deserialize_with = "within::<1, 3_650, _, _>")]
    pub keep_messages_days: u32,
    /// Days for which it keeps all decisions about an entry that is closed; the last one stays. Default 365; 1 to 3650.
    #[serde(deserialize_with = "within::<1, 3_650, _, _>")]
    pub keep_decisions_days: u32,
    /// Milliseconds before a failed request is repeated for the first time; later pauses grow. Default 1000, at most
    /// 60000; 0 in tests.
    #[serde(deserialize_with = "within::<0, 60_000, _, _>")]
    pub retry_base_ms: u64,
    /// Whether the service watches the lists between runs. Default true.
    #[serde(deserialize_with = "switch")]
    pub fast_lane: bool,
    /// Seconds between two looks of the service at the owner's list. Default 20; 5 to 3600.
    #[serde(deserialize_with = "within::<5, 3600, _, _>")]
    pub fast_lane_own_s: u64,
    /// Seconds in which the service looks once at every friend's list. Default 120; 30 to 86400.
    #[serde(deserialize_with = "within::<30, 86_400, _, _>")]
    pub fast_lane_friends_s: u64,
    /// Whether the service reads feeds of watchlists besides looking at lists. Default `auto`.
    pub fast_lane_feeds: FeedUse,
    /// Seconds between two readings of a feed. Default 60; 30 to 3600.
    #[serde(deserialize_with = "within::<30, 3600, _, _>")]
    pub fast_lane_feeds_s: u64,
    /// Lets the data folder be on a network filesystem, where SQLite's locks may not hold. Default false.
    #[serde(deserialize_with = "switch")]
    pub allow_network_fs: bool,
    /// PEM certificates to trust besides the built-in ones, for arrs behind a private authority.
    pub ca_file: Option<PathBuf>,
    /// Where a run leaves one line about its end, if that file exists. Default `/dev/termination-log`, Kubernetes' place for it.
    pub termination_log: PathBuf,
    /// Who starts the runs of this process. Default `cli`.
    pub trigger: Trigger,
    /// Who must sign in to the service. Default `required`.
    pub auth: AuthMode,
    /// Addresses of proxies whose `X-Forwarded-For` counts, separated by commas; not checked here.
    pub trusted_proxies: Option<String>,
    /// The header in which those proxies name who has signed in with them, `Remote-User`; not checked here.
    pub proxy_user_header: Option<String>,
    /// Whether session cookies are for HTTPS only; absent: as each request came.
    #[serde(deserialize_with = "optional_switch")]
    pub cookie_secure: Option<bool>,
    /// Presets the token that the first visit of the service asks for.
    #[serde(deserialize_with = "optional_secret")]
    pub setup_token: Option<SecretString>,
    /// Where Apprise takes messages; may contain credentials.
    #[serde(deserialize_with = "optional_secret")]
    pub apprise_url: Option<SecretString>,
    /// The zone in which days begin, such as `Europe/Berlin`, unless the settings file names one: the variable `TZ`, without
    /// prefix.
    #[serde(deserialize_with = "optional_zone")]
    pub tz: Option<String>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            data_dir: "./data".into(),
            config: None,
            port: 3003,
            metrics_port: 9090,
            base_url: None,
            base_path: String::new(),
            log: "info".into(),
            log_format: LogFormat::Auto,
            log_file: false,
            log_size_limit_mb: 10,
            log_rotate: 3,
            plex_tv_url: "https://plex.tv".into(),
            plex_discover_url: "https://discover.provider.plex.tv".into(),
            plex_metadata_url: "https://metadata.provider.plex.tv".into(),
            plex_community_url: "https://community.plex.tv".into(),
            plex_rss_url: "https://rss.plex.tv".into(),
            tmdb_url: "https://api.themoviedb.org".into(),
            plex_page_pause_ms: 5000,
            plex_request_budget: 2000,
            full_read_every_s: 6 * 60 * 60,
            season_window_s: 120,
            recent_episode_h: 48,
            run_limit_s: 200,
            keep_runs_days: 90,
            keep_webhooks_days: 30,
            keep_messages_days: 180,
            keep_decisions_days: 365,
            retry_base_ms: 1000,
            fast_lane: true,
            fast_lane_own_s: 20,
            fast_lane_friends_s: 120,
            fast_lane_feeds: FeedUse::Auto,
            fast_lane_feeds_s: 60,
            allow_network_fs: false,
            ca_file: None,
            termination_log: TERMINATION_LOG.into(),
            trigger: Trigger::Cli,
            auth: AuthMode::Required,
            trusted_proxies: None,
            proxy_user_header: None,
            cookie_secure: None,
            setup_token: None,
            apprise_url: None,
            tz: None,
        }
    }
}

impl Environment {
    /// Reads `vars`, and `<base_dir>/.env` for what they leave open. Gives the warnings too, as sentences.
    ///
    /// # Errors
    /// Every variable with a value that cannot be, all at once.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
        base_dir: &Path,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let mut findings = Findings::default();
        let variables = Variables::read(vars, base_dir, &mut findings);
        let environment = Self::read(&variables, &Secrets::new(&variables, base_dir), base_dir, &mut findings);
        known::warn_unknown(&variables, &BTreeSet::new(), &mut findings);
        if findings.problems.is_empty() {
            return Ok((environment, findings.warnings));
        }
        Err(ConfigError { problems: findings.problems, file: None })
    }

    /// The same, noting everything in `findings`. A variable that cannot be understood leaves its default.
    pub(super) fn read(variables: &Variables, secrets: &Secrets<'_>, base_dir: &Path, findings: &mut Findings) -> Self {
        let mut sources = BTreeMap::new();
        let mut accepted = Vec::new();
        for variable in known::VARIABLES {
            let Some(given) = known::find(variable, variables, secrets, findings) else { continue };
            let pair = (format!("{PREFIX}{}", variable.field()), given.value);
            // Each one alone, so that one mistake does not hide the next.
            if let Err(error) = envy::prefixed(PREFIX).from_iter::<_, Self>([pair.clone()]) {
                findings.problem(Problem::outside(given.name, explain(variable, &pair.1, &error)));
                continue;
            }
            let source = Source::Environment { variable: given.name, dot_env: given.dot_env };
            sources.insert(variable.name, source);
            accepted.push(pair);
        }
        known::warn_without_effect(variables, findings);
        let mut environment = match envy::prefixed(PREFIX).from_iter::<_, Self>(accepted) {
            Ok(environment) => environment,
            // Cannot be: each variable was accepted by itself. Its text could hold a value, so it stays out of the message.
            Err(_) => {
                findings.problem(Problem::outside("environment", "the variables contradict each other"));
                Self::default()
            }
        };
        environment.data_dir = resolve_path(base_dir, &environment.data_dir);
        environment.config = environment.config.map(|path| resolve_path(base_dir, &path));
        environment.termination_log = resolve_path(base_dir, &environment.termination_log);
        environment.ca_file = environment.ca_file.map(|path| resolve_path(base_dir, &path));
        for (name, value) in environment.shown() {
            findings.value(name, value, sources.remove(name).unwrap_or(Source::Default));
        }
        environment
    }

    /// The variable alone, as `text` has it: every other field is its default.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub(super) fn one(name: &str, text: &str) -> Result<Self, String> {
        let variable = known::VARIABLES.iter().find(|variable| variable.name == name);
        let pair = (name.to_owned(), text.to_owned());
        envy::prefixed(PREFIX)
            .from_iter::<_, Self>([pair])
            .map_err(|error| variable.map_or_else(String::new, |variable| explain(variable, text, &error)))
    }

    /// What became of a variable, for people.
    pub(super) fn outcome(&self, name: &str) -> String {
        self.shown().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value).unwrap_or_default()
    }

    /// The zone in which days begin when the settings file names none: that of `TZ`, or UTC. Lists it as the settings' own
    /// `time_zone`.
    pub(super) fn zone(&self, findings: &mut Findings) -> TimeZone {
        let found = self.tz.as_deref().and_then(|text| Some((text, zone::of_variable(text).ok()?)));
        let (zone, shown) = match found {
            Some((text, Some(zone))) => {
                let shown = zone.iana_name().unwrap_or(text).to_owned();
                (zone, shown)
            }
            Some((text, None)) => {
                findings.warnings.push(format!(
                    "TZ={} names a file and no time zone, so days begin in UTC: write a name such as Europe/Berlin, or                      `time_zone` in the settings",
                    quoted(text)
                ));
                (TimeZone::UTC, "UTC".to_owned())
            }
            None => (TimeZone::UTC, "UTC".to_owned()),
        };
        let of_tz = findings.values.iter().find(|value| value.name == "TZ").map(|value| value.source.clone());
        findings.value("time_zone", shown, of_tz.unwrap_or(Source::Default));
        zone
    }

    /// Every variable's name and outcome, for people.
    fn shown(&self) -> Vec<(&'static str, String)> {
        let optional = |value: Option<String>| value.unwrap_or_else(|| "(not set)".to_owned());
        let path = |path: &Path| path.display().to_string();
        let secret = |secret: &Option<SecretString>| {
            optional(secret.as_ref().map(|secret| secret_shown(secret.expose_secret())))
        };
        vec![
            ("PULSARR_DATA_DIR", path(&self.data_dir)),
            ("PULSARR_CONFIG", optional(self.config.as_deref().map(path))),
            ("PULSARR_PORT", self.port.to_string()),
            ("PULSARR_METRICS_PORT", self.metrics_port.to_string()),
            ("PULSARR_BASE_URL", optional(self.base_url.clone())),
            ("PULSARR_BASE_PATH", optional(Some(self.base_path.clone()).filter(|path| !path.is_empty()))),
            ("PULSARR_LOG", self.log.clone()),
            ("PULSARR_LOG_FORMAT", self.log_format.to_string()),
            ("PULSARR_LOG_FILE", self.log_file.to_string()),
            ("PULSARR_LOG_SIZE_LIMIT_MB", self.log_size_limit_mb.to_string()),
            ("PULSARR_LOG_ROTATE", self.log_rotate.to_string()),
            ("PULSARR_PLEX_TV_URL", self.plex_tv_url.clone()),
            ("PULSARR_PLEX_DISCOVER_URL", self.plex_discover_url.clone()),
            ("PULSARR_PLEX_METADATA_URL", self.plex_metadata_url.clone()),
            ("PULSARR_PLEX_COMMUNITY_URL", self.plex_community_url.clone()),
            ("PULSARR_PLEX_RSS_URL", self.plex_rss_url.clone()),
            ("PULSARR_TMDB_URL", self.tmdb_url.clone()),
            ("PULSARR_PLEX_PAGE_PAUSE_MS", self.plex_page_pause_ms.to_string()),
            ("PULSARR_PLEX_REQUEST_BUDGET", self.plex_request_budget.to_string()),
            ("PULSARR_FULL_READ_EVERY_S", self.full_read_every_s.to_string()),
            ("PULSARR_SEASON_WINDOW_S", self.season_window_s.to_string()),
            ("PULSARR_RECENT_EPISODE_H", self.recent_episode_h.to_string()),
            ("PULSARR_RUN_LIMIT_S", self.run_limit_s.to_string()),
            ("PULSARR_KEEP_RUNS_DAYS", self.keep_runs_days.to_string()),
            ("PULSARR_KEEP_WEBHOOKS_DAYS", self.keep_webhooks_days.to_string()),
            ("PULSARR_KEEP_MESSAGES_DAYS", self.keep_messages_days.to_string()),
            ("PULSARR_KEEP_DECISIONS_DAYS", self.keep_decisions_days.to_string()),
            ("PULSARR_RETRY_BASE_MS", self.retry_base_ms.to_string()),
            ("PULSARR_FAST_LANE", self.fast_lane.to_string()),
            ("PULSARR_FAST_LANE_OWN_S", self.fast_lane_own_s.to_string()),
            ("PULSARR_FAST_LANE_FRIENDS_S", self.fast_lane_friends_s.to_string()),
            ("PULSARR_FAST_LANE_FEEDS", self.fast_lane_feeds.to_string()),
            ("PULSARR_FAST_LANE_FEEDS_S", self.fast_lane_feeds_s.to_string()),
            ("PULSARR_ALLOW_NETWORK_FS", self.allow_network_fs.to_string()),
            ("PULSARR_CA_FILE", optional(self.ca_file.as_deref().map(path))),
            ("PULSARR_TERMINATION_LOG", path(&self.termination_log)),
            ("PULSARR_TRIGGER", self.trigger.to_string()),
            ("PULSARR_AUTH", self.auth.to_string()),
            ("PULSARR_TRUSTED_PROXIES", optional(self.trusted_proxies.clone())),
            ("PULSARR_PROXY_USER_HEADER", optional(self.proxy_user_header.clone())),
            ("PULSARR_COOKIE_SECURE", optional(self.cookie_secure.map(|secure| secure.to_string()))),
            ("PULSARR_SETUP_TOKEN", secret(&self.setup_token)),
            ("PULSARR_APPRISE_URL", secret(&self.apprise_url)),
            ("TZ", optional(self.tz.clone())),
        ]
    }

    /// Where Sonarr and Radarr call the service, without a trailing slash: `base_url`, and behind it the base path where it does not end
    /// with that already.
    #[must_use]
    pub fn callback_url(&self) -> Option<String> {
        let url = self.base_url.as_deref()?;
        let rest = if url.ends_with(&self.base_path) { "" } else { &self.base_path };
        Some(format!("{url}{rest}"))
    }
}

/// Why a variable's value was refused, with what would be right.
fn explain(variable: &Known, value: &str, error: &envy::Error) -> String {
    match error {
        // Addresses explain themselves, and know what not to repeat.
        envy::Error::Custom(message) if variable.name.ends_with("_URL") => message.clone(),
        _ => format!("expected {}, found {}", variable.expected, quoted(value)),
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    base_address(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    address(deserializer).map(Some)
}

/// `/` and words, without a slash at the end; `/` alone is none at all.
fn base_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let path = text.trim().trim_end_matches('/');
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match path.strip_prefix('/') {
        None if path.is_empty() => Ok(String::new()),
        Some(rest) if rest.split('/').all(word) => Ok(path.to_owned()),
        _ => Err(de::Error::custom("not a path")),
    }
}

/// A whole number from `MIN` to `MAX`.
fn within<'de, const MIN: u64, const MAX: u64, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<u64>,
{
    let number = u64::deserialize(deserializer)?;
    let in_range = (MIN..=MAX).contains(&number).then(|| N::try_from(number).ok()).flatten();
    in_range.ok_or_else(|| de::Error::custom("out of range"))
}

fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(de::Error::custom("neither true nor false")),
    }
}

fn optional_switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    switch(deserializer).map(Some)
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    String::deserialize(deserializer).map(|secret| Some(secret.into()))
}

/// A time zone in one of the forms that `TZ` has.
fn optional_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    zone::of_variable(&text).map_err(de::Error::custom)?;
    Ok(Some(text))
}

fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?.to_lowercase();
    if is_log_filter(&text) { Ok(text) } else { Err(de::Error::custom("not a log filter")) }
}

/// Whether `text`, in lower case, is what `PULSARR_LOG` takes: a level, or `target=level` pairs. The subscriber would take a mistyped
/// level for the name of a target and log everything.
#[must_use]
pub fn is_log_filter(text: &str) -> bool {
    let level = |word: &str| matches!(word, "off" | "error" | "warn" | "info" | "debug" | "trace");
    text.split(',').all(|part| match part.trim().split_once('=') {
        Some((target, word)) => !target.is_empty() && level(word),
        None => level(part.trim()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_vars(vars: &[(&str, &str)]) -> Result<(Environment, Vec<String>), ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        Environment::from_vars(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), dir.path())
    }

    fn environment(vars: &[(&str, &str)]) -> Environment {
        let (environment, warnings) = from_vars(vars).unwrap();
        assert_eq!(warnings, [""; 0]);
        environment
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let environment = environment(&[]);
        assert!(environment.data_dir.ends_with("data"));
        assert_eq!(environment.port, 3003);
        assert_eq!(environment.plex_page_pause_ms, 5000);
        assert_eq!(environment.trigger, Trigger::Cli);
    }

    #[test]
    fn every_known_variable_is_listed_and_every_listed_one_known() {
        let listed: Vec<_> = Environment::default().shown().into_iter().map(|(name, _)| name).collect();
        let known: Vec<_> = known::VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!(listed, known);
        // One that the struct lacks would be read and forgotten: give each a value that only the right field accepts.
        let debug = format!("{:?}", Environment::default());
        for variable in known::VARIABLES {
            assert!(debug.contains(&format!("{}: ", variable.field().to_lowercase())), "{}", variable.name);
        }
        assert_eq!(debug.matches(": ").count(), known.len());
    }

    #[test]
    fn variables_set_their_fields() {
        let environment = environment(&[
            ("PULSARR_DATA_DIR", "/app/data"),
            ("PULSARR_PORT", "8080"),
            ("PULSARR_BASE_URL", "http://pulsarr:3003/"),
            ("PULSARR_LOG", "INFO,pulsarr_shared=debug"),
            ("PULSARR_LOG_FORMAT", "json"),
            ("PULSARR_PLEX_TV_URL", "http://127.0.0.1:1/"),
            ("PULSARR_PLEX_PAGE_PAUSE_MS", "0"),
            ("PULSARR_ALLOW_NETWORK_FS", "yes"),
            ("PULSARR_TRIGGER", "schedule"),
            ("PULSARR_RUN_LIMIT_S", ""),
            ("TZ", "Europe/Berlin"),
            ("HOME", "/root"),
        ]);
        assert_eq!(environment.data_dir, Path::new("/app/data"));
        assert_eq!(environment.port, 8080);
        assert_eq!(environment.base_url.as_deref(), Some("http://pulsarr:3003"));
        assert_eq!(environment.log, "info,pulsarr_shared=debug");
        assert_eq!(environment.log_format, LogFormat::Json);
        assert_eq!(environment.plex_tv_url, "http://127.0.0.1:1");
        assert_eq!(environment.plex_page_pause_ms, 0);
        assert!(environment.allow_network_fs);
        assert_eq!(environment.trigger, Trigger::Schedule);
        assert_eq!(environment.run_limit_s, 200);
        assert_eq!(environment.tz.as_deref(), Some("Europe/Berlin"));
    }

    #[test]
    fn every_bad_value_is_named_with_what_is_expected() {
        let error = from_vars(&[
            ("PULSARR_RUN_LIMIT_S", "abc"),
            ("PULSARR_PORT", "70000"),
            ("PULSARR_LOG", "inof"),
            ("PULSARR_LOG_FORMAT", "xml"),
            ("PULSARR_PLEX_TV_URL", "plex.tv"),
            ("PULSARR_PLEX_REQUEST_BUDGET", "0"),
            ("PULSARR_ALLOW_NETWORK_FS", "maybe"),
            ("PULSARR_FAST_LANE_OWN_S", "4"),
            ("PULSARR_FAST_LANE_FRIENDS_S", "29"),
            ("PULSARR_FAST_LANE_FEEDS", "on"),
            ("PULSARR_FAST_LANE_FEEDS_S", "10"),
            ("PULSARR_TRIGGER", "cron"),
            ("PULSARR_AUTH", "none"),
            ("PULSARR_BASE_URL", "http://me:hunter2@pulsarr"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "PULSARR_PORT: expected a port number from 0 to 65535, found `70000`\n\
             PULSARR_BASE_URL: an address must not contain `@`, `?` or `#`: credentials and keys do not belong here. Keep \
             scheme, host, port and base path\n\
             PULSARR_LOG: expected off, error, warn, info, debug or trace, or a list such as info,pulsarr_shared=debug, \
             found `inof`\n\
             PULSARR_LOG_FORMAT: expected auto, json or text, found `xml`\n\
             PULSARR_PLEX_TV_URL: expected an address such as http://host:7878, found `plex.tv`: write http:// or https:// \
             in front\n\
             PULSARR_PLEX_REQUEST_BUDGET: expected a number of requests, at least 1, found `0`\n\
             PULSARR_RUN_LIMIT_S: expected seconds, from 1 to 86400, found `abc`\n\
             PULSARR_FAST_LANE_OWN_S: expected seconds, from 5 to 3600, found `4`\n\
             PULSARR_FAST_LANE_FRIENDS_S: expected seconds, from 30 to 86400, found `29`\n\
             PULSARR_FAST_LANE_FEEDS: expected auto or off, found `on`\n\
             PULSARR_FAST_LANE_FEEDS_S: expected seconds, from 30 to 3600, found `10`\n\
             PULSARR_ALLOW_NETWORK_FS: expected true or false, found `maybe`\n\
             PULSARR_TRIGGER: expected cli, schedule, manual, service, fast_lane or api, found `cron`\n\
             PULSARR_AUTH: expected required, required_except_local or disabled, found `none`"
        );
    }

    #[test]
    fn secrets_are_not_in_debug_output() {
        let environment =
            environment(&[("PULSARR_SETUP_TOKEN", "hunter2"), ("PULSARR_APPRISE_URL", "http://me:hunter2@x")]);
        assert!(environment.setup_token.is_some());
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
