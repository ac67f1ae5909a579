//! Stories in a real browser, one module per story: the real service, the stand-ins, and a person in front of them. Every story
//! also fails when the browser complains: of a script that fails, of something that does not load, of what the content policy forbids.
//!
//! Without Chromium every story is skipped and says so; `PULSARR_REQUIRE_BROWSER=1` makes it fail instead.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod accessibility;
mod activity;
mod approvals;
mod inline;
mod instances;
mod keyboard;
mod rules;
mod runs;
mod settings;
mod setup;
mod sign_in;
mod stale;
mod users;
mod watchlist;
mod weight;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pulsarr_tests::browser::{Browser, Look, missing};
use pulsarr_tests::household::{Household, wanting_two};
use pulsarr_tests::service::Service;
use pulsarr_tests::session::Session;

/// What a story plays with.
struct Scene {
    browser: Browser,
    household: Household,
    service: Service,
}

/// Plays a story: the household's service runs, and a browser looks at it like this. Afterwards the browser may not have complained.
fn play(look: Look, mut household: Household, story: impl FnOnce(&mut Scene)) {
    if let Some(why) = missing() {
        return skipped("a story in a browser", &why);
    }
    let service = household.serve();
    let browser = Browser::open(service.port, look);
    let mut scene = Scene { browser, household, service };
    let told = catch_unwind(AssertUnwindSafe(|| {
        story(&mut scene);
        scene.browser.has_no_complaint();
    }));
    let Err(failed) = told else { return };
    let said = failed.downcast_ref::<String>().map(String::as_str).or(failed.downcast_ref::<&str>().copied());
    let said = said.unwrap_or("the story failed");
    // Waiting in vain has taken its screenshot.
    let evidence = if said.contains("how it looked") { String::new() } else { scene.browser.evidence() };
    panic!("{said}\n{evidence}\n{}", scene.service.running.stderr());
}

/// The same with somebody who is signed in already.
fn play_signed_in(look: Look, household: Household, story: impl FnOnce(&mut Scene)) {
    play(look, household, |scene| {
        scene.sign_in();
        story(scene);
    });
}

impl Scene {
    /// Signs the browser in, without a form.
    fn sign_in(&self) -> Session {
        let session = Session::first(&self.service);
        self.browser.sign_in(&session);
        session
    }

    /// Takes every place for streams of events, until what is answered goes.
    fn take_all_streams(&self, session: &Session) -> Vec<TcpStream> {
        let mut taken = Vec::new();
        loop {
            let mut stream = TcpStream::connect(("127.0.0.1", self.service.port)).unwrap();
            let head = "GET /api/v1/runs/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ";
            stream.write_all(format!("{head}{}\r\n\r\n", session.cookie).as_bytes()).unwrap();
            let mut status = [0; 12];
            stream.read_exact(&mut status).unwrap();
            match &status {
                b"HTTP/1.1 200" => taken.push(stream),
                b"HTTP/1.1 503" => return taken,
                other => panic!("a stream was answered with {}", String::from_utf8_lossy(other)),
            }
        }
    }
}

/// Says loudly that something is not tested here, or fails where it has to be.
fn skipped(what: &str, why: &str) {
    let required = std::env::var("PULSARR_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
    assert!(!required, "PULSARR_REQUIRE_BROWSER=1, and {why}");
    // Past the test harness, which would swallow it.
    let _ = writeln!(std::io::stderr().lock(), "!! SKIPPED: {what}, because {why}");
}
