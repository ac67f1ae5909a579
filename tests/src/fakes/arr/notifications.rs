//! `/api/v3/notification`: the connections through which an arr tells others what happens.
//!
//! Owns: their rules, which of the calls try the receiver, and what a receiver's failure is answered with
//! (`ProviderControllerBase`, the same in both). Refuses: every implementation but `Webhook`, and building payloads.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::{self, Failure};
use super::state::Core;
use super::{App, events};
use crate::fakes::exchange::{Reply, Request};
use crate::fakes::webhook::{Delivered, Delivery};

/// What a stored password reads as. Sent back, it means the stored one.
const MASK: &str = "********";

/// The events of each application, in the order of its resource.
pub(crate) fn known_events(app: App) -> &'static [&'static str] {
    match app {
        App::Sonarr => &[
            "onGrab",
            "onDownload",
            "onUpgrade",
            "onImportComplete",
            "onRename",
            "onSeriesAdd",
            "onSeriesDelete",
            "onEpisodeFileDelete",
            "onEpisodeFileDeleteForUpgrade",
            "onHealthIssue",
            "onHealthRestored",
            "onApplicationUpdate",
            "onManualInteractionRequired",
        ],
        App::Radarr => &[
            "onGrab",
            "onDownload",
            "onUpgrade",
            "onRename",
            "onMovieAdded",
            "onMovieDelete",
            "onMovieFileDelete",
            "onMovieFileDeleteForUpgrade",
            "onHealthIssue",
            "onHealthRestored",
            "onApplicationUpdate",
            "onManualInteractionRequired",
        ],
    }
}

/// A connection as tests compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionSeen {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Where it sends to.
    pub url: String,
    /// The user name it logs in with; empty for none.
    pub username: String,
    /// The password it logs in with, in clear; empty for none.
    pub password: String,
    /// The events it sends: `onGrab`.
    pub events: Vec<String>,
}

/// A connection as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connection {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) events: BTreeMap<&'static str, bool>,
    pub(crate) health_warnings: bool,
    pub(crate) tags: Vec<i64>,
    pub(crate) url: String,
    pub(crate) put: bool,
    pub(crate) username: String,
    pub(crate) password: String,
    /// None once somebody has stored a null: then nothing is ever sent.
    pub(crate) headers: Option<Vec<(String, String)>>,
}

impl Connection {
    pub(crate) fn seen(&self) -> ConnectionSeen {
        let on = self.events.iter().filter(|(_, on)| **on).map(|(event, _)| (*event).to_owned());
        ConnectionSeen {
            id: self.id,
            name: self.name.clone(),
            url: self.url.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            events: on.collect(),
        }
    }

    pub(crate) fn enabled(&self) -> bool {
        self.events.values().any(|on| *on)
    }

    pub(crate) fn takes(&self, event: &str) -> bool {
        self.events.get(event).copied().unwrap_or(false)
    }

    /// Basic auth is sent unasked, when there is a name or a password.
    pub(crate) fn deliver(&self, app: App, payload: &Value) -> Delivery {
        let mut headers = vec![("User-Agent".to_owned(), events::user_agent(app))];
        if !self.username.is_empty() || !self.password.is_empty() {
            let latin: Vec<u8> =
                format!("{}:{}", self.username, self.password).chars().map(|letter| letter as u8).collect();
            headers.push(("Authorization".to_owned(), format!("Basic {}", crate::fakes::plex::base64(&latin))));
        }
        headers.extend(self.headers.clone().unwrap_or_default());
        Delivery {
            method: if self.put { "PUT" } else { "POST" },
            url: self.url.clone(),
            headers,
            event: payload["eventType"].as_str().unwrap_or_default().to_owned(),
            body: events::without_nulls(payload.clone()).to_string(),
        }
    }

