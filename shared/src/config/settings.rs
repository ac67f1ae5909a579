//! What the settings file says: Plex, the instances, the users. A file is taken whole or not at all.

use jiff::tz::TimeZone;
use secrecy::SecretString;

use crate::model::{ApprovalSettings, Declaration, Instance};
use crate::routing::{Available, DefaultRouting, Rule, RuleTest};

use super::finding::{Findings, quoted};
use super::reader::{Fields, Reader};
use super::secret::Secrets;
use super::users::UserSettings;
use super::yaml::Document;
use super::{approvals, instances, rule_tests, rules, stored, users, variable_keys, zone};
#[cfg(test)]
use super::{quotas, routes};

/// How a value that is optional and absent is listed.
const NOT_SET: &str = "(not set)";

pub(super) const ROOT_KEYS: &[&str] =
    &["plex", "tmdb", "time_zone", "default", "instances", "users", "approvals", "intervals", "logs", "rules", "tests"];
const PLEX_KEYS: &[&str] = &["token", "friends", "server_url"];
const TMDB_KEYS: &[&str] = &["api_key", "region"];

/// Everything a settings file can say. The default is that of an empty file: nothing is set up yet.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whose watchlists to read.
    pub plex: PlexSettings,
    /// Where titles go, in the order of the file; names are unique.
    pub instances: Vec<Instance>,
    /// Who takes part.
    pub users: UserSettings,
    /// Where titles go, the highest priority first.
    pub rules: Vec<Rule>,
    /// What rules are expected to do, in the order of the file.
    pub tests: Vec<RuleTest>,
    /// What happens with titles that no rule sends anywhere.
    pub default_routing: DefaultRouting,
    /// How approvals are handled.
    pub approvals: ApprovalSettings,
    /// Access to TMDB.
    pub tmdb: TmdbSettings,
    /// The zone in which days begin; `None`: the process's.
    pub time_zone: Option<TimeZone>,
    /// What counts where variables are not set; it is in force in [`super::Config::environment`].
    pub(super) for_variables: Vec<variable_keys::Written>,
}

/// Access to TMDB.
#[derive(Debug, Clone)]
pub struct TmdbSettings {
    /// A v4 read token; never printed. `None`: TMDB is not asked.
    pub api_key: Option<SecretString>,
    /// Where people stream, ISO 3166-1: `US`.
    pub region: String,
}

impl Default for TmdbSettings {
    fn default() -> Self {
        Self { api_key: None, region: "US".to_owned() }
    }
}

/// Access to Plex.
#[derive(Debug, Clone)]
pub struct PlexSettings {
    /// The owner's token; never printed. `None`: not set up yet.
    pub token: Option<SecretString>,
    /// Whether friends' watchlists are read too.
    pub friends: bool,
    /// The household's Plex server, as instances' addresses are; `None`: it is not asked what it has.
    pub server_url: Option<String>,
}

impl Default for PlexSettings {
    fn default() -> Self {
        Self { token: None, friends: true, server_url: None }
    }
}

