//! `placements` once more: how far a title has come in the arr that took it, by what the arr has told.

use rusqlite::params;

use super::placements::placement_state;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryId, MediaType, PlacementId, PlacementState, UserId, WantedBy};

/// The placements of a title, by the number that its arr knows it by. `CROSS JOIN`: left to itself, SQLite begins with all placements
/// of the instance.
const ARRIVALS: &str = "-- placements.arrivals\n\
    SELECT p.id, e.user_id, e.id, u.synced, p.state, p.queued_at_ms, p.done_at_ms, p.available_at_ms, t.title, t.year\n\
    FROM titles t CROSS JOIN placements p ON p.title_id = t.id AND p.instance = ?1\n\
        CROSS JOIN entries e ON e.id = p.entry_id AND e.closed_at_ms IS NULL CROSS JOIN users u ON u.id = e.user_id\n\
    WHERE t.media_type = ?2 AND CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END = ?3\n\
        AND (p.state IN ('added', 'present', 'removed') OR (p.state = 'queued' AND p.attempt_at_ms IS NOT NULL))\n\
    ORDER BY p.id";

/// From the few grabs of late to the placements, and not from all of these.
const IS_MORE_ON_ITS_WAY: &str = "-- placements.is_more_on_its_way\n\
    SELECT EXISTS (SELECT 1 FROM batches WHERE instance = ?1) OR EXISTS (\n\
        SELECT 1 FROM grabs g INDEXED BY grabs_by_time CROSS JOIN titles t ON t.media_type IN ('movie', 'show')\n\
            AND CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END = g.external_id\n\
            CROSS JOIN placements p ON p.title_id = t.id AND p.instance = g.instance AND p.state IN ('added', 'present')\n\
            CROSS JOIN entries e ON e.id = p.entry_id AND e.closed_at_ms IS NULL\n\
        WHERE g.grabbed_at_ms > ?2 AND g.instance = ?1 AND NOT EXISTS (\n\
            SELECT 1 FROM imports i WHERE i.instance = g.instance AND i.external_id = g.external_id\n\
                AND i.season = g.season AND i.episode = g.episode))";

/// Asked at every look, as the next ones.
const OLDEST_AWAITED: &str = "-- placements.oldest_awaited\n\
    SELECT min(p.queued_at_ms) FROM placements p JOIN entries e ON e.id = p.entry_id AND e.closed_at_ms IS NULL\n\
    WHERE p.instance = ?1 AND p.state IN ('added', 'present') AND p.available_at_ms IS NULL";

/// The same with what has come.
const OLDEST_PLACED: &str = "-- placements.oldest_placed\n\
    SELECT min(p.queued_at_ms) FROM placements p JOIN entries e ON e.id = p.entry_id AND e.closed_at_ms IS NULL\n\
    WHERE p.instance = ?1 AND p.state IN ('added', 'present', 'removed')";

/// What has not come in time.
const AWAITED_SINCE: &str = "-- placements.awaited_since\n\
    SELECT p.id, p.entry_id, CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END AS external_id\n\
    FROM placements p JOIN entries e ON e.id = p.entry_id AND e.closed_at_ms IS NULL JOIN titles t ON t.id = p.title_id\n\
    WHERE p.instance = ?1 AND p.state IN ('added', 'present') AND p.available_at_ms IS NULL\n\
        AND (p.done_at_ms <= ?2 OR p.done_at_ms > ?3) AND external_id IS NOT NULL\n\
    ORDER BY p.id";

/// How far the clocks of an arr and of this machine may be apart, and an import of ours still count; milliseconds.
const CLOCKS_DIFFER_MS: i64 = 60_000;

/// When something happened, and which stored times may gainsay it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When, as far as anybody knows; unix milliseconds.
    pub at_ms: UnixMs,
    /// Stored times after this one were written by a clock that has been put back since, and gainsay nothing.
    pub(super) until_ms: UnixMs,
}

impl Moment {
    /// Of something that is told late, with its date: whatever is stored of a later time stays.
    #[must_use]
    pub const fn dated(at_ms: UnixMs) -> Self {
        Self { at_ms, until_ms: UnixMs::MAX }
    }

