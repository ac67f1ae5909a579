//! The demo, as the README's first commands start it.

use std::process::Command;
use std::time::Duration;

use pulsarr_tests::household::{Running, wait_at_most};
use pulsarr_tests::lively::{ADMIN, PASSWORD};
use pulsarr_tests::service::{Answer, ask, free_port};
use serde_json::json;

fn demo(arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments);
    Running::start(command)
}

/// A question that may come before anybody listens.
fn asked(port: u16, path: &str) -> Option<Answer> {
    std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    Some(ask(port, "GET", path, &[], b""))
}

#[test]
fn the_whole_product_opens_lively_for_whoever_signs_in_as_it_says_and_ends_with_all_that_belongs_to_it() {
    let port = free_port();
    let mut running = demo(&["--serve", &port.to_string()]);
    let begin = format!("http://localhost:{port}   user name {ADMIN}, password {PASSWORD}");
    wait_at_most(Duration::from_secs(300), "the household has moved in", || {
        assert!(!running.has_ended(), "{}", running.stderr());
        running.stdout().contains(&begin)
    });
    let sign_in = asked(port, "/login").expect("somebody listens");
    assert!(sign_in.status == 200 && sign_in.body.contains("Password"), "{sign_in:?}");
    let body = json!({"username": ADMIN, "password": PASSWORD}).to_string();
    let session = ask(port, "POST", "/api/v1/session", &[("Content-Type", "application/json")], body.as_bytes());
    assert!((200..300).contains(&session.status), "{session:?}");
    let cookie = pulsarr_tests::session::Session::of(&session).cookie;
    let page = |path: &str| ask(port, "GET", path, &[("Cookie", &cookie), ("Accept", "text/html")], b"").body;
    let counted = ask(port, "GET", "/api/v1/stats", &[("Cookie", &cookie)], b"").json();
    let entries: u64 = counted["entries"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
    assert!(entries >= 100, "{counted:#}");
    for (path, empty) in [
        ("/watchlist", "Nothing on a list"),
        ("/approvals", "Nobody waits for an answer"),
        ("/rules", "No rules yet"),
        ("/activity/runs", "No run yet"),
    ] {
        let page = page(path);
        assert!(page.contains("<main") && !page.contains(empty), "{path}:\n{page}");
    }
    running.terminate();
    let done = running.finish();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(asked(port, "/login").is_none(), "nobody is left behind");
}

#[test]
fn a_port_that_is_taken_or_none_is_told_at_once() {
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = demo(&["--serve", &port]).finish();
    assert!(done.code == Some(1) && done.stderr.contains(&format!("port {port} cannot be had")), "{done:?}");
    let done = demo(&["--serve", "soon"]).finish();
    assert!(done.code == Some(64) && done.stderr.contains("after --serve comes a port"), "{done:?}");
}
