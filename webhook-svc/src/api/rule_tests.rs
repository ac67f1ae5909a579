//! The tests of the rules: what is expected to become of described titles. Those that people keep here stand beside those of the settings
//! file and are read with them; what the file has is changed there.

use std::collections::HashMap;
use std::sync::Arc;

use pulsarr_shared::config::Config;
use pulsarr_shared::model::{Declaration, Section};
use pulsarr_shared::routing::{expected_by_rules, outcome_of_test};
use pulsarr_shared::simulate::{self, Outlook};
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::editing::{self, body_of, expected_version, unchanged, with_version};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::session::done;
use super::simulate::{TURN, in_turn, wish_of};
use crate::app::App;
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{Access, ApiError, Ask, FieldProblem, json};
use crate::standing::Standing;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/rule-tests",
        tag: "rules",
        summary: "The tests of the rules, judged by the rules as they are. Asks nobody.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<TestList>),
        handle: |ask| Box::pin(list(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/rule-tests",
        tag: "rules",
        summary: "Keeps a test of the rules.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<TestBody>),
        answer: Answer::Created(shape::<TestView>),
        handle: |ask| Box::pin(add(ask)),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/rule-tests/{name}",
        tag: "rules",
        summary: "Removes a test that is kept here.",
        access: Access::Write,
        query: &[],
        body: None,
        answer: Answer::Nothing,
        handle: |ask| Box::pin(remove(ask)),
    },
];

/// Tests that are kept at most: each page about rules judges all of them.
const MOST_TESTS: usize = 500;

/// Letters of a name at most.
const LONGEST_NAME: usize = 100;

/// A test in the words of the settings file.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(dead_code, reason = "what is sent is read by the reader of the settings file; this describes it")]
struct TestBody {
    /// Unique among the tests in any case; up to 100 characters.
    name: String,
    /// A title: `{"title": "Frieren", "type": "show", "genres": ["Anime"]}`.
    given: Value,
    /// What is expected: `{"route": ["anime"], "approval": false}`. Left out, it is what the rules do with it now.
    expect: Option<Value>,
}

/// The tests of the rules.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TestList {
    /// Those of the settings file first.
    tests: Vec<TestView>,
}

/// A test of the rules, and what came of it.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestView {
    /// The test's name, or the described title's.
    pub name: String,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What came out, as a sentence; below it, where that was not expected, a line for every rule.
    pub because: String,
    /// Where it stands: `pulsarr.yaml:12`, or `settings made in the service`.
    pub source: String,
    /// Which state of it this is, where it is kept here; `null`: it is changed in the settings file.
    pub version: Option<i64>,
}

/// All of them, judged by the rules of `config`; behind them those that are kept and cannot be read. Asks nobody.
pub fn tests_of(config: &Config) -> Vec<TestView> {
    let policy = config.policy();
    views(config, config.settings.tests.iter().map(|test| outcome_of_test(test, &policy)))
}

/// How many tests there are by the settings as they are, and how many of them fail.
///
/// # Errors
/// When the judging breaks off.
pub async fn counted(app: &Arc<App>) -> Result<(usize, usize), ApiError> {
    let kept = Arc::clone(app);
    let counted = tokio::task::spawn_blocking(move || {
        let config = kept.config();
        let broken = config.broken.iter().filter(|it| it.declaration.section == Section::Tests).count();
        let outcomes = kept.judged_tests.by(&config);
        (outcomes.len() + broken, outcomes.iter().filter(|it| it.is_err()).count() + broken)
    });
    counted.await.map_err(|_| broke_off())
}

fn broke_off() -> ApiError {
    ApiError::unavailable("the tests were not judged to the end: look again")
}

/// [`tests_of`] the settings as they are, without what every rule said to those that fail.
///
/// # Errors
/// When the judging breaks off.
pub async fn judged(app: &Arc<App>) -> Result<Vec<TestView>, ApiError> {
    let kept = Arc::clone(app);
    let judged = tokio::task::spawn_blocking(move || {
        let config = kept.config();
        views(&config, kept.judged_tests.by(&config).iter().cloned())
    });
    judged.await.map_err(|_| broke_off())
}

