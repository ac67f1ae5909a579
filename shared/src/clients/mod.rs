//! Asking Plex, the arrs and TMDB: requests out, `model` values back.
//!
//! Owns everything about the wire: addresses, headers, pace, retries, what an upstream's errors mean, and what its JSON looks
//! like. Refuses to open the store, to decide anything about a title, and to let a wire type out. Secrets travel in headers
//! marked sensitive and nowhere else: no URL, error, log line or `Debug` output holds one.
//!
//! From the outside in: [`plex`], [`arr`] and [`tmdb`] know the APIs, [`http`] sends and retries, [`limiter`] makes everybody wait,
//! [`tls`] says whom we trust.

mod answer;
pub mod arr;
mod clean;
mod fetch_error;
pub mod http;
pub mod json_array;
mod lenient;
pub mod limiter;
pub mod plex;
pub mod posters;
pub mod reach;
mod receive;
mod request;
pub mod tls;
pub mod tmdb;

pub use fetch_error::FetchError;
pub use http::{Counters, Http, HttpSettings, THROTTLED_REPEATS, Transport};
pub use limiter::{LimiterSettings, Pace};

#[cfg(test)]
pub(crate) mod testing;
