//! The form for an instance, in the words of the settings: from what is kept to fields, and from fields to what the API takes.

use std::sync::Arc;

use pulsarr_shared::model::{
    InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use crate::api::instance_trial::{Choices, Trial};
use crate::api::instances::InstanceView;
use crate::app::App;
use crate::auth;
use crate::pages::Form;
use crate::request::{ApiError, FieldProblem};

/// What the form of an instance is drawn from.
#[derive(Default)]
pub struct InstanceForm {
    /// What stands in it.
    pub form: Form,
    /// `radarr` or `sonarr`.
    pub kind: &'static str,
    /// It is not there yet.
    pub is_new: bool,
    /// The settings file declares it.
    pub read_only: bool,
    /// A key is stored.
    pub has_key: bool,
    /// A key that was typed before this page was shown, sealed for whoever typed it; empty: none.
    pub typed_key: String,
    /// What the instance offers; none when it was not asked or did not answer.
    pub choices: Option<Arc<Choices>>,
    /// The default instances of this kind besides this one, of which it can be a copy.
    pub originals: Vec<String>,
    /// What came of asking it.
    pub trial: Option<Trial>,
    /// Only what is needed to begin with.
    pub short: bool,
}

/// A choice in a list.
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// The fields that are texts, as the settings name them.
const TEXTS: &[&str] = &[
    "name",
    "url",
    "copy_of",
    "quality_profile",
    "root_folder_path",
    "minimum_availability",
    "monitor",
    "monitor_new_items",
    "series_type",
];

/// The fields that are on or off, and what they are when nothing is said.
const SWITCHES: &[(&str, bool)] =
    &[("default", false), ("search_on_add", true), ("respect_exclusions", true), ("season_folder", true)];

/// The application's own name.
pub fn app_name(kind: &str) -> &'static str {
    InstanceKind::from_word(kind).map_or("Sonarr or Radarr", InstanceKind::app_name)
}

/// The word of a kind of instance, if it is one.
pub fn kind(word: &str) -> Option<&'static str> {
    InstanceKind::from_word(word).map(InstanceKind::word)
}

