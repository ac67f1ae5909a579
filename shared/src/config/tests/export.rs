//! All settings as one file, read again.

use serde_json::json;

use super::stored::{radarr, stored, with_file_in};
use super::*;
use crate::model::Section;
use crate::vault::Vault;

/// Settings as text in which secrets can be compared.
fn told(settings: &Settings) -> String {
    let instances = settings.instances.iter().map(|it| it.api_key.expose_secret());
    let tokens = [&settings.plex.token, &settings.tmdb.api_key];
    let secrets: Vec<&str> = tokens.into_iter().flatten().map(|it| it.expose_secret()).chain(instances).collect();
    format!("{settings:?} {secrets:?}")
}

/// What `config`, whose file is in `dir`, is when its export is read with these secrets.
fn again(config: &Config, dir: &Path, secrets: &[(&str, &str)]) -> Config {
    let export = config.export(dir).unwrap();
    assert!(!export.text.contains("hunter2") && !export.text.contains("sealed:"), "{}", export.text);
    let asked: Vec<&str> = secrets.iter().map(|(name, _)| *name).collect();
    assert_eq!(export.variables, asked);
    for name in asked {
        assert!(export.text.contains(&format!("#   {name}\n")), "{}", export.text);
    }
    let read = load_in(folder(&[("pulsarr.yaml", &export.text)]).path(), secrets);
    read.unwrap_or_else(|error| panic!("{error}\n{}", export.text))
}

#[test]
fn the_sample_s_export_means_what_the_sample_means() {
    let secrets = [
        ("PULSARR_PLEX_TOKEN", "plex-hunter2"),
        ("PULSARR_TMDB_API_KEY", "tmdb-hunter2"),
        ("PULSARR_MOVIES_API_KEY", "radarr-hunter2"),
        ("PULSARR_SHOWS_API_KEY", "sonarr-hunter2"),
        ("PULSARR_ANIME_API_KEY", "sonarr-hunter2"),
    ];
    let vars = [SECRETS.as_slice(), &[("TMDB_API_KEY", "tmdb-hunter2")]].concat();
    for (text, secrets) in
        [(SAMPLE.to_owned(), [secrets[0], secrets[2], secrets[3]].to_vec()), (whole_sample(), secrets.to_vec())]
    {
        let dir = folder(&[("pulsarr.yaml", &text)]);
        let config = load_in(dir.path(), &vars).unwrap();
        let read = again(&config, dir.path(), &secrets);
        assert_eq!(told(&read.settings), told(&config.settings));
        assert_eq!(read.warnings, [""; 0]);
        // An export of an export says the same.
        let dir = folder(&[("pulsarr.yaml", &config.export(dir.path()).unwrap().text)]);
        let once = load_in(dir.path(), &secrets).unwrap();
        assert_eq!(once.export(dir.path()).unwrap(), config.export(folder(&[("pulsarr.yaml", &text)]).path()).unwrap());
    }
}

#[test]
fn scalars_are_exported_as_they_were_spelled() {
    let rules = "rules:\n- name: \"yes\"\n  when: {all: [{year: [1960, 1961]}]}\n  route: movies\n";
    let yaml = radarr_with("    quality_profile: 0042\n    root_folder_path: 'true'\n") + rules;
    let dir = folder(&[("pulsarr.yaml", &yaml)]);
    let config = load_in(dir.path(), &SECRETS).unwrap();
    let read = again(&config, dir.path(), &[("PULSARR_MOVIES_API_KEY", "radarr-hunter2")]);
    assert_eq!(told(&read.settings), told(&config.settings));
    assert_eq!(read.settings.instances[0].options.quality_profile.as_deref(), Some("0042"));
    assert_eq!(read.settings.rules[0].name, "yes");
}

