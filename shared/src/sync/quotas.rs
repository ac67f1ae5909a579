//! Whose quotas are nearly full: what reports and the status warn of.

use crate::clock::UnixMs;
use crate::config::Config;
use crate::quota;
use crate::report::QuotaReport;
use crate::store::{Db, StoreError};

/// Every quota of which at least 80 % is used, the owner's first, then by user name. Users whom quotas do not hold back, and those who
/// do not take part, are left out.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn nearly_full_quotas(db: Db<'_>, config: &Config, now_ms: UnixMs) -> Result<Vec<QuotaReport>, StoreError> {
    let users = &config.settings.users;
    let mut nearly_full = Vec::new();
    for user in db.users()? {
        let user = users.named(user);
        let standing = users.standing(&user);
        if !user.synced || standing.bypass_quota {
            continue;
        }
        for it in &standing.quotas {
            let uses = db.quota_uses(user.id, it.media_type, None, now_ms)?;
            let room = quota::room(it, &uses, &config.zone, now_ms);
            if room.is_nearly_full() {
                nearly_full.push(QuotaReport {
                    user: user.called().to_owned(),
                    media_type: it.media_type,
                    quota: quota::in_words(it),
                    used: room.used,
                    limit: room.limit,
                    percent: room.percent(),
                    room_again_at: room.frees_at_ms.map(|at| quota::local(at, &config.zone)),
                });
            }
        }
    }
    Ok(nearly_full)
}
