//! Webhook connections: list, create, change, try, delete. `NotificationResource` of both applications' API version 3.
//!
//! While a connection is tried, the arr calls its receiver and answers us afterwards: whoever waits here must not keep the
//! receiver from answering.

use std::collections::BTreeMap;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{Arr, ArrError, SLOW, SLOW_LIMIT, error};
use crate::clients::FetchError;
use crate::clients::clean::{clean, words};
use crate::clients::request::Request;

const PATH: &str = "/api/v3/notification";
const TEST: &str = "/api/v3/notification/test";
const WEBHOOK: &str = "Webhook";
/// The number of `POST` among the methods of a webhook.
const POST: i64 = 1;

/// What both applications can report, by their names for it. Each passes over what only the other, or a later version, knows.
pub(crate) const EVENTS: &[&str] = &[
    "onGrab",
    "onDownload",
    "onUpgrade",
    "onImportComplete",
    "onRename",
    "onSeriesAdd",
    "onSeriesDelete",
    "onEpisodeFileDelete",
    "onMovieAdded",
    "onMovieDelete",
    "onMovieFileDelete",
    "onHealthIssue",
    "onHealthRestored",
    "onApplicationUpdate",
    "onManualInteractionRequired",
];

/// A connection as an instance has it. Of one that is no webhook, only `id`, `name` and `implementation` mean something.
#[derive(Clone, PartialEq)]
pub struct Notification {
    /// The instance's number for it.
    pub id: i64,
    /// The name people see; no two are alike but for case.
    pub name: String,
    /// `Webhook`, `Discord`, …
    pub implementation: String,
    /// Where it sends to.
    pub url: Option<String>,
    /// The name it logs in with.
    pub username: Option<String>,
    /// What it may report (`onGrab`), and whether it does. Lacks what this instance does not know.
    pub events: BTreeMap<String, bool>,
    /// Whether it sends by `POST`, the only other way being `PUT`.
    pub by_post: bool,
    /// Whether it reports only of titles with certain tags.
    pub only_tagged: bool,
    /// As it was read, with `********` for the password.
    resource: Map<String, Value>,
}

/// A webhook as it ought to be.
#[derive(Debug, Clone)]
pub struct NotificationDraft {
    /// The name people see.
    pub name: String,
    /// An absolute address.
    pub url: String,
    /// The name to log in with.
    pub username: String,
    /// The password to log in with.
    pub password: SecretString,
}

/// What came of an instance's attempt to call a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// The receiver answered with a success, or with a redirect, which neither application tells from one.
    Reached,
    /// The receiver answered with an error, or the connection cannot be like this: the instance's own words, which quote the
    /// status as `[401:Unauthorized]`.
    Refused {
        /// On one line.
        words: String,
    },
    /// No receiver answered: the instance's own words, `Connection refused (host:port)`.
    NotReached {
        /// On one line.
        words: String,
    },
}

impl Notification {
    /// `None` for what has no number.
    fn read(resource: Map<String, Value>) -> Option<Self> {
        let text = |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let field = |name: &str| fields(&resource).find(|(known, _)| *known == name).map(|(_, value)| value);
        let words = |name: &str| field(name).and_then(Value::as_str).map(str::to_owned);
        let known = resource.iter().filter(|(key, _)| key.starts_with("on") && !unsupported(&resource, key));
        Some(Self {
            id: resource.get("id")?.as_i64()?,
            name: text("name"),
            implementation: text("implementation"),
            url: words("url"),
            username: words("username"),
            events: known.filter_map(|(key, value)| Some((key.clone(), value.as_bool()?))).collect(),
            by_post: field("method").and_then(Value::as_i64).is_none_or(|method| method == POST),
            only_tagged: resource.get("tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty()),
            resource,
        })
    }

    /// Whether it is a webhook, and not one of the services that both applications know by name.
    #[must_use]
    pub fn is_webhook(&self) -> bool {
        self.implementation.eq_ignore_ascii_case(WEBHOOK)
    }

    /// The whole of it, to be sent back. Fields without a value stay out: a webhook whose `headers` are null never sends anything.
    fn body(&self) -> Map<String, Value> {
        let mut body = self.resource.clone();
        body.insert("fields".to_owned(), as_fields(fields(&self.resource)));
        body
    }
}

/// Leaves out where it sends to: the address of some services is a secret.
impl std::fmt::Debug for Notification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Notification");
        shown.field("id", &self.id).field("name", &self.name).field("implementation", &self.implementation);
        shown.finish_non_exhaustive()
    }
}

