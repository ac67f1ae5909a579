//! Sonarr and Radarr: what an instance offers and has, and adding a title to it.
//!
//! Owns API version 3 of both, which are one API with different nouns: `radarr` and `sonarr` hold what differs. Refuses to
//! choose (profile, folder and tags come as the instance's own numbers) and has no way to delete anything but a webhook connection.

mod error;
mod facts;
mod history;
mod library;
mod notifications;
mod radarr;
mod sonarr;
mod webhook;
mod wire;
mod words;

pub use error::ArrError;
pub use history::HistoryEvent;
pub use library::{Library, Presence};
pub(crate) use notifications::EVENTS;
#[cfg(test)]
pub(crate) use notifications::a_webhook;
pub use notifications::{Notification, NotificationDraft, Tested};
pub use webhook::{MalformedWebhook, Webhook, read_webhook};

use std::collections::HashSet;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::DeserializeOwned;

use super::limiter::Pace;
use super::request::Request;
use super::{FetchError, Http};
use crate::model::{AddOptions, ExternalIds, Facts, ImdbId, Instance, InstanceKind, TmdbId, TvdbId};

/// The longest silence while a library is on its way: the arr builds the whole answer before it sends the first byte.
const LIBRARY_IDLE: Duration = Duration::from_secs(120);
/// The longest time for a whole library.
const LIBRARY_TOTAL: Duration = Duration::from_secs(300);
/// The largest library: 60,000 titles of 8 KiB.
const LIBRARY_LIMIT: usize = 512 * 1024 * 1024;
/// Root folders list every folder in them that belongs to no title.
const ROOT_FOLDERS_LIMIT: usize = 64 * 1024 * 1024;
/// A lookup asks the arr's metadata service in turn; an add does so too, and sends webhooks before it answers.
const SLOW: Duration = Duration::from_secs(120);
const SLOW_LIMIT: usize = 16 * 1024 * 1024;

/// One instance.
#[derive(Clone)]
pub struct Arr {
    http: Http,
    kind: InstanceKind,
    url: String,
    api_key: SecretString,
}

/// Which application answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrStatus {
    /// `Sonarr` or `Radarr`.
    pub app_name: String,
    /// `4.0.19.2979`.
    pub version: String,
}

/// A quality profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityProfile {
    /// The instance's number for it.
    pub id: i64,
    /// The name people see.
    pub name: String,
}

/// A folder that titles are put into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFolder {
    /// As the instance writes it, without a trailing slash.
    pub path: String,
    /// Whether the instance can read it at the moment.
    pub accessible: bool,
    /// In bytes, when the disk tells.
    pub free_space: Option<u64>,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The instance's number for it.
    pub id: i64,
    /// Lower case.
    pub label: String,
}

/// A title as the instance's metadata service knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Every id it is known by; always the one that this kind of instance adds by.
    pub ids: ExternalIds,
    /// What it tells that rules look at.
    pub facts: Facts,
    /// A show's seasons by number, ascending, with 0 for the specials.
    pub seasons: Vec<u32>,
}

/// A title in the instance's library, as far as another instance would have to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibraryTitle {
    /// TVDb's number for Sonarr, TMDb's for Radarr; never 0.
    pub external_id: u32,
    /// The name there.
    pub title: String,
    /// Year of first release.
    pub year: Option<u16>,
    /// Numbered as anime there, or of that genre.
    pub anime: bool,
}

/// What is to be added, in the instance's own numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddRequest {
    /// TVDb's number for Sonarr, TMDb's for Radarr.
    pub external_id: u32,
    /// The instance replaces it by its own; it may not be empty.
    pub title: String,
    /// Part of the folder name until the instance knows better.
    pub year: Option<u16>,
    /// One of [`Arr::quality_profiles`].
    pub quality_profile_id: i64,
    /// One of [`Arr::root_folders`].
    pub root_folder_path: String,
    /// Of [`Arr::tags`].
    pub tag_ids: Vec<i64>,
    /// The seasons there are, by number: only looked at where the options choose among them.
    pub seasons: Vec<u32>,
    /// Everything else; its names of profile, folder and tags are not looked at.
    pub options: AddOptions,
}