    /// Of something that came in at `at_ms` by our own clock, and is acted on now. Nothing that was stored before can be of a later
    /// time than now, whatever it says.
    #[must_use]
    pub fn arrived(at_ms: UnixMs, now_ms: UnixMs) -> Self {
        Self { at_ms: at_ms.min(now_ms), until_ms: now_ms }
    }

    /// Whether something of the stored time `stored_ms` happened before this.
    #[must_use]
    pub const fn is_after(self, stored_ms: UnixMs) -> bool {
        stored_ms < self.at_ms || stored_ms > self.until_ms
    }

    /// Whether it is news to a wish that was decided about at `queued_at_ms`. What came before it may have gone again since; what is
    /// still there was seen when its arr was asked.
    #[must_use]
    pub const fn is_news_to(self, queued_at_ms: UnixMs) -> bool {
        queued_at_ms.saturating_sub(CLOCKS_DIFFER_MS) <= self.at_ms || queued_at_ms > self.until_ms
    }
}

/// A placement that an arr's event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivalRow {
    /// The placement.
    pub id: PlacementId,
    /// Whose wish it is.
    pub wanted_by: WantedBy,
    /// Whether this user's list is read: others are told nothing.
    pub takes_part: bool,
    /// Where it stands: added, present, removed, or queued with an attempt under way.
    pub state: PlacementState,
    /// When it was decided.
    pub queued_at_ms: UnixMs,
    /// When it got there.
    pub done_at_ms: Option<UnixMs>,
    /// When something to watch was first told of, or seen there.
    pub available_at_ms: Option<UnixMs>,
    /// The title's name.
    pub title: String,
    /// The year of its first release.
    pub year: Option<u16>,
}

/// A placement that its instance has taken, and of which it has told nothing to watch yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitedRow {
    /// The placement.
    pub id: PlacementId,
    /// Of which entry.
    pub entry: EntryId,
    /// The number that the arr knows the title by.
    pub external_id: u32,
}

