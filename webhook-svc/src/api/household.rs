//! A service over a store of its own, for tests: its handlers are called as if everybody might.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pulsarr_shared::clock::ManualClock;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{
    ApprovalTrigger, Decision, Destination, ExternalIds, Granted, ListedTitle, MediaType, Outcome, PlexId, Relation,
    TmdbId, Trace, UserUuid, WaitsFor,
};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::{Db, NewlyDecided, Store, StoreError};
use serde_json::Value;
use warp::Filter as _;
use warp::http::{HeaderMap, Method};
use warp::reply::Response;

use super::endpoint::Endpoint;
use crate::app::App;
use crate::configuration::Origin;
use crate::request::{ApiError, Ask, Who};
use crate::testing::Testing;

/// Noon.
pub const NOON: i64 = 1_795_435_200_000;

/// Two Radarrs, and a quota.
pub const SETTINGS: &str = "\
plex: {token: xxxxxxxxxxxxxxxxxxxx}
instances:
- name: movies
  kind: radarr
  url: http://127.0.0.1:7878
  api_key: 0123456789abcdef0123456789abcdef
  default: true
- name: uhd
  kind: radarr
  url: http://127.0.0.1:7879
  api_key: 0123456789abcdef0123456789abcdef
users:
  defaults:
    quotas:
    - {type: movie, period: daily, limit: 4}
rules:
- name: old films
  when: {year: {\"<\": 1960}}
  route: [{to: uhd}]
";

pub struct Household {
    pub app: Arc<App>,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Household {
    /// With this settings file.
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pulsarr.yaml"), settings).unwrap();
        let vars = [("PULSARR_DATA_DIR".to_owned(), folder.path().display().to_string())];
        let origin = Origin { variables: vars.to_vec(), base_dir: folder.path().to_owned() };
        let config = Config::load(vars, folder.path()).unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let app = App::new(config, origin, clock, Stop::default(), Arc::default()).unwrap();
        Self { app: Arc::new(app), store: Store::open(folder.path(), false).unwrap(), _folder: folder }
    }

    /// Over the store of another service under test.
    pub fn of(service: &Testing) -> Self {
        let store = Store::open(service.folder.path(), false).unwrap();
        Self { app: Arc::clone(&service.app), store, _folder: tempfile::tempdir().unwrap() }
    }

    pub fn write<T>(&self, work: impl FnOnce(Db<'_>) -> Result<T, StoreError>) -> T {
        self.store.write(work).unwrap()
    }

    pub fn db(&self) -> Db<'_> {
        self.store.read()
    }

    /// Puts `count` more films on ana's list.
    pub fn wish(&self, count: u32) {
        let ana = UserUuid::parse("5be07c1d2a94f036").unwrap();
        self.write(|db| {
            let user = db.upsert_user(&ana, "ana", "Ana", Relation::Owner, 1)?;
            let there = db.open_entry_count(user)?;
            for number in there + 1..=there + count {
                let title = db.upsert_listed_title(&ListedTitle {
                    plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                    media_type: MediaType::Movie,
                    title: format!("Salt Ledger {number}"),
                    year: Some(2025),
                    ids: Some(ExternalIds { tmdb: Some(TmdbId(number)), ..ExternalIds::default() }),
                    poster_url: None,
                })?;
                db.open_entry(user, title, NOON - 3_600_000)?;
            }
            Ok(())
        });
    }

    pub fn look<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store)
    }

    /// Lets `run_id` decide that somebody is asked about everything new: for `movies`, by a rule.
    pub fn hold_all(&self, run_id: &str) {
        self.hold_all_for(run_id, &["movies"]);
    }

    /// The same for those of these instances that there are, each with its own options.
    pub fn hold_all_for(&self, run_id: &str, instances: &[&str]) {
        let config = self.app.config();
        let named = instances.iter().filter_map(|name| config.settings.instances.iter().find(|it| it.name == **name));
        let destinations = named.map(|it| Destination {
            instance: it.name.clone(),
            options: it.options.clone(),
            because: "it takes films".into(),
        });
        let decision = Decision {
            outcome: Outcome::Hold {
                reason: "somebody is asked".into(),
                waits_for: WaitsFor::Approval(ApprovalTrigger::Rule),
                destinations: destinations.collect(),
            },
            labels: Vec::new(),
            trace: Trace::new(),
        };
        self.settle_all(run_id, &decision);
    }

    /// Lets `run_id` decide that everything new goes to `movies`.
    pub fn route_all(&self, run_id: &str) {
        let options = self.app.config().settings.instances[0].options.clone();
        let because = "it takes films".to_owned();
        let outcome = Outcome::Route {
            destinations: vec![Destination { instance: "movies".into(), options, because }],
            granted: Granted::Room,
            auto_approved: None,
        };
        self.settle_all(run_id, &Decision { outcome, labels: Vec::new(), trace: Trace::new() });
    }

    /// Lets `run_id` decide so about everything new.
    pub fn settle_all(&self, run_id: &str, decision: &Decision) {
        self.write(|db| {
            for undecided in db.undecided(NOON)? {
                db.settle(&NewlyDecided { undecided, decision, run_id }, NOON)?;
            }
            Ok(())
        });
    }

    /// What the endpoint answers, as it comes.
    pub async fn ask(
        &self,
        endpoints: &'static [Endpoint],
        (method, path): (Method, &str),
        variable: &str,
        query: &str,
        body: &str,
    ) -> Result<Response, ApiError> {
        let endpoint = endpoints.iter().find(|it| it.method == method && it.path == path).unwrap();
        let name = path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(name, _)| name);
        let name = endpoint.path.split(['{', '}']).find(|part| *part == name).unwrap_or_default();
        let ask = Ask {
            app: Arc::clone(&self.app),
            who: Who { name: "ana".into(), may_write: true },
            remote: None,
            headers: HeaderMap::new(),
            variables: vec![(name, variable.to_owned())],
            query: crate::request::pairs(query),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        (endpoint.handle)(ask).await
    }

    /// The JSON that `GET path?query` answers.
    pub async fn get(&self, endpoints: &'static [Endpoint], path: &str, query: &str) -> Result<Value, ApiError> {
        json_of(self.ask(endpoints, (Method::GET, path), "", query, "").await?).await
    }

    /// The JSON that `GET path` answers, `variable` standing for what varies.
    pub async fn get_one(&self, endpoints: &'static [Endpoint], path: &str, variable: &str) -> Result<Value, ApiError> {
        json_of(self.ask(endpoints, (Method::GET, path), variable, "", "").await?).await
    }

    /// The JSON that `POST path` answers, `variable` standing for what varies.
    pub async fn post(
        &self,
        endpoints: &'static [Endpoint],
        path: &str,
        variable: &str,
        body: &str,
    ) -> Result<Value, ApiError> {
        json_of(self.ask(endpoints, (Method::POST, path), variable, "", body).await?).await
    }
}

