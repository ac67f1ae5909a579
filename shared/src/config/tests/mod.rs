//! Stories about the configuration as a whole. Each has a folder of its own and its own variables.

use std::path::Path;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::model::{
    ArrOptions, Expiry, InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, Relation, SeriesMonitor,
    SeriesTypeChoice, ShortMonth, User, UserId, UserUuid, WhenExceeded, WhenExpired,
};
use crate::routing::{DefaultRouting, Field, Operator, outcome_of_test};

use super::*;

mod export;
mod mistakes;
mod rules;
mod stored;

const SAMPLE: &str = include_str!("../../../../pulsarr.sample.yaml");

/// The variables that the sample refers to.
const SECRETS: [(&str, &str); 3] =
    [("PLEX_TOKEN", "plex-hunter2"), ("RADARR_API_KEY", "radarr-hunter2"), ("SONARR_API_KEY", "sonarr-hunter2")];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    dir
}

fn load_in(dir: &Path, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())), dir)
}

/// Loads a settings file that may use the sample's secrets.
fn load(yaml: &str) -> Result<Config, ConfigError> {
    load_in(folder(&[("pulsarr.yaml", yaml)]).path(), &SECRETS)
}

fn errors(yaml: &str) -> String {
    load(yaml).unwrap_err().to_string()
}

/// A radarr that is in order, with more lines behind it.
fn radarr_with(more: &str) -> String {
    format!(
        "instances:\n  - name: movies\n    kind: radarr\n    url: http://radarr:7878\n    api_key: ${{RADARR_API_KEY}}\n{more}"
    )
}

fn sonarr_with(more: &str) -> String {
    radarr_with(more).replace("radarr\n", "sonarr\n")
}

/// `(name, value, source)` of every value whose name passes.
fn listed(config: &Config, wanted: impl Fn(&str) -> bool) -> Vec<(&str, &str, String)> {
    let values = config.values.iter().filter(|value| wanted(&value.name));
    values.map(|value| (value.name.as_str(), value.value.as_str(), value.source.to_string())).collect()
}

fn user(username: &str) -> User {
    User {
        id: UserId(1),
        uuid: UserUuid::parse("00000000000000aa").unwrap(),
        username: username.to_owned(),
        display_name: "Somebody".to_owned(),
        alias: None,
        relation: Relation::Friend,
        synced: true,
    }
}

#[test]
fn the_sample_means_what_it_says() {
    let config = load(SAMPLE).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "plex-hunter2");
    assert!(config.settings.plex.friends);
    let [movies, shows] = config.settings.instances.as_slice() else { panic!("two instances") };
    assert_eq!(movies.label(), "Radarr `movies`");
    assert_eq!(movies.url, "http://radarr.media.svc.cluster.local:7878");
    assert_eq!(movies.api_key.expose_secret(), "radarr-hunter2");
    assert!(movies.default && movies.respect_exclusions && movies.options.search_on_add);
    assert_eq!(movies.options.quality_profile.as_deref(), Some("HD-1080p"));
    assert_eq!(movies.options.root_folder_path.as_deref(), Some("/movies"));
    assert_eq!(movies.options.tags, ["watchlist"]);
    let expected =
        ArrOptions::Radarr { minimum_availability: MinimumAvailability::Released, monitor: MovieMonitor::MovieOnly };
    assert_eq!(movies.options.arr, expected);
    assert_eq!(shows.label(), "Sonarr `shows`");
    assert!(shows.default && shows.respect_exclusions && shows.options.search_on_add);
    assert_eq!(shows.options.quality_profile, None);
    assert_eq!(shows.options.tags, [""; 0]);
    let expected = ArrOptions::Sonarr {
        monitor: SeriesMonitor::All,
        monitor_new_items: MonitorNewItems::All,
        series_type: SeriesTypeChoice::Auto,
        season_folder: true,
        seasons: Vec::new(),
    };
    assert_eq!(shows.options.arr, expected);
    assert!(config.settings.users.syncs(&user("somebody-else")));
    assert!(!config.settings.users.syncs(&user("Living-Room")));
}

/// The sample with every setting in it that is switched off: a `#` without a space behind it is taken away.
fn whole_sample() -> String {
    let line = |line: &str| {
        let content = line.trim_start();
        let off = content.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| !c.is_whitespace()));
        format!("{}{}\n", &line[..line.len() - content.len()], off.unwrap_or(content))
    };
    SAMPLE.lines().map(line).collect()
}

