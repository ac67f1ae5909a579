//! What is different for one user: looked at, replaced, and changed for several at once.

use std::collections::HashSet;

use pulsarr_shared::config::{Config, Source, UserOverride};
use pulsarr_shared::model::{Declaration, Section, User};
use pulsarr_shared::quota;
use pulsarr_shared::store::{Db, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use warp::http::Method;
use warp::reply::Response;

use super::editing::{Standing, all_unchanged, body_of, expected_version, kept, unchanged, with_version};
use super::endpoint::{Answer, Endpoint, answer, shape};
use super::given;
use super::people::{People, Person, alias_in};
use crate::audit::By;
use crate::configuration::Note;
use crate::request::{Access, ApiError, Ask, FieldProblem};

/// More at once are several requests.
const MOST_USERS: usize = 500;
/// In characters; no name that Plex knows is as long.
const LONGEST_NAME: usize = 256;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/users/{user}/settings",
        tag: "users",
        summary: "What is different for this user (a uuid, or any of the names), and what comes of it.",
        access: Access::Read,
        query: &[],
        body: None,
        answer: Answer::Json(shape::<OverrideView>),
        handle: |ask| Box::pin(show(ask)),
    },
    Endpoint {
        method: Method::PUT,
        path: "/users/{user}/settings",
        tag: "users",
        summary: "Replaces what is different for this user: alias, sync, require_approval, bypass_quota, quotas, as in the settings file. `{}` takes it away.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Map<String, Value>>),
        answer: Answer::Json(shape::<OverrideView>),
        handle: |ask| Box::pin(put(ask)),
    },
    Endpoint {
        method: Method::POST,
        path: "/users/bulk",
        tag: "users",
        summary: "Changes the given keys for each of these users and leaves their others; `null` takes a key away. For all of them or for none. Takes the `If-Match` of GET /users.",
        access: Access::Write,
        query: &[],
        body: Some(shape::<Bulk>),
        answer: Answer::Json(shape::<BulkView>),
        handle: |ask| Box::pin(bulk(ask)),
    },
];

/// What is different for one user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OverrideView {
    /// Who.
    pub user: Person,
    /// What is different, in the words of the settings file; empty: nothing.
    pub settings: Value,
    /// Where that stands: `pulsarr.yaml:12`, `settings made in the service`; empty: nowhere.
    pub source: String,
    /// The settings file has it, so it is changed there.
    pub read_only: bool,
    /// The service keeps something for this user too, under whatever name, which does not count beside the settings file; PUT `{}`
    /// removes it.
    pub hides_another: bool,
    /// What comes of it and of everybody's settings.
    pub effective: Effective,
}

/// What holds for a user.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Effective {
    /// Whether the list is acted on.
    pub sync: bool,
    /// Somebody is asked about everything.
    pub require_approval: bool,
    /// Quotas hold nothing back.
    pub bypass_quota: bool,
    /// `3 movies a day`
    pub quotas: Vec<String>,
}

/// A change for several users.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// Uuids or names: 1 to 500 of them, each of at most 256 characters.
    users: Vec<String>,
    /// The keys that change: alias, sync, require_approval, bypass_quota, quotas.
    set: Map<String, Value>,
}

/// What came of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct BulkView {
    /// Everybody whose settings are now as asked for.
    users: Vec<Person>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let (view, version) = page(&ask).await?;
    Ok(with_version(answer(&view)?, Some(version)))
}

/// What is different for the user in the path, and the version of what is kept of it; 0: nothing is.
///
/// # Errors
/// 404 for nobody; when the store cannot be read.
pub async fn page(ask: &Ask) -> Result<(OverrideView, i64), ApiError> {
    let user = one(ask, ask.variable("user")).await?;
    Ok(view(&ask.app.config(), user))
}

