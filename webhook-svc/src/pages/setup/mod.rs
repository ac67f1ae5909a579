//! From nothing to the first sync, in steps that can be left and taken up again: the admin, Plex, Radarr and Sonarr, whose lists, and
//! what the first sync would add. Until somebody starts it, runs only read.

mod admin;
mod instances;
mod people;
mod plex;
mod preview;
mod steps;
#[cfg(test)]
mod tests;

use super::Page;

pub(super) fn pages() -> [&'static [Page]; 5] {
    [admin::PAGES, plex::PAGES, instances::PAGES, people::PAGES, preview::PAGES]
}
