//! Counts over several tables, for people who want to know how it goes.

use std::collections::HashMap;

use super::error::unknown_word;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{EntryState, UserId};

/// What instances have added since `?1`, whatever became of it there: the words of the index `placements_taken`.
macro_rules! added_since {
    () => {
        "(state = 'added' OR taken_as = 'added') AND coalesce(taken_at_ms, done_at_ms) >= ?1"
    };
}

/// What one user's list comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntriesOfUser {
    /// Whose.
    pub user: UserId,
    /// Where they stand; closed ones were on the list once.
    pub state: EntryState,
    /// How many.
    pub count: u32,
}

/// What became of the titles that were decided for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementsOfInstance {
    /// Which.
    pub instance: String,
    /// The stored word of a placement's state: `added`, `present`.
    pub state: String,
    /// How many.
    pub count: u32,
}

/// An entry, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish<'a> {
    /// When it appeared.
    pub appeared_at_ms: UnixMs,
    /// Where it stands.
    pub state: EntryState,
    /// Whose.
    pub user: UserId,
    /// Its genres: a JSON list of names; empty while nobody has told.
    pub genres: &'a str,
}

/// What happened since a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lately {
    /// Entries that appeared.
    pub requested: u32,
    /// Entries that an instance took.
    pub added: u32,
    /// Entries for which a release was found.
    pub grabbed: u32,
    /// Entries that came.
    pub available: u32,
    /// Placements that an instance refused, and that have not been taken since.
    pub refused: u32,
}

