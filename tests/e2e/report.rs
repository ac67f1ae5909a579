//! What a run leaves behind for people and scripts: the JSON report, the text report, the termination message, the log.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};
use serde_json::Value;

use super::wanting_two;

/// Every key that scripts may rely on. A number stands for a whole number, a text with `|` for one of its words, any other text
/// for text.
///
/// Two words were added on purpose to those that were asked for first. A run that was told to stop is `interrupted`: it is neither
/// `partial`, after which there is something to look into, nor `failed`. A list of which only the top was read is `newest`: calling
/// it `complete` would claim knowledge of removals, and it did change, so it is not `not_modified` either. `crashed` and `running`
/// stand in the store alone; no report can say them.
const SCHEMA: &str = r#"
{"run":{"id":"…","trigger":"cli|schedule|manual|service","started_at":"…","duration_ms":812,"result":"ok|partial|failed|busy|not_set_up|interrupted"},
 "users":[{"uuid":"…","name":"…","read":"complete|newest|not_modified|not_shared|unknown","entries":214,"new":3,"gone":0}],
 "decisions":{"routed":3,"already_there":1,"excluded":0,"held":0,"unresolvable":0},
 "placements":{"added":3,"present":1,"waiting":0,"failed":0},
 "upstream":{"plex":{"requests":9,"not_modified":1,"throttled":0},"movies":{"requests":5},"shows":{"requests":4}},
 "cpu_ms":41,"peak_rss_kib":15200}
"#;

