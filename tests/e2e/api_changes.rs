//! Whatever the API can be asked to do is what its own document says, both ways: bodies are made of what the document names, every
//! property of every body is taken by the service, one that is not in the document is refused by its name, and what comes back is an
//! answer of the document.

use std::collections::{BTreeMap, BTreeSet};

use pulsarr_tests::fakes::{Fault, PlexResource, Title};
use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::service::{Answer, Service};
use pulsarr_tests::session::{PASSWORD, setup_token};
use serde_json::{Value, json};

use crate::api::fits;
use crate::webhooks::state;
use crate::{SALT_LEDGER, wanting_two};

/// In no body of the document.
const UNKNOWN: &str = "no_such_property";

/// A walk through all of the API that is not `GET`, from the first visit to signing out.
struct Walk {
    household: Household,
    service: Service,
    document: Value,
    cookie: String,
    csrf: String,
    /// Method and path, as the document says them.
    walked: BTreeSet<(String, String)>,
    /// The properties that were sent and taken, by the schema of the body.
    taken: BTreeMap<String, BTreeSet<String>>,
    misfits: Vec<String>,
}

impl Walk {
    fn begin() -> Self {
        let mut household = wanting_two();
        let owner = household.plex.owner_uuid();
        household.plex.watch(&owner, Title::movie("The Loud Duke").year(2020).tmdb(900_066));
        // Everything is set up by what is walked through.
        household.vars.remove("PULSARR_CONFIG");
        std::fs::remove_file(household.folder().join("pulsarr.yaml")).unwrap();
        household.set("PULSARR_FAST_LANE", "false");
        let service = household.serve();
        let (document, cookie, csrf) = (Value::Null, String::new(), String::new());
        let (walked, taken, misfits) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        Self { household, service, document, cookie, csrf, walked, taken, misfits }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("X-CSRF-Token", self.csrf.as_str())];
        let headers = if self.cookie.is_empty() { &[][..] } else { &headers[..] };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.service.ask(method, &format!("/api/v1{path}"), headers, body.as_bytes())
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).json()
    }

    /// Asks `method path`, where `varying` stands for what is in braces, and judges question and answer. What does not fit is told at the
    /// end, all of it.
    fn step(&mut self, method: &str, path: &str, varying: &str, body: Value) -> Value {
        let asked = match path.split_once('{') {
            Some((before, rest)) => format!("{before}{varying}{}", rest.split_once('}').unwrap().1),
            None => path.to_owned(),
        };
        let done = self.judged(method, path, &asked, &body);
        done.unwrap_or_else(|why| {
            self.misfits.push(format!("{method} {asked}{why}"));
            Value::Null
        })
    }

    fn judged(&mut self, method: &str, path: &str, asked: &str, body: &Value) -> Result<Value, String> {
        let operation = self.operation(method, path);
        self.walked.insert((method.to_lowercase(), format!("/api/v1{path}")));
        let schema = self.body_fits(&operation, body)?;
        if body.is_object() {
            let mut more = body.clone();
            more[UNKNOWN] = true.into();
            let refused = self.ask(method, asked, &more);
            if !matches!(refused.status, 400 | 422) || !refused.body.contains(UNKNOWN) {
                return Err(format!(": what is not described is not refused by its name: {refused:?}"));
            }
            self.answer_fits(&operation, &refused).map_err(|why| format!(", refused{why}"))?;
        }
        let answer = self.ask(method, asked, body);
        if !(200..300).contains(&answer.status) {
            return Err(format!(": {answer:?}"));
        }
        self.answer_fits(&operation, &answer)?;
        let taken = body.as_object().into_iter().flatten().map(|(property, _)| property.clone());
        self.taken.entry(schema).or_default().extend(taken);
        if (method, path) == ("POST", "/session") {
            self.come_in(&answer);
        }
        Ok(if answer.body.is_empty() { Value::Null } else { answer.json() })
    }

    /// What the document says about it.
    fn operation(&self, method: &str, path: &str) -> Value {
        let operation = &self.document["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not in the document");
        operation.clone()
    }

    /// Whether the body is one of the document. Answers the name of its schema.
    fn body_fits(&self, operation: &Value, body: &Value) -> Result<String, String> {
        let described = &operation["requestBody"];
        if body.is_null() {
            return if described["required"] == true { Err(": it needs a body".to_owned()) } else { Ok(String::new()) };
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_null() {
            return Err(": no body is described".to_owned());
        }
        fits(body, schema, &self.document).map_err(|why| format!(", its body{why}"))?;
        Ok(schema["$ref"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether the answer is one of the document, in status and shape.
    fn answer_fits(&self, operation: &Value, answer: &Answer) -> Result<(), String> {
        let mut described = &operation["responses"][answer.status.to_string()];
        if let Some(reference) = described["$ref"].as_str() {
            described = self.document.pointer(reference.trim_start_matches('#')).expect("it leads somewhere");
        }
        match described["content"]["application/json"].get("schema") {
            _ if described.is_null() => Err(format!(": {} is not promised: {answer:?}", answer.status)),
            Some(schema) => fits(&answer.json(), schema, &self.document),
            None if answer.body.is_empty() => Ok(()),
            None => Err(format!(": it answers what is not described: {answer:?}")),
        }
    }

    fn come_in(&mut self, answer: &Answer) {
        let line = answer.head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: pulsarr_session"));
        self.cookie = line.and_then(|line| line.split([' ', ';']).nth(1)).expect("a session begins").to_owned();
        self.csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
    }

    fn sign_in_elsewhere(&self, password: &str) {
        let body = json!({"username": "mirela", "password": password}).to_string();
        assert_eq!(self.service.ask("POST", "/api/v1/session", &[], body.as_bytes()).status, 200);
    }

    /// The document is for those who have signed in, so that the first visit is judged afterwards.
    fn visit_first(&mut self) {
        let first = json!({"token": setup_token(&self.service), "username": "mirela", "password": PASSWORD});
        let mut more = first.clone();
        more[UNKNOWN] = true.into();
        let refused = self.ask("POST", "/setup", &more);
        assert!(refused.status == 400 && refused.body.contains(UNKNOWN), "{refused:?}");
        let answer = self.ask("POST", "/setup", &first);
        self.come_in(&answer);
        self.document = self.get("/openapi.json");
        let operation = self.operation("POST", "/setup");
        let schema = self.body_fits(&operation, &first).unwrap();
        self.answer_fits(&operation, &answer).unwrap();
        let taken = first.as_object().into_iter().flatten().map(|(property, _)| property.clone());
        self.taken.entry(schema).or_default().extend(taken);
        self.walked.insert(("post".to_owned(), "/api/v1/setup".to_owned()));
    }

    /// Who may.
    fn people(&mut self) {
        let key = self.step("POST", "/api-keys", "", json!({"name": "reader", "scope": "read"}));
        self.step("DELETE", "/api-keys/{id}", &key["id"].to_string(), Value::Null);
        let new = "another horse";
        self.step("PUT", "/session/password", "", json!({"current": PASSWORD, "new": new}));
        self.step("POST", "/session", "", json!({"username": "mirela", "password": new}));
        self.sign_in_elsewhere(new);
        let sessions = self.get("/sessions");
        let all = sessions["sessions"].as_array().unwrap_or_else(|| panic!("{sessions:#}"));
        let other = all.iter().find(|it| it["this"] == false).expect("one was begun elsewhere");
        self.step("DELETE", "/sessions/{id}", other["id"].as_str().unwrap(), Value::Null);
        self.sign_in_elsewhere(new);
        self.step("DELETE", "/sessions", "", Value::Null);
        self.step("PUT", "/logs/level", "", json!({"filter": "info"}));
    }

    fn link(&mut self) {
        let (token, server) = (self.household.plex.owner_token(), self.household.plex.server_url());
        let machine = self.household.plex.machine_identifier();
        self.household.plex.set_resources([PlexResource::new("Attic", &machine).local(&server)]);
        self.step("PUT", "/plex/token", "", json!({"token": token}));
        self.step("POST", "/plex/server", "", json!({"url": server}));
        self.step("POST", "/plex/link", "", Value::Null);
        self.step("DELETE", "/plex/link", "", Value::Null);
    }

    fn connect(&mut self) {
        let movies = json!({
            "name": "movies", "kind": "radarr", "url": self.household.radarr.url(),
            "api_key": self.household.radarr.api_key(), "default": true, "quality_profile": "HD-1080p",
            "root_folder_path": "/movies", "minimum_availability": "released", "monitor": "movie_only",
            "search_on_add": true, "tags": ["watchlist"], "respect_exclusions": true,
        });
        let shows = json!({
            "name": "shows", "kind": "sonarr", "url": self.household.sonarr.url(),
            "api_key": self.household.sonarr.api_key(), "default": true, "monitor": "all",
            "monitor_new_items": "all", "series_type": "standard", "season_folder": true,
        });
        let mut copy = movies.clone();
        (copy["name"], copy["default"], copy["copy_of"]) = ("spare".into(), false.into(), "movies".into());
        self.step("POST", "/instances/test", "", movies.clone());
        self.step("POST", "/instances", "", movies.clone());
        self.step("POST", "/instances", "", shows);
        self.step("POST", "/instances", "", copy);
        self.step("DELETE", "/instances/{name}", "spare", Value::Null);
        self.step("PUT", "/instances/{name}", "movies", movies);
        self.step("POST", "/webhooks/{instance}/fix", "movies", Value::Null);
    }

    fn rule(&mut self) {
        let asked = json!({
            "name": "asked", "enabled": true, "priority": 10, "when": {"year": {">": 2000}},
            "require_approval": "somebody looks", "tag_requester": true, "label": "new",
        });
        let old = json!({"name": "old", "when": {"year": {"<": 1960}}, "exclude": true});
        let trusted = json!({
            "name": "trusted", "when": {"type": "movie"}, "route": [{"to": "movies"}],
            "auto_approve": true, "bypass_quota": true,
        });
        self.step("POST", "/rules/validate", "", asked.clone());
        for rule in [&asked, &old, &trusted] {
            self.step("POST", "/rules", "", rule.clone());
        }
        self.step("PUT", "/rules/{name}", "asked", asked);
        self.step("POST", "/rules/order", "", json!({"names": ["trusted", "old"]}));
        self.step("DELETE", "/rules/{name}", "old", Value::Null);
        let test = json!({
            "name": "new films are asked about", "given": {"title": "Frieren", "type": "movie", "year": 2024},
            "expect": {"approval": true},
        });
        self.step("POST", "/rule-tests", "", test);
        self.step("DELETE", "/rule-tests/{name}", "new%20films%20are%20asked%20about", Value::Null);
        self.step("PUT", "/settings/{section}", "time_zone", json!({"value": "Europe/Berlin"}));
        self.step("DELETE", "/settings/{section}", "time_zone", Value::Null);
    }

    fn run(&mut self, wish: Value) {
        let run = self.step("POST", "/runs", "", wish)["run_id"].as_str().unwrap().to_owned();
        wait_until("the run has ended", || !self.get(&format!("/runs/{run}"))["ended_at_ms"].is_null());
    }

    /// The number of the request for this title.
    fn request_for(&self, title: &str) -> i64 {
        let pending = self.get("/approvals?state=pending");
        let all = pending["approvals"].as_array().unwrap();
        let found = all.iter().find(|it| it.to_string().contains(title));
        let found = found.unwrap_or_else(|| panic!("{title} in {pending:#}\n{}", self.misfits.join("\n")));
        found["id"].as_i64().unwrap()
    }

    fn decide(&mut self) {
        let [movie, show, duke] = ["Salt Ledger", "Harbour Nine", "The Loud Duke"].map(|title| self.request_for(title));
        self.household.radarr.inject(Fault::on("POST", "/api/v3/movie").status(400));
        let seen = self.get(&format!("/approvals/{movie}"))["version"].clone();
        let yes = json!({
            "ids": [movie], "verdict": "approve", "versions": {movie.to_string(): seen}, "note": "gladly", "to": ["movies"], "quality_profile": "HD-1080p",
            "root_folder_path": "/movies", "tags": ["watchlist"], "search_on_add": false, "monitor": "movie_only",
            "minimum_availability": "announced",
        });
        self.step("POST", "/approvals/decide", "", yes);
        let yes = json!({
            "ids": [show], "verdict": "approve", "monitor_new_items": "none", "series_type": "daily",
            "season_folder": false, "seasons": [1],
        });
        self.step("POST", "/approvals/decide", "", yes);
        self.step("POST", "/approvals/decide", "", json!({"ids": [duke], "verdict": "reject"}));
        self.run(json!({"user": "mirela_q", "full": false}));
        let failures = self.get("/failures");
        let failed = failures["failures"][0]["id"].as_i64();
        let failed = failed.unwrap_or_else(|| panic!("{failures:#}\n{}", self.misfits.join("\n")));
        self.step("POST", "/failures/retry", "", json!({"ids": [failed]}));
        let all = json!({"all": true, "instance": "movies", "user": "mirela_q"});
        self.step("POST", "/failures/retry", "", all);
        self.step("POST", "/failures/dismiss", "", json!({"ids": [failed]}));
        self.household.radarr.clear_faults();
    }

    fn overrule(&mut self) {
        let found = self.get("/watchlist?text=duke");
        let duke = found["entries"][0]["id"].to_string();
        self.step("POST", "/watchlist/{id}/redecide", &duke, Value::Null);
        self.step("POST", "/watchlist/{id}/exclude", &duke, json!({"note": "not now"}));
        let route = json!({
            "to": ["movies"], "quality_profile": "HD-1080p", "root_folder_path": "/movies", "note": "after all",
        });
        self.step("POST", "/watchlist/{id}/route", &duke, route);
        self.step("PUT", "/users/{user}/settings", "mirela_q", json!({"alias": "mum"}));
        self.step("POST", "/users/bulk", "", json!({"users": ["mirela_q"], "set": {"sync": true}}));
        self.step("POST", "/simulate", "", json!({"title": "Salt", "user": "mirela_q", "changed": false, "limit": 10}));
        let given = json!({"title": "Frieren", "type": "show", "genres": ["Anime"], "user": "mirela_q"});
        self.step("POST", "/simulate", "", json!({"given": given}));
    }

    fn leave(&mut self) {
        self.step("DELETE", "/plex", "", Value::Null);
        self.step("POST", "/config/import", "", json!({"time_zone": "Europe/Paris"}));
        self.step("DELETE", "/session", "", Value::Null);
    }

    /// Everything that the document says is walked through, and every property of a body was taken.
    fn judge_walk(&self) {
        let paths = self.document["paths"].as_object().unwrap();
        assert!(self.misfits.is_empty(), "{}", self.misfits.join("\n"));
        let (mut operations, mut bodies) = (0, BTreeSet::new());
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().unwrap().iter().filter(|(method, _)| *method != "get") {
                operations += 1;
                assert!(self.walked.contains(&(method.clone(), path.clone())), "{method} {path}: let the walk come by");
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                bodies.extend(schema["$ref"].as_str());
            }
        }
        assert_eq!(operations, self.walked.len());
        assert!(operations > 30 && bodies.len() > 12, "{operations}, {bodies:?}");
        for body in bodies {
            let schema = self.document.pointer(body.trim_start_matches('#')).unwrap();
            let described: BTreeSet<_> =
                schema["properties"].as_object().into_iter().flatten().map(|(it, _)| it).collect();
            let taken = self.taken.get(body).map(|all| all.iter().collect()).unwrap_or_default();
            assert_eq!(described, taken, "{body}: what is described and what was sent");
        }
    }
}

#[test]
fn every_change_takes_what_the_document_describes_and_nothing_else_and_answers_what_it_promises() {
    let mut walk = Walk::begin();
    walk.visit_first();
    walk.people();
    walk.link();
    walk.connect();
    walk.rule();
    walk.run(json!({"full": true}));
    walk.decide();
    walk.overrule();
    // What was done was done: the show went where it was sent.
    wait_until("the show is asked for", || state(&walk.household, "Harbour Nine") == "requested");
    assert!(walk.household.radarr.item(SALT_LEDGER).is_none(), "Radarr refused it, and nobody tries any more");
    walk.leave();
    walk.judge_walk();
}
