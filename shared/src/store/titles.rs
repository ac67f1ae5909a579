//! `titles`: one row per title of Plex's catalogue, with its ids elsewhere and the facts that rules look at.

use rusqlite::{Row, params};

use super::error::{bad_json, unknown_word};
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{ExternalIds, Facts, ImdbId, ListedTitle, MediaType, PlexId, Title, TmdbId, TvdbId};

/// A title's row number in our store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TitleId(pub i64);

/// What is on record about the looks at a title's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TitleLooks {
    /// Looks that did not bring what deciding needs.
    pub in_vain: u32,
    /// When Plex last told it.
    pub told_at_ms: Option<UnixMs>,
    /// When Plex was last asked.
    pub asked_at_ms: Option<UnixMs>,
}

impl Db<'_> {
    /// Stores a title as a list names it, or brings name, year and ids up to date. What the list does not tell stays.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn upsert_listed_title(self, listed: &ListedTitle) -> Result<TitleId, StoreError> {
        let none = ExternalIds::default();
        let ids = listed.ids.as_ref().unwrap_or(&none);
        let mut query = self.connection.prepare_cached(
            "-- titles.upsert_listed\n\
             INSERT INTO titles (plex_id, media_type, title, year, imdb_id, tmdb_id, tvdb_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)\n\
             ON CONFLICT (plex_id) DO UPDATE SET title = excluded.title, year = coalesce(excluded.year, year),\n\
                 imdb_id = coalesce(excluded.imdb_id, imdb_id), tmdb_id = coalesce(excluded.tmdb_id, tmdb_id),\n\
                 tvdb_id = coalesce(excluded.tvdb_id, tvdb_id)\n\
             RETURNING id",
        )?;
        let id = query.query_row(
            params![
                listed.plex_id.as_str(),
                listed.media_type.word(),
                listed.title,
                listed.year,
                ids.imdb.as_ref().map(|ImdbId(id)| id),
                ids.tmdb.map(|TmdbId(id)| id),
                ids.tvdb.map(|TvdbId(id)| id),
            ],
            |row| row.get(0),
        )?;
        Ok(TitleId(id))
    }

    /// One title.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read; also when there is no such row.
    pub fn title(self, id: TitleId) -> Result<Title, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- titles.one\n\
             SELECT plex_id, media_type, title, year, imdb_id, tmdb_id, tvdb_id, facts FROM titles WHERE id = ?1",
        )?;
        let mut rows = query.query([id.0])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        title_from(row, 0)
    }

    /// What is on record about the looks at this title's metadata.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn title_looks(self, id: TitleId) -> Result<TitleLooks, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- titles.looks\nSELECT looks, metadata_at_ms, asked_at_ms FROM titles WHERE id = ?1")?;
        Ok(query.query_row([id.0], |row| {
            Ok(TitleLooks { in_vain: row.get(0)?, told_at_ms: row.get(1)?, asked_at_ms: row.get(2)? })
        })?)
    }

    /// Notes that Plex was asked about a title, whatever came of it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_asked(self, id: TitleId, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query =
            self.connection.prepare_cached("-- titles.set_asked\nUPDATE titles SET asked_at_ms = ?2 WHERE id = ?1")?;
        query.execute(params![id.0, now_ms])?;
        Ok(())
    }

    /// Stores what metadata told, over what was known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_metadata(self, id: TitleId, title: &Title, now_ms: UnixMs) -> Result<(), StoreError> {
        let facts = serde_json::to_string(&title.facts).map_err(|error| bad_json("titles.facts", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- titles.set_metadata\n\
             UPDATE titles SET title = ?2, year = ?3, imdb_id = ?4, tmdb_id = ?5, tvdb_id = ?6, facts = ?7, metadata_at_ms = ?8\n\
             WHERE id = ?1",
        )?;
        query.execute(params![
            id.0,
            title.title,
            title.year,
            title.ids.imdb.as_ref().map(|ImdbId(id)| id),
            title.ids.tmdb.map(|TmdbId(id)| id),
            title.ids.tvdb.map(|TvdbId(id)| id),
            facts,
            now_ms,
        ])?;
        Ok(())
    }

    /// Notes a look that did not bring what deciding needs, and when the next one is due.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn look_again(self, id: TitleId, at_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- titles.look_again\nUPDATE titles SET looks = looks + 1, look_again_at_ms = ?2 WHERE id = ?1",
        )?;
        query.execute(params![id.0, at_ms])?;
        Ok(())
    }
}

/// Reads the columns `plex_id, media_type, title, year, imdb_id, tmdb_id, tvdb_id, facts` from position `first` on.
pub(super) fn title_from(row: &Row<'_>, first: usize) -> Result<Title, StoreError> {
    let (plex_id, media_type): (String, String) = (row.get(first)?, row.get(first + 1)?);
    let facts: String = row.get(first + 7)?;
    Ok(Title {
        plex_id: PlexId::parse(&plex_id).ok_or_else(|| unknown_word("titles.plex_id", &plex_id))?,
        media_type: MediaType::from_word(&media_type).ok_or_else(|| unknown_word("titles.media_type", &media_type))?,
        title: row.get(first + 2)?,
        year: row.get(first + 3)?,
        ids: ExternalIds {
            imdb: row.get::<_, Option<String>>(first + 4)?.map(ImdbId),
            tmdb: row.get::<_, Option<u32>>(first + 5)?.map(TmdbId),
            tvdb: row.get::<_, Option<u32>>(first + 6)?.map(TvdbId),
        },
        facts: serde_json::from_str::<Facts>(&facts).map_err(|error| bad_json("titles.facts", &error))?,
    })
}
