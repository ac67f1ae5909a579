//! What is on the watchlists, and where it stands.

use pulsarr_shared::model::{EntryId, EntryState, ExternalIds, ImdbId, MediaType, TmdbId, TvdbId};
use pulsarr_shared::store::{
    Anew, EntryFilter, EntryLine, EntryRow, PlaceRow, PlacementLine, PlacementRow, Store, StoreError,
};
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::approvals::ApprovalView;
use super::decisions::DecisionView;
use super::people::{People, Person};
use super::{Answer, Endpoint, Parameter, answer, given, shape};
use crate::audit::{self, By};
use crate::request::{Access, ApiError, Ask};
use serde_json::json;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/watchlist",
        tag: "watchlist",
        summary: "The entries of all watchlists, the newest first, page by page; those that are gone from their lists too.",
        access: Access::Read,
        query: &[
            Parameter { name: "user", about: "on whose list: any of the names, or the uuid" },
            Parameter {
                name: "state",
                about: "new, unresolvable, held, rejected, excluded, requested, grabbed, available, failed, closed",
            },
            Parameter { name: "type", about: "movie or show" },
            Parameter { name: "instance", about: "decided for this instance" },
            Parameter { name: "text", about: "the title contains this" },
            Parameter { name: "before", about: "the page after one whose `next` was this" },
            Parameter { name: "limit", about: "entries a page: 1 to 500; 100 unless told" },
        ],
        body: None,
        answer: Answer::Json(shape::<WatchlistPage>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/watchlist/{id}",
        tag: "watchlist",
        summary: "One entry with everything that happened to it.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<WatchlistStory>),
        handle: |ask| Box::pin(one(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/watchlist/{id}/redecide",
        tag: "watchlist",
        summary: "Lets the next run decide anew about an entry that waits, is kept out or was refused.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<WatchlistStory>),
        handle: |ask| Box::pin(redecide(ask)),
    },
];

/// A page of entries, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
struct WatchlistPage {
    /// At most as many as were asked for.
    entries: Vec<WatchlistEntry>,
    /// `before` of the next page; `null`: this was the last one.
    next: Option<i64>,
}

/// One title on one list.
#[derive(Debug, Serialize, JsonSchema)]
struct WatchlistEntry {
    /// The entry's number: later entries have higher ones.
    id: i64,
    /// `Salt Ledger`
    title: String,
    /// Year of first release.
    year: Option<u16>,
    /// `movie` or `show`
    #[serde(rename = "type")]
    media_type: &'static str,
    /// Its ids elsewhere.
    ids: TitleIds,
    /// On whose list.
    user: Person,
    /// Where it stands: `new`, `unresolvable`, `held`, `rejected`, `excluded`, `requested`, `grabbed`, `available`, `failed`, `closed`.
    state: &'static str,
    /// Since when; unix milliseconds.
    since_ms: i64,
    /// When it was first seen; unix milliseconds.
    appeared_at_ms: i64,
    /// Why it stands there, as a sentence.
    reason: Option<String>,
    /// Its ways into instances.
    placements: Vec<PlacementInShort>,
}

/// The ids a title has elsewhere, as far as they are known.
#[derive(Debug, Serialize, JsonSchema)]
struct TitleIds {
    /// `tt90000002`
    imdb: Option<String>,
    /// The number at themoviedb.org.
    tmdb: Option<u32>,
    /// The number at thetvdb.com.
    tvdb: Option<u32>,
}

/// One entry's way into one instance.
#[derive(Debug, Serialize, JsonSchema)]
struct PlacementInShort {
    /// Into which.
    instance: String,
    /// `queued`, `added`, `present`, `excluded`, `failed`, `removed`
    state: &'static str,
    /// What the arr said.
    answer: Option<String>,
}

/// One entry with everything that happened to it.
#[derive(Debug, Serialize, JsonSchema)]
struct WatchlistStory {
    /// The entry itself.
    #[serde(flatten)]
    entry: WatchlistEntry,
    /// The title's key in Plex.
    plex_id: String,
    /// The first complete look that did not see it; `null`: it is there.
    missing_since_ms: Option<i64>,
    /// When it was gone from its list.
    closed_at_ms: Option<i64>,
    /// Every decision about it, the oldest first.
    decisions: Vec<DecisionView>,
    /// What became of it in each instance.
    placement_details: Vec<PlacementView>,
    /// The request that somebody had to say yes to.
    approval: Option<ApprovalView>,
    /// The place it has in its user's quotas.
    place: Option<PlaceView>,
}

/// One entry's way into one instance, step by step.
#[derive(Debug, Serialize, JsonSchema)]
struct PlacementView {
    /// Into which.
    instance: String,
    /// `queued`, `added`, `present`, `excluded`, `failed`, `removed`
    state: &'static str,
    /// When it was decided.
    queued_at_ms: i64,
    /// How often the arr was asked to add it.
    attempts: u32,
    /// The body last sent.
    payload: Option<serde_json::Value>,
    /// What the arr said.
    answer: Option<String>,
    /// When it is tried again; `null`: not by itself.
    retry_at_ms: Option<i64>,
    /// When it was done.
    done_at_ms: Option<i64>,
}

/// A place in quotas.
#[derive(Debug, Serialize, JsonSchema)]
struct PlaceView {
    /// On what grounds it was taken: `room`, `approval`, `bypass`.
    granted: &'static str,
    /// When.
    used_at_ms: i64,
    /// When it was given back; `null`: it counts.
    released_at_ms: Option<i64>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let mut filter = EntryFilter {
        user: None,
        state: given::choice(&ask, "state", EntryState::ALL, EntryState::word)?,
        media_type: given::choice(&ask, "type", MediaType::ALL, MediaType::word)?,
        instance: ask.parameter("instance").map(str::to_owned),
        text: ask.parameter("text").map(str::to_owned),
    };
    let before = given::id(&ask, "before")?.map(EntryId);
    let limit = ask.count("limit", 100, 1, 500)?;
    let user = ask.parameter("user").map(str::to_owned);
    let config = ask.app.config();
    let page = ask.app.database.run(move |store| {
        let people = People::of(store.read(), &config)?;
        if let Some(name) = &user {
            let Some(user) = people.named(name) else { return Ok(None) };
            filter.user = Some(user.id);
        }
        let lines = store.read().entry_page(&filter, before, limit)?;
        let full = lines.len() == limit as usize;
        let next = lines.last().filter(|_| full).map(|line| line.id.0);
        let entries = lines.into_iter().map(|line| WatchlistEntry::of(line, &people)).collect();
        Ok(Some(WatchlistPage { entries, next }))
    });
    let nobody = || ApiError::input("nobody answers to the name in `user`: /api/v1/users lists everybody");
    answer(&page.await?.ok_or_else(nobody)?)
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let id = ask.number("id")?;
    let config = ask.app.config();
    let story = ask.app.database.run(move |store| WatchlistStory::of(store, &config, EntryId(id))).await?;
    answer(&story.ok_or_else(|| unknown(id))?)
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("there is no entry {id}"))
}

