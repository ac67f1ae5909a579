//! Whether everything is all right, what happened today, and what waits; and what that comes to over time.

mod glance;
mod numbers;
mod standing;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 2] {
    [glance::PAGES, numbers::PAGES]
}
