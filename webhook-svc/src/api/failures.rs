//! What instances refused.

use pulsarr_shared::model::PlacementId;
use pulsarr_shared::store::{Db, FailureFilter, StoreError};
use serde::{Deserialize, Serialize};
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::given;
use super::people::{People, Person};
use crate::audit::{self, By};
use crate::request::{Access, ApiError, Ask};
use serde_json::json;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/failures",
        tag: "failures",
        summary: "What instances refused and is still wanted, in the order in which it was queued.",
        access: Access::Read,
        query: &[
            Parameter { name: "instance", about: "only what this one refused" },
            Parameter { name: "user", about: "on whose list: any of the names, or the uuid" },
            Parameter { name: "after", about: "the page after one whose `next` was this" },
            Parameter { name: "limit", about: "failures a page, 1 to 500; 100 unless told" },
        ],
        body: None,
        answer: Answer::Json(shape::<FailureList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/failures/retry",
        tag: "failures",
        summary: "Lets the next run try again: all that are named, or none when one of them is no failure.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<RetryFailures>),
        answer: Answer::Json(shape::<FailureList>),
        handle: |ask| Box::pin(retry(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/failures/dismiss",
        tag: "failures",
        summary: "Never tries these again by itself: all that are named, or none when one of them is no failure.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<DismissFailures>),
        answer: Answer::Json(shape::<FailureList>),
        handle: |ask| Box::pin(dismiss(ask)),
    },
];

/// What instances refused.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailureList {
    /// As they stand now, at most as many as were asked for.
    pub failures: Vec<FailureView>,
    /// `after` of the next page; `null`: this was the last one.
    pub next: Option<i64>,
}

/// A title that an instance refused.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FailureView {
    /// Its number.
    pub id: i64,
    /// For which entry.
    pub entry: i64,
    /// `Salt Ledger (2025)`
    pub title: String,
    /// Who wants it.
    pub user: Person,
    /// Which instance.
    pub instance: String,
    /// The arr's own words.
    pub answer: String,
    /// What is said of the entry, as a sentence.
    pub reason: Option<String>,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// When it is tried again; unix milliseconds; `null`: not by itself.
    pub retry_at_ms: Option<i64>,
}

/// More at once are several requests, or all of them.
const MOST_AT_ONCE: usize = 500;

/// Which are tried again: `ids`, or `all`, of one instance or one user if those are named.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RetryFailures {
    /// These, at most 500.
    #[serde(default)]
    ids: Vec<i64>,
    /// All there are.
    #[serde(default)]
    all: bool,
    /// Of `all`: only what this instance refused.
    instance: Option<String>,
    /// Of `all`: only what is on this user's list, by any of the names or the uuid.
    user: Option<String>,
}

/// Which are never tried again.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct DismissFailures {
    /// These, at most 500.
    ids: Vec<i64>,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// The page that is asked for.
///
/// # Errors
/// 400 for numbers that are none, and users whom nobody knows; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<FailureList, ApiError> {
    let after = given::id(ask, "after")?.map(PlacementId);
    let limit = ask.count("limit", 100, 1, 500)?;
    let given = |name| ask.parameter(name).map(str::to_owned);
    let wanted = Wanted { instance: given("instance"), user: given("user") };
    tell(ask, wanted, after, limit).await
}

/// Which failures are meant, in people's words.
#[derive(Default)]
struct Wanted {
    instance: Option<String>,
    user: Option<String>,
}

impl Wanted {
    const fn is_anything(&self) -> bool {
        self.instance.is_none() && self.user.is_none()
    }

    /// The same in the store's words; `None` when nobody answers to the name.
    fn filter(self, people: &People) -> Option<FailureFilter> {
        let user = match self.user {
            Some(name) => Some(people.named(&name)?.id),
            None => None,
        };
        Some(FailureFilter { instance: self.instance, user })
    }
}

fn nobody() -> ApiError {
    ApiError::input("nobody answers to the name in `user`: /api/v1/users lists everybody")
}

