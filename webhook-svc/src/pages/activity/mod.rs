//! What happened: runs, decisions, failures, webhooks, who changed what, and the log as it is written.

mod audit;
mod decisions;
mod failures;
mod log;
mod runs;
mod webhooks;

use super::Page;
use super::trouble::query;
use crate::request::Ask;

pub(super) fn pages() -> [&'static [Page]; 6] {
    [runs::PAGES, decisions::PAGES, failures::PAGES, webhooks::PAGES, audit::PAGES, log::PAGES]
}

/// The rows of a list on one page.
const ROWS: &str = "40";

/// Where the page begins that is asked for, as the API is asked.
fn page_from(ask: &Ask) -> [(&'static str, &str); 2] {
    ["before", "after"].map(|name| (name, ask.parameter(name).unwrap_or_default()))
}

/// The queries of the pages with newer and with older rows. One that was asked for by a row, and has none, leads to the newest.
struct WaysOn {
    newer: Option<String>,
    older: Option<String>,
}

impl WaysOn {
    fn of(ask: &Ask, filters: &[(&str, &str)], newer: Option<String>, older: Option<String>) -> Self {
        let place = |name: &str, id: &str| query(&[filters, &[(name, id)]].concat()).trim_end_matches('&').to_owned();
        let is_first = page_from(ask).iter().all(|(_, row)| row.is_empty());
        let newest = || (!is_first && older.is_none()).then(|| place("", ""));
        Self {
            newer: newer.map(|id| place("after", &id)).or_else(newest),
            older: older.as_ref().map(|id| place("before", id)),
        }
    }
}