impl Db<'_> {
    /// The placements in `instance` of open entries of the title that the arr knows by `external_id`, oldest first. Of those that
    /// wait, only the ones that the arr may have taken already.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn arrivals(
        self,
        instance: &str,
        media_type: MediaType,
        external_id: u32,
    ) -> Result<Vec<ArrivalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(ARRIVALS)?;
        let mut rows = query.query(params![instance, media_type.word(), external_id])?;
        let mut arrivals = Vec::new();
        while let Some(row) = rows.next()? {
            arrivals.push(ArrivalRow {
                id: PlacementId(row.get(0)?),
                wanted_by: WantedBy { user: UserId(row.get(1)?), entry: EntryId(row.get(2)?) },
                takes_part: row.get(3)?,
                state: placement_state(&row.get::<_, String>(4)?)?,
                queued_at_ms: row.get(5)?,
                done_at_ms: row.get(6)?,
                available_at_ms: row.get(7)?,
                title: row.get(8)?,
                year: row.get(9)?,
            });
        }
        Ok(arrivals)
    }

    /// Notes that the arr has found a release; the first time counts. The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_grabbed(self, arrival: &ArrivalRow, at_ms: UnixMs, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.set_grabbed\nUPDATE placements SET grabbed_at_ms = coalesce(grabbed_at_ms, ?2) WHERE id = ?1",
        )?;
        query.execute(params![arrival.id.0, at_ms])?;
        self.follow_arrivals(arrival.wanted_by.entry, now_ms)
    }

    /// Notes that there is something to watch; the first time counts. What was removed is there again. The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_available(self, arrival: &ArrivalRow, at_ms: UnixMs, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.set_available\n\
             UPDATE placements SET available_at_ms = CASE WHEN state = 'removed' THEN ?2 ELSE coalesce(available_at_ms, ?2) END,\n\
                 answer = CASE WHEN state = 'removed' THEN 'imported again' ELSE answer END,\n\
                 done_at_ms = CASE WHEN state = 'removed' THEN ?2 ELSE done_at_ms END,\n\
                 state = CASE WHEN state <> 'removed' THEN state\n\
                     ELSE coalesce(taken_as, CASE WHEN attempts > 0 THEN 'added' ELSE 'present' END) END\n\
             WHERE id = ?1",
        )?;
        query.execute(params![arrival.id.0, at_ms])?;
        self.follow_arrivals(arrival.wanted_by.entry, now_ms)
    }

    /// Notes that there was something to watch when we looked; what is known of an earlier time stays. The entry follows.
    pub(super) fn set_there(self, id: PlacementId, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.set_there\nUPDATE placements SET available_at_ms = coalesce(available_at_ms, ?2) WHERE id = ?1",
        )?;
        query.execute(params![id.0, now_ms])?;
        self.follow_arrivals(entry, now_ms)
    }

    /// Notes that somebody took the title out of the arr's library, in these words, and keeps when and in which words it first got there.
    /// The entry stays where it stands: what a person deletes is not asked for again.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_removed(self, arrival: &ArrivalRow, answer: &str, when: Moment) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.set_removed\n\
             UPDATE placements SET state = 'removed', done_at_ms = ?2, answer = ?3,\n\
                 taken_at_ms = coalesce(taken_at_ms, done_at_ms), taken_as = coalesce(taken_as, state),\n\
                 taken_answer = CASE WHEN taken_as IS NULL THEN answer ELSE taken_answer END\n\
             WHERE id = ?1 AND state IN ('added', 'present')\n\
                 AND (done_at_ms IS NULL OR done_at_ms <= ?2 OR done_at_ms > ?4)",
        )?;
        query.execute(params![arrival.id.0, when.at_ms, answer, when.until_ms])?;
        Ok(())
    }

    /// Lets a placement that is about to be finished have what its arr has told of the title before. Where nothing of it can be watched,
    /// or we added it ourselves, imports from before our attempt, or the decision, are of an earlier time, and so are grabs that have led
    /// to an import already.
    pub(super) fn take_over_arrivals(self, id: PlacementId, added: bool, with_file: bool) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.take_over_arrivals\n\
             UPDATE placements SET\n\
                 available_at_ms = coalesce(available_at_ms, (\n\
                     SELECT min(i.imported_at_ms) FROM titles t JOIN imports i ON i.instance = placements.instance\n\
                         AND i.external_id = CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END\n\
                     WHERE t.id = placements.title_id AND i.removed_at_ms IS NULL\n\
                         AND (?3 OR i.imported_at_ms >= coalesce(placements.attempt_at_ms, placements.queued_at_ms)))),\n\
                 grabbed_at_ms = coalesce(grabbed_at_ms, (\n\
                     SELECT min(g.grabbed_at_ms) FROM titles t JOIN grabs g ON g.instance = placements.instance\n\
                         AND g.external_id = CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END\n\
                     WHERE t.id = placements.title_id AND CASE\n\
                         WHEN ?3 THEN 1\n\
                         WHEN ?2 THEN g.grabbed_at_ms >= placements.attempt_at_ms\n\
                         ELSE NOT EXISTS (SELECT 1 FROM imports i WHERE i.instance = g.instance AND i.external_id = g.external_id\n\
                             AND i.season = g.season AND i.episode = g.episode AND i.imported_at_ms >= g.grabbed_at_ms) END))\n\
             WHERE id = ?1",
        )?;
        query.execute(params![id.0, added, with_file])?;
        Ok(())
    }

    /// Brings an entry forward that was requested, by what arrived of it. Never backward, and one that waits for a decision, or was
    /// turned down, stays.
    pub(super) fn follow_arrivals(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.follow_arrivals\n\
             WITH arrived AS (SELECT count(available_at_ms) > 0 AS available, count(grabbed_at_ms) > 0 AS grabbed\n\
                              FROM placements WHERE entry_id = ?1)\n\
             UPDATE entries SET state = CASE WHEN arrived.available THEN 'available' ELSE 'grabbed' END, state_at_ms = ?2,\n\
                 reason = NULL\n\
             FROM arrived WHERE id = ?1 AND ((arrived.available AND state IN ('requested', 'grabbed', 'failed'))\n\
                 OR (arrived.grabbed AND state = 'requested'))",
        )?;
        query.execute(params![entry.0, now_ms])?;
        Ok(())
    }

    /// Whether there is something to watch of an entry.
    pub(super) fn is_available(self, entry: EntryId) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.is_available\nSELECT 1 FROM placements WHERE entry_id = ?1 AND available_at_ms IS NOT NULL",
        )?;
        Ok(query.exists([entry.0])?)
    }

    /// When the oldest of the open wishes was decided about, unix milliseconds, whose title `instance` has taken and has told of nothing
    /// to watch yet, and had nothing when we looked; `None` when nothing is waited for there.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn oldest_awaited(self, instance: &str) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached(OLDEST_AWAITED)?;
        Ok(query.query_row([instance], |row| row.get(0))?)
    }

    /// When the oldest of the open wishes was decided about, unix milliseconds, whose title `instance` has or had, whether or not there is
    /// something to watch of it; `None` when it has taken nothing that is still wished for.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn oldest_placed(self, instance: &str) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached(OLDEST_PLACED)?;
        Ok(query.query_row([instance], |row| row.get(0))?)
    }

    /// Whether more of an open wish is on its way in `instance`: a season is being gathered, or a download that was found after
    /// `since_ms` has not brought all that it is to bring.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn is_more_on_its_way(self, instance: &str, since_ms: UnixMs) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(IS_MORE_ON_ITS_WAY)?;
        Ok(query.query_row(params![instance, since_ms], |row| row.get(0))?)
    }

    /// What is waited for in `instance` that it has taken by `until_ms`, oldest first. A time after `now_ms` was written by a clock that
    /// has been put back since, and counts.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn awaited_since(
        self,
        instance: &str,
        until_ms: UnixMs,
        now_ms: UnixMs,
    ) -> Result<Vec<AwaitedRow>, StoreError> {
        let mut query = self.connection.prepare_cached(AWAITED_SINCE)?;
        let rows = query.query_map(params![instance, until_ms, now_ms], |row| {
            Ok(AwaitedRow { id: PlacementId(row.get(0)?), entry: EntryId(row.get(1)?), external_id: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that something to watch was seen of what nobody has told of. The entry follows. Answers whether that is still so: its arr
    /// may have told of it, or of its end, meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_found(self, awaited: &AwaitedRow, now_ms: UnixMs) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.set_found\n\
             UPDATE placements SET available_at_ms = ?2 WHERE id = ?1 AND state IN ('added', 'present') AND available_at_ms IS NULL",
        )?;
        let found = query.execute(params![awaited.id.0, now_ms])? > 0;
        self.follow_arrivals(awaited.entry, now_ms)?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// An event costs the same however much an instance has.
    #[test]
    fn what_an_event_is_about_is_found_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let steps = store.query_plan(ARRIVALS, params!["movies", "movie", 603]);
        assert!(steps[0].contains("titles_by_external_id"), "{steps:?}");
        assert!(steps[1].contains("placements_by_title (title_id=? AND instance=?)"), "{steps:?}");
        assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{steps:?}");
    }

    /// What is asked at every look costs what is awaited or of late, and not what there is.
    #[test]
    fn no_table_is_walked_through_to_see_whether_something_is_awaited() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let plan = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let steps = store.query_plan(sql, values);
            let is_walk = |step: &String| step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
            assert!(!steps.is_empty() && !steps.iter().any(is_walk), "{sql}: {steps:?}");
            steps
        };
        let by_state = |steps: &[String]| {
            let of_instance = "placements_by_state (instance=? AND state=?)";
            assert!(steps.iter().any(|step| step.contains(of_instance)), "{steps:?}");
        };
        let steps = plan(IS_MORE_ON_ITS_WAY, &[&"movies", &1]);
        let searched = |table: &str, by: &str| {
            let found = steps.iter().any(|step| step.starts_with(&format!("SEARCH {table} ")) && step.contains(by));
            assert!(found, "{table}, {by}: {steps:?}");
        };
        searched("batches", "(instance=?)");
        searched("g", "grabs_by_time (grabbed_at_ms>?)");
        searched("t", "titles_by_external_id");
        searched("p", "placements_by_title (title_id=? AND instance=?)");
        searched("i", "(instance=? AND external_id=? AND season=? AND episode=?)");
        by_state(&plan(OLDEST_AWAITED, &[&"movies"]));
        by_state(&plan(OLDEST_PLACED, &[&"movies"]));
        by_state(&plan(AWAITED_SINCE, &[&"movies", &1, &2]));
    }
}
