//! The rules, and what a rule can look at.

use pulsarr_shared::config::{Broken, Config, Source};
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::routing::{FIELDS, FieldInfo, Rule};
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::editing::{self, Standing, with_version};
use super::endpoint::{Answer, Endpoint, answer, shape};
use crate::request::{Access, ApiError, Ask};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/rules",
        tag: "rules",
        summary: "The rules, the highest priority first, and behind them those that cannot be read. Its ETag is the state of everything that the service keeps.",
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
    // Behind the fixed words: nothing set up here is called so.
    Endpoint {
        method: Method::GET,
        path: "/rules/{name}",
        tag: "rules",
        summary: "One rule, with its version as the ETag.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<RuleView>),
        handle: |ask| Box::pin(one(ask)),
    },
];

/// Rules.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleList {
    /// The highest priority first.
    pub rules: Vec<RuleView>,
}

/// A rule.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleView {
    /// Unique among the rules.
    pub name: String,
    /// A rule that is switched off is passed over.
    pub enabled: bool,
    /// Higher first.
    pub priority: i32,
    /// All of it in the words of the settings: as it was sent, or as the settings file would have it without shorthands. Can be sent
    /// back as it is.
    pub rule: serde_json::Value,
    /// Where it is written down: `pulsarr.yaml:12`, or `settings made in the service`.
    pub source: String,
    /// Whether the settings file declares it, so that it is changed there and nowhere else.
    pub read_only: bool,
    /// Which state of it this is, for `If-Match`; null for one of the settings file.
    pub version: Option<i64>,
    /// What is wrong with one that is kept and cannot be read, so that it does not hold; empty: nothing.
    pub broken: Vec<String>,
    /// The service keeps one of this name too, which does not count beside the settings file's; DELETE removes it.
    pub hides_another: bool,
}

/// Fields.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FieldList {
    /// In the order in which people are shown them.
    fields: Vec<FieldView>,
}

/// What a condition can look at.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    let config = ask.app.config();
    Ok(with_version(answer(&RuleList::of(&config))?, Some(editing::state_now(&config))))
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let view = view(&ask.app.config(), ask.variable("name"))?;
    Ok(with_version(answer(&view)?, view.version))
}

/// The rule of this name, in any case; also one that cannot be read.
///
/// # Errors
/// 404 when there is none.
pub fn view(config: &Config, name: &str) -> Result<RuleView, ApiError> {
    let broken = || broken(config).find(|it| it.declaration.name == Section::Rules.folded(name));
    match named(config, name) {
        Ok(rule) => Ok(RuleView::of(config, rule)),
        Err(unknown) => broken().map(RuleView::broken).ok_or(unknown),
    }
}

async fn fields(_: Ask) -> Result<Response, ApiError> {
    answer(&FieldList { fields: FIELDS.iter().map(FieldView::of).collect() })
}

/// The rule of this name, in any case.
///
/// # Errors
/// 404 when there is none.
pub fn named<'c>(config: &'c Config, name: &str) -> Result<&'c Rule, ApiError> {
    let folded = Section::Rules.folded(name);
    let found = config.settings.rules.iter().find(|rule| Section::Rules.folded(&rule.name) == folded);
    found.ok_or_else(|| ApiError::not_found(format!("there is no rule `{name}`")))
}

/// Where a rule stands.
pub(super) fn standing(config: &Config, rule: &Rule) -> Standing {
    Standing::of_item(config, "rules", "name", &rule.name)
}

/// The rules that are kept in the store, in their order; also those that cannot be read.
pub(super) fn stored(config: &Config) -> impl Iterator<Item = &Declaration> {
    let mut rules: Vec<_> = editing::kept(config).filter(|it| it.section == Section::Rules).collect();
    rules.sort_by_key(|it| (it.position, &it.name));
    rules.into_iter()
}

/// What people call a rule that is kept.
pub(super) fn called(kept: &Declaration) -> String {
    kept.body["name"].as_str().unwrap_or(&kept.name).to_owned()
}

/// Whether a rule says its priority itself.
pub fn has_number(rule: &Declaration) -> bool {
    rule.body.get("priority").is_some_and(|priority| !priority.is_null())
}

/// The names of the rules whose place among the others is where they stand, in that order: they were made in the service, and none has
/// a number of its own.
pub fn movable(config: &Config) -> Vec<String> {
    let free = stored(config).filter(|it| !has_number(it));
    let counts = |it: &&Declaration| named(config, &it.name).is_ok_and(|rule| !standing(config, rule).read_only);
    free.filter(counts).map(called).collect()
}

/// The rules that are kept in the store and cannot be read.
fn broken(config: &Config) -> impl Iterator<Item = &Broken> {
    config.broken.iter().filter(|it| it.declaration.section == Section::Rules)
}

impl RuleList {
    /// Every rule, as they are now.
    pub fn of(config: &Config) -> Self {
        let readable = config.settings.rules.iter().map(|rule| RuleView::of(config, rule));
        Self { rules: readable.chain(broken(config).map(RuleView::broken)).collect() }
    }
}

impl RuleView {
    pub(super) fn of(config: &Config, rule: &Rule) -> Self {
        let standing = standing(config, rule);
        let kept = config.stored.as_ref().map(|stored| stored.declarations.as_slice()).unwrap_or_default();
        let found = editing::find(kept, Section::Rules, &rule.name);
        // One that the file has too is kept, and does not count.
        let kept = found.filter(|_| !standing.read_only);
        Self {
            name: rule.name.clone(),
            enabled: rule.enabled,
            priority: rule.priority,
            rule: kept.map_or_else(|| rule.words(), |kept| kept.body.clone()),
            source: standing.source,
            read_only: standing.read_only,
            version: kept.map(|kept| kept.version),
            broken: Vec::new(),
            hides_another: found.is_some() && standing.read_only,
        }
    }

    fn broken(it: &Broken) -> Self {
        let Declaration { name, body, version, .. } = &it.declaration;
        let priority = body["priority"].as_i64().and_then(|number| i32::try_from(number).ok());
        Self {
            name: body["name"].as_str().unwrap_or(name).to_owned(),
            enabled: body["enabled"] != false,
            priority: priority.unwrap_or_default(),
            rule: body.clone(),
            source: Source::Stored.to_string(),
            read_only: false,
            version: Some(*version),
            broken: editing::problems_of(it),
            hides_another: false,
        }
    }

    pub(super) const fn version(&self) -> Option<i64> {
        self.version
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
        let rule = serde_json::json!({"name": "old films", "when": {"year": {"<": 1960}}, "route": [{"to": "uhd"}]});
        assert_eq!(rules["rules"][0]["rule"], rule);
        assert_eq!(rules["rules"][0]["source"], "pulsarr.yaml:17");
        assert_eq!(rules["rules"][0]["read_only"], true);
        let fields = household.get(ENDPOINTS, "/rules/fields", "").await.unwrap();
        let fields = fields["fields"].as_array().unwrap();
        assert_eq!(fields.len(), FIELDS.len());
        assert!(fields.iter().all(|field| !field["operators"].as_array().unwrap().is_empty()));
    }
}
