//! What waits for somebody to say yes, and what was said.

mod queue;
mod request;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 2] {
    [queue::PAGES, request::PAGES]
}
