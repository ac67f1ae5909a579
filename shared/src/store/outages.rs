//! `outages`: when an instance was not well, and why. Whoever learns it notes it; a row begins and ends with what was found.

use rusqlite::params;

use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::OutageReason;

/// Outages of one instance that are kept, besides those that go on.
const MOST: u32 = 200;

/// Who has found an instance not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// A run.
    Run,
    /// A look of the service: for its webhook, for a list that changed, for whoever tries the instance out.
    Look,
}

/// How an instance was found that is not well.
#[derive(Debug, Clone, Copy)]
pub struct Unwell<'a> {
    /// Its name in the settings.
    pub instance: &'a str,
    /// Why.
    pub reason: OutageReason,
    /// What it answered, and what to do.
    pub detail: &'a str,
    /// Who says so.
    pub by: FoundBy,
    /// Webhooks of it that were refused since it was found last.
    pub refused_webhooks: u32,
}

/// One time that an instance was not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageRow {
    /// `unreachable`; a later version may know more words.
    pub reason: String,
    /// What it answered last, and what to do.
    pub detail: String,
    /// When it was found like that first.
    pub began_at_ms: UnixMs,
    /// And last.
    pub seen_at_ms: UnixMs,
    /// When it was found otherwise; `None`: it goes on.
    pub ended_at_ms: Option<UnixMs>,
    /// Runs that met it.
    pub runs: u32,
    /// Looks of the service that met it.
    pub looks: u32,
    /// Webhooks that were refused meanwhile.
    pub refused_webhooks: u32,
}

