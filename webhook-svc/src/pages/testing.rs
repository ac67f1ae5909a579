//! A visitor with a browser that runs no scripts, for the tests of pages: every request passes the whole service.

use pulsarr_shared::store::{Db, Store, StoreError};
use serde_json::json;
use warp::http::HeaderMap;

use crate::server::Peer;
use crate::testing::{Testing, app, app_with_settings};

/// Somebody who is signed in as `ada`.
pub struct Visitor {
    /// The service that is visited.
    pub service: Testing,
    cookie: String,
    csrf: String,
}

/// What was answered.
pub struct Shown {
    /// The status.
    pub status: u16,
    /// The page.
    pub text: String,
    headers: HeaderMap,
}

impl Shown {
    /// The header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

const SETUP_TOKEN: (&str, &str) = ("PULSARR_SETUP_TOKEN", "first-visit");

impl Visitor {
    /// Her password.
    pub const PASSWORD: &str = "correct horse";

    /// A service with this settings file, and an admin who is signed in.
    pub async fn set_up(settings: &str) -> Self {
        Self::signed_in(app_with_settings(&[SETUP_TOKEN], settings)).await
    }

    /// A service where nobody has been yet.
    pub fn first() -> Self {
        Self::new(app(&[SETUP_TOKEN]))
    }

    /// A visitor of this service, whose setup token is `first-visit`, signed in nowhere.
    pub const fn new(service: Testing) -> Self {
        Self { service, cookie: String::new(), csrf: String::new() }
    }

    /// The same with the cookies and the form token that an answer brought.
    pub async fn with_session_of(self, answered: &Shown) -> Self {
        let cookie = answered.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let token = cookie.strip_prefix("pulsarr_session=").unwrap_or_default();
        Self { csrf: crate::auth::csrf_token(token), cookie, ..self }
    }

    /// The admin of this service is made and signed in.
    pub async fn signed_in(service: Testing) -> Self {
        let body = json!({"token": SETUP_TOKEN.1, "username": "ada", "password": Self::PASSWORD});
        let made = service.ask("192.168.1.9", "POST", "/setup", &[], Some(body)).await;
        let cookie = made.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let csrf = made.json["csrf_token"].as_str().unwrap().to_owned();
        Self { service, cookie, csrf }
    }

    /// The same service, and nobody signed in.
    pub fn signed_out(self) -> Self {
        Self { cookie: String::new(), csrf: String::new(), ..self }
    }

    /// The headers by which the API knows them too.
    pub fn headers(&self) -> [(&str, &str); 2] {
        [("cookie", &self.cookie), ("x-csrf-token", &self.csrf)]
    }

    /// Changes the store behind the service's back.
    pub fn write<T>(&self, work: impl FnOnce(Db<'_>) -> Result<T, StoreError>) -> T {
        Store::open(self.service.folder.path(), false).unwrap().write(work).unwrap()
    }

    /// The page at `path`.
    pub async fn get(&self, path: &str) -> Shown {
        self.ask("GET", path, String::new()).await
    }

    /// Sends a form with these fields.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        self.post_as(path, &self.csrf, fields).await
    }

    /// The same with another token.
    pub async fn post_as(&self, path: &str, csrf: &str, fields: &[(&str, &str)]) -> Shown {
        let fields = fields.iter().copied().chain([("csrf_token", csrf)]);
        let pairs = fields.map(|(name, value)| format!("{}={}", sent(name), sent(value)));
        self.ask("POST", path, pairs.collect::<Vec<_>>().join("&")).await
    }

    async fn ask(&self, method: &str, path: &str, body: String) -> Shown {
        let socket = ("192.168.1.9".parse::<std::net::IpAddr>().unwrap(), 50_000).into();
        let request = warp::test::request()
            .method(method)
            .path(&format!("{}{path}", self.service.app.base_path()))
            .header("accept", "text/html,*/*;q=0.8")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(Peer(socket))
            .body(body);
        let answer = request.reply(&crate::routes::all(&self.service.app)).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        Shown { status: answer.status().as_u16(), text, headers: answer.headers().clone() }
    }
}

/// As browsers send it.
fn sent(text: &str) -> String {
    super::trouble::encoded(text).replace("%20", "+")
}
