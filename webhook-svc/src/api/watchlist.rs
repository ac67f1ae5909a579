//! What is on the watchlists, and where it stands.

use pulsarr_shared::amend::Amendment;
use pulsarr_shared::model::{EntryId, EntryState, ExternalIds, ImdbId, MediaType, TmdbId, TvdbId};
use pulsarr_shared::store::{
    Anew, Db, EntryFilter, EntryLine, EntryRow, OtherWish, PlaceRow, PlacementLine, PlacementRow, StoreError,
};
use serde::{Deserialize, Serialize};
use warp::http::Method;
use warp::reply::Response;

use super::approvals::{ApprovalView, short_enough};
use super::decisions::DecisionView;
use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::given;
use super::people::{People, Person};
use crate::audit::{self, By};
use crate::request::{Access, ApiError, Ask, FieldProblem};
use serde_json::json;

/// The entries of the same title that a story names.
const OTHER_WISHES: u32 = 20;

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
    Endpoint {
        method: Method::POST,
        path: "/watchlist/{id}/route",
        tag: "watchlist",
        summary: "Sends an entry that is not on its way yet to other instances, whatever rules say; the next run adds it there.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Route>),
        answer: Answer::Json(shape::<WatchlistStory>),
        handle: |ask| Box::pin(route(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/watchlist/{id}/exclude",
        tag: "watchlist",
        summary: "Keeps an entry that is not on its way yet out, whatever rules say. `redecide` takes that back.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Exclude>),
        answer: Answer::Json(shape::<WatchlistStory>),
        handle: |ask| Box::pin(exclude(ask)),
    },
];

/// A page of entries, the newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchlistPage {
    /// At most as many as were asked for.
    pub entries: Vec<WatchlistEntry>,
    /// `before` of the next page; `null`: this was the last one.
    pub next: Option<i64>,
}

/// One title on one list.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchlistEntry {
    /// The entry's number: later entries have higher ones.
    pub id: i64,
    /// The title's key in Plex.
    pub plex_id: String,
    /// `Salt Ledger`
    pub title: String,
    /// Year of first release.
    pub year: Option<u16>,
    /// `movie` or `show`
    #[serde(rename = "type")]
    pub media_type: &'static str,
    /// Its ids elsewhere.
    pub ids: TitleIds,
    /// On whose list.
    pub user: Person,
    /// Where it stands: `new`, `unresolvable`, `held`, `rejected`, `excluded`, `requested`, `grabbed`, `available`, `failed`, `closed`.
    pub state: &'static str,
    /// Since when; unix milliseconds.
    pub since_ms: i64,
    /// When it was first seen; unix milliseconds.
    pub appeared_at_ms: i64,
    /// Why it stands there, as a sentence.
    pub reason: Option<String>,
    /// Its ways into instances.
    pub placements: Vec<PlacementInShort>,
}

/// The ids a title has elsewhere, as far as they are known.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TitleIds {
    /// `tt90000002`
    pub imdb: Option<String>,
    /// The number at themoviedb.org.
    pub tmdb: Option<u32>,
    /// The number at thetvdb.com.
    pub tvdb: Option<u32>,
}

/// One entry's way into one instance.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlacementInShort {
    /// Into which.
    pub instance: String,
    /// `queued`, `added`, `present`, `excluded`, `failed`, `removed`
    pub state: &'static str,
    /// What the arr said.
    pub answer: Option<String>,
}

/// One entry with everything that happened to it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WatchlistStory {
    /// The entry itself.
    #[serde(flatten)]
    pub entry: WatchlistEntry,
    /// The first complete look that did not see it; `null`: it is there.
    pub missing_since_ms: Option<i64>,
    /// When it was gone from its list.
    pub closed_at_ms: Option<i64>,
    /// Every decision about it, the oldest first.
    pub decisions: Vec<DecisionView>,
    /// What became of it in each instance.
    pub placement_details: Vec<PlacementView>,
    /// The request that somebody had to say yes to.
    pub approval: Option<ApprovalView>,
    /// The place it has in its user's quotas.
    pub place: Option<PlaceView>,
    /// The other entries of the same title, the newest first, at most 20.
    pub also_wished: Vec<OtherWishView>,
}