fn assert_shape(schema: &Value, actual: &Value, path: &str) {
    match schema {
        Value::Object(keys) => {
            for (key, schema) in keys {
                let inner = actual.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing in {actual:#}"));
                assert_shape(schema, inner, &format!("{path}.{key}"));
            }
        }
        Value::Array(schemas) => {
            let items = actual.as_array().unwrap_or_else(|| panic!("{path} is no list: {actual}"));
            items.iter().for_each(|item| assert_shape(&schemas[0], item, &format!("{path}[]")));
        }
        Value::String(words) if words.contains('|') => {
            let word = actual.as_str().unwrap_or_else(|| panic!("{path} is no text: {actual}"));
            assert!(words.split('|').any(|known| known == word), "{path} is `{word}` and none of {words}");
        }
        Value::String(_) => {
            assert!(actual.as_str().is_some_and(|text| !text.is_empty()), "{path} is no text: {actual}")
        }
        _ => assert!(actual.is_u64(), "{path} is no whole number: {actual}"),
    }
}

/// One line on standard output, an object of the documented shape; nothing but JSON log lines on standard error.
fn assert_report(household: &Household, arguments: &[&str]) -> Value {
    let done = household.pulsarr(arguments);
    assert_eq!(done.stdout.lines().count(), 1, "{}", done.stdout);
    let report = done.report();
    for line in done.stderr.lines() {
        let log: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON on standard error: {line}"));
        assert!(log["level"].is_string() && log["message"].is_string() && log["timestamp"].is_string(), "{line}");
    }
    report
}

#[test]
fn the_json_report_has_every_documented_key_in_every_kind_of_run() {
    let mut household = wanting_two();
    let (tomas, jo) = (household.plex.add_friend("tomas.r"), household.plex.add_friend("jo.marsh"));
    household.plex.watch(&tomas, Title::movie("Untitled Lighthouse Project").without_ids());
    household.plex.set_private(&jo, true);
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let json = ["sync", "--report", "json"];

    let report = assert_report(&household, &json);
    assert_shape(&schema, &report, "");
    assert_eq!(report["users"].as_array().map(Vec::len), Some(3));
    let requests = |name: &str| report["upstream"][name]["requests"].as_u64().unwrap() as usize;
    let Household { plex, radarr, sonarr, .. } = &household;
    assert_eq!(requests("plex"), plex.journal().len(), "every request is counted");
    assert_eq!((requests("movies"), requests("shows")), (radarr.journal().len(), sonarr.journal().len()));
    assert!(report["peak_rss_kib"].as_u64().unwrap() > 1_000);

    assert_shape(&schema, &assert_report(&household, &json), "");
    assert_shape(&schema, &assert_report(&household, &["sync", "--dry-run", "--report", "json"]), "");
    household.set("RADARR_API_KEY", "ffffffffffffffffffffffffffffffff");
    household.set("PLEX_TOKEN", "tok-mistyped-000000");
    assert_shape(&schema, &assert_report(&household, &json), "");

    household.write_settings("plex: {friends: true}\n");
    let report = assert_report(&household, &json);
    assert_shape(&idle_schema(), &report, "");
    assert_eq!(report["run"]["result"], "not_set_up");
}

/// The documented shape for runs that asked nobody and so have nobody to count.
fn idle_schema() -> Value {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    schema["upstream"] = serde_json::json!({});
    schema
}

/// With `--report json`, a run that cannot be carried out still prints one report; the text for people and the exit code are the
/// same as without. Answers the report.
fn assert_failed(household: &Household, arguments: &[&str], code: i32, words: &str) -> Value {
    let told = household.pulsarr(arguments);
    assert_eq!((told.code, told.stdout.as_str()), (Some(code), ""), "{}", told.stderr);
    assert!(told.stderr.contains(words), "{}", told.stderr);

    let done = household.pulsarr(&[arguments, &["--report", "json"]].concat());
    assert_eq!((done.code, done.stdout.lines().count()), (Some(code), 1), "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains(words), "{}", done.stderr);
    let report = done.report();
    assert_shape(&idle_schema(), &report, "");
    assert_eq!(report["run"]["result"], "failed");
    assert!(report["run"]["detail"].as_str().unwrap().contains(words), "{report:#}");
    assert_eq!(report["users"], serde_json::json!([]));
    report
}

#[test]
fn a_run_that_cannot_be_carried_out_still_prints_one_report() {
    let mut household = wanting_two();
    household.plex.add_friend("tomas.r");
    let unknown = "failed to find a watchlist of `tomas`; known are: mirela_q, tomas.r";
    let report = assert_failed(&household, &["sync", "--user", "tomas"], 64, unknown);
    assert_eq!(report["run"]["dry_run"], false);
    let report = assert_failed(&household, &["sync", "--dry-run", "--user", "tomas"], 64, unknown);
    assert_eq!(report["run"]["dry_run"], true);

    let store = rusqlite::Connection::open(household.database()).unwrap();
    store.pragma_update(None, "user_version", 99).unwrap();
    store.execute("UPDATE settings SET value = '99' WHERE key = 'schema.readable_from'", []).unwrap();
    drop(store);
    assert_failed(&household, &["sync"], 78, "it has schema 99");

    household.set("PULSARR_CA_FILE", "nowhere.pem");
    household.set("PULSARR_DATA_DIR", "elsewhere");
    assert_failed(&household, &["sync"], 78, "nowhere.pem");

    household.set("PULSARR_TRIGGER", "schedule");
    household.write_settings(&format!("{SETTINGS}mistake: yes\n"));
    let report = assert_failed(&household, &["sync"], 78, "pulsarr.yaml:16: mistake: unknown key `mistake`");
    assert_eq!(report["run"]["trigger"], "schedule");
}

#[test]
fn the_trigger_is_what_the_environment_says() {
    let mut household = wanting_two();
    household.set("PULSARR_TRIGGER", "schedule");
    assert_eq!(household.sync_well()["run"]["trigger"], "schedule");
    assert!(household.status().contains("(schedule)"));
}

#[test]
fn the_text_report_is_under_a_screen_however_much_happened() {
    let household = wanting_two();
    let Household { plex, radarr, sonarr, .. } = &household;
    radarr.fill_library_from(2_000_000, 100);
    sonarr.fill_library_from(3_000_000, 100);
    plex.fill_watchlist(&plex.owner_uuid(), 0, 100);
    plex.add_friend("tomas.r");

    let done = household.pulsarr(&["sync", "--report", "text"]);

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(lines.len() < 40, "{} lines:\n{}", lines.len(), done.stdout);
    assert!(done.stdout.contains("mirela_q  read: 102 entries, 102 new"), "{}", done.stdout);
    assert!(
        done.stdout.contains("+ Salt Ledger (2025), wanted by mirela_q: added to Radarr `movies`"),
        "{}",
        done.stdout
    );
    let last = lines.last().unwrap();
    assert!(last.starts_with("ok in ") && last.contains("2 added, 100 present"), "{last}");
    let idle = household.pulsarr(&["sync"]).stdout;
    assert!(idle.lines().count() <= 3 && idle.contains("2 lists unchanged"), "{idle}");
}

#[test]
fn a_termination_message_is_left_only_where_there_is_a_file_for_it() {
    let mut household = wanting_two();
    let place = household.folder().join("termination-log");
    household.sync_well();
    assert!(!place.exists(), "a file nobody reads is litter");

    std::fs::write(&place, "").unwrap();
    let left = |household: &Household, code: i32| -> Value {
        let done = household.sync();
        assert_eq!(done.code, Some(code), "{}", done.stderr);
        let text = std::fs::read_to_string(&place).unwrap();
        assert!(text.len() <= 4096 && text.lines().count() == 1, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let message = left(&household, 0);
    assert_eq!((&message["result"], &message["exit_code"]), (&"ok".into(), &0.into()));
    assert!(message["summary"].as_str().unwrap().contains("lists: 1 read"));

    household.radarr.set_starting_up(true);
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("The Loud Duke").tmdb(900_066));
    let message = left(&household, 69);
    assert_eq!((&message["result"], &message["exit_code"]), (&"partial".into(), &69.into()));
    assert!(message["error"].as_str().unwrap().contains("Radarr `movies` could not be reached"));

    household.set("PLEX_TOKEN", "tok-mistyped-000000");
    assert_eq!(left(&household, 77)["result"], "failed");

    // Many mistakes make a long message, which is cut.
    let mistakes: String = (0..200).map(|n| format!("mistake_number_{n}: yes\n")).collect();
    household.write_settings(&format!("{SETTINGS}{mistakes}"));
    let message = left(&household, 78);
    assert!(message["error"].as_str().unwrap().contains("the configuration has mistakes"));
}
