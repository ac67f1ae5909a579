//! The look at runs for all who listen to them.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::run_view::{RunView, StageView};

/// A run, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progressing {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// Its stages, in order.
    pub progress: Vec<StageView>,
}

/// What the last look has seen: nothing before the first, then the newest run, if there is any.
pub type Seen = Option<Option<Arc<Progressing>>>;

/// The looking, which all listeners share.
#[derive(Default)]
pub struct RunWatch {
    /// What the last look has seen.
    pub seen: watch::Sender<Seen>,
    /// Looks while anybody listens.
    pub looking: Mutex<Option<JoinHandle<()>>>,
}

impl RunWatch {
    /// What is seen from now on. Where nobody looks, `look` begins to.
    pub fn listen(&self, look: impl FnOnce() -> JoinHandle<()>) -> watch::Receiver<Seen> {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let listener = self.seen.subscribe();
        if looking.as_ref().is_none_or(JoinHandle::is_finished) {
            // What was seen when somebody last listened is no news.
            self.seen.send_replace(None);
            *looking = Some(look());
        }
        listener
    }

    /// Whether nobody listens; then the looking has ended, and whoever comes next begins it anew.
    pub fn ends(&self) -> bool {
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = self.seen.receiver_count() == 0;
        if alone {
            *looking = None;
        }
        alone
    }
}
