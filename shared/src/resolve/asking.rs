//! Asking one source about many titles: a few at a time, until time is over or it falls silent.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::Asking;
use crate::run::RunStage;
use crate::store::{Db, StoreError};

/// Titles that are asked about together; their answers are stored in one transaction.
const TOGETHER: usize = 3;

/// Questions in a row without an answer, after which this run asks the source no more.
const SILENT_AFTER: usize = 3;

impl Asking<'_> {
    /// Puts `questions` to one source until `end`, the first first. `take` stores an answer, which is `None` when none came in time,
    /// and says whether the source has answered. Answers whether it answered anything.
    pub(super) async fn each<Q, A, F: Future<Output = A>>(
        &self,
        mut questions: Vec<Q>,
        end: Instant,
        ask: impl Fn(&Q) -> F,
        mut take: impl FnMut(Db<'_>, Q, Option<A>) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        if questions.is_empty() {
            return Ok(false);
        }
        self.run.progress.begin(RunStage::Resolve, questions.len())?;
        let (mut answered, mut silent) = (false, 0);
        while !questions.is_empty() && silent < SILENT_AFTER && Instant::now() < end {
            let together: Vec<Q> = questions.drain(..TOGETHER.min(questions.len())).collect();
            let asked = together.len();
            let answers = join_all(together.iter().map(|question| timeout_at(end, ask(question)))).await;
            self.run.store.write(|db| {
                for (question, answer) in together.into_iter().zip(answers) {
                    let heard = take(db, question, answer.ok())?;
                    silent = if heard { 0 } else { silent + 1 };
                    answered |= heard;
                }
                Ok(())
            })?;
            self.run.progress.advance(asked)?;
        }
        Ok(answered)
    }
}