/// The tests, with what came of each.
fn views(config: &Config, outcomes: impl Iterator<Item = Result<String, String>>) -> Vec<TestView> {
    let kept = editing::kept(config).filter(|it| it.section == Section::Tests);
    let kept: HashMap<&str, &Declaration> = kept.map(|it| (it.name.as_str(), it)).collect();
    let judged = config.settings.tests.iter().zip(outcomes).map(|(test, outcome)| {
        let standing = Standing::of_item(config, "tests", "name", &test.name);
        // One without a name of its own stands in the file: what is kept here has one.
        let kept = kept.get(Section::Tests.folded(&test.name).as_str()).filter(|_| !standing.read_only);
        TestView {
            name: test.name.clone(),
            passed: outcome.is_ok(),
            because: outcome.unwrap_or_else(|instead| instead),
            source: standing.source,
            version: kept.map(|kept| kept.version),
        }
    });
    let broken = config.broken.iter().filter(|it| it.declaration.section == Section::Tests).map(|it| TestView {
        name: called(&it.declaration),
        passed: false,
        because: format!("it cannot be read: {}", editing::problems_of(it).join("; ")),
        source: "settings made in the service".to_owned(),
        version: Some(it.declaration.version),
    });
    judged.chain(broken).collect()
}

/// Whether there is a test of this name, in the settings file or here.
fn is_taken(config: &Config, name: &str) -> bool {
    let folded = Section::Tests.folded(name);
    let mut read = config.settings.tests.iter().map(|test| Section::Tests.folded(&test.name));
    read.any(|it| it == folded) || editing::kept(config).any(|it| is_called(it, name))
}

fn is_called(declaration: &Declaration, name: &str) -> bool {
    declaration.section == Section::Tests && declaration.name == Section::Tests.folded(name)
}

/// What people call a test that is kept.
fn called(kept: &Declaration) -> String {
    kept.body["name"].as_str().unwrap_or(&kept.name).to_owned()
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&TestList { tests: tests_of(&ask.app.config()) })
}

/// What becomes of a described title.
pub struct Tried {
    /// Where it would go now, with everything that leads to it.
    pub outlook: Outlook,
    /// What a test that is kept now would expect: what the rules alone do with it.
    pub expected: Value,
}

/// What a test of the described title would expect if it were kept now.
///
/// # Errors
/// 422 with what is wrong with the description, by field.
pub fn expected(ask: &Ask, given: &Value) -> Result<Value, ApiError> {
    let config = ask.app.config();
    Ok(expected_by_rules(&wish_of(&config, given)?, &config.policy()))
}

/// What would become of the described title now.
///
/// # Errors
/// 422 with what is wrong with the description, by field; when the store cannot be read.
pub async fn try_out(ask: &Ask, given: &Value) -> Result<Tried, ApiError> {
    let config = ask.app.config();
    let (wish, clock) = (wish_of(&config, given)?, ask.app.clock.clone());
    let expected = expected_by_rules(&wish, &config.policy());
    let seen = in_turn(&TURN, move || simulate::described(&config, &*clock, &wish)).await??;
    let outlook = seen.entries.into_iter().next();
    let outlook = outlook.ok_or_else(|| ApiError::unavailable("nothing came of it: try again"))?;
    Ok(Tried { outlook, expected })
}

/// Keeps the test in the body.
///
/// # Errors
/// 422 with every mistake, each at its field: nothing is kept then.
pub async fn add(ask: Ask) -> Result<Response, ApiError> {
    let (mut body, config) = (body_of(&ask)?, ask.app.config());
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let wrong_name = |message: &str| FieldProblem { path: "name".to_owned(), message: message.to_owned() };
    let mut problems = Vec::new();
    if name.is_empty() {
        problems.push(wrong_name("is missing: give the test a name"));
    } else if name.chars().count() > LONGEST_NAME {
        problems.push(wrong_name(&format!("may have {LONGEST_NAME} characters at most")));
    } else if is_taken(&config, &name) {
        problems.push(wrong_name("there is a test of this name already: choose another one"));
    }
    let given = body.get("given").cloned().unwrap_or_else(|| json!({}));
    let expected = match wish_of(&config, &given) {
        Ok(wish) => expected_by_rules(&wish, &config.policy()),
        Err(error) => {
            let inner = error.problems().iter().map(|it| FieldProblem {
                path: format!("given.{}", it.path).trim_end_matches('.').to_owned(),
                message: it.message.clone(),
            });
            problems.extend(inner);
            Value::Null
        }
    };
    if !problems.is_empty() {
        return Err(ApiError::fields(problems));
    }
    body.insert("name".to_owned(), name.as_str().into());
    if body.get("expect").is_none_or(Value::is_null) {
        body.insert("expect".to_owned(), expected);
    }
    let (key, body) = (Section::Tests.folded(&name), Value::Object(body));
    let note =
        Note { by: By::of(&ask), action: "rule_test.added", target: name.clone(), detail: json!({"after": body}) };
    let edit = |all: &mut Vec<Declaration>| {
        let tests = || all.iter().filter(|it| it.section == Section::Tests);
        if tests().count() >= MOST_TESTS {
            return Err(ApiError::conflict(format!("{MOST_TESTS} tests are kept already: remove some")));
        }
        if tests().any(|it| it.name == key) {
            return Err(ApiError::conflict(format!("there is a test `{name}` already: choose another name")));
        }
        let position = tests().map(|it| it.position + 1).max().unwrap_or(0);
        all.push(Declaration { section: Section::Tests, name: key.clone(), position, body, version: 0 });
        Ok(())
    };
    let config = ask.app.configuration.change(&ask.app.database, (Section::Tests, &key), note, edit).await?;
    let view = tests_of(&config).into_iter().find(|it| Section::Tests.folded(&it.name) == key);
    let view = view.ok_or_else(|| ApiError::not_found(format!("there is no test `{name}` any more")))?;
    Ok(with_version(json(StatusCode::CREATED, &view), view.version))
}

