//! Logs: one line an event on standard error, JSON unless a terminal reads them. Standard output is for reports alone. What is logged
//! can be changed while the process lives, secrets are taken out of every line, and a service keeps the last lines. Files get them too,
//! where the settings ask for that.

mod file;
mod recent;
mod redaction;

pub use file::{FOLDER, FileState};
pub use recent::{Line, MAX_BYTES, MAX_LINES, Recent};

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use secrecy::SecretString;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, Environment, LogFormat, is_log_filter};
use file::{LogFile, Wanted};
use redaction::{Reader, Redaction};

/// Whose log file it is: `service.log`.
pub const SERVICE: &str = "service";

/// Whose log file it is: `job.log`, of all jobs.
pub const JOB: &str = "job";

/// The last lines of this process; empty where [`start`] was not told to keep them.
static RECENT: Recent = Recent::new();

/// The file that lines go to besides.
static FILE: LogFile = LogFile::new();

/// What no line may tell.
static REDACTION: Redaction = Redaction::new();

/// The filter that is in force.
static IN_FORCE: OnceLock<InForce> = OnceLock::new();

struct InForce {
    handle: reload::Handle<Targets, Registry>,
    text: Mutex<String>,
}

/// Whether the last lines are kept for [`recent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// They are.
    LastLines,
    /// They are not: nobody could ask for them.
    Nothing,
}

/// Why a filter is not in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is none.
    #[error(
        "use the log filter `{0}`: write off, error, warn, info, debug or trace, or a list such as info,pulsarr_shared=debug"
    )]
    NotOne(String),
    /// Logging has not begun, or somebody else's subscriber logs.
    #[error("change what is logged: it is not this process that decides it")]
    NotOurs,
}

/// Starts logging. `filter` is a level (`info`) for our own code, others at `warn`; or a list such as
/// `pulsarr_shared=debug,warn`. `writer` makes a writer to standard error for each line. A second call changes nothing.
///
/// # Errors
/// A sentence when `filter` is none.
pub fn start<W: Write + 'static>(
    filter: &str,
    format: LogFormat,
    writer: impl Fn() -> W + Send + Sync + 'static,
    keep: Keep,
) -> Result<(), String> {
    let targets = targets(filter).map_err(|error| format!("PULSARR_LOG: failed to {error}"))?;
    let (targets, handle) = reload::Layer::new(targets);
    let lines = lines(format, writer, keep, (&REDACTION, &RECENT, &FILE));
    // Somebody else's subscriber, a test's for example, is as good.
    if tracing_subscriber::registry().with(lines.with_filter(targets)).try_init().is_ok() {
        let _ = IN_FORCE.set(InForce { handle, text: Mutex::new(filter.trim().to_lowercase()) });
    }
    Ok(())
}

/// Changes what is logged until the process ends. `filter` is what [`start`] takes.
///
/// # Errors
/// [`FilterError`]; then what was in force still is.
pub fn set_filter(filter: &str) -> Result<(), FilterError> {
    let targets = targets(filter)?;
    let in_force = IN_FORCE.get().ok_or(FilterError::NotOurs)?;
    let mut text = in_force.text.lock().unwrap_or_else(PoisonError::into_inner);
    in_force.handle.reload(targets).map_err(|_| FilterError::NotOurs)?;
    *text = filter.trim().to_lowercase();
    Ok(())
}

