//! Is it alive, is it ready, is all well? Answered without a session, because probes have none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::link::TokenState;
use pulsarr_shared::model::ConnectionStatus;
use pulsarr_shared::store::{Db, StoreError};
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

use crate::api::instance_health;
use crate::app::App;
use crate::app::data_folder::NotWritable;
use crate::request::{ApiError, json};

/// The file whose writing shows that the volume can be written to. A volume that turned read-only stays so for every process on the same
/// mount, a restarted one included: failing the liveness probe takes the service away visibly, and mounting anew is for whoever sees it.
const PROBE: &str = "run/alive";

/// So long the answer of one probe is that of all: whoever may ask can make the disk work once a second, not more.
const FRESH_MS: i64 = 1_000;

/// So long the data folder may take to be written to, for whoever only tells of it.
const DISK_PATIENCE: Duration = Duration::from_secs(1);

/// `/healthz`, `/readyz`, `/health` below `base`.
pub fn filter(base: BoxedFilter<()>, app: Arc<App>) -> BoxedFilter<(Response,)> {
    let (alive, ready) = (Arc::clone(&app), Arc::clone(&app));
    let healthz = base.clone().and(warp::path!("healthz")).then(move || answer_alive(Arc::clone(&alive)));
    let readyz = base.clone().and(warp::path!("readyz")).then(move || answer_ready(Arc::clone(&ready)));
    let health = base.and(warp::path!("health")).then(move || answer_health(Arc::clone(&app)));
    warp::get().or(warp::head()).unify().and(healthz.or(readyz).unify().or(health).unify()).boxed()
}

/// Alive, and able to write to the data folder, or kept from it only by a lack of room, which is told. Whether Plex or an arr answers is
/// none of a probe's business.
async fn answer_alive(app: Arc<App>) -> Response {
    match is_writable(&app).await {
        Ok(()) => "ok\n".into_response(),
        Err(NotWritable::Full(error)) => {
            format!("degraded: the data folder cannot be written to: {error}. Enlarge its volume.\n").into_response()
        }
        Err(NotWritable::Failed(error)) => {
            let text = format!("the data folder cannot be written to: {error}\n");
            warp::reply::with_status(text, StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

/// [`is_writable`] for whoever has more to tell than that: a disk that hangs is given up soon.
///
/// # Errors
/// [`NotWritable`].
pub async fn is_writable_in_time(app: &App) -> Result<(), NotWritable> {
    let looked = tokio::time::timeout(DISK_PATIENCE, is_writable(app)).await;
    looked.unwrap_or_else(|_| Err(NotWritable::Failed("it does not answer".to_owned())))
}

/// Whether the data folder can be written to; or why not. One look at a time, since all of them write the same file.
///
/// # Errors
/// [`NotWritable`].
async fn is_writable(app: &App) -> Result<(), NotWritable> {
    let mut last = Arc::clone(&app.last_look).lock_owned().await;
    let now_ms = app.now_ms();
    // One that lies in the future was made by a clock that has since been put back.
    if let Some((at_ms, found)) = &*last
        && (0..FRESH_MS).contains(&now_ms.saturating_sub(*at_ms))
    {
        return found.clone();
    }
    let folder = app.config().environment.data_dir.clone();
    // The thread keeps the place: who asked may go away, and on a disk that hangs the next one would begin a second look.
    let looked = tokio::task::spawn_blocking(move || {
        let found = touch(&folder).map_err(NotWritable::from);
        if let Err(error) = &found {
            tracing::error!("the data folder cannot be written to: {error}");
        }
        *last = Some((now_ms, found.clone()));
        found
    });
    looked.await.unwrap_or_else(|error| Err(NotWritable::Failed(error.to_string())))
}

fn touch(folder: &Path) -> std::io::Result<()> {
    // Beside the last one and then in its place: on a full volume a file can be written over where no new one can be made.
    let (probe, fresh) = (folder.join(PROBE), folder.join(PROBE).with_extension("new"));
    std::fs::write(&fresh, b"alive\n")?;
    std::fs::rename(fresh, probe)
}

/// The store can be read, and its schema is one we know.
async fn answer_ready(app: Arc<App>) -> Response {
    match app.database.read(|db| db.check_schema()).await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            let text = format!("failed to {error}. {}\n", error.advice());
            warp::reply::with_status(text, StatusCode::SERVICE_UNAVAILABLE).into_response()
        }
    }
}

/// Whether all is well.
#[derive(Serialize)]
pub struct Health {
    /// `ok`; `attention` when somebody should look; `degraded` while nothing can be stored, so that webhooks are refused.
    pub status: &'static str,
    /// Ours.
    pub version: &'static str,
    /// RFC 3339.
    pub started_at: String,
    /// Whether the data folder can be written to: `writable`, `full`, `failed`.
    pub data_folder: &'static str,
    /// Whether there is a Plex token and an instance.
    pub set_up: bool,
    /// Whether Plex takes the token: `alive`, `dead`, `unknown`; `null` without one, and before the first look.
    pub plex_token: Option<&'static str>,
    /// Whether the household's Plex server answers; `null` when none is set, and before the first look.
    pub plex_server_reachable: Option<bool>,
    /// The one that began last.
    pub last_run: Option<LastRun>,
    /// Requests that wait for a person.
    pub pending_approvals: u32,
    /// Webhooks that are stored and not acted on yet.
    pub webhooks_waiting: u32,
    /// Sonarrs and Radarrs that do not answer, refuse the key or lack what the settings name. Which they are, nobody is told who is not
    /// signed in.
    pub instances_not_well: usize,
    /// Webhook connections that were made and by which nothing comes, so that titles are seen to become available only by the history.
    pub webhooks_not_working: usize,
}

/// A run.
#[derive(Serialize)]
pub struct LastRun {
    /// Its id.
    pub id: String,
    /// `ok`, `running`, …
    pub result: &'static str,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339; none while it runs.
    pub ended_at: Option<String>,
}

async fn answer_health(app: Arc<App>) -> Response {
    match look(&app).await {
        Ok(health) => json(StatusCode::OK, &health),
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// How it stands.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn look(app: &App) -> Result<Health, StoreError> {
    let config = app.config();
    let (seen, asked) = (instance_health::seen(app, &config), Arc::clone(&config));
    let judged = move |db: Db<'_>| {
        let judged = instance_health::judged(db, &asked, seen)?;
        let mut connections = db.all_connections()?;
        // Of what is not in the settings any more, and of what nobody could look at, nobody knows.
        connections.retain(|it| asked.settings.instances.iter().any(|instance| instance.name == it.instance));
        connections.retain(|it| !matches!(it.status, ConnectionStatus::Ok | ConnectionStatus::Unknown));
        Ok((summary(db)?, judged, connections.len()))
    };
    let ((last_run, pending_approvals, webhooks_waiting), judged, webhooks_not_working) =
        app.database.read(judged).await?;
    let instances_not_well = judged.iter().filter(|it| !it.health.is_well()).count();
    let settings = &config.settings;
    let server = app.plex_health.server().map(|seen| seen.outcome.is_ok());
    let well = last_run.as_ref().is_none_or(|run| !matches!(run.result, "failed" | "crashed"));
    let token = app.plex_health.token();
    let well = well && token != Some(TokenState::Dead) && server != Some(false);
    let well = well && instances_not_well == 0 && webhooks_not_working == 0;
    let disk = is_writable_in_time(app).await;
    let status = match (&disk, well) {
        (Err(_), _) => "degraded",
        (Ok(()), true) => "ok",
        (Ok(()), false) => "attention",
    };
    Ok(Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(app.started_at_ms),
        data_folder: word(&disk),
        set_up: settings.plex.token.is_some() && !settings.instances.is_empty(),
        plex_token: token.map(TokenState::word),
        plex_server_reachable: server,
        last_run,
        pending_approvals,
        webhooks_waiting,
        instances_not_well,
        webhooks_not_working,
    })
}

/// Every way in which the data folder can stand.
pub const DISK_WORDS: [&str; 3] = ["writable", "full", "failed"];

/// Which of [`DISK_WORDS`] it is.
pub fn word(disk: &Result<(), NotWritable>) -> &'static str {
    disk.as_ref().err().map_or("writable", NotWritable::word)
}