impl NotificationDraft {
    /// Everything that is ours to say, over `resource`.
    fn write_over(&self, mut resource: Map<String, Value>, enabled: bool) -> Value {
        for event in EVENTS {
            resource.insert((*event).to_owned(), enabled.into());
        }
        let (method, password) = (json!(POST), json!(self.password.expose_secret()));
        let (url, username) = (json!(self.url), json!(self.username));
        let ours = [("url", &url), ("method", &method), ("username", &username), ("password", &password)];
        let others: Vec<(String, Value)> = fields(&resource)
            .filter(|(name, _)| ours.iter().all(|(our, _)| our != name))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        let others = others.iter().map(|(name, value)| (name.as_str(), value));
        let all = as_fields(ours.into_iter().chain(others));
        for (key, value) in [
            ("name", json!(self.name)),
            ("implementation", json!(WEBHOOK)),
            ("configContract", json!("WebhookSettings")),
            ("tags", json!([])),
            ("fields", all),
        ] {
            resource.insert(key.to_owned(), value);
        }
        Value::Object(resource)
    }
}

impl Arr {
    /// All connections, webhooks and others: `GET /api/v3/notification`.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn notifications(&self) -> Result<Vec<Notification>, ArrError> {
        let all: Vec<Map<String, Value>> = self.get(PATH, &[]).await?;
        Ok(all.into_iter().filter_map(Notification::read).collect())
    }

    /// Creates a webhook that reports nothing yet, which is the only kind that an instance takes without calling the receiver
    /// first. [`Arr::update_notification`] switches it on.
    ///
    /// # Errors
    /// [`ArrError::Rejected`] for a name that is taken (`Should be unique`).
    pub async fn create_notification(&self, draft: &NotificationDraft) -> Result<Notification, ArrError> {
        let body = draft.write_over(Map::new(), false);
        self.send(Method::POST, PATH, &[], Some(&body)).await.and_then(read)
    }

    /// Makes `existing` what `draft` says, with everything switched on, and leaves alone what a draft does not speak of. The
    /// instance stores it without calling the receiver.
    ///
    /// # Errors
    /// [`ArrError::Rejected`] for a name that is taken and for an address that is none.
    pub async fn update_notification(
        &self,
        existing: &Notification,
        draft: &NotificationDraft,
    ) -> Result<Notification, ArrError> {
        let body = draft.write_over(existing.resource.clone(), true);
        let path = format!("{PATH}/{}", existing.id);
        self.send(Method::PUT, &path, &[("forceSave", "true")], Some(&body)).await.and_then(read)
    }

    /// Deletes a connection; one that is gone already is as good.
    ///
    /// # Errors
    /// See [`ArrError`].
    pub async fn delete_notification(&self, id: i64) -> Result<(), ArrError> {
        let path = format!("{PATH}/{id}");
        match self.sent(Method::DELETE, &path, &[], None).await {
            // `{}`, or nothing at all.
            Ok(IgnoredAny) | Err(FetchError::NotFound) => Ok(()),
            Err(error) => Err(error::from_fetch(error, &path, true)),
        }
    }

    /// Has the instance call the receiver of a connection it has: exactly as it was read, so that the password used is the one
    /// the instance has stored.
    ///
    /// # Errors
    /// See [`ArrError`]. That the receiver was not reached is none.
    pub async fn test_notification(&self, notification: &Notification) -> Result<Tested, ArrError> {
        let body = Value::Object(notification.body());
        match self.sent::<IgnoredAny>(Method::POST, TEST, &[], Some(&body)).await {
            Ok(IgnoredAny) => Ok(Tested::Reached),
            Err(FetchError::Rejected { status: 400, body }) => Ok(Tested::Refused { words: clean(&words(&body), &[]) }),
            // Anything that goes wrong on the way to the receiver is an error that the application did not foresee. Its own
            // troubles, such as a locked database, look the same but for the words.
            Err(FetchError::ServerError { status: 500, detail, json: true }) if !detail.contains("database") => {
                Ok(Tested::NotReached { words: detail })
            }
            Err(error) => Err(error::from_fetch(error, TEST, true)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Map<String, Value>, ArrError> {
        self.sent(method, path, query, body).await.map_err(|error| error::from_fetch(error, path, true))
    }

    async fn sent<T: serde::de::DeserializeOwned + Send>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<T, FetchError> {
        let request = Request::get(&self.url, path, query)?.with_method(method, body).into_write();
        self.http.json(&self.dressed(request.with_limits(SLOW_LIMIT, SLOW, SLOW))?).await
    }
}

fn read(resource: Map<String, Value>) -> Result<Notification, ArrError> {
    Notification::read(resource)
        .ok_or_else(|| ArrError::Malformed { detail: "a connection without a number".to_owned() })
}

/// The fields that have a value.
fn fields(resource: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let all = resource.get("fields").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|field| Some((field.get("name")?.as_str()?, field.get("value").filter(|value| !value.is_null())?)))
}

/// Only name and value matter when a field is written.
fn as_fields<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> Value {
    fields.map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// Whether the instance says that a webhook has no such event: `supportsOnGrab: false`.
fn unsupported(resource: &Map<String, Value>, event: &str) -> bool {
    let name = format!("supportsO{}", event.strip_prefix('o').unwrap_or_default());
    resource.get(&name).and_then(Value::as_bool) == Some(false)
}

/// A webhook for tests of those who look at one.
#[cfg(test)]
pub(crate) fn a_webhook(id: i64, name: &str, url: &str) -> Notification {
    let mut resource = json!({
        "id": id, "name": name, "implementation": WEBHOOK, "tags": [],
        "fields": [
            { "name": "url", "value": url }, { "name": "method", "value": POST }, { "name": "username", "value": "pulsarr" },
            { "name": "password", "value": "********" }, { "name": "headers", "value": null },
        ],
    });
    for event in EVENTS.iter().filter(|event| !event.contains("Movie")) {
        resource[*event] = json!(true);
    }
    let Value::Object(resource) = resource else { unreachable!("an object was written") };
    Notification::read(resource).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_back_is_what_was_read_but_for_fields_without_a_value() {
        let body = Value::Object(a_webhook(7, "x", "http://p/").body());
        let names: Vec<&str> =
            body["fields"].as_array().unwrap().iter().filter_map(|field| field["name"].as_str()).collect();
        assert_eq!(names, ["url", "method", "username", "password"]);
        assert_eq!((&body["id"], &body["fields"][3]["value"]), (&json!(7), &json!("********")));
    }

    #[test]
    fn a_draft_leaves_other_settings_and_headers_alone() {
        let mut existing = a_webhook(7, "x", "http://old/");
        existing.resource.insert("includeHealthWarnings".to_owned(), json!(true));
        existing.resource["fields"] = json!([{ "name": "headers", "value": [{ "key": "a", "value": "b" }] }, { "name": "url", "value": "http://old/" }]);
        let draft = NotificationDraft {
            name: "x".to_owned(),
            url: "http://new/".to_owned(),
            username: "u".to_owned(),
            password: SecretString::from("s3cret"),
        };
        let body = draft.write_over(existing.resource, true);
        assert_eq!(
            (&body["id"], &body["includeHealthWarnings"], &body["onGrab"]),
            (&json!(7), &json!(true), &json!(true))
        );
        assert_eq!(
            body["fields"],
            json!([
                { "name": "url", "value": "http://new/" }, { "name": "method", "value": 1 },
                { "name": "username", "value": "u" }, { "name": "password", "value": "s3cret" },
                { "name": "headers", "value": [{ "key": "a", "value": "b" }] },
            ])
        );
        let created = draft.write_over(Map::new(), false);
        assert_eq!((&created["onGrab"], created["fields"].as_array().unwrap().len()), (&json!(false), 4));
    }

    #[test]
    fn an_event_that_the_instance_says_it_lacks_is_none_of_its_events() {
        let mut resource = a_webhook(7, "x", "http://p/").resource;
        resource.insert("supportsOnRename".to_owned(), json!(false));
        let read = Notification::read(resource).unwrap();
        assert_eq!((read.events.get("onRename"), read.events.get("onGrab")), (None, Some(&true)));
    }
}