/// Another entry of the same title.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OtherWishView {
    /// Its number.
    pub entry: i64,
    /// On whose list.
    pub user: Person,
    /// Where it stands: as in the entry itself.
    pub state: &'static str,
    /// Since when; unix milliseconds.
    pub since_ms: i64,
}

/// One entry's way into one instance, step by step.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlacementView {
    /// Its number, by which failures are tried again.
    pub id: i64,
    /// Into which.
    pub instance: String,
    /// `queued`, `added`, `present`, `excluded`, `failed`, `removed`
    pub state: &'static str,
    /// When it was decided.
    pub queued_at_ms: i64,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// The body last sent.
    pub payload: Option<serde_json::Value>,
    /// What the arr said of where it stands.
    pub answer: Option<String>,
    /// When it is tried again; `null`: not by itself.
    pub retry_at_ms: Option<i64>,
    /// When it got where it stands: there, kept out, or removed.
    pub done_at_ms: Option<i64>,
    /// How the arr first took it, of what was removed there since.
    pub taken: Option<TakenView>,
    /// When the arr told that it found a release.
    pub grabbed_at_ms: Option<i64>,
    /// When it told of the first import.
    pub available_at_ms: Option<i64>,
}

/// How an arr first took a title that was removed there later.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TakenView {
    /// When.
    pub at_ms: i64,
    /// As what: `added`, `present`
    pub state: &'static str,
    /// What the arr said.
    pub answer: Option<String>,
}

/// A place in quotas.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlaceView {
    /// On what grounds it was taken: `room`, `approval`, `bypass`.
    pub granted: &'static str,
    /// When.
    pub used_at_ms: i64,
    /// When it was given back; `null`: it counts.
    pub released_at_ms: Option<i64>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// The entries that are asked for.
///
/// # Errors
/// 400 for filters that fit nothing there is; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<WatchlistPage, ApiError> {
    let mut filter = EntryFilter {
        user: None,
        state: given::choice(ask, "state", EntryState::ALL, EntryState::word)?,
        media_type: given::choice(ask, "type", MediaType::ALL, MediaType::word)?,
        instance: ask.parameter("instance").map(str::to_owned),
        text: ask.parameter("text").map(str::to_owned),
    };
    let before = given::id(ask, "before")?.map(EntryId);
    let limit = ask.count("limit", 100, 1, 500)?;
    let user = ask.parameter("user").map(str::to_owned);
    let config = ask.app.config();
    let page = ask.app.database.read(move |db| {
        let people = People::of(db, &config)?;
        if let Some(name) = &user {
            let Some(user) = people.named(name) else { return Ok(None) };
            filter.user = Some(user.id);
        }
        let lines = db.entry_page(&filter, before, limit)?;
        let full = lines.len() == limit as usize;
        let next = lines.last().filter(|_| full).map(|line| line.id.0);
        let entries = lines.into_iter().map(|line| WatchlistEntry::of(line, &people)).collect();
        Ok(Some(WatchlistPage { entries, next }))
    });
    let nobody = || ApiError::input("nobody answers to the name in `user`: /api/v1/users lists everybody");
    page.await?.ok_or_else(nobody)
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    answer(&story(&ask).await?)
}

/// The entry that the path names.
///
/// # Errors
/// 404 when there is none; when the store cannot be read.
pub async fn story(ask: &Ask) -> Result<WatchlistStory, ApiError> {
    let id = ask.number("id")?;
    let config = ask.app.config();
    let story = ask.app.database.read(move |db| WatchlistStory::of(db, &config, EntryId(id))).await?;
    story.ok_or_else(|| unknown(id))
}

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("there is no entry {id}"))
}

/// Where a person wants an entry to go.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Route {
    /// Instances that take such titles: at least one.
    to: Vec<String>,
    /// A quality profile's name or id; as usual there unless told.
    quality_profile: Option<String>,
    /// A root folder of the instance; as usual there unless told.
    root_folder_path: Option<String>,
    /// What is said with it.
    note: Option<String>,
}

