//! Everything else that people decide.

mod about;
mod all;
mod api_keys;
mod authentication;
mod fields;
mod general;
pub(super) mod group;
mod intervals;
mod logs;
mod plex;
#[cfg(test)]
mod tests;
mod tmdb;
mod transfer;
mod variables;

use super::{Page, see_other};

pub(super) fn pages() -> [&'static [Page]; 11] {
    [
        FIRST,
        general::PAGES,
        plex::PAGES,
        authentication::PAGES,
        api_keys::PAGES,
        tmdb::PAGES,
        intervals::PAGES,
        logs::PAGES,
        transfer::PAGES,
        all::PAGES,
        about::PAGES,
    ]
}

const FIRST: &[Page] =
    &[Page::shown("/settings", |ask| Box::pin(async move { Ok(see_other(&ask, "/settings/general", None)) }))];
