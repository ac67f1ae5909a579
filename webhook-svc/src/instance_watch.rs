//! Asks every instance now and then whether it answers, so that one that is down is known although nothing is wanted of it. What is found
//! is told and never stops anything.
//!
//! The question is `GET /api/v3/system/status`, the cheapest that also shows whether the key is taken. An instance is asked when nobody has
//! heard of it for [`HEARD_WITHIN_MS`]: whatever a run, a look at its webhook, a test or a webhook of its own told within that time counts.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::model::{Instance, OutageReason};
use pulsarr_shared::outages;
use pulsarr_shared::process;
use pulsarr_shared::report::Problem;
use pulsarr_shared::store::{FoundBy, StoreError};
use pulsarr_shared::upstreams::{Upstreams, arr_problem};

use crate::api::instance_health::{self, Health, Heard};
use crate::app::{App, Turn};
use crate::connections::impatient;

/// How long an instance may be silent before it is asked.
pub const HEARD_WITHIN_MS: UnixMs = 5 * 60 * 1_000;

/// How long its webhooks may stand for its answers: the metrics say when each last answered.
const ASKED_WITHIN_MS: UnixMs = 30 * 60 * 1_000;

/// How often it is looked at who has been silent for so long, at least.
const LOOK_EVERY: Duration = Duration::from_secs(45);

/// At most so many seconds are added to that, so that no two services ask in step.
const JITTER_S: u64 = 30;

/// Works until the service stops.
pub async fn watch(app: Arc<App>) {
    loop {
        // Made before the look: a change during it is not missed.
        let changed = app.configuration.changed.notified();
        if let Err(error) = look(&app).await {
            tracing::error!("the instances could not be looked at: failed to {error}. {}", error.advice());
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY + jitter()) => {}
            () = changed => {}
            _ = app.stop.wait() => return,
        }
    }
}

fn jitter() -> Duration {
    let number = u64::from_str_radix(&process::random_hex(2), 16).unwrap_or_default();
    Duration::from_secs(number % (JITTER_S + 1))
}

/// Asks those of which nobody has heard for long, all at once.
///
/// # Errors
/// [`StoreError`] when the store cannot be read. What the instances say is noted.
pub async fn look(app: &App) -> Result<(), StoreError> {
    let (config, now_ms) = (app.config(), app.now_ms());
    let heard = instance_health::heard(app).await?;
    let silent = heard.into_iter().filter(|heard| is_due(heard, now_ms));
    let named = silent.filter_map(|heard| config.settings.instances.iter().find(|it| it.name == heard.name));
    join_all(named.map(|instance| ask(app, instance))).await;
    Ok(())
}

async fn ask(app: &App, instance: &Instance) {
    let config = impatient(app.config().as_ref().clone());
    let upstreams = Upstreams::new(&config, &app.transport, &app.clock, &app.stop);
    let Some(arr) = upstreams.arr(&instance.name) else { return };
    match arr.status().await {
        Ok(_) => note(app, instance, None),
        // None: we broke off, which says nothing about the instance.
        Err(error) => {
            if let Some(problem) = arr_problem(instance, &error) {
                note(app, instance, Some(problem));
            }
        }
    }
}

/// Notes that `instance` answered, or what is wrong with it, also in its history, and tells when that is news.
pub fn note(app: &App, instance: &Instance, problem: Option<Problem>) {
    note_in_history(app, instance, problem.clone());
    let message = problem.as_ref().map(|problem| problem.message.clone()).unwrap_or_default();
    match app.instance_health.note(instance, problem, app.now_ms()) {
        Turn::None => {}
        Turn::Worse => tracing::warn!(instance.name = %instance.name, "{message}"),
        Turn::Better => tracing::info!(instance.name = %instance.name, "{} answers again", instance.label()),
    }
}

fn note_in_history(app: &App, instance: &Instance, problem: Option<Problem>) {
    let (name, now_ms) = (instance.name.clone(), app.now_ms());
    app.database.write_later(move |store| {
        let found = problem.as_ref().map_or(Ok(()), Err);
        // Whether it has what the settings name is another question.
        let answered = OutageReason::WHILE_SILENT;
        let noted = store.write(|db| {
            outages::note(db, &name, found, FoundBy::Look, answered, now_ms)?;
            if problem.is_none() { db.note_upstream_success(&name, now_ms) } else { Ok(()) }
        });
        if let Err(error) = noted {
            tracing::warn!("the history of {name} lacks a look: failed to {error}. {}", error.advice());
        }
    });
}

/// Whether an instance of which this was heard is to be asked. A webhook says that it lives, and not that one that did not answer answers
/// again, nor for ever that it would.
fn is_due(heard: &Heard, now_ms: UnixMs) -> bool {
    let lives = !matches!(heard.health, Health::Unreachable | Health::Refused);
    let answered_lately = heard.asked_at_ms.is_none_or(|at_ms| now_ms.saturating_sub(at_ms) < ASKED_WITHIN_MS);
    let last_ms = heard.asked_at_ms.max(heard.told_at_ms.filter(|_| lives && answered_lately));
    // One that lies in the future was noted by a clock that has since been put back.
    !last_ms.is_some_and(|at_ms| (0..HEARD_WITHIN_MS).contains(&now_ms.saturating_sub(at_ms)))
}