#[test]
fn the_sample_means_what_it_says_when_all_of_it_is_switched_on() {
    let dir = folder(&[("pulsarr.yaml", &whole_sample())]);
    let config = load_in(dir.path(), &[SECRETS.as_slice(), &[("TMDB_API_KEY", "tmdb-hunter2")]].concat()).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    let settings = &config.settings;
    assert_eq!(settings.plex.server_url.as_deref(), Some("http://plex.media.svc.cluster.local:32400"));
    assert!(settings.tmdb.api_key.is_some());
    assert_eq!(config.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(settings.instances.last().unwrap().copy_of.as_deref(), Some("shows"));
    assert_eq!(settings.users.default_standing.quotas.len(), 2);
    let tomas = settings.users.named(user("Tomas.R"));
    assert_eq!(tomas.called(), "tomas");
    assert!(settings.users.standing(&tomas).require_approval);
    assert_eq!(settings.approvals.rule, Expiry { after_h: Some(72), then: WhenExpired::Expire });
    assert_eq!(settings.approvals.user, Expiry { after_h: None, then: WhenExpired::Expire });
    assert_eq!(settings.approvals.quota, Expiry { after_h: Some(720), then: WhenExpired::Expire });
    assert_eq!(settings.rules.len(), 5);
    assert_eq!(settings.tests.len(), 2);
    for test in &settings.tests {
        outcome_of_test(test, &config.policy()).unwrap();
    }
}

#[test]
fn the_sample_shows_every_key() {
    let sample = whole_sample();
    for key in settings::all_keys() {
        let shown = sample.lines().filter(|line| !line.trim_start().starts_with('#')).any(|line| {
            let words = line.split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == ':'));
            words.into_iter().any(|word| word.strip_suffix(':') == Some(key))
        });
        assert!(shown, "`{key}` is missing in the sample");
    }
    let words: Vec<&str> = Field::ALL.iter().map(|word| word.word()).collect();
    let operators = Operator::ALL.iter().map(|word| word.word()).collect();
    let choices = [
        words,
        operators,
        quotas::PERIODS.to_vec(),
        ShortMonth::ALL.iter().map(|word| word.word()).collect(),
        WhenExceeded::ALL.iter().map(|word| word.word()).collect(),
        WhenExpired::ALL.iter().map(|word| word.word()).collect(),
        DefaultRouting::ALL.iter().map(|word| word.word()).collect(),
        MovieMonitor::ALL.iter().map(|word| word.word()).collect::<Vec<_>>(),
        SeriesMonitor::ALL.iter().map(|word| word.word()).collect(),
        MinimumAvailability::ALL.iter().map(|word| word.word()).collect(),
        MonitorNewItems::ALL.iter().map(|word| word.word()).collect(),
        SeriesTypeChoice::ALL.iter().map(|word| word.word()).collect(),
        InstanceKind::ALL.iter().map(|word| word.word()).collect(),
    ];
    for choice in choices.concat() {
        assert!(SAMPLE.contains(choice), "`{choice}` is missing in the sample");
    }
}

#[test]
fn without_a_file_everything_is_default() {
    let config = load_in(folder(&[]).path(), &[]).unwrap();
    assert!(config.settings_file.is_none());
    assert!(config.settings.plex.token.is_none());
    assert!(config.settings.plex.friends);
    assert!(config.settings.instances.is_empty());
    assert!(config.settings.users.syncs(&user("anybody")));
    assert!(config.values.iter().all(|value| value.source == Source::Default));
    let of_the_file = listed(&config, |name| name.starts_with("plex") || name.starts_with("users"));
    assert_eq!(
        of_the_file,
        [
            ("plex.token", "(not set)", "default".to_owned()),
            ("plex.friends", "true", "default".to_owned()),
            ("plex.server_url", "(not set)", "default".to_owned()),
            ("users.defaults.sync", "true", "default".to_owned()),
            ("users.defaults.require_approval", "false", "default".to_owned()),
            ("users.defaults.bypass_quota", "false", "default".to_owned()),
            ("users.defaults.quotas", "(none)", "default".to_owned()),
        ]
    );
    for empty in ["", "# nothing yet\n", "plex:\ninstances:\nusers:\n", "instances: []\nusers: {defaults: {}}\n"] {
        assert!(load(empty).unwrap().settings.instances.is_empty(), "{empty:?}");
    }
}

#[test]
fn tags_become_lower_case_and_stand_once() {
    let config = load(&radarr_with("    tags: [Watchlist, watchlist, 4k, 2026]\n")).unwrap();
    assert_eq!(config.settings.instances[0].options.tags, ["watchlist", "4k", "2026"]);
    assert_eq!(
        errors(&radarr_with("    tags:\n      - fine\n      - My Tag\n      - über\n")),
        "pulsarr.yaml:8: instances[0].tags[1]: expected a tag of a-z, 0-9 and `-`, because Radarr 6 refuses others; found \
         `My Tag`\n\
         pulsarr.yaml:9: instances[0].tags[2]: expected a tag of a-z, 0-9 and `-`, because Radarr 6 refuses others; found \
         `über`"
    );
}

