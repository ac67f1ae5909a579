//! Somebody else holds the store's write lock: whoever only looks is answered all the same, and whoever changes something waits for its
//! turn, or is told that there was none.

use std::thread;

use pulsarr_tests::household::wait_until;
use pulsarr_tests::session::Session;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::webhooks::{connected, imports_of, inbox, password, post, taken};
use crate::{SALT_LEDGER, wanting_two};

/// Another process's connection, which waits for its turn like all of ours.
fn another(path: &std::path::Path) -> Connection {
    let database = Connection::open(path).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    database
}

#[test]
fn whoever_looks_is_answered_while_changes_and_webhooks_wait_for_a_store_that_is_locked() {
    let mut household = wanting_two();
    let service = connected(&mut household);
    household.sync_well();
    wait_until("what our own additions made is acted on", || inbox(&household, "pending") == 0);
    let mirela = Session::first(&service);
    let key = |name: &str| {
        let made = mirela.ask(&service, "POST", "/api-keys", &json!({"name": name, "scope": "write"})).json();
        made["key"].as_str().unwrap().to_owned()
    };
    // Never used so far, so that their first use is to be noted.
    let (changing, looking) = (key("changing"), key("looking"));
    let secret = password(&household, "movies");
    let imported = format!(r#"{{"eventType": "Download", "movie": {{"tmdbId": {SALT_LEDGER}}}}}"#);
    let before = taken(&household);
    let database = another(&household.database());
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let webhook = scope.spawn(|| post(&service, "movies", &secret, imported.as_bytes()));
        let change = scope.spawn(|| {
            let body = json!({"value": "Europe/Berlin"}).to_string();
            service.ask("PUT", "/api/v1/settings/time_zone", &[("X-Api-Key", &changing)], body.as_bytes())
        });
        // The lock is held until all have answered: whoever waited for it would do so until those who change something have given up.
        for _ in 0..3 {
            for probe in ["/healthz", "/readyz", "/health"] {
                assert_eq!(service.get(probe).status, 200, "{probe}");
            }
            assert!(service.metrics().contains("pulsarr_inbox_pending 0\n"));
            let list = service.ask("GET", "/api/v1/watchlist", &[("X-Api-Key", &looking)], b"");
            assert_eq!(list.status, 200, "{list:?}");
            let page = mirela.page(&service, "/watchlist");
            assert!(page.status == 200 && page.body.contains("Salt Ledger"), "{page:?}");
        }
        assert!(!webhook.is_finished() && !change.is_finished(), "they wait for their turn");
        database.execute_batch("COMMIT").unwrap();
        assert_eq!(webhook.join().unwrap(), 200);
        let changed = change.join().unwrap();
        assert_eq!(changed.status, 200, "{changed:?}");
    });
    let setting = mirela.ask(&service, "GET", "/settings/time_zone", &Value::Null);
    assert!(setting.body.contains("Europe/Berlin"), "{setting:?}");
    wait_until("the webhook is acted on", || inbox(&household, "pending") == 0);
    assert_eq!((taken(&household), imports_of(&database, SALT_LEDGER.try_into().unwrap())), (before + 1, 1));
    wait_until("the use of both keys is noted", || {
        let query = "SELECT count(*) FROM api_keys WHERE used_at_ms IS NOT NULL";
        database.query_row(query, [], |row| row.get::<_, u32>(0)).unwrap() == 2
    });
}

#[test]
fn a_change_that_has_no_turn_in_time_is_refused_with_a_word_and_leaves_nothing() {
    let mut household = wanting_two();
    let service = household.serve();
    let mirela = Session::first(&service);
    let setting = || mirela.ask(&service, "GET", "/settings/time_zone", &Value::Null).body;
    let change = || mirela.ask(&service, "PUT", "/settings/time_zone", &json!({"value": "Europe/Berlin"}));
    let audit = || mirela.ask(&service, "GET", "/audit", &Value::Null).body;
    let (setting_before, audit_before) = (setting(), audit());
    let database = another(&household.database());
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = change();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("unavailable")), "{refused:?}");
    let told = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("kept it locked for too long") && told.contains("Run it again"), "{told}");
    assert_eq!((setting(), audit()), (setting_before.clone(), audit_before.clone()), "while it is locked");
    database.execute_batch("COMMIT").unwrap();
    assert_eq!((setting(), audit()), (setting_before, audit_before), "and afterwards");
    let changed = change();
    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(setting().contains("Europe/Berlin") && audit().contains("time_zone"));
}
