//! `titles`: one row per title of Plex's catalogue, with its ids elsewhere and the facts that rules look at.

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::{bad_json, unknown_word};
use super::{Db, StoreError};
use crate::clock::UnixMs;
use crate::model::{ExternalIds, Facts, ImdbId, KnownFacts, ListedTitle, MediaType, PlexId, Title, TmdbId, TvdbId};

/// A title's row number in our store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TitleId(pub i64);

/// The columns that [`title_from`] reads, of `titles t`.
macro_rules! title_columns {
    () => {
        "t.plex_id, t.media_type, t.title, t.year, t.imdb_id, t.tmdb_id, t.tvdb_id,\n\
         CASE WHEN t.metadata_at_ms IS NOT NULL THEN t.facts END, t.arr_facts, t.tmdb_facts, t.in_plex"
    };
}
pub(super) use title_columns;

/// What is on record about the looks at a title's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TitleLooks {
    /// Looks that did not bring what deciding needs.
    pub in_vain: u32,
    /// When Plex last told it.
    pub told_at_ms: Option<UnixMs>,
    /// When Plex was last asked.
    pub asked_at_ms: Option<UnixMs>,
    /// Questions about its facts that failed in a row while the same source answered others.
    pub fact_looks: u32,
    /// When the Plex server last told whether it has the title.
    pub in_plex_at_ms: Option<UnixMs>,
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
             INSERT INTO titles (plex_id, media_type, title, year, imdb_id, tmdb_id, tvdb_id, poster_url)\n\
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)\n\
             ON CONFLICT (plex_id) DO UPDATE SET title = excluded.title, year = coalesce(excluded.year, year),\n\
                 imdb_id = coalesce(excluded.imdb_id, imdb_id), tmdb_id = coalesce(excluded.tmdb_id, tmdb_id),\n\
                 tvdb_id = coalesce(excluded.tvdb_id, tvdb_id), poster_url = coalesce(excluded.poster_url, poster_url)\n\
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
                listed.poster_url,
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
        let mut query = self.connection.prepare_cached(concat!(
            "-- titles.one\nSELECT ",
            title_columns!(),
            " FROM titles t WHERE t.id = ?1"
        ))?;
        let mut rows = query.query([id.0])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        title_from(row, 0)
    }

    /// What is on record about the looks at this title's metadata.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn title_looks(self, id: TitleId) -> Result<TitleLooks, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- titles.looks\n\
                 SELECT looks, metadata_at_ms, asked_at_ms, fact_looks, in_plex_at_ms FROM titles WHERE id = ?1",
        )?;
        Ok(query.query_row([id.0], |row| {
            Ok(TitleLooks {
                in_vain: row.get(0)?,
                told_at_ms: row.get(1)?,
                asked_at_ms: row.get(2)?,
                fact_looks: row.get(3)?,
                in_plex_at_ms: row.get(4)?,
            })
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

    /// Stores what Plex's catalogue told, over what was known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_metadata(self, id: TitleId, title: &Title, now_ms: UnixMs) -> Result<(), StoreError> {
        let nothing = Facts::default();
        let told = title.facts.plex.as_ref().unwrap_or(&nothing);
        let facts = serde_json::to_string(told).map_err(|error| bad_json("titles.facts", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- titles.set_metadata\n\
             UPDATE titles SET title = ?2, year = ?3, imdb_id = ?4, tmdb_id = ?5, tvdb_id = ?6, facts = ?7, metadata_at_ms = ?8,\n\
                 fact_looks = 0\n\
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

    /// Stores where the poster of a title is; `None` leaves what was told before.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_poster(self, id: TitleId, poster_url: Option<&str>) -> Result<(), StoreError> {
        let Some(poster_url) = poster_url else { return Ok(()) };
        let mut query = self.connection.prepare_cached(
            "-- titles.set_poster\nUPDATE titles SET poster_url = ?2 WHERE id = ?1 AND poster_url IS NOT ?2",
        )?;
        query.execute(params![id.0, poster_url])?;
        Ok(())
    }

    /// Where the poster of a title is, as Plex told; `None` also for titles that are not on record.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn poster(self, plex_id: &PlexId) -> Result<Option<String>, StoreError> {
        let mut query =
            self.connection.prepare_cached("-- titles.poster\nSELECT poster_url FROM titles WHERE plex_id = ?1")?;
        Ok(query.query_row([plex_id.as_str()], |row| row.get(0)).optional()?.flatten())
    }

    /// Stores the ids by which a title is known elsewhere, over what was known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_ids(self, id: TitleId, ids: &ExternalIds) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- titles.set_ids\nUPDATE titles SET imdb_id = ?2, tmdb_id = ?3, tvdb_id = ?4 WHERE id = ?1",
        )?;
        query.execute(params![
            id.0,
            ids.imdb.as_ref().map(|ImdbId(id)| id),
            ids.tmdb.map(|TmdbId(id)| id),
            ids.tvdb.map(|TvdbId(id)| id),
        ])?;
        Ok(())
    }

    /// Stores what an arr's lookup told, over what was known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_arr_facts(self, id: TitleId, facts: &Facts) -> Result<(), StoreError> {
        let facts = serde_json::to_string(facts).map_err(|error| bad_json("titles.arr_facts", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- titles.set_arr_facts\nUPDATE titles SET arr_facts = ?2, fact_looks = 0 WHERE id = ?1",
        )?;
        query.execute(params![id.0, facts])?;
        Ok(())
    }

    /// Stores what TMDB told, over what was known.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_tmdb_facts(self, id: TitleId, facts: &Facts) -> Result<(), StoreError> {
        let facts = serde_json::to_string(facts).map_err(|error| bad_json("titles.tmdb_facts", &error))?;
        let mut query = self.connection.prepare_cached(
            "-- titles.set_tmdb_facts\nUPDATE titles SET tmdb_facts = ?2, fact_looks = 0 WHERE id = ?1",
        )?;
        query.execute(params![id.0, facts])?;
        Ok(())
    }

    /// Stores whether the Plex server has a title, and when it said so.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn set_in_plex(self, id: TitleId, in_plex: bool, now_ms: UnixMs) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- titles.set_in_plex\nUPDATE titles SET in_plex = ?2, in_plex_at_ms = ?3, fact_looks = 0 WHERE id = ?1",
        )?;
        query.execute(params![id.0, in_plex, now_ms])?;
        Ok(())
    }

    /// Counts a question about a title's facts that failed while the same source answered others.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn count_fact_look(self, id: TitleId) -> Result<(), StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- titles.count_fact_look\nUPDATE titles SET fact_looks = fact_looks + 1 WHERE id = ?1")?;
        query.execute([id.0])?;
        Ok(())
    }

    /// Says what the new entries of a title wait for before they can be decided about.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn say_what_new_entries_wait_for(self, id: TitleId, reason: &str) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.say_what_new_ones_wait_for\n\
             UPDATE entries SET reason = ?2 WHERE title_id = ?1 AND state = 'new' AND reason IS NOT ?2",
        )?;
        query.execute(params![id.0, reason])?;
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

/// Reads the [`title_columns`] from position `first` on.
pub(super) fn title_from(row: &Row<'_>, first: usize) -> Result<Title, StoreError> {
    let (plex_id, media_type): (String, String) = (row.get(first)?, row.get(first + 1)?);
    let facts = |at: usize, column: &'static str| -> Result<Option<Facts>, StoreError> {
        let json: Option<String> = row.get(first + at)?;
        json.map(|json| serde_json::from_str(&json).map_err(|error| bad_json(column, &error))).transpose()
    };
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
        facts: KnownFacts {
            plex: facts(7, "titles.facts")?,
            arr: facts(8, "titles.arr_facts")?,
            tmdb: facts(9, "titles.tmdb_facts")?,
            in_plex: row.get(first + 10)?,
            given: None,
        },
    })
}
