//! Shows how far a run is: a bar on a terminal, a line every few seconds elsewhere. Short runs show nothing.

use std::cell::Cell;
use std::io::Write;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pulsarr_shared::clock::Stopwatch;
use pulsarr_shared::run::{Position, RunStage};
use tokio::time::MissedTickBehavior;
use tracing::info;

/// A run that is over before this never shows the bar, which would only flash up.
const BAR_AFTER: Duration = Duration::from_secs(1);

/// Between two lines, and before the first.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often somebody looks whether a bar or a line is due while the run itself waits for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The bar on this process's terminal, for the log lines that have to go around it.
static ON_TERMINAL: OnceLock<ProgressBar> = OnceLock::new();

/// Standard error for log lines: takes the bar away for as long as a line is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct AroundBar;

impl Write for AroundBar {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        match ON_TERMINAL.get() {
            Some(bar) => bar.suspend(|| std::io::stderr().write(line)),
            None => std::io::stderr().write(line),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being done: `reading watchlists`.
    pub words: &'static str,
    /// Of `total`.
    pub done: u64,
    /// In all, as far as known.
    pub total: u64,
}

impl From<Position> for Step {
    fn from(Position { stage, done, total }: Position) -> Self {
        Self { words: words(stage), done: done.into(), total: total.into() }
    }
}

/// The bar or the lines of one run.
pub struct Bar {
    shown: Shown,
    step: Cell<Option<Step>>,
    since: Stopwatch,
}

enum Shown {
    OnTerminal(Revealed),
    InLines(Lines),
}

impl Bar {
    /// A bar where standard error is a terminal that can move its cursor, lines elsewhere.
    pub fn new() -> Self {
        let shown = if ProgressDrawTarget::stderr().is_hidden() {
            Shown::InLines(Lines::every(LINE_EVERY))
        } else {
            Shown::OnTerminal(Revealed::default())
        };
        Self { shown, step: Cell::new(None), since: Stopwatch::start() }
    }

    /// Takes note of a step, and shows it when it is time.
    pub fn show(&self, step: impl Into<Step>) {
        self.step.set(Some(step.into()));
        self.refresh();
    }

    /// Does `work` to its end, keeping what is shown alive also while the work only waits. The bar is gone afterwards, to make room
    /// for the report.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    if let (Shown::OnTerminal(_), Some(bar)) = (&self.shown, ON_TERMINAL.get()) {
                        bar.finish_and_clear();
                    }
                    return done;
                }
                _ = look.tick() => self.refresh(),
            }
        }
    }

    fn refresh(&self) {
        let Some(step) = self.step.get() else { return };
        match &self.shown {
            Shown::OnTerminal(revealed) => {
                if self.since.elapsed() >= BAR_AFTER {
                    revealed.draw(step);
                }
            }
            Shown::InLines(lines) => {
                if let Some(line) = lines.due(self.since.elapsed(), step) {
                    info!("{line}");
                }
            }
        }
    }
}

/// The bar, from its first drawing on.
#[derive(Default)]
struct Revealed {
    words: Cell<Option<&'static str>>,
}

impl Revealed {
    fn draw(&self, step: Step) {
        let bar = ON_TERMINAL.get_or_init(|| {
            let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {pos}/{len} {elapsed}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let Step { words, done, total } = step;
        if self.words.replace(Some(words)) != Some(words) {
            bar.set_message(words);
            bar.reset_elapsed();
        }
        bar.set_length(total);
        bar.set_position(done);
        bar.tick();
    }
}

/// Lines at intervals.
struct Lines {
    interval: Duration,
    /// Since the start of the run.
    next_at: Cell<Duration>,
}

impl Lines {
    const fn every(interval: Duration) -> Self {
        Self { interval, next_at: Cell::new(interval) }
    }

    /// The line for `step`, if one is due at `elapsed` since the start of the run.
    fn due(&self, elapsed: Duration, step: Step) -> Option<String> {
        if elapsed < self.next_at.get() {
            return None;
        }
        self.next_at.set(elapsed + self.interval);
        let Step { words, done, total } = step;
        Some(format!("{words}: {done} of {total}"))
    }
}

const fn words(stage: RunStage) -> &'static str {
    match stage {
        RunStage::Observe => "reading watchlists",
        RunStage::Resolve => "asking for ids and genres",
        RunStage::Decide => "deciding",
        RunStage::Act => "adding to Sonarr and Radarr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_without_a_terminal_says_every_ten_seconds_where_it_is() {
        let lines = Lines::every(LINE_EVERY);
        let due = |elapsed_ms: u64, stage, done| {
            lines.due(Duration::from_millis(elapsed_ms), Position { stage, done, total: 50 }.into())
        };
        assert_eq!(due(0, RunStage::Observe, 0), None, "a short run stays silent");
        assert_eq!(due(9_999, RunStage::Observe, 11), None);
        assert_eq!(due(10_000, RunStage::Observe, 12).as_deref(), Some("reading watchlists: 12 of 50"));
        assert_eq!(due(10_200, RunStage::Observe, 13), None);
        // A step that took long is followed by one line, not by all that were missed.
        assert_eq!(due(47_000, RunStage::Act, 3).as_deref(), Some("adding to Sonarr and Radarr: 3 of 50"));
        assert_eq!(due(50_000, RunStage::Act, 4), None);
        assert_eq!(due(57_000, RunStage::Act, 5).as_deref(), Some("adding to Sonarr and Radarr: 5 of 50"));
    }
}
