//! The service's log through its API: what is logged changes, its last lines can be read and followed, and no secret is in them.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::service::{Answer, Service};
use pulsarr_tests::session::setup_token;
use serde_json::{Value, json};

use super::skipped::skipped;
use super::volume::Volume;
use super::wanting_two;

/// A service that lets everybody in who comes from here.
fn open_service(household: &mut Household) -> Service {
    household.set("PULSARR_AUTH", "required_except_local");
    household.set("PULSARR_FAST_LANE", "false");
    household.serve()
}

/// The lines that the service shows, as JSON.
fn shown(service: &Service, query: &str) -> Vec<Value> {
    let answer = service.get(&format!("/api/v1/logs?{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["lines"].as_array().unwrap().iter().map(|line| line["line"].clone()).collect()
}

/// The lines that the process has written, as JSON.
fn written(service: &Service) -> Vec<Value> {
    let log = service.running.stderr();
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn set_level(service: &Service, filter: &str) -> Value {
    let body = json!({"filter": filter}).to_string();
    let headers = [("Content-Type", "application/json"), ("X-Request-Id", "level-change")];
    let answer = service.ask("PUT", "/api/v1/logs/level", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn requests_are_logged_from_the_moment_that_somebody_asks_for_it_and_named_by_their_ids() {
    let mut household = Household::new();
    let service = open_service(&mut household);
    let ask = |path: &str, id: &str| service.ask("GET", path, &[("X-Request-Id", id)], b"");
    assert_eq!(ask("/healthz", "too-early").status, 200);

    let level = set_level(&service, "debug");
    assert_eq!((&level["filter"], &level["after_restart"]), (&json!("debug"), &json!("info")));
    let answer = ask("/healthz?probe=kubelet", "asked-later");
    assert!(answer.head.contains("x-request-id: asked-later"), "{answer:?}");
    set_level(&service, "info");
    assert_eq!(ask("/healthz", "too-late").status, 200);

    for lines in [shown(&service, "limit=1000"), written(&service)] {
        let of = |id: &str| lines.iter().filter(|line| line["span"]["request.id"] == id).cloned().collect::<Vec<_>>();
        assert_eq!((of("too-early"), of("too-late")), (vec![], vec![]));
        let [line] = &of("asked-later")[..] else { panic!("{lines:#?}") };
        assert_eq!(line["level"], "DEBUG");
        let facts = (&line["request.method"], &line["request.path"], &line["request.status"]);
        assert_eq!(facts, (&json!("GET"), &json!("/healthz"), &json!(200)));
        assert!(line["request.ms"].is_u64() && !line.to_string().contains("kubelet"), "{line}");
        // Not only the line about the request itself.
        assert!(of("level-change").iter().any(|line| line["level"] == "INFO"), "{lines:#?}");
    }
    let audit = service.get("/api/v1/audit").json();
    let details: Vec<&Value> = audit["entries"].as_array().unwrap().iter().map(|entry| &entry["detail"]).collect();
    assert_eq!(details, [&json!({"from": "debug", "to": "info"}), &json!({"from": "info", "to": "debug"})]);
}

/// The lines of a log file, as JSON; none where there is no file.
fn filed(household: &Household, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(household.data_dir().join("logs").join(name)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn set_files(service: &Service, body: &Value) -> Answer {
    let headers = [("Content-Type", "application/json")];
    service.ask("PUT", "/api/v1/settings/logs", &headers, body.to_string().as_bytes())
}

#[test]
fn lines_go_to_files_as_soon_as_the_settings_ask_for_it_and_no_longer_than_that() {
    let mut household = wanting_two();
    let service = open_service(&mut household);
    assert_eq!(set_files(&service, &json!({"file": true, "size_limit_mb": 0})).status, 422);
    assert!(!household.data_dir().join("logs").exists(), "nobody has asked for files");
    assert_eq!(set_files(&service, &json!({"file": true})).status, 200);
    set_level(&service, "debug");
    let asked = service.ask("GET", "/healthz", &[("X-Request-Id", "asked-now")], b"");
    assert_eq!(asked.status, 200);
    set_level(&service, "info");
    let of = |lines: &[Value]| lines.iter().filter(|line| line["span"]["request.id"] == "asked-now").count();
    wait_until("the file has the line", || of(&filed(&household, "service.log")) == 1);

    // The job asks the same settings.
    let report = household.sync_well();
    let run = report["run"]["id"].as_str().unwrap();
    let job = filed(&household, "job.log");
    assert!(job.iter().any(|line| line.to_string().contains(run)), "{run}: {job:#?}");

    assert_eq!(set_files(&service, &json!({"file": false})).status, 200);
    set_level(&service, "debug");
    assert_eq!(service.ask("GET", "/healthz", &[("X-Request-Id", "asked-later")], b"").status, 200);
    set_level(&service, "info");
    assert_eq!(set_files(&service, &json!({"file": true})).status, 200);
    service.running.terminate();
    assert_eq!(service.running.finish().code, Some(0));
    let lines = filed(&household, "service.log");
    assert_eq!(lines.last().unwrap()["message"], "stopped", "the last line is there as well");
    assert!(!lines.iter().any(|line| line["span"]["request.id"] == "asked-later"), "{lines:#?}");
}

#[test]
fn a_full_disk_takes_no_line_from_standard_error_and_keeps_nobody_waiting() {
    let mut household = wanting_two();
    let Some(volume) = Volume::mount(&household, 8 * 1024) else { return };
    household.set("PULSARR_LOG_FILE", "true");
    household.set("PULSARR_LOG", "debug");
    let service = open_service(&mut household);
    wait_until("there is a file", || !filed(&household, "service.log").is_empty());
    volume.fill(0);
    let page = || {
        let _ = service.get("/healthz");
        service.get("/settings/logs").body
    };
    wait_until("the page says it", || page().contains("Lines do not reach their file."));
    let log = service.running.stderr();
    assert_eq!(log.matches("failed to write the log file").count(), 1, "it is told once: {log}");
    volume.free();
    wait_until("the page says it no more", || !page().contains("Lines do not reach their file."));
    let text = std::fs::read_to_string(household.data_dir().join("logs/service.log")).unwrap();
    assert!(text.contains("are not in this file: they could not be written"), "{text}");
}

#[test]
fn the_setup_token_is_written_for_operators_and_the_api_never_shows_it() {
    let mut household = Household::new();
    let service = open_service(&mut household);
    let token = setup_token(&service);
    assert!(token.len() >= 16 && !token.contains('*'), "{token}");
    let lines = shown(&service, "text=setup%20token");
    assert!(
        lines.iter().any(|line| line["message"].as_str().unwrap().ends_with("this setup token: ***")),
        "{lines:#?}"
    );
    assert!(!service.get("/api/v1/logs?limit=1000").body.contains(&token));
}

#[test]
fn no_secret_is_written_or_shown_even_when_the_crates_below_us_say_all_they_know() {
    let mut household = Household::new();
    household.set("PULSARR_LOG", "trace,mio=off");
    let service = open_service(&mut household);
    wait_until("the connections are made", || {
        service.running.stderr().matches("nothing needs to be done").count() >= 2
    });
    let token = household.plex.owner_token();
    // A client that puts a secret where none belongs.
    assert_eq!(service.get(&format!("/healthz?X-Plex-Token=not-ours-at-all&token={token}")).status, 200);
    wait_until("the request is logged", || service.running.stderr().contains("GET /healthz answered 200"));
    let secrets = [token, household.sonarr.api_key(), household.radarr.api_key(), "not-ours-at-all".to_owned()];
    for text in [service.running.stderr(), service.get("/api/v1/logs?limit=1000").body] {
        for secret in &secrets {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "tells {secret}");
        }
    }
}

#[test]
fn lines_can_be_followed_and_whoever_follows_hears_of_the_end() {
    let mut household = Household::new();
    let service = open_service(&mut household);
    // Where the page follows: what is written while it is on its way comes first.
    let page = service.ask("GET", "/activity/log?text=changed", &[("Accept", "text/html")], b"").body;
    let address =
        page.split("data-log=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().replace("&amp;", "&");
    set_level(&service, "warn,pulsarr_webhook_svc=info");
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    let head = format!("GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the head ends");
    }
    let mut told = || loop {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "a line comes");
        if let Some(data) = line.trim().strip_prefix("data:") {
            let told: Value = serde_json::from_str(data).unwrap();
            break told["message"].as_str().unwrap().to_owned();
        }
    };
    let first = told();
    assert!(first.contains("has changed what is logged from info to warn,"), "{first}");
    set_level(&service, "info");
    let second = told();
    assert!(second.contains("to info"), "{second}");

    service.running.terminate();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!(service.running.finish().code, Some(0));
}

/// Where `promtool` is, the page is what Prometheus expects.
#[test]
fn promtool_finds_nothing_to_complain_of_in_the_metrics() {
    let mut household = wanting_two();
    household.sync_well();
    let service = household.serve();
    let page = service.metrics();
    for (service, instance) in [("plex", ""), ("radarr", "movies"), ("sonarr", "shows")] {
        let name = "pulsarr_upstream_last_success_timestamp_seconds";
        let line = format!("{name}{{service=\"{service}\",instance=\"{instance}\"}} ");
        assert!(page.contains(&line), "{line}: {page}");
    }
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match started {
        Ok(promtool) => promtool,
        Err(error) => {
            let why = format!("it cannot be started: {error}");
            return skipped("PULSARR_REQUIRE_PROMTOOL", "what promtool says of the metrics", &why);
        }
    };
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.trim().is_empty(), "{said}\n{page}");
}
