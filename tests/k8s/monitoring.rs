//! Who scrapes, what the alerts say, and the dashboard.

use std::collections::BTreeSet;
use std::process::Command;

use pulsarr_tests::fakes::{FakeTmdb, Fault};
use pulsarr_tests::household::{Household, SETTINGS};
use serde_json::Value;

use crate::rendered::{Rendered, documents, list, matches, read, skipped, text};

fn everything() -> Rendered {
    Rendered::named("everything")
}

fn rules(everything: &Rendered) -> &[Value] {
    list(&everything.one("PrometheusRule", "pulsarr")["spec"]["groups"][0]["rules"])
}

#[test]
fn prometheus_finds_the_metrics_by_one_service_and_nobody_else_does() {
    let everything = everything();
    let spec = &everything.one("ServiceMonitor", "pulsarr")["spec"];
    let found: Vec<_> = everything
        .all("Service")
        .filter(|service| matches(&spec["selector"], &service["metadata"]["labels"]))
        .collect();
    assert_eq!(found.len(), 1, "one, or everything counts twice");
    let port = text(&spec["endpoints"][0]["port"]);
    let port = list(&found[0]["spec"]["ports"]).iter().find(|it| it["name"] == port).expect("the port is declared");
    assert_eq!(port["targetPort"], "metrics");
    assert_eq!(
        spec["endpoints"][0]["honorLabels"], true,
        "`instance` is an arr, and Prometheus would put the pod there"
    );
    let public = everything.one("Service", "pulsarr");
    assert!(list(&public["spec"]["ports"]).iter().all(|port| port["targetPort"] != "metrics"), "{public}");
}

/// The names of our metrics in an expression.
fn ours(expression: &str) -> BTreeSet<String> {
    let word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = expression.split(|char| !word(char));
    words.filter(|word| word.starts_with("pulsarr_")).map(str::to_owned).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("k8s/components/monitoring/pulsarr.json")).expect("the dashboard is JSON")
}

/// Every expression of the dashboard, the variables' included.
fn dashboard_expressions(dashboard: &Value) -> Vec<&str> {
    let targets = list(&dashboard["panels"]).iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut all: Vec<&str> = targets.map(|target| text(&target["expr"])).collect();
    all.extend(list(&dashboard["annotations"]["list"]).iter().map(|annotation| text(&annotation["expr"])));
    let variables = list(&dashboard["templating"]["list"]).iter();
    all.extend(variables.filter_map(|variable| variable["query"]["query"].as_str()));
    all
}

/// Against the real service: whatever it has a line of help for exists.
#[test]
fn every_metric_that_is_asked_for_is_one_that_the_service_gives() {
    let mut household = Household::new();
    let page = household.serve().metrics();
    let given: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(given.len() > 20, "{page}");
    let (everything, dashboard) = (everything(), dashboard());
    let mut expressions: Vec<&str> = rules(&everything).iter().map(|rule| text(&rule["expr"])).collect();
    expressions.extend(dashboard_expressions(&dashboard));
    let mut asked = BTreeSet::new();
    for expression in expressions {
        for name in ours(expression) {
            assert!(given.contains(name.as_str()), "{name} is no metric of ours: {expression}");
            asked.insert(name);
        }
    }
    // What the dashboard is for.
    for name in [
        "pulsarr_sync_last_success_timestamp_seconds",
        "pulsarr_sync_items",
        "pulsarr_routed_total",
        "pulsarr_upstream_requests_total",
        "pulsarr_upstream_last_success_timestamp_seconds",
        "pulsarr_webhook_events_total",
        "pulsarr_inbox_pending",
        "pulsarr_inbox_ended_total",
        "pulsarr_fast_lane_last_sign_of_life_timestamp_seconds",
        "pulsarr_fast_lane_failed_checks_total",
        "pulsarr_db_size_bytes",
        "pulsarr_build_info",
    ] {
        assert!(asked.contains(name), "{name}");
    }
}