#[cfg(test)]
mod tests {
    use pulsarr_tests::fakes::{FakeRadarr, Fault};

    use super::*;
    use crate::pages::testing::{Shown, Visitor};

    const STATUS: &str = "/api/v3/system/status";

    async fn visitor(radarr: &FakeRadarr) -> Visitor {
        let (url, key) = (radarr.url(), radarr.api_key());
        let settings = format!(
            "plex: {{token: xxxxxxxxxxxxxxxxxxxx}}\ninstances:\n- {{name: movies, kind: radarr, url: \"{url}\", api_key: {key}, default: true}}\n"
        );
        Visitor::set_up(&settings).await
    }

    async fn later(visitor: &Visitor, ms: UnixMs) -> Shown {
        visitor.service.clock.advance(Duration::from_millis(u64::try_from(ms).unwrap()));
        look(&visitor.service.app).await.unwrap();
        visitor.get("/").await
    }

    fn questions(radarr: &FakeRadarr) -> usize {
        radarr.journal().into_iter().filter(|seen| seen.route.ends_with(STATUS)).count()
    }

    #[tokio::test]
    async fn an_idle_instance_that_goes_down_is_told_and_so_is_its_return() {
        let radarr = FakeRadarr::start();
        let visitor = visitor(&radarr).await;
        let first = later(&visitor, 0).await;
        assert!(first.text.contains("Everything is all right."), "{}", first.text);
        assert!(visitor.get("/instances").await.text.contains(">ok<"));
        assert_eq!(visitor.get("/health").await.text.matches("\"instances_not_well\":0").count(), 1);

        let app = &visitor.service.app;
        let answered = app.database.read(|db| db.upstream_successes()).await.unwrap();
        assert_eq!(answered, [("movies".to_owned(), app.now_ms())], "for the metrics");

        radarr.inject(Fault::on("GET", STATUS).status(503));
        let asked = questions(&radarr);
        later(&visitor, HEARD_WITHIN_MS - 1).await;
        assert_eq!(questions(&radarr), asked, "it has just answered");
        let down = later(&visitor, 1).await;
        assert!(questions(&radarr) > asked);
        assert!(down.text.contains("One part should be looked at."), "{}", down.text);
        assert!(down.text.contains("Radarr: in trouble"), "{}", down.text);
        for path in ["/instances", "/instances/movies"] {
            let page = visitor.get(path).await;
            assert!(page.text.contains(">unreachable<"), "{path}: {}", page.text);
        }
        let health = visitor.get("/health").await.text;
        assert!(health.contains("\"status\":\"attention\"") && health.contains("\"instances_not_well\":1"), "{health}");

        radarr.clear_faults();
        let back = later(&visitor, HEARD_WITHIN_MS).await;
        assert!(back.text.contains("Everything is all right."), "{}", back.text);
        assert!(visitor.get("/instances/movies").await.text.contains(">ok<"));
        assert!(visitor.get("/health").await.text.contains("\"status\":\"ok\""));
    }

    #[tokio::test]
    async fn an_instance_that_refuses_the_key_says_so_on_its_own_page_at_the_first_look() {
        let radarr = FakeRadarr::start();
        let visitor = visitor(&radarr).await;
        later(&visitor, 0).await;
        radarr.inject(Fault::on("GET", STATUS).status(401));
        visitor.until("/instances/movies", |page| page.contains(">refused<")).await;
        assert!(visitor.get("/").await.text.contains("One part cannot work"));
    }

    #[test]
    fn whatever_was_heard_within_five_minutes_spares_the_question() {
        const NOW: UnixMs = 100 * HEARD_WITHIN_MS;
        let heard = |health, asked: Option<UnixMs>, told: Option<UnixMs>| Heard {
            name: "movies".into(),
            health,
            asked_at_ms: asked.map(|ago| NOW - ago),
            told_at_ms: told.map(|ago| NOW - ago),
        };
        for (heard, expected) in [
            (heard(Health::Unknown, None, None), true),
            (heard(Health::Ok, Some(HEARD_WITHIN_MS - 1), None), false),
            (heard(Health::Ok, Some(HEARD_WITHIN_MS), None), true),
            (heard(Health::Ok, Some(HEARD_WITHIN_MS), Some(1)), false),
            (heard(Health::Ok, Some(ASKED_WITHIN_MS - 1), Some(1)), false),
            (heard(Health::Ok, Some(ASKED_WITHIN_MS), Some(1)), true),
            (heard(Health::Unknown, None, Some(1)), false),
            // It lives, and may still not answer us.
            (heard(Health::Unreachable, Some(HEARD_WITHIN_MS), Some(1)), true),
            (heard(Health::Refused, Some(HEARD_WITHIN_MS - 1), None), false),
            // The clock was put back.
            (heard(Health::Ok, Some(-1), None), true),
        ] {
            assert_eq!(is_due(&heard, NOW), expected, "{heard:?}");
        }
    }
}
