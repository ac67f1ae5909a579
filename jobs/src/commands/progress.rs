//! Shows how far a run is: a bar on a terminal, a line every few seconds elsewhere.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pulsarr_shared::clock::Stopwatch;
use pulsarr_shared::run::{Position, RunStage};
use tracing::info;

/// Short runs stay silent: an unchanged one is over before this.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The bar or the lines.
pub struct Bar {
    bar: Option<ProgressBar>,
    stage: RefCell<Option<RunStage>>,
    last_line: Cell<Stopwatch>,
}

impl Bar {
    /// A bar where standard error is a terminal, lines elsewhere.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {pos}/{len} {elapsed}");
            let bar = ProgressBar::new(0);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
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
        match &self.bar {
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
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
