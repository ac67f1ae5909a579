//! Every entry of every list, and the story of each.

mod list;
mod story;
mod timeline;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 2] {
    [list::PAGES, story::PAGES]
}
