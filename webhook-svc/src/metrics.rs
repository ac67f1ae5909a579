//! Prometheus metrics on a port of their own, which no ingress publishes. Most come from the store, so that they survive restarts and
//! tell of runs in other pods.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::exit_code::ExitCode;
use pulsarr_shared::link::TokenState;
use pulsarr_shared::model::{ConnectionStatus, RunResult};
use pulsarr_shared::report::Report;
use pulsarr_shared::store::{ConnectionRow, Counted, Db, EndedRun, StoreError};
use pulsarr_shared::upstreams::{PLEX_SERVER, TMDB};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

use crate::app::App;
use crate::app::lane_health::{Failure, LaneHealth, Stand};
use crate::health;

/// The commit that this was built from, where the build was told.
const REVISION: &str = match option_env!("PULSARR_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// `GET /metrics`.
pub fn filter(app: Arc<App>) -> BoxedFilter<(Response,)> {
    warp::path!("metrics")
        .and(warp::get())
        .then(move || {
            let app = Arc::clone(&app);
            async move { answer(&app).await }
        })
        .boxed()
}

async fn answer(app: &App) -> Response {
    let stored = match app.database.read(read).await {
        Ok(stored) => stored,
        Err(error) => {
            let text = format!("failed to {error}\n");
            return warp::reply::with_status(text, StatusCode::SERVICE_UNAVAILABLE).into_response();
        }
    };
    let disk = health::word(&health::is_writable_in_time(app).await);
    let mut response = Response::new(text(app, &stored, sizes(app).await, disk).into());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

struct Stored {
    last: Option<EndedRun>,
    last_beside_the_lane: Option<EndedRun>,
    last_whole_at_ms: Option<UnixMs>,
    runs: Vec<Counted>,
    requests: Vec<Counted>,
    entries: Vec<Counted>,
    taken: Vec<Counted>,
    lock_busy: u64,
    upstream_successes: Vec<(String, UnixMs)>,
    approvals_pending: u32,
    inbox_pending: u32,
    inbox_ended: Vec<Counted>,
    inbox_given_up: u64,
    connections: Vec<ConnectionRow>,
    outbox_pending: u32,
}

fn read(db: Db<'_>) -> Result<Stored, StoreError> {
    Ok(Stored {
        last: db.last_ended_run(false)?,
        last_beside_the_lane: db.last_run_beside_the_lane()?,
        last_whole_at_ms: db.last_whole_sync()?,
        runs: db.run_totals()?,
        requests: db.request_totals()?,
        entries: db.entries_by_state()?,
        taken: db.placements_taken()?,
        lock_busy: db.lock_busy_total()?,
        upstream_successes: db.upstream_successes()?,
        approvals_pending: db.pending_approvals()?,
        inbox_pending: db.pending_webhook_count()?,
        inbox_ended: db.ended_webhook_totals()?,
        inbox_given_up: db.given_up_webhooks_total()?,
        connections: db.all_connections()?,
        outbox_pending: db.pending_message_count()?,
    })
}

/// How large the database's files are; bytes.
#[derive(Default)]
pub struct Sizes {
    /// The file itself.
    pub database: u64,
    /// Its write-ahead log.
    pub log: u64,
}

/// On a thread of its own, since a volume may hang, and whoever serves must not wait for it.
pub async fn sizes(app: &App) -> Sizes {
    let folder = app.config().environment.data_dir.join("db");
    let looked = tokio::task::spawn_blocking(move || Sizes {
        database: size(&folder.join("pulsarr.db")),
        log: size(&folder.join("pulsarr.db-wal")),
    });
    looked.await.unwrap_or_default()
}

/// `disk` is how the data folder stands, one of [`health::DISK_WORDS`].
fn text(app: &App, stored: &Stored, sizes: Sizes, disk: &str) -> String {
    let mut page = Page::default();
    page.gauge("pulsarr_build_info", "What runs.");
    page.line("pulsarr_build_info", &[("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION)], 1);
    page.gauge("pulsarr_configured", "Whether there is a Plex token and an instance.");
    let settings = &app.config().settings;
    let configured = settings.plex.token.is_some() && !settings.instances.is_empty();
    page.line("pulsarr_configured", &[], u64::from(configured));
    page.gauge("process_start_time_seconds", "When the service began, unix seconds.");
    page.line("process_start_time_seconds", &[], seconds(app.started_at_ms));

    page.gauge("pulsarr_sync_last_run_timestamp_seconds", "When the last run ended; 0 before the first.");
    let last_run = stored.last.as_ref().map_or(0, |run| seconds(run.ended_at_ms));
    page.line("pulsarr_sync_last_run_timestamp_seconds", &[], last_run);
    page.gauge(
        "pulsarr_sync_last_success_timestamp_seconds",
        "When the last run of every list ended that did its work; 0 before the first. Runs for one person do not count.",
    );
    let last_whole = stored.last_whole_at_ms.map_or(0, seconds);
    page.line("pulsarr_sync_last_success_timestamp_seconds", &[], last_whole);
    page.gauge("pulsarr_sync_last_duration_seconds", "How long the last run took.");
    let took = stored.last.as_ref().map_or(0, |run| run.ended_at_ms.saturating_sub(run.started_at_ms).max(0));
    page.thousandths("pulsarr_sync_last_duration_seconds", took);
    page.gauge(
        "pulsarr_sync_last_exit_code",
        "What the last run amounts to that the fast lane has not started, as an exit code of `pulsarr sync`.",
    );
    page.line("pulsarr_sync_last_exit_code", &[], stored.last_beside_the_lane.as_ref().map_or(0, exit_code));
    page.counter("pulsarr_lock_busy_total", "Runs that did not begin because another one was going on.");
    page.line("pulsarr_lock_busy_total", &[], stored.lock_busy);
    page.counter("pulsarr_sync_runs_total", "Runs that have ended, whichever process they ran in.");
    page.counted("pulsarr_sync_runs_total", ["result", "trigger"], &stored.runs);
    page.counter("pulsarr_upstream_requests_total", "Requests that runs have sent to what is set up now.");
    for counted in &stored.requests {
        let Some((service, instance)) = upstream(app, &counted.of) else { continue };
        let labels = [("service", service), ("instance", instance), ("outcome", &counted.kind)];
        page.line("pulsarr_upstream_requests_total", &labels, counted.count);
    }
    page.gauge(
        "pulsarr_upstream_last_success_timestamp_seconds",
        "When this upstream last answered and had no problem, in a run or when the service asked.",
    );
    for (name, at_ms) in &stored.upstream_successes {
        let Some((service, instance)) = upstream(app, name) else { continue };
        let labels = [("service", service), ("instance", instance)];
        page.line("pulsarr_upstream_last_success_timestamp_seconds", &labels, seconds(*at_ms));
    }
    for (name, help, count) in [
        ("pulsarr_approvals_pending", "Requests that wait for a person.", stored.approvals_pending),
        ("pulsarr_inbox_pending", "Webhooks that are stored and not acted on yet.", stored.inbox_pending),
        ("pulsarr_outbox_pending", "Messages that wait to be delivered.", stored.outbox_pending),
    ] {
        page.gauge(name, help);
        page.line(name, &[], count.into());
    }
    page.counter("pulsarr_inbox_ended_total", "Stored webhooks that were acted on, ignored or given up, ever.");
    // As with upstreams: of instances that left the settings nothing is told.
    let is_set_up = |name: &str| app.kind_of(name).is_some();
    for counted in stored.inbox_ended.iter().filter(|counted| is_set_up(&counted.of)) {
        let labels = [("instance", counted.of.as_str()), ("outcome", &counted.kind)];
        page.line("pulsarr_inbox_ended_total", &labels, counted.count);
    }
    page.counter("pulsarr_inbox_given_up_total", "Webhooks that could not be acted on and are tried no more.");
    page.line("pulsarr_inbox_given_up_total", &[], stored.inbox_given_up);
    page.gauge(
        "pulsarr_webhook_connection_working",
        "Whether what an instance sends comes here, as it was found the last time; absent where nobody could look.",
    );
    for row in stored.connections.iter().filter(|row| is_set_up(&row.instance)) {
        if row.status != ConnectionStatus::Unknown {
            let labels = [("instance", row.instance.as_str())];
            page.line("pulsarr_webhook_connection_working", &labels, u64::from(row.status == ConnectionStatus::Ok));
        }
    }
    page.gauge("pulsarr_sync_items", "Entries by state.");
    for counted in &stored.entries {
        page.line("pulsarr_sync_items", &[("state", &counted.of)], counted.count);
    }
    page.counter("pulsarr_routed_total", "Titles that an instance took from us.");
    for counted in stored.taken.iter().filter(|counted| is_set_up(&counted.kind)) {
        let labels = [("target", counted.of.as_str()), ("instance", &counted.kind)];
        page.line("pulsarr_routed_total", &labels, counted.count);
    }

    page.counter("pulsarr_webhook_events_total", "Webhooks that came since the service began.");
    for counted in app.webhook_counts.all() {
        let labels = [("source", counted.source), ("event", counted.event), ("outcome", counted.outcome)];
        page.line("pulsarr_webhook_events_total", &labels, counted.count);
    }
    page.counter(
        "pulsarr_connections_full_total",
        "How often a connection waited because as many were open as may be.",
    );
    page.line("pulsarr_connections_full_total", &[], app.connections_full.load(Ordering::Relaxed));
    page.counter(
        "pulsarr_part_restarts_total",
        "How often a part of the service died and was started again; the watching of lists has a count of its own.",
    );
    page.line("pulsarr_part_restarts_total", &[], app.part_restarts.load(Ordering::Relaxed));
    let lane = &app.fast_lane;
    page.gauge(
        "pulsarr_fast_lane_last_sign_of_life_timestamp_seconds",
        "When the watching of lists last went round; 0 before it began.",
    );
    let alive_ms = lane.last_tick_at_ms.load(Ordering::Relaxed);
    page.line("pulsarr_fast_lane_last_sign_of_life_timestamp_seconds", &[], seconds(alive_ms));
    page.counter("pulsarr_fast_lane_restarts_total", "How often it died and was started again.");
    page.line("pulsarr_fast_lane_restarts_total", &[], lane.restarts.load(Ordering::Relaxed));
    page.counter("pulsarr_fast_lane_checks_total", "Questions to Plex whether a list has changed.");
    page.line("pulsarr_fast_lane_checks_total", &[], lane.checks.load(Ordering::Relaxed));
    page.counter("pulsarr_fast_lane_failed_checks_total", "Questions of these that brought no answer, by reason.");
    for why in Failure::ALL {
        page.line("pulsarr_fast_lane_failed_checks_total", &[("reason", why.word())], lane.failed.of(why));
    }
    page.counter("pulsarr_fast_lane_changes_total", "Changes that were seen.");
    page.line("pulsarr_fast_lane_changes_total", &[], lane.changes.load(Ordering::Relaxed));
    page.gauge(
        "pulsarr_fast_lane_paused_lists",
        "Lists at which looks pause in between, because runs for them found nothing although Plex says they changed.",
    );
    page.line("pulsarr_fast_lane_paused_lists", &[], lane.paused.load(Ordering::Relaxed));
    feeds(&mut page, lane);
    page.gauge("pulsarr_plex_token_alive", "Whether Plex takes the token; absent while nobody can tell.");
    match app.plex_health.token() {
        Some(TokenState::Alive) => page.line("pulsarr_plex_token_alive", &[], 1),
        Some(TokenState::Dead) => page.line("pulsarr_plex_token_alive", &[], 0),
        Some(TokenState::Unknown) | None => {}
    }
    page.gauge(
        "pulsarr_plex_server_reachable",
        "Whether the household's Plex server answers; absent when none is set.",
    );
    if let Some(seen) = app.plex_health.server() {
        page.line("pulsarr_plex_server_reachable", &[], u64::from(seen.outcome.is_ok()));
    }
    page.gauge("pulsarr_data_folder_state", "Whether the data folder can be written to: 1 for the state it is in.");
    for state in health::DISK_WORDS {
        page.line("pulsarr_data_folder_state", &[("state", state)], u64::from(state == disk));
    }
    page.gauge("pulsarr_db_size_bytes", "The database file.");
    page.line("pulsarr_db_size_bytes", &[], sizes.database);
    page.gauge("pulsarr_db_wal_size_bytes", "Its write-ahead log.");
    page.line("pulsarr_db_wal_size_bytes", &[], sizes.log);
    page.0
}

fn feeds(page: &mut Page, lane: &LaneHealth) {
    let feeds = [("own", &lane.own_feed), ("friends", &lane.friends_feed)];
    page.gauge("pulsarr_fast_lane_feed_state", "Where a feed stands: 1 for the state it is in.");
    for (feed, health) in feeds {
        for stand in Stand::ALL {
            let labels = [("feed", feed), ("state", stand.word())];
            page.line("pulsarr_fast_lane_feed_state", &labels, u64::from(health.stand() == stand));
        }
    }
    page.gauge(
        "pulsarr_fast_lane_feed_last_reading_timestamp_seconds",
        "When a feed was last read well; 0 before the first time.",
    );
    for (feed, health) in feeds {
        let at_ms = health.last_reading_at_ms.load(Ordering::Relaxed);
        page.line("pulsarr_fast_lane_feed_last_reading_timestamp_seconds", &[("feed", feed)], seconds(at_ms));
    }
    page.counter("pulsarr_fast_lane_feed_questions_total", "How often a feed's address or content was asked for.");
    for (feed, health) in feeds {
        let questions = health.questions.load(Ordering::Relaxed);
        page.line("pulsarr_fast_lane_feed_questions_total", &[("feed", feed)], questions);
    }
    page.counter(
        "pulsarr_fast_lane_feed_stale_total",
        "How often a list had changed and its feed did not tell in time.",
    );
    for (feed, health) in feeds {
        page.line("pulsarr_fast_lane_feed_stale_total", &[("feed", feed)], health.alarms.load(Ordering::Relaxed));
    }
}

/// What a run amounts to, whichever process it ran in.
fn exit_code(run: &EndedRun) -> u64 {
    // A report of a version with other keys tells nothing; how the run ended, its row says.
    let report = run.report.as_deref().and_then(|json| serde_json::from_str::<Report>(json).ok());
    RunResult::from_word(&run.result).map_or(0, |result| ExitCode::of_ended(result, report.as_ref()) as u64)
}

/// What an upstream of this name is, and which: `radarr` and its name; empty where there is only one. `None` for one that left the
/// settings: it would look as if it had been down ever since, and every name there ever was would stay on the page for good. The store
/// keeps its numbers, and they go on where they were should it come back.
fn upstream<'a>(app: &App, name: &'a str) -> Option<(&'a str, &'a str)> {
    let settings = &app.config().settings;
    let is_set_up = match name {
        "plex" => true,
        TMDB => settings.tmdb.api_key.is_some(),
        PLEX_SERVER => settings.plex.server_url.is_some(),
        instance => return Some((app.kind_of(instance)?.word(), instance)),
    };
    is_set_up.then_some((name, ""))
}

/// Whole seconds of a time; 0 for one before 1970.
fn seconds(at_ms: UnixMs) -> u64 {
    u64::try_from(at_ms / 1_000).unwrap_or(0)
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The text format of Prometheus.
#[derive(Default)]
struct Page(String);

impl Page {
    fn gauge(&mut self, name: &str, help: &str) {
        self.head(name, help, "gauge");
    }

    fn counter(&mut self, name: &str, help: &str) {
        self.head(name, help, "counter");
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let opening = if number == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{opening}{label}=\"{text}\"");
        }
        let closing = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{closing} {value}");
    }

    fn counted(&mut self, name: &str, labels: [&str; 2], all: &[Counted]) {
        for counted in all {
            self.line(name, &[(labels[0], &counted.of), (labels[1], &counted.kind)], counted.count);
        }
    }

    fn thousandths(&mut self, name: &str, value: i64) {
        let _ = writeln!(self.0, "{name} {}.{:03}", value / 1_000, value % 1_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use pulsarr_shared::model::{Connection, Trigger};
    use pulsarr_shared::store::{NewWebhook, Store, WebhookState};

    const SETTINGS: &str = "\
plex: {token: xxxxxxxxxxxxxxxxxxxx, server_url: 'http://127.0.0.1:9'}
instances:
- {name: films, kind: radarr, url: 'http://127.0.0.1:9/a', api_key: 0123456789abcdef0123456789abcdef, default: true}
- {name: 4k, kind: radarr, url: 'http://127.0.0.1:9/b', api_key: 0123456789abcdef0123456789abcdef}
";

    async fn page(app: &Arc<App>) -> String {
        let answer = warp::test::request().path("/metrics").reply(&filter(Arc::clone(app))).await;
        String::from_utf8(answer.body().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_other_processes_did_and_what_waits_is_on_the_page() {
        let service = testing::app_with_settings(&[], SETTINGS);
        let before = page(&service.app).await;
        let file = std::fs::metadata(service.folder.path().join("db/pulsarr.db")).unwrap().len();
        assert!(file > 0 && before.contains(&format!("\npulsarr_db_size_bytes {file}\n")), "{before}");
        for name in [
            "sync_last_exit_code",
            "lock_busy_total",
            "approvals_pending",
            "inbox_pending",
            "inbox_given_up_total",
            "outbox_pending",
        ] {
            assert!(before.contains(&format!("\npulsarr_{name} 0\n")), "{name}: {before}");
        }
        let write = |store: &Store| {
            store.write(|db| {
                db.start_run("well", Trigger::Schedule, "", 500_000)?;
                db.end_run("well", RunResult::Ok, "", 600_000)?;
                db.note_whole_sync(600_000)?;
                // For one person, and well.
                db.start_run("other", Trigger::FastLane, "", 700_000)?;
                db.end_run("other", RunResult::Ok, "", 800_000)?;
                db.start_run("one", Trigger::Cli, "", 900_500)?;
                db.end_run("one", RunResult::Failed, "", 902_000)?;
                // For one person, and well: that the job fails is seen all the same.
                db.start_run("third", Trigger::FastLane, "", 903_500)?;
                db.end_run("third", RunResult::Ok, "", 905_000)?;
                for (instance, status) in [("films", ConnectionStatus::Ok), ("4k", ConnectionStatus::WrongAddress)] {
                    let found = Connection { status, advice: String::new(), arr_id: None, url: None };
                    db.set_connection_secret(instance, "sealed:eA==")?;
                    db.set_connection_status(instance, &found, 1_000)?;
                }
                db.count_lock_busy()?;
                db.add_to_inbox(&[NewWebhook {
                    instance: "films".to_owned(),
                    event: "Download".to_owned(),
                    body: "{}".to_owned(),
                    received_at_ms: 1_000,
                }])?;
                db.end_webhook(1, WebhookState::GivenUp, "", 2_000)?;
                db.note_upstream_success("plex", 5_000)?;
                db.note_upstream_success("plex server", 6_000)?;
                db.note_upstream_success("films", 7_000)?;
                db.note_upstream_success("4k", 8_000)?;
                db.note_upstream_success("sold long ago", 5_000)?;
                for (name, outcome) in [
                    ("plex", "answered"),
                    ("plex", "throttled"),
                    ("plex server", "answered"),
                    ("tmdb", "answered"),
                    ("films", "answered"),
                    ("4k", "answered"),
                    ("sold long ago", "answered"),
                ] {
                    db.count_requests(name, outcome, 3)?;
                }
                Ok(())
            })
        };
        service.app.database.write(write).await.unwrap();
        let after = page(&service.app).await;
        assert!(after.contains("\npulsarr_sync_last_exit_code 1\n"), "{after}");
        assert!(after.contains("\npulsarr_lock_busy_total 1\n"), "{after}");
        assert!(after.contains("\npulsarr_inbox_given_up_total 1\n"), "{after}");
        for line in [
            "sync_last_run_timestamp_seconds 905",
            "sync_last_success_timestamp_seconds 600",
            "sync_last_duration_seconds 1.500",
            "inbox_ended_total{instance=\"films\",outcome=\"given_up\"} 1",
            "webhook_connection_working{instance=\"films\"} 1",
            "webhook_connection_working{instance=\"4k\"} 0",
        ] {
            assert!(after.contains(&format!("\npulsarr_{line}\n")), "{line}: {after}");
        }
        for line in [
            "{service=\"plex\",instance=\"\"} 5",
            "{service=\"plex server\",instance=\"\"} 6",
            "{service=\"radarr\",instance=\"films\"} 7",
            "{service=\"radarr\",instance=\"4k\"} 8",
        ] {
            assert!(after.contains(&format!("\npulsarr_upstream_last_success_timestamp_seconds{line}\n")), "{after}");
        }
        let requests = "pulsarr_upstream_requests_total{";
        let told: Vec<_> = after.lines().filter_map(|line| line.strip_prefix(requests)).collect();
        assert_eq!(
            told,
            [
                "service=\"radarr\",instance=\"4k\",outcome=\"answered\"} 3",
                "service=\"radarr\",instance=\"films\",outcome=\"answered\"} 3",
                "service=\"plex\",instance=\"\",outcome=\"answered\"} 3",
                "service=\"plex\",instance=\"\",outcome=\"throttled\"} 3",
                "service=\"plex server\",instance=\"\",outcome=\"answered\"} 3",
            ],
            "of TMDB without a key, and of an instance that is no more, nothing is told"
        );
        assert!(!after.contains("sold long ago"), "{after}");
    }

    #[test]
    fn lines_are_in_the_text_format_and_labels_cannot_break_out() {
        let mut page = Page::default();
        page.counter("a_total", "Things.");
        page.line("a_total", &[("of", "say \"x\"\n\\"), ("kind", "b")], 3);
        page.line("a_total", &[], 4);
        page.thousandths("b_seconds", 1_203);
        assert_eq!(
            page.0,
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{of=\"say \\\"x\\\"\\n\\\\\",kind=\"b\"} 3\na_total 4\nb_seconds 1.203\n"
        );
    }
}
