//! The webhooks of the instances: how each connection stands, mending one, and what came in lately.

use std::sync::Arc;

use pulsarr_shared::store::{ConnectionRow, PageFrom, WebhookRow, WebhookState};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::given;
use super::instances::known;
use crate::audit::By;
use crate::connections;
use crate::detached::on_its_own;
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/webhooks",
        tag: "webhooks",
        summary: "How the webhook connection of every instance was found the last time.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<ConnectionList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/webhooks/{instance}/fix",
        tag: "webhooks",
        summary: "Makes or mends the connection in this instance, tries it out, and says how it stands.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<ConnectionView>),
        handle: |ask| Box::pin(fix(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/inbox",
        tag: "webhooks",
        summary: "The webhooks that are on record, newest first, and what came of them.",
        access: Access::Read,
        query: &[
            Parameter { name: "before", about: "the page after one whose `older` was this" },
            Parameter { name: "after", about: "the page before one whose `newer` was this" },
            Parameter { name: "limit", about: "webhooks a page: 1 to 500; 100 unless told" },
            Parameter {
                name: "state",
                about: "`given_up`: only those that could not be acted on and are tried no more; all unless told",
            },
        ],
        body: None,
        answer: Answer::Json(shape::<Inbox>),
        handle: |ask| Box::pin(inbox(ask)),
    },
];

/// Every connection.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectionList {
    /// By the name of the instance.
    pub webhooks: Vec<ConnectionView>,
}

/// How the connection of one instance stands.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConnectionView {
    /// The instance.
    pub instance: String,
    /// `ok`, `not_working`, `wrong_address`, `wrong_secret`, `missing`, or `unknown` where nobody could look.
    pub status: &'static str,
    /// One sentence that ends with what to do.
    pub advice: Option<String>,
    /// The address that the instance was given.
    pub url: Option<String>,
    /// When it was looked at; unix milliseconds.
    pub checked_at_ms: Option<i64>,
}

/// What came in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Inbox {
    /// Newest first.
    pub webhooks: Vec<WebhookView>,
    /// `before` of the page with older ones; `null`: there are none.
    pub older: Option<i64>,
    /// `after` of the page with newer ones; `null`: there are none.
    pub newer: Option<i64>,
}

/// One webhook.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WebhookView {
    /// Counts up.
    pub id: i64,
    /// Whose address it came to.
    pub instance: String,
    /// When; unix milliseconds.
    pub received_at_ms: i64,
    /// The event as the arr named it.
    pub event: String,
    /// `pending`, `done`, `ignored`, or `given_up` after it could not be acted on for a week.
    pub state: String,
    /// What came of it, or why nothing has yet, as a sentence.
    pub detail: Option<String>,
}

