//! A store of which nothing lasts, for deciding what would happen: the file is only read, and whatever is written goes into temporary
//! tables in memory that stand before the file's own of the same name. So all queries work on it as they are, and a household of any
//! size costs the memory of what deciding can change and no more.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::error::{bad_json, cannot_open, unknown_word};
use super::file::StoreFile;
use super::{Db, Store, StoreError};
use crate::model::{Decision, EntryId, EntryState, Outcome, Trace};

/// A table that deciding writes to. What it needs of the others, it reads in the file.
struct Laid {
    table: &'static str,
    /// Which of its rows are laid into memory.
    rows: &'static str,
    /// Columns that are wide and that deciding looks at in few rows, or in none: what is laid instead.
    instead: &'static [(&'static str, &'static str)],
    /// Without these, each decision would walk through it.
    indexes: &'static [&'static str],
}

const LAID: &[Laid] = &[
    Laid { table: "settings", rows: "true", instead: &[], indexes: &[] },
    Laid { table: "users", rows: "true", instead: &[], indexes: &[] },
    Laid { table: "run_progress", rows: "false", instead: &[], indexes: &[] },
    Laid {
        table: "entries",
        rows: "true",
        instead: &[("reason", "CASE WHEN closed_at_ms IS NULL THEN reason END")],
        indexes: &["entries_by_title ON entries (title_id)", UNDECIDED],
    },
    Laid {
        table: "placements",
        rows: "true",
        instead: &[
            ("options", "CASE WHEN state IN ('queued', 'failed') THEN options ELSE '' END"),
            ("payload", "NULL"),
            ("answer", "CASE WHEN state IN ('failed', 'excluded') THEN answer END"),
        ],
        indexes: &["placements_open ON placements (instance, id) WHERE state IN ('queued', 'failed')"],
    },
    Laid {
        table: "approvals",
        rows: "true",
        instead: &[],
        indexes: &[
            "approvals_pending ON approvals (asked_at_ms, id) WHERE state = 'pending'",
            "approvals_followers ON approvals (follows) WHERE follows IS NOT NULL",
        ],
    },
    Laid { table: "approval_events", rows: "false", instead: &[], indexes: &[] },
    // The last about each entry that may be decided anew, without its reasons, which are most of it.
    Laid {
        table: "decisions",
        rows: "id IN (\
                SELECT (SELECT max(d.id) FROM main.decisions d WHERE d.entry_id = e.id) FROM temp.entries e\n\
                WHERE e.closed_at_ms IS NULL AND (e.state IN ('new', 'held', 'unresolvable', 'excluded') OR EXISTS (\n\
                    SELECT 1 FROM temp.placements p WHERE p.entry_id = e.id AND p.state IN ('queued', 'failed'))))",
        instead: &[("decision", "json_remove(decision, '$.trace')")],
        indexes: &["decisions_by_entry ON decisions (entry_id, id)"],
    },
    Laid {
        table: "quota_uses",
        rows: "true",
        instead: &[],
        indexes: &["quota_uses_taken ON quota_uses (user_id, media_type, used_at_ms) WHERE released_at_ms IS NULL"],
    },
];

const UNDECIDED: &str = "entries_undecided ON entries (state) WHERE state IN ('new', 'held', 'unresolvable')";

/// A stored decision without what led to it, which is most of it.
#[derive(serde::Deserialize)]
struct Bare {
    outcome: Outcome,
    #[serde(default)]
    labels: Vec<String>,
}

impl Store {
    /// The database of a data folder, to decide on what would happen: it shows one moment of it, and nothing that is written lasts.
    /// Without a database it is an empty one, and nothing is made on disk.
    ///
    /// # Errors
    /// As [`Store::open`], for a database that is there.
    pub fn scratch(data_dir: &Path, allow_network_fs: bool) -> Result<Self, StoreError> {
        let store = match Self::reading(data_dir, allow_network_fs)? {
            Some(reading) => reading,
            // One that has still to be migrated is migrated in memory.
            None => Self::copy_in_memory(data_dir, allow_network_fs)?,
        };
        lay_over(&store.connection)?;
        Ok(store)
    }