async fn redecide(ask: Ask) -> Result<Response, ApiError> {
    let id = ask.number("id")?;
    let (now_ms, config) = (ask.app.now_ms(), ask.app.config());
    let by = By::of(&ask);
    let reason = format!("{} wants it decided anew; the next run does", ask.who.name);
    let (anew, story) = ask
        .app
        .database
        .run(move |store| {
            let anew = store.write(|db| {
                let anew = db.decide_anew(EntryId(id), &reason, now_ms)?;
                if anew == Anew::Held {
                    audit::record(db, &by, "entry.decided_anew", &id.to_string(), &json!({}))?;
                }
                Ok(anew)
            })?;
            Ok((anew, WatchlistStory::of(store, &config, EntryId(id))?))
        })
        .await?;
    match anew {
        Anew::Held => answer(&story.ok_or_else(|| unknown(id))?),
        Anew::Unknown => Err(unknown(id)),
        Anew::Settled(state) => Err(ApiError::conflict(format!(
            "entry {id} is {state}: only what waits, is kept out or was refused is decided anew"
        ))),
        Anew::UnderWay => Err(ApiError::conflict(format!(
            "an instance was asked to add entry {id}, and nobody knows yet whether it did: the next run looks"
        ))),
    }
}

impl WatchlistStory {
    fn of(store: &Store, config: &pulsarr_shared::config::Config, id: EntryId) -> Result<Option<Self>, StoreError> {
        let db = store.read();
        let Some(row) = db.entry(id)? else { return Ok(None) };
        let people = People::of(db, config)?;
        let placements = db.placements_of(id)?;
        let approval = match db.approval_of(id)? {
            Some(approval) => db.approval(approval.id)?,
            None => None,
        };
        let EntryRow { title, missing_since_ms, closed_at_ms, .. } = row.clone();
        let in_short = placements.iter().map(|it| PlacementLine {
            instance: it.instance.clone(),
            state: it.state,
            answer: it.answer.clone(),
        });
        let line = EntryLine {
            id,
            user: row.user,
            title: title.title,
            year: title.year,
            media_type: title.media_type,
            ids: title.ids,
            appeared_at_ms: row.appeared_at_ms,
            state: row.state,
            state_at_ms: row.state_at_ms,
            reason: row.reason,
            placements: in_short.collect(),
        };
        Ok(Some(Self {
            entry: WatchlistEntry::of(line, &people),
            plex_id: title.plex_id.as_str().to_owned(),
            missing_since_ms,
            closed_at_ms,
            decisions: db.decisions_of(id)?.into_iter().map(DecisionView::of).collect(),
            placement_details: placements.into_iter().map(PlacementView::of).collect(),
            approval: approval.map(|row| ApprovalView::of(row, &config.settings.approvals)),
            place: db.place_of(id)?.map(PlaceView::of),
        }))
    }
}

