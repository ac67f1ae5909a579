//! What others answered to questions of pages, so that a page shows at once what is known, and nobody waits while they are asked anew.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulsarr_shared::clock::UnixMs;

/// The last answers. They live in memory: after a restart everybody is asked anew.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<String, Kept>>);

/// What is known about one question.
struct Kept {
    /// Whom or what it was about: another address, or another token, is another question.
    of: String,
    answer: Option<Answer>,
    /// Somebody is asking.
    asking: bool,
}

/// An answer.
#[derive(Clone)]
pub struct Answer {
    /// When it came; unix milliseconds.
    pub at_ms: UnixMs,
    /// What it says, or that nothing came of asking.
    pub what: Arc<dyn Any + Send + Sync>,
}

impl Answers {
    /// What is known about the `question` about `of`, and whether somebody is asking.
    pub fn known(&self, question: &str, of: &str) -> (Option<Answer>, bool) {
        let all = self.all();
        let kept = all.get(question).filter(|kept| kept.of == of);
        kept.map_or((None, false), |kept| (kept.answer.clone(), kept.asking))
    }

    /// Whoever is told `true` asks this, and nobody else meanwhile; [`Self::keep`] has to follow.
    pub fn begin(&self, question: &str, of: &str) -> bool {
        let mut all = self.all();
        match all.get_mut(question).filter(|kept| kept.of == of) {
            Some(kept) => !std::mem::replace(&mut kept.asking, true),
            None => {
                let kept = Kept { of: of.to_owned(), answer: None, asking: true };
                all.insert(question.to_owned(), kept);
                true
            }
        }
    }

    /// Keeps what came of asking; `None`: nothing did, and what was known before stays.
    pub fn keep(&self, question: &str, of: &str, answer: Option<Answer>) {
        // What is another question by now, others ask.
        if let Some(kept) = self.all().get_mut(question).filter(|kept| kept.of == of) {
            kept.asking = false;
            kept.answer = answer.or_else(|| kept.answer.take());
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at_ms: UnixMs) -> Option<Answer> {
        Some(Answer { at_ms, what: Arc::new(()) })
    }

    #[test]
    fn one_asks_at_a_time_and_what_is_about_something_else_is_not_told() {
        let answers = Answers::default();
        let known = |of: &str| {
            let (answer, asking) = answers.known("servers", of);
            (answer.map(|it| it.at_ms), asking)
        };
        assert_eq!(known("a"), (None, false));
        assert!(answers.begin("servers", "a") && !answers.begin("servers", "a"));
        answers.keep("servers", "a", answer(1));
        assert_eq!(known("a"), (Some(1), false));
        assert!(answers.begin("servers", "a"));
        assert_eq!(known("a"), (Some(1), true));
        answers.keep("servers", "a", None);
        assert_eq!(known("a"), (Some(1), false), "what was known before stays");
        assert!(answers.begin("servers", "a") && answers.begin("servers", "b"), "another question");
        answers.keep("servers", "a", answer(2));
        assert_eq!((known("a"), known("b")), ((None, false), (None, true)));
    }
}
