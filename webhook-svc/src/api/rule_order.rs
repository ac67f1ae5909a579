//! The order of rules that have no number of their own: where they stand decides. Rules of the settings file stand before all that
//! the service keeps.

use pulsarr_shared::config::{Config, MOST_ITEMS};
use pulsarr_shared::model::{Declaration, Section};
use serde::Deserialize;
use serde_json::json;
use warp::http::Method;
use warp::reply::Response;

use super::editing::{all_unchanged, expected_version, state_now, with_version};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::given;
use super::rules::{self, RuleList, has_number, named, standing, stored};
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/rules/order",
    tag: "rules",
    summary: "Says in which order rules without a number of their own come. Those that are not named follow in the order they had. Takes the `If-Match` of GET /rules.",
    access: Access::Write,
    query: &[],
    body: Some(shape::<Order>),
    answer: Answer::Json(shape::<RuleList>),
    handle: |ask| Box::pin(order(ask)),
}];

/// In characters; the reader takes no longer name of a rule.
const LONGEST_NAME: usize = 100;

/// An order of rules.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Rules that were made in the service and have no `priority`, the first one first; at most 2000.
    names: Vec<String>,
}

/// Puts the rules in the order of the body.
///
/// # Errors
/// 412 when something was changed since; 422 with every name that has its place from elsewhere.
pub async fn order(ask: Ask) -> Result<Response, ApiError> {
    let (Order { names }, expected) = (ask.json()?, expected_version(&ask)?);
    given::names_within("names", &names, MOST_ITEMS, LONGEST_NAME)?;
    let config = ask.app.config();
    let names = movable(&config, &names)?;
    let seen: Vec<Declaration> = stored(&config).cloned().collect();
    let arranged = arranged(&seen, &names);
    let called = |rules: &[Declaration]| -> Vec<String> {
        rules.iter().filter(|rule| !has_number(rule)).map(rules::called).collect()
    };
    let detail = json!({"before": called(&seen), "after": called(&arranged)});
    let note = Note { by: By::of(&ask), action: "rule.ordered", target: String::new(), detail };
    let edit = |all: &mut Vec<Declaration>| {
        all_unchanged(all, expected)?;
        let (rules, others): (Vec<_>, Vec<_>) = all.drain(..).partition(|it| it.section == Section::Rules);
        if rules != seen {
            return Err(ApiError::conflict("the rules were changed by somebody else at the same moment: look again"));
        }
        all.extend(others.into_iter().chain(arranged));
        Ok(())
    };
    let config = ask.app.configuration.change(&ask.app.database, (Section::Rules, ""), note, edit).await?;
    Ok(with_version(answer(&RuleList::of(&config))?, Some(state_now(&config))))
}

/// The names under which these rules are kept.
///
/// # Errors
/// 422 with everything that has its place from elsewhere.
fn movable(config: &Config, names: &[String]) -> Result<Vec<String>, ApiError> {
    let mut folded: Vec<String> = Vec::new();
    let mut problems = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let key = Section::Rules.folded(name);
        let why = match named(config, name) {
            Err(_) => Some(format!("there is no rule `{name}`")),
            Ok(_) if folded.contains(&key) => Some(format!("`{name}` is named twice")),
            Ok(rule) => {
                let standing = standing(config, rule);
                let numbered = stored(config).any(|it| it.name == key && has_number(it));
                if standing.read_only {
                    Some(format!("`{name}` has its place in the settings file ({}): move it there", standing.source))
                } else if numbered {
                    let priority = rule.priority;
                    Some(format!("`{name}` has the priority {priority}, which decides: remove it to order the rule"))
                } else {
                    None
                }
            }
        };
        problems.extend(why.map(|message| FieldProblem { path: format!("names[{index}]"), message }));
        folded.push(key);
    }
    if problems.is_empty() { Ok(folded) } else { Err(ApiError::fields(problems)) }
}