impl Db<'_> {
    /// Notes that an instance is not well. What was noted of it goes on when the reason is the same; another reason ends it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_unwell(self, found: &Unwell<'_>, now_ms: UnixMs) -> Result<(), StoreError> {
        let Unwell { instance, reason, detail, by, refused_webhooks } = *found;
        let (runs, looks) = if by == FoundBy::Run { (1, 0) } else { (0, 1) };
        let mut query = self.connection.prepare_cached(
            "-- outages.goes_on\n\
             UPDATE outages SET detail = ?3, seen_at_ms = max(seen_at_ms, ?4), runs = runs + ?5, looks = looks + ?6,\n\
                 refused_webhooks = refused_webhooks + ?7\n\
             WHERE instance = ?1 AND reason = ?2 AND ended_at_ms IS NULL",
        )?;
        if query.execute(params![instance, reason.word(), detail, now_ms, runs, looks, refused_webhooks])? > 0 {
            return Ok(());
        }
        let of_the_same =
            if reason == OutageReason::Webhook { &[OutageReason::Webhook] } else { OutageReason::OF_INSTANCE };
        self.end_outages(instance, of_the_same, now_ms)?;
        let mut query = self.connection.prepare_cached(
            "-- outages.begin\n\
             INSERT INTO outages (instance, reason, detail, began_at_ms, seen_at_ms, runs, looks, refused_webhooks)\n\
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
        )?;
        query.execute(params![instance, reason.word(), detail, now_ms, runs, looks, refused_webhooks])?;
        Ok(())
    }

    /// Notes that an instance is not (any more) what these reasons say. A clock that was put back makes no outage end before it began.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn end_outages(self, instance: &str, reasons: &[OutageReason], now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- outages.end\n\
             UPDATE outages SET ended_at_ms = max(seen_at_ms, ?3)\n\
             WHERE instance = ?1 AND reason = ?2 AND ended_at_ms IS NULL",
        )?;
        let mut ended = 0;
        for reason in reasons {
            ended += query.execute(params![instance, reason.word(), now_ms])?;
        }
        if ended == 0 {
            return Ok(());
        }
        let mut query = self.connection.prepare_cached(
            "-- outages.bound\n\
             DELETE FROM outages WHERE id IN (SELECT id FROM outages WHERE instance = ?1 AND ended_at_ms IS NOT NULL\n\
                 ORDER BY began_at_ms DESC, id DESC LIMIT -1 OFFSET ?2)",
        )?;
        query.execute(params![instance, MOST])?;
        Ok(())
    }

    /// The last `limit` times that the instance was not well, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn outages(self, instance: &str, limit: u32) -> Result<Vec<OutageRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- outages.of_instance\n\
             SELECT reason, detail, began_at_ms, seen_at_ms, ended_at_ms, runs, looks, refused_webhooks FROM outages\n\
             WHERE instance = ?1 ORDER BY began_at_ms DESC, id DESC LIMIT ?2",
        )?;
        let rows = query.query_map(params![instance, limit], |row| {
            Ok(OutageRow {
                reason: row.get(0)?,
                detail: row.get(1)?,
                began_at_ms: row.get(2)?,
                seen_at_ms: row.get(3)?,
                ended_at_ms: row.get(4)?,
                runs: row.get(5)?,
                looks: row.get(6)?,
                refused_webhooks: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets what was noted about an instance: whatever is of this name from now on is another one.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn forget_outages(self, instance: &str) -> Result<(), StoreError> {
        self.connection.execute("-- outages.forget\nDELETE FROM outages WHERE instance = ?1", [instance])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        (folder, store)
    }

    fn unwell(reason: OutageReason, detail: &str) -> Unwell<'_> {
        Unwell { instance: "movies", reason, detail, by: FoundBy::Look, refused_webhooks: 0 }
    }

    fn told(store: &Store) -> Vec<(String, UnixMs, UnixMs, Option<UnixMs>)> {
        let rows = store.read().outages("movies", 1_000).unwrap();
        rows.into_iter().map(|row| (row.reason, row.began_at_ms, row.seen_at_ms, row.ended_at_ms)).collect()
    }

    #[test]
    fn an_outage_goes_on_until_the_instance_is_well_and_another_reason_is_another_outage() {
        let (_folder, store) = store();
        let found = |reason, detail, by, at_ms| {
            store
                .write(|db| db.note_unwell(&Unwell { by, refused_webhooks: 2, ..unwell(reason, detail) }, at_ms))
                .unwrap();
        };
        let over = |reasons, at_ms| store.write(|db| db.end_outages("movies", reasons, at_ms)).unwrap();
        found(OutageReason::Unreachable, "first", FoundBy::Run, 10);
        found(OutageReason::Unreachable, "second", FoundBy::Look, 20);
        found(OutageReason::Webhook, "nobody calls", FoundBy::Look, 25);
        found(OutageReason::Refused, "the key", FoundBy::Run, 30);
        let rows = store.read().outages("movies", 10).unwrap();
        let first = rows.last().unwrap();
        assert_eq!((first.detail.as_str(), first.runs, first.looks, first.refused_webhooks), ("second", 1, 1, 4));
        over(OutageReason::WHILE_SILENT, 40);
        let own = |word: &str, began, seen, ended| (word.to_owned(), began, seen, ended);
        let expected =
            [own("refused", 30, 30, Some(40)), own("webhook", 25, 25, None), own("unreachable", 10, 20, Some(30))];
        assert_eq!(told(&store), expected);
        found(OutageReason::Unfit, "no such profile", FoundBy::Run, 50);
        over(OutageReason::WHILE_SILENT, 60);
        assert_eq!(told(&store)[0], own("unfit", 50, 50, None), "that it answers does not make it fit");
        over(OutageReason::OF_INSTANCE, 45);
        assert_eq!(told(&store)[0], own("unfit", 50, 50, Some(50)), "nothing ends before it was seen");
    }

    #[test]
    fn an_instance_that_comes_and_goes_fills_no_volume_and_others_keep_theirs() {
        let (_folder, store) = store();
        let other = Unwell { instance: "uhd", ..unwell(OutageReason::Unreachable, "gone") };
        store.write(|db| db.note_unwell(&other, 1)).unwrap();
        for at_ms in 0..300 {
            store
                .write(|db| {
                    db.note_unwell(&unwell(OutageReason::Unreachable, "gone"), at_ms)?;
                    db.end_outages("movies", OutageReason::OF_INSTANCE, at_ms)
                })
                .unwrap();
        }
        let told = told(&store);
        assert_eq!((told.len(), told[0].1), (MOST as usize, 299));
        assert_eq!(store.read().outages("uhd", 10).unwrap().len(), 1);
        store.write(|db| db.forget_outages("movies")).unwrap();
        assert_eq!(store.read().outages("movies", 10).unwrap(), []);
        assert_eq!(store.read().outages("uhd", 10).unwrap().len(), 1);
    }
}
