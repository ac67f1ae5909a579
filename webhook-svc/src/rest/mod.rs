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

/// Notes that somebody asks for something.
pub fn noted(app: &Arc<App>) -> BoxedFilter<()> {
    let app = Arc::clone(app);
    warp::any().map(move || app.asked.note()).untuple_one().boxed()
}

/// Rests soon after the start, and whenever it is quiet, until the service stops.
pub async fn keep(app: Arc<App>) {
    keep_with(&app, || rest(&app)).await;
}

async fn keep_with<R: Future<Output = ()>>(app: &App, rest: impl Fn() -> R) {
    let (mut wait, mut before) = (AFTER_START, None);
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = app.stop.wait() => return,
        }
        let asked = app.asked.count();
        if before.is_none_or(|before| before == asked) {
            rest().await;
        }
        (wait, before) = (QUIET, Some(asked));
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
    async fn it_rests_after_the_start_and_after_every_minute_without_a_question() {
        let service = testing::app(&[]);
        let (app, rests) = (Arc::clone(&service.app), AtomicU64::new(0));
        let rested = || rests.load(Ordering::Relaxed);
        let keeping = keep_with(&app, || async {
            rests.fetch_add(1, Ordering::Relaxed);
        });
        let story = async {
            app.asked.note();
            tokio::time::sleep(AFTER_START + Duration::from_secs(1)).await;
            assert_eq!(rested(), 1, "soon after the start, whatever was asked");
            for asks in [true, true, false, false, true, false] {
                let before = rested();
                if asks {
                    app.asked.note();
                }
                tokio::time::sleep(QUIET).await;
                assert_eq!(rested(), before + u64::from(!asks));
            }
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
