//! What waits for somebody to say yes, and what was said.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
