//! What an instance has, as far as somebody who wants a title has to know it.

use std::collections::HashSet;

/// Set in a kept id where there is a file. Both applications count ids in 32 bits with a sign, so that no id has it of its own.
const WITH_FILE: u32 = 1 << 31;

/// Whether a title is in an instance's library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is not.
    Absent,
    /// It is, and nothing of it can be watched: Radarr's `hasFile` is false, Sonarr's `statistics.episodeFileCount` is 0 or, right
    /// after an add, missing.
    Awaited,
    /// It is, with its file; of a show, with one episode at least.
    WithFile,
}

impl Presence {
    /// Whether the title is in the library, with or without a file.
    #[must_use]
    pub const fn is_there(self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// A whole library: which titles there are, by external id, and of which of them there is a file. Four bytes for each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library(HashSet<u32>);

impl Library {
    /// Notes a title. An id that neither application could hold is passed over.
    pub(super) fn put(&mut self, external_id: u32, with_file: bool) {
        if external_id & WITH_FILE == 0 {
            self.0.insert(if with_file { external_id | WITH_FILE } else { external_id });
        }
    }

    /// Whether the title with this external id is there, and with a file.
    #[must_use]
    pub fn presence(&self, external_id: u32) -> Presence {
        if external_id & WITH_FILE != 0 {
            Presence::Absent
        } else if self.0.contains(&(external_id | WITH_FILE)) {
            Presence::WithFile
        } else if self.0.contains(&external_id) {
            Presence::Awaited
        } else {
            Presence::Absent
        }
    }

    /// How many titles there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Presence::{Absent, Awaited, WithFile};
    use super::*;

    #[test]
    fn a_library_tells_titles_with_a_file_from_those_without_and_from_strangers() {
        const LAST: u32 = i32::MAX as u32;
        let mut library = Library::default();
        library.put(603, true);
        library.put(604, false);
        // The greatest id there can be, and those that a mark would make of others.
        library.put(LAST, true);
        library.put(605 | WITH_FILE, false);
        library.put(606 | WITH_FILE, true);
        let presences = [603, 604, LAST, 605, 606, 603 | WITH_FILE].map(|id| library.presence(id));
        assert_eq!(presences, [WithFile, Awaited, WithFile, Absent, Absent, Absent]);
        assert_eq!((library.len(), library.is_empty()), (3, false));
    }
}
