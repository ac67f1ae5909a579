//! The body of an add, bound to types the way ASP.NET does before any rule runs.
//!
//! Owns: which property has which type, defaults, enum names. Refuses: rules on values (`validate`).

use serde_json::{Map, Value};

use super::App;

const SONARR_MONITOR: &[&str] = &[
    "unknown",
    "all",
    "future",
    "missing",
    "existing",
    "firstSeason",
    "lastSeason",
    "latestSeason",
    "pilot",
    "recent",
    "monitorSpecials",
    "unmonitorSpecials",
    "none",
    "skip",
];
const RADARR_MONITOR: &[&str] = &["movieOnly", "movieAndCollection", "none"];
const SERIES_TYPES: &[&str] = &["standard", "daily", "anime"];
const NEW_ITEMS: &[&str] = &["all", "none"];
const AVAILABILITY: &[&str] = &["tba", "announced", "inCinemas", "released", "deleted"];
const ADD_METHODS: &[&str] = &["manual", "list", "collection"];

/// A bound add. Fields the app overwrites with metadata are only here where a rule reads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) raw: Value,
    pub(crate) external_id: i64,
    pub(crate) title: String,
    pub(crate) year: i64,
    pub(crate) quality_profile_id: i64,
    pub(crate) path: String,
    pub(crate) root_folder_path: String,
    pub(crate) monitored: bool,
    /// None when the property is missing or null.
    pub(crate) tags: Option<Vec<i64>>,
    pub(crate) season_folder: bool,
    pub(crate) seasons: Vec<(i64, bool)>,
    pub(crate) series_type: String,
    pub(crate) monitor_new_items: String,
    pub(crate) minimum_availability: String,
    pub(crate) add_options: Option<AddOptions>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct AddOptions {
    pub(crate) monitor: String,
    pub(crate) search_missing: bool,
    pub(crate) search_cutoff: bool,
    pub(crate) search_movie: bool,
    pub(crate) add_method: String,
}

/// # Errors
/// JSON paths with the sentence for each, for ProblemDetails.
pub(crate) fn bind(app: App, body: &[u8]) -> Result<Draft, Vec<(String, String)>> {
    let raw: Value = serde_json::from_slice(body).map_err(|error| {
        let at = format!("Path: $ | LineNumber: {} | BytePositionInLine: {}.", error.line(), error.column());
        vec![("$".to_owned(), format!("The JSON value could not be read. {at}"))]
    })?;
    let mut reader =
        Reader { prefix: "$".to_owned(), object: raw.as_object().cloned().unwrap_or_default(), errors: Vec::new() };
    if !raw.is_object() {
        reader.refuse("", "an object");
    }
    let mut draft = Draft {
        external_id: reader.int(app.external()),
        title: reader.text("title"),
        year: reader.int("year"),
        quality_profile_id: reader.int("qualityProfileId"),
        path: reader.text("path"),
        root_folder_path: reader.text("rootFolderPath"),
        monitored: reader.flag("monitored", app == App::Radarr),
        tags: reader.ints("tags"),
        ..Draft::default()
    };
    let mut options = reader.child("addOptions");
    match app {
        App::Sonarr => {
            draft.season_folder = reader.flag("seasonFolder", false);
            draft.seasons = reader.seasons();
            draft.series_type = reader.word("seriesType", SERIES_TYPES, "standard");
            draft.monitor_new_items = reader.word("monitorNewItems", NEW_ITEMS, "all");
            draft.add_options = options.as_mut().map(|options| AddOptions {
                monitor: options.word("monitor", SONARR_MONITOR, "unknown"),
                search_missing: options.flag("searchForMissingEpisodes", false),
                search_cutoff: options.flag("searchForCutoffUnmetEpisodes", false),
                ..AddOptions::default()
            });
        }
        App::Radarr => {
            draft.minimum_availability = reader.word("minimumAvailability", AVAILABILITY, "released");
            draft.add_options = options.as_mut().map(|options| AddOptions {
                monitor: options.word("monitor", RADARR_MONITOR, "movieOnly"),
                search_movie: options.flag("searchForMovie", false),
                add_method: options.word("addMethod", ADD_METHODS, "manual"),
                ..AddOptions::default()
            });
        }
    }
    let mut errors = reader.errors;
    errors.extend(options.into_iter().flat_map(|options| options.errors));
    draft.raw = raw;
    if errors.is_empty() { Ok(draft) } else { Err(errors) }
}

struct Reader {
    prefix: String,
    object: Map<String, Value>,
    errors: Vec<(String, String)>,
}

impl Reader {
    /// A property by name, compared without case.
    fn get(&self, name: &str) -> Option<Value> {
        let found = self.object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    fn refuse(&mut self, name: &str, wanted: &str) {
        let path = if name.is_empty() { self.prefix.clone() } else { format!("{}.{name}", self.prefix) };
        let message = format!(
            "The JSON value could not be converted to {wanted}. Path: {path} | LineNumber: 0 | BytePositionInLine: 0."
        );
        self.errors.push((path, message));
    }

    fn int(&mut self, name: &str) -> i64 {
        match self.get(name) {
            None => 0,
            Some(value) => value.as_i64().filter(|number| i32::try_from(*number).is_ok()).unwrap_or_else(|| {
                self.refuse(name, "System.Int32");
                0
            }),
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.get(name) {
            None => default,
            Some(value) => value.as_bool().unwrap_or_else(|| {
                self.refuse(name, "System.Boolean");
                default
            }),
        }
    }

    fn text(&mut self, name: &str) -> String {
        match self.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(_) => {
                self.refuse(name, "System.String");
                String::new()
            }
        }
    }

    /// An enum: a name in any case, or its number.
    fn word(&mut self, name: &str, names: &[&str], default: &str) -> String {
        let value = self.get(name);
        let found = match &value {
            None => Some(default),
            Some(Value::String(word)) => names.iter().copied().find(|known| known.eq_ignore_ascii_case(word)),
            Some(Value::Number(number)) => number.as_u64().and_then(|at| names.get(at as usize).copied()),
            Some(_) => None,
        };
        found.map_or_else(
            || {
                self.refuse(name, &format!("the enumeration of {name}"));
                default.to_owned()
            },
            str::to_owned,
        )
    }

    fn ints(&mut self, name: &str) -> Option<Vec<i64>> {
        let value = self.get(name).filter(|value| !value.is_null())?;
        let numbers: Option<Vec<i64>> = value.as_array().and_then(|list| list.iter().map(Value::as_i64).collect());
        if numbers.is_none() {
            self.refuse(name, "System.Collections.Generic.HashSet`1[System.Int32]");
        }
        numbers
    }

    fn seasons(&mut self) -> Vec<(i64, bool)> {
        let list = self.get("seasons");
        let Some(list) = list.as_ref().and_then(Value::as_array) else { return Vec::new() };
        let mut out = Vec::new();
        for (at, season) in list.iter().enumerate() {
            match (season["seasonNumber"].as_i64(), season["monitored"].as_bool()) {
                (Some(number), monitored) => out.push((number, monitored.unwrap_or(false))),
                (None, _) => self.refuse(&format!("seasons[{at}].seasonNumber"), "System.Int32"),
            }
        }
        out
    }

    fn child(&mut self, name: &str) -> Option<Self> {
        match self.get(name)? {
            Value::Null => None,
            Value::Object(object) => {
                Some(Self { prefix: format!("{}.{name}", self.prefix), object, errors: Vec::new() })
            }
            _ => {
                self.refuse(name, "an object");
                None
            }
        }
    }
}