async fn tell(ask: &Ask, wanted: Wanted, after: Option<PlacementId>, limit: u32) -> Result<FailureList, ApiError> {
    let config = ask.app.config();
    let found = ask.app.database.read(move |db| {
        let people = People::of(db, &config)?;
        let Some(filter) = wanted.filter(&people) else { return Ok(None) };
        let failures = db.failure_page(&filter, after, limit)?.into_iter().map(|row| FailureView {
            id: row.id.0,
            entry: row.entry.0,
            title: row.title,
            user: people.person(row.user),
            instance: row.instance,
            answer: row.answer,
            reason: row.reason,
            attempts: row.attempts,
            retry_at_ms: row.retry_at_ms,
        });
        let failures: Vec<FailureView> = failures.collect();
        let full = failures.len() == limit as usize;
        let next = failures.last().filter(|_| full).map(|last| last.id);
        Ok(Some(FailureList { failures, next }))
    });
    found.await?.ok_or_else(nobody)
}

/// Lets the next run try those again that the body names.
///
/// # Errors
/// 400 and 409 for what cannot be tried again; when the store cannot be written.
pub async fn retry(ask: Ask) -> Result<Response, ApiError> {
    let RetryFailures { ids, all, instance, user } = ask.json()?;
    let wanted = Wanted { instance, user };
    if all != ids.is_empty() {
        return Err(ApiError::input("either `ids` says which are tried again, or `all` is true"));
    }
    if !all && !wanted.is_anything() {
        return Err(ApiError::input("`instance` and `user` go with `all`: `ids` says already which are tried again"));
    }
    few(&ids)?;
    let now_ms = ask.app.now_ms();
    let which = if all { Which::All(wanted) } else { Which::These(ids) };
    change(&ask, "failure.retried", which, move |db, id| db.retry_now(id, now_ms)).await
}

/// Gives those up that the body names.
///
/// # Errors
/// 400 and 409 for what cannot be given up; when the store cannot be written.
pub async fn dismiss(ask: Ask) -> Result<Response, ApiError> {
    let DismissFailures { ids } = ask.json()?;
    if ids.is_empty() {
        return Err(ApiError::input("`ids` says which are dismissed"));
    }
    few(&ids)?;
    let (now_ms, by) = (ask.app.now_ms(), ask.who.name.clone());
    change(&ask, "failure.dismissed", Which::These(ids), move |db, id| db.dismiss(id, &by, now_ms)).await
}

/// Which failures are changed.
enum Which {
    /// Those with these numbers.
    These(Vec<i64>),
    /// All that are meant.
    All(Wanted),
}

