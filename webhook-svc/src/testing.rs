//! A service to ask, without a network: on a folder of its own, with a clock that a test moves.

use std::sync::Arc;

use pulsarr_shared::clock::{ManualClock, UnixMs};
use pulsarr_shared::config::Config;
use pulsarr_shared::stop::Stop;
use serde_json::Value;
use tempfile::TempDir;
use warp::http::HeaderMap;

use crate::app::App;
use crate::configuration::Origin;
use crate::server::Peer;

/// When tests begin; unix milliseconds.
pub const NOW: UnixMs = 1_795_435_200_000;

/// A service under test.
pub struct Testing {
    /// The service.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its data folder, which goes with it.
    pub folder: TempDir,
}

/// What was answered.
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub json: Value,
}

/// A service whose environment says `vars`, on an empty data folder.
pub fn app(vars: &[(&str, &str)]) -> Testing {
    app_with_settings(vars, "")
}

/// The same with this settings file.
pub fn app_with_settings(vars: &[(&str, &str)], settings: &str) -> Testing {
    let folder = tempfile::tempdir().unwrap();
    if !settings.is_empty() {
        std::fs::write(folder.path().join("pulsarr.yaml"), settings).unwrap();
    }
    let data = ("PULSARR_DATA_DIR".to_owned(), folder.path().display().to_string());
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let origin = Origin { variables: vars.chain([data]).collect(), base_dir: folder.path().to_owned() };
    let config = Config::load(origin.variables.clone(), folder.path()).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let app = App::new(config, origin, Arc::clone(&clock) as _, Stop::default(), Arc::default()).unwrap();
    let app = Arc::new(app);
    Testing { app, clock, folder }
}

impl Testing {
    /// The same service after a restart, over the same folder, which has to outlive it.
    pub fn started_again(&self) -> Self {
        let origin = self.app.configuration.origin.clone();
        let config = Config::load(origin.variables.clone(), &origin.base_dir).unwrap();
        let clock = Arc::clone(&self.clock);
        let app = App::new(config, origin, Arc::clone(&clock) as _, Stop::default(), Arc::default()).unwrap();
        Self { app: Arc::new(app), clock, folder: tempfile::tempdir().unwrap() }
    }

    /// What the service answers; `path` begins below the base path and `/api/v1`. `from` is the socket's address.
    pub async fn ask(
        &self,
        from: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answered {
        let path = format!("{}/api/v1{path}", self.app.base_path());
        let socket = (from.parse::<std::net::IpAddr>().unwrap(), 50_000).into();
        let mut request = warp::test::request().method(method).path(&path).extension(Peer(socket));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer: warp::http::Response<bytes::Bytes> = request.reply(&crate::routes::all(&self.app)).await;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answered { status: answer.status().as_u16(), headers: answer.headers().clone(), text, json }
    }
}
