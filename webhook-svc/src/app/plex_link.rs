//! The linking of a Plex account.

use pulsarr_shared::link::PendingPin;
use schemars::JsonSchema;
use serde::Serialize;

use crate::audit::By;

/// The linking that is under way, or ended last. Lives in memory only: after a restart the person starts over.
#[derive(Default)]
pub enum PlexLink {
    /// Nobody has begun, or it was called off.
    #[default]
    Idle,
    /// A code is on somebody's screen.
    Waiting {
        /// The code.
        pin: Box<PendingPin>,
        /// Who began.
        by: By,
    },
    /// Nothing came of it: too late, or what Plex gave could not be used or stored.
    Expired {
        /// What happened and what to do, as a sentence.
        advice: String,
    },
    /// Done.
    Linked(LinkedView),
}

impl PlexLink {
    /// Nothing came of it, for this reason.
    pub fn expired(advice: &str) -> Self {
        Self::Expired { advice: advice.to_owned() }
    }

    /// The account is known, and its token cannot be stored.
    pub fn not_stored(why: &str) -> Self {
        tracing::error!("the token of the Plex account could not be stored: {why}");
        Self::expired(&format!("Plex gave a token, which could not be stored: {why}. Mend that and begin again."))
    }
}

/// A token that is stored.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LinkedView {
    /// Plex's user name of the account.
    pub is: String,
    /// Whether it has a Plex Pass.
    pub plex_pass: bool,
    /// Whether it is another account than the one whose lists were read until now. That one's titles stay on record.
    pub another_account: bool,
    /// Then: the user name of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}