/// The filter that is in force; `None` where this process's logging has not begun.
#[must_use]
pub fn filter() -> Option<String> {
    let in_force = IN_FORCE.get()?;
    Some(in_force.text.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// The last lines of this process, without secrets.
#[must_use]
pub fn recent() -> &'static Recent {
    &RECENT
}

/// From now on lines go to the file that `environment` asks for, as well, or to none. `program` is what it is called: `service`.
pub fn follow(environment: &Environment, program: &'static str) {
    FILE.follow(Wanted::of(environment, program), &RECENT);
}

/// How it is with the file that lines go to; `None`: to none.
#[must_use]
pub fn file() -> Option<FileState> {
    FILE.state()
}

/// At the end of a process: waits, two seconds at most, until the last lines are in the file.
pub fn finish() {
    FILE.finish();
}

/// From now on `secret` stands in no line. One of fewer than six characters does: it would be found in ordinary words.
pub fn hide(secret: &SecretString) {
    REDACTION.hide(secret, false);
}

/// From now on [`recent`] does not tell `secret`; the process's own output still does.
pub fn hide_from_recent(secret: &SecretString) {
    REDACTION.hide(secret, true);
}

/// Hides every secret that `config` holds.
pub fn hide_secrets_of(config: &Config) {
    let (environment, settings) = (&config.environment, &config.settings);
    let maybe = [&environment.setup_token, &environment.apprise_url, &settings.plex.token, &settings.tmdb.api_key];
    maybe.into_iter().flatten().for_each(hide);
    settings.instances.iter().for_each(|instance| hide(&instance.api_key));
}

/// Writes events as lines.
fn lines<S, W>(
    format: LogFormat,
    writer: impl Fn() -> W + Send + Sync + 'static,
    keep: Keep,
    (redaction, recent, file): (&'static Redaction, &'static Recent, &'static LogFile),
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let keep = (keep == Keep::LastLines).then_some(recent);
    if json {
        return json_lines(move || LineWriter { to: writer(), redaction, keep, file: Some(file) });
    }
    let for_people = tracing_subscriber::fmt::layer()
        .with_writer(move || LineWriter { to: writer(), redaction, keep: None, file: None })
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .compact();
    // What is kept is JSON also where people read along.
    let kept = json_lines(move || LineWriter { to: std::io::sink(), redaction, keep, file: Some(file) });
    for_people.and_then(kept).boxed()
}

/// Events as JSON, with the request during which they happened under `span`.
fn json_lines<S, W>(writer: impl Fn() -> W + Send + Sync + 'static) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).json();
    layer.flatten_event(true).with_current_span(true).with_span_list(false).with_target(false).boxed()
}

/// Writes lines without their secrets. Each arrives whole, in one call.
struct LineWriter<W> {
    to: W,
    redaction: &'static Redaction,
    keep: Option<&'static Recent>,
    file: Option<&'static LogFile>,
}

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        let file = self.file.filter(|file| file.is_on());
        if self.keep.is_some() || file.is_some() {
            let line = self.redaction.apply(&line, Reader::Api);
            if let Some(recent) = self.keep {
                recent.push(&line);
            }
            if let Some(file) = file {
                file.push(&line);
            }
        }
        self.to.write_all(self.redaction.apply(&line, Reader::Operator).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn targets(filter: &str) -> Result<Targets, FilterError> {
    let filter = filter.trim().to_lowercase();
    // The subscriber would take a mistyped level for the name of a target, and nothing at all for `error`.
    if !is_log_filter(&filter) {
        return Err(FilterError::NotOne(filter));
    }
    if let Ok(level) = filter.parse::<LevelFilter>() {
        let ours = ["pulsarr", "pulsarr_shared", "pulsarr_webhook_svc"].map(|target| (target, level));
        return Ok(Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours));
    }
    filter.parse().map_err(|_| FilterError::NotOne(filter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing::Level;

    #[test]
    fn a_level_is_for_our_own_code_and_others_stay_quiet() {
        let targets = targets("debug").unwrap();
        assert!(targets.would_enable("pulsarr_shared::sync", &Level::DEBUG));
        assert!(!targets.would_enable("hyper", &Level::INFO));
        assert!(targets.would_enable("hyper", &Level::WARN));
        assert!(!super::targets("off").unwrap().would_enable("hyper", &Level::ERROR));
    }

    #[test]
    fn a_list_of_targets_is_taken_as_it_is_and_nonsense_is_refused() {
        assert!(targets("hyper=trace,warn").unwrap().would_enable("hyper", &Level::TRACE));
        let refused = |filter: &str| targets(filter).unwrap_err().to_string();
        assert!(
            refused("loud=ish").starts_with("use the log filter `loud=ish`: write off, "),
            "{}",
            refused("loud=ish")
        );
        assert!(refused("inof").starts_with("use the log filter `inof`: "));
        assert!(refused("").starts_with("use the log filter ``: "));
    }

    /// What is written and what is kept of what `work` logs.
    fn logged(format: LogFormat, work: impl FnOnce()) -> (String, Vec<Line>) {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (redaction, recent): (&'static _, &'static _) = (Box::leak(Box::default()), Box::leak(Box::default()));
        let file = Box::leak(Box::new(LogFile::new()));
        Redaction::hide(redaction, &"sesame-opens".into(), false);
        Redaction::hide(redaction, &"first-visit".into(), true);
        let to = Arc::clone(&written);
        let lines = lines(format, move || Shared(Arc::clone(&to)), Keep::LastLines, (redaction, recent, file));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        (text, recent.after(0))
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_secret_is_written_or_kept_and_what_only_operators_may_read_is_not_kept() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let (written, kept) = logged(format, || {
                tracing::warn!(url = "http://arr/?apikey=0123456789", "said sesame-opens; token first-visit");
            });
            assert!(written.contains("said ***; token first-visit"), "{written}");
            assert!(written.contains("apikey=***"), "{written}");
            let [line] = &kept[..] else { panic!("{kept:?}") };
            let json: serde_json::Value = serde_json::from_str(&line.text).unwrap();
            assert_eq!(json["message"], "said ***; token ***");
            assert_eq!(json["url"], "http://arr/?apikey=***");
            assert_eq!(json["level"], "WARN");
        }
    }

    #[test]
    fn a_line_names_the_request_during_which_it_was_logged() {
        let (written, _) = logged(LogFormat::Json, || {
            tracing::error_span!("request", request.id = "0badcafe").in_scope(|| tracing::info!("inside"));
            tracing::info!("outside");
        });
        let lines: Vec<serde_json::Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["span"]["request.id"], "0badcafe", "{written}");
        assert_eq!(lines[1]["span"], serde_json::Value::Null, "{written}");
    }

    #[test]
    fn what_is_logged_changes_while_the_process_lives() {
        // The one test of this package that starts logging for the whole process.
        assert_eq!(filter(), None);
        assert_eq!(set_filter("debug"), Err(FilterError::NotOurs));
        start("Error", LogFormat::Json, std::io::sink, Keep::LastLines).unwrap();
        assert_eq!(filter().as_deref(), Some("error"));
        let told = |text: &str| recent().after(0).iter().any(|line| line.text.contains(text));
        tracing::info!("too quiet to be heard");
        set_filter("off,pulsarr_shared::telemetry=info").unwrap();
        tracing::info!("loud enough by now");
        assert!(set_filter("loud").is_err());
        assert_eq!(filter().as_deref(), Some("off,pulsarr_shared::telemetry=info"));
        assert!(told("loud enough by now") && !told("too quiet to be heard"));
        set_filter("off").unwrap();
    }
}
