//! Who is synced, what they may have, and what they have.

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 0] {
    []
}
