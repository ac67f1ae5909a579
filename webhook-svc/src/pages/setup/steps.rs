//! How far the setup has come.

use pulsarr_shared::config::AuthMode;

use crate::api::{first_sync, taking_part};
use crate::pages::Frame;
use crate::request::{ApiError, Ask};

/// A step of the setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Somebody who may.
    Admin,
    /// Whose account.
    Plex,
    /// Where titles go.
    Instances,
    /// Whose lists.
    People,
    /// What would come of it.
    Preview,
}

/// A step as pages show it.
pub struct Shown {
    /// What it is called.
    pub label: &'static str,
    /// Where it is; empty: not yet.
    pub path: &'static str,
    /// Nothing has to be done about it any more.
    pub done: bool,
    /// It is the page that is shown.
    pub current: bool,
}

/// What is done.
pub struct Progress {
    done: [bool; 5],
}

const ALL: [(Step, &str, &str); 5] = [
    (Step::Admin, "Admin", ""),
    (Step::Plex, "Plex", "/setup/plex"),
    (Step::Instances, "Radarr and Sonarr", "/setup/instances"),
    (Step::People, "Watchlists", "/setup/users"),
    (Step::Preview, "Preview", "/setup/preview"),
];

impl Progress {
    /// As it is now, for somebody who may know.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(ask: &Ask) -> Result<Self, ApiError> {
        let (app, config) = (&ask.app, ask.app.config());
        let (plex, instances) = (config.settings.plex.token.is_some(), !config.settings.instances.is_empty());
        let looked = taking_part::any_looked_at(app).await?;
        let begun = plex && instances && !first_sync::waits(app).await?;
        Ok(Self { done: [!needs_admin(ask).await?, plex, instances, looked || begun, begun] })
    }

    /// Where to go on: the first step that is not done, or the first page of the service.
    pub fn next(&self) -> &'static str {
        let open = ALL.iter().zip(self.done).find(|(_, done)| !done);
        open.map_or("/", |((_, _, path), _)| path)
    }

    /// Every step, of which `current` is shown.
    pub fn steps(&self, current: Step) -> Vec<Shown> {
        let shown = ALL.iter().zip(self.done);
        shown
            .map(|((step, label, path), done)| Shown {
                label,
                path,
                done: done && *step != current,
                current: *step == current,
            })
            .collect()
    }
}

/// The steps before there is an admin, which tell nothing.
pub fn first_steps() -> Vec<Shown> {
    let current = |step: &Step| *step == Step::Admin;
    ALL.iter().map(|(step, label, _)| Shown { label, path: "", done: false, current: current(step) }).collect()
}

/// Whether the first admin has still to be made.
///
/// # Errors
/// When the store cannot be read.
pub async fn needs_admin(ask: &Ask) -> Result<bool, ApiError> {
    let made = ask.app.database.read(|db| db.has_admin()).await?;
    Ok(!made && ask.app.config().environment.auth != AuthMode::Disabled)
}

/// What is around a step.
///
/// # Errors
/// When the store cannot be read.
pub async fn frame(ask: &Ask, title: &str) -> Result<Frame, ApiError> {
    Ok(Frame::of(ask, "setup", title).await?.with_scripts(&["again.js"]))
}
