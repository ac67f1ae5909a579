//! The service as a process: its first words, its probes, its end, and that there is only one.

use std::net::TcpStream;

use pulsarr_tests::household::{Household, SETTINGS, wait_until};
use pulsarr_tests::service::Service;
use rusqlite::Connection;

use crate::webhooks::connected;

/// The messages of a log of JSON lines, in order.
fn messages(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines.filter_map(|line| Some(line["message"].as_str()?.to_owned())).collect()
}

#[test]
fn the_first_words_are_those_an_operator_looks_for_and_it_ends_on_sigterm() {
    let mut household = Household::new();
    household.set("PULSARR_COLOUR", "green");
    let service = household.serve();
    assert_eq!(service.get("/healthz").status, 200);
    assert_eq!(service.get("/readyz").status, 200);
    let health = service.get("/health").json();
    assert_eq!((health["status"].as_str(), health["set_up"].as_bool()), (Some("ok"), Some(true)), "{health:#}");
    assert_eq!(service.get("/nothing-here").status, 404);

    service.running.terminate();
    let done = service.running.finish();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(TcpStream::connect(("127.0.0.1", service.port)).is_err());
    let said = messages(&done.stderr);
    let listening = format!("Server listening on port {}", service.port);
    // Exactly these three, also where there is something to warn of.
    assert!(said[0].starts_with("Pulsarr v") && said[0].ends_with(" starting"), "{said:#?}");
    assert_eq!(said[1..3], ["Database initialized (SQLite)", listening.as_str()], "{said:#?}");
    assert!(said[3..].iter().any(|line| line.contains("PULSARR_COLOUR")), "{said:#?}");
}

#[test]
fn nothing_stands_between_the_first_three_lines_whatever_there_is_to_warn_of() {
    let mut household = Household::new();
    let first = connected(&mut household);
    first.running.terminate();
    assert_eq!(first.running.finish().code, Some(0));
    // What the service kept for an instance that is gone, a rule that cannot be read, and settings of a later version.
    let database = Connection::open(household.database()).unwrap();
    database
        .execute_batch(
            "INSERT INTO declarations VALUES ('rules', 'lost', 0, '{\"route\": \"nowhere\"}', 1, 1), ('moons', 'io', 0, '{}', 2, 1)",
        )
        .unwrap();
    household.write_settings(&SETTINGS.replace("name: movies", "name: films"));
    household.vars.remove("PULSARR_BASE_URL");
    for (name, value) in
        [("PULSARR_COLOUR", "green"), ("PULSARR_AUTH", "disabled"), ("PULSARR_PROXY_USER_HEADER", "X-User")]
    {
        household.set(name, value);
    }
    let service = Service::of(household.start_service());
    let warnings = [
        "PULSARR_COLOUR",
        "SIGN-IN IS DISABLED",
        "PULSARR_PROXY_USER_HEADER has no effect",
        "set PULSARR_BASE_URL",
        "settings of a newer version are passed over: moons",
        "rules lost, as it was set up in the service, cannot be read",
        "`movies` at ",
    ];
    let said = || messages(&service.running.stderr());
    wait_until("everything is warned of", || {
        let said = said();
        warnings.iter().all(|warning| said.iter().any(|line| line.contains(warning)))
    });

    let said = said();
    let listening = format!("Server listening on port {}", service.port);
    assert!(said[0].starts_with("Pulsarr v") && said[0].ends_with(" starting"), "{said:#?}");
    assert_eq!(said[1..3], ["Database initialized (SQLite)", listening.as_str()], "{said:#?}");
    assert_eq!(service.running.stderr().lines().next().map(|line| line.contains(&said[0])), Some(true));
}

#[test]
fn a_second_service_on_the_same_store_refuses_and_says_who_holds_it() {
    let mut household = Household::new();
    let first = household.serve();
    household.set("PULSARR_PORT", "0");
    let second = household.start_service().finish();
    assert_ne!(second.code, Some(0));
    assert!(second.stderr.contains("another service already works on"), "{}", second.stderr);
    assert!(second.stderr.contains("(process "), "{}", second.stderr);
    assert_eq!(first.get("/healthz").status, 200);
}

#[test]
fn a_service_that_is_refused_has_touched_nothing_of_the_store() {
    let household = Household::new();
    let run = household.data_dir().join("run");
    std::fs::create_dir_all(&run).unwrap();
    let held = std::fs::File::create(run.join("service.lock")).unwrap();
    held.lock().unwrap();
    let refused = household.start_service().finish();
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("another service already works on"), "{}", refused.stderr);
    assert!(!household.data_dir().join("db").exists(), "the store was opened, and so migrated");
}

#[test]
fn everything_is_below_the_base_path_and_only_there() {
    let mut household = Household::new();
    household.set("PULSARR_BASE_PATH", "/media/pulsarr");
    let service = Service::of(household.start_service());
    assert_eq!(service.get("/media/pulsarr/healthz").status, 200);
    assert_eq!(service.get("/media/pulsarr/api/v1/setup").json()["needed"], true);
    assert_eq!(service.get("/media/pulsarr/api/v1/openapi.json").status, 401);
    assert_eq!(service.get("/api/v1/setup").status, 404);
    assert_eq!(service.get("/healthz").status, 404);
}