impl WatchlistEntry {
    fn of(line: EntryLine, people: &People) -> Self {
        Self {
            id: line.id.0,
            title: line.title,
            year: line.year,
            media_type: line.media_type.word(),
            ids: TitleIds::of(line.ids),
            user: people.person(line.user),
            state: line.state.word(),
            since_ms: line.state_at_ms,
            appeared_at_ms: line.appeared_at_ms,
            reason: line.reason,
            placements: line.placements.into_iter().map(PlacementInShort::of).collect(),
        }
    }
}

impl TitleIds {
    fn of(ids: ExternalIds) -> Self {
        Self {
            imdb: ids.imdb.map(|ImdbId(id)| id),
            tmdb: ids.tmdb.map(|TmdbId(id)| id),
            tvdb: ids.tvdb.map(|TvdbId(id)| id),
        }
    }
}

impl PlacementInShort {
    fn of(line: PlacementLine) -> Self {
        Self { instance: line.instance, state: line.state.word(), answer: line.answer }
    }
}

impl PlacementView {
    fn of(row: PlacementRow) -> Self {
        Self {
            instance: row.instance,
            state: row.state.word(),
            queued_at_ms: row.queued_at_ms,
            attempts: row.attempts,
            payload: row.payload.and_then(|payload| serde_json::from_str(&payload).ok()),
            answer: row.answer,
            retry_at_ms: row.retry_at_ms,
            done_at_ms: row.done_at_ms,
        }
    }
}

impl PlaceView {
    const fn of(row: PlaceRow) -> Self {
        Self { granted: row.granted.word(), used_at_ms: row.used_at_ms, released_at_ms: row.released_at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::Household;
    use super::*;

    #[tokio::test]
    async fn a_thousand_entries_are_paged_through_without_repeats_or_gaps_while_new_ones_appear() {
        let household = Household::new("");
        household.wish(1_000);
        let (mut seen, mut query) = (Vec::new(), "limit=90".to_owned());
        loop {
            let page = household.get(ENDPOINTS, "/watchlist", &query).await.unwrap();
            seen.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["id"].as_i64().unwrap()));
            household.wish(7);
            let Some(next) = page["next"].as_i64() else { break };
            query = format!("limit=90&before={next}");
        }
        assert_eq!(seen, (1..=1_000).rev().collect::<Vec<i64>>());
    }

    #[tokio::test]
    async fn a_list_is_that_of_whoever_answers_to_the_name_and_nobody_is_an_error() {
        let household = Household::new("users:\n  overrides:\n  - plex: ana\n    alias: kitchen\n");
        household.wish(3);
        let page = household.get(ENDPOINTS, "/watchlist", "user=Kitchen&type=movie&state=new").await.unwrap();
        assert_eq!(page["entries"].as_array().unwrap().len(), 3);
        assert_eq!(page["entries"][0]["user"]["name"], "kitchen");
        assert_eq!(page["next"], serde_json::Value::Null);
        for query in ["user=nobody", "state=odd", "limit=0", "before=x"] {
            assert_eq!(household.get(ENDPOINTS, "/watchlist", query).await.unwrap_err().status(), 400, "{query}");
        }
    }

    #[tokio::test]
    async fn an_entry_that_is_kept_out_is_decided_anew_and_a_new_one_is_not() {
        let household = Household::new("");
        household.wish(1);
        let path = "/watchlist/{id}/redecide";
        assert_eq!(household.post(ENDPOINTS, path, "1", "").await.unwrap_err().status(), 409);
        household.write(|db| db.set_entry_state(EntryId(1), EntryState::Excluded, Some("by a rule"), 5));
        let story = household.post(ENDPOINTS, path, "1", "").await.unwrap();
        assert_eq!((story["state"].as_str(), story["closed_at_ms"].is_null()), (Some("held"), true));
        assert_eq!(story["reason"], "ana wants it decided anew; the next run does");
        assert_eq!(household.post(ENDPOINTS, path, "77", "").await.unwrap_err().status(), 404);
    }
}