fn summary(db: Db<'_>) -> Result<(Option<LastRun>, u32, u32), StoreError> {
    let last_run = db.last_runs_in_short(1)?.pop().map(|run| LastRun {
        id: run.id,
        result: run.result.word(),
        started_at: rfc3339(run.started_at_ms),
        ended_at: run.ended_at_ms.map(rfc3339),
    });
    Ok((last_run, db.pending_approvals()?, db.pending_webhook_count()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use futures_util::future::join_all;

    async fn statuses(probes: &BoxedFilter<(Response,)>, count: usize) -> Vec<u16> {
        let asked =
            (0..count).map(|_| async { warp::test::request().path("/healthz").reply(probes).await.status().as_u16() });
        join_all(asked).await
    }

    #[test]
    fn a_lack_of_room_is_no_fault_of_the_disk_and_everything_else_is_held_for_one() {
        const ENOSPC: i32 = 28;
        const EDQUOT: i32 = 122;
        const EROFS: i32 = 30;
        const EIO: i32 = 5;
        const ESTALE: i32 = 116;
        const ENOENT: i32 = 2;
        let word = |code| NotWritable::from(std::io::Error::from_raw_os_error(code)).word();
        assert_eq!([ENOSPC, EDQUOT].map(word), ["full"; 2]);
        assert_eq!([EROFS, EIO, ESTALE, ENOENT].map(word), ["failed"; 4]);
    }

    // Files are written on threads of their own, so at once they are also here.
    #[tokio::test]
    async fn fifty_probes_at_once_are_all_answered_well() {
        for _ in 0..10 {
            let service = testing::app(&[]);
            let probes = filter(warp::any().boxed(), Arc::clone(&service.app));
            assert_eq!(statuses(&probes, 50).await, [200; 50]);
            assert!(service.folder.path().join(PROBE).exists());
        }
    }

    #[tokio::test]
    async fn the_disk_is_looked_at_once_a_second_however_many_ask() {
        let service = testing::app(&[]);
        let probes = filter(warp::any().boxed(), Arc::clone(&service.app));
        let file = service.folder.path().join(PROBE);
        assert_eq!(statuses(&probes, 3).await, [200; 3]);
        std::fs::remove_file(&file).unwrap();
        service.clock.advance(Duration::from_millis(999));
        assert_eq!(statuses(&probes, 3).await, [200; 3]);
        assert!(!file.exists(), "nobody looked");
        // Nobody can write a file where a folder stands.
        std::fs::create_dir(&file).unwrap();
        service.clock.advance(Duration::from_millis(1));
        assert_eq!(statuses(&probes, 3).await, [503; 3]);
        std::fs::remove_dir(&file).unwrap();
        service.clock.advance(Duration::from_secs(1));
        assert_eq!(statuses(&probes, 1).await, [200]);
        assert!(file.exists());
    }
}
