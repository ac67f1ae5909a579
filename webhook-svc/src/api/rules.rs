//! The rules, and what a rule can look at.

use pulsarr_shared::routing::{FIELDS, FieldInfo, Rule};
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::{Access, Answer, ApiError, Ask, Endpoint, answer, shape};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/rules",
        tag: "rules",
        summary: "The rules, the highest priority first.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<RuleList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::GET,
        path: "/rules/fields",
        tag: "rules",
        summary: "Every field that a condition can look at, with its operators and values.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<FieldList>),
        handle: |ask| Box::pin(fields(ask)),
    },
];

/// Rules.
#[derive(Debug, Serialize, JsonSchema)]
struct RuleList {
    /// The highest priority first.
    rules: Vec<RuleView>,
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
struct RuleView {
    /// Unique among the rules.
    name: String,
    /// A rule that is switched off is passed over.
    enabled: bool,
    /// Higher first.
    priority: i32,
    /// What must hold and what it then does, in the words of the settings.
    rule: serde_json::Value,
    /// Where it is written down: `file`.
    source: &'static str,
}

/// Fields.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldList {
    /// In the order in which people are shown them.
    fields: Vec<FieldView>,
}

/// What a condition can look at.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldView {
    /// `original_language`
    field: &'static str,
    /// Other words for it.
    aliases: &'static [&'static str],
    /// What its value is: `text`, `texts`, `user`, `number`, `flag`.
    kind: &'static str,
    /// How it can be compared.
    operators: Vec<&'static str>,
    /// The only type of title that has it; `null`: both have.
    only: Option<&'static str>,
    /// The only values there are; empty: any.
    choices: &'static [&'static str],
    /// The lowest and highest value of a number.
    range: Option<(f64, f64)>,
    /// Unit of a number; empty for none.
    unit: &'static str,
    /// Who tells it, cheapest first.
    sources: Vec<&'static str>,
    /// One line for people.
    about: &'static str,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&RuleList { rules: ask.app.config().settings.rules.iter().map(RuleView::of).collect() })
}

async fn fields(_: Ask) -> Result<Response, ApiError> {
    answer(&FieldList { fields: FIELDS.iter().map(FieldView::of).collect() })
}

impl RuleView {
    fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name.clone(),
            enabled: rule.enabled,
            priority: rule.priority,
            rule: serde_json::to_value(rule).unwrap_or_default(),
            source: "file",
        }
    }
}

impl FieldView {
    fn of(info: &FieldInfo) -> Self {
        Self {
            field: info.field.word(),
            aliases: info.aliases,
            kind: info.kind.word(),
            operators: info.operators().iter().map(|operator| operator.word()).collect(),
            only: info.only.map(|media_type| media_type.word()),
            choices: info.choices,
            range: info.range,
            unit: info.unit,
            sources: info.sources.iter().map(|source| source.word()).collect(),
            about: info.about,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn rules_are_told_in_the_words_of_the_settings_and_every_field_with_operators() {
        let household = Household::new(SETTINGS);
        let rules = household.get(ENDPOINTS, "/rules", "").await.unwrap();
        assert_eq!(rules["rules"][0]["name"], "old films");
        assert_eq!(rules["rules"][0]["rule"]["route"][0]["to"], "uhd");
        let fields = household.get(ENDPOINTS, "/rules/fields", "").await.unwrap();
        let fields = fields["fields"].as_array().unwrap();
        assert_eq!(fields.len(), FIELDS.len());
        assert!(fields.iter().all(|field| !field["operators"].as_array().unwrap().is_empty()));
    }
}
