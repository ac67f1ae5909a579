//! Linking the household's Plex account: from a code on the screen to a token that is known to work, and what to know about it later.
//!
//! Owns the steps in between and what is told to people about them. Refuses to store a token (whoever links decides where it goes),
//! to wait (whoever asks comes again), and to read anybody's list.
//!
//! [`Linking`] gets the token, [`health`] looks after it, [`connection`] finds the way to the Plex server, [`mod@readability`] says whose
//! list can be read and what to do about the others, [`qr`] draws the code.

pub mod connection;
pub mod health;
mod pin;
pub mod qr;
pub mod readability;

pub use connection::{Choice, Tried, choose_connection};
pub use health::{TokenHealth, TokenState, check_health};
pub use pin::{LINK_PAGE, LinkState, Linked, Linking, PendingPin};
pub use qr::qr_svg;
pub use readability::{Readability, Reading, Seen, readability};
