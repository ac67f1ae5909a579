//! Where everything would go.

use std::path::Path;
use std::sync::Arc;

use pulsarr_shared::config::Config;
use pulsarr_shared::process;
use pulsarr_shared::routing::Described;
use pulsarr_shared::simulate::{self, Filter, Outlook, SimulateError, Totals};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::app::App;
use crate::request::{Access, ApiError, Ask, FieldProblem};
use crate::rest;

/// Each decides about everything in memory, so there is one at a time.
pub(super) static TURN: Semaphore = Semaphore::const_new(1);

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/simulate",
    tag: "rules",
    summary: "Where everything on the watchlists, or one described wish, would go if a run decided now. Changes nothing and asks \
              nobody.",
    access: Access::Read,
    query: &[],
    body: Some(shape::<Simulate>),
    answer: Answer::Json(shape::<Simulated>),
    handle: |ask| Box::pin(simulate(ask)),
}];

/// What is to be simulated; without anything, everything.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct Simulate {
    /// Only titles that contain this, or have this id.
    title: Option<String>,
    /// Only this user's, by any name.
    user: Option<String>,
    /// One wish in the words of rule tests instead of the watchlists, as an object or as text:
    /// `{"title": "Frieren", "type": "show", "genres": ["Anime"]}`.
    given: Option<serde_json::Value>,
    /// Only what would stand otherwise than today.
    changed: bool,
    /// At most so many entries are told, 0 to 1000; 100 unless told. The totals are of all.
    limit: Option<u32>,
}

/// What would happen.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Simulated {
    /// Wishes by title, at most as many as were asked for: `title`, `type`, `user`, `today` and `then` (`what`, `to`, `why`), `changed`,
    /// `settled`, `missing`; and `decision` with its trace where `given` or `title` leaves a single title.
    entries: Vec<serde_json::Value>,
    /// All of them together: `entries`, `changed`, `instances`, `places`, `missing`.
    totals: serde_json::Value,
    /// Whether there are more wishes than are told: a larger `limit`, `user` or `title` shows them.
    more: bool,
}

/// As many entries as are told at most, unless less is asked for.
const MOST_ENTRIES: u32 = 1_000;

async fn simulate(ask: Ask) -> Result<Response, ApiError> {
    let wanted: Simulate = ask.json()?;
    if wanted.given.is_some() && (wanted.title.is_some() || wanted.user.is_some()) {
        return Err(ApiError::input("`given` describes a wish of its own: `title` and `user` belong into it"));
    }
    let limit = wanted.limit.unwrap_or(100);
    if limit > MOST_ENTRIES {
        return Err(ApiError::input(format!("`limit` is a number from 0 to {MOST_ENTRIES}")));
    }
    let app = Arc::clone(&ask.app);
    let simulated = in_turn(&TURN, move || {
        let (config, clock) = (&app.config(), &*app.clock);
        let (only_changed, traced) = (wanted.changed, wanted.given.is_some() || wanted.title.is_some());
        let (mut told, mut more) = (Vec::new(), false);
        let mut tell = |entry: Outlook| {
            if only_changed && !entry.changed {
                return;
            }
            if told.len() >= limit as usize {
                more = true;
                return;
            }
            told.push(entry);
        };
        let totals = match &wanted.given {
            Some(given) => {
                let wish = wish_of(config, given)?;
                let what_if = simulate::described(config, clock, &wish)?;
                what_if.entries.into_iter().for_each(tell);
                what_if.totals
            }
            None => {
                let filter = Filter { user: wanted.user, title: wanted.title, reasons: traced, ..Filter::default() };
                simulate::each(config, clock, &filter, &mut tell)?
            }
        };
        let one_title = traced && !more && told.windows(2).all(|pair| pair[0].title == pair[1].title);
        let json = |value: serde_json::Result<serde_json::Value>| value.unwrap_or_default();
        Ok::<_, ApiError>(Simulated {
            entries: told.into_iter().map(|entry| shown(&entry, one_title)).collect(),
            totals: json(serde_json::to_value(&totals)),
            more,
        })
    });
    answer(&simulated.await??)
}

/// A wish that somebody describes in the words of rule tests, as an object or as text.
///
/// # Errors
/// 422 with what is wrong with it, by field.
pub(super) fn wish_of(config: &Config, given: &serde_json::Value) -> Result<Described, ApiError> {
    let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
    config.described(&text, process::variables(), Path::new(".")).map_err(|error| {
        let problems = error.problems.into_iter();
        let fields = problems.map(|it| FieldProblem {
            path: it.path.strip_prefix("--given").unwrap_or(&it.path).trim_start_matches(": ").to_owned(),
            message: it.message,
        });
        ApiError::fields(fields.collect())
    })
}