/// What was answered to a request through the table of endpoints.
pub struct Told {
    pub status: u16,
    pub etag: Option<String>,
    /// Null where nothing was said.
    pub json: Value,
}

impl Household {
    /// What is answered to `method path?query`, which is found as any request's is; `if_match` is that header.
    pub async fn send(&self, method: Method, path: &str, if_match: Option<&str>, body: &Value) -> Told {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<String> = path.split('/').skip(1).map(crate::request::decoded).collect();
        let (endpoint, variables) = super::endpoints()
            .filter(|it| it.method == method)
            .find_map(|it| it.variables(&parts).map(|variables| (it, variables)))
            .unwrap();
        let mut headers = HeaderMap::new();
        headers.extend(if_match.map(|version| (warp::http::header::IF_MATCH, version.parse().unwrap())));
        let response = (endpoint.handle)(Ask {
            app: Arc::clone(&self.app),
            who: Who { name: "ana".into(), may_write: true },
            remote: None,
            headers,
            variables,
            query: crate::request::pairs(query),
            body: Bytes::from(if body.is_null() { String::new() } else { body.to_string() }),
        });
        let response = response.await.unwrap_or_else(warp::Reply::into_response);
        let etag = response.headers().get(warp::http::header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        Told { status, etag, json: serde_json::from_slice(&body_of(response).await).unwrap_or_default() }
    }
}

async fn json_of(response: Response) -> Result<Value, ApiError> {
    Ok(serde_json::from_slice(&body_of(response).await).unwrap())
}

/// The whole body, which has to come to an end.
pub async fn body_of(response: Response) -> Bytes {
    let once = Arc::new(Mutex::new(Some(response)));
    let filter = warp::any().map(move || once.lock().unwrap().take().unwrap());
    warp::test::request().reply(&filter).await.into_body()
}
