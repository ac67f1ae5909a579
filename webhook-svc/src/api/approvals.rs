//! What somebody has to say yes to.

use std::collections::BTreeMap;

use pulsarr_shared::amend::Amendment;
use pulsarr_shared::approval::{LONGEST_NOTE, expires_at_ms};
use pulsarr_shared::config::Config;
use pulsarr_shared::model::{
    ApprovalId, ApprovalSettings, ApprovalState, Destination, MinimumAvailability, MonitorNewItems, SeriesTypeChoice,
};
use pulsarr_shared::store::{ApprovalEvent, ApprovalRow, AskedOrder, Db, StoreError, Verdict};
use serde::{Deserialize, Serialize};
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::given;
use crate::audit::{self, By};
use crate::fingerprint::fingerprint;
use crate::request::{Access, ApiError, Ask, FieldProblem};
use serde_json::json;

/// More at once are several requests.
const MOST_AT_ONCE: usize = 500;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/approvals",
        tag: "approvals",
        summary: "Requests that somebody has to say yes to.",
        access: Access::Read,
        query: &[
            Parameter { name: "state", about: "pending, approved, rejected, expired, auto_approved; all unless told" },
            Parameter {
                name: "order",
                about: "by when they were asked for: oldest or newest first; oldest unless told",
            },
            Parameter { name: "after", about: "the page after one whose `next` was this" },
            Parameter { name: "limit", about: "requests a page, 1 to 500; 100 unless told" },
        ],
        body: None,
        answer: Answer::Json(shape::<ApprovalPage>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/approvals/{id}",
        tag: "approvals",
        summary: "One request with everything that happened to it.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<ApprovalStory>),
        handle: |ask| Box::pin(one(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/approvals/decide",
        tag: "approvals",
        summary: "Approves or rejects requests: all of them or, when one cannot be decided, none. Those that follow them share their \
                  fate; the next run adds what is approved.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<DecideApprovals>),
        answer: Answer::Json(shape::<ApprovalList>),
        handle: |ask| Box::pin(decide(ask)),
    },
];

/// Requests.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApprovalList {
    /// In the order in which they were named.
    pub approvals: Vec<ApprovalView>,
}

/// Requests, page by page.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApprovalPage {
    /// In the order that was asked for; at most as many as were asked for.
    pub approvals: Vec<ApprovalView>,
    /// `after` of the next page; `null`: this was the last one.
    pub next: Option<i64>,
}

/// A request that somebody has to say yes to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApprovalView {
    /// Its number.
    pub id: i64,
    /// For which entry.
    pub entry: i64,
    /// `Salt Ledger (2025)`
    pub title: String,
    /// The title's key in Plex.
    pub plex_id: String,
    /// `movie` or `show`
    #[serde(rename = "type")]
    pub media_type: &'static str,
    /// The Plex user name of who wants it.
    pub user: String,
    /// Others whose requests for the same title follow this one.
    pub wanted_too: Vec<String>,
    /// `pending`, `approved`, `rejected`, `expired`, `auto_approved`
    pub state: &'static str,
    /// Why somebody is asked: `rule`, `user`, `quota`.
    pub trigger: &'static str,
    /// The same as a sentence.
    pub reason: String,
    /// Where it would go.
    pub proposed: Vec<DestinationView>,
    /// Another one whenever something else is proposed.
    pub version: String,
    /// Where a person wants it to go instead; `null`: as proposed.
    pub edited: Option<Vec<DestinationView>>,
    /// Another user's pending request for the same title, whose fate this one shares.
    pub follows: Option<i64>,
    /// When it was asked for; unix milliseconds.
    pub asked_at_ms: i64,
    /// When it is too late to answer; `null`: never, or it is decided.
    pub expires_at_ms: Option<i64>,
    /// When it was decided.
    pub decided_at_ms: Option<i64>,
    /// By whom: a person, a rule, `pulsarr`.
    pub decided_by: Option<String>,
    /// What was said with it.
    pub note: Option<String>,
}

/// One instance that would get the title, and how.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DestinationView {
    /// Which.
    pub instance: String,
    /// Why this one, as a sentence.
    pub because: String,
    /// How it would be added, in the words of the settings.
    pub options: serde_json::Value,
}

/// One request with everything that happened to it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApprovalStory {
    /// The request itself.
    #[serde(flatten)]
    pub approval: ApprovalView,
    /// The oldest first.
    pub events: Vec<EventView>,
}

