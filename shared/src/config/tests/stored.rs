//! Settings made in the service beside those of the file.

use serde_json::{Value, json};

use super::*;
use crate::model::{Declaration, Section};
use crate::vault::Vault;

pub(super) fn stored(section: Section, name: &str, body: Value) -> Declaration {
    Declaration { section, name: name.to_owned(), position: 0, body, version: 1 }
}

/// A file, what is stored, and the vault that sealed it.
fn with(yaml: &str, declarations: impl Fn(&Vault) -> Vec<Declaration>) -> Result<Config, ConfigError> {
    with_file_in(folder(&[("pulsarr.yaml", yaml)]).path(), declarations)
}

/// The same for the file of a folder that stays.
pub(super) fn with_file_in(
    dir: &Path,
    declarations: impl Fn(&Vault) -> Vec<Declaration>,
) -> Result<Config, ConfigError> {
    let vault = Vault::open(dir).unwrap();
    let vars = || SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(vars(), dir)?.with_stored(&declarations(&vault), &vault, vars(), dir)
}

pub(super) fn radarr(vault: &Vault, name: &str) -> Declaration {
    let key = vault.seal(&"sealed-hunter2".into()).unwrap();
    let body = json!({"name": name, "kind": "radarr", "url": "http://stored:7878", "api_key": key});
    stored(Section::Instances, name, body)
}

#[test]
fn stored_settings_come_behind_the_file_s_and_say_where_they_are_from() {
    let config = with(&radarr_with("    default: true\nplex:\n  friends: false\n"), |vault| {
        vec![
            radarr(vault, "other"),
            stored(Section::Rules, "anime", json!({"name": "Anime", "when": {"genre": "anime"}, "route": "other"})),
            stored(Section::Users, "tomas", json!({"plex": "tomas", "sync": false})),
            stored(Section::Plex, "", json!({"friends": true, "token": vault.seal(&"stored-token".into()).unwrap()})),
            stored(Section::Default, "", json!("none")),
        ]
    })
    .unwrap();
    let settings = &config.settings;
    let names: Vec<&str> = settings.instances.iter().map(|instance| instance.name.as_str()).collect();
    assert_eq!(names, ["movies", "other"]);
    assert_eq!(settings.instances[1].api_key.expose_secret(), "sealed-hunter2");
    assert_eq!(settings.rules[0].route[0].to, "other");
    assert!(!settings.users.syncs(&user("Tomas")));
    assert!(!settings.plex.friends, "the file's key counts");
    assert_eq!(settings.plex.token.as_ref().unwrap().expose_secret(), "stored-token");
    assert_eq!(settings.default_routing, DefaultRouting::None);
    let sources = listed(&config, |name| name.ends_with("].url"));
    assert_eq!(sources[0].2, "pulsarr.yaml:4");
    assert_eq!(sources[1].2, "settings made in the service");
    let warning = "settings made in the service: `plex.friends` is in the settings file too, and the file counts";
    assert_eq!(config.warnings, [warning]);
}

#[test]
fn the_file_wins_over_a_stored_item_of_the_same_name() {
    let config = with(&radarr_with(""), |vault| vec![radarr(vault, "movies")]).unwrap();
    assert_eq!(config.settings.instances.len(), 1);
    assert_eq!(config.settings.instances[0].url, "http://radarr:7878");
    assert!(config.warnings[0].contains("instances `movies` is in the settings file too"), "{:?}", config.warnings);
}

#[test]
fn problems_of_what_is_stored_name_the_item_and_its_field_and_no_line() {
    let error = with(&radarr_with(""), |_| {
        vec![stored(Section::Rules, "anime", json!({"name": "anime", "when": {"genr": "x"}, "route": "movies"}))]
    })
    .unwrap_err();
    let problem = &error.problems[0];
    assert_eq!(problem.line, None);
    let at = problem.stored.as_ref().unwrap();
    assert_eq!((at.section, at.name.as_str(), at.path.as_str()), (Section::Rules, "anime", "when.genr"));
    assert!(error.to_string().starts_with("settings made in the service: rules[0].when.genr: "), "{error}");
}

