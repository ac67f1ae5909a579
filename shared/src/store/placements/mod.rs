//! `placements`: the durable queue of every instance, and what came of it.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, params};

use super::error::{bad_json, unknown_word};
use super::{Db, StoreError, TitleId, Undecided};
use crate::clock::UnixMs;
use crate::model::{
    AddOptions, Arrival, Destination, EntryId, EntryState, Outcome, PlacementId, PlacementState, UserId, entry_state,
};

/// That the pause of placement `p` is over at `?1`. One of more than two days was set by a clock that has since been put back, and
/// counts as over.
macro_rules! pause_is_over {
    () => {
        "(p.retry_at_ms <= ?1 OR p.retry_at_ms > ?1 + 2 * 86400000)"
    };
}

/// The placements whose turn it is at `?1`, as `p`: queued ones, and refused ones whose pause is over and whose entry has taken its
/// place in the quotas again. Entries that were closed meanwhile, and those of users who are not synced, are passed over.
macro_rules! due {
    () => {
        concat!(
            "placements p JOIN entries e ON e.id = p.entry_id JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE p.state IN ('queued', 'failed') AND e.closed_at_ms IS NULL AND (p.state = 'queued' OR (",
            pause_is_over!(),
            " AND EXISTS (SELECT 1 FROM quota_uses q WHERE q.entry_id = p.entry_id AND q.released_at_ms IS NULL)))"
        )
    };
}

/// That placement `p` is no longer to go to its instance: the last decision about its entry does not name it.
macro_rules! is_called_off {
    () => {
        "coalesce((\n\
             SELECT d.outcome <> 'route' OR NOT EXISTS (\n\
                 SELECT 1 FROM json_each(d.decision, '$.outcome.destinations') WHERE value ->> '$.instance' = p.instance)\n\
             FROM decisions d WHERE d.entry_id = p.entry_id ORDER BY d.id DESC LIMIT 1), 0)"
    };
}

/// That placement `p`, whose entry is to be decided anew, may have arrived by an attempt that never learned its answer. Somebody has
/// to look before anything is decided: what is there already, no decision takes away.
macro_rules! is_to_be_looked_for {
    () => {
        concat!(
            "p.state IN ('queued', 'failed') AND p.attempt_at_ms IS NOT NULL AND NOT ",
            crate::store::placements::is_called_off!()
        )
    };
}
pub(super) use {is_called_off, is_to_be_looked_for};

/// The placements in the instance `?2` whose turn it is at `?1`, without those that somebody has to look for first: those that were asked
/// about longest ago come first.
macro_rules! in_turn {
    () => {
        concat!(
            due!(),
            " AND p.instance = ?2 AND NOT (e.state = 'held' AND ",
            is_to_be_looked_for!(),
            ") ORDER BY CASE WHEN p.asked_at_ms <= ?1 THEN p.asked_at_ms ELSE 0 END, p.id",
        )
    };
}

/// The columns of [`QueuedPlacement`], of `placements p` and `entries e`.
macro_rules! queued_columns {
    () => {
        concat!(
            "p.id, p.entry_id, p.title_id, p.options, p.refusals, p.attempt_at_ms, e.state = 'held',\n\
                 p.attempt_at_ms IS NOT NULL AND ",
            is_called_off!(),
            ", e.user_id"
        )
    };
}

/// A placement whose turn it is.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedPlacement {
    /// The placement.
    pub id: PlacementId,
    /// For which entry.
    pub entry: EntryId,
    /// Whose.
    pub user: UserId,
    /// What is to be added.
    pub title: TitleId,
    /// How.
    pub options: AddOptions,
    /// How often the arr has refused it already.
    pub refusals: u32,
    /// Set when an earlier attempt never learned the arr's answer.
    pub attempt_at_ms: Option<UnixMs>,
    /// The instance lacked what the options name, when it was last asked.
    pub held: bool,
    /// It is no longer to go there: all that is open is what became of an attempt.
    pub called_off: bool,
}