/// Replaces what is different for the user in the path by the body.
///
/// # Errors
/// 404 for nobody, 409 for what the settings file has, 412 for what was changed meanwhile, 422 for what cannot be.
pub async fn put(ask: Ask) -> Result<Response, ApiError> {
    let (mut body, expected) = (body_of(&ask)?, expected_version(&ask)?);
    let everybody = everybody(&ask).await?;
    let user = everybody.named(ask.variable("user")).cloned().ok_or_else(|| nobody(ask.variable("user")))?;
    body.retain(|_, value| !value.is_null());
    // What the file hides does not count, and can go.
    let removes = body.is_empty() && kept(&ask.app.config()).any(|it| is_of(it, &user));
    if !removes {
        changeable(&ask.app.config(), &user)?;
        free_alias(&everybody, &user, &body, "alias")?;
    }
    let uuid = user.uuid.as_str().to_lowercase();
    let note = Note {
        by: By::of(&ask),
        action: "user.settings_changed",
        target: user.called().to_owned(),
        detail: json!({"uuid": uuid, "settings": body}),
    };
    let still_free = alias_is_free(vec![user.clone()], &body, "alias");
    let edit = |all: &mut Vec<Declaration>| {
        match all.iter().find(|it| is_of(it, &user)) {
            Some(found) => unchanged(found, expected)?,
            None if expected.is_some_and(|version| version != 0) => {
                return Err(ApiError::changed("somebody has taken it away since you looked"));
            }
            None => {}
        }
        keep(all, &user, body);
        Ok(())
    };
    let about = (Section::Users, uuid.as_str());
    let change = ask.app.configuration.change_if(&ask.app.database, about, note, edit, still_free, |_| Ok(()));
    let config = change.await?;
    let user = one(&ask, user.uuid.as_str()).await?;
    let (view, version) = view(&config, user);
    Ok(with_version(answer(&view)?, Some(version)))
}

/// Changes the keys in the body for each of its users.
///
/// # Errors
/// As [`put`].
pub async fn bulk(ask: Ask) -> Result<Response, ApiError> {
    let (Bulk { users: names, set }, expected) = (ask.json()?, expected_version(&ask)?);
    if names.is_empty() || set.is_empty() {
        return Err(ApiError::input("name at least one user in `users` and one key in `set`"));
    }
    given::names_within("users", &names, MOST_USERS, LONGEST_NAME)?;
    let everybody = everybody(&ask).await?;
    let mut users: Vec<&User> = Vec::new();
    for name in &names {
        let user = everybody.named(name).ok_or_else(|| nobody(name))?;
        changeable(&ask.app.config(), user)?;
        free_alias(&everybody, user, &set, "set.alias")?;
        if !users.iter().any(|other| other.uuid == user.uuid) {
            users.push(user);
        }
    }
    let note = Note {
        by: By::of(&ask),
        action: "user.settings_changed",
        target: users.iter().map(|user| user.called()).collect::<Vec<_>>().join(", "),
        detail: json!({"uuids": users.iter().map(|user| user.uuid.as_str()).collect::<Vec<_>>(), "set": set}),
    };
    let first = users.first().map(|user| user.uuid.as_str().to_lowercase()).unwrap_or_default();
    let still_free = alias_is_free(users.iter().map(|user| (*user).clone()).collect(), &set, "set.alias");
    let edit = |all: &mut Vec<Declaration>| {
        all_unchanged(all, expected)?;
        for user in &users {
            let found = all.iter().find(|it| is_of(it, user)).and_then(|it| it.body.as_object());
            let mut body = found.cloned().unwrap_or_default();
            body.extend(set.clone());
            body.retain(|_, value| !value.is_null());
            keep(all, user, body);
        }
        Ok(())
    };
    let about = (Section::Users, first.as_str());
    let change = ask.app.configuration.change_if(&ask.app.database, about, note, edit, still_free, |_| Ok(()));
    let config = change.await?;
    let named = |user: &&User| Person::of(&config.settings.users.named((*user).clone()));
    answer(&BulkView { users: users.iter().map(named).collect() })
}

/// Refuses an alias by which somebody else could be meant.
fn free_alias(everybody: &People, user: &User, keys: &Map<String, Value>, path: &str) -> Result<(), ApiError> {
    let taken = alias_in(keys).and_then(|alias| everybody.taken(&alias, Some(user)));
    taken.map_or(Ok(()), |message| Err(ApiError::fields(vec![FieldProblem { path: path.to_owned(), message }])))
}

