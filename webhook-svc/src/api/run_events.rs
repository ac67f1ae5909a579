//! Runs as they happen, as server-sent events. A run is any process's, so the store is looked at twice a second.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use pulsarr_shared::store::{Store, StoreError};
use serde::Serialize;
use warp::sse::Event;

use super::runs::{RunView, StageView};
use crate::app::App;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What one look sees.
struct Look {
    newest: Option<Progressing>,
    /// The run that was watched, when another one is the newest by now.
    watched: Option<Progressing>,
}

/// A run, and how far it is.
#[derive(Debug, Clone, Serialize)]
struct Progressing {
    #[serde(flatten)]
    run: RunView,
    progress: Vec<StageView>,
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

/// Events until the service stops.
pub(super) fn stream(app: Arc<App>) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let begin = (app, Told::default(), VecDeque::<News>::new());
    stream::unfold(begin, |(app, mut told, mut news)| async move {
        loop {
            while let Some((name, run)) = news.pop_front() {
                if let Ok(event) = Event::default().event(name).json_data(&run) {
                    return Some((Ok(event), (app, told, news)));
                }
            }
            if told.looked {
                tokio::select! {
                    _ = app.stop.wait() => return None,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            if app.stop.reason().is_some() {
                return None;
            }
            let watched = told.newest.as_ref().map(|(id, _)| id.clone());
            match app.database.run(move |store| look(store, watched.as_deref())).await {
                Ok(look) => news.extend(told.take_in(look)),
                // The next look may do better; who watches need not know.
                Err(error) => {
                    tracing::warn!("failed to {error}");
                    told.looked = true;
                }
            }
        }
    })
}

fn look(store: &Store, watched: Option<&str>) -> Result<Look, StoreError> {
    let db = store.read();
    let in_full = |row: pulsarr_shared::store::RunRow| {
        let progress = db.progress(&row.id)?.into_iter().map(StageView::of).collect();
        Ok::<_, StoreError>(Progressing { run: RunView::of(row), progress })
    };
    let newest = db.last_runs_in_short(1)?.pop().map(in_full).transpose()?;
    let is_other = |id: &&str| newest.as_ref().is_none_or(|newest| newest.run.id != *id);
    let watched = match watched.filter(is_other) {
        Some(id) => db.run(id)?.map(in_full).transpose()?,
        None => None,
    };
    Ok(Look { newest, watched })
}

impl Told {
    /// What is news in `look`.
    fn take_in(&mut self, look: Look) -> Vec<News> {
        let first = !std::mem::replace(&mut self.looked, true);
        let mut news = Vec::new();
        let was_running = self.newest.as_ref().is_some_and(|(_, running)| *running);
        if let Some(watched) = look.watched.filter(|_| was_running) {
            news.push(("ended", watched));
        }
        let Some(newest) = look.newest else { return news };
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
    use pulsarr_shared::model::{RunResult, Trigger};
    use pulsarr_shared::stop::StopReason;
    use warp::http::Method;

    fn told(told: &mut Told, household: &Household) -> Vec<(&'static str, String)> {
        let watched = told.newest.as_ref().map(|(id, _)| id.clone());
        let look = household.look(|store| look(store, watched.as_deref()).unwrap());
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
            // Work is done in order: behind this, the first look has been taken.
            app.database.run(|_| Ok(())).await.unwrap();
            app.stop.request(StopReason::Terminated);
        });
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("event:began\n") && text.contains("event:progress\n"), "{text}");
        assert!(text.contains(r#""stage":"observe","done":1,"total":2"#), "{text}");
    }
}
