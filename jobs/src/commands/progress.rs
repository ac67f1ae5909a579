//! Shows how far a run is: a bar on a terminal, a line every few seconds elsewhere.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pulsarr_shared::clock::Stopwatch;
use pulsarr_shared::run::{Position, RunStage};
use tracing::info;

/// Short runs stay silent: an unchanged one is over before this.
const LINE_EVERY: Duration = Duration::from_secs(10);

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

/// The bar or the lines.
pub struct Bar {
    bar: Option<&'static ProgressBar>,
    stage: RefCell<Option<RunStage>>,
    last_line: Cell<Stopwatch>,
}

impl Bar {
    /// A bar where standard error is a terminal, lines elsewhere.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            ON_TERMINAL.get_or_init(|| {
                let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {pos}/{len} {elapsed}");
                ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            })
        });
        Self { bar, stage: RefCell::new(None), last_line: Cell::new(Stopwatch::start()) }
    }

    /// Shows a position.
    pub fn show(&self, position: Position) {
        let Position { stage, done, total } = position;
        let words = match stage {
            RunStage::Observe => "reading watchlists",
            RunStage::Resolve => "asking for ids and genres",
            RunStage::Decide => "deciding",
            RunStage::Act => "adding to Sonarr and Radarr",
        };
        match self.bar {
            Some(bar) => {
                if self.stage.replace(Some(stage)) != Some(stage) {
                    bar.set_message(words);
                    bar.reset_elapsed();
                }
                bar.set_length(u64::from(total));
                bar.set_position(u64::from(done));
            }
            None => {
                if self.last_line.get().elapsed() >= LINE_EVERY {
                    self.last_line.set(Stopwatch::start());
                    info!("{words}: {done} of {total}");
                }
            }
        }
    }

    /// Takes the bar away, to make room for the report.
    pub fn clear(&self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
