//! Whatever changes something is in the audit log: a walk through the table of endpoints, beside stand-ins that really answer.

use pulsarr_shared::config::LogFormat;
use pulsarr_shared::model::{EntryId, EntryState};
use pulsarr_shared::store::AuditRow;
use pulsarr_shared::telemetry::{self, Keep};
use pulsarr_tests::fakes::{FakePlex, FakeRadarr, PlexResource};
use serde_json::{Value, json};

use super::endpoints;
use super::household::{Household, NOON};
use crate::testing::Testing;

const HOME: &str = "192.168.1.9";
const PASSWORD: &str = "correct horse";
const NEW_PASSWORD: &str = "battery staple";

/// What is asked with a body or a verb that could change something, and changes nothing.
const CHANGE_NOTHING: &[(&str, &str, &str)] = &[
    ("POST", "/rules/validate", "reads the rule, and stores nothing"),
    ("POST", "/simulate", "decides on a copy in memory"),
];

/// A walk from the first visit to signing out.
struct Walk {
    service: Testing,
    household: Household,
    cookie: String,
    csrf: String,
    walked: Vec<(&'static str, &'static str)>,
}

impl Walk {
    fn begin(plex: &FakePlex) -> Self {
        let mut vars = plex.envs();
        vars.push(("PULSARR_SETUP_TOKEN", "first-visit".to_owned()));
        vars.push(("PULSARR_RETRY_BASE_MS", "0".to_owned()));
        // Nobody listens there, which keeps no connection from being made.
        vars.push(("PULSARR_BASE_URL", "http://127.0.0.1:9".to_owned()));
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let service = crate::testing::app(&vars);
        let household = Household::of(&service);
        Self { service, household, cookie: String::new(), csrf: String::new(), walked: Vec::new() }
    }

    /// Asks `method path`, where `varying` stands for what is in braces; this has to go well and to leave `action` in the audit log,
    /// under the name of whoever asks.
    async fn step(
        &mut self,
        (method, path): (&'static str, &'static str),
        varying: &str,
        body: Value,
        action: &str,
    ) -> Value {
        let asked = match path.split_once('{') {
            Some((before, rest)) => format!("{before}{varying}{}", rest.split_once('}').unwrap().1),
            None => path.to_owned(),
        };
        let headers = [("Cookie", self.cookie.as_str()), ("X-CSRF-Token", self.csrf.as_str())];
        let headers = if self.cookie.is_empty() { &[][..] } else { &headers[..] };
        let last = self.newest(1).first().map_or(0, |row| row.id);
        let body = Some(body).filter(|body| !body.is_null());
        let answered = self.service.ask(HOME, method, &asked, headers, body).await;
        assert!((200..300).contains(&answered.status), "{method} {asked}: {} {}", answered.status, answered.text);
        let new: Vec<AuditRow> = self.newest(10).into_iter().filter(|row| row.id > last).collect();
        let noted = new.iter().any(|row| row.action == action && row.who == "ada");
        assert!(noted, "{method} {asked} leaves no {action}: {new:?}");
        self.walked.push((method, path));
        if let Some(cookie) = answered.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok()) {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
            self.csrf = answered.json["csrf_token"].as_str().unwrap_or_default().to_owned();
        }
        answered.json
    }

    fn newest(&self, count: u32) -> Vec<AuditRow> {
        self.household.db().audit(None, count).unwrap()
    }

    /// Everything about people who come in.
    async fn sign_in(&mut self) {
        let first = json!({"token": "first-visit", "username": "ada", "password": PASSWORD});
        self.step(("POST", "/setup"), "", first, "admin.made").await;
        let credentials = json!({"username": "ada", "password": PASSWORD});
        self.step(("POST", "/session"), "", credentials, "session.started").await;
        let change = json!({"current": PASSWORD, "new": NEW_PASSWORD});
        self.step(("PUT", "/session/password"), "", change, "password.changed").await;
        self.step(("DELETE", "/sessions"), "", Value::Null, "session.others_ended").await;
        let other = json!({"username": "ada", "password": NEW_PASSWORD});
        self.service.ask(HOME, "POST", "/session", &[], Some(other)).await;
        let headers = [("cookie", self.cookie.as_str())];
        let sessions = self.service.ask(HOME, "GET", "/sessions", &headers, None).await.json["sessions"].clone();
        let other = sessions.as_array().unwrap().iter().find(|it| it["this"] == false).unwrap();
        let id = other["id"].as_str().unwrap().to_owned();
        self.step(("DELETE", "/sessions/{id}"), &id, Value::Null, "session.other_ended").await;
        let key = json!({"name": "backup", "scope": "read"});
        let key = self.step(("POST", "/api-keys"), "", key, "api_key.made").await;
        self.step(("DELETE", "/api-keys/{id}"), &key["id"].to_string(), Value::Null, "api_key.revoked").await;
    }

    /// Everything about Plex.
    async fn link(&mut self, plex: &FakePlex) {
        plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&plex.server_url())]);
        self.step(("PUT", "/plex/token"), "", json!({"token": plex.owner_token()}), "plex.linked").await;
        self.step(("POST", "/plex/server"), "", json!({"url": plex.server_url()}), "plex.server_set").await;
        self.step(("POST", "/plex/link"), "", Value::Null, "plex.link_begun").await;
        self.step(("DELETE", "/plex/link"), "", Value::Null, "plex.link_called_off").await;
        self.step(("DELETE", "/plex"), "", Value::Null, "plex.unlinked").await;
    }

    /// Everything about what is wished for; `movies` is there.
    async fn decide(&mut self) {
        self.household.wish(1);
        self.household.hold_all("run-1");
        let yes = json!({"ids": [1], "verdict": "approve"});
        self.step(("POST", "/approvals/decide"), "", yes, "approval.approved").await;
        self.household.wish(1);
        self.household.route_all("run-2");
        for placement in self.household.db().due_placements("movies", NOON).unwrap() {
            self.household.write(|db| db.refuse(&placement, "no such profile", Some(NOON + 60_000), NOON));
        }
        let failed = self.household.db().failures().unwrap()[0].id.0;
        self.step(("POST", "/failures/retry"), "", json!({"ids": [failed]}), "failure.retried").await;
        self.step(("POST", "/failures/dismiss"), "", json!({"ids": [failed]}), "failure.dismissed").await;
        self.household.wish(1);
        self.household.write(|db| db.set_entry_state(EntryId(3), EntryState::Excluded, Some("by a rule"), 5));
        self.step(("POST", "/watchlist/{id}/redecide"), "3", Value::Null, "entry.decided_anew").await;
        self.step(("POST", "/watchlist/{id}/exclude"), "3", json!({"note": "no"}), "entry.excluded").await;
        self.step(("POST", "/watchlist/{id}/route"), "3", json!({"to": ["movies"]}), "entry.routed").await;
        let ana = json!({"alias": "mum"});
        self.step(("PUT", "/users/{user}/settings"), "ana", ana, "user.settings_changed").await;
        let bulk = json!({"users": ["ana"], "set": {"sync": false}});
        self.step(("POST", "/users/bulk"), "", bulk, "user.settings_changed").await;
    }

    /// Everything about what is configured around the instance `movies`.
    async fn configure(&mut self) {
        let rule = |year: u32| json!({"name": "old", "when": {"year": {"<": year}}, "exclude": true});
        self.step(("POST", "/rules"), "", rule(1960), "rule.added").await;
        self.step(("PUT", "/rules/{name}"), "old", rule(1970), "rule.changed").await;
        self.step(("POST", "/rules/order"), "", json!({"names": ["old"]}), "rule.ordered").await;
        self.step(("DELETE", "/rules/{name}"), "old", Value::Null, "rule.removed").await;
        let test = json!({"name": "new", "given": {"type": "movie"}});
        self.step(("POST", "/rule-tests"), "", test, "rule_test.added").await;
        self.step(("DELETE", "/rule-tests/{name}"), "new", Value::Null, "rule_test.removed").await;
        let zone = json!({"value": "Europe/Berlin"});
        self.step(("PUT", "/settings/{section}"), "time_zone", zone, "settings.changed").await;
        self.step(("DELETE", "/settings/{section}"), "time_zone", Value::Null, "settings.forgotten").await;
        // Logging has to have begun for anybody to change it.
        telemetry::start("info", LogFormat::Json, std::io::sink, Keep::Nothing).unwrap();
        self.step(("PUT", "/logs/level"), "", json!({"filter": "info"}), "log.level_changed").await;
    }
}

