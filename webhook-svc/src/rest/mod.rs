//! What the service does when nobody asks it anything: it gives memory back that it can have again at any time.
//!
//! Most of what is resident is the program's own code, and most of that ran once, at the start or for a page that somebody looked at.
//! The kernel maps it in pieces of 64 KiB around whatever is needed, and takes nothing away while memory is plenty.

mod memory;

pub use memory::trim;

use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::Stopwatch;
use warp::Filter;
use warp::filters::BoxedFilter;

use crate::app::App;

/// How long after the start what only the start needs is given back.
const AFTER_START: Duration = Duration::from_secs(4);

/// How long nobody has to ask anything for a rest.
const QUIET: Duration = Duration::from_secs(60);

/// How often, while it is quiet, it is looked whether the service itself has woken something up: a look at a list runs a third of all code.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// So much more than after the last rest is worth the next.
const WORTH_IT: u64 = 512 * 1024;

/// Notes that somebody asks for something.
pub fn noted(app: &Arc<App>) -> BoxedFilter<()> {
    let app = Arc::clone(app);
    warp::any().map(move || app.asked.note()).untuple_one().boxed()
}

/// Rests soon after the start, and as long as it is quiet whenever something has run, until the service stops.
pub async fn keep(app: Arc<App>) {
    keep_with(&app, || rest(&app), memory::mapped).await;
}

/// `rest` gives back, and `mapped` tells how many bytes of files are in memory for this process.
async fn keep_with<R: Future<Output = ()>>(app: &App, rest: impl Fn() -> R, mapped: impl Fn() -> u64) {
    let (mut wait, mut quiet, mut asked, mut left) = (AFTER_START, Duration::ZERO, None, None);
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = app.stop.wait() => return,
        }
        let now = app.asked.count();
        quiet = if asked == Some(now) { quiet.saturating_add(wait) } else { Duration::ZERO };
        // Whatever was asked meanwhile: what the start needs is the most of all.
        let is_first = asked.is_none();
        (wait, asked) = (LOOK_EVERY, Some(now));
        let is_worth_it = left.is_none_or(|left| mapped() > left + WORTH_IT);
        if is_first || quiet == QUIET || (quiet > QUIET && is_worth_it) {
            rest().await;
            left = Some(mapped());
        }
    }
}

/// Gives back what can be had again.
async fn rest(app: &App) {
    let took = Stopwatch::start();
    // On a thread of the store, because the thread that serves never waits.
    match app.database.shrink(memory::give_back).await {
        Ok(Ok(bytes)) => {
            tracing::debug!("gave memory back in {:?}; {} KiB of it may be code", took.elapsed(), bytes / 1024)
        }
        Ok(Err(error)) => tracing::debug!("the code that nobody needs stays in memory: {error}"),
        Err(error) => tracing::debug!("the store keeps its memory: failed to {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::server::Peer;
    use crate::testing;
    use pulsarr_shared::stop::StopReason;

    #[tokio::test(start_paused = true)]
    async fn it_rests_after_the_start_and_as_long_as_nobody_asks_whenever_something_has_run() {
        let service = testing::app(&[]);
        let (app, rests, mapped) = (Arc::clone(&service.app), AtomicU64::new(0), AtomicU64::new(4 * WORTH_IT));
        let rested = || rests.load(Ordering::Relaxed);
        let runs = |bytes| mapped.fetch_add(bytes, Ordering::Relaxed);
        let keeping = keep_with(
            &app,
            || async {
                rests.fetch_add(1, Ordering::Relaxed);
                mapped.store(4 * WORTH_IT, Ordering::Relaxed);
            },
            || mapped.load(Ordering::Relaxed),
        );
        let story = async {
            app.asked.note();
            tokio::time::sleep(AFTER_START + Duration::from_millis(1)).await;
            assert_eq!(rested(), 1, "soon after the start, whatever was asked");
            tokio::time::sleep(QUIET).await;
            assert_eq!(rested(), 2, "nobody has asked for a minute");
            tokio::time::sleep(QUIET * 10).await;
            assert_eq!(rested(), 2, "there is nothing to give back");
            for n in 3..6 {
                runs(WORTH_IT + 1);
                tokio::time::sleep(LOOK_EVERY).await;
                assert_eq!(rested(), n, "something has run");
                runs(WORTH_IT);
                tokio::time::sleep(LOOK_EVERY).await;
                assert_eq!(rested(), n, "that was little");
            }
            for _ in 0..6 {
                app.asked.note();
                runs(WORTH_IT + 1);
                tokio::time::sleep(QUIET - LOOK_EVERY).await;
                assert_eq!(rested(), 5, "somebody may ask again");
            }
            tokio::time::sleep(LOOK_EVERY * 2).await;
            assert_eq!(rested(), 6);
            app.stop.request(StopReason::Terminated);
        };
        tokio::join!(keeping, story);
    }

    #[tokio::test]
    async fn people_and_arrs_ask_and_probes_do_not() {
        let service = testing::app(&[]);
        let asked = async |method: &str, path: &str| {
            let before = service.app.asked.count();
            let peer = Peer(([192, 168, 1, 9], 50_000).into());
            let request = warp::test::request().method(method).path(path).extension(peer);
            let _ = request.reply(&crate::routes::all(&service.app)).await;
            service.app.asked.count() > before
        };
        for (method, path) in [("GET", "/"), ("GET", "/api/v1/watchlist"), ("POST", "/webhook/movies")] {
            assert!(asked(method, path).await, "{path}");
        }
        for path in ["/healthz", "/readyz", "/health"] {
            assert!(!asked("GET", path).await, "{path}");
        }
    }
}
