//! How full everybody's quotas are: what reports and the status warn of, and what people look at.

use crate::clock::UnixMs;
use crate::config::Config;
use crate::model::{Quota, User};
use crate::quota::{self, Room};
use crate::report::QuotaReport;
use crate::store::{Db, StoreError};

/// One quota of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuota {
    /// Whose, with the household's name for them.
    pub user: User,
    /// How much.
    pub quota: Quota,
    /// How full it is.
    pub room: Room,
    /// It holds nobody back: quotas do not count for this user, who is counted all the same.
    pub bypassed: bool,
}

impl UserQuota {
    /// How full it is, as people say it: `3 of 5 this week, resets Monday`.
    #[must_use]
    pub fn in_words(&self, config: &Config, now_ms: UnixMs) -> String {
        quota::standing_in_words(&self.quota, &self.room, &config.zone, now_ms)
    }

    /// The same for reports.
    #[must_use]
    pub fn report(&self, config: &Config) -> QuotaReport {
        QuotaReport {
            user: self.user.called().to_owned(),
            media_type: self.quota.media_type,
            quota: quota::in_words(&self.quota),
            used: self.room.used,
            limit: self.room.limit,
            percent: self.room.percent(),
            room_again_at: self.room.frees_at_ms.map(|at| quota::local(at, &config.zone)),
        }
    }
}

/// Every quota of everybody, the owner's first, then by user name.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn quotas(db: Db<'_>, config: &Config, now_ms: UnixMs) -> Result<Vec<UserQuota>, StoreError> {
    let mut all = Vec::new();
    for user in db.users()? {
        all.extend(quotas_of(db, config, user, now_ms)?);
    }
    Ok(all)
}

/// Every quota of one user.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn quotas_of(db: Db<'_>, config: &Config, user: User, now_ms: UnixMs) -> Result<Vec<UserQuota>, StoreError> {
    let user = config.settings.users.named(user);
    let standing = config.settings.users.standing(&user);
    let mut all = Vec::new();
    for it in standing.quotas {
        let uses = db.quota_uses_since(user.id, it.media_type, quota::since_ms(it.period, &config.zone, now_ms))?;
        let room = quota::room(&it, &uses, &config.zone, now_ms);
        all.push(UserQuota { user: user.clone(), quota: it, room, bypassed: standing.bypass_quota });
    }
    Ok(all)
}

/// Every quota of which at least 80 % is used, the owner's first, then by user name. Users whom quotas do not hold back, and those who
/// do not take part, are left out.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn nearly_full_quotas(db: Db<'_>, config: &Config, now_ms: UnixMs) -> Result<Vec<QuotaReport>, StoreError> {
    let all = quotas(db, config, now_ms)?.into_iter();
    let warned_of = all.filter(|it| it.user.synced && !it.bypassed && it.room.is_nearly_full());
    Ok(warned_of.map(|it| it.report(config)).collect())
}