#[tokio::test]
async fn every_endpoint_that_changes_something_notes_who_did() {
    let (plex, radarr) = (FakePlex::start(), FakeRadarr::start());
    let mut walk = Walk::begin(&plex);
    walk.sign_in().await;
    walk.link(&plex).await;
    let mut movies = json!({"name": "movies", "kind": "radarr", "url": radarr.url(), "api_key": radarr.api_key()});
    walk.step(("POST", "/instances"), "", movies.clone(), "instance.added").await;
    movies["tags"] = json!(["watchlist"]);
    walk.step(("PUT", "/instances/{name}"), "movies", movies, "instance.changed").await;
    walk.step(("POST", "/instances/test"), "", json!({"name": "movies"}), "instance.tested").await;
    radarr.forget_connections();
    walk.step(("POST", "/webhooks/{instance}/fix"), "movies", Value::Null, "webhook.fixed").await;
    walk.decide().await;
    walk.configure().await;
    walk.step(("DELETE", "/instances/{name}"), "movies", Value::Null, "instance.removed").await;
    walk.step(("POST", "/config/import"), "", json!({"time_zone": "Europe/Paris"}), "settings.imported").await;
    walk.step(("POST", "/runs"), "", json!({}), "run.started").await;
    walk.service.app.engine.idle().await;
    walk.step(("DELETE", "/session"), "", Value::Null, "session.ended").await;

    let table: Vec<_> = endpoints().map(|it| (it.method.as_str(), it.path)).collect();
    for (method, path) in table.iter().filter(|(method, _)| !["GET", "HEAD"].contains(method)) {
        let walked = walk.walked.contains(&(*method, *path));
        let excused = CHANGE_NOTHING.iter().any(|it| (it.0, it.1) == (*method, *path));
        assert!(walked || excused, "{method} {path}: let the walk come by, or say why it changes nothing");
    }
    for (method, path, why) in CHANGE_NOTHING {
        assert!(table.contains(&(method, path)) && !why.is_empty(), "{method} {path} is excused and not there");
    }
}
