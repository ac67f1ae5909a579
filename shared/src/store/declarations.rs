//! `declarations`: what people set up through the service, in the words of the settings file.

use std::collections::{HashMap, HashSet};

use rusqlite::params;

use super::error::bad_json;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{Declaration, Section};

impl Db<'_> {
    /// Everything, section by section in the order of the file's lists. Sections that only a newer version knows are passed over, and
    /// stay where they are.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn declarations(self) -> Result<Vec<Declaration>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- declarations.all\nSELECT section, name, position, body, version FROM declarations ORDER BY section, position, name",
        )?;
        let mut rows = query.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let (section, body): (String, String) = (row.get(0)?, row.get(3)?);
            let Some(section) = Section::from_word(&section) else { continue };
            all.push(Declaration {
                section,
                name: row.get(1)?,
                position: row.get(2)?,
                body: serde_json::from_str(&body).map_err(|error| bad_json("declarations.body", &error))?,
                version: row.get(4)?,
            });
        }
        Ok(all)
    }

    /// The sections that [`Db::declarations`] passes over.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn unknown_sections(self) -> Result<Vec<String>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- declarations.sections\nSELECT DISTINCT section FROM declarations ORDER BY section")?;
        let mut rows = query.query([])?;
        let mut unknown = Vec::new();
        while let Some(row) = rows.next()? {
            let section: String = row.get(0)?;
            unknown.extend(Some(section).filter(|section| Section::from_word(section).is_none()));
        }
        Ok(unknown)
    }

    /// Puts `after` in the place of `before`: what is new or different is stored under a new version, what is gone is forgotten.
    /// `false`, and nothing done, when `before` is not what is stored now: somebody else was quicker. To be called inside
    /// [`Store::write`](super::Store::write).
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn replace_declarations(
        self,
        before: &[Declaration],
        after: &[Declaration],
        now_ms: UnixMs,
    ) -> Result<bool, StoreError> {
        let stored = self.declarations()?;
        if stored != before {
            return Ok(false);
        }
        // Never one that was there before, not even after a removal: whoever still holds it would change what they have not seen.
        let highest = stored.iter().map(|it| it.version).max().unwrap_or(0);
        let version = now_ms.max(highest + 1);
        let key = |it: &'_ Declaration| (it.section, it.name.clone());
        let kept: HashSet<_> = after.iter().map(key).collect();
        let old: HashMap<_, _> = stored.iter().map(|it| (key(it), it)).collect();
        for gone in stored.iter().filter(|it| !kept.contains(&key(it))) {
            let mut query = self
                .connection
                .prepare_cached("-- declarations.delete\nDELETE FROM declarations WHERE section = ?1 AND name = ?2")?;
            query.execute(params![gone.section.word(), gone.name])?;
        }
        for new in after {
            let old = old.get(&key(new)).copied();
            if old.is_some_and(|old| old.body == new.body && old.position == new.position) {
                continue;
            }
            // An item that only moved is still the one that people have looked at.
            let version = old.filter(|old| old.body == new.body).map_or(version, |old| old.version);
            let mut query = self.connection.prepare_cached(
                "-- declarations.put\n\
                 INSERT INTO declarations (section, name, position, body, version, updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)\n\
                 ON CONFLICT (section, name) DO UPDATE SET position = excluded.position, body = excluded.body,\n\
                     version = excluded.version, updated_at_ms = excluded.updated_at_ms",
            )?;
            let body = new.body.to_string();
            query.execute(params![new.section.word(), new.name, new.position, body, version, now_ms])?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Store;

    fn rule(name: &str, position: i64, label: &str) -> Declaration {
        let body = json!({"name": name, "label": label});
        Declaration { section: Section::Rules, name: name.to_owned(), position, body, version: 0 }
    }

    #[test]
    fn what_a_newer_version_has_stored_is_passed_over_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let count = |db: Db<'_>| {
            Ok(db.connection.query_row("SELECT count(*) FROM declarations", [], |row| row.get::<_, i64>(0))?)
        };
        store
            .write(|db| {
                let insert = "INSERT INTO declarations (section, name, position, body, version, updated_at_ms)\n\
                              VALUES ('moons', 'io', 0, '{}', 1, 1)";
                db.connection.execute(insert, [])?;
                Ok(())
            })
            .unwrap();
        assert_eq!(store.read().declarations().unwrap(), []);
        assert_eq!(store.read().unknown_sections().unwrap(), ["moons"]);
        assert!(store.write(|db| db.replace_declarations(&[], &[rule("a", 0, "x")], 7)).unwrap());
        assert_eq!(store.write(count).unwrap(), 2);
    }

    #[test]
    fn every_change_has_a_version_of_its_own_and_a_late_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let replace = |before: &[Declaration], after: &[Declaration]| {
            store.write(|db| db.replace_declarations(before, after, 7)).unwrap()
        };
        assert!(replace(&[], &[rule("a", 0, "x"), rule("b", 1, "x")]));
        let first = store.read().declarations().unwrap();
        assert_eq!(first.iter().map(|it| it.version).collect::<Vec<_>>(), [7, 7]);
        assert!(replace(&first, &[rule("b", 0, "x"), rule("a", 1, "y")]));
        let second = store.read().declarations().unwrap();
        let told: Vec<_> = second.iter().map(|it| (it.name.as_str(), it.version)).collect();
        assert_eq!(told, [("b", 7), ("a", 8)], "b only moved");
        assert!(!replace(&first, &[]), "it was seen as it was before");
        assert_eq!(store.read().declarations().unwrap(), second);
        assert!(replace(&second, &[]));
        assert_eq!(store.read().declarations().unwrap(), []);
    }
}
