//! `imports`, `grabs` and `batches`: what the arrs have brought and are bringing, whoever wanted it.

use rusqlite::{OptionalExtension, params};

use super::error::bad_json;
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::EpisodeNumber;

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

impl Db<'_> {
    /// Notes that an episode (or a movie, as [`EpisodeNumber::MOVIE`]) was imported. Answers whether it is the first file of it that
    /// was ever told of. An import from before the file was removed changes nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn note_import(
        self,
        instance: &str,
        external_id: u32,
        number: EpisodeNumber,
        at_ms: UnixMs,
        upgrade: bool,
    ) -> Result<bool, StoreError> {
        let mut insert = self.connection.prepare_cached(
            "-- imports.note\n\
             INSERT INTO imports (instance, external_id, season, episode, imported_at_ms, upgrades)\n\
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?;
        let row = params![instance, external_id, number.season, number.episode, at_ms, upgrade];
        if insert.execute(row)? > 0 {
            return Ok(!upgrade);
        }
        let mut update = self.connection.prepare_cached(
            "-- imports.note_again\n\
             UPDATE imports SET upgrades = upgrades + ?6, removed_at_ms = NULL,\n\
                 imported_at_ms = CASE WHEN removed_at_ms IS NULL THEN imported_at_ms ELSE ?5 END\n\
             WHERE instance = ?1 AND external_id = ?2 AND season = ?3 AND episode = ?4\n\
                 AND (removed_at_ms IS NULL OR removed_at_ms < ?5)",
        )?;
        update.execute(row)?;
        Ok(false)
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
        at_ms: UnixMs,
    ) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- imports.note_file_deleted\n\
             UPDATE imports SET removed_at_ms = ?5 WHERE instance = ?1 AND external_id = ?2 AND season = ?3 AND episode = ?4\n\
                 AND imported_at_ms <= ?5 AND (removed_at_ms IS NULL OR removed_at_ms < ?5)",
        )?;
        query.execute(params![instance, external_id, number.season, number.episode, at_ms])?;
        Ok(())
    }

    /// Forgets what an arr had of a title until `at_ms`, when it was taken out of its library.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn forget_title(self, instance: &str, external_id: u32, at_ms: UnixMs) -> Result<(), StoreError> {
        for sql in [
            "-- imports.forget\nDELETE FROM imports WHERE instance = ?1 AND external_id = ?2 AND imported_at_ms <= ?3",
            "-- grabs.forget\nDELETE FROM grabs WHERE instance = ?1 AND external_id = ?2 AND grabbed_at_ms <= ?3",
            "-- batches.forget\nDELETE FROM batches WHERE instance = ?1 AND external_id = ?2 AND opened_at_ms <= ?3",
        ] {
            self.connection.prepare_cached(sql)?.execute(params![instance, external_id, at_ms])?;
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

    /// When the next batch is due; `None` while none is open.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_batch_due(self) -> Result<Option<UnixMs>, StoreError> {
        let mut query = self.connection.prepare_cached("-- batches.next_due\nSELECT min(due_at_ms) FROM batches")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Forgets imports of more than 30 days ago of titles that nobody has a placement for, and grabs of that age.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn prune_imports(self, now_ms: UnixMs) -> Result<usize, StoreError> {
        let mut grabs = self
            .connection
            .prepare_cached("-- grabs.prune\nDELETE FROM grabs WHERE grabbed_at_ms < ?1 - 30 * 86400000")?;
        grabs.execute([now_ms])?;
        let mut imports = self.connection.prepare_cached(
            "-- imports.prune\n\
             DELETE FROM imports WHERE imported_at_ms < ?1 - 30 * 86400000 AND NOT EXISTS (\n\
                 SELECT 1 FROM titles t JOIN placements p ON p.title_id = t.id AND p.instance = imports.instance\n\
                 WHERE t.media_type IN ('movie', 'show')\n\
                     AND CASE t.media_type WHEN 'movie' THEN t.tmdb_id ELSE t.tvdb_id END = imports.external_id)",
        )?;
        Ok(imports.execute([now_ms])?)
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