#[test]
fn what_is_stored_is_exported_with_the_file_and_names_of_variables_are_kept_apart() {
    let dir = folder(&[("pulsarr.yaml", &radarr_with("    default: true\nplex: {friends: false}\n"))]);
    let config = with_file_in(dir.path(), |vault| {
        vec![
            radarr(vault, "a-b"),
            radarr(vault, "a_b"),
            stored(Section::Plex, "", json!({"friends": true, "token": vault.seal(&"plex-hunter2".into()).unwrap()})),
            stored(
                Section::Rules,
                "x",
                json!({"name": "X: \"y\"\n#", "when": {"rt_critic": {">": 7.5}}, "route": "a-b"}),
            ),
            stored(Section::Users, "tomas", json!({"plex": "tomas", "sync": false, "quotas": []})),
        ]
    })
    .unwrap();
    let secrets = [
        ("PULSARR_PLEX_TOKEN", "plex-hunter2"),
        ("PULSARR_MOVIES_API_KEY", "radarr-hunter2"),
        ("PULSARR_A_B_API_KEY", "sealed-hunter2"),
        ("PULSARR_A_B_API_KEY_2", "sealed-hunter2"),
    ];
    let read = again(&config, dir.path(), &secrets);
    assert_eq!(told(&read.settings), told(&config.settings));
    assert!(!read.settings.plex.friends, "the file's word counts");
}

#[test]
fn what_is_kept_and_cannot_be_read_is_named_on_top_and_spoils_nothing() {
    let dir = folder(&[("pulsarr.yaml", &radarr_with("    default: true\n"))]);
    let vault = Vault::open(dir.path()).unwrap();
    let names = ["old", "a\nplex: {}", "\u{85}\u{e0d0}- ? x", "\u{2028}default: none"];
    let mut kept: Vec<_> =
        names.iter().map(|name| stored(Section::Rules, name, json!({"name": name, "route": "gone"}))).collect();
    kept.push(stored(Section::Tmdb, "", json!({"regoin": "AT"})));
    kept.push(stored(Section::Rules, "fine", json!({"name": "fine", "label": "x"})));
    let vars = SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = load_in(dir.path(), &SECRETS).unwrap().with_readable(&kept, &vault, vars, dir.path()).unwrap();
    assert_eq!(config.broken.len(), 5);
    let export = config.export(dir.path()).unwrap();
    let (top, rest) = export.text.split_once("\n\n").unwrap();
    assert!(top.lines().all(|line| line.starts_with('#')), "{top}");
    for part in ["rules \"old\"", "#   tmdb", "rules \"a\\nplex: {}\""] {
        assert!(top.contains(part), "{part}\n{top}");
    }
    assert!(rest.contains("name: fine") && !rest.contains("gone") && !top.contains("fine"), "{}", export.text);
    let read = load_in(folder(&[("pulsarr.yaml", &export.text)]).path(), &[("PULSARR_MOVIES_API_KEY", "x")]).unwrap();
    assert_eq!(read.settings.rules.len(), 1);
}

#[test]
fn an_empty_configuration_is_an_empty_file() {
    let dir = folder(&[]);
    let config = load_in(dir.path(), &[]).unwrap();
    assert_eq!(config.declared_by_file(dir.path()).unwrap(), json!({}));
    let read = again(&config, dir.path(), &[]);
    assert_eq!(told(&read.settings), told(&Settings::default()));
}

#[test]
fn a_file_that_was_broken_meanwhile_is_not_exported() {
    let dir = folder(&[("pulsarr.yaml", "plex: {token: hunter2}\n")]);
    let config = load_in(dir.path(), &[]).unwrap();
    for text in ["plex:\n  token: hunter2\n  token: hunter2\n", "plex: {tokn: hunter2}\n", "plex: [\n"] {
        std::fs::write(dir.path().join("pulsarr.yaml"), text).unwrap();
        let error = config.export(dir.path()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn what_the_file_says_is_told_without_secrets() {
    let dir = folder(&[(
        "pulsarr.yaml",
        "plex: {token: hunter2, friends: False}\ninstances:\n- {name: m, api_key: hunter2}\n",
    )]);
    let config = load_in(folder(&[]).path(), &[]).unwrap();
    let told = config.declared_by_file(dir.path()).unwrap();
    let set = json!({"set": true});
    assert_eq!(told, json!({"plex": {"token": set, "friends": false}, "instances": [{"name": "m", "api_key": set}]}));
}
