//! `entries`: what is on whose list, and where it stands.

use rusqlite::{Row, params};

use super::error::{bad_json, unknown_word};
use super::placements::is_to_be_looked_for;
use super::titles::{title_columns, title_from};
use super::{Db, StoreError, TitleId, letters};
use crate::clock::UnixMs;
use crate::model::{
    AutoApproved, Decision, Destination, EntryId, EntryState, OpenEntry, Outcome, PlexId, Title, UserId, WaitsFor,
};

/// The columns that [`entry_from`] reads, of `entries e JOIN titles t`.
macro_rules! entry_columns {
    () => {
        concat!(
            "e.id, e.user_id, e.appeared_at_ms, e.state, e.state_at_ms, e.reason, e.missing_since_ms, e.closed_at_ms,\n",
            title_columns!()
        )
    };
}

/// An entry that waits for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided {
    /// The entry.
    pub entry: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// What it is.
    pub title: TitleId,
}

/// An entry with its title, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryRow {
    /// The entry.
    pub id: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// What it is.
    pub title: Title,
    /// When we first saw it.
    pub appeared_at_ms: UnixMs,
    /// Where it stands.
    pub state: EntryState,
    /// Since when.
    pub state_at_ms: UnixMs,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// The first complete look that did not see it.
    pub missing_since_ms: Option<UnixMs>,
    /// When it was closed.
    pub closed_at_ms: Option<UnixMs>,
}

/// A decision that was just made for an entry.
#[derive(Debug)]
pub struct NewlyDecided<'a> {
    /// What was decided about.
    pub undecided: Undecided,
    /// The decision.
    pub decision: &'a Decision,
    /// The run that made it.
    pub run_id: &'a str,
}

/// Open is what is not closed, told by the state: indexes have it, so that no row is looked at. `closed_at_ms` says the same.
pub(super) const OPEN_COUNT: &str =
    "-- entries.open_count\nSELECT count(*) FROM entries WHERE user_id = ?1 AND state <> 'closed'";
pub(super) const ANY_OPEN: &str =
    "-- entries.any_open\nSELECT EXISTS (SELECT 1 FROM entries WHERE user_id = ?1 AND state <> 'closed')";
pub(super) const COUNTS: &str =
    "-- entries.counts\nSELECT state, count(*) FROM entries WHERE state <> 'closed' GROUP BY state";

