//! What the settings file says: Plex, the instances, the users. A file is taken whole or not at all.

use secrecy::SecretString;

use crate::model::{Instance, User};

use super::finding::Findings;
use super::instances;
use super::reader::{Fields, Reader};
use super::secret::Secrets;
use super::yaml::Document;

const ROOT_KEYS: &[&str] = &["plex", "instances", "users"];
const PLEX_KEYS: &[&str] = &["token", "friends"];
const USERS_KEYS: &[&str] = &["defaults", "overrides"];
const DEFAULTS_KEYS: &[&str] = &["sync"];
const OVERRIDE_KEYS: &[&str] = &["plex", "sync"];

/// Everything a settings file can say. The default is that of an empty file: nothing is set up yet.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whose watchlists to read.
    pub plex: PlexSettings,
    /// Where titles go, in the order of the file; names are unique.
    pub instances: Vec<Instance>,
    /// Who takes part.
    pub users: UserSettings,
}

/// Access to Plex.
#[derive(Debug, Clone)]
pub struct PlexSettings {
    /// The owner's token; never printed. `None`: not set up yet.
    pub token: Option<SecretString>,
    /// Whether friends' watchlists are read too.
    pub friends: bool,
}

impl Default for PlexSettings {
    fn default() -> Self {
        Self { token: None, friends: true }
    }
}

/// Who takes part.
#[derive(Debug, Clone)]
pub struct UserSettings {
    /// For everybody without an override.
    pub default_sync: bool,
    /// Exceptions, in the order of the file. No two name the same person in the same words.
    pub overrides: Vec<UserOverride>,
}

impl Default for UserSettings {
    fn default() -> Self {
        Self { default_sync: true, overrides: Vec::new() }
    }
}

impl UserSettings {
    /// Whether this user's watchlist is acted on. The first override that names the user and says anything about it
    /// decides.
    #[must_use]
    pub fn syncs(&self, user: &User) -> bool {
        let named = self.overrides.iter().filter(|exception| user.answers_to(&exception.plex));
        named.filter_map(|exception| exception.sync).next().unwrap_or(self.default_sync)
    }
}

/// What is different for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOverride {
    /// The user's uuid or either of the names Plex shows, in any case; not empty.
    pub plex: String,
    /// Whether the watchlist is acted on; `None`: as for everybody.
    pub sync: Option<bool>,
}

/// Reads a settings file's bytes. `file` is how messages name it. Problems come sorted by line; with any of them, the
/// settings must not be used.
pub(super) fn read(bytes: &[u8], file: &str, secrets: &Secrets<'_>) -> (Settings, Findings) {
    let document = match Document::parse(bytes) {
        Ok(document) => document,
        Err(problem) => return (Settings::default(), Findings { problems: vec![problem], ..Findings::default() }),
    };
    let mut reader = Reader::new(&document, file, secrets);
    let root = reader.root(ROOT_KEYS);
    let settings = Settings {
        plex: read_plex(&mut reader, &root),
        instances: instances::read(&mut reader, &root),
        users: read_users(&mut reader, &root),
    };
    let mut findings = reader.findings;
    findings.problems.sort_by_key(|problem| problem.line);
    (settings, findings)
}

/// The values of a configuration without a settings file.
pub(super) fn defaults(secrets: &Secrets<'_>) -> (Settings, Findings) {
    read(b"", "", secrets)
}

fn read_plex<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> PlexSettings {
    let fields = reader.group(root, "plex", PLEX_KEYS);
    let token = match fields.even_empty("token") {
        Some(field) => reader.secret(field),
        None => {
            reader.list_default(&fields, "token", "(not set)");
            None
        }
    };
    PlexSettings { token, friends: reader.flag(&fields, "friends", true) }
}

fn read_users<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> UserSettings {
    let fields = reader.group(root, "users", USERS_KEYS);
    let defaults = reader.group(&fields, "defaults", DEFAULTS_KEYS);
    let default_sync = reader.flag(&defaults, "sync", true);
    let mut overrides: Vec<UserOverride> = Vec::new();
    for item in reader.items(&fields, "overrides") {
        let fields = reader.fields(&item, OVERRIDE_KEYS);
        let plex = reader.required_text(&fields, "plex");
        if let Some((field, plex)) = &plex {
            if overrides.iter().any(|other| other.plex.to_lowercase() == plex.to_lowercase()) {
                reader.problem(field, "this user has an override already: write both into one");
                continue;
            }
            reader.list_value(field, &**plex);
        }
        // Left out, `sync` is what it is for everybody, so that is what gets listed.
        let sync = reader.flag(&fields, "sync", default_sync);
        let sync = fields.get("sync").map(|_| sync);
        overrides.extend(plex.map(|(_, plex)| UserOverride { plex, sync }));
    }
    UserSettings { default_sync, overrides }
}

/// Every key a settings file may contain, for the test that holds the sample complete.
#[cfg(test)]
pub(super) fn all_keys() -> impl Iterator<Item = &'static str> {
    [ROOT_KEYS, PLEX_KEYS, instances::KEYS, USERS_KEYS, DEFAULTS_KEYS, OVERRIDE_KEYS].into_iter().flatten().copied()
}
