//! `imports`, `grabs` and `batches`: what the arrs have brought and are bringing, whoever wanted it.

use rusqlite::{OptionalExtension, params};

use super::arrivals::Moment;
use super::error::bad_json;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::EpisodeNumber;

/// Imports and grabs that nobody waits for are forgotten when they are older; milliseconds.
const KEPT_FOR_MS: i64 = 30 * 86_400_000;

/// Titles that are looked at in one go when imports are forgotten, and grabs that are forgotten in one go.
const TOGETHER: u32 = 200;

const IS_PLACED: &str = "-- imports.is_placed\n\
    SELECT 1 FROM titles t CROSS JOIN placements p ON p.title_id = t.id AND p.instance = ?1\n\
    WHERE t.media_type IN ('movie', 'show') AND CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END = ?2";

const NEXT_TITLE: &str = "-- imports.next_title\n\
    SELECT instance, external_id FROM imports WHERE (instance, external_id) > (?1, ?2)\n\
    ORDER BY instance, external_id LIMIT 1";

const PRUNE_IMPORTS: &str = "-- imports.prune\n\
    DELETE FROM imports WHERE instance = ?1 AND external_id = ?2 AND imported_at_ms < ?3";

const PRUNE_GRABS: &str = "-- grabs.prune\n\
    DELETE FROM grabs WHERE (instance, download_id, external_id, season, episode) IN (\n\
        SELECT instance, download_id, external_id, season, episode FROM grabs WHERE grabbed_at_ms < ?1 LIMIT ?2)";

/// What an arr calls a title: the instance, and TMDB's number in Radarr, TVDB's in Sonarr.
pub type ArrTitle = (String, u32);

/// A season of which episodes are gathered into one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// Which Sonarr.
    pub instance: String,
    /// TVDB's number of the show.
    pub external_id: u32,
    /// The season.
    pub season: u32,
    /// When its first episode came.
    pub opened_at_ms: UnixMs,
    /// When it is told of, complete or not.
    pub due_at_ms: UnixMs,
    /// The episodes' numbers, ascending.
    pub episodes: Vec<u32>,
}

/// How far a download has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DownloadProgress {
    /// Episodes it is to bring.
    pub expected: u32,
    /// Of those, the ones that are imported.
    pub imported: u32,
}

/// So much earlier than the better file the first one was imported at least, to be told of after it: what the history tells of the better
/// file itself happened when its webhook came, but for a moment and the difference of two clocks.
const OVERTAKEN_BY_MS: i64 = 60_000;

/// Whether an import is something to tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportNews {
    /// It is the first file that was ever told of.
    First,
    /// It is the first file, and a better one was told of before it: who waited for it can watch it since then, and was not told.
    Overtaken {
        /// When the better one came; unix milliseconds.
        since_ms: UnixMs,
    },
    /// It is a better file, or known.
    None,
}

