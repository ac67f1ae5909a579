//! `audit`: every change that somebody asked the service for, and every attempt to sign in.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::params;

use super::{Db, StoreError};
use crate::clock::UnixMs;

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; later ones are larger.
    pub id: i64,
    /// When.
    pub at_ms: UnixMs,
    /// Who.
    pub who: String,
    /// The client's address, as far as it can be believed.
    pub address: Option<String>,
    /// `session.started`, `api_key.made`.
    pub action: String,
    /// What was acted on; empty where the action says it all.
    pub target: String,
    /// JSON without secrets.
    pub detail: String,
}

/// Something that somebody does.
#[derive(Debug, Clone, Copy)]
pub struct NewAuditRow<'a> {
    /// When.
    pub at_ms: UnixMs,
    /// Who.
    pub who: &'a str,
    /// The client's address, as far as it can be believed.
    pub address: Option<&'a str>,
    /// `session.started`, `api_key.made`.
    pub action: &'a str,
    /// What is acted on; empty where the action says it all.
    pub target: &'a str,
    /// JSON without secrets; what is longer than 4 KiB is kept as `{"cut": "…"}` with its beginning.
    pub detail: &'a str,
}

/// A clock may have been put back a little between two rows.
const CLOCKS_DIFFER_MS: UnixMs = 60 * 60 * 1000;

impl Db<'_> {
    /// Notes what somebody does. Of refused attempts to sign in the last 1000 are kept, of everything the last 50000: strangers must
    /// neither fill the volume nor push out what others did.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn add_audit(self, row: NewAuditRow<'_>) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- audit.add\n\
             INSERT INTO audit (at_ms, who, address, action, target, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let detail = at_most_4_kib(row.detail);
        query.execute(params![row.at_ms, row.who, row.address, row.action, row.target, detail])?;
        let mut query = self.connection.prepare_cached(
            "-- audit.prune_refused\n\
             DELETE FROM audit WHERE action = 'session.refused' AND id <= (\n\
                 SELECT id FROM audit WHERE action = 'session.refused' ORDER BY id DESC LIMIT 1 OFFSET 1000)",
        )?;
        query.execute([])?;
        let mut query = self.connection.prepare_cached(
            "-- audit.prune\n\
             DELETE FROM audit WHERE id <= (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET 50000)",
        )?;
        query.execute([])?;
        Ok(())
    }

    /// Who started these runs by hand, by the run's id. Walks back from the newest row to `since_ms`, when the first of them began, and
    /// no further.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn run_starters(self, runs: &[&str], since_ms: UnixMs) -> Result<HashMap<String, String>, StoreError> {
        let mut starters = HashMap::new();
        let mut query = self
            .connection
            .prepare_cached("-- audit.run_starters\nSELECT at_ms, action, target, who FROM audit ORDER BY id DESC")?;
        let mut rows = query.query([])?;
        while starters.len() < runs.len()
            && let Some(row) = rows.next()?
        {
            if row.get::<_, UnixMs>(0)? < since_ms - CLOCKS_DIFFER_MS {
                break;
            }
            let target = row.get_ref(2)?.as_str().unwrap_or_default();
            if row.get_ref(1)?.as_str() == Ok("run.started") && runs.contains(&target) {
                starters.insert(target.to_owned(), row.get(3)?);
            }
        }
        Ok(starters)
    }

    /// What was done, newest first, `limit` of it; with `before` only what has a smaller number.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn audit(self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- audit.page\n\
             SELECT id, at_ms, who, address, action, target, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = query.query_map(params![before.unwrap_or(i64::MAX), limit], |row| {
            Ok(AuditRow {
                id: row.get(0)?,
                at_ms: row.get(1)?,
                who: row.get(2)?,
                address: row.get(3)?,
                action: row.get(4)?,
                target: row.get(5)?,
                detail: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// What is longer than 4 KiB becomes `{"cut": "…"}` with its beginning: a list of a thousand changes must not fill the volume.
fn at_most_4_kib(detail: &str) -> Cow<'_, str> {
    if detail.len() <= 4096 {
        return detail.into();
    }
    // Half, since each byte may need a backslash.
    let beginning = &detail[..detail.floor_char_boundary(2000)];
    serde_json::json!({"cut": beginning}).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_long_detail_is_cut_to_4_kib_and_stays_json() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let long = serde_json::json!({"note": "\"ü\\".repeat(5_000)}).to_string();
        for detail in [long.as_str(), r#"{"note": "short"}"#] {
            let row = NewAuditRow { at_ms: 1, who: "", address: None, action: "x", target: "", detail };
            store.write(|db| db.add_audit(row)).unwrap();
        }
        let kept = store.read().audit(None, 2).unwrap();
        assert_eq!(kept[0].detail, r#"{"note": "short"}"#);
        assert!(kept[1].detail.len() <= 4096, "{}", kept[1].detail.len());
        let told: serde_json::Value = serde_json::from_str(&kept[1].detail).unwrap();
        assert!(told["cut"].as_str().is_some_and(|cut| long.starts_with(cut)), "{told}");
    }

    #[test]
    fn who_started_a_run_is_found_without_walking_through_everything() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let row =
            |at_ms, who, target| NewAuditRow { at_ms, who, address: None, action: "run.started", target, detail: "{}" };
        let day = 24 * 60 * 60 * 1000;
        store
            .write(|db| {
                db.add_audit(row(day, "ada", "old"))?;
                db.add_audit(row(3 * day, "api key backup", "r1"))?;
                db.add_audit(NewAuditRow { action: "run.watched", ..row(3 * day, "ben", "r2") })
            })
            .unwrap();
        let starters = store.read().run_starters(&["r1", "r2", "old"], 3 * day).unwrap();
        assert_eq!(starters, HashMap::from([("r1".to_owned(), "api key backup".to_owned())]));
    }

    #[test]
    fn refused_attempts_push_out_each_other_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let did = |action| NewAuditRow { at_ms: 1, who: "", address: None, action, target: "", detail: "{}" };
        let written = store.write(|db| {
            db.add_audit(did("session.started"))?;
            (0..1_010).try_for_each(|_| db.add_audit(did("session.refused")))
        });
        written.unwrap();
        let kept = store.read().audit(None, 2_000).unwrap();
        assert_eq!((kept.len(), kept[0].id, kept[1_000].action.as_str()), (1_001, 1_011, "session.started"));
        let older = store.read().audit(Some(kept[999].id), 2_000).unwrap();
        assert_eq!(older.len(), 1);
    }
}
