//! How full everybody's quotas are.

use std::sync::Arc;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::config::Config;
use pulsarr_shared::quota;
use pulsarr_shared::sync::{self, UserQuota};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, answer, shape};
use super::people::Person;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/quotas",
    tag: "quotas",
    summary: "Every quota of everybody and how full it is, the owner's first.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<QuotaList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Quotas.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct QuotaList {
    /// The owner's first, then by user name.
    pub quotas: Vec<QuotaView>,
}

/// One quota of one user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct QuotaView {
    /// Whose.
    pub user: Person,
    /// What it counts: `movie` or `show`.
    #[serde(rename = "type")]
    pub media_type: &'static str,
    /// `3 movies a day`
    pub quota: String,
    /// How full it is, as people say it: `3 of 5 this week, resets Monday`.
    pub in_words: String,
    /// Places taken, those on their way included.
    pub used: u32,
    /// Of these, how many may yet turn out to cost nothing.
    pub on_their_way: u32,
    /// Places there are.
    pub limit: u32,
    /// How much of it is used; above 100 when the limit was lowered.
    pub percent: u32,
    /// Since when uses count; unix milliseconds; `null`: as long as they are on the watchlist.
    pub since_ms: Option<i64>,
    /// When there is room again; `null` while there is room, and where only the watchlist makes room.
    pub room_again_at_ms: Option<i64>,
    /// What happens with the next title when it is full: `approval`, `wait`, `skip`.
    pub when_exceeded: &'static str,
    /// Quotas hold this user not back.
    pub bypassed: bool,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&page(&ask).await?)
}

/// Every quota of everybody.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(ask: &Ask) -> Result<QuotaList, ApiError> {
    let (config, now_ms) = (ask.app.config(), ask.app.now_ms());
    let told = Arc::clone(&config);
    let all = ask.app.database.read(move |db| sync::quotas(db, &told, now_ms)).await?;
    Ok(QuotaList { quotas: all.iter().map(|it| QuotaView::of(it, &config, now_ms)).collect() })
}

/// Every quota of the person with this uuid.
///
/// # Errors
/// When the store cannot be read.
pub async fn of_user(ask: &Ask, uuid: &str) -> Result<Vec<QuotaView>, ApiError> {
    let (config, now_ms) = (ask.app.config(), ask.app.now_ms());
    let (told, uuid) = (Arc::clone(&config), uuid.to_owned());
    let all = ask.app.database.read(move |db| {
        let user = db.users()?.into_iter().find(|user| user.uuid.as_str() == uuid);
        user.map_or_else(|| Ok(Vec::new()), |user| sync::quotas_of(db, &told, user, now_ms))
    });
    Ok(all.await?.iter().map(|it| QuotaView::of(it, &config, now_ms)).collect())
}

impl QuotaView {
    fn of(it: &UserQuota, config: &Config, now_ms: UnixMs) -> Self {
        Self {
            user: Person::of(&it.user),
            media_type: it.quota.media_type.word(),
            quota: quota::in_words(&it.quota),
            in_words: it.in_words(config, now_ms),
            used: it.room.used,
            on_their_way: it.room.on_their_way,
            limit: it.room.limit,
            percent: it.room.percent(),
            since_ms: it.room.since_ms,
            room_again_at_ms: it.room.frees_at_ms,
            when_exceeded: it.quota.when_exceeded.word(),
            bypassed: it.bypassed,
        }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::EntryId;

    use super::super::household::{Household, NOON, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn a_watchlist_cap_counts_what_is_on_the_list_however_long_and_nothing_else() {
        let household = Household::new(&SETTINGS.replace("daily", "watchlist_cap"));
        household.wish(3);
        household.route_all("run-1");
        household.write(|db| db.close_entry(EntryId(2), NOON));
        let list = household.get(ENDPOINTS, "/quotas", "").await.unwrap();
        assert_eq!((&list["quotas"][0]["used"], &list["quotas"][0]["on_their_way"]), (&2.into(), &2.into()), "{list}");
        assert_eq!(list["quotas"][0]["in_words"], "2 of 4 on the watchlist (2 on their way)");
    }

    #[tokio::test]
    async fn a_quota_tells_its_use_and_when_there_is_room_again() {
        let household = Household::new(SETTINGS);
        household.wish(3);
        household.route_all("run-1");
        let quota = |list: serde_json::Value| list["quotas"][0].clone();
        let some = quota(household.get(ENDPOINTS, "/quotas", "").await.unwrap());
        assert_eq!((&some["used"], &some["limit"], &some["percent"]), (&3.into(), &4.into(), &75.into()));
        assert!(some["room_again_at_ms"].is_null());
        household.wish(1);
        household.route_all("run-2");
        let full = quota(household.get(ENDPOINTS, "/quotas", "").await.unwrap());
        assert_eq!((&full["percent"], full["room_again_at_ms"].as_i64()), (&100.into(), Some(NOON + 12 * 3_600_000)));
    }
}