impl Db<'_> {
    /// Notes that an episode (or a movie, as [`EpisodeNumber::MOVIE`]) was imported. An import from before the file was removed changes
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_import(
        self,
        instance: &str,
        external_id: u32,
        number: EpisodeNumber,
        when: Moment,
        upgrade: bool,
    ) -> Result<ImportNews, StoreError> {
        let (EpisodeNumber { season, episode }, at_ms) = (number, when.at_ms);
        let mut insert = self.connection.prepare_cached(
            "-- imports.note\n\
             INSERT INTO imports (instance, external_id, season, episode, imported_at_ms, upgrades, overtaken)\n\
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT DO NOTHING",
        )?;
        if insert.execute(params![instance, external_id, season, episode, at_ms, upgrade])? > 0 {
            return Ok(if upgrade { ImportNews::None } else { ImportNews::First });
        }
        if !upgrade {
            let mut overtaken = self.connection.prepare_cached(
                "-- imports.note_overtaken\n\
                 UPDATE imports SET overtaken = 0\n\
                 WHERE instance = ?1 AND external_id = ?2 AND season = ?3 AND episode = ?4 AND overtaken = 1 AND removed_at_ms IS NULL\n\
                     AND ?5 < imported_at_ms - ?6\n\
                 RETURNING imported_at_ms",
            )?;
            let since_ms = overtaken
                .query_row(params![instance, external_id, season, episode, at_ms, OVERTAKEN_BY_MS], |row| row.get(0))
                .optional()?;
            if let Some(since_ms) = since_ms {
                return Ok(ImportNews::Overtaken { since_ms });
            }
        }
        let mut update = self.connection.prepare_cached(
            "-- imports.note_again\n\
             UPDATE imports SET upgrades = upgrades + ?6, removed_at_ms = NULL,\n\
                 overtaken = CASE WHEN removed_at_ms IS NULL THEN overtaken ELSE 0 END,\n\
                 imported_at_ms = CASE WHEN removed_at_ms IS NULL THEN imported_at_ms ELSE ?5 END\n\
             WHERE instance = ?1 AND external_id = ?2 AND season = ?3 AND episode = ?4\n\
                 AND (removed_at_ms IS NULL OR removed_at_ms < ?5 OR removed_at_ms > ?7)",
        )?;
        update.execute(params![instance, external_id, season, episode, at_ms, upgrade, when.until_ms])?;
        Ok(ImportNews::None)
    }

    /// Notes that the file of an episode, or of a movie, was deleted and none takes its place.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_file_deleted(
        self,
        instance: &str,
        external_id: u32,
        number: EpisodeNumber,
        when: Moment,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- imports.note_file_deleted\n\
             UPDATE imports SET removed_at_ms = ?5 WHERE instance = ?1 AND external_id = ?2 AND season = ?3 AND episode = ?4\n\
                 AND (imported_at_ms <= ?5 OR imported_at_ms > ?6)\n\
                 AND (removed_at_ms IS NULL OR removed_at_ms < ?5 OR removed_at_ms > ?6)",
        )?;
        let EpisodeNumber { season, episode } = number;
        query.execute(params![instance, external_id, season, episode, when.at_ms, when.until_ms])?;
        Ok(())
    }

    /// Forgets what an arr had of a title until `when`, as it was taken out of its library. A batch that is opened now is of what
    /// came before too: of events that are told late, the times are those of the telling.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn forget_title(
        self,
        instance: &str,
        external_id: u32,
        when: Moment,
        now_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let Moment { at_ms, until_ms } = when;
        for (sql, until_ms) in [
            (
                "-- imports.forget\n\
                 DELETE FROM imports WHERE instance = ?1 AND external_id = ?2 AND (imported_at_ms <= ?3 OR imported_at_ms > ?4)",
                until_ms,
            ),
            (
                "-- grabs.forget\n\
                 DELETE FROM grabs WHERE instance = ?1 AND external_id = ?2 AND (grabbed_at_ms <= ?3 OR grabbed_at_ms > ?4)",
                until_ms,
            ),
            (
                "-- batches.forget\n\
                 DELETE FROM batches WHERE instance = ?1 AND external_id = ?2 AND (opened_at_ms <= ?3 OR opened_at_ms >= ?4)",
                now_ms,
            ),
        ] {
            self.connection.prepare_cached(sql)?.execute(params![instance, external_id, at_ms, until_ms])?;
        }
        Ok(())
    }

    /// Notes that a download is to bring an episode, or a movie. `download_id` is empty where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_grab(
        self,
        instance: &str,
        download_id: &str,
        external_id: u32,
        number: EpisodeNumber,
        at_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- grabs.note\n\
             INSERT INTO grabs (instance, download_id, external_id, season, episode, grabbed_at_ms)\n\
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?;
        query.execute(params![instance, download_id, external_id, number.season, number.episode, at_ms])?;
        Ok(())
    }

    /// How far a download of a title has come; nothing expected where no grab told of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn download_progress(
        self,
        instance: &str,
        download_id: &str,
        external_id: u32,
    ) -> Result<DownloadProgress, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- grabs.progress\n\
             SELECT count(*), count(i.imported_at_ms) FROM grabs g LEFT JOIN imports i ON i.instance = g.instance\n\
                 AND i.external_id = g.external_id AND i.season = g.season AND i.episode = g.episode\n\
                 AND i.removed_at_ms IS NULL\n\
             WHERE g.instance = ?1 AND g.download_id = ?2 AND g.external_id = ?3",
        )?;
        Ok(query.query_row(params![instance, download_id, external_id], |row| {
            Ok(DownloadProgress { expected: row.get(0)?, imported: row.get(1)? })
        })?)
    }

    /// The seasons that a download of a title is to bring, ascending; none where no grab told of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn download_seasons(self, instance: &str, download_id: &str, external_id: u32) -> Result<Vec<u32>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- grabs.seasons\n\
             SELECT DISTINCT season FROM grabs WHERE instance = ?1 AND download_id = ?2 AND external_id = ?3 ORDER BY season",
        )?;
        let seasons = query.query_map(params![instance, download_id, external_id], |row| row.get(0))?;
        Ok(seasons.collect::<Result<_, _>>()?)
    }

    /// The open batch of a season.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn batch(self, instance: &str, external_id: u32, season: u32) -> Result<Option<BatchRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- batches.one\n\
             SELECT instance, external_id, season, opened_at_ms, due_at_ms, episodes FROM batches\n\
             WHERE instance = ?1 AND external_id = ?2 AND season = ?3",
        )?;
        Ok(query.query_row(params![instance, external_id, season], batch_from).optional()?)
    }

    /// Opens a batch, or brings the episodes of an open one up to date; its times stay.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn keep_batch(self, batch: &BatchRow) -> Result<(), StoreError> {
        let episodes = serde_json::to_string(&batch.episodes).map_err(|error| bad_json("batches.episodes", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- batches.keep\n\
             INSERT INTO batches (instance, external_id, season, opened_at_ms, due_at_ms, episodes)\n\
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET episodes = excluded.episodes",
        )?;
        let BatchRow { instance, external_id, season, opened_at_ms, due_at_ms, .. } = batch;
        query.execute(params![instance, external_id, season, opened_at_ms, due_at_ms, episodes])?;
        Ok(())
    }

    /// When the last of a batch's episodes was imported, unix milliseconds; `None` where none of them is on record.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn last_import_of(self, batch: &BatchRow) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- batches.last_import\n\
             SELECT max(imported_at_ms) FROM imports WHERE instance = ?1 AND external_id = ?2 AND season = ?3\n\
                 AND episode IN (SELECT value FROM json_each(?4))",
        )?;
        let BatchRow { instance, external_id, season, episodes, .. } = batch;
        let episodes = serde_json::to_string(episodes).map_err(|error| bad_json("batches.episodes", &error))?;
        Ok(query.query_row(params![instance, external_id, season, episodes], |row| row.get(0))?)
    }

    /// Closes a batch.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn close_batch(self, batch: &BatchRow) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- batches.close\nDELETE FROM batches WHERE instance = ?1 AND external_id = ?2 AND season = ?3",
        )?;
        query.execute(params![batch.instance, batch.external_id, batch.season])?;
        Ok(())
    }

    /// The batches that are due, those due longest first; also those that a clock opened which has since been put back.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn due_batches(self, now_ms: UnixMs) -> Result<Vec<BatchRow>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- batches.due\n\
             SELECT instance, external_id, season, opened_at_ms, due_at_ms, episodes FROM batches\n\
             WHERE due_at_ms <= ?1 OR opened_at_ms > ?1 ORDER BY due_at_ms, instance, external_id, season",
        )?;
        let rows = query.query_map([now_ms], batch_from)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the next batch is due that is not due by `now_ms`; `None` while there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_batch_due(self, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- batches.next_due\nSELECT min(due_at_ms) FROM batches WHERE due_at_ms > ?1")?;
        Ok(query.query_row([now_ms], |row| row.get(0))?)
    }

    /// Forgets imports of more than 30 days ago of titles that nobody has a placement for: a portion of the titles, those behind
    /// `after` in the order of names and numbers. Answers the last that was looked at; `None` when there are no more.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn prune_imports(self, after: ArrTitle, now_ms: UnixMs) -> Result<Option<ArrTitle>, StoreError> {
        let mut next = self.connection.prepare_cached(NEXT_TITLE)?;
        let mut is_placed = self.connection.prepare_cached(IS_PLACED)?;
        let mut prune = self.connection.prepare_cached(PRUNE_IMPORTS)?;
        let mut last = after;
        for _ in 0..TOGETHER {
            let found = next.query_row(params![last.0, last.1], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some(title) = found else { return Ok(None) };
            last = title;
            if !is_placed.exists(params![last.0, last.1])? {
                prune.execute(params![last.0, last.1, now_ms - KEPT_FOR_MS])?;
            }
        }
        Ok(Some(last))
    }

    /// Forgets a portion of the grabs of more than 30 days ago. Answers whether there may be more.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn prune_grabs(self, now_ms: UnixMs) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(PRUNE_GRABS)?;
        Ok(query.execute(params![now_ms - KEPT_FOR_MS, TOGETHER])? == TOGETHER as usize)
    }
}

