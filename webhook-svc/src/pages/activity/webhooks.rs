//! What the arrs told.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{ROWS, WaysOn, page_from};
use crate::api::webhooks::{self, WebhookView};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/activity/webhooks", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "activity/webhooks.html")]
struct Webhooks {
    frame: Frame,
    webhooks: Vec<(String, WebhookView)>,
    ways_on: WaysOn,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let from = page_from(&ask);
    let page = webhooks::arrived(&ask.with_query(&[&from[..], &[("limit", ROWS)]].concat())).await?;
    let id = |id: i64| id.to_string();
    let ways_on = WaysOn::of(&ask, &[], page.newer.map(id), page.older.map(id));
    let mut arrived = page.webhooks;
    // What was given up is on the first page however much came after it.
    if let Some(oldest) = page.older
        && page.newer.is_none()
    {
        let given_up = ask.with_query(&[("limit", ROWS), ("state", "given_up")]);
        arrived.extend(webhooks::arrived(&given_up).await?.webhooks.into_iter().filter(|it| it.id < oldest));
    }
    let webhooks = arrived.into_iter().map(|it| (rfc3339(it.received_at_ms), it)).collect();
    html(&ask, StatusCode::OK, &Webhooks { frame, webhooks, ways_on })
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::store::{NewWebhook, WebhookState};

    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn what_was_given_up_stays_on_the_page() {
        let visitor = Visitor::set_up("").await;
        let write = |store: &pulsarr_shared::store::Store| {
            let webhook = NewWebhook {
                instance: "movies".to_owned(),
                event: "Rename".to_owned(),
                body: "{}".to_owned(),
                received_at_ms: 1,
            };
            store.write(|db| {
                db.add_to_inbox(&vec![webhook; 60])?;
                db.end_webhook(1, WebhookState::GivenUp, "given up after 38 tries", 2)
            })
        };
        visitor.service.app.database.write(write).await.unwrap();
        let page = visitor.get("/activity/webhooks").await.text;
        assert!(page.contains("is-bad\">given up<") && page.contains("given up after 38 tries"), "{page}");
    }

    #[tokio::test]
    async fn older_webhooks_are_a_page_away_and_so_is_the_way_back() {
        let visitor = Visitor::set_up("").await;
        let webhook = |number: i64| NewWebhook {
            instance: "movies".to_owned(),
            event: format!("Event{number:02}"),
            body: "{}".to_owned(),
            received_at_ms: 1,
        };
        visitor.write(|db| db.add_to_inbox(&(1..=90).map(webhook).collect::<Vec<_>>()));
        let page = async |query: &str| visitor.get(&format!("/activity/webhooks{query}")).await.text;
        let has = |page: &str, first: &str, last: &str| page.contains(first) && page.contains(last);
        let newest = page("").await;
        assert!(has(&newest, "Event90", "Event51") && !newest.contains("Event50"), "{newest}");
        assert!(newest.contains("href=\"/activity/webhooks?before=51\">Older<"), "{newest}");
        assert!(!newest.contains(">Newer<"), "{newest}");
        let oldest = page("?before=11").await;
        assert!(has(&oldest, "Event10", "Event01") && !oldest.contains(">Older<"), "{oldest}");
        assert!(oldest.contains("href=\"/activity/webhooks?after=10\">Newer<"), "{oldest}");
        let middle = page("?after=10").await;
        assert!(has(&middle, "Event50", "Event11") && has(&middle, ">Older<", ">Newer<"), "{middle}");
    }
}