impl Db<'_> {
    /// Hands every entry that appeared since `since_ms` to `each`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn wishes(self, since_ms: UnixMs, mut each: impl FnMut(Wish<'_>)) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.wishes\n\
             SELECT e.appeared_at_ms, e.state, e.user_id,\n\
             coalesce(t.facts ->> '$.genres', t.arr_facts ->> '$.genres', t.tmdb_facts ->> '$.genres', '')\n\
             FROM entries e JOIN titles t ON t.id = e.title_id WHERE e.appeared_at_ms >= ?1 ORDER BY e.appeared_at_ms",
        )?;
        let mut rows = query.query([since_ms])?;
        while let Some(row) = rows.next()? {
            let state = row.get_ref(1)?.as_str().unwrap_or_default();
            each(Wish {
                appeared_at_ms: row.get(0)?,
                state: EntryState::from_word(state).ok_or_else(|| unknown_word("entries.state", state))?,
                user: UserId(row.get(2)?),
                genres: row.get_ref(3)?.as_str().unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Hands the instance and the time of everything that was added since `since_ms` to `each`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn additions(self, since_ms: UnixMs, mut each: impl FnMut(&str, UnixMs)) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- stats.additions\nSELECT instance, coalesce(taken_at_ms, done_at_ms) AS at_ms FROM placements WHERE ",
            added_since!(),
            " ORDER BY at_ms"
        ))?;
        let mut rows = query.query([since_ms])?;
        while let Some(row) = rows.next()? {
            each(row.get_ref(0)?.as_str().unwrap_or_default(), row.get(1)?);
        }
        Ok(())
    }

    /// When each entry that we had added first became available since `since_ms`, and how long that took from when it appeared, in
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn times_to_available(self, since_ms: UnixMs) -> Result<Vec<(UnixMs, i64)>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.times_to_available\n\
             SELECT min(p.available_at_ms), max(min(p.available_at_ms) - e.appeared_at_ms, 0)\n\
             FROM placements p JOIN entries e ON e.id = p.entry_id\n\
             WHERE p.available_at_ms IS NOT NULL AND p.available_at_ms >= ?1 AND (p.state = 'added' OR p.taken_as = 'added')\n\
             GROUP BY e.id",
        )?;
        let rows = query.query_map([since_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What happened since `since_ms`. Costs as much as happened.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn lately(self, since_ms: UnixMs) -> Result<Lately, StoreError> {
        let mut query = self.connection.prepare_cached(LATELY)?;
        Ok(query.query_row([since_ms], |row| {
            Ok(Lately {
                requested: row.get(0)?,
                added: row.get(1)?,
                grabbed: row.get(2)?,
                available: row.get(3)?,
                refused: row.get(4)?,
            })
        })?)
    }

    /// How many entries wait for something other than a run: an approval, a quota, an id.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn held_count(self) -> Result<u32, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- stats.held\nSELECT count(*) FROM entries WHERE state IN ('held', 'unresolvable')")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// How many entries of each user stand in each state; where there are none is left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entries_of_users(self) -> Result<Vec<EntriesOfUser>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.entries_of_users\nSELECT user_id, state, count(*) FROM entries GROUP BY user_id, state",
        )?;
        let mut rows = query.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let word = row.get_ref(1)?.as_str().unwrap_or_default();
            let state = EntryState::from_word(word).ok_or_else(|| unknown_word("entries.state", word))?;
            all.push(EntriesOfUser { user: UserId(row.get(0)?), state, count: row.get(2)? });
        }
        Ok(all)
    }

    /// How many entries of each user are open; users without any are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn open_entries_of_users(self) -> Result<HashMap<UserId, u32>, StoreError> {
        let mut open = HashMap::new();
        for of in self.entries_of_users()?.into_iter().filter(|of| of.state != EntryState::Closed) {
            *open.entry(of.user).or_default() += of.count;
        }
        Ok(open)
    }

    /// How many placements of each instance stand in each state, by name and state.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn placements_by_instance(self) -> Result<Vec<PlacementsOfInstance>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.placements_by_instance\n\
             SELECT instance, state, count(*) FROM placements GROUP BY instance, state ORDER BY instance, state",
        )?;
        let rows = query.query_map([], |row| {
            Ok(PlacementsOfInstance { instance: row.get(0)?, state: row.get(1)?, count: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When each entry since `since_ms` appeared, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn appearances(self, since_ms: UnixMs) -> Result<Vec<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.appearances\nSELECT appeared_at_ms FROM entries WHERE appeared_at_ms >= ?1 ORDER BY appeared_at_ms",
        )?;
        let rows = query.query_map([since_ms], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How long each entry that was first added since `since_ms` took from when it appeared, in milliseconds, in order.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn times_to_added(self, since_ms: UnixMs) -> Result<Vec<i64>, StoreError> {
        let mut query = self.connection.prepare_cached(
            concat!(
            "-- stats.times_to_added\n\
             WITH added AS (SELECT +entry_id AS entry_id, min(coalesce(taken_at_ms, done_at_ms)) AS at_ms FROM placements WHERE ",
            added_since!(),
            " GROUP BY +entry_id)\n\
             SELECT max(added.at_ms - e.appeared_at_ms, 0) AS took FROM added JOIN entries e ON e.id = added.entry_id ORDER BY took"
        ),
        )?;
        let rows = query.query_map([since_ms], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

// `+entry_id`: in the order of entries, SQLite would rather walk through all placements than sort the few that are asked for.
// The conditions on `grabbed_at_ms`, `available_at_ms` and the states are those of the indexes.
const LATELY: &str = concat!(
    "-- stats.lately\n\
    SELECT (SELECT count(*) FROM entries WHERE appeared_at_ms >= ?1),\n\
    (SELECT count(DISTINCT +entry_id) FROM placements WHERE ",
    added_since!(),
    "),\n\
    (SELECT count(DISTINCT +entry_id) FROM placements WHERE grabbed_at_ms IS NOT NULL AND grabbed_at_ms >= ?1),\n\
    (SELECT count(DISTINCT +entry_id) FROM placements WHERE available_at_ms IS NOT NULL AND available_at_ms >= ?1),\n\
    (SELECT count(*) FROM placements WHERE state = 'failed' AND asked_at_ms >= ?1)"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MediaType;
    use crate::store::{Moment, Store};

    /// A household of one with three films: one came, one was refused, one is new. Times are small numbers.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let rows = "INSERT INTO users (id, uuid, username, display_name, relation, first_seen_at_ms)
            VALUES (1, 'aaaaaaaaaaaaaaaa', 'ana', 'Ana', 'owner', 1);
            INSERT INTO titles (id, plex_id, media_type, title, facts, arr_facts) VALUES
            (1, 'a', 'movie', 'A', '{\"genres\": [\"Drama\", \"War\"]}', NULL),
            (2, 'b', 'movie', 'B', '{}', '{\"genres\": [\"Comedy\"]}'), (3, 'c', 'movie', 'C', '{}', NULL);
            INSERT INTO entries (id, user_id, title_id, appeared_at_ms, state, state_at_ms) VALUES
            (1, 1, 1, 10, 'available', 40), (2, 1, 2, 20, 'failed', 30), (3, 1, 3, 30, 'new', 30);
            INSERT INTO placements
            (entry_id, title_id, instance, state, options, queued_at_ms, asked_at_ms, done_at_ms, grabbed_at_ms, available_at_ms)
            VALUES (1, 1, 'movies', 'added', '{}', 11, 12, 12, 13, 40), (1, 1, 'uhd', 'added', '{}', 11, 15, 15, NULL, 50),
            (2, 2, 'movies', 'failed', '{}', 21, 30, NULL, NULL, NULL);
            UPDATE titles SET tmdb_id = 603 WHERE id = 1;";
        store.connection.execute_batch(rows).unwrap();
        (folder, store)
    }

    #[test]
    fn what_happened_since_a_time_is_counted_by_entry() {
        let (_folder, store) = store();
        let all = Lately { requested: 3, added: 1, grabbed: 1, available: 1, refused: 1 };
        assert_eq!(store.read().lately(0).unwrap(), all);
        let late = Lately { requested: 1, added: 0, grabbed: 0, available: 1, refused: 1 };
        assert_eq!(store.read().lately(30).unwrap(), late);
        assert_eq!(store.read().lately(51).unwrap(), Lately::default());
        assert_eq!(store.read().held_count().unwrap(), 0);
    }

    #[test]
    fn wishes_have_the_genres_of_whoever_told_and_the_first_arrival_counts() {
        let (_folder, store) = store();
        let mut genres = Vec::new();
        store.read().wishes(10, |wish| genres.push((wish.state, wish.genres.to_owned()))).unwrap();
        let told = [
            (EntryState::Available, "[\"Drama\",\"War\"]".to_owned()),
            (EntryState::Failed, "[\"Comedy\"]".to_owned()),
            (EntryState::New, String::new()),
        ];
        assert_eq!(genres, told);
        assert_eq!(store.read().times_to_available(1).unwrap(), [(40, 30)]);
        let mut added = Vec::new();
        store.read().additions(13, |instance, at_ms| added.push((instance.to_owned(), at_ms))).unwrap();
        assert_eq!(added, [("uhd".to_owned(), 15)]);
    }

    #[test]
    fn what_was_removed_since_counts_where_it_went_and_when() {
        let (_folder, store) = store();
        let (before, late) = (store.read().lately(0).unwrap(), store.read().lately(14).unwrap());
        let times = store.read().times_to_added(0).unwrap();
        store
            .write(|db| {
                let gone = db.arrivals("movies", MediaType::Movie, 603)?;
                db.set_removed(&gone[0], "deleted", Moment::arrived(60, 60))
            })
            .unwrap();
        assert_eq!(store.read().placements_by_instance().unwrap()[1].state, "removed");
        let mut added = Vec::new();
        store.read().additions(0, |instance, at_ms| added.push((instance.to_owned(), at_ms))).unwrap();
        assert_eq!(added, [("movies".to_owned(), 12), ("uhd".to_owned(), 15)]);
        assert_eq!((store.read().lately(0).unwrap(), store.read().lately(14).unwrap()), (before, late));
        assert_eq!(store.read().times_to_added(0).unwrap(), times);
        assert_eq!(store.read().times_to_available(1).unwrap(), [(40, 30)]);
    }

    #[test]
    fn counting_what_is_open_looks_at_no_row() {
        use super::super::{decisions, entries};
        let (_folder, store) = store();
        for (sql, user) in [
            (entries::OPEN_COUNT, Some(1)),
            (entries::ANY_OPEN, Some(1)),
            (entries::COUNTS, None),
            (decisions::STANDING_MARK, None),
        ] {
            let steps = store.query_plan(sql, rusqlite::params_from_iter(user));
            let of_entries: Vec<_> = steps.iter().filter(|step| step.contains(" entries ")).collect();
            assert!(of_entries.iter().all(|step| step.contains("COVERING INDEX")), "{sql}: {steps:#?}");
            assert_eq!(of_entries.len(), 1, "{sql}: {steps:#?}");
        }
    }

    #[test]
    fn counting_what_happened_lately_walks_through_no_table() {
        let (_folder, store) = store();
        let steps = store.query_plan(LATELY, [0]);
        assert!(steps.iter().any(|step| step.contains("COVERING INDEX placements_taken (<expr>>?)")), "{steps:#?}");
        let scans = steps.iter().filter(|step| step.starts_with("SCAN") && !step.contains("CONSTANT ROW"));
        // Those that were refused are few, and an index has no others.
        let scans: Vec<_> = scans.filter(|step| !step.contains("placements_failed")).collect();
        assert!(scans.is_empty(), "{steps:#?}");
    }
}
