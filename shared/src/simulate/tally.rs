//! What all wishes together come to.

use std::collections::BTreeMap;

use super::{Missing, MissingOf, Outlook, Totals, What};
use crate::model::PlexId;

/// Totals in the making. Wishes come by title, so that those for one title come one after the other.
#[derive(Debug, Default)]
pub(super) struct Tally {
    totals: Totals,
    /// Of how many titles nobody has told each fact, and of which last.
    missing: BTreeMap<Missing, (u32, PlexId)>,
}

impl Tally {
    /// Counts a wish that stays where it is.
    pub fn settled(&mut self) {
        self.totals.settled += 1;
    }

    /// Counts a wish that is told about.
    pub fn add(&mut self, entry: &Outlook) {
        let totals = &mut self.totals;
        totals.entries += 1;
        totals.changed += u32::from(entry.changed);
        *totals.places.entry(entry.then.what.word()).or_default() += 1;
        if entry.then.what == What::Route {
            for instance in &entry.then.to {
                *totals.instances.entry(instance.clone()).or_default() += 1;
            }
        }
        for fact in &entry.missing {
            let (titles, last) = self.missing.entry(*fact).or_insert_with(|| (1, entry.plex_id.clone()));
            if *last != entry.plex_id {
                (*titles, *last) = (*titles + 1, entry.plex_id.clone());
            }
        }
    }

    pub fn totals(self) -> Totals {
        let missing = self.missing.into_iter().map(|(missing, (titles, _))| MissingOf { missing, titles });
        Totals { missing: missing.collect(), ..self.totals }
    }
}
