//! What is measured for operators: totals that outlive pruned rows, and how things stand.

use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};
use crate::clock::UnixMs;

/// Counts runs that found the lock held.
const LOCK_BUSY: &str = "lock.busy_total";

/// In front of the service whose last success a setting holds, in unix milliseconds.
const LAST_SUCCESS: &str = "upstream.last_success.";

/// Where it is kept when a run of every list last did its work.
const LAST_WHOLE_SYNC: &str = "runs.last_whole_success";

/// A run that has ended, as far as measuring goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    /// When it began.
    pub started_at_ms: UnixMs,
    /// When it ended.
    pub ended_at_ms: UnixMs,
    /// How: a word of `RunResult`.
    pub result: String,
    /// Its report as JSON, where there was time to make one.
    pub report: Option<String>,
}

/// A number with up to two labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What is counted: a state, an instance, a service.
    pub of: String,
    /// And of what kind; empty where there is only one.
    pub kind: String,
    /// How many.
    pub count: u64,
}

impl Db<'_> {
    /// Counts a run that has ended. Called with the end of its row.
    pub(super) fn count_run(self, id: &str, result: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- run_totals.count\n\
             INSERT INTO run_totals (result, trigger, count) SELECT ?2, trigger, 1 FROM runs WHERE id = ?1\n\
             ON CONFLICT (result, trigger) DO UPDATE SET count = count + 1",
        )?;
        query.execute(params![id, result])?;
        Ok(())
    }

    /// Adds requests that a run has sent to `service`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn count_requests(self, service: &str, outcome: &str, count: u64) -> Result<(), StoreError> {
        if count == 0 {
            return Ok(());
        }
        let mut query = self.connection.prepare_cached(
            "-- request_totals.add\n\
             INSERT INTO request_totals (service, outcome, count) VALUES (?1, ?2, ?3)\n\
             ON CONFLICT (service, outcome) DO UPDATE SET count = count + excluded.count",
        )?;
        query.execute(params![service, outcome, i64::try_from(count).unwrap_or(i64::MAX)])?;
        Ok(())
    }

    /// Runs that have ended, by result and trigger.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn run_totals(self) -> Result<Vec<Counted>, StoreError> {
        self.counted("-- run_totals.all\nSELECT result, trigger, count FROM run_totals ORDER BY 1, 2")
    }

    /// Requests that runs have sent, by service and outcome.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn request_totals(self) -> Result<Vec<Counted>, StoreError> {
        self.counted("-- request_totals.all\nSELECT service, outcome, count FROM request_totals ORDER BY 1, 2")
    }

    /// Entries by state.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entries_by_state(self) -> Result<Vec<Counted>, StoreError> {
        self.counted("-- entries.by_state\nSELECT state, '', count(*) FROM entries GROUP BY state ORDER BY state")
    }

    /// Placements that an arr took: of an application, `radarr` or `sonarr`, and as its kind the instance.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn placements_taken(self) -> Result<Vec<Counted>, StoreError> {
        self.counted(
            "-- placements.taken\n\
             SELECT CASE t.media_type WHEN 'movie' THEN 'radarr' ELSE 'sonarr' END, p.instance, count(*)\n\
             FROM placements p JOIN titles t ON t.id = p.title_id\n\
             WHERE p.state IN ('added', 'removed') GROUP BY 1, 2 ORDER BY 1, 2",
        )
    }

    /// The last run that ended; with `well`, the last that did all or some of its work.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_ended_run(self, well: bool) -> Result<Option<EndedRun>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- runs.last_ended\n\
             SELECT started_at_ms, ended_at_ms, result, report FROM runs\n\
             WHERE ended_at_ms IS NOT NULL AND (NOT ?1 OR result IN ('ok', 'partial')) ORDER BY rowid DESC LIMIT 1",
        )?;
        let row = query.query_row([well], |row| {
            let (started_at_ms, ended_at_ms) = (row.get(0)?, row.get(1)?);
            Ok(EndedRun { started_at_ms, ended_at_ms, result: row.get(2)?, report: row.get(3)? })
        });
        Ok(row.optional()?)
    }

    /// The last run that ended and that the fast lane has not started: its runs are about one person mostly, and well when the job is not.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_run_beside_the_lane(self) -> Result<Option<EndedRun>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- runs.last_beside_the_lane\n\
             SELECT started_at_ms, ended_at_ms, result, report FROM runs\n\
             WHERE ended_at_ms IS NOT NULL AND trigger <> 'fast_lane' ORDER BY rowid DESC LIMIT 1",
        )?;
        let row = query.query_row([], |row| {
            let (started_at_ms, ended_at_ms) = (row.get(0)?, row.get(1)?);
            Ok(EndedRun { started_at_ms, ended_at_ms, result: row.get(2)?, report: row.get(3)? })
        });
        Ok(row.optional()?)
    }

    /// Notes that a run of every list did all or some of its work, and ended at `now_ms`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_whole_sync(self, now_ms: UnixMs) -> Result<(), StoreError> {
        self.set_setting(LAST_WHOLE_SYNC, &now_ms.to_string())
    }

    /// When a run of every list last did its work. Of a store in which none has been noted yet: when any run did
    /// that the fast lane has not started.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_whole_sync(self) -> Result<Option<UnixMs>, StoreError> {
        match self.setting(LAST_WHOLE_SYNC)?.and_then(|at_ms| at_ms.parse().ok()) {
            Some(at_ms) => Ok(Some(at_ms)),
            None => {
                let mut query = self.connection.prepare_cached(
                    "-- runs.last_well_but_for_one\n\
                     SELECT ended_at_ms FROM runs WHERE ended_at_ms IS NOT NULL AND result IN ('ok', 'partial')\n\
                         AND trigger <> 'fast_lane' ORDER BY rowid DESC LIMIT 1",
                )?;
                Ok(query.query_row([], |row| row.get(0)).optional()?)
            }
        }
    }

    /// Counts a run that did not begin because another one held the lock.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn count_lock_busy(self) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- settings.count_lock_busy\n\
             INSERT INTO settings (key, value) VALUES (?1, '1')\n\
             ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
        )?;
        query.execute([LOCK_BUSY])?;
        Ok(())
    }

    /// Runs that did not begin because another one held the lock.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn lock_busy_total(self) -> Result<u64, StoreError> {
        Ok(self.setting(LOCK_BUSY)?.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Notes that `service`, named as in a report's `upstream`, did whatever it was asked, in a run that ended at `now_ms` or by the
    /// service.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_upstream_success(self, service: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.set_setting(&format!("{LAST_SUCCESS}{service}"), &now_ms.to_string())
    }

    /// When each upstream last did whatever it was asked, by service.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn upstream_successes(self) -> Result<Vec<(String, UnixMs)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- settings.upstream_successes\n\
             SELECT substr(key, length(?1) + 1), CAST(value AS INTEGER) FROM settings\n\
             WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
        )?;
        let rows = query.query_map([LAST_SUCCESS], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn counted(self, sql: &str) -> Result<Vec<Counted>, StoreError> {
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map([], |row| {
            let count: i64 = row.get(2)?;
            Ok(Counted { of: row.get(0)?, kind: row.get(1)?, count: u64::try_from(count).unwrap_or(0) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{RunResult, Trigger};
    use crate::store::Store;

    #[test]
    fn totals_outlive_the_rows_they_were_counted_from() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        for number in 0..3 {
            let id = format!("run-{number}");
            store.write(|db| db.start_run(&id, Trigger::Schedule, "", 1_000)).unwrap();
            store.write(|db| db.end_run(&id, RunResult::Ok, "{}", 2_000)).unwrap();
        }
        store.connection.execute_batch("DELETE FROM runs WHERE id <> 'run-2'").unwrap();
        let totals = store.read().run_totals().unwrap();
        assert_eq!(
            totals.iter().map(|it| (it.of.as_str(), it.kind.as_str(), it.count)).collect::<Vec<_>>(),
            [("ok", "schedule", 3)]
        );
        assert_eq!(store.read().last_ended_run(true).unwrap().unwrap().ended_at_ms, 2_000);
    }

    #[test]
    fn a_run_that_failed_is_the_last_and_not_the_last_that_did_its_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        assert_eq!(store.read().last_whole_sync().unwrap(), None);
        for (id, result, ended_at_ms) in [
            ("part", RunResult::Partial, 2_000),
            ("bad", RunResult::Failed, 3_000),
            ("off", RunResult::Interrupted, 4_000),
        ] {
            store.write(|db| db.start_run(id, Trigger::Schedule, "", 1_000)).unwrap();
            store.write(|db| db.end_run(id, result, "{}", ended_at_ms)).unwrap();
        }
        assert_eq!(store.read().last_ended_run(false).unwrap().unwrap().ended_at_ms, 4_000);
        assert_eq!(store.read().last_ended_run(true).unwrap().unwrap().ended_at_ms, 2_000);
        store.write(|db| db.start_run("one", Trigger::FastLane, "", 4_500)).unwrap();
        store.write(|db| db.end_run("one", RunResult::Ok, "{}", 5_000)).unwrap();
        assert_eq!(store.read().last_whole_sync().unwrap(), Some(2_000), "of a store from before it was noted");
        store.write(|db| db.note_whole_sync(1_500)).unwrap();
        assert_eq!(store.read().last_whole_sync().unwrap(), Some(1_500));
    }

    #[test]
    fn refusals_by_the_lock_add_up_and_successes_are_kept_by_service() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        assert_eq!(store.read().lock_busy_total().unwrap(), 0);
        for _ in 0..2 {
            store.write(|db| db.count_lock_busy()).unwrap();
        }
        assert_eq!(store.read().lock_busy_total().unwrap(), 2);
        for (service, at_ms) in [("plex", 1), ("movies", 2), ("plex", 3)] {
            store.write(|db| db.note_upstream_success(service, at_ms)).unwrap();
        }
        let expected = [("movies".to_owned(), 2), ("plex".to_owned(), 3)];
        assert_eq!(store.read().upstream_successes().unwrap(), expected);
    }

    #[test]
    fn a_crashed_run_is_counted_when_it_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.start_run("died", Trigger::Schedule, "", 1_000)).unwrap();
        store.write(|db| db.start_run("next", Trigger::Schedule, "", 2_000)).unwrap();
        let totals = store.read().run_totals().unwrap();
        assert_eq!(totals.iter().map(|it| (it.of.as_str(), it.count)).collect::<Vec<_>>(), [("crashed", 1)]);
    }
}
