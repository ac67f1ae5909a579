//! What a question to an instance says about it, in the history of when it was not well. The one place where a problem becomes an outage.

use crate::clock::UnixMs;
use crate::model::OutageReason;
use crate::report::Problem;
use crate::store::{Db, FoundBy, StoreError, Unwell};

/// Notes how `by` has found an instance: with this problem, or not (any more) as `answered` says.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn note(
    db: Db<'_>,
    instance: &str,
    found: Result<(), &Problem>,
    by: FoundBy,
    answered: &[OutageReason],
    now_ms: UnixMs,
) -> Result<(), StoreError> {
    match found {
        Ok(()) => db.end_outages(instance, answered, now_ms),
        Err(problem) => {
            let (reason, detail) = (problem.kind.outage(), problem.message.as_str());
            db.note_unwell(&Unwell { instance, reason, detail, by, refused_webhooks: 0 }, now_ms)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ProblemKind;
    use crate::store::Store;

    #[test]
    fn a_problem_begins_an_outage_in_its_own_words_and_an_answer_ends_what_it_gainsays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let found = |kind, at_ms| {
            let problem = Problem { upstream: "movies".to_owned(), kind, message: format!("{kind:?}") };
            store.write(|db| note(db, "movies", Err(&problem), FoundBy::Look, &[], at_ms)).unwrap();
        };
        let answered = |reasons, at_ms| {
            store.write(|db| note(db, "movies", Ok(()), FoundBy::Run, reasons, at_ms)).unwrap();
        };
        let history = || {
            let rows = store.read().outages("movies", 9).unwrap();
            rows.into_iter().map(|it| (it.reason, it.detail, it.ended_at_ms, it.runs, it.looks)).collect::<Vec<_>>()
        };
        let row = |reason: &str, detail: &str, ended| (reason.to_owned(), detail.to_owned(), ended, 0, 1);
        found(ProblemKind::Down, 1);
        found(ProblemKind::Credentials, 2);
        found(ProblemKind::Configuration, 3);
        let unfit = |ended| row(OutageReason::Unfit.word(), "Configuration", ended);
        let before = [
            row(OutageReason::Refused.word(), "Credentials", Some(3)),
            row(OutageReason::Unreachable.word(), "Down", Some(2)),
        ];
        assert_eq!(history(), [&[unfit(None)][..], &before].concat());
        // That it answers says nothing of what it lacks.
        answered(OutageReason::WHILE_SILENT, 4);
        assert_eq!(history(), [&[unfit(None)][..], &before].concat());
        answered(OutageReason::OF_INSTANCE, 5);
        assert_eq!(history(), [&[unfit(Some(5))][..], &before].concat());
    }
}
