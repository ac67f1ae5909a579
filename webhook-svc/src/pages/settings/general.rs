//! What happens with titles that no rule sends anywhere, where days begin, and how long requests stay open.

use askama::Template;
use serde_json::{Map, Value};
use warp::http::StatusCode;
use warp::reply::Response;

use super::group::{self, Group};
use super::variables::{self, Variable};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/settings/general", |ask| Box::pin(show(ask))),
    Page::form("/settings/general/{part}", |ask| Box::pin(save(ask))),
];

const ROUTING: &str = "default";
const ZONE: &str = "time_zone";
const APPROVALS: &str = "approvals";

/// Why somebody may be asked, with what that is called; empty for all of them.
const REASONS: [(&str, &str, &str); 4] = [
    ("", "Requests", "Unless something else stands below."),
    ("rule", "Asked for by a rule", "A rule with “require approval” matched."),
    ("user", "Of people who are always asked about", "Approval is required for whoever wants it."),
    ("quota", "Without room in a quota", "A quota is used up."),
];

const VARIABLES: [(&str, &str); 9] = [
    ("PULSARR_DATA_DIR", "Where the database, the lock and backups live."),
    ("PULSARR_CONFIG", "The settings file, when it is not pulsarr.yaml in the working or the data folder."),
    ("PULSARR_BASE_URL", "How Sonarr and Radarr reach this service."),
    ("PULSARR_BASE_PATH", "What stands in front of every path, for a reverse proxy."),
    ("PULSARR_PORT", "Where the service listens."),
    ("PULSARR_METRICS_PORT", "Where metrics are."),
    ("PULSARR_CA_FILE", "Certificates to trust besides the usual ones."),
    ("PULSARR_ALLOW_NETWORK_FS", "Lets the data folder be on a network filesystem."),
    ("TZ", "Where days begin, unless a time zone is set above."),
];

#[derive(Template)]
#[template(path = "settings/general.html")]
struct General {
    frame: Frame,
    routing: Part,
    zone: Part,
    approvals: Part,
    versions: Option<Versions>,
    here: String,
    /// The zone that counts.
    zone_now: String,
    variables: Vec<Variable>,
}

impl General {
    /// Whether the reason is that a quota has no room.
    fn is_about_quotas(reason: &str) -> bool {
        reason == "quota"
    }
}

/// A group and the form for it.
struct Part {
    group: Group,
    form: Form,
}

impl Part {
    /// The group as it is; with what was sent, if that is about it.
    async fn of(ask: &Ask, section: &str, sent: Option<&Form>) -> Result<Self, ApiError> {
        let group = Group::of(ask, section).await?;
        let form = match sent.filter(|_| ask.variable("part") == section) {
            Some(sent) => sent.clone(),
            None => shown(&group, section),
        };
        Ok(Self { group, form })
    }

    /// What stands in a field: what the settings file has is as it says.
    fn value(&self, name: &str) -> String {
        if self.locks(name) { text_at(&self.group, name) } else { self.form.value(name).to_owned() }
    }

    /// Whether `word` stands in a field; `usual` is what an empty one means.
    fn says(&self, name: &str, word: &str, usual: &str) -> bool {
        let value = self.value(name);
        value == word || (value.is_empty() && word == usual)
    }

    /// Whether the settings file has this field, or the group of it.
    fn locks(&self, name: &str) -> bool {
        self.group.locks(name.split('.').next().unwrap_or(name))
    }

    fn source(&self, name: &str) -> &str {
        self.group.source(name.split('.').next().unwrap_or(name))
    }

    /// Whether requests without room go by themselves once there is some.
    fn approves_when_free(&self) -> bool {
        if self.locks("quota") {
            self.group.view.settings["quota"]["approve_when_free"].as_bool().unwrap_or(true)
        } else {
            self.form.ticked("quota.approve_when_free")
        }
    }
}

fn text_at(group: &Group, name: &str) -> String {
    group.text(&name.split('.').collect::<Vec<_>>())
}

/// The form for a group as it is.
fn shown(group: &Group, section: &str) -> Form {
    if section != APPROVALS {
        return Form::with([("value".to_owned(), group.text(&["value"]))]);
    }
    let mut fields = Vec::new();
    for (reason, ..) in REASONS {
        for key in ["expire_after_h", "then"] {
            let name = field(reason, key);
            fields.push((name.clone(), text_at(group, &name)));
        }
    }
    if group.view.settings["quota"]["approve_when_free"].as_bool().unwrap_or(true) {
        fields.push(("quota.approve_when_free".to_owned(), "true".to_owned()));
    }
    Form::with(fields)
}

/// `rule.then`
fn field(reason: &str, key: &str) -> String {
    if reason.is_empty() { key.to_owned() } else { format!("{reason}.{key}") }
}

/// What the form says about a group, in the words of the settings file, without what the file has.
fn wanted(group: &Group, section: &str, form: &Form) -> Map<String, Value> {
    if section != APPROVALS {
        let value = form.given("value").filter(|_| !group.locks("value"));
        return value.map(|value| ("value".to_owned(), value.into())).into_iter().collect();
    }
    let mut wanted = Map::new();
    for (reason, ..) in REASONS {
        let mut keys = Map::new();
        for key in ["expire_after_h", "then"] {
            if let Some(text) = form.given(&field(reason, key)) {
                keys.insert(key.to_owned(), text.parse::<i64>().map_or_else(|_| text.into(), Value::from));
            }
        }
        if reason == "quota" {
            keys.insert("approve_when_free".to_owned(), form.ticked("quota.approve_when_free").into());
        }
        if reason.is_empty() {
            wanted.extend(keys);
        } else if !keys.is_empty() {
            wanted.insert(reason.to_owned(), keys.into());
        }
    }
    wanted.retain(|key, _| !group.locks(key));
    wanted
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, None, None).await
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    sent: Option<&Form>,
    versions: Option<Versions>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let routing = Part::of(ask, ROUTING, sent).await?;
    let zone = Part::of(ask, ZONE, sent).await?;
    let approvals = Part::of(ask, APPROVALS, sent).await?;
    let here = format!("{}/settings/general", frame.base_path);
    let zone_now = ask.app.config().zone.iana_name().unwrap_or("the zone of TZ").to_owned();
    let variables = variables::of(ask, &VARIABLES);
    html(ask, status, &General { frame, routing, zone, approvals, versions, here, zone_now, variables })
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let (form, section) = (Form::of(&ask), ask.variable("part").to_owned());
    if ![ROUTING, ZONE, APPROVALS].contains(&section.as_str()) {
        return Err(ApiError::not_found("there is no such part of the settings"));
    }
    let group = Group::of(&ask, &section).await?;
    let wanted = wanted(&group, &section, &form);
    match group::keep(&ask, &section, &form, wanted.clone()).await {
        Ok(()) => {
            let said = match section.as_str() {
                ROUTING => "Saved: what happens with titles that no rule sends anywhere.",
                ZONE => "Saved: where days begin.",
                _ => "Saved: how long requests stay open.",
            };
            Ok(see_other(&ask, "/settings/general", Some(Notice::ok(said))))
        }
        Err(error) => {
            let versions = group::versions(&ask, &section, &error, &wanted.into(), group::lines).await?;
            draw(&ask, error.status(), Some(&form.refused(&error)), versions).await
        }
    }
}
