//! `runs` and `run_progress`: what ran, what came of it, and how far the running one is.

use rusqlite::{Rows, params};

use super::{Db, PageFrom, Paged, StoreError};
use crate::clock::UnixMs;
use crate::model::{RunResult, Trigger};

/// A run, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// Who started it.
    pub trigger: Trigger,
    /// Where it ran.
    pub holder: String,
    /// When it began.
    pub started_at_ms: UnixMs,
    /// When it ended.
    pub ended_at_ms: Option<UnixMs>,
    /// How it ended.
    pub result: RunResult,
    /// The report, JSON.
    pub report: Option<String>,
}

/// Which runs are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Those that ended so.
    pub result: Option<RunResult>,
    /// Those that were started so.
    pub trigger: Option<Trigger>,
}

/// How far one stage of a run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressRow {
    /// `observe`, `resolve`, `decide`, `act`.
    pub stage: String,
    /// Steps done.
    pub done: u32,
    /// Steps in all, as far as known.
    pub total: u32,
}

// A rare result is looked for in all of the runs; there are never more than 9,000 of them, and no report is read.
const OLDER_RUNS: &str = "-- runs.older\n\
    SELECT id, trigger, holder, started_at_ms, ended_at_ms, result, NULL FROM runs\n\
    WHERE rowid < coalesce((SELECT rowid FROM runs WHERE id = ?1), iif(?1 IS NULL, 9223372036854775807, 0))\n\
        AND (?2 IS NULL OR result = ?2) AND (?3 IS NULL OR trigger = ?3)\n\
    ORDER BY rowid DESC LIMIT ?4";
const NEWER_RUNS: &str = "-- runs.newer\n\
    SELECT id, trigger, holder, started_at_ms, ended_at_ms, result, NULL FROM runs\n\
    WHERE rowid > coalesce((SELECT rowid FROM runs WHERE id = ?1), 0)\n\
        AND (?2 IS NULL OR result = ?2) AND (?3 IS NULL OR trigger = ?3)\n\
    ORDER BY rowid LIMIT ?4";

impl Db<'_> {
    /// Opens a run row. Rows that still say `running` belong to runs that died, because the caller holds the run lock: they
    /// become `crashed`. Answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn start_run(self, id: &str, trigger: Trigger, holder: &str, now_ms: UnixMs) -> Result<usize, StoreError> {
        self.connection.execute(
            "-- run_totals.count_crashed\n\
             INSERT INTO run_totals (result, trigger, count)\n\
             SELECT 'crashed', trigger, count(*) FROM runs WHERE result = 'running' GROUP BY trigger\n\
             ON CONFLICT (result, trigger) DO UPDATE SET count = count + excluded.count",
            [],
        )?;
        let crashed = self.connection.execute(
            "-- runs.mark_crashed\nUPDATE runs SET result = 'crashed', ended_at_ms = ?1 WHERE result = 'running'",
            [now_ms],
        )?;
        self.connection.execute(
            "-- runs.start\n\
             INSERT INTO runs (id, trigger, holder, started_at_ms, result) VALUES (?1, ?2, ?3, ?4, 'running')",
            params![id, trigger.word(), holder, now_ms],
        )?;
        // A month of runs at one every five minutes; older ones tell nobody anything. By row and not by time: with a clock that was
        // put back, the run that begins now would be the oldest.
        self.connection.execute(
            "-- runs.prune\n\
             DELETE FROM runs WHERE rowid <= (SELECT max(rowid) FROM runs) - 9000",
            [],
        )?;
        // Their reports are the bulk, and after a day of them only the result is of interest.
        self.connection.execute(
            "-- runs.prune_reports\n\
             UPDATE runs SET report = NULL WHERE rowid = (SELECT max(rowid) FROM runs) - 300",
            [],
        )?;
        Ok(crashed)
    }

    /// Closes a run row.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_run(self, id: &str, result: RunResult, report: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.connection.execute(
            "-- runs.end\nUPDATE runs SET result = ?2, report = ?3, ended_at_ms = ?4 WHERE id = ?1",
            params![id, result.word(), report, now_ms],
        )?;
        self.count_run(id, result.word())
    }

    /// Notes how far a stage has come.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_progress(self, id: &str, stage: &str, done: u32, total: u32, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- run_progress.set\n\
             INSERT INTO run_progress (run_id, stage, done, total, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)\n\
             ON CONFLICT (run_id, stage) DO UPDATE SET done = excluded.done, total = excluded.total, at_ms = excluded.at_ms",
        )?;
        query.execute(params![id, stage, done, total, now_ms])?;
        Ok(())
    }

    /// How far the stages of a run have come, in the order in which they were last heard of.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn progress(self, id: &str) -> Result<Vec<ProgressRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- run_progress.of_run\nSELECT stage, done, total FROM run_progress WHERE run_id = ?1 ORDER BY at_ms, stage",
        )?;
        let rows = query
            .query_map([id], |row| Ok(ProgressRow { stage: row.get(0)?, done: row.get(1)?, total: row.get(2)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last `count` runs, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_runs(self, count: u32) -> Result<Vec<RunRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- runs.last\n\
             SELECT id, trigger, holder, started_at_ms, ended_at_ms, result, report FROM runs\n\
             ORDER BY rowid DESC LIMIT ?1",
        )?;
        runs_from(query.query([count])?)
    }

    /// The last `count` runs without their reports, newest first: reports are the bulk.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_runs_in_short(self, count: u32) -> Result<Vec<RunRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- runs.last_in_short\n\
             SELECT id, trigger, holder, started_at_ms, ended_at_ms, result, NULL FROM runs\n\
             ORDER BY rowid DESC LIMIT ?1",
        )?;
        runs_from(query.query([count])?)
    }

    /// A page of at most `limit` runs without their reports. `from` is the id of a run; one that was pruned meanwhile was older than
    /// any that is left.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn runs(self, filter: RunFilter, from: &PageFrom<String>, limit: u32) -> Result<Paged<RunRow>, StoreError> {
        let (sql, id) = match from {
            PageFrom::Newest => (OLDER_RUNS, None),
            PageFrom::Before(id) => (OLDER_RUNS, Some(id)),
            PageFrom::After(id) => (NEWER_RUNS, Some(id)),
        };
        let mut query = self.connection.prepare_cached(sql)?;
        let (result, trigger) = (filter.result.map(RunResult::word), filter.trigger.map(Trigger::word));
        let rows = runs_from(query.query(params![id, result, trigger, limit.saturating_add(1)])?)?;
        Ok(Paged::found(rows, from, limit))
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn run(self, id: &str) -> Result<Option<RunRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- runs.one\n\
             SELECT id, trigger, holder, started_at_ms, ended_at_ms, result, report FROM runs WHERE id = ?1",
        )?;
        Ok(runs_from(query.query([id])?)?.pop())
    }
}