/// Asks when it is being stored once more whether an alias of these is free: a run, or somebody else's change, may have brought somebody
/// of that name since.
fn alias_is_free(
    users: Vec<User>,
    keys: &Map<String, Value>,
    path: &'static str,
) -> impl FnOnce(Db<'_>, &Config) -> Result<Result<(), ApiError>, StoreError> + Send + 'static {
    let keys = keys.clone();
    move |db, config| {
        let everybody = People::of(db, config)?;
        Ok(users.iter().try_for_each(|user| free_alias(&everybody, user, &keys, path)))
    }
}

/// Puts `body` in the place of what is kept for `user`, under whatever name; nothing when it says nothing.
pub(super) fn keep(all: &mut Vec<Declaration>, user: &User, mut body: Map<String, Value>) {
    let key = Section::Users.name_key();
    body.remove(key);
    let old = all.iter().find(|it| is_of(it, user)).map(|it| it.position);
    let last = all.iter().filter(|it| it.section == Section::Users).map(|it| it.position).max();
    all.retain(|it| !is_of(it, user));
    if body.is_empty() {
        return;
    }
    body.insert(key.to_owned(), user.uuid.as_str().into());
    all.push(Declaration {
        section: Section::Users,
        name: Section::Users.folded(user.uuid.as_str()),
        position: old.unwrap_or_else(|| last.map_or(0, |last| last + 1)),
        body: body.into(),
        version: 0,
    });
}

/// Whether this is what is kept for `user`. Files that were sent name people as they like.
pub(super) fn is_of(declaration: &Declaration, user: &User) -> bool {
    declaration.section == Section::Users && user.answers_to(&declaration.name)
}

/// Refuses what the settings file has.
pub(super) fn changeable(config: &Config, user: &User) -> Result<(), ApiError> {
    let what = format!("what is different for {}", user.called());
    overrides(config, user).try_for_each(|it| standing(config, it).changeable(&what))
}

/// For whom the settings file says what is different.
pub(super) struct Declared<'c> {
    config: &'c Config,
    names: HashSet<&'c str>,
}

impl<'c> Declared<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        let values = config.values.iter().filter(|it| !matches!(it.source, Source::Stored | Source::Default));
        let names = values.filter(|it| it.name.starts_with("users.overrides[") && it.name.ends_with("].plex"));
        Self { config, names: names.map(|it| it.value.as_str()).collect() }
    }

    /// Whether it does for `user`.
    pub(super) fn names(&self, user: &User) -> bool {
        overrides(self.config, user).any(|it| self.names.contains(it.plex.as_str()))
    }
}

fn overrides<'c>(config: &'c Config, user: &'c User) -> impl Iterator<Item = &'c UserOverride> {
    config.settings.users.overrides.of(user)
}

fn standing(config: &Config, exception: &UserOverride) -> Standing {
    Standing::of_item(config, "users.overrides", "plex", &exception.plex)
}

/// What is different for `user`, and the version of what is kept of it.
fn view(config: &Config, user: User) -> (OverrideView, i64) {
    let user = config.settings.users.named(user);
    let found = overrides(config, &user).next();
    let standing = found.map(|it| standing(config, it));
    let allowed = config.settings.users.standing(&user);
    let stored = kept(config).find(|it| is_of(it, &user));
    let view = OverrideView {
        user: Person::of(&user),
        settings: found.map_or_else(|| json!({}), in_words),
        source: standing.as_ref().map_or_else(String::new, |it| it.source.clone()),
        hides_another: stored.is_some() && standing.as_ref().is_some_and(|it| it.read_only),
        read_only: standing.is_some_and(|it| it.read_only),
        effective: Effective {
            sync: config.settings.users.syncs(&user),
            require_approval: allowed.require_approval,
            bypass_quota: allowed.bypass_quota,
            quotas: allowed.quotas.iter().map(quota::in_words).collect(),
        },
    };
    (view, stored.map_or(0, |it| it.version))
}

/// An override in the words of the settings file, without whose it is.
fn in_words(exception: &UserOverride) -> Value {
    let mut settings = json!({
        "alias": exception.alias,
        "sync": exception.sync,
        "require_approval": exception.require_approval,
        "bypass_quota": exception.bypass_quota,
        "quotas": exception.quotas,
    });
    if let Some(keys) = settings.as_object_mut() {
        keys.retain(|_, value| !value.is_null());
    }
    settings
}