#[test]
fn a_quality_profile_is_a_name_or_a_number() {
    for (written, expected) in [("4", "4"), ("HD-1080p", "HD-1080p"), ("\"007\"", "007"), ("1080", "1080")] {
        let config = load(&radarr_with(&format!("    quality_profile: {written}\n"))).unwrap();
        assert_eq!(config.settings.instances[0].options.quality_profile.as_deref(), Some(expected));
    }
}

#[test]
fn secrets_come_from_variables_files_and_the_text() {
    let dir = folder(&[
        ("plex-token", "from-named-file\n"),
        ("radarr-key", "from-file\n"),
        (
            "pulsarr.yaml",
            &radarr_with("plex: {token: '${MY_TOKEN}'}\n").replace("${RADARR_API_KEY}", "file:radarr-key"),
        ),
    ]);
    let config = load_in(dir.path(), &[("MY_TOKEN_FILE", "plex-token")]).unwrap();
    assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "from-named-file");
    assert_eq!(config.settings.instances[0].api_key.expose_secret(), "from-file");
    assert_eq!(config.warnings, [""; 0]);

    let digits = "12345678901234567890123456789012";
    let config = load(&radarr_with("").replace("${RADARR_API_KEY}", digits)).unwrap();
    assert_eq!(config.settings.instances[0].api_key.expose_secret(), digits);
    assert_eq!(
        config.warnings,
        [
            "pulsarr.yaml:5: instances[0].api_key stands in the file in clear, for everybody who can read it: write ${NAME}, \
          the name of a variable that holds it, or file:/path"
        ]
    );
}

#[test]
fn nobody_needs_the_file_of_the_setup_token_once_there_is_an_admin() {
    let dir = folder(&[("empty", "\n"), ("token", "first-visit\n")]);
    let load = |name: &str, file: &str| load_in(dir.path(), &[(name, file)]);
    for (file, expected) in [("token", Some("first-visit")), ("empty", None), ("gone", None)] {
        let config = load("PULSARR_SETUP_TOKEN_FILE", file).unwrap();
        let token = config.environment.setup_token.map(|token| token.expose_secret().to_owned());
        assert_eq!((token.as_deref(), config.warnings), (expected, Vec::new()));
    }
    assert!(load("PULSARR_APPRISE_URL_FILE", "gone").is_err());
}

#[test]
fn a_variable_that_only_the_settings_name_is_known() {
    let yaml = "plex: {token: '${PULSARR_MY_TOKEN}'}\n";
    let dir = folder(&[("pulsarr.yaml", yaml)]);
    let config = load_in(dir.path(), &[("PULSARR_MY_TOKEN", "x"), ("PULSARR_POTR", "1")]).unwrap();
    assert_eq!(
        config.warnings,
        ["PULSARR_POTR is no variable of pulsarr and has no effect: did you mean PULSARR_PORT?"]
    );
}

