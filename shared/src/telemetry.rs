//! Logs: one line an event on standard error, JSON unless a terminal reads them. Standard output is for reports alone.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Starts logging. `filter` is a level (`info`) for our own code, others at `warn`; or a list such as
/// `pulsarr_shared=debug,warn`. `writer` makes a writer to standard error for each line. A second call changes nothing.
///
/// # Errors
/// A sentence when `filter` is none.
pub fn start<W: std::io::Write + 'static>(
    filter: &str,
    format: LogFormat,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Result<(), String> {
    let targets = targets(filter)?;
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let layer = if json {
        layer.json().flatten_event(true).with_current_span(false).with_target(false).boxed()
    } else {
        layer.with_target(false).with_ansi(std::io::stderr().is_terminal()).compact().boxed()
    };
    // Somebody else's subscriber, a test's for example, is as good.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
    Ok(())
}

fn targets(filter: &str) -> Result<Targets, String> {
    let filter = filter.trim().to_lowercase();
    if let Ok(level) = filter.parse::<LevelFilter>() {
        let ours = ["pulsarr", "pulsarr_shared", "pulsarr_webhook_svc"].map(|target| (target, level));
        return Ok(Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours));
    }
    filter.parse().map_err(|error| {
        format!("PULSARR_LOG: `{filter}` is neither a level (error, warn, info, debug, trace) nor a list of targets: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(targets("loud=ish").unwrap_err().starts_with("PULSARR_LOG: `loud=ish` is neither a level"));
    }
}
