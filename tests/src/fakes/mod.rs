//! HTTP servers that behave like Plex, Sonarr, Radarr and TMDb, as far as a watchlist router can tell.
//!
//! Owns: the state of the pretended world (who watches what, what is in which library), the record of every request
//! ([`Seen`]) and the accidents a test orders ([`Fault`]). Refuses: to know anything about the product. What a test asserts is
//! how this world looks afterwards.
//!
//! Every fake listens on a free port of 127.0.0.1 and runs on an OS thread of its own, so synchronous tests can start child
//! processes against it. Dropping the handle stops it.
//!
//! Where a behaviour was read in the real program's source or in a recorded payload, the function says so; what nobody
//! outside knows (Plex publishes no limits) is the milder of the plausible choices, and marked "assumed".

mod arr;
mod exchange;
mod fault;
mod journal;
mod plex;
mod radarr;
mod server;
mod sonarr;
#[cfg(test)]
mod tests;
mod tmdb;
mod webhook;

pub use arr::{ConnectionSeen, Exclusion, FakeArr, Known, LibraryItem, SearchAsked};
pub(crate) use exchange::{Reply, Request};
pub use fault::Fault;
pub use journal::Seen;
pub(crate) use plex::base64;
pub use plex::{FakePlex, FeedEntry, FeedMode, KeyOf, PlexResource, Title};
pub use radarr::FakeRadarr;
pub use server::FakeServer;
pub(crate) use server::World;
pub use sonarr::FakeSonarr;
pub use tmdb::{FakeTmdb, TmdbTitle};
pub use webhook::Delivered;