/// Reads a settings file's bytes. `file` is how messages name it. Problems come sorted by line; with any of them, the
/// settings must not be used.
pub(super) fn read(bytes: &[u8], file: &str, secrets: &Secrets<'_>, stored: &[&Declaration]) -> (Settings, Findings) {
    let mut document = match Document::parse(bytes) {
        Ok(document) => document,
        Err(problem) => return (Settings::default(), Findings { problems: vec![problem], ..Findings::default() }),
    };
    let (places, warnings, problems) = stored::merge(&mut document, stored.iter().copied());
    let mut reader = Reader::new(&document, file, secrets);
    let root = reader.root(ROOT_KEYS);
    let plex = read_plex(&mut reader, &root);
    let tmdb = read_tmdb(&mut reader, &root);
    let time_zone = read_time_zone(&mut reader, &root);
    let default_routing = reader.choice(&root, "default", DefaultRouting::ALL, DefaultRouting::default());
    let (instances, named) = instances::read(&mut reader, &root);
    let users = users::read(&mut reader, &root);
    let approvals = approvals::read(&mut reader, &root);
    let available = Available { tmdb: tmdb.api_key.is_some(), plex_server: plex.server_url.is_some() };
    let for_variables = variable_keys::read(&mut reader, &root);
    let rules = rules::read(&mut reader, &root, &named, available);
    let tests = rule_tests::read(&mut reader, &root, &named, &users);
    let settings =
        Settings { plex, instances, users, rules, tests, default_routing, approvals, tmdb, time_zone, for_variables };
    let mut findings = reader.findings;
    findings.problems.iter_mut().for_each(|problem| places.settle(problem));
    findings.problems.extend(problems);
    findings.warnings.extend(warnings);
    findings.problems.sort_by_key(|problem| problem.line);
    (settings, findings)
}

/// The values of a configuration without a settings file.
pub(super) fn defaults(secrets: &Secrets<'_>, stored: &[&Declaration]) -> (Settings, Findings) {
    read(b"", "", secrets, stored)
}

fn read_plex<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> PlexSettings {
    let fields = reader.group(root, "plex", PLEX_KEYS);
    let token = read_secret(reader, &fields, "token");
    let friends = reader.flag(&fields, "friends", true);
    let server_url = match fields.get("server_url") {
        Some(_) => instances::read_url(reader, &fields, "server_url"),
        None => {
            reader.list_default(&fields, "server_url", NOT_SET);
            None
        }
    };
    PlexSettings { token, friends, server_url }
}

fn read_tmdb<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> TmdbSettings {
    let fields = reader.group(root, "tmdb", TMDB_KEYS);
    let api_key = read_secret(reader, &fields, "api_key");
    let mut tmdb = TmdbSettings { api_key, ..TmdbSettings::default() };
    let Some(field) = fields.get("region") else {
        reader.list_default(&fields, "region", &*tmdb.region);
        return tmdb;
    };
    let text = reader.scalar(field);
    match text.as_deref().filter(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        Some(region) => {
            tmdb.region = region.to_uppercase();
            reader.list_value(field, &*tmdb.region);
        }
        None => {
            let found = text.map_or_else(|| field.shape().to_owned(), |text| quoted(&text));
            reader.problem(field, format!("expected a country of two letters such as US or DE, found {found}"));
        }
    }
    tmdb
}

/// The secret behind `key`, if the key is there.
fn read_secret(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &'static str) -> Option<SecretString> {
    if let Some(field) = fields.even_empty(key) {
        return reader.secret(field);
    }
    reader.list_default(fields, key, NOT_SET);
    None
}

/// The zone, listed only when it stands here: otherwise the process's counts.
fn read_time_zone(reader: &mut Reader<'_>, root: &Fields<'_>) -> Option<TimeZone> {
    let field = root.get("time_zone")?;
    let text = reader.text(field)?;
    match zone::named(text.trim()) {
        Ok(zone) => {
            reader.list_value(field, zone::in_words(&zone));
            Some(zone)
        }
        Err(message) => {
            reader.problem(field, message);
            None
        }
    }
}

/// Every key a settings file may contain, for the test that holds the sample complete.
#[cfg(test)]
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    [
        ROOT_KEYS,
        PLEX_KEYS,
        TMDB_KEYS,
        instances::KEYS,
        users::KEYS,
        users::DEFAULTS_KEYS,
        users::OVERRIDE_KEYS,
        quotas::KEYS,
        approvals::KEYS,
        variable_keys::INTERVALS,
        variable_keys::LOGS,
        approvals::TRIGGER_KEYS,
        approvals::QUOTA_KEYS,
        rules::KEYS,
        routes::KEYS,
        rule_tests::KEYS,
        rule_tests::EXPECT_KEYS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
