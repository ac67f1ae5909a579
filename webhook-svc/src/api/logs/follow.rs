//! Log lines as they are written.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::{Stream, stream};
use pulsarr_shared::stop::Stop;
use pulsarr_shared::telemetry::{Line, Recent};
use tokio::sync::watch;
use warp::sse::Event;

use super::Wanted;

/// Between a new line and the look at it: at the loudest levels sending a line may itself be logged, and must not go round at once.
const PAUSE: Duration = Duration::from_millis(200);

struct Following {
    recent: &'static Recent,
    news: watch::Receiver<u64>,
    stop: Stop,
    wanted: Wanted,
    /// The number of the last line that was looked at.
    seen: u64,
    waiting: VecDeque<Line>,
}

/// Lines until the service stops: those after `seen`, or where nobody knows what was seen, the `limit` last ones that are wanted
/// and then what follows.
pub(super) fn stream(
    recent: &'static Recent,
    stop: Stop,
    wanted: Wanted,
    seen: Option<u64>,
    limit: u64,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + Sync {
    let news = recent.watch();
    let kept = recent.after(0);
    let newest = kept.last().map_or(0, |line| line.number);
    let mut following = Following { recent, news, stop, wanted, seen: newest, waiting: VecDeque::new() };
    // A number that is yet to come was counted before a restart.
    if let Some(seen) = seen.filter(|seen| *seen <= newest) {
        following.seen = seen;
    } else {
        let last = kept.into_iter().rev().filter(|line| following.wanted.take(line).is_some());
        last.take(usize::try_from(limit).unwrap_or(usize::MAX)).for_each(|line| following.waiting.push_front(line));
    }
    stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    })
}

impl Following {
    /// What is told next; `None` once the service stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(line) = self.waiting.pop_front() {
                if self.wanted.take(&line).is_some() {
                    return Some(Event::default().event("line").id(line.number.to_string()).data(line.text));
                }
            }
            if self.stop.reason().is_some() {
                return None;
            }
            // Marked as seen before the look, so that a line in between wakes us again.
            self.news.borrow_and_update();
            self.waiting.extend(self.recent.after(self.seen));
            if let (Some(first), Some(last)) = (self.waiting.front(), self.waiting.back()) {
                let missed = first.number - self.seen - 1;
                self.seen = last.number;
                if missed > 0 {
                    return Some(Event::default().event("missed").data(missed.to_string()));
                }
                continue;
            }
            let woken = async {
                let changed = self.news.changed().await;
                tokio::time::sleep(PAUSE).await;
                changed
            };
            tokio::select! {
                _ = self.stop.wait() => return None,
                changed = woken => changed.ok()?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;
    use pulsarr_shared::stop::StopReason;
    use pulsarr_shared::telemetry::MAX_LINES;

    fn recent() -> &'static Recent {
        Box::leak(Box::default())
    }

    fn everything() -> Wanted {
        Wanted { level: 4, text: String::new() }
    }

    fn push(recent: &Recent, message: &str) {
        recent.push(&format!(r#"{{"level":"INFO","message":"{message}"}}"#));
    }

    /// What comes next, as it goes over the wire.
    async fn next(stream: &mut (impl Stream<Item = Result<Event, Infallible>> + Unpin)) -> String {
        stream.next().await.unwrap().unwrap().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_lines_come_first_then_new_ones_until_the_service_stops() {
        let (recent, stop) = (recent(), Stop::default());
        for message in ["one", "two", "three"] {
            push(recent, message);
        }
        let mut stream = Box::pin(stream(recent, stop.clone(), everything(), None, 2));
        assert!(next(&mut stream).await.contains("two"));
        assert!(next(&mut stream).await.contains("three"));
        let (told, ()) = tokio::join!(next(&mut stream), async { push(recent, "four") });
        assert!(told.contains("event:line\n") && told.contains("id:4\n") && told.contains("four"), "{told}");
        stop.request(StopReason::Terminated);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_comes_back_misses_nothing_that_is_kept_and_is_told_of_what_is_not() {
        let (recent, stop) = (recent(), Stop::default());
        for number in 1..=MAX_LINES + 5 {
            push(recent, &format!("line {number}"));
        }
        let mut back = Box::pin(stream(recent, stop.clone(), everything(), Some(2), 0));
        let told = next(&mut back).await;
        assert!(told.contains("event:missed\n") && told.contains("data:3\n"), "{told}");
        assert!(next(&mut back).await.contains("\"line 6\""));
        // What another life counted says nothing about this one.
        let mut other = Box::pin(stream(recent, stop.clone(), everything(), Some(9_999), 1));
        assert!(next(&mut other).await.contains("\"line 1005\""));
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_are_not_wanted_do_not_come() {
        let (recent, stop) = (recent(), Stop::default());
        let wanted = Wanted { level: 4, text: "reef".to_owned() };
        let mut stream = Box::pin(stream(recent, stop, wanted, None, 100));
        push(recent, "other");
        push(recent, "REEF");
        assert!(next(&mut stream).await.contains("REEF"));
    }
}
