//! Adding, changing and removing rules, and looking at what that would do. Every rule is read with all others before it counts.

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{Declaration, Section};
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::editing::{self, body_of, expected_version, unchanged, with_version};
use super::endpoint::{Answer, Endpoint, Parameter, answer, shape};
use super::foresight::{self, Foreseen, Told};
use super::rules::{RuleView, called, named, standing, stored};
use super::session::done;
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{Access, ApiError, Ask, FieldProblem, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::POST,
        path: "/rules",
        tag: "rules",
        summary: "Adds a rule, behind all others of the same priority.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<RuleBody>),
        answer: Answer::Created(shape::<RuleView>),
        handle: |ask| Box::pin(add(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/rules/{name}",
        tag: "rules",
        summary: "Puts this in the place of the rule, under another name if the body has another. With `If-Match` only while nobody \
                  else has changed it.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<RuleBody>),
        answer: Answer::Json(shape::<RuleView>),
        handle: |ask| Box::pin(replace(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/rules/{name}",
        tag: "rules",
        summary: "Removes a rule. With `If-Match` only while nobody else has changed it.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(remove(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/rules/validate",
        tag: "rules",
        summary: "Whether a rule could be added, and what would come of it. Changes nothing and asks nobody.",
        access: Access::Read,
        query: &[Parameter { name: "name", about: "the rule in whose place it would be put" }],
        body: Some(shape::<RuleBody>),
        answer: Answer::Json(shape::<Checked>),
        handle: |ask| Box::pin(validate(ask)),
    },
];

/// A rule of such a name could be made and then not be reached: the address is another's, or browsers take it for a folder.
const UNREACHABLE: [&str; 3] = ["fields", ".", ".."];

/// A rule in the words of the settings file, with every shorthand that the file may use.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(dead_code, reason = "what is sent is read by the reader of the settings file; this describes it")]
pub(super) struct RuleBody {
    /// Unique among the rules in any case; up to 100 characters. Left out in a change, it stays.
    name: Option<String>,
    /// `false`: it is checked and passed over.
    enabled: Option<bool>,
    /// Higher first. Without one: 0, and the order of rules decides.
    priority: Option<i32>,
    /// What must hold: `{"all": [{"type": "show"}, {"genre": {"contains": "anime"}}]}`. Without it, it holds for everything.
    when: Option<Value>,
    /// Where titles go: a name, a list of names, or `[{"to": "anime", "series_type": "anime"}]`.
    route: Option<Value>,
    /// Somebody is asked: why, as a sentence, or `true`.
    require_approval: Option<Value>,
    /// Nobody is asked.
    auto_approve: Option<bool>,
    /// Quotas do not hold it back.
    bypass_quota: Option<bool>,
    /// It goes nowhere.
    exclude: Option<bool>,
    /// The title gets a tag that names who wants it.
    tag_requester: Option<bool>,
    /// Written on the decision; `{user}` stands for who wants it.
    label: Option<String>,
}

/// What would come of a rule.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Checked {
    /// `true`: what is wrong is told as 422.
    ok: bool,
    /// To how many open wishes it would apply; none while it is switched off.
    matches: usize,
    /// Of how many open wishes.
    of: usize,
    /// How many open wishes would go elsewhere, be added otherwise, or wait for something else than by the rules as they are now.
    changed: usize,
    /// What works and should be looked at, as sentences.
    warnings: Vec<String>,
}

/// A rule that somebody wants to have.
struct Wanted {
    /// Under which it is kept; empty when it has none that could be read, and reading says why.
    name: String,
    body: Value,
    /// In whose place; `None`: it is new.
    instead_of: Option<Declaration>,
}

impl Wanted {
    /// What was sent.
    fn sent(ask: &Ask, instead_of: Option<Declaration>) -> Result<Self, ApiError> {
        let mut body = body_of(ask)?;
        let now = || instead_of.as_ref().and_then(|it| it.body.get("name")).cloned();
        let given = body.get("name").filter(|name| !name.is_null()).cloned().or_else(now);
        let name = match given {
            Some(Value::String(name)) => Some(name.trim().to_owned()),
            Some(name @ (Value::Number(_) | Value::Bool(_))) => Some(name.to_string()),
            _ => None,
        };
        if let Some(name) = &name {
            if UNREACHABLE.contains(&name.to_lowercase().as_str()) {
                let message = format!("`{name}` is an address of the API itself: choose another name");
                return Err(ApiError::fields(vec![FieldProblem { path: "name".to_owned(), message }]));
            }
            body.insert("name".to_owned(), name.as_str().into());
        }
        let name = Section::Rules.folded(&name.unwrap_or_default());
        Ok(Self { name, body: Value::Object(body), instead_of })
    }

    /// Puts it among what is kept.
    ///
    /// # Errors
    /// 409 when another rule has the name; 404 or 412 when the one in whose place it comes is not there any more, or changed.
    fn put_into(&self, all: &mut Vec<Declaration>, config: &Config) -> Result<(), ApiError> {
        let Self { name, body, instead_of } = self;
        if instead_of.as_ref().is_none_or(|it| it.name != *name) {
            let elsewhere = named(config, name).ok().map(|rule| (rule.name.clone(), standing(config, rule).source));
            let kept = || editing::find(all, Section::Rules, name).map(|it| (it.name.clone(), "the store".to_owned()));
            if let Some((other, source)) = elsewhere.or_else(kept) {
                return Err(ApiError::conflict(format!(
                    "there is a rule `{other}` already ({source}): choose another name"
                )));
            }
        }
        let Some(seen) = instead_of else {
            let position = all.iter().filter(|it| it.section == Section::Rules).map(|it| it.position + 1).max();
            let position = position.unwrap_or(0);
            let (name, body) = (name.clone(), body.clone());
            all.push(Declaration { section: Section::Rules, name, position, body, version: 0 });
            return Ok(());
        };
        let place = place(all, seen)?;
        let found = &mut all[place];
        found.name.clone_from(name);
        found.body.clone_from(body);
        Ok(())
    }
}

/// Where in `all` the rule is that somebody has seen.
///
/// # Errors
/// 404 when it is gone, 412 when it is another by now.
fn place(all: &[Declaration], seen: &Declaration) -> Result<usize, ApiError> {
    let place = all.iter().position(|it| it.section == Section::Rules && it.name == seen.name);
    let place = place.ok_or_else(|| ApiError::not_found(format!("there is no rule `{}` any more", seen.name)))?;
    unchanged(&all[place], Some(seen.version))?;
    Ok(place)
}

/// What is kept of a rule that can be changed here.
///
/// # Errors
/// 404 when there is none, 409 when the settings file declares it.
fn kept(config: &Config, name: &str) -> Result<Declaration, ApiError> {
    let broken =
        stored(config).find(|it| it.name == Section::Rules.folded(name)).filter(|_| named(config, name).is_err());
    if let Some(broken) = broken {
        return Ok(broken.clone());
    }
    let rule = named(config, name)?;
    standing(config, rule).changeable(&format!("the rule `{}`", rule.name))?;
    let name = Section::Rules.folded(&rule.name);
    let kept = stored(config).find(|it| it.name == name);
    kept.cloned().ok_or_else(|| ApiError::not_found(format!("there is no rule `{name}`")))
}

/// Adds the rule in the body.
///
/// # Errors
/// 409 when another has the name; 422 with every mistake.
pub async fn add(ask: Ask) -> Result<Response, ApiError> {
    let wanted = Wanted::sent(&ask, None)?;
    let target = wanted.body["name"].as_str().unwrap_or_default().to_owned();
    let note = Note { by: By::of(&ask), action: "rule.added", target, detail: json!({"after": wanted.body}) };
    let (configuration, database) = (&ask.app.configuration, &ask.app.database);
    let about = (Section::Rules, wanted.name.as_str());
    let config = configuration.change(database, about, note, |all| wanted.put_into(all, &ask.app.config())).await?;
    told(StatusCode::CREATED, &config, &wanted.name)
}

/// Puts the rule in the body in the place of the one in the path.
///
/// # Errors
/// 404 and 409 when there is none to change, 412 when it is another by now, 422 with every mistake.
pub async fn replace(ask: Ask) -> Result<Response, ApiError> {
    let seen = kept(&ask.app.config(), ask.variable("name"))?;
    unchanged(&seen, expected_version(&ask)?)?;
    let (before, target) = (seen.body.clone(), called(&seen));
    let wanted = Wanted::sent(&ask, Some(seen))?;
    let detail = json!({"before": before, "after": wanted.body});
    let note = Note { by: By::of(&ask), action: "rule.changed", target, detail };
    let (configuration, database) = (&ask.app.configuration, &ask.app.database);
    let about = (Section::Rules, wanted.name.as_str());
    let config = configuration.change(database, about, note, |all| wanted.put_into(all, &ask.app.config())).await?;
    told(StatusCode::OK, &config, &wanted.name)
}

/// Removes the rule in the path.
///
/// # Errors
/// 404 and 409 when there is none to remove, 412 when it is another by now.
pub async fn remove(ask: Ask) -> Result<Response, ApiError> {
    let (config, name) = (ask.app.config(), ask.variable("name"));
    // Where the file declares one of this name too, the stored one does not count, and can go.
    let found = stored(&config).find(|it| it.name == Section::Rules.folded(name)).cloned();
    let seen = found.map_or_else(|| kept(&config, name), Ok)?;
    unchanged(&seen, expected_version(&ask)?)?;
    let detail = json!({"before": seen.body});
    let note = Note { by: By::of(&ask), action: "rule.removed", target: called(&seen), detail };
    let edit = |all: &mut Vec<Declaration>| {
        all.remove(place(all, &seen)?);
        Ok(())
    };
    ask.app.configuration.change(&ask.app.database, (Section::Rules, &seen.name), note, edit).await?;
    Ok(done())
}

pub(super) async fn validate(ask: Ask) -> Result<Response, ApiError> {
    let Foreseen { matches, of, changed, warnings, .. } = foresee(&ask, Told::NONE).await?;
    answer(&Checked { ok: true, matches, of, changed, warnings })
}

/// What would come of the rule in the body, in the place of the one that the parameter `name` names.
///
/// # Errors
/// As adding or changing it.
pub async fn foresee(ask: &Ask, told: Told) -> Result<Foreseen, ApiError> {
    let config = ask.app.config();
    let instead_of = ask.parameter("name").map(|name| kept(&config, name)).transpose()?;
    let wanted = Wanted::sent(ask, instead_of)?;
    let mut all = ask.app.configuration.declarations(&ask.app.database).await?;
    wanted.put_into(&mut all, &config)?;
    let candidate = ask.app.configuration.check_aside(all, (Section::Rules, &wanted.name)).await?;
    foresight::compare(&ask.app, candidate, wanted.name, told).await
}

fn told(status: StatusCode, config: &Config, name: &str) -> Result<Response, ApiError> {
    let view = RuleView::of(config, named(config, name)?);
    Ok(with_version(json(status, &view), view.version()))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::routing::Rule;
    use warp::http::Method;

    use super::super::household::{Household, SETTINGS};
    use super::*;

    const NOTHING: Value = Value::Null;

    fn anime() -> Value {
        json!({"name": "Für Ana / alles", "when": {"user": "ana"}, "route": "uhd"})
    }

    /// The names of the rules that the service decides by, and what it has stored.
    fn everything(household: &Household) -> (Vec<Rule>, Vec<Declaration>) {
        (household.app.config().settings.rules.clone(), household.db().declarations().unwrap())
    }

    fn paths(json: &Value) -> Vec<&str> {
        json["error"]["problems"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_rule_is_added_renamed_and_removed_and_each_time_holds_at_once_and_after_a_restart() {
        let household = Household::new(SETTINGS);
        let added = household.send(Method::POST, "/rules", None, &anime()).await;
        assert_eq!(added.status, 201, "{}", added.json);
        assert_eq!(added.json["rule"], anime());
        assert_eq!(added.json["source"], "settings made in the service");
        assert_eq!(household.app.config().settings.rules[1].route[0].to, "uhd");

        let path = "/rules/f%C3%BCr%20ana%20%2F%20alles";
        let seen = household.send(Method::GET, path, None, &NOTHING).await;
        assert_eq!((seen.status, &seen.etag), (200, &added.etag));
        assert_eq!(seen.json["version"].to_string(), seen.etag.as_ref().unwrap().trim_matches('"'));
        let renamed = json!({"name": "hers", "priority": 5, "when": {"user": "ana"}, "route": "movies"});
        let put = household.send(Method::PUT, path, seen.etag.as_deref(), &renamed).await;
        assert_eq!((put.status, &put.json["name"]), (200, &json!("hers")), "{}", put.json);
        assert_ne!(put.etag, seen.etag);
        assert_eq!(household.send(Method::GET, path, None, &NOTHING).await.status, 404);
        let config = household.app.config();
        assert_eq!(config.settings.rules[0].name, "hers", "it has the higher priority");

        // Another process that starts now reads the same.
        let kept = household.db().declarations().unwrap();
        assert_eq!((kept.len(), kept[0].name.as_str(), &kept[0].body), (1, "hers", &renamed));

        let gone = household.send(Method::DELETE, "/rules/Hers", put.etag.as_deref(), &NOTHING).await;
        assert_eq!(gone.status, 204);
        assert_eq!(everything(&household).0.len(), 1);
        let audit = household.db().audit(None, 10).unwrap();
        let noted: Vec<_> = audit.iter().map(|row| (row.action.as_str(), row.target.as_str())).collect();
        let expected =
            [("rule.removed", "hers"), ("rule.changed", "Für Ana / alles"), ("rule.added", "Für Ana / alles")];
        assert_eq!(noted, expected);
        let changed: Value = serde_json::from_str(&audit[1].detail).unwrap();
        assert_eq!(changed, json!({"before": anime(), "after": renamed}));
    }

    #[tokio::test]
    async fn every_mistake_is_told_by_its_path_in_the_body_and_nothing_is_applied() {
        let household = Household::new(SETTINGS);
        household.send(Method::POST, "/rules", None, &anime()).await;
        let before = everything(&household);
        let wrong = json!({
            "name": "wrong", "when": {"all": [{"genre": {"is": "x"}}, {"yeer": 1}]}, "route": ["uhd", {"to": "anime"}], "colour": 1,
        });
        for (method, path) in
            [(Method::POST, "/rules"), (Method::PUT, "/rules/für ana %2F alles"), (Method::POST, "/rules/validate")]
        {
            let refused = household.send(method, path, None, &wrong).await;
            assert_eq!(refused.status, 422, "{path}");
            let mut paths = paths(&refused.json);
            paths.sort_unstable();
            assert_eq!(paths, ["colour", "route[1].to", "when.all[0].genre", "when.all[1].yeer"], "{path}");
            let message = refused.json.to_string();
            assert!(message.contains("`anime`") && message.contains("movies"), "known instances are named: {message}");
            assert_eq!(everything(&household), before);
        }
        for nameless in
            [json!({"exclude": true}), json!({"name": [], "exclude": true}), json!({"name": " ", "exclude": true})]
        {
            let refused = household.send(Method::POST, "/rules", None, &nameless).await;
            assert_eq!((refused.status, paths(&refused.json)), (422, vec!["name"]), "{nameless}");
        }
        let fields = household.send(Method::POST, "/rules", None, &json!({"name": "Fields", "exclude": true})).await;
        assert_eq!((fields.status, paths(&fields.json)), (422, vec!["name"]));
        assert_eq!(household.send(Method::POST, "/rules", None, &json!([])).await.status, 400);
        assert_eq!(everything(&household), before);
    }

    #[tokio::test]
    async fn the_second_of_two_browsers_is_told_what_the_first_has_made_of_it() {
        let household = Household::new(SETTINGS);
        let seen = household.send(Method::POST, "/rules", None, &json!({"name": "a", "label": "x"})).await.etag;
        let first = household.send(Method::PUT, "/rules/a", seen.as_deref(), &json!({"label": "first"})).await;
        assert_eq!((first.status, &first.json["name"]), (200, &json!("a")), "the name stays when none is sent");
        let second = household.send(Method::PUT, "/rules/a", seen.as_deref(), &json!({"label": "second"})).await;
        assert_eq!(second.status, 412);
        assert!(second.json["error"]["message"].as_str().unwrap().contains(r#""label":"first""#), "{}", second.json);
        let gone = household.send(Method::DELETE, "/rules/a", seen.as_deref(), &NOTHING).await;
        assert_eq!(gone.status, 412);
        assert_eq!(everything(&household).0[1].label.as_deref(), Some("first"));
        let again = household.send(Method::PUT, "/rules/a", first.etag.as_deref(), &json!({"label": "second"})).await;
        assert_eq!(again.status, 200);
    }

    #[tokio::test]
    async fn a_rule_of_the_file_is_changed_in_the_file_and_its_name_is_taken() {
        let household = Household::new(SETTINGS);
        let body = json!({"name": "OLD films", "exclude": true});
        for (method, path) in [
            (Method::PUT, "/rules/Old%20Films"),
            (Method::DELETE, "/rules/old films"),
            (Method::POST, "/rules"),
            (Method::POST, "/rules/validate"),
            (Method::POST, "/rules/validate?name=old+films"),
        ] {
            let refused = household.send(method.clone(), path, None, &body).await;
            assert_eq!(refused.status, 409, "{method} {path}");
            assert!(refused.json["error"]["message"].as_str().unwrap().contains("pulsarr.yaml:17"), "{}", refused.json);
        }
        household.send(Method::POST, "/rules", None, &json!({"name": "a", "label": "x"})).await;
        assert_eq!(household.send(Method::PUT, "/rules/a", None, &body).await.status, 409, "no way around by renaming");
        assert_eq!(household.send(Method::PUT, "/rules/nobody", None, &body).await.status, 404);
        assert_eq!(everything(&household).1.len(), 1);
    }

    #[tokio::test]
    async fn what_a_rule_would_do_is_told_and_nothing_is_changed() {
        let household = Household::new(SETTINGS);
        household.wish(3);
        household.route_all("r1");
        household.wish(1);
        let before = everything(&household);
        let check = async |path: &str, body: Value| household.send(Method::POST, path, None, &body).await.json;
        let told = check("/rules/validate", json!({"name": "a", "when": {"year": 2025}, "route": "uhd"})).await;
        let expected = json!({"ok": true, "matches": 4, "of": 4, "changed": 4, "warnings": []});
        assert_eq!(told, expected);
        let none = check("/rules/validate", json!({"name": "a", "when": {"year": {">": 2025}}, "route": "uhd"})).await;
        assert_eq!((&none["matches"], &none["of"], &none["changed"]), (&json!(0), &json!(4), &json!(0)), "{none}");
        let never = json!({"name": "a", "when": {"all": [{"type": "show"}, {"type": "movie"}]}, "exclude": true});
        let never = check("/rules/validate", never).await;
        assert!(never["warnings"][0].as_str().unwrap().contains("can never match"), "{never}");
        assert_eq!(everything(&household), before);
        assert!(household.db().audit(None, 10).unwrap().is_empty());

        // In the place of another it does not fight with it.
        let body = json!({"name": "a", "priority": 3, "when": {"year": 2025}, "route": "uhd"});
        household.send(Method::POST, "/rules", None, &body).await;
        let twin = json!({"name": "b", "priority": 3, "when": {"year": 2025}, "route": "uhd"});
        let beside = household.send(Method::POST, "/rules/validate", None, &twin).await;
        assert_eq!((beside.status, paths(&beside.json)), (422, vec!["priority"]));
        assert_eq!(check("/rules/validate?name=A", twin).await["matches"], 4);
        assert_eq!(everything(&household).0[0].name, "a");
    }
}