#[test]
fn a_data_folder_that_cannot_be_written_to_is_not_alive() {
    let mut household = Household::new();
    let service = household.serve();
    let run = household.data_dir().join("run");
    // Whoever runs the tests may write everywhere, but nobody can write a file where a folder stands.
    std::fs::remove_file(run.join("alive")).ok();
    std::fs::create_dir(run.join("alive")).unwrap();
    let answer = service.get("/healthz");
    assert_eq!(answer.status, 503, "nobody has asked before");
    assert!(answer.body.starts_with("the data folder cannot be written to: "), "{answer:?}");
}

#[test]
fn metrics_stand_on_a_port_of_their_own_and_tell_of_runs_in_other_processes() {
    let mut household = crate::wanting_two();
    household.sync_well();
    let service = household.serve();
    let page = service.metrics();
    assert!(page.contains("pulsarr_sync_runs_total{result=\"ok\",trigger=\"cli\"} 1\n"), "{page}");
    assert!(page.contains("pulsarr_configured 1\n"), "{page}");
    assert!(page.contains("pulsarr_routed_total{target=\"radarr\",instance=\"movies\"} 1\n"), "{page}");
    assert!(page.contains("pulsarr_routed_total{target=\"sonarr\",instance=\"shows\"} 1\n"), "{page}");
    let build = page.lines().find(|line| line.starts_with("pulsarr_build_info{version=\"")).unwrap();
    assert!(build.contains(",revision=\"") && build.ends_with("\"} 1") && !build.contains("\"\""), "{build}");
    for upstream in [
        "service=\"plex\",instance=\"\"",
        "service=\"radarr\",instance=\"movies\"",
        "service=\"sonarr\",instance=\"shows\"",
    ] {
        assert!(
            page.contains(&format!("pulsarr_upstream_requests_total{{{upstream},outcome=\"answered\"}}")),
            "{page}"
        );
    }
    assert_eq!(service.get("/metrics").status, 404);
}

#[test]
fn the_service_refuses_settings_with_mistakes() {
    let mut household = Household::new();
    household.set("PULSARR_PORT", "seven");
    let done = household.start_service().finish();
    assert_ne!(done.code, Some(0));
    assert!(done.stderr.contains("PULSARR_PORT: expected a port number"), "{}", done.stderr);
}

#[test]
fn the_service_names_a_port_that_is_taken() {
    let mut household = Household::new();
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    household.set("PULSARR_PORT", &taken.local_addr().unwrap().port().to_string());
    let done = household.start_service().finish();
    assert_ne!(done.code, Some(0));
    assert!(done.stderr.contains("failed to listen on 0.0.0.0:"), "{}", done.stderr);
}

#[test]
fn its_health_is_asked_with_the_program_itself() {
    let mut household = Household::new();
    household.set("PULSARR_BASE_PATH", "/media/pulsarr");
    let service = household.serve();
    let well = household.ask_service(&["healthcheck"]);
    assert_eq!((well.code, well.stdout.as_str(), well.stderr.as_str()), (Some(0), "", ""));

    let run = household.data_dir().join("run");
    let _ = std::fs::remove_file(run.join("alive.new"));
    std::fs::create_dir(run.join("alive.new")).unwrap();
    let mut ill = well;
    wait_until("it is found out", || {
        ill = household.ask_service(&["healthcheck"]);
        ill.code != Some(0)
    });
    assert_eq!(ill.code, Some(1), "{}", ill.stderr);
    assert!(
        ill.stderr.contains("503") && ill.stderr.contains("the data folder cannot be written to"),
        "{}",
        ill.stderr
    );

    service.running.kill();
    let gone = household.ask_service(&["healthcheck"]);
    assert_eq!(gone.code, Some(1));
    assert!(
        gone.stderr.contains(&format!("no answer from the service at 127.0.0.1:{}", service.port)),
        "{}",
        gone.stderr
    );
}

#[test]
fn its_command_line_teaches_and_refuses_what_it_does_not_know() {
    let household = Household::new();
    let told = |word: &str| household.ask_service(&[word]);
    assert_eq!(told("--version").stdout, format!("pulsarr-webhook-svc {}\n", env!("CARGO_PKG_VERSION")));
    assert!(told("--help").stdout.contains("healthcheck"));
    let unknown = told("sync");
    assert_eq!(unknown.code, Some(64), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("`sync`") && unknown.stderr.contains("Usage:"), "{}", unknown.stderr);
    assert!(!household.data_dir().exists(), "nothing was begun");
}

/// How much of the program's code is in memory; KiB.
fn code_in_memory(service: &Service) -> u32 {
    let process = format!("/proc/{}", service.running.id());
    let program = std::fs::read_link(format!("{process}/exe")).unwrap().display().to_string();
    let mappings = std::fs::read_to_string(format!("{process}/smaps")).unwrap();
    let mut lines = mappings.lines().skip_while(|line| !(line.contains(" r-xp ") && line.ends_with(&program)));
    let size = lines.find_map(|line| line.strip_prefix("Rss:")).expect("the program is mapped");
    size.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn the_code_that_only_the_start_needs_does_not_stay_in_memory_and_what_is_needed_again_comes_back() {
    let mut household = Household::new();
    household.set("PULSARR_FAST_LANE", "false");
    household.set("PULSARR_AUTH", "disabled");
    let service = household.serve();
    let page = service.get("/api/v1/watchlist");
    let mut most = 0;
    wait_until("most of it is given back", || {
        let now = code_in_memory(&service);
        most = most.max(now);
        now < most / 2
    });
    let again = service.get("/api/v1/watchlist");
    assert_eq!((again.status, again.json()), (200, page.json()));
}