    fn resource(&self, app: App) -> Value {
        let mut body = template(app);
        body["id"] = json!(self.id);
        body["name"] = json!(self.name);
        body["includeHealthWarnings"] = json!(self.health_warnings);
        body["tags"] = json!(self.tags);
        for (event, on) in &self.events {
            body[*event] = json!(on);
        }
        let masked = if self.password.is_empty() { "" } else { MASK };
        let headers = self.headers.as_ref().map(|headers| -> Value {
            headers.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
        });
        let values = [
            json!(self.url),
            json!(if self.put { 2 } else { 1 }),
            json!(self.username),
            json!(masked),
            headers.unwrap_or_default(),
        ];
        for (field, value) in body["fields"].as_array_mut().into_iter().flatten().zip(values) {
            // Nulls are left out, as everywhere.
            if !value.is_null() {
                field["value"] = value;
            }
        }
        body
    }
}

/// A webhook nobody has filled in.
fn template(app: App) -> Value {
    let mut body = json!({
        "implementation": "Webhook", "implementationName": "Webhook", "configContract": "WebhookSettings",
        "infoLink": "https://wiki.servarr.com/supported#webhook", "includeHealthWarnings": false,
        "supportsOnHealthIssue": true, "tags": [],
        "fields": [
            field(0, "url", "Webhook URL", "url", "normal"), field(1, "method", "Method", "select", "normal"),
            field(2, "username", "Username", "textbox", "userName"), field(3, "password", "Password", "password", "password"),
            field(4, "headers", "Headers", "keyValueList", "normal"),
        ],
    });
    body["fields"][1]["selectOptions"] =
        json!([{ "value": 1, "name": "POST", "order": 1 }, { "value": 2, "name": "PUT", "order": 2 }]);
    body["fields"][1]["value"] = json!(1);
    body["fields"][4]["advanced"] = json!(true);
    body["fields"][4]["value"] = json!([]);
    for event in known_events(app) {
        body[*event] = json!(false);
        body[format!("supportsO{}", &event[1..])] = json!(true);
    }
    body
}

fn field(order: i64, name: &str, label: &str, kind: &str, privacy: &str) -> Value {
    json!({ "order": order, "name": name, "label": label, "type": kind, "advanced": false, "privacy": privacy, "isFloat": false })
}

/// `tried` says that the receiver was called and answered well.
pub(crate) fn answer(core: &mut Core, request: &Request, segments: &[&str], tried: bool) -> Reply {
    let app = core.app;
    let number = |id: &str| id.parse::<i64>().ok();
    match (request.method.as_str(), segments) {
        ("GET", []) => Reply::json(200, &core.connections.iter().map(|one| one.resource(app)).collect()),
        ("GET", ["schema"]) => Reply::json(200, &json!([template(app)])),
        ("GET", [id]) => match core.connections.iter().find(|one| Some(one.id) == number(id)) {
            Some(found) => Reply::json(200, &found.resource(app)),
            None => errors::not_found(),
        },
        ("POST", ["test"]) => match bound(core, request, None) {
            Err(refused) => refused,
            Ok(_) if tried => Reply::text(200, "text/plain; charset=utf-8", "{}"),
            Ok(connection) => valid_settings(&connection).err().unwrap_or_else(|| trial(app, &connection)),
        },
        ("POST", []) => match bound(core, request, None) {
            Err(refused) => refused,
            Ok(connection) => create(core, connection, tried),
        },
        ("PUT", [id]) => {
            let Some(id) = number(id).filter(|id| core.connections.iter().any(|one| one.id == *id)) else {
                let message = format!("NotificationDefinition with ID {id} does not exist");
                return errors::exception(app, 404, "NzbDrone.Core.Datastore.ModelNotFoundException", &message);
            };
            match bound(core, request, Some(id)) {
                Err(refused) => refused,
                Ok(connection) => update(core, connection, tried || request.query("forceSave") == Some("true")),
            }
        }
        ("DELETE", [id]) => {
            core.connections.retain(|one| Some(one.id) != number(id));
            Reply::json(200, &json!({}))
        }
        _ => Reply::empty(404),
    }
}

