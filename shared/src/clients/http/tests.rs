//! The loop against servers that misbehave in every way a test can order.

use std::net::TcpListener;
use std::sync::atomic::AtomicUsize;

use pulsarr_tests::fakes::{FakePlex, FakeRadarr, Fault};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::clients::testing::{Scripted, answer, http, http_with, quick, read_request, until};
use crate::clock::ManualClock;
use crate::stop::StopReason;

const TOKEN: &str = "tok-that-must-not-leak";

fn question(url: &str) -> Request {
    Request::get(url, "/api/v3/system/status", &[])
        .unwrap()
        .with_secret("x-api-key", &SecretString::from(TOKEN))
        .unwrap()
}

fn status_of(radarr: &FakeRadarr) -> Request {
    let request = Request::get(&radarr.url(), "/api/v3/system/status", &[]).unwrap();
    request.with_secret("x-api-key", &SecretString::from(radarr.api_key())).unwrap()
}

async fn ask(http: &Http, request: &Request) -> Result<Value, FetchError> {
    http.json(request).await
}

#[tokio::test]
async fn a_redirect_is_reported_and_the_token_does_not_travel() {
    let elsewhere = Scripted::start(vec![answer("200 OK", "", "{}")]);
    let location = format!("location: {}/bucket?signature=abc\r\n", elsewhere.url());
    let server = Scripted::start(vec![answer("302 Found", &location, "")]);
    let error = ask(&http(), &question(&server.url())).await.unwrap_err();
    assert_eq!(error, FetchError::Redirected { location: format!("{}/bucket", elsewhere.url()) });
    assert!(server.seen()[0].contains(TOKEN));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn requests_say_who_we_are_and_carry_the_key_in_a_header_only() {
    let server = Scripted::start(vec![answer("200 OK", "content-type: application/json\r\n", "{}")]);
    ask(&http(), &question(&server.url())).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("GET /api/v3/system/status HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(concat!("user-agent: pulsarr/", env!("CARGO_PKG_VERSION"))), "{seen}");
    assert!(seen.contains("accept: application/json"), "{seen}");
}

#[tokio::test]
async fn an_echoed_token_is_blanked_out() {
    for (status, body) in
        [("400 Bad Request", "key tok-that-must-not-leak"), ("500 Oops", "<title>tok-that-must-not-leak</title>")]
    {
        let server = Scripted::start(vec![answer(status, "", body); 4]);
        let error = ask(&http(), &question(&server.url())).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error:?}");
        assert!(error.to_string().contains("***"), "{error}");
    }
}

#[tokio::test]
async fn a_failing_upstream_is_asked_four_times_and_a_refusing_one_once() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("GET", "/system/status").times(3).status(500));
    let http = http();
    assert!(ask(&http, &status_of(&radarr)).await.is_ok());
    assert_eq!(http.counters().requests, 4);

    radarr.inject(Fault::on("GET", "/system/status").times(4).html_status(502));
    let error = ask(&http, &status_of(&radarr)).await.unwrap_err();
    assert!(matches!(error, FetchError::ServerError { status: 502, json: false, .. }), "{error:?}");
    assert_eq!(http.counters().requests, 8);

    radarr.inject(Fault::on("GET", "/system/status").times(1).status(401));
    assert_eq!(ask(&http, &status_of(&radarr)).await.unwrap_err(), FetchError::Unauthorized);
    assert_eq!(http.counters().requests, 9);
}

#[tokio::test]
async fn a_cut_or_reset_answer_is_asked_for_again() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("GET", "/system/status").times(1).truncated());
    radarr.inject(Fault::on("GET", "/system/status").times(1).reset());
    let http = http();
    assert_eq!(ask(&http, &status_of(&radarr)).await.unwrap()["appName"], "Radarr");
    assert!(http.counters().requests >= 3);

    radarr.inject(Fault::on("GET", "/system/status").truncated());
    assert!(matches!(ask(&http, &status_of(&radarr)).await, Err(FetchError::Unreachable { .. })));
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = ask(&http(), &question(&url)).await.unwrap_err();
    assert!(matches!(&error, FetchError::Unreachable { detail } if detail.starts_with("cannot connect")), "{error:?}");
}