/// Against a service that has something to tell of: a label that is asked for and not given makes one line of all, or none.
#[test]
fn what_the_dashboard_groups_by_are_labels_that_the_service_gives() {
    let mut household = Household::new();
    household.sync_well();
    let page = household.serve().metrics();
    let labels_of = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('{'));
        let labels = line?.split_once("} ")?.0.split(',').filter_map(|label| label.split_once('='));
        Some(labels.map(|(label, _)| label).collect::<BTreeSet<_>>())
    };
    let dashboard = dashboard();
    let mut looked_at = BTreeSet::new();
    for expression in dashboard_expressions(&dashboard) {
        let Some(grouped) = expression.strip_prefix("sum by (").and_then(|rest| Some(rest.split_once(')')?.0)) else {
            continue;
        };
        for name in ours(expression) {
            // Of what has not happened yet there are no lines.
            let Some(given) = labels_of(&name) else { continue };
            let asked: BTreeSet<_> = grouped.split(", ").collect();
            assert!(asked.is_subset(&given), "{name} has {given:?}: {expression}");
            looked_at.insert(name);
        }
    }
    for name in ["pulsarr_sync_runs_total", "pulsarr_upstream_requests_total", "pulsarr_fast_lane_failed_checks_total"]
    {
        assert!(looked_at.contains(name), "{name}: {page}");
    }
}

/// Of each metric of ours in an expression, what its labels are compared with: `(name, label, value)`.
fn compared(expression: &str) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for name in ours(expression) {
        for (at, _) in expression.match_indices(&format!("{name}{{")) {
            let matchers = expression[at + name.len() + 1..].split('}').next().unwrap();
            for matcher in matchers.split(',').filter(|it| !it.contains("$namespace")) {
                let Some((label, values)) = matcher.split_once(['=', '!']) else { continue };
                let values = values.trim_start_matches(['=', '~']).trim_matches('"');
                all.extend(values.split('|').map(|value| (name.clone(), label.trim().to_owned(), value.to_owned())));
            }
        }
    }
    all
}

/// Against a service to which everything has happened: a word that no label ever has makes an alert that never fires.
#[test]
fn what_labels_are_compared_with_are_words_that_the_service_gives() {
    let (mut household, tmdb) = (Household::new(), FakeTmdb::start());
    household.set("PULSARR_TMDB_URL", &tmdb.url());
    household.set("TMDB_KEY", &tmdb.token());
    let server = household.plex.server_url();
    let settings = SETTINGS.replacen("plex:\n", &format!("plex:\n  server_url: {server}\n"), 1);
    household.write_settings(&format!("{settings}tmdb: {{api_key: \"${{TMDB_KEY}}\"}}\n"));
    household.plex.inject(Fault::on("GET", "/watchlist/all").times(1).status(429).retry_after("0"));
    household.sync_well();
    let service = household.serve();
    // Asked by runs when there is something to ask; under which words, the store's own tests say.
    let store = rusqlite::Connection::open(household.database()).unwrap();
    for service in ["tmdb", "plex server"] {
        let key = format!("upstream.last_success.{service}");
        store.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?1, '1000')", [key]).unwrap();
    }
    let page = service.metrics();
    let (everything, dashboard) = (everything(), dashboard());
    let mut expressions: Vec<&str> = rules(&everything).iter().map(|rule| text(&rule["expr"])).collect();
    expressions.extend(dashboard_expressions(&dashboard));
    let mut seen = BTreeSet::new();
    for (name, label, value) in expressions.into_iter().flat_map(compared) {
        let pair = format!("{label}=\"{value}\"");
        let lines = page.lines().filter(|line| line.starts_with(&format!("{name}{{")));
        // Webhooks that came well are counted from the first on.
        let is_given = lines.clone().any(|line| line.contains(&pair)) || value == "stored";
        assert!(is_given, "{name} never has {pair}: {:#?}", lines.collect::<Vec<_>>());
        seen.insert(value);
    }
    let expected = ["failed", "full", "not_stored", "plex server", "stored", "throttled", "tmdb"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn the_dashboard_is_found_by_the_sidecar_and_asks_the_source_that_people_choose() {
    let dashboard = dashboard();
    let everything = everything();
    let map = everything.one("ConfigMap", "pulsarr-dashboard");
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let shipped: Value = serde_json::from_str(text(&map["data"]["pulsarr.json"])).unwrap();
    assert_eq!(shipped, dashboard);
    let variables: Vec<_> = list(&dashboard["templating"]["list"]).iter().map(|it| text(&it["name"])).collect();
    assert_eq!(variables, ["datasource", "namespace"]);
    let mut ids = BTreeSet::new();
    for panel in list(&dashboard["panels"]) {
        assert!(ids.insert(panel["id"].to_string()), "{}", panel["title"]);
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "$datasource", "{}", panel["title"]);
        for target in list(&panel["targets"]) {
            assert!(text(&target["expr"]).contains("namespace=\"$namespace\""), "{}", panel["title"]);
        }
    }
    // Panels do not lie on each other.
    let places: Vec<_> = list(&dashboard["panels"]).iter().map(|panel| &panel["gridPos"]).collect();
    let part = |place: &Value, key: &str| place[key].as_i64().unwrap();
    for (index, one) in places.iter().enumerate() {
        assert!(part(one, "x") + part(one, "w") <= 24);
        for other in &places[..index] {
            let apart = |at: &str, size: &str| {
                part(one, at) + part(one, size) <= part(other, at)
                    || part(other, at) + part(other, size) <= part(one, at)
            };
            assert!(apart("x", "w") || apart("y", "h"), "{one} lies on {other}");
        }
    }
}