/// A placement, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacementRow {
    /// Our row.
    pub id: PlacementId,
    /// Into which instance.
    pub instance: String,
    /// Where it stands.
    pub state: PlacementState,
    /// When it was decided.
    pub queued_at_ms: UnixMs,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// The body last sent, JSON.
    pub payload: Option<String>,
    /// What the arr said of where it stands.
    pub answer: Option<String>,
    /// When it is tried again.
    pub retry_at_ms: Option<UnixMs>,
    /// When it got where it stands.
    pub done_at_ms: Option<UnixMs>,
    /// How the arr first took it, of what was removed there since.
    pub taken: Option<Taken>,
    /// When the arr told that it found a release.
    pub grabbed_at_ms: Option<UnixMs>,
    /// When it told of the first import; of what was there with its file before anybody told, when we looked.
    pub available_at_ms: Option<UnixMs>,
}

/// How an arr first took a title that was removed there later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// When; unix milliseconds.
    pub at_ms: UnixMs,
    /// As what: added, or present.
    pub state: PlacementState,
    /// What the arr said.
    pub answer: Option<String>,
}

/// Which of the titles that instances refused are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// Only what this instance refused.
    pub instance: Option<String>,
    /// Only what is on this user's list.
    pub user: Option<UserId>,
}

/// A title that an instance refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// The placement.
    pub id: PlacementId,
    /// For which entry.
    pub entry: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// `Salt Ledger (2025)`.
    pub title: String,
    /// Which instance.
    pub instance: String,
    /// The arr's own words.
    pub answer: String,
    /// How often the arr was asked to add it.
    pub attempts: u32,
    /// What is said of the entry, as a sentence.
    pub reason: Option<String>,
    /// When it is tried again; `None`: not by itself.
    pub retry_at_ms: Option<UnixMs>,
}

impl PlacementRow {
    /// How far the title has come, by what the arr has told.
    #[must_use]
    pub const fn arrival(&self) -> Arrival {
        match (self.grabbed_at_ms, self.available_at_ms) {
            (_, Some(_)) => Arrival::Available,
            (Some(_), None) => Arrival::Grabbed,
            (None, None) => Arrival::Awaited,
        }
    }
}

