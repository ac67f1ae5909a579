//! The first page: how everything stands, what happened today, what waits, and a run on demand.

use askama::Template;
use pulsarr_shared::store::Lately;
use pulsarr_shared::tally::PERIODS;
use warp::http::StatusCode;
use warp::reply::Response;

use super::numbers::{by_instance, over_time};
use super::standing::{Tile, in_all, tiles};
use crate::api::runs_start::{Start, is_noted, start_run};
use crate::api::watchlist::{self, WatchlistEntry};
use crate::api::{first_sync, overview};
use crate::insights;
use crate::pages::charts::{Ranked, Stacked};
use crate::pages::{Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown("/", |ask| Box::pin(show(ask))), Page::form("/", |ask| Box::pin(sync(ask)))];

/// Posters on the page.
const RECENT: &str = "12";
/// The period of its charts, in [`PERIODS`].
const MONTH: usize = 1;
const _: () = assert!(PERIODS[MONTH] == 30, "the page says 30 days");

#[derive(Template)]
#[template(path = "overview/glance.html")]
struct Glance {
    frame: Frame,
    /// What is missing before anything can be done; empty when nothing is.
    missing: &'static str,
    tone: &'static str,
    sentence: String,
    tiles: Vec<Tile>,
    today: Lately,
    held: u32,
    recent: Vec<WatchlistEntry>,
    charts: Option<(Stacked, Ranked)>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "overview", "Overview").await?;
    let overview = overview::look(&ask).await?;
    let settings = &ask.app.config().settings;
    let missing = match (&settings.plex.token, settings.instances.is_empty() && overview.broken.is_empty()) {
        (None, true) => "Link the Plex account, and tell where Sonarr and Radarr are.",
        (None, false) => "Link the Plex account whose watchlists are to be read.",
        (Some(_), true) => "Plex is linked. Tell where Sonarr and Radarr are.",
        (Some(_), false) if first_sync::waits(&ask.app).await? => {
            "Watchlists are read, and nothing is added before you start the first sync: look first at what it would add."
        }
        (Some(_), false) => "",
    };
    let tiles = tiles(&overview);
    let (tone, sentence) = in_all(&tiles);
    let (recent, charts) = if missing.is_empty() {
        let recent = watchlist::page(&ask.with_query(&[("limit", RECENT)])).await?.entries;
        let month = &insights::periods(&ask.app).await?[MONTH];
        let table = format!("{}/stats?days=30", frame.base_path);
        (recent, Some((over_time(month).with_table_at(table), by_instance(month, &frame.base_path))))
    } else {
        (Vec::new(), None)
    };
    let page =
        Glance { frame, missing, tone, sentence, tiles, today: overview.today, held: overview.held, recent, charts };
    html(&ask, StatusCode::OK, &page)
}

/// Starts a run and leads to it, or to the one that is going on.
async fn sync(ask: Ask) -> Result<Response, ApiError> {
    let (run_id, notice) = match start_run(&ask, None, false).await? {
        Start::Begun(run_id) => (Some(run_id), None),
        Start::Busy(by) => {
            let text = "Another run is going on. Start one when it has ended.".to_owned();
            (by.map(|by| by.run_id), Some(Notice { kind: "info".to_owned(), text }))
        }
    };
    let place = match run_id {
        Some(id) if is_noted(&ask, &id).await? => format!("/runs/{id}"),
        _ => "/activity/runs".to_owned(),
    };
    Ok(see_other(&ask, &place, notice))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::lock::{Acquired, Holder, try_acquire};
    use pulsarr_shared::model::Trigger;

    use crate::api::household::{Household, SETTINGS};
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn before_anything_is_set_up_the_way_there_is_shown_and_nothing_else() {
        let visitor = Visitor::set_up("").await;
        let page = visitor.get("/").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("Link the Plex account") && page.text.contains("href=\"/setup\""), "{}", page.text);
        assert!(!page.text.contains("Sync now") && !page.text.contains("<svg viewBox"), "{}", page.text);
        let first = Visitor::first().get("/").await;
        assert_eq!((first.status, first.header("location")), (303, "/setup"));
    }

    #[tokio::test]
    async fn at_a_glance_there_is_how_it_stands_what_happened_and_what_waits() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        let none = visitor.get("/").await.text;
        assert!(none.contains("Nothing is on a watchlist yet") && none.contains("Sync now"), "{none}");
        household.wish(2);
        household.hold_all("r1");
        let page = visitor.get("/").await.text;
        for told in [
            "Everything is all right.",
            "movies",
            "href=\"/instances/uhd\"",
            "href=\"/watchlist?state=held\"",
            "href=\"/approvals\"",
            "/posters/000000000000000000000001",
            "href=\"/watchlist/2\"",
            "Salt Ledger 2",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(page.len() < 30_000, "{} bytes", page.len());
    }

    #[tokio::test]
    async fn nobody_overlooks_that_the_first_sync_waits() {
        let visitor = Visitor::set_up(SETTINGS).await;
        visitor.write(pulsarr_shared::sync::hold_first_sync);
        let page = visitor.get("/").await.text;
        assert!(page.contains("nothing is added before you start the first sync"), "{page}");
        assert!(page.contains("href=\"/setup\"") && !page.contains("Sync now"), "{page}");
    }

    #[tokio::test]
    async fn names_are_text() {
        let settings = SETTINGS.replace("name: uhd", "name: 4k").replace("to: uhd", "to: 4k");
        let visitor = Visitor::set_up(&settings).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        let hostile = "<script>alert(1)</script>\u{202e}\u{1f3ac}".repeat(200);
        household.write(|db| {
            let title = db.title(pulsarr_shared::store::TitleId(1))?;
            db.set_metadata(
                pulsarr_shared::store::TitleId(1),
                &pulsarr_shared::model::Title { title: hostile, ..title },
                1,
            )
        });
        let page = visitor.get("/").await.text;
        assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
    }

    #[tokio::test]
    async fn a_run_is_started_by_a_form_and_led_to() {
        let visitor = Visitor::set_up("plex: {friends: false}").await;
        assert_eq!(visitor.post_as("/", "guessed", &[]).await.status, 403);
        let led = visitor.post("/", &[]).await;
        assert_eq!(led.status, 303);
        let place = led.header("location").to_owned();
        assert!(place.starts_with("/runs/"), "{place}");
        visitor.service.app.engine.idle().await;
        assert_eq!(visitor.get(&place).await.status, 200);
        let noted = visitor.service.app.database.read(|db| db.audit(None, 10)).await.unwrap();
        assert!(noted.iter().any(|row| row.action == "run.started" && place.ends_with(&row.target)), "{noted:?}");
        let out = visitor.signed_out().post("/", &[]).await;
        assert_eq!((out.status, out.header("location")), (303, "/login?next=/"));
    }

    #[tokio::test]
    async fn another_run_that_goes_on_is_led_to() {
        let visitor = Visitor::set_up("").await;
        visitor.write(|db| db.start_run("other", Trigger::Schedule, "nas-1/17", 1_000));
        let holder = Holder { host: "nas-1".into(), pid: 17, run_id: "other".into(), since_ms: 1_000 };
        let Acquired::Ours(_guard) = try_acquire(visitor.service.folder.path(), &holder).unwrap() else {
            panic!("nobody else has the lock")
        };
        let led = visitor.post("/", &[]).await;
        assert_eq!((led.status, led.header("location")), (303, "/runs/other"));
        assert!(led.header("set-cookie").starts_with("pulsarr_notice="));
    }
}
