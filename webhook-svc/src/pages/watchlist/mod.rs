//! Every entry of every list, and the story of each.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