/// What `work` finds out, away from the threads that serve requests, once it is its `turn`. Whoever asked may go away: the turn is over
/// when the work is, and what it needed is given back.
///
/// # Errors
/// 503 when it broke off.
pub(super) async fn in_turn<T: Send + 'static>(
    turn: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let turn = turn.acquire().await;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let found = work();
        rest::trim();
        found
    });
    done.await.map_err(|_| ApiError::unavailable("the simulation broke off: ask again"))
}

/// What would happen by `config` with everything on the watchlists that waits for a decision: every wish is given to `add` with what was
/// gathered so far. Answers that, and what they come to. One at a time, on a thread of its own.
///
/// # Errors
/// When the store cannot be read, or the thread broke off.
pub async fn over_all_that_waits<T: Default + Send + 'static>(
    app: &App,
    config: Arc<Config>,
    add: fn(&mut T, Outlook),
) -> Result<(T, Totals), ApiError> {
    let clock = Arc::clone(&app.clock);
    in_turn(&TURN, move || {
        let (mut gathered, filter) = (T::default(), Filter { waiting: true, ..Filter::default() });
        let totals = simulate::each(&config, &*clock, &filter, |entry| add(&mut gathered, entry))?;
        Ok((gathered, totals))
    })
    .await?
}

/// An entry as JSON, with its decision where that is wanted.
fn shown(entry: &Outlook, with_decision: bool) -> serde_json::Value {
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    if let Some(keys) = value.as_object_mut().filter(|_| !with_decision) {
        keys.remove("decision");
    }
    value
}

impl From<SimulateError> for ApiError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Store(error) => error.into(),
            error @ (SimulateError::UnknownUser { .. } | SimulateError::NotRead { .. }) => {
                Self::input(format!("failed to {error}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn the_turn_of_whoever_went_away_is_over_when_the_work_is() {
        static TURN: Semaphore = Semaphore::const_new(1);
        let (began, begun) = tokio::sync::oneshot::channel();
        let (finish, finished) = std::sync::mpsc::channel::<()>();
        let asked = tokio::spawn(in_turn(&TURN, move || {
            began.send(()).unwrap();
            finished.recv().unwrap();
        }));
        begun.await.unwrap();
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        assert_eq!(TURN.available_permits(), 0, "it still decides");
        finish.send(()).unwrap();
        in_turn(&TURN, || ()).await.unwrap();
    }

    #[tokio::test]
    async fn everything_on_the_lists_is_simulated_and_nothing_is_changed() {
        let household = Household::new(SETTINGS);
        household.wish(2);
        let what_if =
            household.post(ENDPOINTS, "/simulate", "", r#"{"title": "salt", "changed": true}"#).await.unwrap();
        assert_eq!(what_if["entries"][0]["then"]["to"], serde_json::json!(["movies"]));
        assert_eq!(what_if["totals"]["instances"], serde_json::json!({"movies": 2}));
        let counts = household.db().entry_counts().unwrap();
        assert_eq!(counts, [(pulsarr_shared::model::EntryState::New, 2)]);
    }

    #[tokio::test]
    async fn only_so_many_entries_are_told_and_traces_of_one_title_alone() {
        let household = Household::new(SETTINGS);
        household.wish(120);
        let told = async |body: &str| household.post(ENDPOINTS, "/simulate", "", body).await.unwrap();
        let count = |told: &serde_json::Value| told["entries"].as_array().unwrap().len();
        let all = told("").await;
        assert_eq!((count(&all), &all["totals"]["entries"], &all["more"]), (100, &120.into(), &true.into()));
        assert!(all["entries"][0].get("decision").is_none(), "{}", all["entries"][0]);
        let several = told(r#"{"title": "salt", "limit": 1000}"#).await;
        assert_eq!((count(&several), &several["more"]), (120, &false.into()));
        assert!(several["entries"][0].get("decision").is_none());
        let one = told(r#"{"title": "Salt Ledger 119"}"#).await;
        assert_eq!(count(&one), 1);
        assert!(one["entries"][0]["decision"]["trace"].to_string().len() > 2, "{one}");
        let refused = household.post(ENDPOINTS, "/simulate", "", r#"{"limit": 1001}"#).await.unwrap_err();
        assert_eq!(refused.status(), 400);
    }

    #[tokio::test]
    async fn a_described_wish_goes_where_the_rules_say_and_what_is_wrong_with_it_is_told_by_field() {
        let household = Household::new(SETTINGS);
        let body = r#"{"given": {"title": "Laura", "type": "movie", "year": 1944, "user": "ana"}}"#;
        let what_if = household.post(ENDPOINTS, "/simulate", "", body).await.unwrap();
        assert_eq!(what_if["entries"][0]["then"]["to"], serde_json::json!(["uhd"]));
        let wrong = household.post(ENDPOINTS, "/simulate", "", r#"{"given": {"type": "play"}}"#).await.unwrap_err();
        assert_eq!(wrong.status(), 422);
        let nobody = household.post(ENDPOINTS, "/simulate", "", r#"{"user": "nobody"}"#).await.unwrap_err();
        assert_eq!(nobody.status(), 400);
    }
}
