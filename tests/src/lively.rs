//! A household with a month behind it: people, some 150 titles in every state, rules, quotas, requests, refusals, and the webhooks of
//! it all. Everything has happened: the real programs ran day by day against the stand-ins, and each day made what was on record a day
//! older. Nobody and nothing in it exists.

use fastrand::Rng;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::fakes::{FakeArr, FakeRadarr, FakeSonarr, Fault, Title};
use crate::household::{Household, wait_until};
use crate::service::Service;
use crate::session::Session;

/// Who may sign in.
pub const ADMIN: &str = "admin";
/// With this.
pub const PASSWORD: &str = "pulsarr-demo";

/// How long this household has been at it.
const DAYS: u32 = 28;
const DAY_MIN: i64 = 24 * 60;

/// What the settings file says; the rest is kept by the service.
const SETTINGS: &str = "\
plex:
  token: ${PLEX_TOKEN}
instances:
  - name: movies
    kind: radarr
    url: ${RADARR_URL}
    api_key: ${RADARR_API_KEY}
    default: true
    quality_profile: HD-1080p
    tags: [watchlist]
  - name: shows
    kind: sonarr
    url: ${SONARR_URL}
    api_key: ${SONARR_API_KEY}
    default: true
approvals:
  expire_after_h: 720
rules:
  - name: nothing that everybody thinks is bad
    priority: 900
    when: {imdb_rating: {\"<\": 3}, imdb_votes: {\">=\": 1000}}
    exclude: true
";

const FIRST: [&str; 14] = [
    "Salt",
    "Paper",
    "Copper",
    "Amber",
    "Hollow",
    "Sleeping",
    "Borrowed",
    "Crooked",
    "Unlit",
    "Seventh",
    "Windward",
    "Porcelain",
    "Reluctant",
    "Tin",
];
const SECOND: [&str; 13] = [
    "Ledger",
    "Comets",
    "Cartographer",
    "Orchard Keeper",
    "Lighthouse",
    "Archivist",
    "Ferryman",
    "Sparrow Parade",
    "Weather Office",
    "Harbour Nine",
    "Beekeeper",
    "Railway Hotel",
    "Understudy",
];
const GENRES: [&str; 6] = ["Drama", "Comedy", "Thriller", "Mystery", "Documentary", "Fantasy"];

/// The household, its service, and an admin who is signed in.
pub struct Lively {
    /// Plex, `movies` and `shows`.
    pub household: Household,
    /// The Sonarr called `anime`.
    pub anime: FakeSonarr,
    /// The Radarr called `movies-4k`.
    pub uhd: FakeRadarr,
    /// The service.
    pub service: Service,
    /// [`ADMIN`]'s.
    pub session: Session,
    people: Vec<String>,
    rng: Rng,
    /// Titles so far.
    titles: u32,
    /// What was grabbed and not imported yet, by instance and external id.
    downloading: Vec<(usize, i64)>,
}

impl Lively {
    /// Moves in and lives through a month, with the service at this port of loopback. Takes some ten seconds.
    ///
    /// # Panics
    /// When anything of it does not work, such as when the port is taken.
    #[must_use]
    pub fn move_in(port: u16) -> Self {
        let mut household = Household::new();
        household.write_settings(SETTINGS);
        let port = port.to_string();
        for (name, value) in [("PULSARR_PORT", port.as_str()), ("PULSARR_FAST_LANE", "false")] {
            household.set(name, value);
        }
        household.set("PULSARR_BASE_URL", &format!("http://127.0.0.1:{port}"));
        let friends = ["tomas.r", "ines_vale", "jo.marsh", "noor.sato", "viktor_haas"];
        let people = [household.plex.owner_uuid()].into_iter();
        let people = people.chain(friends.iter().map(|name| household.plex.add_friend(name))).collect();
        let private = household.plex.add_friend("pia.lind");
        household.plex.set_private(&private, true);
        household.plex.send_friend_request("wren.iversen");
        let service = Service::of(household.start_service());
        let session = Session::first_of(&service, ADMIN, PASSWORD);
        let (anime, uhd) = (FakeSonarr::start(), FakeRadarr::start());
        let mut lively = Self {
            household,
            anime,
            uhd,
            service,
            session,
            people,
            rng: Rng::with_seed(2),
            titles: 0,
            downloading: Vec::new(),
        };
        lively.furnish();
        for day in (0..DAYS).rev() {
            lively.live_through_a_day(day);
            if day > 0 {
                lively.household.let_pass(DAY_MIN);
            }
        }
        lively.look_after_the_rest();
        lively.start_again();
        lively
    }

    /// What people have set in the service itself.
    fn furnish(&self) {
        let api_key = |arr: &FakeArr| arr.api_key();
        self.set(
            "POST",
            "/instances",
            &json!({
                "name": "anime", "kind": "sonarr", "url": self.anime.url(), "api_key": api_key(&self.anime),
                "series_type": "anime", "tags": ["anime"],
            }),
        );
        self.set(
            "POST",
            "/instances",
            &json!({
                "name": "movies-4k", "kind": "radarr", "url": self.uhd.url(), "api_key": api_key(&self.uhd),
                "quality_profile": "Ultra-HD",
            }),
        );
        for rule in [
            json!({
                "name": "anime to the anime Sonarr", "priority": 100,
                "when": {"all": [{"type": "show"}, {"genre": {"contains": "Anime"}}]},
                "route": [{"to": "anime", "series_type": "anime", "season_folder": true}], "label": "anime for {user}",
            }),
            json!({
                "name": "good recent films twice", "priority": 80,
                "when": {"all": [
                    {"type": "movie"}, {"year": {">=": 2024}},
                    {"any": [{"imdb_rating": {">=": 7.5}}, {"user": {"in": ["mirela_q", "noor.sato"]}}]},
                    {"not": {"genre": {"contains": "Documentary"}}},
                ]},
                "route": [{"to": "movies"}, {"to": "movies-4k", "quality_profile": "Ultra-HD"}],
            }),
            json!({
                "name": "long films are asked about", "priority": 60,
                "when": {"type": "movie", "runtime": {">": 170}}, "require_approval": "it needs a lot of room",
            }),
            json!({
                "name": "what the whole household wants", "priority": 40, "when": {"wanted_by": {">=": 3}},
                "auto_approve": true, "bypass_quota": true, "tag_requester": true,
            }),
            json!({
                "name": "documentaries a season at a time", "enabled": false,
                "when": {"type": "show", "genre": {"contains": "Documentary"}},
                "route": [{"to": "shows", "monitor": "first_season"}],
            }),
        ] {
            self.set("POST", "/rules", &rule);
        }
        self.expect_things();
        self.household.sync_well();
        let of_user = |name: &str, settings: Value| self.set("PUT", &format!("/users/{name}/settings"), &settings);
        of_user("ines_vale", json!({"alias": "Ines", "require_approval": true}));
        of_user(
            "tomas.r",
            json!({"quotas": [
                {"type": "movie", "period": "weekly", "limit": 4, "when_exceeded": "approval"},
                {"type": "show", "period": "monthly", "limit": 12, "when_exceeded": "wait"},
            ]}),
        );
        of_user(
            "jo.marsh",
            json!({"quotas": [{"type": "movie", "period": "rolling", "days": 7, "limit": 2, "when_exceeded": "wait"}]}),
        );
        of_user("viktor_haas", json!({"alias": "Grandpa", "bypass_quota": true}));
    }

    /// Tests of the rules, more than fit on one page. One of them was written before the rules were.
    fn expect_things(&self) {
        for number in 1..=27 {
            let given = json!({
                "title": format!("The Harbour Lantern, part {number}"), "type": "show", "genres": ["Anime", "Drama"],
                "year": 1990 + number,
            });
            let body =
                json!({"name": format!("anime of {} belongs to the anime Sonarr", 1990 + number), "given": given});
            self.set("POST", "/rule-tests", &body);
        }
        let given = json!({"title": "Nine Hours of Harbour", "type": "movie", "runtime": 540});
        let expect = json!({"route": ["movies"], "approval": false});
        self.set(
            "POST",
            "/rule-tests",
            &json!({"name": "long films are added at once", "given": given, "expect": expect}),
        );
    }

    fn set(&self, method: &str, path: &str, body: &Value) {
        let answer = self.session.ask(&self.service, method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    }

    /// People want things, the job runs, people decide, and what was found yesterday is there. `day`: how many days ago.
    fn live_through_a_day(&mut self, day: u32) {
        let wishes = self.rng.u32(4..9);
        for _ in 0..wishes {
            self.wish();
        }
        // Some evenings Radarr is being updated: what it does not take, the next run brings.
        self.household.radarr.set_starting_up(day % 9 == 4);
        let ended = self.household.pulsarr(&["sync"]);
        assert!(matches!(ended.code, Some(0 | 69)), "{ended:?}");
        self.household.radarr.set_starting_up(false);
        if day.is_multiple_of(3) {
            self.household.sync_well();
        }
        self.decide(day);
        self.arrive();
    }

    /// Somebody puts something on the watchlist, or wants what somebody else wants.
    fn wish(&mut self) {
        let whose = self.rng.usize(0..self.people.len());
        let others = self.household.plex.watchlist(&self.people[self.rng.usize(0..self.people.len())]);
        if self.titles > 10 && self.rng.u32(0..6) == 0 && !others.is_empty() {
            let same = &others[self.rng.usize(0..others.len())];
            self.household.plex.watch(&self.people[whose], same);
            return;
        }
        let title = self.title(self.titles);
        self.titles += 1;
        self.household.plex.watch(&self.people[whose], title);
    }

    /// The n-th title, with everything that rules look at.
    fn title(&mut self, number: u32) -> Title {
        let (first, second) = (FIRST[number as usize % FIRST.len()], SECOND[number as usize % SECOND.len()]);
        let name = match number % 5 {
            0 => format!("The {first} {second}"),
            3 => format!("{second} of {first} Bay"),
            _ => format!("{first} {second}"),
        };
        let id = i64::from(number);
        let title = if self.rng.u32(0..5) < 3 {
            let minutes = if self.rng.u32(0..7) == 0 { self.rng.i64(175..214) } else { self.rng.i64(84..150) };
            Title::movie(&name).tmdb(900_100 + id).imdb(&format!("tt{}", 90_000_100 + id)).duration_min(minutes)
        } else {
            let show = Title::show(&name).tvdb(800_100 + id).seasons(self.rng.i64(1..6));
            if self.rng.u32(0..3) == 0 { show.genre("Anime") } else { show }
        };
        let rating = if self.rng.u32(0..14) == 0 { 2.4 } else { f64::from(self.rng.u32(52..89)) / 10.0 };
        let title = title.year(self.rng.i64(1994..2027)).genre(GENRES[self.rng.usize(0..GENRES.len())]);
        let title = title.imdb_rating(rating, self.rng.i64(1_200..90_000));
        // Some are known to Plex, and not yet where the arrs look.
        if number % 37 == 21 {
            self.household.radarr.unknown_id(900_100 + id);
            self.household.sonarr.unknown_id(800_100 + id);
        }
        // One in forty is so new that nobody has given it an id.
        if number % 40 == 33 { title.without_ids() } else { title }
    }

    /// Requests of last week are decided, most of them kindly; the newest wait.
    fn decide(&mut self, day: u32) {
        if day < 6 {
            return;
        }
        for (at, id) in self.numbers("SELECT id FROM approvals WHERE state = 'pending'").into_iter().enumerate() {
            let word = if (at + day as usize) % 4 == 3 { "reject" } else { "approve" };
            let done = self.household.pulsarr(&["approvals", word, &id.to_string()]);
            assert_eq!(done.code, Some(0), "{done:?}");
        }
    }

    /// What was grabbed yesterday is there, and some of what was added is found today.
    fn arrive(&mut self) {
        for (instance, external_id) in std::mem::take(&mut self.downloading) {
            // Whatever is stuck stays grabbed.
            if external_id % 13 == 5 {
                continue;
            }
            match instance {
                0 => drop(self.household.radarr.import(external_id, false)),
                1 => drop(self.uhd.import(external_id, false)),
                2 => drop(self.household.sonarr.import(external_id, &season(), false)),
                _ => drop(self.anime.import(external_id, &season(), false)),
            }
        }
        for instance in 0..4 {
            for item in self.arr(instance).library() {
                let grabbed =
                    self.arr(instance).history().iter().any(|it| it["movieId"] == item.id || it["seriesId"] == item.id);
                // Some are never found.
                if !grabbed && item.external_id % 6 != 1 {
                    let _ = self.arr(instance).grab(item.external_id);
                    self.downloading.push((instance, item.external_id));
                }
            }
        }
        self.settle();
    }

    fn arr(&self, instance: usize) -> &FakeArr {
        match instance {
            0 => &self.household.radarr,
            1 => &self.uhd,
            2 => &self.household.sonarr,
            _ => &self.anime,
        }
    }

    /// Waits until every webhook is acted on.
    fn settle(&self) {
        wait_until("every webhook is acted on", || {
            self.numbers("SELECT count(*) FROM inbox WHERE state = 'pending'") == [0]
        });
    }

    /// Something was deleted, something taken off a list.
    fn look_after_the_rest(&mut self) {
        for item in self.household.radarr.library().iter().take(1) {
            let _ = self.household.radarr.delete_from_library(item.external_id, true);
        }
        let owner = self.household.plex.owner_uuid();
        if let Some(oldest) = self.household.plex.watchlist(&owner).last() {
            self.household.plex.unwatch(&owner, oldest);
        }
        self.settle();
    }

    /// The service starts anew and watches the lists, and the admin signs in.
    fn start_again(&mut self) {
        self.service.running.terminate();
        wait_until("the service ends", || self.service.running.has_ended());
        for (name, value) in [("PULSARR_FAST_LANE", "true"), ("PULSARR_FAST_LANE_FRIENDS_S", "60")] {
            self.household.set(name, value);
        }
        self.service = Service::of(self.household.start_service());
        let body = json!({"username": ADMIN, "password": PASSWORD}).to_string();
        self.session = Session::of(&self.service.ask("POST", "/api/v1/session", &[], body.as_bytes()));
    }

    /// A run that takes its time: Plex is slow for this many requests.
    pub fn begin_a_slow_run(&self, requests: usize) {
        self.household.plex.inject(Fault::on("ANY", "/community").times(requests).latency_ms(2_000));
        // Another one may be going already, which is as good.
        let _ = self.session.ask(&self.service, "POST", "/runs", &json!({"full": true}));
    }

    /// A little later: somebody wants something more, and what was found is there.
    pub fn go_on(&mut self) {
        self.wish();
        self.arrive();
    }

    /// Numbers in the first column of what the store answers.
    #[must_use]
    pub fn numbers(&self, query: &str) -> Vec<i64> {
        let store = Connection::open(self.household.database()).expect("the store is there");
        let mut query = store.prepare(query).expect("the query fits the store");
        let rows = query.query_map([], |row| row.get(0)).expect("the query fits the store");
        rows.map(|row| row.expect("a number")).collect()
    }
}

/// The episodes of a first season.
fn season() -> Vec<(i64, i64)> {
    (1..=8).map(|episode| (1, episode)).collect()
}
