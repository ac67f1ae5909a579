//! Quotas of the settings file: how much a user may ask for, in which time.

use crate::model::{MediaType, Period, Quota, ShortMonth, WhenExceeded};

use super::reader::{Fields, Reader};

pub(super) const KEYS: &[&str] = &["type", "period", "limit", "days", "reset_day", "short_month", "when_exceeded"];

/// The words for [`Period`], in the order in which people are shown them.
pub const PERIODS: &[&str] = &["daily", "weekly", "monthly", "rolling", "watchlist_cap"];

/// Keys that only one period has.
const ONLY_OF: &[(&str, &str)] = &[("days", "rolling"), ("reset_day", "monthly"), ("short_month", "monthly")];

/// Titles that a quota may allow.
const HIGHEST: u32 = 1000;

/// The quotas behind `quotas`; `None` when the key is left out.
pub(super) fn read<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Option<Vec<Quota>> {
    let field = fields.get("quotas")?;
    let items = reader.list(field);
    if items.is_empty() && field.is_list() {
        reader.list_value(field, "(none)");
    }
    let mut quotas: Vec<(String, Quota)> = Vec::new();
    for item in items {
        let fields = reader.fields(&item, KEYS);
        let Some(quota) = read_one(reader, &fields) else { continue };
        let same = |other: &Quota| other.media_type == quota.media_type && same_time(other.period, quota.period);
        match quotas.iter().find(|(_, other)| same(other)) {
            Some((place, _)) => {
                let message = format!("{place} counts the same titles in the same time: keep one of the two");
                reader.problem(&item, message);
            }
            None => quotas.push((item.path.clone(), quota)),
        }
    }
    Some(quotas.into_iter().map(|(_, quota)| quota).collect())
}

/// Whether both count in the same time. Rolling quotas of different lengths go together: 2 in 7 days, and 5 in 30.
fn same_time(one: Period, other: Period) -> bool {
    match (one, other) {
        (Period::Rolling { days: one }, Period::Rolling { days: other }) => one == other,
        _ => std::mem::discriminant(&one) == std::mem::discriminant(&other),
    }
}

fn read_one<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Option<Quota> {
    let media_type = match fields.get("type") {
        Some(field) => reader.chosen(field, MediaType::ALL),
        None => {
            reader.missing(fields, "type");
            None
        }
    };
    let word = match fields.get("period") {
        Some(field) => reader.chosen(field, PERIODS),
        None => {
            reader.missing(fields, "period");
            None
        }
    };
    let limit = read_limit(reader, fields);
    let when_exceeded = reader.choice(fields, "when_exceeded", WhenExceeded::ALL, WhenExceeded::Approval);
    for (key, of) in ONLY_OF {
        if let (Some(field), Some(word)) = (fields.even_empty(key), word)
            && word != *of
        {
            reader
                .problem(field, format!("`{key}` belongs to `period: {of}`, and this one is {word}: remove the line"));
        }
    }
    let period = match word? {
        "daily" => Period::Daily,
        "weekly" => Period::Weekly,
        "monthly" => {
            let reset_day = reader.written_number(fields, "reset_day", 1..=31);
            if fields.get("reset_day").is_none() {
                reader.list_default(fields, "reset_day", "1");
            }
            let short_month = reader.choice(fields, "short_month", ShortMonth::ALL, ShortMonth::LastDay);
            Period::Monthly { reset_day: reset_day.unwrap_or(1), short_month }
        }
        "rolling" => {
            let days = reader.written_number(fields, "days", 1..=365);
            if fields.get("days").is_none() {
                reader.list_default(fields, "days", "7");
            }
            Period::Rolling { days: days.unwrap_or(7) }
        }
        _ => Period::WatchlistCap,
    };
    Some(Quota { media_type: media_type?, period, limit: limit?, when_exceeded })
}

fn read_limit(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<u32> {
    let Some(field) = fields.get("limit") else {
        reader.missing(fields, "limit");
        return None;
    };
    if reader.scalar(field).as_deref() == Some("0") {
        let message =
            "`limit: 0` would refuse everything: write a rule with `exclude: true`, or `sync: false` for this user";
        reader.problem(field, message);
        return None;
    }
    reader.written_number(fields, "limit", 1..=HIGHEST)
}
