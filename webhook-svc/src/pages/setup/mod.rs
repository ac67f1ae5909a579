//! From nothing to the first sync.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