/// Why a person keeps an entry out.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Exclude {
    /// What is said with it.
    note: Option<String>,
}

/// What a person says about an entry; done in the transaction that notes who it was.
type Word = dyn FnOnce(Db<'_>, &By) -> Result<Result<Anew, ApiError>, StoreError> + Send;

/// Has the entry decided anew.
///
/// # Errors
/// 404 when there is none, 409 for one that is on its way, 422 for what does not fit.
pub async fn redecide(ask: Ask) -> Result<Response, ApiError> {
    let id = ask.number("id")?;
    let reason = format!("{} wants it decided anew; the next run does", ask.who.name);
    let word = move |db: Db<'_>, by: &By| Ok(Ok(db.decide_anew(EntryId(id), &reason, by.at_ms)?));
    overrule(&ask, id, "entry.decided_anew", json!({}), Box::new(word)).await
}

/// Sends the entry where the body says.
///
/// # Errors
/// 404 when there is none, 409 for one that is on its way, 422 for what does not fit.
pub async fn route(ask: Ask) -> Result<Response, ApiError> {
    let id = ask.number("id")?;
    let Route { to, quality_profile, root_folder_path, note } = ask.json()?;
    if to.is_empty() {
        let message = "it has to go somewhere: name an instance".to_owned();
        return Err(ApiError::fields(vec![FieldProblem { path: "to".to_owned(), message }]));
    }
    short_enough(note.as_deref())?;
    let detail = json!({"to": &to, "note": &note});
    let amendment = Amendment { to, quality_profile, root_folder_path, ..Amendment::default() };
    let config = ask.app.config();
    let word = move |db: Db<'_>, by: &By| {
        let Some(row) = db.entry(EntryId(id))? else { return Ok(Ok(Anew::Unknown)) };
        let request = db.request_of_a_person(EntryId(id), by.at_ms)?;
        match amendment.apply(&request, &row.title, &config.settings.instances, &by.who) {
            Ok(to) => Ok(Ok(db.send_to(EntryId(id), to.unwrap_or_default(), &by.who, note.as_deref(), by.at_ms)?)),
            Err(message) => Ok(Err(ApiError::fields(vec![FieldProblem { path: "to".to_owned(), message }]))),
        }
    };
    overrule(&ask, id, "entry.routed", detail, Box::new(word)).await
}

/// Keeps the entry out.
///
/// # Errors
/// 404 when there is none, 409 for one that is on its way, 422 for what does not fit.
pub async fn exclude(ask: Ask) -> Result<Response, ApiError> {
    let id = ask.number("id")?;
    let Exclude { note } = ask.json()?;
    short_enough(note.as_deref())?;
    let detail = json!({"note": &note});
    let word = move |db: Db<'_>, by: &By| Ok(Ok(db.keep_out(EntryId(id), &by.who, note.as_deref(), by.at_ms)?));
    overrule(&ask, id, "entry.excluded", detail, Box::new(word)).await
}

/// Lets a person's `word` hold, and answers how the entry stands then.
async fn overrule(
    ask: &Ask,
    id: i64,
    action: &'static str,
    detail: serde_json::Value,
    word: Box<Word>,
) -> Result<Response, ApiError> {
    let (by, config) = (By::of(ask), ask.app.config());
    let done = ask.app.database.write(move |store| {
        let done = store.write(|db| {
            let done = word(db, &by)?;
            if let Ok(Anew::Held) = done {
                audit::record(db, &by, action, &id.to_string(), &detail)?;
            }
            Ok(done)
        })?;
        Ok((done, WatchlistStory::of(store.read(), &config, EntryId(id))?))
    });
    let (anew, story) = done.await?;
    match anew? {
        Anew::Held => answer(&story.ok_or_else(|| unknown(id))?),
        Anew::Unknown => Err(unknown(id)),
        Anew::Settled(state) => Err(ApiError::conflict(format!(
            "entry {id} is {state}: only what waits, is kept out or was refused can be decided otherwise"
        ))),
        Anew::UnderWay => Err(ApiError::conflict(format!(
            "an instance was asked to add entry {id}, and nobody knows yet whether it did: the next run looks"
        ))),
    }
}

