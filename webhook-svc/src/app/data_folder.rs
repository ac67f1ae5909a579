//! Whether the data folder can be written to.

use std::fmt::{Display, Formatter};
use std::io::ErrorKind;
use std::sync::Arc;

use pulsarr_shared::clock::UnixMs;
use tokio::sync::Mutex;

/// The last look at the data folder: when, and what was wrong with it. Held while somebody looks.
pub type LastLook = Arc<Mutex<Option<(UnixMs, Result<(), NotWritable>)>>>;

/// Why the data folder cannot be written to, in the operating system's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotWritable {
    /// There is no room: what is stored can be read, and a restart would bring no room but take the service away.
    Full(String),
    /// It is read-only, its disk is faulty, or it does not answer: the service is of no use to anybody.
    Failed(String),
}

impl NotWritable {
    /// `full` or `failed`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Full(_) => "full",
            Self::Failed(_) => "failed",
        }
    }
}

impl From<std::io::Error> for NotWritable {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl Display for NotWritable {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full(detail) | Self::Failed(detail) => formatter.write_str(detail),
        }
    }
}