#[test]
fn no_secret_is_in_debug_output_values_or_warnings() {
    let clear = SAMPLE.replace("${RADARR_API_KEY}", "clear-hunter2");
    let dir = folder(&[("pulsarr.yaml", &clear), (".env", "PULSARR_SETUP_TOKEN=setup-hunter2\n")]);
    let config = load_in(dir.path(), &SECRETS).unwrap();
    let debug = format!("{config:?}{config:#?}");
    assert!(!debug.contains("hunter2"), "{debug}");
    let secrets = listed(&config, |name| name.contains("api_key") || name.to_lowercase().contains("token"));
    let shown: Vec<_> = secrets.iter().map(|(name, value, _)| (*name, *value)).collect();
    assert_eq!(
        shown,
        [
            ("PULSARR_SETUP_TOKEN", "(set, 13 characters)"),
            ("plex.token", "(set, 12 characters)"),
            ("tmdb.api_key", "(not set)"),
            ("instances[0].api_key", "(set, 13 characters)"),
            ("instances[1].api_key", "(set, 14 characters)"),
        ]
    );
    let error =
        load(&clear.replace("kind: radarr", "kind: hunter").replace("clear-hunter2", "clear hunter2")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
}

#[test]
fn every_value_is_listed_with_its_source() {
    let dir = folder(&[
        (
            "pulsarr.yaml",
            &radarr_with(
                "    tags: [a, b]\nusers:\n  overrides:\n    - {plex: Ann}\n    - plex: bob\n      sync: false\n",
            ),
        ),
        (".env", "PULSARR_PORT=8080\nPULSARR_LOG=debug\n"),
    ]);
    let vars = [("PULSARR_LOG", "warn"), ("baseUrl", "http://pulsarr"), SECRETS[1]];
    let config = load_in(dir.path(), &vars).unwrap();
    let wanted = ["PULSARR_PORT", "PULSARR_METRICS_PORT", "PULSARR_BASE_URL", "PULSARR_LOG"];
    assert_eq!(
        listed(&config, |name| wanted.contains(&name)),
        [
            ("PULSARR_PORT", "8080", "environment PULSARR_PORT (.env)".to_owned()),
            ("PULSARR_METRICS_PORT", "9090", "default".to_owned()),
            ("PULSARR_BASE_URL", "http://pulsarr", "environment baseUrl".to_owned()),
            ("PULSARR_LOG", "warn", "environment PULSARR_LOG".to_owned()),
        ]
    );
    let of_the_file: Vec<String> = listed(&config, |name| name.starts_with("instances") || name.starts_with("users"))
        .into_iter()
        .map(|(name, value, source)| format!("{name} = {value} ({source})"))
        .collect();
    assert_eq!(
        of_the_file,
        [
            "instances[0].name = movies (pulsarr.yaml:2)",
            "instances[0].kind = radarr (pulsarr.yaml:3)",
            "instances[0].url = http://radarr:7878 (pulsarr.yaml:4)",
            "instances[0].api_key = (set, 14 characters) (pulsarr.yaml:5)",
            "instances[0].default = false (default)",
            "instances[0].quality_profile = (the first one the arr lists) (default)",
            "instances[0].root_folder_path = (the first one the arr lists) (default)",
            "instances[0].search_on_add = true (default)",
            "instances[0].tags = a, b (pulsarr.yaml:6)",
            "instances[0].minimum_availability = released (default)",
            "instances[0].monitor = movie_only (default)",
            "instances[0].respect_exclusions = true (default)",
            "users.defaults.sync = true (default)",
            "users.defaults.require_approval = false (default)",
            "users.defaults.bypass_quota = false (default)",
            "users.defaults.quotas = (none) (default)",
            "users.overrides[0].plex = Ann (pulsarr.yaml:9)",
            "users.overrides[0].sync = true (default)",
            "users.overrides[1].plex = bob (pulsarr.yaml:10)",
            "users.overrides[1].sync = false (pulsarr.yaml:11)",
        ]
    );
}

#[test]
fn the_settings_file_is_looked_for_in_three_places() {
    let dir = folder(&[
        ("pulsarr.yaml", "plex: {token: a}"),
        ("data/pulsarr.yaml", "plex: {token: ab}"),
        ("etc/p.yaml", "plex: {token: abc}"),
    ]);
    let found = |vars: &[(&str, &str)]| {
        let config = load_in(dir.path(), vars).unwrap();
        let source = listed(&config, |name| name == "plex.token").remove(0).2;
        (config.settings_file.unwrap().strip_prefix(dir.path()).unwrap().to_owned(), source)
    };
    assert_eq!(found(&[("PULSARR_CONFIG", "./etc/p.yaml")]), ("etc/p.yaml".into(), "etc/p.yaml:1".to_owned()));
    assert_eq!(found(&[]), ("pulsarr.yaml".into(), "pulsarr.yaml:1".to_owned()));
    std::fs::remove_file(dir.path().join("pulsarr.yaml")).unwrap();
    assert_eq!(found(&[]), ("data/pulsarr.yaml".into(), "data/pulsarr.yaml:1".to_owned()));

    let path = dir.path().join("elsewhere.yaml").display().to_string();
    let error = load_in(dir.path(), &[("PULSARR_CONFIG", &path)]).unwrap_err();
    assert_eq!(error.problems[0].path, "PULSARR_CONFIG");
    assert!(error.problems[0].message.starts_with("there is no file `/"), "{error}");
    let error = load_in(dir.path(), &[("PULSARR_CONFIG", "etc")]).unwrap_err();
    assert!(error.problems[0].message.contains("cannot be read (Is a directory"), "{error}");
}

fn exception(plex: &str, sync: Option<bool>) -> UserOverride {
    UserOverride { plex: plex.into(), alias: None, sync, require_approval: None, bypass_quota: None, quotas: None }
}

#[test]
fn an_override_decides_for_the_users_it_names() {
    let users = UserSettings {
        default_sync: false,
        overrides: vec![exception("Ann", None), exception("00000000000000aa", Some(true))].into(),
        ..UserSettings::default()
    };
    assert!(users.syncs(&user("ann")), "the first override says nothing about it, the second does");
    let other = User { uuid: UserUuid::parse("00000000000000bb").unwrap(), ..user("ann") };
    assert!(!users.syncs(&other));
}
