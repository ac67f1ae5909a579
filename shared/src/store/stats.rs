//! Counts over several tables, for people who want to know how it goes.

use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::UserId;

/// What one user's list comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntriesOfUser {
    /// Whose.
    pub user: UserId,
    /// Entries that are on the list.
    pub open: u32,
    /// Entries that were on it once.
    pub closed: u32,
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

impl Db<'_> {
    /// How many entries each user has; users without any are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entries_by_user(self) -> Result<Vec<EntriesOfUser>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- stats.entries_by_user\n\
             SELECT user_id, sum(closed_at_ms IS NULL), sum(closed_at_ms IS NOT NULL) FROM entries GROUP BY user_id",
        )?;
        let rows = query.query_map([], |row| {
            Ok(EntriesOfUser { user: UserId(row.get(0)?), open: row.get(1)?, closed: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
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
            "-- stats.times_to_added\n\
             SELECT max(min(p.done_at_ms) - e.appeared_at_ms, 0) AS took FROM placements p JOIN entries e ON e.id = p.entry_id\n\
             WHERE p.state = 'added' AND p.done_at_ms >= ?1 GROUP BY e.id ORDER BY took",
        )?;
        let rows = query.query_map([since_ms], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