/// Something that happened to a request.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EventView {
    /// When; unix milliseconds.
    pub at_ms: i64,
    /// `asked`, `proposed_anew`, `wanted_too`, `stands_alone`, `approved`, `rejected`, `expired`, `auto_approved`
    pub what: String,
    /// A person, a rule, or `pulsarr`.
    pub who: String,
    /// In plain words, when there is more to say.
    pub detail: Option<String>,
}

/// An answer to requests.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct DecideApprovals {
    /// The requests' numbers: 1 to 500 of them.
    ids: Vec<i64>,
    /// Yes or no.
    verdict: VerdictWord,
    /// What is said with it: at most 1000 characters.
    note: Option<String>,
    /// With a yes: the `version` that was seen of a request, by its number. One for which something else is proposed by now is not
    /// approved, unless it follows another of them, whose fate it shares.
    #[serde(default)]
    versions: BTreeMap<i64, String>,
    /// With a yes: these instances instead of the proposed ones.
    #[serde(default)]
    to: Vec<String>,
    /// With a yes: a quality profile's name or id.
    quality_profile: Option<String>,
    /// With a yes: a root folder of the instance.
    root_folder_path: Option<String>,
    /// With a yes: instead of the proposed tags; empty for none.
    tags: Option<Vec<String>>,
    /// With a yes: whether the arr looks for releases at once.
    search_on_add: Option<bool>,
    /// With a yes: Radarr's word or Sonarr's, as fits the instance.
    monitor: Option<String>,
    /// With a yes, for movies: `announced`, `in_cinemas`, `released`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    minimum_availability: Option<MinimumAvailability>,
    /// With a yes, for shows: `all` or `none`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    monitor_new_items: Option<MonitorNewItems>,
    /// With a yes, for shows: `standard`, `daily`, `anime`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    series_type: Option<SeriesTypeChoice>,
    /// With a yes, for shows: whether each season has a folder of its own.
    season_folder: Option<bool>,
    /// With a yes, for shows: these seasons by number and no others.
    seasons: Option<Vec<u32>>,
}

impl DecideApprovals {
    fn amendment(&self) -> Amendment {
        Amendment {
            to: self.to.clone(),
            quality_profile: self.quality_profile.clone(),
            root_folder_path: self.root_folder_path.clone(),
            tags: self.tags.clone(),
            search_on_add: self.search_on_add,
            monitor: self.monitor.clone(),
            minimum_availability: self.minimum_availability,
            monitor_new_items: self.monitor_new_items,
            series_type: self.series_type,
            season_folder: self.season_folder,
            seasons: self.seasons.clone(),
        }
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum VerdictWord {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// The requests that are asked for.
///
/// # Errors
/// 400 for a state that is none; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<ApprovalPage, ApiError> {
    let state = given::choice(ask, "state", ApprovalState::ALL, ApprovalState::word)?;
    let order = given::choice(ask, "order", AskedOrder::ALL, AskedOrder::word)?.unwrap_or(AskedOrder::OldestFirst);
    let after = given::id(ask, "after")?.map(ApprovalId);
    let limit = ask.count("limit", 100, 1, 500)?;
    let rows = ask.app.database.read(move |db| db.approval_page(state, order, after, limit)).await?;
    let full = rows.len() == limit as usize;
    let next = rows.last().filter(|_| full).map(|row| row.approval.id.0);
    Ok(ApprovalPage { approvals: ApprovalList::of(rows, &ask.app.config()).approvals, next })
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    answer(&story(&ask).await?)
}

/// The request that the path names.
///
/// # Errors
/// 404 when there is none; when the store cannot be read.
pub async fn story(ask: &Ask) -> Result<ApprovalStory, ApiError> {
    let number = ask.number("id")?;
    let id = ApprovalId(number);
    let found = ask.app.database.read(move |db| Ok((db.approval(id)?, db.approval_events(id)?)));
    let (row, events) = found.await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("there is no request {number}")))?;
    let events = events.into_iter().map(EventView::of).collect();
    Ok(ApprovalStory { approval: ApprovalView::of(row, &ask.app.config().settings.approvals), events })
}

async fn decide(ask: Ask) -> Result<Response, ApiError> {
    answer(&decided(ask).await?)
}

/// What came of deciding several requests of which some may be decided already.
pub struct Partly {
    /// Those that are decided now, in the order in which they were named.
    pub done: Vec<ApprovalView>,
    /// Those that could not be, as they stand; `None` where there is no such request.
    pub left: Vec<(i64, Option<ApprovalView>)>,
}

