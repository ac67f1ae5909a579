//! Questions of pages to others, who may take their time: whoever looks is told at once what was answered last, and, where that is old,
//! somebody asks meanwhile. The next look shows what came of it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pulsarr_shared::clock::UnixMs;

use crate::app::{Answer, App};
use crate::detached::on_its_own;

/// How long an answer is told without asking anew; milliseconds.
pub const FRESH_FOR_MS: UnixMs = 60_000;

/// How long nobody is asked again who did not answer; milliseconds. Long enough that a page which looks by itself comes to its end.
pub const FAILED_FOR_MS: UnixMs = 10_000;

/// What can be told at once.
pub struct Known<T> {
    /// The last answer, and when it came; unix milliseconds.
    pub answer: Option<(UnixMs, Arc<T>)>,
    /// Somebody is asking.
    pub asking: bool,
}

/// What is being asked.
pub type Question<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is known about the `question` about `of`. Unless somebody asks already, or `is_fresh` says of the answer and its age in
/// milliseconds that it will do, `ask` is begun, which is handed the last answer.
pub fn look<T: Any + Send + Sync>(
    app: &Arc<App>,
    question: &str,
    of: &str,
    is_fresh: impl FnOnce(&T, UnixMs) -> bool,
    ask: impl FnOnce(Option<Arc<T>>) -> Question<T>,
) -> Known<T> {
    let (answer, asking) = app.answers.known(question, of);
    let answer = answer.and_then(|it| Some((it.at_ms, it.what.downcast::<T>().ok()?)));
    let will_do = answer.as_ref().is_some_and(|(at_ms, what)| {
        let age_ms = app.now_ms().saturating_sub(*at_ms);
        // One of the future was given by a clock that has since been put back.
        age_ms >= 0 && is_fresh(what, age_ms)
    });
    if asking || will_do {
        return Known { answer, asking };
    }
    if app.answers.begin(question, of) {
        let asked = ask(answer.as_ref().map(|(_, what)| Arc::clone(what)));
        let asking = Asking { app: Arc::clone(app), question: question.to_owned(), of: of.to_owned(), answer: None };
        begin(Box::pin(async move {
            let mut asking = asking;
            let what: Arc<dyn Any + Send + Sync> = Arc::new(asked.await);
            asking.answer = Some(Answer { at_ms: asking.app.now_ms(), what });
        }));
    }
    Known { answer, asking: true }
}

/// Everything that is asked is begun here, so that its code is in the program once.
fn begin(asked: Question<()>) {
    drop(on_its_own(asked));
}

/// Whoever asks. Also when that breaks off, the next one may.
struct Asking {
    app: Arc<App>,
    question: String,
    of: String,
    answer: Option<Answer>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.app.answers.keep(&self.question, &self.of, self.answer.take());
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing;

    /// Looks; whoever has to ask is answered by `answer`.
    fn looked(service: &testing::Testing, answer: oneshot::Receiver<u8>) -> (Option<u8>, bool) {
        let is_fresh = |_: &u8, age_ms| age_ms < FRESH_FOR_MS;
        let known = look(&service.app, "colour", "", is_fresh, |_| Box::pin(async { answer.await.unwrap() }));
        (known.answer.map(|(_, what)| *what), known.asking)
    }

    #[tokio::test]
    async fn whoever_looks_is_told_what_was_answered_last_and_one_asks_anew() {
        let service = testing::app(&[]);
        let (answers, answer) = oneshot::channel();
        assert_eq!(looked(&service, answer), (None, true));
        let (_second, nobody_asks) = oneshot::channel();
        assert_eq!(looked(&service, nobody_asks), (None, true));
        answers.send(7).unwrap();
        let settled = async |expected| {
            while service.app.answers.known("colour", "").1 {
                tokio::task::yield_now().await;
            }
            assert_eq!(looked(&service, oneshot::channel().1), expected);
        };
        settled((Some(7), false)).await;
        service.clock.advance(std::time::Duration::from_millis(60_000));
        let (breaks_off, answer) = oneshot::channel();
        assert_eq!(looked(&service, answer), (Some(7), true), "what is old is told, and asked anew");
        drop(breaks_off);
        // Whoever asked has died: the next one asks.
        settled((Some(7), true)).await;
    }
}