/// The answer to a request whose receiver was called.
pub(crate) fn tried(core: &mut Core, request: &Request, outcome: &Delivered) -> Reply {
    let authority = outcome.url.split('/').nth(2).unwrap_or_default();
    match outcome.status {
        0 => {
            let message = format!("Connection refused ({authority})");
            errors::exception(core.app, 500, "System.Net.Http.HttpRequestException", &message)
        }
        400.. => {
            let words = format!(
                "Unable to send test message: Unable to post to webhook: HTTP request failed: [{}:{}] [POST] at [{}]",
                outcome.status,
                reason(outcome.status),
                outcome.url
            );
            errors::invalid_provider("Url", &words)
        }
        // A redirect is a success: it is not followed, and only 400 and above are errors.
        _ => {
            let path = request.path.strip_prefix(&core.url_base).unwrap_or(&request.path);
            let rest = path.trim_start_matches("/api/v3/notification").trim_matches('/').to_owned();
            let segments: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
            answer(core, request, &segments, true)
        }
    }
}

/// .NET's names of the statuses.
fn reason(status: u16) -> String {
    match status {
        400 => "BadRequest".to_owned(),
        401 => "Unauthorized".to_owned(),
        403 => "Forbidden".to_owned(),
        404 => "NotFound".to_owned(),
        500 => "InternalServerError".to_owned(),
        502 => "BadGateway".to_owned(),
        503 => "ServiceUnavailable".to_owned(),
        other => other.to_string(),
    }
}

fn trial(app: App, connection: &Connection) -> Reply {
    if connection.headers.is_none() {
        let message = "Object reference not set to an instance of an object.";
        return errors::exception(app, 500, "System.NullReferenceException", message);
    }
    Reply { trial: Some(Box::new(connection.deliver(app, &events::test(app)))), ..Reply::default() }
}

/// What is tried even with `forceSave`, which only drops warnings. What reports nothing is taken as it is.
fn create(core: &mut Core, mut connection: Connection, tried: bool) -> Reply {
    if connection.enabled() {
        if let Err(refused) = valid_settings(&connection) {
            return refused;
        }
        if !tried {
            return trial(core.app, &connection);
        }
    }
    connection.id = fresh_id(core);
    let body = connection.resource(core.app);
    let location = format!("{}/api/v3/notification/{}", core.url_base, connection.id);
    core.connections.push(connection);
    Reply::json(201, &body).with("location", location)
}

fn update(core: &mut Core, connection: Connection, without_trial: bool) -> Reply {
    let app = core.app;
    if connection.enabled()
        && let Err(refused) = valid_settings(&connection)
    {
        return refused;
    }
    let Some(stored) = core.connections.iter_mut().find(|one| one.id == connection.id) else {
        return errors::not_found();
    };
    if connection.enabled() && *stored != connection && !without_trial {
        return trial(app, &connection);
    }
    *stored = connection;
    Reply::json(202, &stored.resource(app))
}

fn fresh_id(core: &Core) -> i64 {
    core.connections.iter().map(|one| one.id).max().unwrap_or(0) + 1
}

/// An absolute, well-formed address.
fn valid_settings(connection: &Connection) -> Result<(), Reply> {
    let url = &connection.url;
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let well_formed = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(' '));
    if well_formed { Ok(()) } else { Err(errors::invalid_provider("Url", &format!("Invalid Url: '{url}'"))) }
}

/// The body as a connection, with the rules that hold for every one. `id` is the one in the path, over the one in the body.
fn bound(core: &Core, request: &Request, id: Option<i64>) -> Result<Connection, Reply> {
    if request.body.is_empty() {
        return Err(errors::bad_request("Request body can't be empty"));
    }
    let body: Map<String, Value> = serde_json::from_slice(&request.body)
        .map_err(|error| errors::unbindable(&[("$".to_owned(), error.to_string())]))?;
    let is_test = request.path.ends_with("/test");
    bind(core, &body, id, is_test)
}

