//! The `approvals` of the settings file: how long a request stays open, and what becomes of it then.

use crate::model::{ApprovalSettings, Expiry, WhenExpired};

use super::finding::quoted;
use super::reader::{Field, Fields, Reader};

pub(super) const KEYS: &[&str] = &["rule", "user", "quota", "expire_after_h", "then"];
pub(super) const TRIGGER_KEYS: &[&str] = &["expire_after_h", "then"];
pub(super) const QUOTA_KEYS: &[&str] = &["expire_after_h", "then", "approve_when_free"];

/// The word for requests that stay open until somebody decides.
const NEVER: &str = "never";

/// Hours; a year.
const LONGEST_H: u32 = 8760;

pub(super) fn read<'a>(reader: &mut Reader<'a>, root: &Fields<'a>) -> ApprovalSettings {
    let fields = reader.group(root, "approvals", KEYS);
    let usual = read_expiry(reader, &fields, Expiry::default());
    let [rule, user] = ["rule", "user"].map(|trigger| {
        let fields = reader.group(&fields, trigger, TRIGGER_KEYS);
        let expiry = read_expiry(reader, &fields, usual);
        refuse_then(reader, &fields, &[expiry]);
        expiry
    });
    let quota_fields = reader.group(&fields, "quota", QUOTA_KEYS);
    let quota = read_expiry(reader, &quota_fields, usual);
    refuse_then(reader, &quota_fields, &[quota]);
    let approve_when_quota_frees = reader.flag(&quota_fields, "approve_when_free", true);
    refuse_then(reader, &fields, &[rule, user, quota]);
    ApprovalSettings { rule, user, quota, approve_when_quota_frees }
}

/// Notes a `then` that never comes, because none of the requests it is for ends by itself.
fn refuse_then(reader: &mut Reader<'_>, fields: &Fields<'_>, of: &[Expiry]) {
    if let Some(field) = fields.get("then").filter(|_| of.iter().all(|expiry| expiry.after_h.is_none())) {
        reader.problem(field, "never comes to pass without `expire_after_h`: add it, or remove this line");
    }
}

/// What the two keys say; what is left out is as `usual`.
fn read_expiry(reader: &mut Reader<'_>, fields: &Fields<'_>, usual: Expiry) -> Expiry {
    let after_h = match fields.get("expire_after_h") {
        Some(field) => read_hours(reader, field).unwrap_or(usual.after_h),
        None => {
            reader.list_default(fields, "expire_after_h", in_words(usual.after_h));
            usual.after_h
        }
    };
    let then = reader.choice(fields, "then", WhenExpired::ALL, usual.then);
    Expiry { after_h, then }
}

/// A number of hours, or `never`.
fn read_hours(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Option<u32>> {
    let text = reader.scalar(field);
    let hours = match text.as_deref() {
        Some(NEVER) => Some(None),
        Some(text) => text.parse().ok().filter(|hours| (1..=LONGEST_H).contains(hours)).map(Some),
        None => None,
    };
    match hours {
        Some(hours) => reader.list_value(field, in_words(hours)),
        None => {
            let found = text.map_or_else(|| field.shape().to_owned(), |text| quoted(&text));
            reader.problem(field, format!("expected hours from 1 to {LONGEST_H}, or {NEVER}; found {found}"));
        }
    }
    hours
}

fn in_words(after_h: Option<u32>) -> String {
    after_h.map_or_else(|| NEVER.to_owned(), |hours| hours.to_string())
}
