//! Runs as they happen, as server-sent events. A run is any process's, so the store is looked at twice a second: once for all who
//! listen, and not at all when nobody does.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use pulsarr_shared::store::{Db, StoreError};
use tokio::sync::watch;
use warp::sse::Event;

use crate::app::App;
use crate::app::run_watch::{Progressing, Seen};
use crate::run_view::{RunView, StageView};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

async fn keep_looking(app: Arc<App>) {
    while !app.run_watch.ends() {
        match app.database.read(newest).await {
            Ok(newest) => {
                app.run_watch.seen.send_if_modified(|seen| {
                    let is_news = seen.as_ref().is_none_or(|seen| seen.as_deref() != newest.as_ref());
                    if is_news {
                        *seen = Some(newest.map(Arc::new));
                    }
                    is_news
                });
            }
            // The next look may do better; who watches need not know.
            Err(error) => tracing::warn!("failed to {error}"),
        }
        tokio::select! {
            _ = app.stop.wait() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn newest(db: Db<'_>) -> Result<Option<Progressing>, StoreError> {
    let row = db.last_runs_in_short(1)?.pop();
    row.map(|row| in_full(db, row)).transpose()
}

fn in_full(db: Db<'_>, row: pulsarr_shared::store::RunRow) -> Result<Progressing, StoreError> {
    let progress = db.progress(&row.id)?.into_iter().map(StageView::of).collect();
    Ok(Progressing { run: RunView::of(db, row)?, progress })
}

/// What one listener is to hear of.
struct Look {
    newest: Option<Arc<Progressing>>,
    /// The run that was watched, when another one is the newest by now.
    watched: Option<Progressing>,
}

/// What has been told already.
#[derive(Default)]
struct Told {
    /// Nobody has looked yet: what ended before is no news.
    looked: bool,
    /// The newest run that was seen, and whether it was running then.
    newest: Option<(String, bool)>,
    progress: Vec<StageView>,
}

/// What is told: the event's name and the run.
type News = (&'static str, Progressing);

struct Listening {
    app: Arc<App>,
    seen: watch::Receiver<Seen>,
    told: Told,
    news: VecDeque<News>,
}

/// Events until the service stops.
pub(super) fn stream(app: Arc<App>) -> impl Stream<Item = Result<Event, Infallible>> + Send + Sync {
    let mut seen = app.run_watch.listen(|| tokio::spawn(keep_looking(Arc::clone(&app))));
    // Whoever comes when somebody listens already is told of what is going on at once.
    seen.mark_changed();
    let begin = Listening { seen, app, told: Told::default(), news: VecDeque::new() };
    stream::unfold(begin, |mut listening| async move {
        let event = listening.next().await?;
        Some((Ok(event), listening))
    })
}

impl Listening {
    /// What is told next; `None` once the service stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((name, run)) = self.news.pop_front() {
                if let Ok(event) = Event::default().event(name).json_data(&run) {
                    return Some(event);
                }
            }
            tokio::select! {
                biased;
                // The sender lives as long as the service.
                changed = self.seen.changed() => changed.ok()?,
                _ = self.app.stop.wait() => return None,
            }
            let Some(newest) = self.seen.borrow_and_update().clone() else { continue };
            let watched = match self.told.running().filter(|id| newest.as_ref().is_none_or(|run| run.run.id != *id)) {
                Some(id) => self.one(id.to_owned()).await,
                None => None,
            };
            self.news.extend(self.told.take_in(Look { newest, watched }));
        }
    }

    /// This run, as it is now.
    async fn one(&self, id: String) -> Option<Progressing> {
        let found = self.app.database.read(move |db| db.run(&id)?.map(|row| in_full(db, row)).transpose());
        found.await.unwrap_or_else(|error| {
            tracing::warn!("failed to {error}");
            None
        })
    }
}

impl Told {
    /// The run that was going on, as far as was told.
    fn running(&self) -> Option<&str> {
        self.newest.as_ref().filter(|(_, running)| *running).map(|(id, _)| id.as_str())
    }

    /// What is news in `look`.
    fn take_in(&mut self, look: Look) -> Vec<News> {
        let first = !std::mem::replace(&mut self.looked, true);
        let mut news = Vec::new();
        let was_running = self.running().is_some();
        if let Some(watched) = look.watched {
            news.push(("ended", watched));
        }
        let Some(newest) = look.newest.as_deref().cloned() else { return news };
        let running = newest.run.ended_at_ms.is_none();
        let is_known = self.newest.as_ref().is_some_and(|(id, _)| *id == newest.run.id);
        if !is_known {
            self.progress.clear();
            if running || !first {
                news.push(("began", newest.clone()));
            }
        }
        let has_begun = !news.is_empty() || is_known;
        if has_begun && newest.progress != self.progress {
            self.progress.clone_from(&newest.progress);
            news.push(("progress", newest.clone()));
        }
        if !running && (is_known && was_running || !is_known && !first) {
            news.push(("ended", newest.clone()));
        }
        self.newest = Some((newest.run.id, running));
        news
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, body_of};
    use super::super::runs::ENDPOINTS;
    use super::*;
    use futures_util::StreamExt as _;
    use pulsarr_shared::model::{RunResult, Trigger};
    use pulsarr_shared::stop::StopReason;
    use warp::http::Method;

    fn told(told: &mut Told, household: &Household) -> Vec<(&'static str, String)> {
        let look = household.look(|store| {
            let newest = newest(store.read()).unwrap();
            let watched = told.running().filter(|id| newest.as_ref().is_none_or(|run| run.run.id != *id));
            let watched = watched.and_then(|id| store.read().run(id).unwrap());
            Look { watched: watched.map(|row| in_full(store.read(), row).unwrap()), newest: newest.map(Arc::new) }
        });
        told.take_in(look).into_iter().map(|(name, run)| (name, run.run.id)).collect()
    }

    #[test]
    fn beginning_progress_and_end_are_each_told_once() {
        let household = Household::new("");
        let mut state = Told::default();
        let mut expect = |expected: &[(&'static str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(name, id)| (*name, (*id).to_owned())).collect();
            assert_eq!(told(&mut state, &household), expected);
        };
        household.write(|db| db.start_run("old", Trigger::Cli, "", 1));
        household.write(|db| db.end_run("old", RunResult::Ok, "{}", 2));
        expect(&[]);
        household.write(|db| db.start_run("one", Trigger::Cli, "", 3));
        expect(&[("began", "one")]);
        expect(&[]);
        household.write(|db| db.set_progress("one", "observe", 1, 2, 4));
        expect(&[("progress", "one")]);
        household.write(|db| db.end_run("one", RunResult::Ok, "{}", 5));
        household.write(|db| db.start_run("two", Trigger::Cli, "", 6));
        expect(&[("ended", "one"), ("began", "two")]);
        household.write(|db| db.end_run("two", RunResult::Ok, "{}", 7));
        expect(&[("ended", "two")]);
        // One that was over between two looks.
        household.write(|db| db.start_run("three", Trigger::Cli, "", 8));
        household.write(|db| db.end_run("three", RunResult::Ok, "{}", 9));
        expect(&[("began", "three"), ("ended", "three")]);
        expect(&[]);
    }

    #[tokio::test]
    async fn whoever_comes_while_a_run_goes_on_hears_of_it_and_the_stream_ends_with_the_service() {
        let household = Household::new("");
        household.write(|db| db.start_run("one", Trigger::Cli, "", 3));
        household.write(|db| db.set_progress("one", "observe", 1, 2, 4));
        let response = household.ask(ENDPOINTS, (Method::GET, "/runs/events"), "", "", "").await.unwrap();
        let app = Arc::clone(&household.app);
        let (body, ()) = tokio::join!(body_of(response), async move {
            app.run_watch.seen.subscribe().wait_for(Option::is_some).await.unwrap();
            app.stop.request(StopReason::Terminated);
        });
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("event:began\n") && text.contains("event:progress\n"), "{text}");
        assert!(text.contains(r#""stage":"observe","done":1,"total":2"#), "{text}");
    }

    /// What comes next, as it goes over the wire.
    async fn next(stream: &mut (impl Stream<Item = Result<Event, Infallible>> + Unpin)) -> String {
        stream.next().await.unwrap().unwrap().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn all_listeners_share_one_look_and_without_any_nobody_looks() {
        let household = Household::new("");
        let watch = &household.app.run_watch;
        let is_looking = || watch.looking.lock().unwrap().as_ref().is_some_and(|looking| !looking.is_finished());
        assert!(!is_looking());
        household.write(|db| db.start_run("one", Trigger::Cli, "", 3));
        let mut first = Box::pin(stream(Arc::clone(&household.app)));
        assert!(next(&mut first).await.contains("event:began"));
        let task = watch.looking.lock().unwrap().as_ref().unwrap().id();
        // One who comes later hears of what is going on, too, and both hear of what follows.
        let mut second = Box::pin(stream(Arc::clone(&household.app)));
        assert!(next(&mut second).await.contains("event:began"));
        household.write(|db| db.end_run("one", RunResult::Ok, "{}", 5));
        household.write(|db| db.start_run("two", Trigger::Cli, "", 6));
        for listener in [&mut first, &mut second] {
            for expected in [["event:ended", "one"], ["event:began", "two"]] {
                let told = next(listener).await;
                assert!(expected.iter().all(|part| told.contains(part)), "{expected:?}: {told}");
            }
        }
        assert_eq!(watch.looking.lock().unwrap().as_ref().unwrap().id(), task);
        drop((first, second));
        while is_looking() {
            tokio::time::advance(PAUSE).await;
        }
        household.write(|db| db.end_run("two", RunResult::Ok, "{}", 7));
        household.write(|db| db.start_run("three", Trigger::Cli, "", 8));
        let mut third = Box::pin(stream(Arc::clone(&household.app)));
        let told = next(&mut third).await;
        assert!(told.contains("event:began") && told.contains("three"), "nothing old: {told}");
    }
}