impl Db<'_> {
    /// This user's open entries.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn open_entries(self, user: UserId) -> Result<Vec<OpenEntry>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.open_of_user\n\
             SELECT e.id, t.plex_id, e.missing_since_ms, e.gone_after_ms FROM entries e JOIN titles t ON t.id = e.title_id\n\
             WHERE e.user_id = ?1 AND e.closed_at_ms IS NULL ORDER BY e.id",
        )?;
        let mut rows = query.query([user.0])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let plex_id: String = row.get(1)?;
            entries.push(OpenEntry {
                id: EntryId(row.get(0)?),
                plex_id: PlexId::parse(&plex_id).ok_or_else(|| unknown_word("titles.plex_id", &plex_id))?,
                missing_since_ms: row.get(2)?,
                gone_after_ms: row.get(3)?,
            });
        }
        Ok(entries)
    }

    /// How many entries of this user are open.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn open_entry_count(self, user: UserId) -> Result<u32, StoreError> {
        let mut query = self.connection.prepare_cached(OPEN_COUNT)?;
        Ok(query.query_row([user.0], |row| row.get(0))?)
    }

    /// Whether any entry of this user is open.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn has_open_entry(self, user: UserId) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(ANY_OPEN)?;
        Ok(query.query_row([user.0], |row| row.get(0))?)
    }

    /// Whether this title has an open entry on this user's list.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn is_on_record(self, user: UserId, plex_id: &PlexId) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.is_on_record\n\
             SELECT 1 FROM entries e JOIN titles t ON t.id = e.title_id\n\
             WHERE t.plex_id = ?2 AND e.user_id = ?1 AND e.closed_at_ms IS NULL",
        )?;
        Ok(query.exists(params![user.0, plex_id.as_str()])?)
    }

    /// Opens an entry in state `new`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written, or an entry for this user and title is open already.
    pub fn open_entry(self, user: UserId, title: TitleId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.open\n\
             INSERT INTO entries (user_id, title_id, appeared_at_ms, state, state_at_ms) VALUES (?1, ?2, ?3, 'new', ?3)",
        )?;
        query.execute(params![user.0, title.0, now_ms])?;
        Ok(())
    }

    /// Notes that an entry is missing since `since_ms`, and gone if another complete look from `gone_after_ms` on confirms it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn mark_missing(self, entry: EntryId, since_ms: UnixMs, gone_after_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.mark_missing\nUPDATE entries SET missing_since_ms = ?2, gone_after_ms = ?3 WHERE id = ?1",
        )?;
        query.execute(params![entry.0, since_ms, gone_after_ms])?;
        Ok(())
    }

    /// Notes that an entry is back.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn unmark_missing(self, entry: EntryId) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.unmark_missing\nUPDATE entries SET missing_since_ms = NULL, gone_after_ms = NULL WHERE id = ?1",
        )?;
        query.execute([entry.0])?;
        Ok(())
    }

    /// Closes an entry that is gone from its list. What was added for it stays where it is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn close_entry(self, entry: EntryId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.close\n\
             UPDATE entries SET reason = 'no longer on the watchlist; before that: ' || state || coalesce(', ' || reason, ''),\n\
                 state = 'closed', state_at_ms = ?2, closed_at_ms = ?2 WHERE id = ?1 AND closed_at_ms IS NULL",
        )?;
        query.execute(params![entry.0, now_ms])?;
        self.withdraw_approval(entry, now_ms)?;
        self.follow_place(entry, now_ms)
    }

    /// Puts open entries that a decision keeps out back to `held`, so that they are decided anew: the settings have changed. What a
    /// quota or an arr's exclusion list keeps out stays out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn hold_excluded(self, now_ms: UnixMs) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "-- entries.hold_excluded\n\
             UPDATE entries SET state = 'held', state_at_ms = ?1, reason = 'the settings have changed'\n\
             WHERE closed_at_ms IS NULL AND state = 'excluded' AND (\n\
                 SELECT d.outcome = 'exclude' AND coalesce(d.decision ->> '$.outcome.by', 'rule') <> 'quota'\n\
                 FROM decisions d WHERE d.entry_id = entries.id ORDER BY d.id DESC LIMIT 1)",
            [now_ms],
        )?)
    }

    /// Puts open entries that wait, or were refused, back to `held`, so that they are decided anew: the settings have changed. Where
    /// an attempt's fate is unknown, that comes after somebody has looked.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn hold_waiting(self, now_ms: UnixMs) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "-- entries.hold_waiting\n\
             UPDATE entries SET state = 'held', state_at_ms = ?1, reason = 'the settings have changed'\n\
             WHERE closed_at_ms IS NULL AND state <> 'held' AND id IN (\n\
                 SELECT entry_id FROM placements WHERE state IN ('queued', 'failed'))",
            [now_ms],
        )?)
    }

    /// Puts open entries that wait for an instance which is not among `instances` back to `held`, so that they are decided anew.
    /// Answers how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn hold_orphans<'a>(
        self,
        instances: impl IntoIterator<Item = &'a str>,
        now_ms: UnixMs,
    ) -> Result<usize, StoreError> {
        let instances = serde_json::to_string(&instances.into_iter().collect::<Vec<_>>())
            .map_err(|error| bad_json("instances", &error))?;
        // Whether an attempt took effect there, nobody can be asked any more.
        self.connection.execute(
            "-- placements.forget_attempts\n\
             UPDATE placements SET attempt_at_ms = NULL WHERE state IN ('queued', 'failed') AND attempt_at_ms IS NOT NULL\n\
                 AND instance NOT IN (SELECT value FROM json_each(?1))",
            [&instances],
        )?;
        Ok(self.connection.execute(
            "-- entries.hold_orphans\n\
             UPDATE entries SET state = 'held', state_at_ms = ?2, reason = 'its instance is no longer in the settings'\n\
             WHERE closed_at_ms IS NULL AND state <> 'held' AND id IN (\n\
                 SELECT entry_id FROM placements WHERE state IN ('queued', 'failed')\n\
                     AND instance NOT IN (SELECT value FROM json_each(?1)))",
            params![instances, now_ms],
        )?)
    }

    /// Entries to decide about: new and held ones, and unresolvable ones whose next look is due; not those of which somebody has to
    /// look first what became of an attempt. A look that is due more than two
    /// days from now was set by a clock that has since been put back, and counts as due.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn undecided(self, now_ms: UnixMs) -> Result<Vec<Undecided>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- entries.undecided\n\
             SELECT e.id, e.user_id, e.title_id FROM entries e JOIN titles t ON t.id = e.title_id\n\
                 JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE e.state IN ('new', 'held', 'unresolvable') AND (e.state <> 'unresolvable' OR t.look_again_at_ms IS NULL\n\
                 OR t.look_again_at_ms <= ?1 OR t.look_again_at_ms > ?1 + 2 * 86400000)\n\
                 AND NOT (e.state = 'held' AND EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = e.id AND ",
            is_to_be_looked_for!(),
            "))\n\
             ORDER BY e.id",
        ))?;
        let rows = query.query_map([now_ms], |row| {
            Ok(Undecided { entry: EntryId(row.get(0)?), user: UserId(row.get(1)?), title: TitleId(row.get(2)?) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether an entry still waits for a decision: a person may have decided, or closed it, since [`Db::undecided`] was asked.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn is_undecided(self, entry: EntryId) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.is_undecided\nSELECT 1 FROM entries WHERE id = ?1 AND state IN ('new', 'held', 'unresolvable')",
        )?;
        Ok(query.exists([entry.0])?)
    }

    /// On how many watchlists that are read a title is.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn wanted_by(self, title: TitleId) -> Result<u32, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.wanted_by\n\
             SELECT count(*) FROM entries e JOIN users u ON u.id = e.user_id AND u.synced\n\
             WHERE e.title_id = ?1 AND e.closed_at_ms IS NULL",
        )?;
        Ok(query.query_row([title.0], |row| row.get(0))?)
    }

    /// The open entries that stand in one of `states`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn open_entries_in(self, states: &[EntryState]) -> Result<Vec<EntryId>, StoreError> {
        let words: Vec<&str> = states.iter().map(|state| state.word()).collect();
        let words = serde_json::to_string(&words).map_err(|error| bad_json("states", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- entries.open_in_states\n\
             SELECT id FROM entries WHERE closed_at_ms IS NULL AND state IN (SELECT value FROM json_each(?1))",
        )?;
        let rows = query.query_map([words], |row| Ok(EntryId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// [`Db::wanted_by`] of an entry's title.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn title_of_entry_wanted_by(self, entry: EntryId) -> Result<u32, StoreError> {
        let mut query =
            self.connection.prepare_cached("-- entries.title_id\nSELECT title_id FROM entries WHERE id = ?1")?;
        self.wanted_by(TitleId(query.query_row([entry.0], |row| row.get(0))?))
    }

    /// Puts an entry into a state.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_entry_state(
        self,
        entry: EntryId,
        state: EntryState,
        reason: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.set_state\n\
             UPDATE entries SET state_at_ms = CASE WHEN state = ?2 THEN state_at_ms ELSE ?4 END, state = ?2, reason = ?3\n\
             WHERE id = ?1 AND closed_at_ms IS NULL",
        )?;
        query.execute(params![entry.0, state.word(), reason, now_ms])?;
        Ok(())
    }

    /// Stores a decision with everything that follows from it: the trace, the entry's state, a queued placement for every
    /// destination and no other, its place in the quotas, its approval. An outcome equal to the entry's last one is not stored again.
    /// Answers whether it was news.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn settle(self, decided: &NewlyDecided<'_>, now_ms: UnixMs) -> Result<bool, StoreError> {
        let last = self.last_decision(decided.undecided.entry)?;
        let is_news = last.is_none_or(|last| last.outcome != decided.decision.outcome);
        self.carry_out(decided, is_news, now_ms)?;
        Ok(is_news)
    }

    /// [`Db::settle`], where it is known whether the outcome is news.
    pub(crate) fn carry_out(self, decided: &NewlyDecided<'_>, is_news: bool, now_ms: UnixMs) -> Result<(), StoreError> {
        let NewlyDecided { undecided: Undecided { entry, title, .. }, decision, run_id } = *decided;
        self.drop_waiting_placements(entry, &decision.outcome)?;
        if is_news {
            self.add_decision(entry, run_id, decision, now_ms)?;
        }
        let stand = |state, reason: &str| self.set_entry_state(entry, state, Some(reason), now_ms);
        match &decision.outcome {
            Outcome::Route { .. } if !is_news => self.follow_settled_placements(entry, now_ms)?,
            Outcome::Route { destinations, granted, auto_approved } => {
                for Destination { instance, options, .. } in destinations {
                    self.queue_placement(entry, title, instance, options, now_ms)?;
                }
                self.set_entry_state(entry, EntryState::Requested, None, now_ms)?;
                // Decided anew, it may have arrived elsewhere already.
                self.follow_arrivals(entry, now_ms)?;
                self.take_place(entry, *granted, now_ms)?;
                if let Some(AutoApproved { trigger, reason }) = auto_approved {
                    self.auto_approve(entry, *trigger, reason, destinations, now_ms)?;
                }
            }
            Outcome::Hold { reason, waits_for, destinations } => {
                stand(EntryState::Held, reason)?;
                if let WaitsFor::Approval(trigger) = waits_for {
                    self.ask(entry, *trigger, reason, destinations, now_ms)?;
                }
            }
            Outcome::Exclude { reason, .. } => {
                stand(EntryState::Excluded, reason)?;
                self.reject_by_rule(entry, reason, now_ms)?;
            }
            Outcome::Unresolvable { reason } => stand(EntryState::Unresolvable, reason)?,
        }
        self.follow_place(entry, now_ms)
    }

    /// Every entry, open or closed, of titles whose name contains `text` in any case, or whose Plex, IMDb, TMDB or TVDB id is
    /// `text`. Newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn find_entries(self, text: &str) -> Result<Vec<EntryRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- entries.find\nSELECT ",
            entry_columns!(),
            "\nFROM entries e JOIN titles t ON t.id = e.title_id\n\
             WHERE instr(lower(t.title), lower(?1)) > 0 OR t.plex_id = ?1 OR t.imdb_id = ?1\n\
                 OR CAST(t.tmdb_id AS TEXT) = ?1 OR CAST(t.tvdb_id AS TEXT) = ?1\n\
             ORDER BY lower(t.title), t.id, e.id DESC",
        ))?;
        let mut rows = query.query([text])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(entry_from(row)?);
        }
        Ok(entries)
    }

    /// [`Db::find_entries`] in short: each entry with whose it is, `most` of them if there are more; `only_open` leaves out those that were
    /// closed. Costs a walk through the names, and what it finds.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn find_entries_in_short(
        self,
        text: &str,
        only_open: bool,
        most: Option<u32>,
    ) -> Result<Vec<(EntryId, UserId)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.find_in_short\n\
             SELECT e.id, e.user_id FROM (\n\
                 SELECT id, title FROM titles WHERE ?1 = '' OR contains_folded(title, ?1)\n\
                 UNION ALL\n\
                 SELECT id, title FROM titles WHERE (plex_id = ?2 OR imdb_id = ?2 OR tmdb_id = ?3 OR tvdb_id = ?3)\n\
                     AND NOT contains_folded(title, ?1)) t\n\
             CROSS JOIN entries e ON e.title_id = t.id WHERE e.closed_at_ms IS NULL OR NOT ?4\n\
             ORDER BY lower(t.title), t.id, e.id DESC LIMIT ?5",
        )?;
        let number: Option<u32> = text.parse().ok();
        // A limit below 0 is none.
        let most = most.map_or(-1, i64::from);
        let rows = query.query_map(params![letters::folded(text), text, number, only_open, most], |row| {
            Ok((EntryId(row.get(0)?), UserId(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One entry, open or closed.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entry(self, id: EntryId) -> Result<Option<EntryRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- entries.one\nSELECT ",
            entry_columns!(),
            "\nFROM entries e JOIN titles t ON t.id = e.title_id WHERE e.id = ?1",
        ))?;
        let mut rows = query.query([id.0])?;
        rows.next()?.map(entry_from).transpose()
    }

    /// How many open entries stand in each state, in the order of the states; states without entries are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entry_counts(self) -> Result<Vec<(EntryState, u32)>, StoreError> {
        let mut query = self.connection.prepare_cached(COUNTS)?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let mut counts = Vec::new();
        for row in rows {
            let (word, count) = row?;
            counts.push((EntryState::from_word(&word).ok_or_else(|| unknown_word("entries.state", &word))?, count));
        }
        counts.sort_unstable();
        Ok(counts)
    }
}

fn entry_from(row: &Row<'_>) -> Result<EntryRow, StoreError> {
    let state: String = row.get(3)?;
    Ok(EntryRow {
        id: EntryId(row.get(0)?),
        user: UserId(row.get(1)?),
        title: title_from(row, 8)?,
        appeared_at_ms: row.get(2)?,
        state: EntryState::from_word(&state).ok_or_else(|| unknown_word("entries.state", &state))?,
        state_at_ms: row.get(4)?,
        reason: row.get(5)?,
        missing_since_ms: row.get(6)?,
        closed_at_ms: row.get(7)?,
    })
}
