//! The own watchlist and single titles: REST at discover.

use super::{Metadata, OwnPage, OwnWatchlistPage, PAGE_SIZE, Plex, PlexError, wire};
use crate::clients::FetchError;
use crate::clients::http::Conditional;
use crate::clients::limiter::Pace;
use crate::clients::request::Request;
use crate::model::PlexId;

impl Plex {
    /// Up to 100 entries of the own list from position `start` on, newest first, ids included:
    /// `GET discover/library/sections/watchlist/all`. `nth` counts the pages of this look from 1 and sets the pause before it.
    /// With `if_none_match`, the ETag of an earlier answer to the same `start`, an unchanged page is not sent again.
    ///
    /// # Errors
    /// A 404 means that Plex has moved the list and comes as [`FetchError::NotFound`]; it is never an empty list.
    pub async fn own_watchlist_page(
        &self,
        start: u32,
        nth: u32,
        if_none_match: Option<&str>,
    ) -> Result<OwnPage, PlexError> {
        let answer = async {
            let request = self.own_page_request(start, nth, if_none_match)?;
            match self.http.json_if_changed::<wire::Envelope>(&request).await? {
                Conditional::NotModified => Ok(OwnPage::NotModified),
                Conditional::Changed { value, etag } => {
                    let wire::ListPage { items, received, skipped, total } = value.into_page()?;
                    Ok(OwnPage::Page(OwnWatchlistPage { items, received, skipped, total, etag }))
                }
            }
        };
        let page = answer.await.map_err(|error| PlexError::fetch("read the own watchlist", error))?;
        if let OwnPage::Page(OwnWatchlistPage { skipped, .. }) = &page
            && *skipped > 0
        {
            tracing::warn!(
                plex.skipped = skipped,
                "{skipped} entries of the own watchlist could not be read and were passed over"
            );
        }
        Ok(page)
    }

    fn own_page_request(&self, start: u32, nth: u32, if_none_match: Option<&str>) -> Result<Request, FetchError> {
        let (start, size) = (start.to_string(), PAGE_SIZE.to_string());
        let query = [
            ("includeGuids", "1"),
            ("sort", "watchlistedAt:desc"),
            ("X-Plex-Container-Start", start.as_str()),
            ("X-Plex-Container-Size", size.as_str()),
        ];
        let request = Request::get(&self.urls.discover, "/library/sections/watchlist/all", &query)?;
        let request = self
            .dressed(request)?
            .with_header("x-plex-container-start", &start)?
            .with_header("x-plex-container-size", &size)?
            .with_pace(Pace::Page { nth });
        match if_none_match {
            Some(etag) => request.with_header("if-none-match", etag),
            None => Ok(request),
        }
    }

    /// What Plex's catalogue knows about a title: `GET discover/library/metadata/{id}`. Any account may ask about any title.
    ///
    /// # Errors
    /// [`FetchError::NotFound`] for a title that has left the catalogue: what is known about it stays.
    pub async fn metadata(&self, plex_id: &PlexId) -> Result<Metadata, PlexError> {
        let answer = async {
            let path = format!("/library/metadata/{plex_id}");
            let request = self.dressed(Request::get(&self.urls.discover, &path, &[])?)?.with_pace(Pace::Item);
            self.http.json::<wire::Envelope>(&request).await?.into_metadata()
        };
        answer.await.map_err(|error| PlexError::fetch("look a title up in Plex's catalogue", error))
    }
}