    /// The database as it is on disk, only for reading; `None` when there is none, or it has still to be migrated.
    fn reading(data_dir: &Path, allow_network_fs: bool) -> Result<Option<Self>, StoreError> {
        let path = Self::path(data_dir);
        if !path.exists() {
            return Ok(None);
        }
        let _opening = Self::begin_reading(data_dir, allow_network_fs)?;
        // Whoever only reads would leave an empty log behind.
        let closed_last = StoreFile::look(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| cannot_open(&path, error))?;
        let mut store = Self { connection, lasts: false, _closed_last: Some(closed_last) };
        store.prepare(false)?;
        Ok((store.read().schema(&path)? >= Self::known_schema()).then_some(store))
    }
}

/// Lays what deciding writes to over the file's tables. All of it is one transaction, which shows one moment of the file and is never
/// committed.
fn lay_over(connection: &Connection) -> Result<(), StoreError> {
    // A temporary table can refer to no other; and what is never rolled back needs no journal.
    connection.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA temp.journal_mode=OFF; BEGIN")?;
    LAID.iter().try_for_each(|laid| lay(connection, laid))
}

fn lay(connection: &Connection, laid: &Laid) -> Result<(), StoreError> {
    let Laid { table, rows, instead, indexes } = laid;
    let definition = "-- scratch.definition\nSELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1";
    let definition: String = connection.query_row(definition, [table], |row| row.get(0))?;
    let definition =
        definition.strip_prefix("CREATE TABLE").ok_or_else(|| unknown_word("sqlite_schema.sql", &definition))?;
    connection.execute_batch(&format!("CREATE TEMP TABLE{definition}"))?;
    let columns = "-- scratch.columns\nSELECT name FROM pragma_table_info(?1, 'main') ORDER BY cid";
    let mut columns = connection.prepare(columns)?;
    let columns = columns.query_map([table], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let values = columns
        .iter()
        .map(|column| instead.iter().find(|(name, _)| name == column).map_or(column.as_str(), |(_, instead)| *instead));
    let (names, values) = (columns.join(", "), values.collect::<Vec<_>>().join(", "));
    connection
        .execute_batch(&format!("INSERT INTO temp.{table} ({names}) SELECT {values} FROM main.{table} WHERE {rows}"))?;
    for index in *indexes {
        connection.execute_batch(&format!("CREATE INDEX temp.{index}"))?;
    }
    Ok(())
}

impl Db<'_> {
    /// Where an entry stands in the file, whatever was decided on a [`Store::scratch`], and why.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn standing_before(self, entry: EntryId) -> Result<(EntryState, Option<String>), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- entries.standing_before\nSELECT state, reason FROM main.entries WHERE id = ?1")?;
        let (word, reason): (String, _) = query.query_row([entry.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((EntryState::from_word(&word).ok_or_else(|| unknown_word("entries.state", &word))?, reason))
    }

    /// The newest decision about an entry that the file has, without its reasons, whatever was decided on a [`Store::scratch`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn decision_before(self, entry: EntryId) -> Result<Option<Decision>, StoreError> {
        self.bare_decision(
            "-- decisions.last_before\nSELECT decision FROM main.decisions WHERE entry_id = ?1 ORDER BY id DESC LIMIT 1",
            entry,
        )
    }

    /// The newest decision about an entry, without its reasons: reading those takes much longer than all the rest.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub(crate) fn last_bare_decision(self, entry: EntryId) -> Result<Option<Decision>, StoreError> {
        self.bare_decision(
            "-- decisions.last_bare\nSELECT decision FROM decisions WHERE entry_id = ?1 ORDER BY id DESC LIMIT 1",
            entry,
        )
    }

    fn bare_decision(self, query: &str, entry: EntryId) -> Result<Option<Decision>, StoreError> {
        let mut query = self.connection.prepare_cached(query)?;
        let read = |row: &rusqlite::Row<'_>| Ok(serde_json::from_str::<Bare>(row.get_ref(0)?.as_str()?));
        let found = query.query_row([entry.0], read).optional()?;
        let found = found.transpose().map_err(|error| bad_json("decisions.decision", &error))?;
        Ok(found.map(|Bare { outcome, labels }| Decision { outcome, labels, trace: Trace::new() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ListedTitle, MediaType, PlexId, Relation, UserUuid};

    /// A store with one entry, about which was decided twice.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let filled = store.write(|db| {
            let user = UserUuid::parse("5be07c1d2a94f036").unwrap();
            let user = db.upsert_user(&user, "ana", "Ana", Relation::Owner, 1)?;
            let title = db.upsert_listed_title(&ListedTitle {
                plex_id: PlexId::parse("5d776a5b51dd69001fe1e2b9").unwrap(),
                media_type: MediaType::Movie,
                title: "Salt Ledger".to_owned(),
                year: Some(2025),
                ids: None,
                poster_url: None,
            })?;
            db.open_entry(user, title, 1)?;
            ["first", "second"].iter().try_for_each(|reason| db.add_decision(EntryId(1), "r", &no(reason), 2))
        });
        filled.unwrap();
        (folder, store)
    }

    fn no(reason: &str) -> Decision {
        let mut trace = Trace::new();
        trace.fact("year", Some("2025".to_owned()), "plex");
        Decision { outcome: Outcome::Unresolvable { reason: reason.to_owned() }, labels: vec!["x".to_owned()], trace }
    }

    #[test]
    fn what_is_decided_on_a_scratch_is_seen_there_and_lasts_nowhere() {
        let (folder, store) = store();
        let scratch = Store::scratch(folder.path(), false).unwrap();
        let db = scratch.read();
        let last = |db: Db<'_>| db.last_bare_decision(EntryId(1)).unwrap().unwrap();
        assert_eq!(last(db), Decision { trace: Trace::new(), ..no("second") });
        let decided = scratch.write(|db| {
            db.add_decision(EntryId(1), "r", &no("third"), 3)?;
            db.set_entry_state(EntryId(1), EntryState::Held, Some("why"), 3)
        });
        decided.unwrap();
        assert_eq!((last(db).outcome, db.last_decision(EntryId(1)).unwrap()), (no("third").outcome, Some(no("third"))));
        assert_eq!(db.entry(EntryId(1)).unwrap().unwrap().state, EntryState::Held);
        assert_eq!(db.standing_before(EntryId(1)).unwrap(), (EntryState::New, None));
        assert_eq!(db.decision_before(EntryId(1)).unwrap().unwrap().outcome, no("second").outcome);
        // Others go on, and the scratch shows the moment at which it was made.
        store.write(|db| db.set_entry_state(EntryId(1), EntryState::Excluded, None, 4)).unwrap();
        assert_eq!(db.standing_before(EntryId(1)).unwrap().0, EntryState::New);
        drop(scratch);
        assert_eq!(store.read().entry(EntryId(1)).unwrap().unwrap().state, EntryState::Excluded);
        assert_eq!(last(store.read()).outcome, no("second").outcome);
    }

    #[test]
    fn a_scratch_writes_to_no_table_of_the_file() {
        let (folder, _store) = store();
        let scratch = Store::scratch(folder.path(), false).unwrap();
        let written = scratch.write(|db| db.start_run("r", crate::model::Trigger::Cli, "", 1));
        assert!(matches!(written, Err(StoreError::ReadOnly)), "{written:?}");
    }

    #[test]
    fn a_scratch_of_nothing_is_empty_and_makes_nothing_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Store::scratch(&folder.path().join("absent"), false).unwrap();
        assert_eq!(scratch.read().find_entries_in_short("", true, None).unwrap(), []);
        assert!(!folder.path().join("absent").exists());
    }

    #[test]
    fn no_table_is_laid_row_by_row_against_another() {
        let (folder, _store) = store();
        let scratch = Store::scratch(folder.path(), false).unwrap();
        let decisions = LAID.iter().find(|laid| laid.table == "decisions").unwrap();
        let query = format!("EXPLAIN QUERY PLAN SELECT id FROM main.decisions WHERE {}", decisions.rows);
        let mut plan = scratch.connection.prepare(&query).unwrap();
        let steps = plan.query_map([], |row| row.get::<_, String>(3)).unwrap();
        let scans: Vec<String> = steps.map(Result::unwrap).filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN e"]);
    }
}