impl From<ConnectionRow> for ConnectionView {
    fn from(row: ConnectionRow) -> Self {
        Self {
            instance: row.instance,
            status: row.status.word(),
            advice: row.detail,
            url: row.url,
            checked_at_ms: row.checked_at_ms,
        }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let rows = ask.app.database.read(|db| db.all_connections()).await?;
    answer(&ConnectionList { webhooks: rows.into_iter().map(ConnectionView::from).collect() })
}

async fn fix(ask: Ask) -> Result<Response, ApiError> {
    answer(&fixed(&ask).await?)
}

/// Makes or mends the connection in the instance that `{instance}` stands for, tries it out, and says how it stands.
///
/// # Errors
/// 404; when the store fails.
pub async fn fixed(ask: &Ask) -> Result<ConnectionView, ApiError> {
    let name = ask.variable("instance").to_owned();
    known(&ask.app.config(), &name)?;
    looked_at(ask, &name).await
}

/// Looks at the connection in the instance of this name, makes or mends it for whoever asks, tries it out, and says how it stands. The
/// audit log has `webhook.fixed` when something had to be done.
///
/// # Errors
/// 404 for one that is gone; when the store fails.
pub async fn looked_at(ask: &Ask, name: &str) -> Result<ConnectionView, ApiError> {
    let (app, by) = (&ask.app, By::of(ask));
    // On its own feet: what was begun is brought to its end also when whoever asked goes away.
    let (service, instance) = (Arc::clone(app), name.to_owned());
    let work = on_its_own(async move { connections::fix(&service, &instance, Some(by)).await });
    let broke_off = |_| ApiError::unavailable("the repair broke off: try again");
    let Some(found) = work.await.map_err(broke_off)?? else {
        return Err(ApiError::not_found(format!("`{name}` was removed meanwhile")));
    };
    Ok(ConnectionView {
        instance: name.to_owned(),
        status: found.status.word(),
        advice: Some(found.advice),
        url: found.url,
        checked_at_ms: Some(app.now_ms()),
    })
}

async fn inbox(ask: Ask) -> Result<Response, ApiError> {
    answer(&arrived(&ask).await?)
}

/// The webhooks that are asked for.
///
/// # Errors
/// 400 for numbers that are none, or a state that cannot be asked for; when the store cannot be read.
pub async fn arrived(ask: &Ask) -> Result<Inbox, ApiError> {
    let limit = ask.count("limit", 100, 1, 500)?;
    let row = |name, text: &str| text.parse().map_err(|_| ApiError::input(format!("`{name}` is a number")));
    let from = match given::page_from(ask)? {
        PageFrom::Newest => PageFrom::Newest,
        PageFrom::Before(id) => PageFrom::Before(row("before", id)?),
        PageFrom::After(id) => PageFrom::After(row("after", id)?),
    };
    let page = match ask.parameter("state").map(WebhookState::from_word) {
        None => ask.app.database.read(move |db| db.webhooks(&from, limit)).await?,
        Some(Some(WebhookState::GivenUp)) => {
            ask.app.database.read(move |db| db.webhooks_given_up(&from, limit)).await?
        }
        Some(_) => return Err(ApiError::input("`state` is `given_up`, or left out for all")),
    };
    let (older, newer) = given::ways_on(&page, |row| row.id);
    let view = |row: WebhookRow| WebhookView {
        id: row.id,
        instance: row.instance,
        received_at_ms: row.received_at_ms,
        event: row.event,
        state: row.state,
        detail: row.detail,
    };
    Ok(Inbox { webhooks: page.rows.into_iter().map(view).collect(), older, newer })
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;
    use pulsarr_shared::store::NewWebhook;
    use serde_json::json;

    #[tokio::test]
    async fn an_instance_that_cannot_be_reached_is_told_with_advice_and_noted() {
        let household = Household::new(SETTINGS);
        let told = household.post(ENDPOINTS, "/webhooks/{instance}/fix", "movies", "").await.unwrap();
        assert_eq!(told["status"], "unknown", "{told:#}");
        assert!(told["advice"].as_str().unwrap().contains("PULSARR_BASE_URL"), "{told:#}");
        let told = household.get(ENDPOINTS, "/webhooks", "").await.unwrap();
        assert_eq!(told["webhooks"][0]["instance"], "movies", "{told:#}");
    }

    #[tokio::test]
    async fn what_came_in_is_listed_newest_first() {
        let household = Household::new(SETTINGS);
        for event in ["Test", "Grab"] {
            let webhook = NewWebhook {
                instance: "movies".to_owned(),
                event: event.to_owned(),
                body: "{}".to_owned(),
                received_at_ms: 1,
            };
            household.write(|db| db.add_to_inbox(&[webhook]));
        }
        let told = household.get(ENDPOINTS, "/inbox", "").await.unwrap();
        assert_eq!((&told["webhooks"][0]["event"], &told["webhooks"][1]["event"]), (&json!("Grab"), &json!("Test")));
    }

    #[tokio::test]
    async fn what_was_given_up_can_be_asked_for_however_much_came_after_it() {
        let household = Household::new(SETTINGS);
        let webhook = NewWebhook {
            instance: "movies".to_owned(),
            event: "Download".to_owned(),
            body: "{}".to_owned(),
            received_at_ms: 1,
        };
        household.write(|db| db.add_to_inbox(&vec![webhook; 5]));
        household.write(|db| db.end_webhook(2, WebhookState::GivenUp, "given up after 38 tries", 2));
        let told = household.get(ENDPOINTS, "/inbox", "state=given_up&limit=1").await.unwrap();
        assert_eq!(told["webhooks"].as_array().unwrap().len(), 1, "{told:#}");
        assert_eq!((&told["webhooks"][0]["id"], &told["webhooks"][0]["state"]), (&json!(2), &json!("given_up")));
        assert_eq!(household.get(ENDPOINTS, "/inbox", "state=done").await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn every_webhook_on_record_is_reached_page_by_page() {
        let household = Household::new(SETTINGS);
        let webhook = NewWebhook {
            instance: "movies".to_owned(),
            event: "Grab".to_owned(),
            body: "{}".to_owned(),
            received_at_ms: 1,
        };
        household.write(|db| db.add_to_inbox(&vec![webhook; 5]));
        let page = async |query: &str| household.get(ENDPOINTS, "/inbox", query).await;
        let (mut query, mut seen) = ("limit=2".to_owned(), Vec::new());
        loop {
            let page = page(&query).await.unwrap();
            seen.extend(page["webhooks"].as_array().unwrap().iter().map(|it| it["id"].as_i64().unwrap()));
            let Some(older) = page["older"].as_i64() else { break };
            query = format!("limit=2&before={older}");
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
        let newer = page("limit=2&after=1").await.unwrap();
        let ids = (&newer["webhooks"][0]["id"], &newer["newer"], &newer["older"]);
        assert_eq!(ids, (&json!(3), &json!(3), &json!(2)), "{newer:#}");
        for wrong in ["before=yesterday", "before=1&after=2"] {
            assert_eq!(page(wrong).await.unwrap_err().status(), 400, "{wrong}");
        }
    }
}