#[test]
fn every_alert_says_what_happened_and_what_to_do_and_has_a_test() {
    let everything = everything();
    let tests = &documents(&read("tests/k8s/alerts.yaml"))[0];
    let tested: BTreeSet<&str> = list(&tests["tests"])
        .iter()
        .flat_map(|test| list(&test["alert_rule_test"]))
        .filter(|test| !test["exp_alerts"].as_array().is_none_or(Vec::is_empty))
        .map(|test| text(&test["alertname"]))
        .collect();
    for rule in rules(&everything) {
        let name = text(&rule["alert"]);
        for said in ["summary", "description"] {
            assert!(rule["annotations"][said].as_str().is_some_and(|said| said.len() > 15), "{name}: {said}");
        }
        assert!(["warning", "critical"].contains(&text(&rule["labels"]["severity"])), "{name}");
        assert!(tested.contains(name), "{name} fires in no test of alerts.yaml");
    }
    let jobs: Vec<_> = everything.all("CronJob").map(|job| text(&job["metadata"]["name"])).collect();
    for rule in rules(&everything) {
        for rest in text(&rule["expr"]).split("cronjob=\"").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(jobs.contains(&name), "{}: there is no CronJob {name}", rule["alert"]);
        }
        for rest in text(&rule["expr"]).split("pvc=~\"").skip(1) {
            assert!(rest.starts_with("pulsarr-data|config-pulsarr-0\""), "{}", rule["alert"]);
        }
    }
}

/// What `promtool` says of the rules, and whether they fire when they should and are silent when they should be.
#[test]
fn promtool_finds_every_alert_right_and_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let everything = everything();
    // JSON is YAML, and the spec of a PrometheusRule is a file of rules.
    let spec = &everything.one("PrometheusRule", "pulsarr")["spec"];
    std::fs::write(folder.path().join("rules.yaml"), spec.to_string()).unwrap();
    std::fs::write(folder.path().join("alerts.yaml"), read("tests/k8s/alerts.yaml")).unwrap();
    for arguments in [["check", "rules", "rules.yaml"], ["test", "rules", "alerts.yaml"]] {
        let asked = Command::new("promtool").current_dir(folder.path()).args(arguments).output();
        let asked = match asked {
            Ok(asked) => asked,
            Err(error) => return skipped("PULSARR_REQUIRE_PROMTOOL", "what promtool says of the alerts", &error),
        };
        let said = [asked.stdout, asked.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(asked.status.success(), "{arguments:?}: {said}");
    }
}