/// What is to be done when one of several requests cannot be decided.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// Nothing.
    Nothing,
    /// The others.
    TheOthers,
}

/// Requests that were decided, and the numbers of those that were not.
type Ruled = (Vec<ApprovalRow>, Vec<i64>);

/// Decides what the body says.
///
/// # Errors
/// 400 and 422 for what does not fit, 409 when one of them cannot be decided; then nothing is.
pub async fn decided(ask: Ask) -> Result<ApprovalList, ApiError> {
    let (decided, _) = settle(&ask, Otherwise::Nothing).await?;
    Ok(ApprovalList::of(decided, &ask.app.config()))
}

/// Decides those that can still be decided, in one transaction, and tells which cannot.
///
/// # Errors
/// 400 and 422 for what does not fit; then nothing is decided.
pub async fn decided_partly(ask: &Ask) -> Result<Partly, ApiError> {
    let (decided, left) = settle(ask, Otherwise::TheOthers).await?;
    let found = ask.app.database.read(move |db| {
        left.into_iter().map(|id| Ok((id, db.approval(ApprovalId(id))?))).collect::<Result<Vec<_>, StoreError>>()
    });
    let config = ask.app.config();
    let settings = &config.settings.approvals;
    let left = found.await?.into_iter().map(|(id, row)| (id, row.map(|row| ApprovalView::of(row, settings)))).collect();
    Ok(Partly { done: ApprovalList::of(decided, &config).approvals, left })
}

async fn settle(ask: &Ask, otherwise: Otherwise) -> Result<Ruled, ApiError> {
    let wanted: DecideApprovals = ask.json()?;
    if wanted.ids.is_empty() || wanted.ids.len() > MOST_AT_ONCE {
        return Err(ApiError::input(format!("`ids` names 1 to {MOST_AT_ONCE} requests")));
    }
    if wanted.verdict == VerdictWord::Reject && !wanted.amendment().is_empty() {
        return Err(ApiError::input("changes go with `approve`: what is rejected goes nowhere"));
    }
    short_enough(wanted.note.as_deref())?;
    let (config, by) = (ask.app.config(), By::of(ask));
    let ruled = ask.app.database.write(move |store| {
        store.write(|db| {
            let ruled = rule(db, &config, &wanted, otherwise, &by)?;
            if let Ok((decided, _)) = &ruled
                && !decided.is_empty()
            {
                let action = match wanted.verdict {
                    VerdictWord::Approve => "approval.approved",
                    VerdictWord::Reject => "approval.rejected",
                };
                let ids: Vec<i64> = decided.iter().map(|row| row.approval.id.0).collect();
                audit::record(db, &by, action, "", &json!({"ids": ids, "note": &wanted.note}))?;
            }
            Ok(ruled)
        })
    });
    ruled.await?
}

/// A note is kept, and shown in lists.
///
/// # Errors
/// 422 for one of more than 1,000 characters.
pub(super) fn short_enough(note: Option<&str>) -> Result<(), ApiError> {
    let length = note.map_or(0, |note| note.chars().count());
    if length <= LONGEST_NOTE {
        return Ok(());
    }
    let message = format!("a note has at most {LONGEST_NOTE} characters, and this one has {length}");
    Err(ApiError::fields(vec![FieldProblem { path: "note".to_owned(), message }]))
}

