//! What the arrs told.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::webhooks::{self, WebhookView};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/activity/webhooks", |ask| Box::pin(show(ask)))];

#[derive(Template)]
#[template(path = "activity/webhooks.html")]
struct Webhooks {
    frame: Frame,
    webhooks: Vec<(String, WebhookView)>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "activity", "Activity").await?;
    let mut arrived = webhooks::arrived(&ask.with_query(&[("limit", super::ROWS)])).await?.webhooks;
    // What was given up is on the page however much came after it.
    let given_up = ask.with_query(&[("limit", super::ROWS), ("state", "given_up")]);
    let oldest = arrived.last().map_or(i64::MAX, |webhook| webhook.id);
    arrived.extend(webhooks::arrived(&given_up).await?.webhooks.into_iter().filter(|it| it.id < oldest));
    let webhooks = arrived.into_iter().map(|it| (rfc3339(it.received_at_ms), it)).collect();
    html(&ask, StatusCode::OK, &Webhooks { frame, webhooks })
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
}
