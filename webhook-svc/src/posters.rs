//! Posters for the pages: fetched once, from where Plex says they are, and kept in a folder of a bounded size. So a visitor's browser
//! calls nobody but this service. The folder may be removed at any time.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clients::posters::{Poster, PosterError, media_type, poster};
use pulsarr_shared::clients::{FetchError, Http, HttpSettings, LimiterSettings};
use pulsarr_shared::config::Environment;
use pulsarr_shared::model::PlexId;
use pulsarr_shared::poster_folder::{self, BOUND};
use pulsarr_shared::retry::Retry;
use pulsarr_shared::store::StoreError;

use crate::app::App;
use crate::fingerprint::fingerprint;

/// The poster of the title; `None` when there is none to be had now.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn of(app: &App, plex_id: &PlexId) -> Result<Option<Poster>, StoreError> {
    let asked = plex_id.clone();
    let Some(address) = app.database.read(move |db| db.poster(&asked)).await? else { return Ok(None) };
    let config = app.config();
    let file = folder(&config.environment).join(file_name(plex_id, &address));
    if let Some(kept) = kept(file.clone()).await {
        return Ok(Some(kept));
    }
    let now_ms = app.now_ms();
    if app.posters.is_missing(plex_id, now_ms) {
        return Ok(None);
    }
    let http = app.posters.http.get_or_init(|| way(app));
    // The visitor does not wait for somebody who wants to be left alone.
    if http.cooling_for().is_some() {
        return Ok(None);
    }
    let environment = &config.environment;
    let upstreams = [environment.plex_discover_url.as_str(), environment.plex_metadata_url.as_str()];
    match poster(http, &address, &upstreams).await {
        Ok(poster) => {
            keep(app, file, &poster).await;
            Ok(Some(poster))
        }
        Err(error) => {
            tracing::debug!("failed to fetch the poster of {plex_id}: {error}");
            if !matches!(error, PosterError::Fetch(FetchError::Stopped | FetchError::RateLimited { .. })) {
                app.posters.note_missing(plex_id, now_ms);
            }
            Ok(None)
        }
    }
}

/// Keeps the poster as `file`. A folder that cannot be written costs the keeping alone.
async fn keep(app: &App, file: PathBuf, poster: &Poster) {
    let mut held = app.posters.held.lock().await;
    let (bytes, before) = (poster.bytes.clone(), *held);
    match tokio::task::spawn_blocking(move || put(&file, &bytes, before, BOUND)).await {
        Ok(Ok(after)) => *held = Some(after),
        Ok(Err(error)) => tracing::debug!("failed to keep a poster: {error}"),
        Err(error) => tracing::error!("the keeping of a poster broke off: {error}"),
    }
}

/// Questions for pictures: each sent once.
fn way(app: &App) -> Http {
    let settings = HttpSettings {
        budget: u32::MAX,
        retry: Retry { first: Duration::ZERO, max_attempts: 1 },
        throttled_repeats: 0,
        limiter: LimiterSettings::pictures(),
    };
    Http::new(app.transport.clone(), settings, Arc::clone(&app.clock), app.stop.clone())
}

fn folder(environment: &Environment) -> PathBuf {
    environment.data_dir.join("posters")
}

/// Another address is another file: the poster of a title may change.
fn file_name(plex_id: &PlexId, address: &str) -> String {
    format!("{plex_id}-{:016x}", fingerprint(address.bytes()))
}

async fn kept(file: PathBuf) -> Option<Poster> {
    let bytes = tokio::task::spawn_blocking(move || fs::read(file)).await.ok()?.ok()?;
    Some(Poster { media_type: media_type(&bytes)?, bytes })
}

/// Puts `bytes` there whole. When the folder holds more than `bound` then, the oldest go, and some more, so that not every poster
/// empties it. Answers what is left; `held` is what it held before, as far as that is known.
fn put(file: &Path, bytes: &[u8], held: Option<u64>, bound: u64) -> io::Result<u64> {
    let folder = file.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut whole = file.as_os_str().to_owned();
    whole.push(".part");
    let mut part = fs::File::create(&whole)?;
    let written = part.write_all(bytes).and_then(|()| fs::rename(&whole, file));
    if written.is_err() {
        // Half of one is worth nothing, and may be what fills the disk.
        let _ = fs::remove_file(&whole);
    }
    written?;
    let held = match held {
        Some(held) => held + bytes.len() as u64,
        None => poster_folder::files(folder)?.iter().map(|it| it.size).sum(),
    };
    if held <= bound { Ok(held) } else { empty(folder, bound / 10 * 9) }
}

/// Throws away the oldest until no more than `bound` is left, and answers what that is.
fn empty(folder: &Path, bound: u64) -> io::Result<u64> {
    poster_folder::remove(&poster_folder::too_many(folder, bound)?)?;
    Ok(poster_folder::files(folder)?.iter().map(|it| it.size).sum())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_keeps_the_newest_within_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let posters = folder.path().join("posters");
        let mut held = None;
        for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            held = Some(put(&posters.join(name), &[0; 30], held, 100).unwrap());
            let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + at as u64);
            let file = fs::File::options().write(true).open(posters.join(name));
            // The last one may have emptied the folder.
            file.unwrap().set_modified(since).unwrap();
        }
        assert_eq!((names(&posters), held), (vec!["b".to_owned(), "c".to_owned(), "d".to_owned()], Some(90)));
    }

    #[test]
    fn what_a_folder_holds_is_found_out_and_parts_are_no_posters() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old"), [0; 50]).unwrap();
        assert_eq!(put(&folder.path().join("new"), &[0; 30], None, 100).unwrap(), 80);
        assert_eq!(names(folder.path()), ["new", "old"]);
    }
}