async fn everybody(ask: &Ask) -> Result<People, ApiError> {
    let config = ask.app.config();
    Ok(ask.app.database.read(move |db| People::of(db, &config)).await?)
}

async fn one(ask: &Ask, name: &str) -> Result<User, ApiError> {
    everybody(ask).await?.named(name).cloned().ok_or_else(|| nobody(name))
}

fn nobody(name: &str) -> ApiError {
    ApiError::not_found(format!("nobody here is called `{name}`: /users lists everybody"))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{Relation, UserUuid};
    use warp::http::header;

    use super::super::household::{Household, SETTINGS};
    use super::*;

    const ANA: &str = "5be07c1d2a94f036";
    const ONE: &str = "/users/{user}/settings";

    /// Ana, Ben and Cem, of whom the settings file says something about Cem.
    fn household() -> Household {
        let household =
            Household::new(&SETTINGS.replace("rules:", "  overrides:\n  - {plex: CEM, sync: false}\nrules:"));
        household.write(|db| {
            for (uuid, name, relation) in [
                (ANA, "ana", Relation::Owner),
                ("aaaaaaaaaaaaaaa2", "ben", Relation::Friend),
                ("aaaaaaaaaaaaaaa3", "cem", Relation::Friend),
            ] {
                db.upsert_user(&UserUuid::parse(uuid).unwrap(), name, name, relation, 1)?;
            }
            Ok(())
        });
        household
    }

    async fn put(household: &Household, user: &str, body: &str) -> Result<Response, ApiError> {
        household.ask(ENDPOINTS, (Method::PUT, ONE), user, "", body).await
    }

    #[tokio::test]
    async fn what_is_kept_beside_the_file_under_another_name_is_told_and_can_be_removed() {
        let household = household();
        let (name, body) = ("aaaaaaaaaaaaaaa3".to_owned(), json!({"plex": "aaaaaaaaaaaaaaa3", "sync": true}));
        let hidden = Declaration { section: Section::Users, name, position: 0, body, version: 0 };
        assert!(household.write(|db| db.replace_declarations(&[], &[hidden], 1)));
        // Whatever is changed, everything is read anew.
        put(&household, "ana", "{\"sync\": true}").await.unwrap();
        let told = household.get_one(ENDPOINTS, ONE, "cem").await.unwrap();
        assert_eq!((&told["hides_another"], &told["read_only"]), (&json!(true), &json!(true)));
        assert_eq!(told["effective"]["sync"], false, "the file counts");
        assert_eq!(put(&household, "cem", "{\"sync\": true}").await.unwrap_err().status(), 409);
        put(&household, "cem", "{}").await.unwrap();
        let told = household.get_one(ENDPOINTS, ONE, "cem").await.unwrap();
        assert_eq!((&told["hides_another"], &told["settings"]), (&json!(false), &json!({"sync": false})));
    }

    #[tokio::test]
    async fn an_override_is_replaced_whole_and_taken_away_by_nothing() {
        let household = household();
        put(&household, "Ana", "{\"alias\": \"mum\", \"quotas\": []}").await.unwrap();
        let told = household.get_one(ENDPOINTS, ONE, "MUM").await.unwrap();
        assert_eq!(told["settings"], json!({"alias": "mum", "quotas": []}));
        assert_eq!(told["effective"]["quotas"], json!([]));
        assert_eq!(told["source"], "settings made in the service");
        let stored = household.db().declarations().unwrap();
        assert_eq!((stored[0].name.as_str(), &stored[0].body["plex"]), (ANA, &json!(ANA)));
        put(&household, "mum", "{\"sync\": false}").await.unwrap();
        let told = household.get_one(ENDPOINTS, ONE, ANA).await.unwrap();
        assert_eq!((&told["settings"], &told["user"]["name"]), (&json!({"sync": false}), &json!("ana")));
        put(&household, ANA, "{}").await.unwrap();
        assert_eq!(household.db().declarations().unwrap(), []);
        assert_eq!(put(&household, "nobody", "{}").await.unwrap_err().status(), 404);
        assert_eq!(put(&household, ANA, "{\"synk\": true}").await.unwrap_err().status(), 422);
    }

    #[tokio::test]
    async fn an_alias_that_somebody_has_come_to_answer_to_meanwhile_is_not_stored() {
        let household = household();
        for (endpoint, user, body, name) in [
            ((Method::PUT, ONE), "ana", "{\"alias\": \"dan\"}", "dan"),
            ((Method::POST, "/users/bulk"), "", "{\"users\": [\"ana\"], \"set\": {\"alias\": \"eve\"}}", "eve"),
        ] {
            let held = household.app.configuration.hold().await;
            let changing = household.ask(ENDPOINTS, endpoint, user, "", body);
            let meanwhile = async {
                // The change has found the name free, and waits for its turn.
                while !household.app.configuration.is_awaited() {
                    tokio::task::yield_now().await;
                }
                let uuid = UserUuid::parse(&format!("{name}0000000000000")).unwrap();
                household.write(|db| db.upsert_user(&uuid, name, name, Relation::Friend, 2));
                drop(held);
            };
            let (refused, ()) = tokio::join!(changing, meanwhile);
            let refused = refused.unwrap_err();
            assert_eq!(refused.status(), 422, "{refused:?}");
            assert!(refused.problems()[0].message.contains("answers to already"), "{refused:?}");
            assert_eq!(household.db().declarations().unwrap(), []);
        }
    }

    #[tokio::test]
    async fn what_the_file_says_about_a_person_is_changed_there() {
        let household = household();
        let refused = put(&household, "aaaaaaaaaaaaaaa3", "{\"sync\": true}").await.unwrap_err();
        assert_eq!(refused.status(), 409);
        let told = household.get_one(ENDPOINTS, ONE, "cem").await.unwrap();
        assert_eq!((&told["read_only"], &told["settings"]), (&json!(true), &json!({"sync": false})));
    }

    #[tokio::test]
    async fn several_are_changed_all_or_nothing() {
        let household = household();
        let bulk = |body: &'static str| household.post(ENDPOINTS, "/users/bulk", "", body);
        put(&household, "ana", "{\"alias\": \"mum\", \"sync\": true}").await.unwrap();
        let before = household.db().declarations().unwrap();
        for (body, status) in [
            ("{\"users\": [\"ana\", \"nobody\"], \"set\": {\"sync\": false}}", 404),
            ("{\"users\": [\"ana\", \"cem\"], \"set\": {\"sync\": false}}", 409),
            ("{\"users\": [\"ana\", \"ben\"], \"set\": {\"sync\": \"maybe\"}}", 422),
            ("{\"users\": [\"ana\", \"ben\"], \"set\": {\"alias\": \"same\"}}", 422),
            ("{\"users\": [], \"set\": {\"sync\": false}}", 400),
        ] {
            assert_eq!(bulk(body).await.unwrap_err().status().as_u16(), status, "{body}");
            assert_eq!(household.db().declarations().unwrap(), before);
        }
        let told =
            bulk("{\"users\": [\"ben\", \"mum\", \"ana\"], \"set\": {\"require_approval\": true, \"sync\": null}}")
                .await;
        assert_eq!(told.unwrap()["users"].as_array().unwrap().len(), 2);
        let ana = household.get_one(ENDPOINTS, ONE, "ana").await.unwrap();
        assert_eq!(ana["settings"], json!({"alias": "mum", "require_approval": true}));
        let ben = household.get_one(ENDPOINTS, ONE, "ben").await.unwrap();
        assert_eq!(ben["settings"], json!({"require_approval": true}));
    }

    #[tokio::test]
    async fn nobody_is_given_the_name_of_somebody_else() {
        let household = household();
        put(&household, "ben", "{\"alias\": \"Mum\"}").await.unwrap();
        let before = household.db().declarations().unwrap();
        // A name of Plex, an alias, a uuid, in any case.
        for (alias, whose) in
            [("CEM", "`cem`"), ("mum", "`Mum`"), ("BEN", "`Mum`"), ("AAAAAAAAAAAAAAA3", "`cem`"), (" cem ", "`cem`")]
        {
            let one = household.send(Method::PUT, "/users/ana/settings", None, &json!({"alias": alias})).await;
            let several = json!({"users": ["ana"], "set": {"alias": alias}});
            let several = household.send(Method::POST, "/users/bulk", None, &several).await;
            for (refused, path) in [(one, "alias"), (several, "set.alias")] {
                assert_eq!(refused.status, 422, "{alias}: {}", refused.json);
                let problem = &refused.json["error"]["problems"][0];
                assert_eq!(problem["path"], path);
                assert!(problem["message"].as_str().unwrap().contains(whose), "{problem}");
            }
        }
        let file = json!({"users": {"overrides": [{"plex": "ana", "alias": "cem"}]}});
        let imported = household.send(Method::POST, "/config/import", None, &file).await;
        let problem = &imported.json["error"]["problems"][0];
        assert_eq!((imported.status, &problem["path"]), (422, &json!("users.overrides[0].alias")), "{}", imported.json);
        assert_eq!(household.db().declarations().unwrap(), before);
        // Their own name is nobody else's.
        put(&household, "ana", "{\"alias\": \"Ana\"}").await.unwrap();
    }

    #[tokio::test]
    async fn so_many_users_are_named_at_once_and_no_longer_than_names_are() {
        let household = household();
        let set = json!({"sync": false});
        let many: Vec<String> = (0..=500).map(|number| format!("somebody {number}")).collect();
        for (users, path) in [(json!(many), "users"), (json!(["ana", "x".repeat(257)]), "users[1]")] {
            let body = json!({"users": users, "set": set});
            let refused = household.send(Method::POST, "/users/bulk", None, &body).await;
            let problem = &refused.json["error"]["problems"][0];
            assert_eq!((refused.status, &problem["path"]), (422, &json!(path)), "{}", refused.json);
        }
    }

    #[tokio::test]
    async fn several_are_changed_only_while_nobody_has_changed_anything_since() {
        let household = household();
        let bulk = async |state: &str, sync: bool| {
            let body = json!({"users": ["ana", "ben"], "set": {"sync": sync}});
            household.send(Method::POST, "/users/bulk", Some(state), &body).await.status
        };
        let state = async || household.send(Method::GET, "/users", None, &Value::Null).await.etag.unwrap();
        let seen = state().await;
        // Another part of the settings: what was looked at is all of them.
        let other = household.send(Method::PUT, "/settings/default", None, &json!({"value": "none"})).await;
        assert_eq!(other.status, 200, "{}", other.json);
        let before = household.db().declarations().unwrap();
        assert_eq!(bulk(&seen, false).await, 412);
        assert_eq!(household.db().declarations().unwrap(), before);
        let seen = state().await;
        assert_eq!((bulk(&seen, false).await, bulk(&seen, true).await), (200, 412));
        let kept = household.db().declarations().unwrap();
        let synced: Vec<&Value> =
            kept.iter().filter(|it| it.section == Section::Users).map(|it| &it.body["sync"]).collect();
        assert_eq!(synced, [&json!(false), &json!(false)]);
    }

    #[tokio::test]
    async fn somebody_who_has_not_looked_since_changes_nothing() {
        let household = household();
        let service = |body: Value, version: &'static str| {
            let endpoint = ENDPOINTS.iter().find(|it| it.method == Method::PUT).unwrap();
            let who = crate::request::Who { name: "ana".into(), may_write: true };
            (endpoint.handle)(Ask {
                app: std::sync::Arc::clone(&household.app),
                who,
                remote: None,
                headers: [(header::IF_MATCH, version.parse().unwrap())].into_iter().collect(),
                variables: vec![("user", ANA.to_owned())],
                query: Vec::new(),
                body: body.to_string().into(),
            })
        };
        let first = service(json!({"sync": false}), "\"0\"").await.unwrap();
        assert_ne!(first.headers()["etag"], "\"0\"");
        assert_eq!(service(json!({"sync": true}), "\"0\"").await.unwrap_err().status(), 412);
        assert_eq!(household.db().declarations().unwrap()[0].body["sync"], json!(false));
    }
}
