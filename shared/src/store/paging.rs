//! Pages of lists that go from the newest row to the oldest.

/// Where a page begins, by a row that is not on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PageFrom<K> {
    /// With the newest row.
    #[default]
    Newest,
    /// With the first row that is older than this one.
    Before(K),
    /// So that it ends with the last row that is newer than this one.
    After(K),
}

/// A page, and whether there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The newest first.
    pub rows: Vec<T>,
    /// Whether there are newer ones. Of what comes before a row that is gone meanwhile there is nothing, and this row counts as newer.
    pub has_newer: bool,
    /// Whether there are older ones.
    pub has_older: bool,
}

impl<T> Paged<T> {
    /// Of the rows that were found from there on, nearest first: at most one more than `limit`.
    pub(super) fn found<K>(mut rows: Vec<T>, from: &PageFrom<K>, limit: u32) -> Self {
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        match from {
            PageFrom::Newest => Self { rows, has_newer: false, has_older: has_more },
            PageFrom::Before(_) => Self { rows, has_newer: true, has_older: has_more },
            PageFrom::After(_) => {
                rows.reverse();
                Self { rows, has_newer: has_more, has_older: true }
            }
        }
    }
}
