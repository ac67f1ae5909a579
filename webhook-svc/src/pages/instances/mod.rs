//! Every Sonarr and Radarr: how it is, and how it is reached.

mod edit;
pub(super) mod form;
mod list;
pub(super) mod new;
mod view;

use super::{Form, Page};

pub(super) use view::{Line, lines};

pub(super) fn pages() -> [&'static [Page]; 3] {
    [list::PAGES, new::PAGES, edit::PAGES]
}

/// The rows of a list on one page.
const ROWS: u32 = 50;

/// Where a form that may stand on several pages leads back to: the one that it names, if that is one of ours.
fn back<'f>(form: &'f Form, otherwise: &'f str) -> &'f str {
    match form.value("back") {
        place @ ("/instances" | "/setup/instances") => place,
        _ => otherwise,
    }
}
