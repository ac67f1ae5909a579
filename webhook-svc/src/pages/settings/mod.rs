//! Everything else that people decide.

pub(super) mod group;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
