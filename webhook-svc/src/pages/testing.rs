//! A visitor with a browser that runs no scripts, for the tests of pages: every request passes the whole service.

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::ManualClock;
use pulsarr_shared::config::Config;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{Db, Store, StoreError};
use pulsarr_tests::household::Household as StandIns;
use serde_json::{Value, json};
use warp::http::HeaderMap;

use crate::api::household::{Household, SETTINGS};
use crate::app::App;
use crate::configuration::Origin;
use crate::server::Peer;
use crate::testing::{Answered, NOW, Testing, app, app_with_settings};

/// Somebody who is signed in as `ada`.
pub struct Visitor {
    /// The service that is visited.
    pub service: Testing,
    cookie: String,
    csrf: String,
}

/// A visitor of a household where that many films wait for somebody to say yes.
pub async fn asked(films: u32) -> (Visitor, Household) {
    let visitor = Visitor::set_up(SETTINGS).await;
    let household = Household::of(&visitor.service);
    household.wish(films);
    household.hold_all("run-1");
    (visitor, household)
}

/// Somebody whom nobody knows yet, at the service of a household among stand-ins for Plex, Radarr and Sonarr, where nobody has been yet.
pub fn among_stand_ins(settings: &str) -> (StandIns, Visitor) {
    let mut household = StandIns::new();
    household.set(SETUP_TOKEN.0, SETUP_TOKEN.1);
    household.write_settings(settings);
    let variables: Vec<_> = household.vars.clone().into_iter().collect();
    let origin = Origin { variables: variables.clone(), base_dir: household.folder().to_owned() };
    let config = Config::load(variables, household.folder()).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let app = App::new(config, origin, Arc::clone(&clock) as _, Stop::default(), Arc::default()).unwrap();
    // What it keeps is with the household.
    let service = Testing { app: Arc::new(app), clock, folder: tempfile::tempdir().unwrap() };
    (household, Visitor::new(service))
}

/// Her other browser.
pub struct Elsewhere {
    cookie: String,
}

impl Elsewhere {
    /// What the API of the same service answers.
    pub async fn api(&self, visitor: &Visitor, method: &str, path: &str) -> Answered {
        visitor.service.ask("192.168.1.10", method, path, &[("cookie", self.cookie.as_str())], None).await
    }
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
        Self::set_up_with(&[], settings).await
    }

    /// The same in this environment.
    pub async fn set_up_with(vars: &[(&str, &str)], settings: &str) -> Self {
        let vars: Vec<_> = vars.iter().copied().chain([SETUP_TOKEN]).collect();
        Self::signed_in(app_with_settings(&vars, settings)).await
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

    /// The same person at another browser.
    pub async fn again(&self) -> Elsewhere {
        let body = json!({"username": "ada", "password": Self::PASSWORD});
        let made = self.service.ask("192.168.1.10", "POST", "/session", &[], Some(body)).await;
        Elsewhere { cookie: made.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned() }
    }

    /// What the API answers.
    pub async fn api(&self, method: &str, path: &str) -> Answered {
        self.api_with(method, path, None).await
    }

    /// The same with a body.
    pub async fn api_with(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.service.ask("192.168.1.9", method, path, &self.headers(), body).await
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

    /// The page at `path` as soon as it shows what `fits`.
    pub async fn until(&self, path: &str, fits: impl Fn(&str) -> bool) -> Shown {
        let looked = async {
            loop {
                let shown = self.get(path).await;
                assert_eq!(shown.status, 200, "{path}: {}", shown.text);
                if fits(&shown.text) {
                    return shown;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), looked).await {
            Ok(shown) => shown,
            Err(_) => panic!("{path} never shows it: {}", self.get(path).await.text),
        }
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

    /// The same from a page of `origin`.
    pub async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Shown {
        let pairs = fields.iter().map(|(name, value)| format!("{}={}", sent(name), sent(value)));
        self.ask_from(Some(("origin", origin)), "POST", path, pairs.collect::<Vec<_>>().join("&")).await
    }

    /// The same from the page at `address`, as browsers say it of their own site.
    pub async fn post_from_page(&self, address: &str, path: &str, fields: &[(&str, &str)]) -> Shown {
        let pairs = fields.iter().map(|(name, value)| format!("{}={}", sent(name), sent(value)));
        self.ask_from(Some(("referer", address)), "POST", path, pairs.collect::<Vec<_>>().join("&")).await
    }

    async fn ask(&self, method: &str, path: &str, body: String) -> Shown {
        self.ask_from(None, method, path, body).await
    }

    async fn ask_from(&self, from: Option<(&str, &str)>, method: &str, path: &str, body: String) -> Shown {
        let socket = ("192.168.1.9".parse::<std::net::IpAddr>().unwrap(), 50_000).into();
        let request = warp::test::request()
            .method(method)
            .path(&format!("{}{path}", self.service.app.base_path()))
            .header("accept", "text/html,*/*;q=0.8")
            .header("cookie", &self.cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(Peer(socket))
            .body(body);
        let request = match from {
            Some((name, value)) => request.header(name, value),
            None => request,
        };
        let answer = request.reply(&crate::routes::all(&self.service.app)).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        Shown { status: answer.status().as_u16(), text, headers: answer.headers().clone() }
    }
}

/// As browsers send it.
fn sent(text: &str) -> String {
    super::trouble::encoded(text).replace("%20", "+")
}