/// Changes each of these.
async fn change(
    ask: &Ask,
    action: &'static str,
    which: Which,
    change: impl Fn(Db<'_>, PlacementId) -> Result<(), StoreError> + Send + 'static,
) -> Result<Response, ApiError> {
    let (by, config) = (By::of(ask), ask.app.config());
    let others = ask.app.database.write(move |store| {
        store.write(|db| {
            let ids: Vec<PlacementId> = match which {
                Which::These(ids) => ids.into_iter().map(PlacementId).collect(),
                Which::All(wanted) => {
                    let Some(filter) = wanted.filter(&People::of(db, &config)?) else { return Ok(None) };
                    db.failure_page(&filter, None, u32::MAX)?.into_iter().map(|row| row.id).collect()
                }
            };
            let others = db.not_failed(&ids)?;
            if others.is_empty() {
                ids.iter().try_for_each(|id| change(db, *id))?;
                let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
                audit::record(db, &by, action, "", &json!({"ids": ids}))?;
            }
            Ok(Some(others))
        })
    });
    let others = others.await?.ok_or_else(nobody)?;
    if !others.is_empty() {
        let named: Vec<String> = others.iter().map(|id| id.0.to_string()).collect();
        let message = format!("these are no failures: {}; nothing was changed", named.join(", "));
        return Err(ApiError::conflict(message));
    }
    answer(&tell(ask, Wanted::default(), None, 100).await?)
}

fn few(ids: &[i64]) -> Result<(), ApiError> {
    if ids.len() > MOST_AT_ONCE {
        return Err(ApiError::input(format!("`ids` names at most {MOST_AT_ONCE} failures")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, NOON, SETTINGS};
    use super::*;

    /// Two titles that `movies` refused.
    fn refused() -> Household {
        let household = Household::new(SETTINGS);
        household.wish(2);
        household.route_all("run-1");
        for placement in household.db().due_placements("movies", NOON).unwrap() {
            household.write(|db| db.refuse(&placement, "no such profile", Some(NOON + 60_000), NOON));
        }
        household
    }

    #[tokio::test]
    async fn what_is_tried_again_is_due_at_once() {
        let household = refused();
        let before = household.get(ENDPOINTS, "/failures", "").await.unwrap();
        assert_eq!(before["failures"][0]["answer"], "no such profile");
        assert_eq!(household.db().refused_without_place(NOON).unwrap().len(), 0);
        let after = household.post(ENDPOINTS, "/failures/retry", "", r#"{"ids": [2]}"#).await.unwrap();
        let times: Vec<_> = (0..2).map(|it| after["failures"][it]["retry_at_ms"].as_i64().unwrap()).collect();
        assert_eq!(times, [NOON + 60_000, NOON]);
        assert_eq!(household.db().refused_without_place(NOON).unwrap().len(), 1);
        household.post(ENDPOINTS, "/failures/retry", "", r#"{"all": true}"#).await.unwrap();
        assert_eq!(household.db().refused_without_place(NOON).unwrap().len(), 2);
        assert_eq!(household.post(ENDPOINTS, "/failures/retry", "", "").await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn those_of_one_instance_or_one_user_are_told_and_tried_again_by_themselves() {
        let household = refused();
        let count = async |query: &str| {
            let found = household.get(ENDPOINTS, "/failures", query).await.unwrap();
            found["failures"].as_array().map(Vec::len)
        };
        assert_eq!([count("instance=movies&user=ana").await, count("instance=uhd").await], [Some(2), Some(0)]);
        let unknown = household.get(ENDPOINTS, "/failures", "user=nobody").await.unwrap_err();
        assert_eq!(unknown.status(), 400);
        let again = async |body: &str| household.post(ENDPOINTS, "/failures/retry", "", body).await;
        again(r#"{"all": true, "instance": "uhd"}"#).await.unwrap();
        assert_eq!(household.db().refused_without_place(NOON).unwrap().len(), 0);
        assert_eq!(again(r#"{"all": true, "user": "nobody"}"#).await.unwrap_err().status(), 400);
        assert_eq!(again(r#"{"ids": [1], "user": "ana"}"#).await.unwrap_err().status(), 400);
        again(r#"{"all": true, "user": "ana"}"#).await.unwrap();
        assert_eq!(household.db().refused_without_place(NOON).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn failures_come_page_by_page_and_only_so_many_are_changed_at_once() {
        let household = refused();
        let first = household.get(ENDPOINTS, "/failures", "limit=1").await.unwrap();
        let query = format!("limit=2&after={}", first["next"]);
        let second = household.get(ENDPOINTS, "/failures", &query).await.unwrap();
        assert_eq!((&first["failures"][0]["id"], &second["failures"][0]["id"]), (&json!(1), &json!(2)));
        assert_eq!((second["failures"].as_array().map(Vec::len), &second["next"]), (Some(1), &json!(null)));
        let many = json!({"ids": vec![1; 501]}).to_string();
        for path in ["/failures/retry", "/failures/dismiss"] {
            let refusal = household.post(ENDPOINTS, path, "", &many).await.unwrap_err();
            assert_eq!(refusal.status(), 400, "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_dismissed_is_never_tried_again_by_itself_and_says_because_of_whom() {
        let household = refused();
        let refusal = household.post(ENDPOINTS, "/failures/dismiss", "", r#"{"ids": [1, 9]}"#).await.unwrap_err();
        assert_eq!(refusal.status(), 409);
        assert!(household.db().failures().unwrap().iter().all(|row| row.retry_at_ms.is_some()));
        let after = household.post(ENDPOINTS, "/failures/dismiss", "", r#"{"ids": [1]}"#).await.unwrap();
        let failure = &after["failures"][0];
        assert!(failure["retry_at_ms"].is_null());
        assert!(failure["reason"].as_str().unwrap().contains("ana dismissed that"), "{failure}");
        let much_later = NOON + 24 * 3_600_000;
        assert_eq!(household.db().refused_without_place(much_later).unwrap().len(), 1);
    }
}