/// A title that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The instance's number for it.
    pub arr_id: i64,
}

impl AddRequest {
    /// The body of the POST: Radarr's `MovieResource` or Sonarr's `SeriesResource`. `tags` and `addOptions` are always there,
    /// because both applications stumble over their absence; seasons are left to the instance unless the options choose among them.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        match self.options.kind() {
            InstanceKind::Radarr => radarr::add_body(self),
            InstanceKind::Sonarr => sonarr::add_body(self),
        }
    }
}

impl Arr {
    /// The instance as the settings describe it.
    #[must_use]
    pub fn new(instance: &Instance, http: Http) -> Self {
        Self { http, kind: instance.kind(), url: instance.url.clone(), api_key: instance.api_key.clone() }
    }

    /// Which application answers at the address: `GET /api/v3/system/status`. To be asked before anything else.
    ///
    /// # Errors
    /// [`ArrError::WrongApp`] when it is not the expected one.
    pub async fn status(&self) -> Result<ArrStatus, ArrError> {
        let wire::Status { app_name, version } = self.get("/api/v3/system/status", &[]).await?;
        let status = ArrStatus { app_name: app_name.unwrap_or_default(), version: version.unwrap_or_default() };
        if status.app_name.eq_ignore_ascii_case(self.kind.app_name()) {
            return Ok(status);
        }
        let name = if status.app_name.is_empty() { "another application" } else { &status.app_name };
        Err(ArrError::WrongApp {
            expected: self.kind,
            found: format!("{name} {}", status.version).trim_end().to_owned(),
        })
    }

