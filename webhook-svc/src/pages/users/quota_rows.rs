//! The rows of quotas in a form: read from what was sent, added and removed by buttons, and put into the words of the settings file.

use pulsarr_shared::config::QUOTA_PERIODS;
use pulsarr_shared::model::{ShortMonth, WhenExceeded};
use serde_json::{Map, Value};

use crate::pages::Form;

/// More rows than anybody needs.
const MOST: usize = 20;

/// One quota as it stands in a form. Every row has every field, whatever its period; what another period has is not sent on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRow {
    /// `movie` or `show`
    pub media_type: String,
    /// Titles.
    pub limit: String,
    /// `daily`, `weekly`, `monthly`, `rolling`, `watchlist_cap`
    pub period: String,
    /// Of a rolling one.
    pub days: String,
    /// Of a monthly one.
    pub reset_day: String,
    /// Of a monthly one.
    pub short_month: String,
    /// `approval`, `wait`, `skip`
    pub when_exceeded: String,
}

impl QuotaRow {
    /// A row to fill in.
    pub fn blank() -> Self {
        Self::of(&Value::Null)
    }

    /// A quota in the words of the settings file.
    fn of(quota: &Value) -> Self {
        let text = |key: &str, usual: &str| match &quota[key] {
            Value::Null => usual.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            media_type: text("type", "movie"),
            limit: text("limit", ""),
            period: text("period", "weekly"),
            days: text("days", "7"),
            reset_day: text("reset_day", "1"),
            short_month: text("short_month", ShortMonth::LastDay.word()),
            when_exceeded: text("when_exceeded", WhenExceeded::Approval.word()),
        }
    }

    /// The same in the words of the settings file.
    fn value(&self) -> Value {
        let mut quota = Map::new();
        let mut put = |key: &str, text: &str| {
            let text = text.trim();
            if !text.is_empty() {
                quota.insert(key.to_owned(), text.parse::<i64>().map_or_else(|_| text.into(), Value::from));
            }
        };
        put("type", &self.media_type);
        put("period", &self.period);
        put("limit", &self.limit);
        match self.period.as_str() {
            "rolling" => put("days", &self.days),
            "monthly" => {
                put("reset_day", &self.reset_day);
                put("short_month", &self.short_month);
            }
            _ => {}
        }
        put("when_exceeded", &self.when_exceeded);
        quota.into()
    }

    /// What is wrong with the field `key` of the row at `place`, or with the whole row when `key` is empty.
    pub fn error<'f>(&self, form: &'f Form, place: &usize, key: &str) -> &'f str {
        let dot = if key.is_empty() { "" } else { "." };
        form.error(&format!("quotas[{place}]{dot}{key}"))
    }
}

/// The rows in what was sent.
pub fn typed(form: &Form) -> Vec<QuotaRow> {
    let column = |name: &'static str| form.all(name).map(str::to_owned).collect::<Vec<_>>();
    let [media_type, limit, period, days, reset_day, short_month, when_exceeded] =
        ["type", "limit", "period", "days", "reset_day", "short_month", "when_exceeded"].map(|key| match key {
            "type" => column("quota_type"),
            "limit" => column("quota_limit"),
            "period" => column("quota_period"),
            "days" => column("quota_days"),
            "reset_day" => column("quota_reset_day"),
            "short_month" => column("quota_short_month"),
            _ => column("quota_when_exceeded"),
        });
    let at = |column: &[String], place: usize| column.get(place).cloned().unwrap_or_default();
    let rows = (0..media_type.len().min(MOST)).map(|place| QuotaRow {
        media_type: at(&media_type, place),
        limit: at(&limit, place),
        period: at(&period, place),
        days: at(&days, place),
        reset_day: at(&reset_day, place),
        short_month: at(&short_month, place),
        when_exceeded: at(&when_exceeded, place),
    });
    rows.collect()
}

/// Quotas in the words of the settings file as rows.
pub fn shown(quotas: &Value) -> Vec<QuotaRow> {
    quotas.as_array().into_iter().flatten().map(QuotaRow::of).collect()
}

/// Rows in the words of the settings file.
pub fn quotas(rows: &[QuotaRow]) -> Value {
    rows.iter().map(QuotaRow::value).collect()
}

/// The rows after the button that adds or removes one; `None`: it was another button.
pub fn after_button(form: &Form) -> Option<Vec<QuotaRow>> {
    let (button, mut rows) = (form.value("rows"), typed(form));
    if button == "add" {
        rows.push(QuotaRow::blank());
        return Some(rows);
    }
    let place: usize = button.strip_prefix("remove-")?.parse().ok()?;
    if place < rows.len() {
        rows.remove(place);
    }
    Some(rows)
}

/// The periods there are, with what people call them.
pub fn periods() -> impl Iterator<Item = (&'static str, &'static str)> {
    QUOTA_PERIODS.iter().map(|word| {
        let said = match *word {
            "daily" => "a day",
            "weekly" => "a week, from Monday",
            "monthly" => "a month",
            "rolling" => "in so many days",
            _ => "on the watchlist at once",
        };
        (*word, said)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form::with(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_row_says_only_what_its_period_has() {
        let monthly = json!({"type": "show", "period": "monthly", "limit": 4, "reset_day": 31, "short_month": "skip",
            "when_exceeded": "wait"});
        let rolling = json!({"type": "movie", "period": "rolling", "limit": 2, "days": 30, "when_exceeded": "skip"});
        let daily = json!({"type": "movie", "period": "daily", "limit": 2, "when_exceeded": "approval"});
        let all = json!([monthly, rolling, daily]);
        assert_eq!(quotas(&shown(&all)), all);
    }

    #[test]
    fn what_is_no_number_is_kept_as_it_was_typed() {
        let row = QuotaRow { limit: " many ".into(), ..QuotaRow::blank() };
        assert_eq!(row.value()["limit"], "many");
        assert!(QuotaRow { limit: " ".into(), ..row }.value().get("limit").is_none());
    }

    #[test]
    fn buttons_add_and_remove_rows_and_keep_the_others() {
        let sent = [("quota_type", "movie"), ("quota_limit", "3"), ("quota_type", "show"), ("quota_limit", "x")];
        let with = |button| after_button(&form(&[sent.as_slice(), &[("rows", button)]].concat()));
        assert_eq!(with("save"), None);
        let added = with("add").unwrap();
        assert_eq!((added.len(), added[1].limit.as_str(), &added[2]), (3, "x", &QuotaRow::blank()));
        let removed = with("remove-0").unwrap();
        assert_eq!((removed.len(), removed[0].media_type.as_str()), (1, "show"));
        assert_eq!(with("remove-9").unwrap().len(), 2, "a row that is not there");
    }
}
