//! Exports and imports: what comes back is the same, what is wrong changes nothing, and secrets stay.

use super::super::household::{Household, SETTINGS, body_of};
use super::*;
use crate::testing::app;
use pulsarr_shared::store::Store;

const IMPORT: &str = "/config/import";

/// `SETTINGS` with what the service has on top: a rule, a group, and an instance with a key of its own.
const WHOLE: &str = "\
plex: {token: plex-hunter2, friends: false}
tmdb: {api_key: tmdb-hunter2, region: DE}
default: none
time_zone: Europe/Berlin
approvals: {expire_after_h: 72}
instances:
- {name: movies, kind: radarr, url: 'http://127.0.0.1:7878', api_key: movies-hunter2, default: true, tags: [watchlist]}
- {name: shows, kind: sonarr, url: 'http://127.0.0.1:8989', api_key: shows-hunter2}
users:
  defaults: {sync: true, quotas: [{type: movie, period: rolling, days: 7, limit: 4}]}
  overrides:
  - {plex: Tomas, alias: t, sync: false}
rules:
- {name: Old, when: {year: {\"<\": 1960}}, route: [{to: movies, tags: [old]}]}
- {name: Rest, when: {all: [{type: show}, {rt_critic: {\">\": 7.5}}]}, route: shows}
";

async fn import(household: &Household, query: &str, body: &str) -> Result<Value, ApiError> {
    let response = household.ask(ENDPOINTS, (Method::POST, IMPORT), "", query, body).await?;
    Ok(serde_json::from_slice(&body_of(response).await).unwrap())
}

async fn exported(household: &Household) -> String {
    let response = household.ask(ENDPOINTS, (Method::GET, "/config/export"), "", "", "").await.unwrap();
    String::from_utf8(body_of(response).await.to_vec()).unwrap()
}

fn told(household: &Household) -> String {
    let settings = &household.app.config().settings;
    let keys: Vec<&str> = settings.instances.iter().map(|it| it.api_key.expose_secret()).collect();
    let tokens = [&settings.plex.token, &settings.tmdb.api_key].map(|it| it.as_ref().map(|it| it.expose_secret()));
    format!("{settings:?} {keys:?} {tokens:?}")
}

#[tokio::test]
async fn an_export_with_its_secrets_makes_an_empty_installation_the_same() {
    let (one, file, other) = (Household::new(""), Household::new(WHOLE), Household::new(""));
    let came = import(&one, "", WHOLE).await.unwrap();
    assert_eq!(came["added"].as_array().unwrap().len(), 11, "{came}");
    assert_eq!(told(&one), told(&file));
    for from in [one, file] {
        let mut text = exported(&from).await;
        assert!(!text.contains("hunter2") && !text.contains("sealed:"), "{text}");
        for (name, secret) in
            [("PLEX_TOKEN", "plex"), ("TMDB_API_KEY", "tmdb"), ("MOVIES_API_KEY", "movies"), ("SHOWS_API_KEY", "shows")]
        {
            text = text.replace(&format!("${{PULSARR_{name}}}"), &format!("{secret}-hunter2"));
        }
        import(&other, "", &text).await.unwrap();
        assert_eq!(told(&other), told(&from));
    }
    // Sent once more, with names in the place of secrets, it changes nothing.
    let before = other.db().declarations().unwrap();
    let again = import(&other, "", &exported(&other).await).await.unwrap();
    assert_eq!((&again["added"], &again["changed"], &again["removed"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(other.db().declarations().unwrap(), before);
}

#[tokio::test]
async fn an_import_replaces_what_is_kept_and_is_noted_without_secrets() {
    let household = Household::new("");
    import(&household, "", WHOLE).await.unwrap();
    let body = json!({"plex": {"friends": true}, "instances": [{"name": "movies", "kind": "radarr", "url": "http://127.0.0.1:7878/radarr"}]});
    let before = household.db().declarations().unwrap();
    let dry = import(&household, "dry_run=true", &body.to_string()).await.unwrap();
    assert_eq!((&dry["changed"], &dry["dry_run"]), (&json!(["instances movies", "plex"]), &json!(true)));
    assert_eq!(household.db().declarations().unwrap(), before);
    let done = import(&household, "", &body.to_string()).await.unwrap();
    assert_eq!((&done["changed"], &done["removed"]), (&dry["changed"], &dry["removed"]));
    let config = household.app.config();
    assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "plex-hunter2");
    assert_eq!(config.settings.instances[0].api_key.expose_secret(), "movies-hunter2");
    assert!(config.settings.rules.is_empty());
    let audit = household.get(super::super::audit::ENDPOINTS, "/audit", "").await.unwrap().to_string();
    assert!(audit.contains("settings.imported") && !audit.contains("hunter2"), "{audit}");
}

#[tokio::test]
async fn a_kept_key_goes_to_no_other_host() {
    let household = Household::new("");
    import(&household, "", WHOLE).await.unwrap();
    let before = household.db().declarations().unwrap();
    for (url, key) in
        [("http://a:1", ""), ("http://127.0.0.1:7879", ", api_key: '${X}'"), ("https://127.0.0.1:7878", "")]
    {
        let body = format!("instances:\n- {{name: movies, kind: radarr, url: '{url}'{key}}}\n");
        let refused = import(&household, "", &body).await.unwrap_err();
        let text = format!("{refused:?}");
        assert_eq!(refused.status(), 422, "{text}");
        assert!(text.contains("\"instances[0].api_key\", message: \"line 2: is needed again"), "{text}");
    }
    assert_eq!(household.db().declarations().unwrap(), before);
    let body = "instances:\n- {name: movies, kind: radarr, url: 'http://a:1', api_key: other-hunter2}\n";
    import(&household, "", body).await.unwrap();
    assert_eq!(household.app.config().settings.instances[0].url, "http://a:1");
    // Nobody replaces what they have not seen.
    let seen = household.send(Method::GET, "/settings", None, &Value::Null).await.etag.unwrap();
    let replace =
        async |state: &str| household.send(Method::POST, IMPORT, Some(state), &json!({"default": "none"})).await;
    assert_eq!(replace(&seen).await.status, 200);
    assert_eq!(replace(&seen).await.status, 412);
}

#[tokio::test]
async fn an_import_with_mistakes_tells_all_of_them_with_lines_and_stores_nothing() {
    let household = Household::new("");
    let body = "plex: {token: file:/etc/passwd}\nrulez: []\ninstances:\n- name: movies\n  kind: radarr\n  url: http://a:1\n\
                \x20 api_key: ${X}\nrules:\n- name: a\n  when:\n    genr: x\n  route: movies\n";
    let refused = import(&household, "", body).await.unwrap_err();
    assert_eq!(refused.status(), 422);
    let text = format!("{refused:?}");
    for part in [
        "\"plex.token\", message: \"line 1: files are not read",
        "\"rulez\", message: \"line 2: unknown key `rulez`",
        "\"instances[0].api_key\", message: \"line 7: no api_key of instances movies is kept here",
        "\"rules[0].when.genr\", message: \"line 11: unknown field `genr`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(text.matches("FieldProblem").count(), 4, "{text}");
    assert_eq!(household.db().declarations().unwrap(), []);
}

#[tokio::test]
async fn an_import_of_an_export_leaves_what_cannot_be_read() {
    let service = app(&[("PULSARR_AUTH", "disabled")]);
    let kept =
        |section, name: &str, body| Declaration { section, name: name.to_owned(), position: 0, body, version: 0 };
    let all = [
        kept(Section::Tmdb, "", json!({"regoin": "AT"})),
        kept(Section::Rules, "a", json!({"name": "A", "route": "gone"})),
        kept(Section::Rules, "b", json!({"name": "b", "label": "x"})),
    ];
    let store = Store::open(service.folder.path(), false).unwrap();
    assert!(store.write(|db| db.replace_declarations(&[], &all, 7)).unwrap());
    let before = store.read().declarations().unwrap();
    let again = service.started_again();
    let export = again.ask("::1", "GET", "/config/export", &[], None).await.text;
    assert!(export.contains("rules \"a\"") && export.contains("tmdb"), "{export}");
    let import = async |text: &str| {
        let household = Household::of(&again);
        import(&household, "", text).await
    };
    let told = import(&export).await.unwrap();
    assert_eq!((&told["changed"], &told["removed"]), (&json!([]), &json!([])), "{told}");
    let passed_over = told["passed_over"].to_string();
    assert!(passed_over.contains("rules a") && passed_over.contains("tmdb"), "{told}");
    assert_eq!(store.read().declarations().unwrap(), before);
    // What is sent takes its place, and what can be read and is not sent goes.
    let told = import("rules:\n- {name: A, label: y}\n").await.unwrap();
    assert_eq!((&told["changed"], &told["removed"]), (&json!(["rules a"]), &json!(["rules b"])), "{told}");
    let after = store.read().declarations().unwrap();
    let names: Vec<_> = after.iter().map(|it| (it.section, it.name.as_str())).collect();
    assert_eq!(names, [(Section::Rules, "a"), (Section::Tmdb, "")]);
}

#[tokio::test]
async fn the_file_wins_and_what_it_says_alike_is_left_out() {
    let household = Household::new(SETTINGS);
    let same = import(&household, "", &exported(&household).await).await.unwrap();
    assert_eq!(same["added"], json!([]), "{same}");
    assert_eq!(same["in_file"].as_array().unwrap().len(), 5);
    let body = "plex: {token: other, friends: false}\ninstances:\n- {name: movies, kind: radarr, url: http://b:1}\n";
    let text = format!("{:?}", import(&household, "", body).await.unwrap_err());
    assert!(text.contains("\"plex.token\", message: \"line 1: is declared otherwise in the settings file"), "{text}");
    assert!(
        text.contains(
            "\"instances[0].url\", message: \"line 3: is declared otherwise in the settings file (pulsarr.yaml:3)"
        ),
        "{text}"
    );
    assert_eq!(household.db().declarations().unwrap(), []);
    import(&household, "", "plex: {token: '${X}', friends: false}\n").await.unwrap();
    let config = household.app.config();
    assert!(!config.settings.plex.friends);
    assert_eq!(config.settings.plex.token.as_ref().unwrap().expose_secret(), "xxxxxxxxxxxxxxxxxxxx");
}
