//! Where titles belong: the list, the builder, and what a change would change.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
