//! What acting on an instance came to, and the few things that every way of acting needs.

use crate::model::{Instance, InstanceKind, Title, TmdbId, TvdbId};
use crate::report::{Change, PlacementCounts, Problem};

/// What working off one queue came to.
#[derive(Debug, Default)]
pub struct Acted {
    /// What became of the placements.
    pub counts: PlacementCounts,
    /// Titles with what happened to them, in order.
    pub changes: Vec<Change>,
    /// Why the queue was left before its end, or what some of it waits for.
    pub problem: Option<Problem>,
}

/// The id by which this kind of instance knows its titles.
pub(super) fn external_id(kind: InstanceKind, title: &Title) -> Option<u32> {
    match kind {
        InstanceKind::Radarr => title.ids.tmdb.map(|TmdbId(id)| id),
        InstanceKind::Sonarr => title.ids.tvdb.map(|TvdbId(id)| id),
    }
}

/// What is said of a title that an attempt without an answer has brought there.
pub(super) fn found_after_all(instance: &Instance) -> String {
    format!("found in {}; an earlier attempt to add it never got its answer", instance.label())
}