impl WatchlistStory {
    fn of(db: Db<'_>, config: &pulsarr_shared::config::Config, id: EntryId) -> Result<Option<Self>, StoreError> {
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
            plex_id: title.plex_id,
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
            missing_since_ms,
            closed_at_ms,
            decisions: db.decisions_of(id)?.into_iter().map(DecisionView::of).collect(),
            placement_details: placements.into_iter().map(PlacementView::of).collect(),
            approval: approval.map(|row| ApprovalView::of(row, &config.settings.approvals)),
            place: db.place_of(id)?.map(PlaceView::of),
            also_wished: db.other_wishes(id, OTHER_WISHES)?.iter().map(|it| OtherWishView::of(it, &people)).collect(),
        }))
    }
}

impl OtherWishView {
    fn of(wish: &OtherWish, people: &People) -> Self {
        let OtherWish { id, user, state, state_at_ms } = *wish;
        Self { entry: id.0, user: people.person(user), state: state.word(), since_ms: state_at_ms }
    }
}

impl WatchlistEntry {
    fn of(line: EntryLine, people: &People) -> Self {
        Self {
            id: line.id.0,
            plex_id: line.plex_id.as_str().to_owned(),
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
            id: row.id.0,
            instance: row.instance,
            state: row.state.word(),
            queued_at_ms: row.queued_at_ms,
            attempts: row.attempts,
            payload: row.payload.and_then(|payload| serde_json::from_str(&payload).ok()),
            answer: row.answer,
            retry_at_ms: row.retry_at_ms,
            done_at_ms: row.done_at_ms,
            taken: row.taken.map(|it| TakenView { at_ms: it.at_ms, state: it.state.word(), answer: it.answer }),
            grabbed_at_ms: row.grabbed_at_ms,
            available_at_ms: row.available_at_ms,
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
    use super::super::household::{Household, SETTINGS};
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

    #[tokio::test]
    async fn a_person_sends_an_entry_elsewhere_or_keeps_it_out() {
        let household = Household::new(SETTINGS);
        household.wish(2);
        household.hold_all("run-1");
        let post = |path, id, body| household.post(ENDPOINTS, path, id, body);
        let (route, exclude) = ("/watchlist/{id}/route", "/watchlist/{id}/exclude");
        for (body, told) in [
            (r#"{"to": []}"#, "name an instance"),
            (r#"{"to": ["attic"]}"#, "there is no instance `attic`; movies can go to `movies`, `uhd`"),
        ] {
            let error = post(route, "1", body).await.unwrap_err();
            assert_eq!((error.status().as_u16(), error.problems()[0].path.as_str()), (422, "to"), "{body}");
            assert!(error.problems()[0].message.contains(told), "{error:?}");
        }
        assert_eq!(household.db().pending_approvals().unwrap(), 2);
        let sent = post(route, "1", r#"{"to": ["uhd"], "quality_profile": "Ultra-HD"}"#).await.unwrap();
        assert_eq!((&sent["state"], &sent["approval"]["state"]), (&"held".into(), &"approved".into()));
        let edited = &sent["approval"]["edited"][0];
        assert_eq!((&edited["instance"], &edited["options"]["quality_profile"]), (&"uhd".into(), &"Ultra-HD".into()));
        let kept_out = post(exclude, "2", r#"{"note": "too long"}"#).await.unwrap();
        assert_eq!(
            (&kept_out["state"], &kept_out["reason"]),
            (&"rejected".into(), &"rejected by ana: too long".into())
        );
        assert_eq!(household.db().pending_approvals().unwrap(), 0);
        assert_eq!(post(exclude, "77", "").await.unwrap_err().status(), 404);
        household.write(|db| db.set_entry_state(EntryId(1), EntryState::Available, None, 9));
        assert_eq!(post(exclude, "1", "").await.unwrap_err().status(), 409);
    }
}
