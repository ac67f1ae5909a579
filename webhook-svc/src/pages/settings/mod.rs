//! Everything else that people decide.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
