//! The service beside the job: today it says that it is alive, and goes when told to.

use std::io::{Read, Write};
use std::net::TcpStream;

use pulsarr_tests::household::{Household, Running, wait_until};

/// The port from the log, a JSON line on standard error.
fn port(service: &Running) -> u16 {
    let mut port = None;
    wait_until("the service listens", || {
        let log = service.stderr();
        port = log.lines().find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            line["message"].as_str()?.strip_prefix("Server listening on port ")?.parse().ok()
        });
        port.is_some()
    });
    port.expect("the wait was for it")
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_service_says_that_it_is_alive_and_ends_on_sigterm() {
    let mut household = Household::new();
    household.set("PULSARR_PORT", "0");
    let service = household.start_service();
    let port = port(&service);
    assert!(get(port, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(port, "/nothing-here").starts_with("HTTP/1.1 404 "));

    service.terminate();
    let done = service.finish();

    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
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