fn bind(core: &Core, body: &Map<String, Value>, id: Option<i64>, is_test: bool) -> Result<Connection, Reply> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let id = id.or_else(|| body.get("id").and_then(Value::as_i64)).unwrap_or(0);
    let stored = core.connections.iter().find(|one| one.id == id);
    let mut events = BTreeMap::new();
    for event in known_events(core.app) {
        let on = match body.get(*event) {
            None => false,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                let message = "The JSON value could not be converted to System.Boolean.";
                return Err(errors::unbindable(&[(format!("$.{event}"), message.to_owned())]));
            }
        };
        events.insert(*event, on);
    }
    let name = text("name");
    let mut failures = Vec::new();
    if name.is_empty() {
        failures.push(Failure::not_empty("Name", name));
    } else if core.connections.iter().any(|one| one.id != id && one.name.to_lowercase() == name.to_lowercase()) {
        failures.push(Failure::new("Name", "Should be unique", name, "PredicateValidator"));
    }
    for (key, property) in [("implementation", "Implementation"), ("configContract", "ConfigContract")] {
        if text(key).is_empty() {
            failures.push(Failure::not_empty(property, ""));
        }
    }
    let fields = body.get("fields").and_then(Value::as_array);
    if stored.is_none() && !is_test && fields.is_none_or(Vec::is_empty) {
        failures.push(Failure::not_empty("Fields", Value::Null));
    }
    if !failures.is_empty() {
        return Err(errors::invalid(&failures));
    }
    if text("configContract") != "WebhookSettings" {
        let message = "Sequence contains no matching element";
        return Err(errors::exception(core.app, 500, "System.InvalidOperationException", message));
    }
    let field = |name: &str| fields.into_iter().flatten().find(|field| field["name"] == name);
    let words = |name: &str| field(name).and_then(|field| field["value"].as_str()).unwrap_or_default().to_owned();
    let password = match (words("password"), stored) {
        (sent, Some(stored)) if sent == MASK => stored.password.clone(),
        (sent, _) => sent,
    };
    let headers = match field("headers") {
        None => Some(Vec::new()),
        // Null and left out alike.
        Some(field) => field["value"].as_array().map(|headers| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            headers.iter().map(|header| (text(&header["key"]), text(&header["value"]))).collect()
        }),
    };
    Ok(Connection {
        id,
        name: name.to_owned(),
        events,
        health_warnings: body.get("includeHealthWarnings").and_then(Value::as_bool).unwrap_or(false),
        tags: body.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_i64).collect(),
        url: words("url"),
        put: field("method").is_some_and(|field| field["value"] == 2),
        username: words("username"),
        password,
        headers,
    })
}

/// For tests: stored without a trial.
pub(crate) fn put_there(core: &mut Core, body: &Value) -> i64 {
    let bound = bind(core, body.as_object().expect("an object"), Some(0), false);
    let mut connection = bound.unwrap_or_else(|refused| panic!("refused: {}", String::from_utf8_lossy(&refused.body)));
    connection.id = fresh_id(core);
    core.connections.push(connection);
    core.connections.last().map_or(0, |one| one.id)
}

/// For tests: a stored connection with other properties and settings.
pub(crate) fn change(core: &mut Core, id: i64, change: &Value) {
    let app = core.app;
    let at = core.connections.iter().position(|one| one.id == id).unwrap_or_else(|| panic!("no connection {id}"));
    let mut body = core.connections[at].resource(app);
    for (key, value) in change.as_object().into_iter().flatten() {
        let fields = body["fields"].as_array_mut().expect("fields are an array");
        match fields.iter_mut().find(|field| field["name"] == key.as_str()) {
            Some(field) => field["value"] = value.clone(),
            None => body[key.as_str()] = value.clone(),
        }
    }
    let bound = bind(core, body.as_object().expect("an object"), Some(id), false);
    core.connections[at] =
        bound.unwrap_or_else(|refused| panic!("refused: {}", String::from_utf8_lossy(&refused.body)));
}