/// `rules` with those that have no number in this order, and behind them those that are not named as they were. What has a number
/// keeps its place.
fn arranged(rules: &[Declaration], names: &[String]) -> Vec<Declaration> {
    let free = || rules.iter().filter(|rule| !has_number(rule));
    let first = names.iter().filter_map(|name| free().find(|rule| rule.name == *name));
    let mut ordered = first.chain(free().filter(|rule| !names.contains(&rule.name)));
    let place = |(position, rule): (i64, &Declaration)| {
        let rule = if has_number(rule) { rule } else { ordered.next().unwrap_or(rule) };
        Declaration { position, ..rule.clone() }
    };
    (0..).zip(rules).map(place).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use warp::http::Method;

    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn the_order_decides_which_of_two_rules_wins_and_is_kept() {
        let household = Household::new(SETTINGS);
        for (name, profile) in [("A", "HD"), ("b", "SD")] {
            let rule = json!({"name": name, "route": {"to": "movies", "quality_profile": profile}});
            assert_eq!(household.send(Method::POST, "/rules", None, &rule).await.status, 201);
        }
        let version = household.send(Method::GET, "/rules/b", None, &Value::Null).await.etag;
        let winner = async || {
            let wish = json!({"given": {"title": "Laura", "type": "movie", "year": 1994, "user": "ana"}});
            let what_if = household.send(Method::POST, "/simulate", None, &wish).await.json;
            what_if["entries"][0]["then"]["why"].as_str().unwrap().to_owned()
        };
        assert!(winner().await.contains("rule `A`"), "{}", winner().await);
        let ordered = household.send(Method::POST, "/rules/order", None, &json!({"names": ["B"]})).await;
        assert_eq!(ordered.status, 200);
        let names: Vec<&str> =
            ordered.json["rules"].as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["old films", "b", "A"]);
        assert!(winner().await.contains("rule `b`"), "{}", winner().await);
        let kept = household.db().declarations().unwrap();
        assert_eq!(kept.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(household.send(Method::GET, "/rules/b", None, &Value::Null).await.etag, version, "it only moved");
        let seen = household.send(Method::GET, "/rules", None, &Value::Null).await.etag;
        assert_eq!(seen, ordered.etag);
        let order = async |state: &str| {
            household.send(Method::POST, "/rules/order", Some(state), &json!({"names": ["B", "A"]})).await.status
        };
        assert_eq!((order(seen.as_deref().unwrap()).await, order("\"7\"").await), (200, 412));
        let audit = household.db().audit(None, 2).unwrap().split_off(1);
        let detail: Value = serde_json::from_str(&audit[0].detail).unwrap();
        assert_eq!(
            (audit[0].action.as_str(), detail),
            ("rule.ordered", json!({"before": ["A", "b"], "after": ["b", "A"]}))
        );
        // What comes later comes behind.
        household.send(Method::POST, "/rules", None, &json!({"name": "c", "label": "x"})).await;
        assert_eq!(household.app.config().settings.rules[3].name, "c");
    }

    #[tokio::test]
    async fn what_has_its_place_from_elsewhere_is_named_and_nothing_moves() {
        let household = Household::new(SETTINGS);
        for rule in [json!({"name": "a", "label": "x"}), json!({"name": "n", "priority": 0, "label": "x"})] {
            household.send(Method::POST, "/rules", None, &rule).await;
        }
        let before = household.db().declarations().unwrap();
        let names = json!({"names": ["a", "old films", "n", "nobody", "A"]});
        let refused = household.send(Method::POST, "/rules/order", None, &names).await;
        assert_eq!(refused.status, 422);
        let problems = refused.json["error"]["problems"].as_array().unwrap();
        let paths: Vec<&str> = problems.iter().map(|it| it["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["names[1]", "names[2]", "names[3]", "names[4]"]);
        let message = |index: usize| problems[index]["message"].as_str().unwrap();
        assert!(
            message(0).contains("pulsarr.yaml:17") && message(1).contains("`n` has the priority 0"),
            "{problems:?}"
        );
        assert_eq!(household.db().declarations().unwrap(), before);
        assert_eq!(household.send(Method::POST, "/rules/order", None, &json!({})).await.status, 400);
    }

    #[tokio::test]
    async fn so_many_rules_are_named_at_once_and_no_longer_than_names_are() {
        let household = Household::new(SETTINGS);
        let many: Vec<String> = (0..=2_000).map(|number| format!("rule {number}")).collect();
        for (names, path) in [(json!(many), "names"), (json!(["a", "x".repeat(101)]), "names[1]")] {
            let refused = household.send(Method::POST, "/rules/order", None, &json!({"names": names})).await;
            let problems = refused.json["error"]["problems"].as_array().unwrap();
            assert_eq!((refused.status, problems.len(), &problems[0]["path"]), (422, 1, &json!(path)));
            assert!(refused.json.to_string().len() < 1_000, "{}", refused.json);
        }
    }

    #[test]
    fn rules_with_a_number_keep_their_places_and_the_rest_follows_as_it_was() {
        let rule = |name: &str, priority: Value| Declaration {
            section: Section::Rules,
            name: name.to_owned(),
            position: 7,
            body: json!({"name": name, "priority": priority}),
            version: 1,
        };
        let rules: Vec<Declaration> = [("a", Value::Null), ("n", json!(0)), ("b", Value::Null), ("c", Value::Null)]
            .map(|(name, it)| rule(name, it))
            .into();
        let arranged = arranged(&rules, &["c".to_owned()]);
        let places: Vec<_> = arranged.iter().map(|it| (it.name.as_str(), it.position)).collect();
        assert_eq!(places, [("c", 0), ("n", 1), ("a", 2), ("b", 3)]);
    }
}
