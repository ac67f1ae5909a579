//! Plex by the API, beside a stand-in for Plex and with real runs.

mod linking;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::ManualClock;
use pulsarr_shared::config::Config;
use pulsarr_shared::model::Trigger;
use pulsarr_shared::report::Report;
use pulsarr_shared::stop::Stop;
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::Seen;
use pulsarr_tests::household::Household;
use serde_json::{Value, json};

use crate::app::App;
use crate::configuration::Origin;
use crate::engine::Wish;
use crate::plex_health;
use crate::testing::{Answered, NOW, Testing};

/// Where films go, and nothing about Plex.
const LINKLESS: &str = "\
instances:
- name: movies
  kind: radarr
  url: ${RADARR_URL}
  api_key: ${RADARR_API_KEY}
  default: true
";

/// A token, and a server where nobody listens.
const LINKED_BY_FILE: &str = "plex: {token: \"${PLEX_TOKEN}\", server_url: \"http://127.0.0.1:9\"}\n";

struct Story {
    household: Household,
    service: Testing,
    answers: std::cell::RefCell<String>,
}

impl Story {
    /// Where the settings file has the token.
    fn linked_by_file() -> Self {
        Self::with(&format!("{LINKED_BY_FILE}{LINKLESS}"))
    }

    fn with(settings: &str) -> Self {
        let mut household = Household::new();
        household.set("PULSARR_AUTH", "disabled");
        household.write_settings(settings);
        let origin =
            Origin { variables: household.vars.clone().into_iter().collect(), base_dir: household.folder().to_owned() };
        let config = Config::load(household.vars.clone(), household.folder()).unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let app = App::new(config, origin, clock.clone(), Stop::default(), Arc::default()).unwrap();
        let service = Testing { app: Arc::new(app), clock, folder: tempfile::tempdir().unwrap() };
        Self { household, service, answers: std::cell::RefCell::default() }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        let answered = self.service.ask("192.168.1.9", method, path, &[], body).await;
        self.answers.borrow_mut().push_str(&answered.text);
        answered
    }

    async fn get(&self, path: &str) -> Value {
        let answered = self.ask("GET", path, None).await;
        assert_eq!(answered.status, 200, "{path}: {}", answered.text);
        answered.json
    }

    async fn paste(&self, token: &str) -> Answered {
        self.ask("PUT", "/plex/token", Some(json!({"token": token}))).await
    }

    /// Links the owner's account by a code; answers the last look.
    async fn link(&self) -> Value {
        let begun = self.ask("POST", "/plex/link", None).await;
        assert_eq!(begun.status, 200, "{}", begun.text);
        self.household.plex.claim_pin(begun.json["code"].as_str().unwrap());
        self.service.clock.advance(Duration::from_secs(2));
        self.get("/plex/link").await
    }

    /// What comes of this while another process writes for longer than anybody waits for the store.
    async fn beside_a_writer<T>(&self, ask: impl Future<Output = T>) -> T {
        let folder = self.household.data_dir();
        let (begins, begun) = tokio::sync::oneshot::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let writer = std::thread::spawn(move || {
            let store = Store::open(&folder, false).unwrap();
            let wait = |_: pulsarr_shared::store::Db<'_>| {
                begins.send(()).unwrap();
                ends.recv().unwrap();
                Ok(())
            };
            store.write(wait).unwrap();
        });
        begun.await.unwrap();
        let answer = ask.await;
        end.send(()).unwrap();
        writer.join().unwrap();
        answer
    }

    async fn run(&self) -> Report {
        let wish = Wish { trigger: Trigger::Schedule, user: None, full: false };
        self.service.app.engine.begin(wish).unwrap().end.await.unwrap().unwrap()
    }

    async fn look_after(&self, force: bool) {
        plex_health::look(&self.service.app, force).await.unwrap();
    }

    async fn health(&self) -> Value {
        let request = warp::test::request().path("/health");
        let answer = request.reply(&crate::routes::all(&self.service.app)).await;
        serde_json::from_slice(answer.body()).unwrap()
    }

    async fn metrics(&self) -> String {
        let filter = crate::metrics::filter(Arc::clone(&self.service.app));
        let answer = warp::test::request().path("/metrics").reply(&filter).await;
        String::from_utf8(answer.body().to_vec()).unwrap()
    }

    /// Plex's requests below this path, since the journal was cleared.
    fn seen_below(&self, route: &str) -> Vec<Seen> {
        self.household.plex.journal().into_iter().filter(|seen| seen.route.starts_with(route)).collect()
    }

    /// That no answer so far and no file of the data folder holds `token`.
    fn assert_unseen(&self, token: &str) {
        assert!(!self.answers.borrow().contains(token), "an answer tells the token");
        let mut folders = vec![self.household.data_dir()];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if file.is_dir() {
                    folders.push(file);
                } else {
                    assert!(!holds(&file, token), "{} holds the token", file.display());
                }
            }
        }
    }
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