/// Removes the test in the path.
///
/// # Errors
/// 404 when none of this name is kept here, 412 when it is another by now.
pub async fn remove(ask: Ask) -> Result<Response, ApiError> {
    let (config, name) = (ask.app.config(), ask.variable("name"));
    let kept = editing::kept(&config).find(|it| is_called(it, name)).cloned();
    let Some(seen) = kept else {
        let declared =
            tests_of(&config).into_iter().find(|it| Section::Tests.folded(&it.name) == Section::Tests.folded(name));
        return Err(match declared {
            Some(test) => ApiError::conflict(format!(
                "the test `{}` is declared in the settings file ({}): change it there",
                test.name, test.source
            )),
            None => ApiError::not_found(format!("there is no test `{name}`")),
        });
    };
    unchanged(&seen, expected_version(&ask)?)?;
    let detail = json!({"before": seen.body});
    let note = Note { by: By::of(&ask), action: "rule_test.removed", target: called(&seen), detail };
    let edit = |all: &mut Vec<Declaration>| {
        let found = all.iter().position(|it| it.section == Section::Tests && it.name == seen.name);
        let found = found.ok_or_else(|| ApiError::not_found(format!("there is no test `{name}` any more")))?;
        unchanged(&all[found], Some(seen.version))?;
        all.remove(found);
        Ok(())
    };
    ask.app.configuration.change(&ask.app.database, (Section::Tests, &seen.name), note, edit).await?;
    Ok(done())
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    fn laura() -> Value {
        json!({"name": "Laura goes along", "given": {"title": "Laura", "type": "movie", "year": 1944}})
    }

    #[tokio::test]
    async fn a_test_is_kept_as_it_comes_out_fails_when_the_rules_change_and_is_removed() {
        let household = Household::new(SETTINGS);
        let added = household.send(Method::POST, "/rule-tests", None, &laura()).await;
        assert_eq!(added.status, 201, "{}", added.json);
        assert_eq!(
            (&added.json["passed"], &added.json["source"]),
            (&true.into(), &"settings made in the service".into())
        );
        let kept = household.db().declarations().unwrap();
        let expect = &kept[0].body["expect"];
        assert_eq!((&expect["route"], &expect["approval"]), (&json!(["uhd"]), &false.into()));
        assert_eq!(expect["options"]["uhd"]["search_on_add"], true, "{expect}");
        // It is read with the settings, and told with them.
        let export = household.app.config().export(std::path::Path::new(".")).unwrap().text;
        assert!(export.contains("tests:\n- ") && export.contains("Laura goes along"), "{export}");
        let rule = json!({"name": "none", "priority": 99, "exclude": true});
        assert_eq!(
            household.send(Method::POST, "/rules", None, &rule).await.status,
            201,
            "a failing test keeps no rule from holding"
        );
        let failed = tests_of(&household.app.config());
        let failed = failed.iter().find(|it| it.name == "Laura goes along").unwrap();
        assert!(!failed.passed && failed.because.starts_with("expected route uhd, got nowhere"), "{}", failed.because);
        let stale =
            household.send(Method::DELETE, "/rule-tests/laura%20goes%20along", Some("\"1\""), &Value::Null).await;
        assert_eq!(stale.status, 412, "{}", stale.json);
        let gone = household.send(Method::DELETE, "/rule-tests/laura%20goes%20along", None, &Value::Null).await;
        assert_eq!(gone.status, 204, "{}", gone.json);
        assert!(household.db().declarations().unwrap().iter().all(|it| it.section != Section::Tests));
        let again = household.send(Method::DELETE, "/rule-tests/Laura", None, &Value::Null).await;
        assert_eq!(again.status, 404);
    }

    #[tokio::test]
    async fn whatever_a_rule_makes_of_it_otherwise_fails_the_test() {
        for (change, told) in [
            (json!({"exclude": true}), "expected route uhd, got nowhere"),
            (json!({"require_approval": true}), "expected that nobody is asked"),
            (json!({"route": {"to": "uhd", "quality_profile": "Any"}}), "expected uhd with quality_profile "),
            (json!({"route": {"to": "uhd", "root_folder_path": "/elsewhere"}}), "expected uhd with root_folder_path "),
            (json!({"route": {"to": "uhd", "tags": ["kids"]}}), "expected uhd with tags "),
            (
                json!({"route": {"to": "uhd", "search_on_add": false}}),
                "expected uhd with search_on_add true, got false",
            ),
            (json!({"route": {"to": "uhd", "monitor": "none"}}), "expected uhd with monitor "),
            (json!({"route": {"to": "uhd", "minimum_availability": "announced"}}), "expected uhd with minimum_"),
        ] {
            let household = Household::new(SETTINGS);
            assert_eq!(household.send(Method::POST, "/rule-tests", None, &laura()).await.status, 201);
            let mut rule = change.clone();
            rule["name"] = "another".into();
            rule["priority"] = 999.into();
            let added = household.send(Method::POST, "/rules", None, &rule).await;
            assert_eq!(added.status, 201, "{}", added.json);
            let test = tests_of(&household.app.config()).pop().unwrap();
            assert!(!test.passed && test.because.starts_with(told), "{change}: {}", test.because);
        }
    }

    #[tokio::test]
    async fn what_a_show_comes_out_as_holds_and_a_rule_about_its_seasons_fails_it() {
        let sonarr = "- {name: shows, kind: sonarr, url: \"http://127.0.0.1:8989\", api_key: k, default: true}\nusers:";
        let household = Household::new(&SETTINGS.replace("users:", sonarr));
        let frieren = json!({"name": "Frieren", "given": {"title": "Frieren", "type": "show", "genres": ["Anime"]}});
        let rule = json!({"name": "seasons", "route": {"to": "shows", "seasons": [1, 3], "tags": ["a", "b"]}});
        assert_eq!(household.send(Method::POST, "/rules", None, &rule).await.status, 201);
        let added = household.send(Method::POST, "/rule-tests", None, &frieren).await;
        assert_eq!((added.status, &added.json["passed"]), (201, &true.into()), "{}", added.json);
        assert_eq!(household.send(Method::DELETE, "/rules/seasons", None, &Value::Null).await.status, 204);
        let test = tests_of(&household.app.config()).pop().unwrap();
        assert!(
            !test.passed && test.because.contains("expected shows with seasons 1, 3, got none"),
            "{}",
            test.because
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_by_field_and_nothing_is_kept() {
        let household = Household::new(SETTINGS);
        let wrong = json!({"name": " ", "given": {"type": "movie", "year": "soon", "season_count": 3}});
        let refused = household.send(Method::POST, "/rule-tests", None, &wrong).await;
        assert_eq!(refused.status, 422, "{}", refused.json);
        let problems = refused.json["error"]["problems"].as_array().unwrap();
        let paths: Vec<&str> = problems.iter().map(|it| it["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["name", "given.year", "given.season_count"]);
        let mut unknown = laura();
        unknown["expect"] = json!({"route": ["gone"]});
        let refused = household.send(Method::POST, "/rule-tests", None, &unknown).await;
        assert_eq!((refused.status, &refused.json["error"]["problems"][0]["path"]), (422, &"expect.route[0]".into()));
        assert_eq!(household.db().declarations().unwrap(), []);
        assert_eq!(household.send(Method::POST, "/rule-tests", None, &laura()).await.status, 201);
        let twice = household.send(Method::POST, "/rule-tests", None, &laura()).await;
        assert_eq!((twice.status, &twice.json["error"]["problems"][0]["path"]), (422, &"name".into()));
    }

    #[tokio::test]
    async fn what_the_settings_file_declares_is_judged_and_cannot_be_removed() {
        let test = "tests: [{name: Laura, given: {type: movie, year: 1944}, expect: {route: uhd}}]\n";
        let household = Household::new(&format!("{SETTINGS}{test}"));
        let told = tests_of(&household.app.config());
        assert!(told[0].passed && told[0].version.is_none() && told[0].source.contains("pulsarr.yaml:"), "{told:?}");
        let refused = household.send(Method::DELETE, "/rule-tests/Laura", None, &Value::Null).await;
        assert_eq!(refused.status, 409, "{}", refused.json);
    }
}