/// Decides all of them, or those that can be decided, as `otherwise` says. Those whose changes do not fit are named before anything is
/// written.
fn rule(
    db: Db<'_>,
    config: &Config,
    wanted: &DecideApprovals,
    otherwise: Otherwise,
    by: &By,
) -> Result<Result<Ruled, ApiError>, StoreError> {
    let mut ids: Vec<ApprovalId> = Vec::new();
    for id in wanted.ids.iter().copied().map(ApprovalId) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let plain = match wanted.verdict {
        VerdictWord::Approve => Verdict::Approve { edited: None },
        VerdictWord::Reject => Verdict::Reject,
    };
    let undecidable = db.undecidable(&ids, &plain)?;
    if !undecidable.is_empty() && otherwise == Otherwise::Nothing {
        return Err(StoreError::Undecidable { requests: undecidable });
    }
    ids.retain(|id| undecidable.iter().all(|(left, _)| left != id));
    let changed = match wanted.verdict {
        VerdictWord::Approve => changed(db, &ids, &wanted.versions)?,
        VerdictWord::Reject => Vec::new(),
    };
    if let Some(ApprovalId(id)) = changed.first().filter(|_| otherwise == Otherwise::Nothing) {
        let message = format!("something else is proposed for request {id} since you looked: look again");
        return Ok(Err(ApiError::conflict(message)));
    }
    ids.retain(|id| !changed.contains(id));
    let left = undecidable.into_iter().map(|(id, _)| id).chain(changed).map(|id| id.0).collect();
    let amendment = wanted.amendment();
    let (mut verdicts, mut problems) = (Vec::new(), Vec::new());
    for id in &ids {
        let Some(ApprovalRow { approval, title, .. }) = db.approval(*id)? else { continue };
        match amendment.apply(&approval, &title, &config.settings.instances, &by.who) {
            Ok(edited) => {
                let verdict = if edited.is_some() { Verdict::Approve { edited } } else { plain.clone() };
                let follows = approval.follows.is_some_and(|leader| ids.contains(&leader));
                verdicts.push((follows, *id, verdict));
            }
            Err(sentence) => problems.push(FieldProblem {
                path: "to".to_owned(),
                message: format!("request {} ({}): {sentence}", id.0, title.label()),
            }),
        }
    }
    if !problems.is_empty() {
        return Ok(Err(ApiError::fields(problems)));
    }
    // Those that are decided along with another of them come last, and have nothing left to decide.
    verdicts.sort_by_key(|(follows, ..)| *follows);
    for (_, id, verdict) in &verdicts {
        if db.undecidable(&[*id], verdict)?.is_empty() {
            db.decide_approvals(&[*id], verdict, &by.who, wanted.note.as_deref(), by.at_ms)?;
        }
    }
    let mut decided = Vec::with_capacity(ids.len());
    for id in ids {
        decided.extend(db.approval(id)?);
    }
    Ok(Ok((decided, left)))
}

/// Those of these requests for which something else is proposed than what was seen. One that follows another of them goes where that one
/// goes, whatever is proposed for itself.
fn changed(db: Db<'_>, ids: &[ApprovalId], seen: &BTreeMap<i64, String>) -> Result<Vec<ApprovalId>, StoreError> {
    let mut changed = Vec::new();
    for id in ids {
        let Some((row, version)) = db.approval(*id)?.zip(seen.get(&id.0)) else { continue };
        if version_of(&row.approval.proposed) != *version {
            changed.push((*id, row.approval.follows));
        }
    }
    let leads = |leader: &ApprovalId| ids.contains(leader) && !changed.iter().any(|(id, _)| id == leader);
    Ok(changed.iter().filter(|(_, follows)| !follows.as_ref().is_some_and(leads)).map(|(id, _)| *id).collect())
}

fn version_of(proposed: &[Destination]) -> String {
    format!("{:016x}", fingerprint(serde_json::to_vec(proposed).unwrap_or_default()))
}

impl ApprovalList {
    fn of(rows: Vec<ApprovalRow>, config: &Config) -> Self {
        let settings = &config.settings.approvals;
        Self { approvals: rows.into_iter().map(|row| ApprovalView::of(row, settings)).collect() }
    }
}

impl ApprovalView {
    pub fn of(row: ApprovalRow, settings: &ApprovalSettings) -> Self {
        let ApprovalRow { approval, title, user, wanted_too } = row;
        Self {
            id: approval.id.0,
            entry: approval.entry.0,
            title: title.label(),
            plex_id: title.plex_id.as_str().to_owned(),
            media_type: title.media_type.word(),
            user,
            wanted_too,
            state: approval.state.word(),
            trigger: approval.trigger.word(),
            expires_at_ms: expires_at_ms(&approval, settings),
            reason: approval.reason,
            version: version_of(&approval.proposed),
            proposed: approval.proposed.iter().map(DestinationView::of).collect(),
            edited: approval.edited.map(|edited| edited.iter().map(DestinationView::of).collect()),
            follows: approval.follows.map(|id| id.0),
            asked_at_ms: approval.asked_at_ms,
            decided_at_ms: approval.decided_at_ms,
            decided_by: approval.decided_by,
            note: approval.note,
        }
    }
}

impl DestinationView {
    pub fn of(to: &Destination) -> Self {
        Self {
            instance: to.instance.clone(),
            because: to.because.clone(),
            options: serde_json::to_value(&to.options).unwrap_or_default(),
        }
    }
}

impl EventView {
    fn of(event: ApprovalEvent) -> Self {
        let ApprovalEvent { at_ms, what, who, detail } = event;
        Self { at_ms, what, who, detail }
    }
}

#[cfg(test)]
mod tests;