/// The form for these settings. `options` are what comes of them, for what they do not say themselves.
pub fn of_settings(settings: &Value, options: &Value) -> Form {
    let of = |key: &str| if settings[key].is_null() { &options[key] } else { &settings[key] };
    let mut fields: Vec<(String, String)> = Vec::new();
    for key in TEXTS {
        fields.push(((*key).to_owned(), text(of(key))));
    }
    let tags = of("tags").as_array().map(|tags| tags.iter().map(text).collect::<Vec<_>>().join(", "));
    fields.push(("tags".to_owned(), tags.unwrap_or_default()));
    for (key, usual) in SWITCHES {
        let value = of(key);
        if value.as_bool().unwrap_or(*usual) {
            fields.push(((*key).to_owned(), "true".to_owned()));
        }
    }
    Form::with(fields)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What the API is sent for `form`: only what stands on it. `is_new` ones name themselves.
///
/// # Errors
/// 422 when the key that was typed before cannot be read any more.
pub fn body(app: &App, form: &Form, is_new: bool) -> Result<Map<String, Value>, ApiError> {
    let mut body = Map::new();
    for key in TEXTS.iter().filter(|key| is_new || **key != "name") {
        if let Some(text) = form.given(key) {
            body.insert((*key).to_owned(), text.into());
        }
    }
    // Said even when it is empty, so that what is missing is told by its name.
    for key in ["name", "url"].iter().filter(|key| is_new || **key != "name") {
        body.entry(*key).or_insert_with(|| "".into());
    }
    if let Some(kind) = kind(form.value("kind")) {
        body.insert("kind".to_owned(), kind.into());
    }
    if let Some(tags) = form.given("tags") {
        let tags: Vec<&str> = tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
        body.insert("tags".to_owned(), json!(tags));
    }
    for (key, _) in SWITCHES {
        // A box that is not ticked is not sent: the form says which it has.
        if form.has("has", key) {
            body.insert((*key).to_owned(), form.ticked(key).into());
        }
    }
    if let Some(key) = typed_key(app, form)? {
        body.insert("api_key".to_owned(), key.expose_secret().into());
    }
    Ok(body)
}

/// A form line by line, for people to compare: of the switches only those that `like` has. A key is never shown, and the
/// name never changes.
pub fn lines(form: &Form, like: &Form) -> Vec<String> {
    let texts = TEXTS
        .iter()
        .filter(|key| **key != "name")
        .chain(&["tags"])
        .filter_map(|key| Some(format!("{key}: {}", form.given(key)?)));
    let switches = SWITCHES.iter().filter(|(key, _)| like.has("has", key));
    let switches = switches.map(|(key, _)| format!("{key}: {}", if form.ticked(key) { "yes" } else { "no" }));
    let another = form.given("api_key").or(form.given("typed_key"));
    texts.chain(switches).chain(another.map(|_| "api_key: another one".to_owned())).collect()
}

/// The key in the form, or the one that was typed before.
fn typed_key(app: &App, form: &Form) -> Result<Option<SecretString>, ApiError> {
    if let Some(key) = form.given("api_key") {
        return Ok(Some(key.into()));
    }
    let Some(sealed) = form.given("typed_key") else { return Ok(None) };
    let opened = app.configuration.vault.unseal(sealed).ok();
    let whole = opened.as_ref().map(|it| it.expose_secret()).unwrap_or_default();
    match whole.split_once(' ') {
        Some((whose, key)) if auth::same(whose, &mark(form)) => Ok(Some(key.into())),
        _ => Err(ApiError::fields(vec![FieldProblem {
            path: "api_key".to_owned(),
            message: "has to be entered again".to_owned(),
        }])),
    }
}

/// The key that was typed, for the next page: sealed, so that no page shows it, and of use to nobody but whoever typed it.
fn keep_typed_key(app: &App, form: &Form) -> String {
    let Ok(Some(key)) = typed_key(app, form) else { return String::new() };
    let kept = format!("{} {}", mark(form), key.expose_secret());
    app.configuration.vault.seal(&kept.into()).unwrap_or_default()
}

/// Whose form it is, by the token of the session, which was checked when the form was let in.
fn mark(form: &Form) -> String {
    auth::hash(form.value("csrf_token")).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl InstanceForm {
    /// The application's name.
    pub fn app(&self) -> &'static str {
        app_name(self.kind)
    }

    /// What its address looks like.
    pub fn address_hint(&self) -> &'static str {
        if self.is_sonarr() {
            "As pulsarr reaches it, with its URL base if it has one: http://sonarr:8989"
        } else {
            "As pulsarr reaches it, with its URL base if it has one: http://radarr:7878"
        }
    }

    /// Whether this is a Sonarr.
    pub fn is_sonarr(&self) -> bool {
        self.kind == InstanceKind::Sonarr.word()
    }

    /// Quality profiles to choose from, the chosen one among them; none: they are not known.
    pub fn profiles(&self) -> Vec<Choice> {
        let Some(choices) = &self.choices else { return Vec::new() };
        let wanted = self.form.value("quality_profile");
        let by_id = choices.quality_profiles.iter().find(|it| it.id.to_string() == wanted);
        let profile = |name: &str, id: i64| Choice {
            // As it was written: by name or by number.
            value: if by_id.is_some_and(|it| it.id == id) { wanted.to_owned() } else { name.to_owned() },
            label: name.to_owned(),
        };
        let offered = choices.quality_profiles.iter().map(|it| profile(&it.name, it.id)).collect();
        with_chosen(offered, wanted)
    }

    /// Root folders to choose from, in the same way.
    pub fn folders(&self) -> Vec<Choice> {
        let Some(choices) = &self.choices else { return Vec::new() };
        let label = |path: &str, free: Option<u64>, accessible: bool| match free {
            _ if !accessible => format!("{path} (cannot be read now)"),
            Some(bytes) => format!("{path} ({} GiB free)", bytes >> 30),
            None => path.to_owned(),
        };
        let folders = choices.root_folders.iter();
        let offered = folders
            .map(|it| Choice { value: it.path.clone(), label: label(&it.path, it.free_space, it.accessible) })
            .collect();
        with_chosen(offered, self.form.value("root_folder_path").trim_end_matches('/'))
    }

    /// The tags that it has.
    pub fn tags(&self) -> String {
        let tags = self.choices.iter().flat_map(|choices| &choices.tags);
        tags.take(40).map(|tag| tag.label.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What can be monitored.
    pub fn monitors(&self) -> Vec<Choice> {
        if self.is_sonarr() {
            words(SeriesMonitor::ALL.iter().map(|it| it.word()))
        } else {
            words(MovieMonitor::ALL.iter().map(|it| it.word()))
        }
    }

    /// Sonarr's words for later seasons.
    pub fn new_items(&self) -> Vec<Choice> {
        words(MonitorNewItems::ALL.iter().map(|it| it.word()))
    }

    /// Sonarr's series types.
    pub fn series_types(&self) -> Vec<Choice> {
        words(SeriesTypeChoice::ALL.iter().map(|it| it.word()))
    }

    /// Radarr's words for when a film is obtainable.
    pub fn availabilities(&self) -> Vec<Choice> {
        words(MinimumAvailability::ALL.iter().map(|it| it.word()))
    }

    /// Whether it is a copy of something that is no default instance.
    pub fn copies_another(&self) -> bool {
        let original = self.form.value("copy_of");
        !original.is_empty() && !self.originals.iter().any(|name| name == original)
    }

    /// The form with what `error` says, in sentences that fit it.
    pub fn refused(mut self, error: &ApiError) -> Self {
        self.form = self.form.refused(error);
        let shown = |path: &str| {
            let short = ["name", "url", "api_key", "quality_profile", "root_folder_path", "default"];
            let known = TEXTS.iter().copied().chain(SWITCHES.iter().map(|(key, _)| *key)).chain(["api_key"]);
            if self.short { short.contains(&path) } else { known.into_iter().any(|key| key == path) }
        };
        let problems = error.problems();
        if problems.is_empty() {
            return self;
        }
        let others = problems.iter().filter(|it| !shown(&it.path));
        let others: Vec<String> = others.map(|it| format!("{}: {}", it.path, it.message)).collect();
        self.form.problem = if others.is_empty() {
            "Nothing was saved: look at what is marked below.".to_owned()
        } else {
            format!("Nothing was saved. {}", others.join(". "))
        };
        self
    }

    /// The form without any key, as it is shown again, and what is kept of the key that was typed.
    pub fn kept(self, app: &App) -> Self {
        Self { typed_key: keep_typed_key(app, &self.form), ..self }
    }
}

/// `offered`, and what was chosen before where that is not there any more.
fn with_chosen(mut offered: Vec<Choice>, chosen: &str) -> Vec<Choice> {
    let known = offered.iter().any(|it| it.value == chosen || it.label == chosen);
    if !chosen.is_empty() && !known {
        offered.push(Choice { value: chosen.to_owned(), label: format!("{chosen} (not there)") });
    }
    offered
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> Vec<Choice> {
    words.map(|word| Choice { value: word.to_owned(), label: word.replace('_', " ") }).collect()
}

/// The default instances of `kind` other than `name`.
pub fn originals(all: &[InstanceView], kind: &str, name: &str) -> Vec<String> {
    let fits = |it: &&InstanceView| it.default && it.kind == kind && it.name != name;
    all.iter().filter(fits).map(|it| it.name.clone()).collect()
}
