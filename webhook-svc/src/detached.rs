//! Work that is brought to its end although whoever asked for it may go away: their request is dropped then, and what it has begun must
//! not stop halfway.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Lets `work` go on by itself. What it logs still names the request that asked for it.
pub fn on_its_own<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(work.in_current_span())
}
