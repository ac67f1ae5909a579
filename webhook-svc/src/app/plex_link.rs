//! The linking of a Plex account.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex as Brief, PoisonError};

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::link::PendingPin;
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};

use crate::audit::By;

/// The linking of whoever has a turn at it, which may take as long as Plex does; and how it stood when the last turn was over, for whoever
/// only looks. Lives in memory only: after a restart the person starts over.
#[derive(Default)]
pub struct Linking {
    link: Mutex<PlexLink>,
    /// Held for no longer than it takes to copy it.
    stood: Brief<LinkStood>,
}

/// A turn at the linking. Everybody sees what came of it once it is over.
pub struct LinkTurn<'a> {
    link: MutexGuard<'a, PlexLink>,
    stood: &'a Brief<LinkStood>,
    /// What else there is to say, as a sentence.
    pub detail: Option<String>,
}

/// How the linking stood.
#[derive(Clone, Default)]
pub struct LinkStood {
    /// The code that waits to be typed.
    pub waiting: Option<CodeShown>,
    /// What else there is to say: why nothing came of it, or why it takes longer.
    pub detail: Option<String>,
}

/// A code on somebody's screen.
#[derive(Clone)]
pub struct CodeShown {
    /// Four letters and digits.
    pub code: String,
    /// The page where it is typed, with the code filled in.
    pub address: String,
    /// When it stops working; unix milliseconds.
    pub expires_at_ms: UnixMs,
}

impl Linking {
    /// Waits for a turn.
    pub async fn lock(&self) -> LinkTurn<'_> {
        LinkTurn { link: self.link.lock().await, stood: &self.stood, detail: None }
    }

    /// A turn, unless somebody has one.
    pub fn try_lock(&self) -> Option<LinkTurn<'_>> {
        let link = self.link.try_lock().ok()?;
        Some(LinkTurn { link, stood: &self.stood, detail: None })
    }

    /// How it stood when the last turn was over.
    pub fn stood(&self) -> LinkStood {
        self.stood.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Deref for LinkTurn<'_> {
    type Target = PlexLink;

    fn deref(&self) -> &PlexLink {
        &self.link
    }
}

impl DerefMut for LinkTurn<'_> {
    fn deref_mut(&mut self) -> &mut PlexLink {
        &mut self.link
    }
}

impl Drop for LinkTurn<'_> {
    fn drop(&mut self) {
        let (waiting, why) = match &*self.link {
            PlexLink::Waiting { pin, .. } => (Some(CodeShown::of(pin)), None),
            PlexLink::Expired { advice } => (None, Some(advice.clone())),
            PlexLink::Idle | PlexLink::Linked(_) => (None, None),
        };
        let stood = LinkStood { waiting, detail: why.or_else(|| self.detail.take()) };
        *self.stood.lock().unwrap_or_else(PoisonError::into_inner) = stood;
    }
}

impl CodeShown {
    /// The code of this PIN.
    pub fn of(pin: &PendingPin) -> Self {
        Self { code: pin.code().to_owned(), address: pin.address(), expires_at_ms: pin.expires_at_ms() }
    }
}

/// The linking that is under way, or ended last.
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
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