impl Db<'_> {
    /// Queues a title for an instance. One that waits there already, or was refused, starts anew with these options.
    pub(super) fn queue_placement(
        self,
        entry: EntryId,
        title: TitleId,
        instance: &str,
        options: &AddOptions,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let options = serde_json::to_string(options).map_err(|error| bad_json("placements.options", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- placements.queue\n\
             INSERT INTO placements (entry_id, title_id, instance, state, options, queued_at_ms)\n\
             VALUES (?1, ?2, ?3, 'queued', ?4, ?5)\n\
             ON CONFLICT (entry_id, instance) DO UPDATE SET options = excluded.options, state = 'queued', refusals = 0,\n\
                 retry_at_ms = NULL WHERE state IN ('queued', 'failed')",
        )?;
        query.execute(params![entry.0, title.0, instance, options, now_ms])?;
        Ok(())
    }

    /// Takes an entry out of the queues that a new outcome no longer names. A placement of which an attempt's fate is unknown stays:
    /// somebody has to look.
    pub(super) fn drop_waiting_placements(self, entry: EntryId, outcome: &Outcome) -> Result<(), StoreError> {
        let named: &[Destination] = match outcome {
            Outcome::Route { destinations, .. } => destinations,
            _ => &[],
        };
        for placement in self.placements_of(entry)? {
            if !named.iter().any(|destination| destination.instance == placement.instance) {
                let mut query = self.connection.prepare_cached(
                    "-- placements.drop_waiting\n\
                     DELETE FROM placements WHERE entry_id = ?1 AND instance = ?2 AND state IN ('queued', 'failed')\n\
                         AND attempt_at_ms IS NULL",
                )?;
                query.execute(params![entry.0, placement.instance])?;
            }
        }
        Ok(())
    }

    /// The placements of `instance` whose turn it is, without those that somebody has to look for first. Those that were asked about longest ago come first, so that one the instance
    /// cannot cope with never keeps others waiting.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn due_placements(self, instance: &str, now_ms: UnixMs) -> Result<Vec<QueuedPlacement>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.due\nSELECT ",
            queued_columns!(),
            " FROM ",
            in_turn!(),
        ))?;
        let mut rows = query.query(params![now_ms, instance])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            placements.push(queued(row)?);
        }
        Ok(placements)
    }

    /// The placements in `instance` of entries that are to be decided anew, of which somebody has to look first whether they arrived
    /// by an attempt that never learned its answer.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn attempts_to_look_for(self, instance: &str) -> Result<Vec<QueuedPlacement>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.to_look_for\nSELECT ",
            queued_columns!(),
            " FROM placements p JOIN entries e ON e.id = p.entry_id JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE e.state = 'held' AND p.instance = ?1 AND ",
            is_to_be_looked_for!(),
            " ORDER BY p.asked_at_ms, p.id",
        ))?;
        let mut rows = query.query([instance])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            placements.push(queued(row)?);
        }
        Ok(placements)
    }

    /// Notes that the last attempt has come to nothing. The entry stays as it is: it is decided anew.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn attempt_came_to_nothing(self, id: PlacementId) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.came_to_nothing\nUPDATE placements SET attempt_at_ms = NULL WHERE id = ?1",
        )?;
        query.execute([id.0])?;
        Ok(())
    }

    /// Notes that an attempt has arrived, of an entry that is to be decided anew. Where the entry waits for other instances, it still is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn attempt_arrived(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.finish(placement, PlacementState::Present, answer, None, now_ms)?;
        let waits = |it: &PlacementRow| matches!(it.state, PlacementState::Queued | PlacementState::Failed);
        if self.placements_of(placement.entry)?.iter().any(waits) {
            self.set_entry_state(placement.entry, EntryState::Held, Some("the settings have changed"), now_ms)?;
        }
        Ok(())
    }

    /// Takes every attempt that somebody would have to look for as come to nothing. Only where nothing lasts.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub(crate) fn suppose_attempts_failed(self) -> Result<(), StoreError> {
        self.connection.execute(
            concat!(
                "-- placements.suppose_attempts_failed\n\
                 UPDATE placements SET attempt_at_ms = NULL WHERE id IN (\n\
                     SELECT p.id FROM placements p JOIN entries e ON e.id = p.entry_id WHERE e.state = 'held' AND ",
                is_to_be_looked_for!(),
                ")",
            ),
            [],
        )?;
        Ok(())
    }

    /// How many placements of each instance wait for their turn now, instances by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn queue_lengths(self, now_ms: UnixMs) -> Result<Vec<(String, u32)>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.queue_lengths\nSELECT p.instance, count(*) FROM ",
            due!(),
            " GROUP BY p.instance ORDER BY p.instance",
        ))?;
        let rows = query.query_map([now_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes, before the arr is asked, that it is about to be asked and with what body.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn begin_attempt(self, id: PlacementId, payload: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.begin_attempt\n\
             UPDATE placements SET attempts = attempts + 1, attempt_at_ms = ?2, asked_at_ms = ?2, payload = ?3 WHERE id = ?1",
        )?;
        query.execute(params![id.0, now_ms, payload])?;
        Ok(())
    }

    /// Notes that the instance was asked about a title and did not answer: the others have their turn first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_asked(self, id: PlacementId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- placements.note_asked\nUPDATE placements SET asked_at_ms = ?2 WHERE id = ?1")?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }

    /// Notes that the arr has not taken the last attempt, without saying why not: it waits for the next run. The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn postpone(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.postpone\n\
             UPDATE placements SET state = 'queued', attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?2 WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, answer])?;
        self.follow_placements(placement.entry, None, now_ms)
    }

    /// Notes that the instance lacks what the options name. The placement keeps its place and the entry becomes `held`, so that
    /// every run decides anew: with other settings, other options come out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn hold_placement(self, placement: &QueuedPlacement, reason: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached(
                "-- placements.hold\n\
                 UPDATE placements SET state = 'queued', attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?2 WHERE id = ?1",
            )?;
        query.execute(params![placement.id.0, reason])?;
        self.set_entry_state(placement.entry, EntryState::Held, Some(reason), now_ms)
    }

    /// Notes the arr's refusal in its own words, and when to ask again (`None`: not by itself). The entry follows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn refuse(
        self,
        placement: &QueuedPlacement,
        answer: &str,
        retry_at_ms: Option<UnixMs>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.refuse\n\
             UPDATE placements SET state = 'failed', refusals = refusals + 1, attempt_at_ms = NULL, answer = ?2, retry_at_ms = ?3\n\
             WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, answer, retry_at_ms])?;
        self.follow_placements(placement.entry, Some(answer), now_ms)
    }

    /// Takes a placement that was called off out of the queue, now that its attempt is known to have come to nothing. The entry stays
    /// where the decision put it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn drop_called_off(self, placement: &QueuedPlacement, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query =
            self.connection.prepare_cached("-- placements.drop_called_off\nDELETE FROM placements WHERE id = ?1")?;
        query.execute([placement.id.0])?;
        self.follow_place(placement.entry, now_ms)
    }

    /// Notes that a placement has reached its end. What the arr has told of the title meanwhile is taken over, and the entry follows. Of
    /// a title that is there with something to watch, see [`finish_with_file`](Self::finish_with_file).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn finish(
        self,
        placement: &QueuedPlacement,
        state: PlacementState,
        answer: &str,
        arr_id: Option<i64>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        if matches!(state, PlacementState::Added | PlacementState::Present) {
            self.take_over_arrivals(placement.id, state == PlacementState::Added, false)?;
        }
        let mut query = self.connection.prepare_cached(
            "-- placements.finish\n\
             UPDATE placements SET state = ?2, attempt_at_ms = NULL, retry_at_ms = NULL, answer = ?3, arr_id = ?4,\n\
                 done_at_ms = ?5 WHERE id = ?1",
        )?;
        query.execute(params![placement.id.0, state.word(), answer, arr_id, now_ms])?;
        let reason = (state == PlacementState::Excluded).then_some(answer);
        self.follow_placements(placement.entry, reason, now_ms)
    }

    /// [`finish`](Self::finish) as present of a title that is there with something to watch. Where the arr has told of an import, that
    /// was when it became available; else it was by now. Nobody is told: it was there before.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn finish_with_file(self, placement: &QueuedPlacement, answer: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        self.take_over_arrivals(placement.id, false, true)?;
        self.finish(placement, PlacementState::Present, answer, None, now_ms)?;
        self.set_there(placement.id, placement.entry, now_ms)
    }

    /// Brings an entry up to date none of whose placements is queued any more; of queued ones more will be heard in this run.
    pub(super) fn follow_settled_placements(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let placements = self.placements_of(entry)?;
        if placements.iter().any(|placement| placement.state == PlacementState::Queued) {
            return Ok(());
        }
        let telling = |it: &&PlacementRow| matches!(it.state, PlacementState::Failed | PlacementState::Excluded);
        let reason = placements.iter().find(telling).and_then(|placement| placement.answer.as_deref());
        self.follow_placements(entry, reason, now_ms)
    }

    fn follow_placements(self, entry: EntryId, reason: Option<&str>, now_ms: UnixMs) -> Result<(), StoreError> {
        let placements = self.placements_of(entry)?;
        let standing: Vec<_> = placements.iter().map(|placement| (placement.state, placement.arrival())).collect();
        if let Some(state) = entry_state(&standing) {
            // A refusal is no reason for being available.
            let reason = reason.filter(|_| !matches!(state, EntryState::Grabbed | EntryState::Available));
            self.set_entry_state(entry, state, reason, now_ms)?;
        }
        self.follow_place(entry, now_ms)
    }

    /// Entries that an instance refused and whose pause is over, but that gave their place in the quotas back: oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn refused_without_place(self, now_ms: UnixMs) -> Result<Vec<Undecided>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.refused_without_place\n\
             SELECT DISTINCT e.id, e.user_id, e.title_id FROM placements p JOIN entries e ON e.id = p.entry_id\n\
                 JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE p.state = 'failed' AND e.closed_at_ms IS NULL AND e.state IN ('failed', 'available') AND ",
            pause_is_over!(),
            " AND NOT EXISTS (SELECT 1 FROM quota_uses q WHERE q.entry_id = e.id AND q.released_at_ms IS NULL) ORDER BY e.id",
        ))?;
        let rows = query.query_map([now_ms], |row| {
            Ok(Undecided { entry: EntryId(row.get(0)?), user: UserId(row.get(1)?), title: TitleId(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets a refused entry rest until `retry_at_ms` for another reason than the arr's. What the arr said stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn put_off(self, entry: EntryId, reason: &str, retry_at_ms: UnixMs, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.put_off\n\
             UPDATE placements SET retry_at_ms = ?2 WHERE entry_id = ?1 AND state = 'failed' AND retry_at_ms IS NOT NULL",
        )?;
        query.execute(params![entry.0, retry_at_ms])?;
        if self.is_available(entry)? {
            return Ok(());
        }
        self.set_entry_state(entry, EntryState::Failed, Some(reason), now_ms)
    }

    /// Takes everything whose turn it is for added, as a run would find it if every arr took it; where an instance has a title for
    /// another wish, for already there. Only where nothing lasts.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub(crate) fn suppose_added(self, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut suppose = self.connection.prepare_cached(
            "-- placements.suppose_added\n\
             UPDATE placements SET state = ?2, attempt_at_ms = NULL, retry_at_ms = NULL, answer = 'supposed', done_at_ms = ?3\n\
             WHERE id = ?1",
        )?;
        for (instance, _) in self.queue_lengths(now_ms)? {
            let mut there = self.titles_in(&instance)?;
            for (placement, entry, title) in self.due_in_short(&instance, now_ms)? {
                let state = if there.insert(title) { PlacementState::Added } else { PlacementState::Present };
                suppose.execute(params![placement.0, state.word(), now_ms])?;
                self.follow_placements(entry, None, now_ms)?;
            }
        }
        Ok(())
    }

    /// What [`Db::due_placements`] tells, as far as it takes no reading.
    fn due_in_short(self, instance: &str, now_ms: UnixMs) -> Result<Vec<(PlacementId, EntryId, TitleId)>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- placements.due_in_short\nSELECT p.id, p.entry_id, p.title_id FROM ",
            in_turn!(),
        ))?;
        let rows = query.query_map(params![now_ms, instance], |row| {
            Ok((PlacementId(row.get(0)?), EntryId(row.get(1)?), TitleId(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The titles that an instance has, as far as anybody has found out.
    fn titles_in(self, instance: &str) -> Result<HashSet<TitleId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.titles_in\n\
             SELECT title_id FROM placements WHERE instance = ?1 AND state IN ('added', 'present')",
        )?;
        let rows = query.query_map([instance], |row| Ok(TitleId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every placement of an entry, in the order in which they were queued.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn placements_of(self, entry: EntryId) -> Result<Vec<PlacementRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.of_entry\n\
             SELECT instance, state, queued_at_ms, attempts, payload, answer, retry_at_ms, done_at_ms, grabbed_at_ms,\n\
                 available_at_ms, id, taken_at_ms, taken_as, taken_answer\n\
             FROM placements WHERE entry_id = ?1 ORDER BY id",
        )?;
        let mut rows = query.query([entry.0])?;
        let mut placements = Vec::new();
        while let Some(row) = rows.next()? {
            let taken = match (row.get(11)?, row.get::<_, Option<String>>(12)?) {
                (Some(at_ms), Some(state)) => {
                    Some(Taken { at_ms, state: placement_state(&state)?, answer: row.get(13)? })
                }
                _ => None,
            };
            placements.push(PlacementRow {
                id: PlacementId(row.get(10)?),
                instance: row.get(0)?,
                state: placement_state(&row.get::<_, String>(1)?)?,
                queued_at_ms: row.get(2)?,
                attempts: row.get(3)?,
                payload: row.get(4)?,
                answer: row.get(5)?,
                retry_at_ms: row.get(6)?,
                done_at_ms: row.get(7)?,
                taken,
                grabbed_at_ms: row.get(8)?,
                available_at_ms: row.get(9)?,
            });
        }
        Ok(placements)
    }

    /// The open entries that an instance refused, in the order in which they were queued.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failures(self) -> Result<Vec<FailureRow>, StoreError> {
        self.failure_page(&FailureFilter::default(), None, u32::MAX)
    }

    /// How many open entries an instance refused.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failure_count(self) -> Result<u32, StoreError> {
        let mut query = self.connection.prepare_cached(FAILURE_COUNT)?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// A page of the [`Db::failures`] that `filter` lets through: at most `limit`, and only those that were queued after `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn failure_page(
        self,
        filter: &FailureFilter,
        after: Option<PlacementId>,
        limit: u32,
    ) -> Result<Vec<FailureRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.failures\n\
             SELECT p.id, p.entry_id, e.user_id, t.title || coalesce(' (' || t.year || ')', ''), p.instance,\n\
                 coalesce(p.answer, ''), p.attempts, e.reason, p.retry_at_ms\n\
             FROM placements p CROSS JOIN entries e ON e.id = p.entry_id CROSS JOIN titles t ON t.id = p.title_id\n\
             WHERE p.state = 'failed' AND e.closed_at_ms IS NULL AND p.id > ?1\n\
                 AND (?3 IS NULL OR p.instance = ?3) AND (?4 IS NULL OR e.user_id = ?4) ORDER BY p.id LIMIT ?2",
        )?;
        let FailureFilter { instance, user } = filter;
        let after = after.map_or(i64::MIN, |after| after.0);
        let rows = query.query_map(params![after, limit, instance, user.map(|user| user.0)], |row| {
            Ok(FailureRow {
                id: PlacementId(row.get(0)?),
                entry: EntryId(row.get(1)?),
                user: UserId(row.get(2)?),
                title: row.get(3)?,
                instance: row.get(4)?,
                answer: row.get(5)?,
                attempts: row.get(6)?,
                reason: row.get(7)?,
                retry_at_ms: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those of `ids` that are no refused placement of an open entry.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn not_failed(self, ids: &[PlacementId]) -> Result<Vec<PlacementId>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.is_failed\n\
             SELECT 1 FROM placements p JOIN entries e ON e.id = p.entry_id\n\
             WHERE p.id = ?1 AND p.state = 'failed' AND e.closed_at_ms IS NULL",
        )?;
        let mut others = Vec::new();
        for id in ids {
            if !query.exists([id.0])? {
                others.push(*id);
            }
        }
        Ok(others)
    }

    /// Lets the next run try a refused placement again. What the arr said stays until it says something else.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn retry_now(self, id: PlacementId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.retry_now\nUPDATE placements SET retry_at_ms = ?2 WHERE id = ?1 AND state = 'failed'",
        )?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }

    /// Never tries a refused placement again by itself; the entry says because of whom.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn dismiss(self, id: PlacementId, by: &str, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.dismiss\n\
             UPDATE placements SET retry_at_ms = NULL WHERE id = ?1 AND state = 'failed' RETURNING entry_id, instance",
        )?;
        let dismissed = query.query_row([id.0], |row| Ok((EntryId(row.get(0)?), row.get::<_, String>(1)?)));
        let Some((entry, instance)) = dismissed.optional()? else { return Ok(()) };
        let reason = format!("`{instance}` refused it, and {by} dismissed that: it is not tried again by itself");
        self.set_entry_state(entry, EntryState::Failed, Some(&reason), now_ms)
    }
}

