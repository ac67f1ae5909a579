//! Somebody who is signed in to the service, without a browser.

use serde_json::{Value, json};

use crate::household::wait_until;
use crate::service::{Answer, Service};

/// The password of whoever makes the first visit.
pub const PASSWORD: &str = "correct horse";

/// A session: its cookie, and what shows that a request is no forgery.
pub struct Session {
    /// `pulsarr_session=…`, as `Cookie` wants it.
    pub cookie: String,
    /// What `X-CSRF-Token` has to be.
    pub csrf: String,
}

impl Session {
    /// The first visit, by `mirela`: with the token that the log shows.
    ///
    /// # Panics
    /// When the service is set up already.
    #[must_use]
    pub fn first(service: &Service) -> Self {
        Self::first_of(service, "mirela", PASSWORD)
    }

    /// The first visit, by somebody.
    ///
    /// # Panics
    /// As [`first`](Self::first).
    #[must_use]
    pub fn first_of(service: &Service, username: &str, password: &str) -> Self {
        let body = json!({"token": setup_token(service), "username": username, "password": password});
        Self::of(&service.ask("POST", "/api/v1/setup", &[], body.to_string().as_bytes()))
    }

    /// The session that an answer begins.
    ///
    /// # Panics
    /// When it begins none.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        assert!((200..300).contains(&answer.status), "{answer:?}");
        let line = answer.head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: "));
        let cookie = line.and_then(|line| line.split([' ', ';']).nth(1)).expect("a cookie comes with it").to_owned();
        assert!(answer.head.contains("HttpOnly") && answer.head.contains("SameSite=Lax"), "{}", answer.head);
        Self { cookie, csrf: answer.json()["csrf_token"].as_str().expect("a token comes with it").to_owned() }
    }

    /// One request to the API, with a JSON body or `null` for none.
    #[must_use]
    pub fn ask(&self, service: &Service, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("Cookie", self.cookie.as_str()), ("X-CSRF-Token", self.csrf.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        service.ask(method, &format!("/api/v1{path}"), &headers, body.as_bytes())
    }

    /// A page, as a browser asks for it.
    #[must_use]
    pub fn page(&self, service: &Service, path: &str) -> Answer {
        service.ask("GET", path, &[("Cookie", &self.cookie), ("Accept", "text/html")], b"")
    }
}

/// The one-time token that the log of a service shows until somebody has made the first visit.
///
/// # Panics
/// When it does not show one in time.
#[must_use]
pub fn setup_token(service: &Service) -> String {
    let mut token = None;
    wait_until("the log shows the setup token", || {
        let log = service.running.stderr();
        let said = log.split("this setup token: ").nth(1).and_then(|rest| rest.split(['"', '\n']).next());
        token = said.map(str::to_owned);
        token.is_some()
    });
    token.expect("waited for")
}