    /// The quality profiles, in the instance's order.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn quality_profiles(&self) -> Result<Vec<QualityProfile>, ArrError> {
        let profiles: Vec<wire::QualityProfile> = self.get("/api/v3/qualityprofile", &[]).await?;
        Ok(profiles.into_iter().map(Into::into).collect())
    }

    /// The root folders, in the instance's order. Slow where a disk sleeps.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn root_folders(&self) -> Result<Vec<RootFolder>, ArrError> {
        let path = "/api/v3/rootfolder";
        let request = self.request(path, &[]).map(|request| request.with_limits(ROOT_FOLDERS_LIMIT, SLOW, SLOW));
        let folders: Vec<wire::RootFolder> = self.ask(path, request).await?;
        Ok(folders.into_iter().map(Into::into).collect())
    }

    /// All tags.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn tags(&self) -> Result<Vec<Tag>, ArrError> {
        let tags: Vec<wire::Tag> = self.get("/api/v3/tag", &[]).await?;
        Ok(tags.into_iter().map(Into::into).collect())
    }

    /// Creates the tag `label`, in lower case, or finds it: both applications answer a label they have with the tag they have,
    /// except that one in another case is a conflict.
    ///
    /// # Errors
    /// [`ArrError::Rejected`] for a label the instance does not allow: newer versions want `a-z`, `0-9` and `-`.
    pub async fn create_tag(&self, label: &str) -> Result<Tag, ArrError> {
        let (path, label) = ("/api/v3/tag", label.to_lowercase());
        let body = serde_json::json!({ "label": label });
        let request = Request::post(&self.url, path, &body).and_then(|request| self.dressed(request.into_write()));
        let outcome: Result<wire::Tag, ArrError> = self.ask(path, request).await;
        match outcome {
            Ok(tag) => Ok(tag.into()),
            Err(error @ (ArrError::AlreadyExists | ArrError::Lost { .. })) => {
                let tags = self.tags().await?;
                tags.into_iter().find(|tag| tag.label.to_lowercase() == label).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The external ids on the import-exclusion list. The arrs themselves do not look at it when a title is added.
    ///
    /// The list is read by its unpaged form: deprecated, and the only one that every version has.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn exclusions(&self) -> Result<HashSet<u32>, ArrError> {
        let path = match self.kind {
            InstanceKind::Radarr => radarr::EXCLUSIONS,
            InstanceKind::Sonarr => sonarr::EXCLUSIONS,
        };
        self.ids(path, &[]).await
    }

    /// Whether the title with this external id is in the library, and with a file: one request.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn presence(&self, external_id: u32) -> Result<Presence, ArrError> {
        let (path, key) = match self.kind {
            InstanceKind::Radarr => (radarr::LIBRARY, radarr::ID),
            InstanceKind::Sonarr => (sonarr::LIBRARY, sonarr::ID),
        };
        // Looked for in the answer, so that a version that passes over the filter is understood as well.
        Ok(self.shelf(path, &[(key, &external_id.to_string())]).await?.presence(external_id))
    }

    /// What the whole library has: one long request, read as a stream of which only the ids are kept, and of which there is a file.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn library_ids(&self) -> Result<Library, ArrError> {
        match self.kind {
            InstanceKind::Radarr => self.shelf(radarr::LIBRARY, &radarr::WHOLE_LIBRARY).await,
            InstanceKind::Sonarr => self.shelf(sonarr::LIBRARY, &[]).await,
        }
    }

    /// The whole library with names: one long request, read as a stream.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn library(&self) -> Result<Vec<LibraryTitle>, ArrError> {
        let (path, query): (_, &[(&str, &str)]) = match self.kind {
            InstanceKind::Radarr => (radarr::LIBRARY, &radarr::WHOLE_LIBRARY),
            InstanceKind::Sonarr => (sonarr::LIBRARY, &[]),
        };
        let (mut titles, kind) = (Vec::new(), self.kind);
        self.elements(path, query, |element| {
            titles.extend(wire::library_title(element, kind)?);
            Ok(())
        })
        .await?;
        Ok(titles)
    }

    /// Asks the instance's metadata service for the title with one of these ids: its own kind first, then IMDb's, then the
    /// other. `None` when it knows none of them, or found only titles with other ids.
    ///
    /// # Errors
    /// [`ArrError::Unreachable`] also when the instance cannot reach its metadata service.
    pub async fn lookup(&self, ids: &ExternalIds) -> Result<Option<Found>, ArrError> {
        let path = match self.kind {
            InstanceKind::Radarr => radarr::LOOKUP,
            InstanceKind::Sonarr => sonarr::LOOKUP,
        };
        for term in self.terms(ids) {
            let text = term.to_string();
            let request =
                self.request(path, &[("term", &text)]).map(|request| request.with_limits(SLOW_LIMIT, SLOW, SLOW));
            let answers: Vec<wire::Resource> = self.ask(path, request).await?;
            let mut found = answers.into_iter().filter_map(|resource| resource.into_found(self.kind));
            // Some versions take a prefix they do not know for a title to search for.
            if let Some(found) = found.find(|found| term.names(found)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Adds a title: `POST /api/v3/movie` or `/api/v3/series`. Sent once.
    ///
    /// # Errors
    /// [`ArrError::AlreadyExists`] when it is there, [`ArrError::Rejected`] with the instance's own words, and
    /// [`ArrError::Lost`] when no answer came: then [`Arr::presence`] tells what happened.
    pub async fn add(&self, add: &AddRequest) -> Result<Added, ArrError> {
        if add.options.kind() != self.kind {
            let detail = format!("the options are meant for {}", add.options.kind().app_name());
            return Err(ArrError::Rejected { detail });
        }
        let path = match self.kind {
            InstanceKind::Radarr => radarr::LIBRARY,
            InstanceKind::Sonarr => sonarr::LIBRARY,
        };
        let request = Request::post(&self.url, path, &add.body())
            .and_then(|request| self.dressed(request.into_write().with_limits(SLOW_LIMIT, SLOW, SLOW)));
        let wire::Created { id } = self.ask(path, request).await?;
        Ok(Added { arr_id: id })
    }

    /// The external ids in an array of anything that has one.
    async fn ids(&self, path: &'static str, query: &[(&str, &str)]) -> Result<HashSet<u32>, ArrError> {
        let (mut ids, kind) = (HashSet::new(), self.kind);
        self.elements(path, query, |element| {
            ids.extend(wire::external_id(element, kind)?);
            Ok(())
        })
        .await?;
        Ok(ids)
    }

    /// What an array of titles of the library has.
    async fn shelf(&self, path: &'static str, query: &[(&str, &str)]) -> Result<Library, ArrError> {
        let (mut library, kind) = (Library::default(), self.kind);
        self.elements(path, query, |element| {
            if let Some((external_id, with_file)) = wire::shelved(element, kind)? {
                library.put(external_id, with_file);
            }
            Ok(())
        })
        .await?;
        Ok(library)
    }

    /// Hands every element of an array that may be long to `each`.
    async fn elements(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
        each: impl FnMut(&[u8]) -> Result<(), FetchError> + Send,
    ) -> Result<(), ArrError> {
        let request =
            self.request(path, query).map(|request| request.with_limits(LIBRARY_LIMIT, LIBRARY_IDLE, LIBRARY_TOTAL));
        let outcome = match &request {
            Ok(request) => self.http.array(request, each).await,
            Err(error) => Err(error.clone()),
        };
        outcome.map_err(|error| error::from_fetch(error, path, false))
    }

    async fn get<T: DeserializeOwned + Send>(&self, path: &'static str, query: &[(&str, &str)]) -> Result<T, ArrError> {
        let request = self.request(path, query);
        self.ask(path, request).await
    }

    async fn ask<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        request: Result<Request, FetchError>,
    ) -> Result<T, ArrError> {
        let write = request.as_ref().is_ok_and(|request| request.write);
        let answer = async { self.http.json(&request?).await };
        answer.await.map_err(|error| error::from_fetch(error, path, write))
    }

    fn request(&self, path: &str, query: &[(&str, &str)]) -> Result<Request, FetchError> {
        self.dressed(Request::get(&self.url, path, query)?)
    }

    /// `request` with the key. In a header: as a query parameter it would end up in the logs of every proxy on the way.
    fn dressed(&self, request: Request) -> Result<Request, FetchError> {
        Ok(request.with_secret("x-api-key", &self.api_key)?.with_pace(Pace::None))
    }

    /// What to look up, best first.
    fn terms(&self, ids: &ExternalIds) -> Vec<Term> {
        let tvdb = ids.tvdb.map(|TvdbId(id)| Term::Tvdb(id));
        let tmdb = ids.tmdb.map(|TmdbId(id)| Term::Tmdb(id));
        let imdb = ids.imdb.clone().map(Term::Imdb);
        let terms = match self.kind {
            // Radarr knows nothing of TVDb and would search for a film of that name.
            InstanceKind::Radarr => [tmdb, imdb, None],
            InstanceKind::Sonarr => [tvdb, imdb, tmdb],
        };
        terms.into_iter().flatten().collect()
    }
}

impl std::fmt::Debug for Arr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arr").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// One way to name a title to the metadata service.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Tvdb(u32),
    Tmdb(u32),
    Imdb(ImdbId),
}

impl Term {
    /// Whether `found` has the id that was asked for.
    fn names(&self, found: &Found) -> bool {
        match self {
            Self::Tvdb(id) => found.ids.tvdb == Some(TvdbId(*id)),
            Self::Tmdb(id) => found.ids.tmdb == Some(TmdbId(*id)),
            Self::Imdb(id) => found.ids.imdb.as_ref() == Some(id),
        }
    }
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tvdb(id) => write!(f, "tvdb:{id}"),
            Self::Tmdb(id) => write!(f, "tmdb:{id}"),
            Self::Imdb(ImdbId(id)) => write!(f, "imdb:{id}"),
        }
    }
}

#[cfg(test)]
mod tests;