/// Every page asks this.
const FAILURE_COUNT: &str = "-- placements.failure_count\n\
    SELECT count(*) FROM placements p CROSS JOIN entries e ON e.id = p.entry_id\n\
    WHERE p.state = 'failed' AND e.closed_at_ms IS NULL";

/// Reads the [`queued_columns`].
fn queued(row: &Row<'_>) -> Result<QueuedPlacement, StoreError> {
    let options: String = row.get(3)?;
    Ok(QueuedPlacement {
        id: PlacementId(row.get(0)?),
        entry: EntryId(row.get(1)?),
        title: TitleId(row.get(2)?),
        options: serde_json::from_str(&options).map_err(|error| bad_json("placements.options", &error))?,
        refusals: row.get(4)?,
        attempt_at_ms: row.get(5)?,
        held: row.get(6)?,
        called_off: row.get(7)?,
        user: UserId(row.get(8)?),
    })
}

pub(super) fn placement_state(word: &str) -> Result<PlacementState, StoreError> {
    PlacementState::from_word(word).ok_or_else(|| unknown_word("placements.state", word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn what_was_refused_is_counted_without_looking_at_anything_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let mut plan = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {FAILURE_COUNT}")).unwrap();
        let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(steps[0].contains("COVERING INDEX placements_failed"), "{steps:?}");
    }
}