#[tokio::test]
async fn an_html_page_is_named_and_not_asked_for_again() {
    let page = "<html><head><title>Sign in</title></head></html>";
    let server = Scripted::start(vec![answer("200 OK", "content-type: text/html\r\n", page)]);
    let error = ask(&http(), &question(&server.url())).await.unwrap_err();
    assert_eq!(error, FetchError::NotJson { looks_like: "an HTML page titled `Sign in`".to_owned() });
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Scripted::start(vec![answer("200 OK", "", &format!("[{}1]", "1,".repeat(2_000)))]);
    let request = question(&server.url()).with_limits(1_000, Duration::from_secs(30), Duration::from_secs(30));
    assert_eq!(ask(&http(), &request).await.unwrap_err(), FetchError::TooLarge { limit: 1_000 });
}

#[tokio::test]
async fn the_budget_counts_repeats() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("GET", "/system/status").times(2).status(503));
    let http = http_with(HttpSettings { budget: 2, ..quick() }, &Stop::default());
    assert_eq!(ask(&http, &status_of(&radarr)).await.unwrap_err(), FetchError::BudgetSpent);
    assert_eq!(http.counters().requests, 2);
    assert_eq!(radarr.requests_to("/system/status"), 2);
}

#[tokio::test]
async fn a_throttled_request_is_repeated_three_times() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("GET", "/system/status").times(1).status(429).retry_after("0"));
    radarr.inject(Fault::on("GET", "/system/status").times(1).status(429).retry_after("Sun, 06 Nov 1994 08:49:37 GMT"));
    radarr.inject(Fault::on("GET", "/system/status").times(1).status(429));
    let http = http();
    assert!(ask(&http, &status_of(&radarr)).await.is_ok());
    assert_eq!(http.counters(), Counters { requests: 4, not_modified: 0, throttled: 3 });

    radarr.inject(Fault::on("GET", "/system/status").status(429).retry_after("0"));
    let error = ask(&http, &status_of(&radarr)).await.unwrap_err();
    assert_eq!(error, FetchError::RateLimited { retry_after_s: Some(0) });
    assert_eq!(http.counters().requests, 8);
}

#[tokio::test]
async fn one_throttled_request_holds_back_all_others_until_the_run_stops() {
    let plex = FakePlex::start();
    plex.inject(Fault::on("GET", "/user").times(1).status(429).retry_after("86400"));
    let stop = Stop::default();
    let http = http_with(quick(), &stop);
    let request = |path: &str| Request::get(&plex.plex_tv_url(), path, &[]).unwrap();
    let (user, ping) = (request("/api/v2/user"), request("/api/v2/ping"));
    let then_stop = async {
        until(|| http.counters().throttled == 1).await;
        let other = http.json::<Value>(&ping);
        let stopping = async {
            tokio::task::yield_now().await;
            stop.request(StopReason::TimeLimit);
        };
        tokio::join!(other, stopping).0
    };
    let (throttled, other) = tokio::join!(http.json::<Value>(&user), then_stop);
    assert_eq!((throttled, other), (Err(FetchError::Stopped), Err(FetchError::Stopped)));
    assert_eq!(plex.requests_to("/ping"), 0);
}

#[tokio::test]
async fn a_question_is_dropped_when_the_run_stops() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("GET", "/system/status").never());
    let stop = Stop::default();
    let http = http_with(quick(), &stop);
    let stopping = async {
        until(|| radarr.requests_to("/system/status") == 1).await;
        stop.request(StopReason::Terminated);
    };
    let request = status_of(&radarr);
    let (outcome, ()) = tokio::join!(ask(&http, &request), stopping);
    assert_eq!(outcome, Err(FetchError::Stopped));
}