#[test]
fn a_secret_that_another_key_sealed_is_a_problem_and_is_not_repeated() {
    let other = Vault::open(folder(&[]).path()).unwrap();
    let error = with("", |_| vec![radarr(&other, "movies")]).unwrap_err().to_string();
    assert!(error.contains("instances[0].api_key: failed to open a sealed secret"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("sealed:"), "{error}");
}

#[test]
fn what_cannot_be_read_is_left_out_with_what_hangs_on_it_and_nothing_else() {
    let dir = folder(&[("pulsarr.yaml", &radarr_with(""))]);
    let (vault, lost) = (Vault::open(dir.path()).unwrap(), Vault::open(folder(&[]).path()).unwrap());
    let vars = || SECRETS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let rule = |name: &str, to: &str| stored(Section::Rules, name, json!({"name": name, "route": to}));
    let declarations = [radarr(&lost, "gone"), radarr(&vault, "fine"), rule("a", "gone"), rule("b", "fine")];
    let file = Config::load(vars(), dir.path()).unwrap();
    let config = file.with_readable(&declarations, &vault, vars(), dir.path()).unwrap();
    let broken: Vec<_> = config.broken.iter().map(|it| (it.declaration.name.as_str(), it.sentence())).collect();
    assert_eq!(broken.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["gone", "a"], "{broken:?}");
    assert!(broken[0].1.starts_with("instances gone, as it was set up in the service, cannot be read: "), "{broken:?}");
    assert!(!format!("{broken:?}").contains("hunter2"), "{broken:?}");
    let names: Vec<&str> = config.settings.instances.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names, config.settings.rules.len()), (vec!["movies", "fine"], 1));
    // Mended, it counts again; a file that is wrong is no matter of what is stored.
    let mended = config.with_readable(&declarations[1..2], &vault, vars(), dir.path()).unwrap();
    assert_eq!((mended.broken.len(), mended.settings.instances.len()), (0, 2));
    std::fs::write(dir.path().join("pulsarr.yaml"), "instances: 7\n").unwrap();
    assert!(file.with_readable(&declarations, &vault, vars(), dir.path()).is_err());
}

#[test]
fn a_key_of_the_file_with_nothing_behind_it_hides_nothing() {
    let yaml = "plex:\n  friends:\n";
    let config = with(yaml, |_| vec![stored(Section::Plex, "", json!({"friends": false}))]).unwrap();
    assert!(!config.settings.plex.friends);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn nothing_stored_changes_nothing() {
    let config = with(SAMPLE, |_| Vec::new()).unwrap();
    let ours = |name: &str| !name.starts_with("PULSARR_");
    assert_eq!(listed(&config, ours), listed(&load(SAMPLE).unwrap(), ours));
}

#[test]
fn other_rules_can_still_be_looked_at_with_stored_instances() {
    let dir = folder(&[("rules.yaml", "rules:\n  - name: all\n    route: other\n")]);
    let vault = Vault::open(dir.path()).unwrap();
    let none = || std::iter::empty();
    let stored = [radarr(&vault, "other"), stored(Section::Rules, "all", json!({"name": "all", "label": "stored"}))];
    let config = Config::load(none(), dir.path()).unwrap().with_stored(&stored, &vault, none(), dir.path()).unwrap();
    let config = config.with_rules(&dir.path().join("rules.yaml"), none(), dir.path()).unwrap();
    assert_eq!(config.settings.rules.len(), 1);
    assert_eq!(config.settings.rules[0].route[0].to, "other");
}

/// What a rule of the file is shown as can be sent back as it is.
#[test]
fn every_rule_is_the_same_rule_when_its_own_words_are_read_again() {
    let sample = whole_sample();
    let (before, rules) = sample.split_once("\nrules:\n").unwrap();
    let (rules, tests) = rules.split_once("\ntests:\n").unwrap();
    let more = r#"
  - name: '7'
    route: {to: movies, tags: [], quality_profile: 4, search_on_add: false, monitor: none}
  - {name: "Überall: \"x\"", priority: -3, when: {year: {between: [1950, 1960.5]}, not: {any: [{anime: true}, {genre: a}]}}, exclude: true}
  - name: every operator
    enabled: false
    when:
      any:
        - {user: [ann, TOMAS], studio: {matches: "^a\\.b|c$"}, in_plex: {exists: false}}
        - {genre: {not: [Anime, Drama]}, keyword: {equals: x}, certification: {not_in: [R]}, country: {not_contains: US}}
        - all: [{imdb_rating: {">=": 7.25}}, {runtime: {in: [90, 91]}}, {not: {not: {type: movie}}}]
    require_approval: "true"
    label: 'it is: {user}'
    bypass_quota: true
"#;
    let vars = [SECRETS.as_slice(), &[("TMDB_API_KEY", "tmdb-hunter2")]].concat();
    let load = |text: &str, declarations: &[Declaration]| {
        let dir = folder(&[("pulsarr.yaml", text)]);
        let vault = Vault::open(dir.path()).unwrap();
        let vars = || vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(vars(), dir.path()).and_then(|it| it.with_stored(declarations, &vault, vars(), dir.path()))
    };
    let written = load(&format!("{before}\nrules:\n{rules}\n{more}\ntests:\n{tests}"), &[]).unwrap().settings.rules;
    assert_eq!(written.len(), 8);
    let words: Vec<Declaration> =
        written.iter().map(|rule| stored(Section::Rules, &rule.name.to_lowercase(), rule.words())).collect();
    let again = load(before, &words).unwrap().settings.rules;
    assert_eq!(again, written);
    // And words are words for good.
    assert_eq!(
        again.iter().map(|rule| rule.words()).collect::<Vec<_>>(),
        words.into_iter().map(|it| it.body).collect::<Vec<_>>()
    );
    assert_eq!(written[0].words()["priority"], 100);
    assert!(written[1].words().get("priority").is_none() && written[2].words().get("enabled").is_some());
}
