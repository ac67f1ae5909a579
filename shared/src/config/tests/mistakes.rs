//! What people get wrong, and what they are told.

use super::*;

#[test]
fn five_mistakes_are_five_lines() {
    let yaml = "\
plex:
  token: ${NOWHERE}
  friend: true
instances:
  - name: movies
    kind: radarr
    url: radarr:7878
    api_key: ${RADARR_API_KEY}
    search_on_add: maybe
    monitor: everything
";
    assert_eq!(
        errors(yaml),
        "pulsarr.yaml:2: plex.token: neither NOWHERE nor NOWHERE_FILE is set: put the secret into the variable NOWHERE, or \
         its file's path into NOWHERE_FILE\n\
         pulsarr.yaml:3: plex.friend: unknown key `friend`: did you mean `friends`?\n\
         pulsarr.yaml:7: instances[0].url: expected an address such as http://host:7878, found `radarr:7878`: write \
         http:// or https:// in front\n\
         pulsarr.yaml:9: instances[0].search_on_add: expected true or false, found `maybe`\n\
         pulsarr.yaml:10: instances[0].monitor: expected one of movie_only, movie_and_collection, none; found `everything`"
    );
}

#[test]
fn problems_of_the_environment_come_first_and_together() {
    let dir = folder(&[("pulsarr.yaml", "plex: {friends: 1}\n"), (".env", "PULSARR_PORT=x\nbroken line\n")]);
    let error = load_in(dir.path(), &[("PULSARR_RUN_LIMIT_S", "abc")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        ".env:2: is not NAME=value: put quotes around a value with spaces, and close every quote\n\
         PULSARR_PORT: expected a port number from 0 to 65535, found `x`\n\
         PULSARR_RUN_LIMIT_S: expected seconds, from 1 to 86400, found `abc`\n\
         pulsarr.yaml:1: plex.friends: expected true or false, found `1`"
    );
}

#[test]
fn unknown_and_repeated_keys_are_refused() {
    let yaml = "\
plex: {friends: true, friends: false}
rulez: []
users:
  defaults: {sync: true}
  overides: []
  defaults: {sync: false}
";
    assert_eq!(
        errors(yaml),
        "pulsarr.yaml:1: plex.friends: the key stands in line 1 already: keep one of the two\n\
         pulsarr.yaml:2: rulez: unknown key `rulez`: did you mean `rules`?\n\
         pulsarr.yaml:5: users.overides: unknown key `overides`: did you mean `overrides`?\n\
         pulsarr.yaml:6: users.defaults: the key stands in line 4 already: keep one of the two"
    );
}

#[test]
fn wrong_shapes_are_named_and_not_repeated() {
    let check = |yaml: &str, expected: &str| assert_eq!(errors(yaml), expected, "{yaml}");
    check("plex: hunter2\n", "pulsarr.yaml:1: plex: expected keys (token, friends, server_url), found text");
    check(
        "- plex\n",
        "pulsarr.yaml:1: expected keys (plex, tmdb, time_zone, default, instances, users, approvals, intervals, logs, rules, tests), found a list",
    );
    check(
        "hunter2\n",
        "pulsarr.yaml:1: expected keys (plex, tmdb, time_zone, default, instances, users, approvals, intervals, logs, rules, tests), found text",
    );
    check(
        "instances: {}\n",
        "pulsarr.yaml:1: instances: expected a list, found a group of keys: start each item with `- `",
    );
    check("plex:\n  token: [hunter2]\n", "pulsarr.yaml:2: plex.token: expected ${NAME} or file:/path, found a list");
    check("plex: {friends: [true]}\n", "pulsarr.yaml:1: plex.friends: expected true or false, found a list");
    check(
        "plex: !secret {friends: true}\n",
        "pulsarr.yaml:1: plex: expected keys (token, friends, server_url), found a tag such as `!name`",
    );
    check("plex: {[a]: 1}\n", "pulsarr.yaml:1: plex: a key must be a plain word");
    check(
        "plex:\n  token:\n",
        "pulsarr.yaml:2: plex.token: is empty: write ${NAME}, the name of a variable that holds it, or file:/path",
    );
    check(
        &radarr_with("    quality_profile: {id: 4}\n"),
        "pulsarr.yaml:6: instances[0].quality_profile: expected text, found a group of keys",
    );
    check(
        &radarr_with("    tags: watchlist\n"),
        "pulsarr.yaml:6: instances[0].tags: expected a list, found text: start each item with `- `",
    );
}

#[test]
fn each_choice_lists_what_there_is() {
    let check =
        |yaml: String, expected: &str| assert_eq!(errors(&yaml), format!("pulsarr.yaml:6: instances[0].{expected}"));
    check(
        radarr_with("    minimum_availability: soon\n"),
        "minimum_availability: expected one of tba, announced, in_cinemas, released; found `soon`",
    );
    check(
        radarr_with("    monitor: all\n"),
        "monitor: expected one of movie_only, movie_and_collection, none; found `all`",
    );
    check(
        sonarr_with("    monitor: movie_only\n"),
        "monitor: expected one of all, future, missing, existing, first_season, last_season, latest_season, pilot, recent, \
         monitor_specials, unmonitor_specials, none, skip; found `movie_only`",
    );
    check(sonarr_with("    monitor_new_items: new\n"), "monitor_new_items: expected one of all, none; found `new`");
    check(
        sonarr_with("    series_type: [auto]\n"),
        "series_type: expected one of auto, standard, daily, anime; found a list",
    );
    assert_eq!(
        errors(&radarr_with("").replace("kind: radarr", "kind: lidarr")),
        "pulsarr.yaml:3: instances[0].kind: expected one of radarr, sonarr; found `lidarr`"
    );
}

#[test]
fn options_of_the_other_application_are_refused() {
    assert_eq!(
        errors(&radarr_with("    season_folder: true\n    series_type: auto\n")),
        "pulsarr.yaml:6: instances[0].season_folder: `season_folder` is Sonarr's; this instance is a radarr: remove the line\n\
         pulsarr.yaml:7: instances[0].series_type: `series_type` is Sonarr's; this instance is a radarr: remove the line"
    );
    assert_eq!(
        errors(&sonarr_with("    minimum_availability: released\n")),
        "pulsarr.yaml:6: instances[0].minimum_availability: `minimum_availability` is Radarr's; this instance is a sonarr: \
         remove the line"
    );
}

#[test]
fn what_an_instance_cannot_do_without_is_asked_for() {
    assert_eq!(
        errors("instances:\n  - default: true\n  - name: Movies HD\n    url:\n    api_key: ''\n    kind: radarr\n"),
        "pulsarr.yaml:2: instances[0].name: is missing: add `name: …`\n\
         pulsarr.yaml:2: instances[0].kind: is missing: add `kind: …`\n\
         pulsarr.yaml:2: instances[0].url: is missing: add `url: …`\n\
         pulsarr.yaml:2: instances[0].api_key: is missing: add `api_key: …`\n\
         pulsarr.yaml:3: instances[1].name: expected 1 to 64 of a-z, 0-9, `-` and `_`; found `Movies HD`\n\
         pulsarr.yaml:4: instances[1].url: is missing: add `url: …`\n\
         pulsarr.yaml:5: instances[1].api_key: is empty: write ${NAME}, the name of a variable that holds it, or file:/path"
    );
}

#[test]
fn an_instance_cannot_be_called_plex() {
    assert_eq!(
        errors(&radarr_with("").replace("movies", "plex")),
        "pulsarr.yaml:2: instances[0].name: `plex` is what reports call Plex itself: give the instance another name, such as \
         `movies`"
    );
    assert!(
        load(&radarr_with("").replace("movies", "plex-movies")).is_ok(),
        "as a part of a name it is as good as any"
    );
}

#[test]
fn names_and_defaults_stand_once() {
    let one = radarr_with("    default: true\n");
    let two = one.replace("instances:\n", "");
    assert_eq!(
        errors(&format!("{one}{two}{}", two.replace("kind: radarr", "kind: sonarr").replace("movies", "shows"))),
        "pulsarr.yaml:7: instances[1].name: instances[0] is called `movies` already: give each instance its own name\n\
         pulsarr.yaml:11: instances[1].default: instances[0] (`movies`) is the default radarr already: a kind has at most \
         one, remove one of them"
    );
}

#[test]
fn a_user_has_one_override() {
    assert_eq!(
        errors("users:\n  overrides:\n    - {plex: Ann, sync: false}\n    - {plex: ann}\n    - {sync: false}\n"),
        "pulsarr.yaml:4: users.overrides[1].plex: this user has an override already: write both into one\n\
         pulsarr.yaml:5: users.overrides[2].plex: is missing: add `plex: …`"
    );
}

#[test]
fn strange_files_are_refused_or_read_but_never_fatal() {
    let crlf = SAMPLE.replace('\n', "\r\n");
    assert_eq!(load(&crlf).unwrap().settings.instances.len(), 2);
    assert_eq!(
        errors(&crlf.replace("friends: true", "friends: 7")),
        "pulsarr.yaml:20: plex.friends: expected true or false, found `7`"
    );
    let tabs = errors("plex:\n\tfriends: true\n");
    assert!(tabs.starts_with("pulsarr.yaml:2: is not valid YAML"), "{tabs}");
    assert!(tabs.ends_with("indent with spaces"), "{tabs}");
    let deep = errors(&format!("plex: {}{}\n", "[".repeat(5000), "]".repeat(5000)));
    assert!(deep.starts_with("pulsarr.yaml:1: is not valid YAML"), "{deep}");
    let huge = errors(&"instances:\n".repeat(200_000));
    assert_eq!(huge, "pulsarr.yaml:1: is larger than 1 MiB: that is no settings file, check the path");
    let dir = folder(&[]);
    std::fs::write(dir.path().join("pulsarr.yaml"), [0x1f, 0x8b, 0x08, 0x00, 0xff]).unwrap();
    let binary = load_in(dir.path(), &[]).unwrap_err().to_string();
    assert_eq!(binary, "pulsarr.yaml:1: is not UTF-8 text: save the file as UTF-8");
    assert_eq!(
        errors("plex: {}\n---\nplex: {}\n"),
        "pulsarr.yaml:3: a second document starts here: keep one, without `---` between parts"
    );
}

/// Every beginning of the sample, and the sample with each byte replaced by a nuisance, gives an answer.
#[test]
fn a_damaged_sample_never_panics() {
    damage(SAMPLE, 1);
}

/// The same for all that is switched off in it, at some places for each kind of damage.
#[test]
fn a_damaged_sample_with_everything_switched_on_never_panics() {
    damage(&whole_sample(), 29);
}

fn damage(sample: &str, step: usize) {
    let dir = folder(&[]);
    let variables = Variables::of(&SECRETS);
    let secrets = Secrets::new(&variables, dir.path());
    let short: String = sample
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    for end in (0..short.len()).step_by(step) {
        let _ = settings::read(&short.as_bytes()[..end], "pulsarr.yaml", &secrets, &[]);
    }
    for (number, nuisance) in b"\t\"[:-*!\n\xc3".iter().enumerate() {
        for end in (number % step..short.len()).step_by(step) {
            let mut damaged = short.clone().into_bytes();
            damaged[end] = *nuisance;
            let _ = settings::read(&damaged, "pulsarr.yaml", &secrets, &[]);
        }
    }
}