fn change(radarr: &FakeRadarr) -> Request {
    let request = Request::post(&radarr.url(), "/api/v3/tag", &json!({ "label": "plex" })).unwrap().into_write();
    request.with_secret("x-api-key", &SecretString::from(radarr.api_key())).unwrap()
}

#[tokio::test]
async fn a_change_under_way_may_finish_after_the_stop() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("POST", "/tag").times(1).latency_ms(50));
    let stop = Stop::default();
    let http = http_with(quick(), &stop);
    let stopping = async {
        until(|| radarr.requests("POST", "/tag") == 1).await;
        stop.request(StopReason::Terminated);
    };
    let request = change(&radarr);
    let (outcome, ()) = tokio::join!(ask(&http, &request), stopping);
    assert_eq!(outcome.unwrap()["label"], "plex");
    assert_eq!(ask(&http, &request).await, Err(FetchError::Stopped));
}

#[tokio::test]
async fn a_change_that_does_not_finish_in_its_grace_is_lost() {
    let radarr = FakeRadarr::start();
    radarr.inject(Fault::on("POST", "/tag").never());
    let stop = Stop::default();
    let mut http = http_with(quick(), &stop);
    Arc::get_mut(&mut http.0).unwrap().grace = Duration::ZERO;
    let stopping = async {
        until(|| radarr.requests("POST", "/tag") == 1).await;
        stop.request(StopReason::Terminated);
    };
    let request = change(&radarr);
    let (outcome, ()) = tokio::join!(ask(&http, &request), stopping);
    assert!(matches!(outcome, Err(FetchError::Lost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_change_is_sent_once_and_its_lost_answer_is_called_lost() {
    let radarr = FakeRadarr::start();
    let http = http();
    let faults = [
        Fault::on("POST", "/tag").times(1).reset().after_effect(),
        Fault::on("POST", "/tag").times(1).truncated(),
        Fault::on("POST", "/tag").times(1).html_status(504).after_effect(),
    ];
    for (sent, fault) in faults.into_iter().enumerate() {
        radarr.inject(fault);
        let error = ask(&http, &change(&radarr)).await.unwrap_err();
        assert!(matches!(error, FetchError::Lost { .. }), "{error:?}");
        assert_eq!(radarr.requests("POST", "/tag"), sent + 1);
    }
    radarr.inject(Fault::on("POST", "/tag").times(1).status(500));
    assert!(matches!(ask(&http, &change(&radarr)).await, Err(FetchError::ServerError { status: 500, json: true, .. })));
    assert_eq!(radarr.requests("POST", "/tag"), 4);
}

#[tokio::test]
async fn an_untrusted_certificate_is_reported_once_and_its_own_file_makes_it_trusted() {
    let connections = Arc::new(AtomicUsize::new(0));
    let url = tls_server(&connections);
    let error = ask(&http(), &question(&url)).await.unwrap_err();
    assert!(matches!(error, FetchError::Certificate { .. }), "{error:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);

    let certificate = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/clients/testdata/household.pem");
    let transport = Transport::trusting(Some(&certificate)).unwrap();
    let http = Http::new(transport, quick(), Arc::new(ManualClock::at(0)), Stop::default());
    assert_eq!(ask(&http, &question(&url)).await, Ok(json!({ "secure": true })));
}

/// Serves `{"secure":true}` over TLS with a self-signed certificate for 127.0.0.1.
fn tls_server(connections: &Arc<AtomicUsize>) -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../testdata/household.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../testdata/household-key.pem")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let connections = Arc::clone(connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            connections.fetch_add(1, Ordering::SeqCst);
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::Stream::new(&mut connection, &mut stream);
            if !read_request(&mut tls).is_empty() {
                let _ = std::io::Write::write_all(&mut tls, answer("200 OK", "", "{\"secure\":true}").as_bytes());
                tls.conn.send_close_notify();
                let _ = std::io::Write::flush(&mut tls);
            }
        }
    });
    url
}