fn runs_from(mut rows: Rows<'_>) -> Result<Vec<RunRow>, StoreError> {
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let (trigger, result): (String, String) = (row.get(1)?, row.get(5)?);
        runs.push(RunRow {
            id: row.get(0)?,
            // Nothing is decided by these words, and a later version may have written one that we do not know.
            trigger: Trigger::from_word(&trigger).unwrap_or(Trigger::Unknown),
            holder: row.get(2)?,
            started_at_ms: row.get(3)?,
            ended_at_ms: row.get(4)?,
            result: RunResult::from_word(&result).unwrap_or(RunResult::Unknown),
            report: row.get(6)?,
        });
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// The run row of the run that is going on must outlive the pruning, or its progress has nothing to hang on to.
    #[test]
    fn a_run_is_kept_although_thousands_began_later_by_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store
            .connection
            .execute_batch(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)\n\
                 INSERT INTO runs (id, trigger, holder, started_at_ms, result) SELECT 'old-' || i, 'cli', '', 5000 + i, 'ok' FROM n",
            )
            .unwrap();
        store.write(|db| db.start_run("now", Trigger::Cli, "", 1_000)).unwrap();
        store.write(|db| db.set_progress("now", "observe", 1, 2, 1_000)).unwrap();
        store.write(|db| db.end_run("now", RunResult::Ok, "{}", 1_000)).unwrap();
        let runs = store.read().last_runs(9_999).unwrap();
        assert_eq!((runs.len(), runs[0].id.as_str(), runs[8_999].id.as_str()), (9_000, "now", "old-2"));
    }

    #[test]
    fn runs_are_paged_both_ways_and_by_how_they_ended() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        for (at_ms, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            let (result, trigger) =
                if id == "b" { (RunResult::Failed, Trigger::Cli) } else { (RunResult::Ok, Trigger::Schedule) };
            store.write(|db| db.start_run(id, trigger, "", at_ms as i64)).unwrap();
            store.write(|db| db.end_run(id, result, "{}", at_ms as i64)).unwrap();
        }
        let page = |filter, from| {
            let page = store.read().runs(filter, &from, 2).unwrap();
            (page.rows.into_iter().map(|run| run.id).collect::<String>(), page.has_newer, page.has_older)
        };
        let (all, id) = (RunFilter::default(), str::to_owned);
        assert_eq!(page(all, PageFrom::Newest), (id("ed"), false, true));
        assert_eq!(page(all, PageFrom::Before(id("d"))), (id("cb"), true, true));
        assert_eq!(page(all, PageFrom::Before(id("b"))), (id("a"), true, false));
        assert_eq!(page(all, PageFrom::After(id("b"))), (id("dc"), true, true));
        assert_eq!(page(all, PageFrom::After(id("c"))), (id("ed"), false, true));
        assert_eq!(page(all, PageFrom::Before(id("pruned"))), (id(""), true, false));
        assert_eq!(page(all, PageFrom::After(id("pruned"))), (id("ba"), true, true));
        let failed = RunFilter { result: Some(RunResult::Failed), ..all };
        assert_eq!(page(failed, PageFrom::Newest), (id("b"), false, false));
        let by_schedule = RunFilter { trigger: Some(Trigger::Schedule), ..all };
        assert_eq!(page(by_schedule, PageFrom::Before(id("c"))), (id("a"), true, false));
        assert_eq!(page(RunFilter { result: failed.result, ..by_schedule }, PageFrom::Newest), (id(""), false, false));
    }

    #[test]
    fn words_of_a_later_version_do_not_keep_runs_from_being_listed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        store.write(|db| db.start_run("known", Trigger::Api, "", 1)).unwrap();
        let later =
            "INSERT INTO runs (id, trigger, holder, started_at_ms, result) VALUES ('later', 'oracle', '', 2, 'serene')";
        store.connection.execute_batch(later).unwrap();
        let runs = store.read().last_runs(9).unwrap();
        assert_eq!((runs[0].trigger, runs[0].result), (Trigger::Unknown, RunResult::Unknown));
        assert_eq!((runs[1].trigger, runs[1].result), (Trigger::Api, RunResult::Running));
    }
}