fn batch_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<BatchRow> {
    let episodes: String = row.get(5)?;
    Ok(BatchRow {
        instance: row.get(0)?,
        external_id: row.get(1)?,
        season: row.get(2)?,
        opened_at_ms: row.get(3)?,
        due_at_ms: row.get(4)?,
        // We wrote it; where somebody spoiled it, a message that names no episodes is better than a queue that stands still.
        episodes: serde_json::from_str(&episodes).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// How much there is to look through does not matter to what is found.
    #[test]
    fn nothing_is_walked_through_to_find_what_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let plan = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let steps = store.query_plan(sql, values);
            assert!(steps.iter().all(|step| !step.starts_with("SCAN") && !step.contains("B-TREE")), "{sql}: {steps:?}");
            steps
        };
        let steps = plan(IS_PLACED, &[&"movies", &603]);
        assert!(steps[1].contains("placements_by_title (title_id=? AND instance=?)"), "{steps:?}");
        plan(NEXT_TITLE, &[&"movies", &603]);
        plan(PRUNE_IMPORTS, &[&"movies", &603, &1]);
        let steps = plan(PRUNE_GRABS, &[&1, &2]);
        assert!(steps.iter().any(|step| step.contains("grabs_by_time")), "{steps:?}");
    }

    #[test]
    fn what_is_old_goes_in_portions_and_all_of_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let fill = |db: Db<'_>| {
            for number in 1..=450 {
                db.note_import("movies", number, EpisodeNumber::MOVIE, Moment::dated(1), false)?;
                db.note_grab("movies", "D", number, EpisodeNumber::MOVIE, 1)?;
            }
            Ok(())
        };
        store.write(fill).unwrap();
        let count = |table: &str| -> u32 {
            store.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        let (mut after, mut left) = (ArrTitle::default(), Vec::new());
        let now_ms = KEPT_FOR_MS + 2;
        while let Some(last) = store.write(|db| db.prune_imports(after.clone(), now_ms)).unwrap() {
            after = last;
            left.push(count("imports"));
        }
        assert_eq!((left, count("imports")), (vec![250, 50], 0));
        let mut left = Vec::new();
        while store.write(|db| db.prune_grabs(now_ms)).unwrap() {
            left.push(count("grabs"));
        }
        assert_eq!((left, count("grabs")), (vec![250, 50], 0));
    }
}
