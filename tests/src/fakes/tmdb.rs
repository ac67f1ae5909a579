//! TMDb, as far as it tells about single titles.
//!
//! Owns: details by id with what is appended to them, and finding a title by another site's id. Refuses: keys in the query, which
//! TMDb takes and nobody should send.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use super::exchange::{Reply, Request};
use super::server::{FakeServer, World};

/// The read access token it accepts.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.stand-in.token-of-nobody";

/// A running TMDb that knows nothing yet. Also a [`FakeServer`]: journal and faults are there.
pub struct FakeTmdb {
    server: FakeServer,
    world: Arc<TmdbWorld>,
}

#[derive(Default)]
struct TmdbWorld {
    titles: Mutex<BTreeMap<(bool, i64), TmdbTitle>>,
}

/// A title as TMDb describes it.
#[derive(Debug, Clone)]
pub struct TmdbTitle {
    show: bool,
    id: i64,
    imdb: Option<String>,
    tvdb: Option<i64>,
    language: String,
    keywords: Vec<(i64, String)>,
    /// Region, way of watching, number, name.
    offers: Vec<(String, String, i64, String)>,
}

impl TmdbTitle {
    /// A movie with this number.
    #[must_use]
    pub fn movie(id: i64) -> Self {
        Self::new(false, id)
    }

    /// A show with this number.
    #[must_use]
    pub fn show(id: i64) -> Self {
        Self::new(true, id)
    }

    fn new(show: bool, id: i64) -> Self {
        Self { show, id, imdb: None, tvdb: None, language: "en".to_owned(), keywords: Vec::new(), offers: Vec::new() }
    }

    /// Is found by this IMDb id.
    #[must_use]
    pub fn imdb(mut self, id: &str) -> Self {
        self.imdb = Some(id.to_owned());
        self
    }

    /// Is found by this TVDb id.
    #[must_use]
    pub fn tvdb(mut self, id: i64) -> Self {
        self.tvdb = Some(id);
        self
    }

    /// Was made in the language with this code (`en` unless told).
    #[must_use]
    pub fn language(mut self, code: &str) -> Self {
        self.language = code.to_owned();
        self
    }

    /// Adds a keyword.
    #[must_use]
    pub fn keyword(mut self, name: &str) -> Self {
        let id = self.keywords.len() as i64 + 1;
        self.keywords.push((id, name.to_owned()));
        self
    }

    /// Can be watched in this region (`US`) in this way (`flatrate`, `free`, `ads`, `rent`, `buy`) at a service with this number and name.
    #[must_use]
    pub fn offered(mut self, region: &str, way: &str, id: i64, name: &str) -> Self {
        self.offers.push((region.to_owned(), way.to_owned(), id, name.to_owned()));
        self
    }

    fn providers(&self) -> Value {
        let mut regions = json!({});
        for (region, way, id, name) in &self.offers {
            let offers = &mut regions[region];
            offers["link"] = json!(format!("https://www.themoviedb.org/{}/watch?locale={region}", self.id));
            let provider =
                json!({ "logo_path": "/x.jpg", "provider_id": id, "provider_name": name, "display_priority": 1 });
            match offers[way].as_array_mut() {
                Some(list) => list.push(provider),
                None => offers[way] = json!([provider]),
            }
        }
        json!({ "results": regions })
    }

    fn details(&self, appended: &str) -> Value {
        let mut body = json!({
            "id": self.id, "original_language": self.language, "genres": [{ "id": 18, "name": "Drama" }], "vote_average": 7.4,
            "vote_count": 120, "production_countries": [{ "iso_3166_1": "PT", "name": "Portugal" }],
            "production_companies": [{ "id": 1, "name": "Tidal Pictures" }], "status": "Released",
        });
        if self.show {
            body["number_of_seasons"] = json!(2);
            body["episode_run_time"] = json!([]);
            body["networks"] = json!([{ "id": 1, "name": "Harbour TV" }]);
        } else {
            body["runtime"] = json!(117);
        }
        for part in appended.split(',') {
            match part {
                "keywords" => {
                    let key = if self.show { "results" } else { "keywords" };
                    let named = |(id, name): &(i64, String)| json!({ "id": id, "name": name });
                    body["keywords"] = json!({ key: self.keywords.iter().map(named).collect::<Vec<_>>() });
                }
                "watch/providers" => body["watch/providers"] = self.providers(),
                _ => {}
            }
        }
        body
    }
}

impl FakeTmdb {
    /// Starts without any title.
    #[must_use]
    pub fn start() -> Self {
        let world = Arc::new(TmdbWorld::default());
        let server = FakeServer::start("fake-tmdb", Arc::clone(&world) as Arc<dyn World>);
        Self { server, world }
    }

    /// Base URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        self.origin()
    }

    /// The read access token it accepts.
    #[must_use]
    pub fn token(&self) -> String {
        TOKEN.to_owned()
    }

    /// The variables that point the programs at this server.
    #[must_use]
    pub fn envs(&self) -> Vec<(&'static str, String)> {
        vec![("PULSARR_TMDB_URL", self.url())]
    }

    /// Tells it about a title, or replaces the one of that type and number.
    pub fn know(&self, title: TmdbTitle) {
        self.world.titles().insert((title.show, title.id), title);
    }
}

impl Deref for FakeTmdb {
    type Target = FakeServer;

    fn deref(&self) -> &FakeServer {
        &self.server
    }
}

impl TmdbWorld {
    fn titles(&self) -> MutexGuard<'_, BTreeMap<(bool, i64), TmdbTitle>> {
        self.titles.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn find(&self, id: &str, source: &str) -> Reply {
        let titles = self.titles();
        let is_meant = |title: &&TmdbTitle| match source {
            "imdb_id" => title.imdb.as_deref() == Some(id),
            "tvdb_id" => title.tvdb.is_some_and(|own| own.to_string() == id),
            _ => false,
        };
        let found = |show: bool| -> Value {
            let of_type = titles.values().filter(|title| title.show == show).filter(is_meant);
            of_type.map(|title| json!({ "id": title.id })).collect()
        };
        let body = json!({
            "movie_results": found(false), "person_results": [], "tv_results": found(true), "tv_episode_results": [],
            "tv_season_results": [],
        });
        Reply::json(200, &body)
    }
}

impl World for TmdbWorld {
    fn answer(&self, request: &Request) -> Reply {
        if request.header("authorization") != Some(format!("Bearer {TOKEN}").as_str()) {
            return self.failure(request, 401);
        }
        let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            ["3", "find", id] => self.find(id, request.query("external_source").unwrap_or_default()),
            ["3", noun @ ("movie" | "tv"), id] => {
                let known = id.parse().ok().and_then(|id| self.titles().get(&(noun == "tv", id)).cloned());
                let appended = request.query("append_to_response").unwrap_or_default();
                known.map_or_else(|| self.failure(request, 404), |title| Reply::json(200, &title.details(appended)))
            }
            _ => self.failure(request, 404),
        }
    }

    fn failure(&self, _request: &Request, status: u16) -> Reply {
        let (code, message) = match status {
            401 => (7, "Invalid API key: You must be granted a valid key."),
            404 => (34, "The resource you requested could not be found."),
            429 => (25, "Your request count is over the allowed limit."),
            _ => (11, "Internal error: Something went wrong, contact TMDb."),
        };
        Reply::json(status, &json!({ "success": false, "status_code": code, "status_message": message }))
    }
}
