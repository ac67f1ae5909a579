//! The audit log: who changed what. Every endpoint that changes something notes it in the same transaction as the change.

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::store::{Db, NewAuditRow, StoreError};
use serde_json::Value;

/// Who does something, from where, and when.
#[derive(Debug, Clone)]
pub struct By {
    /// Who.
    pub who: String,
    /// The client's address, as far as it can be believed.
    pub address: Option<String>,
    /// When; unix milliseconds.
    pub at_ms: UnixMs,
}

impl By {
    /// The same, under the name that meanwhile is known.
    pub fn named(self, who: &str) -> Self {
        Self { who: who.to_owned(), ..self }
    }
}

/// Notes a change, for use inside [`pulsarr_shared::store::Store::write`]. `action` is `rule.changed`, `target` what was acted on,
/// `detail` says more and holds no secrets.
///
/// # Errors
/// [`StoreError`] when the database cannot be written.
pub fn record(db: Db<'_>, by: &By, action: &str, target: &str, detail: &Value) -> Result<(), StoreError> {
    let detail = detail.to_string();
    let (who, address) = (by.who.as_str(), by.address.as_deref());
    db.add_audit(NewAuditRow { at_ms: by.at_ms, who, address, action, target, detail: &detail })
}
