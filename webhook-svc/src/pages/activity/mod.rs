//! What happened: runs, decisions, failures, webhooks, who changed what, and the log as it is written.

mod audit;
mod decisions;
mod failures;
mod log;
mod runs;
mod webhooks;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 6] {
    [runs::PAGES, decisions::PAGES, failures::PAGES, webhooks::PAGES, audit::PAGES, log::PAGES]
}

/// The rows of a list on one page.
const ROWS: &str = "40";
