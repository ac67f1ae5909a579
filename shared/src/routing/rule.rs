//! A rule: what must hold, and what it then does. In the words of the settings file.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::{
    AddOptions, ArrOptions, InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor,
    SeriesTypeChoice,
};

use super::condition::{Condition, Truth};
use super::field::FieldSet;
use super::sheet::{Look, Sheet};

/// One rule. What it does when it matches is any of the actions below.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// Unique among the rules, in any case.
    pub name: String,
    /// A rule that is switched off is read, checked and passed over.
    pub enabled: bool,
    /// Higher first; of equals the one that stands first.
    pub priority: i32,
    /// What must hold.
    pub when: When,
    /// Where titles go. Each instance at most once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteTo>,
    /// Somebody has to say yes first; the sentence says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_approval: Option<String>,
    /// Nobody is asked, whatever the user's standing or a quota says.
    pub auto_approve: bool,
    /// Quotas do not hold it back.
    pub bypass_quota: bool,
    /// It goes nowhere, whatever other rules say.
    pub exclude: bool,
    /// The title gets a tag in the arr that names who wants it.
    pub tag_requester: bool,
    /// Written on the decision; `{user}` stands for who wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// What must hold for a rule to match: the condition as it was written, made ready to be judged often.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    written: Condition,
    /// The same, cheapest parts first.
    judged: Condition,
    fields: FieldSet,
}

impl From<Condition> for When {
    fn from(written: Condition) -> Self {
        Self { judged: written.cheapest_first(), fields: written.fields(), written }
    }
}

impl When {
    /// The condition as it was written.
    #[must_use]
    pub const fn written(&self) -> &Condition {
        &self.written
    }

    /// What it is worth for this title.
    #[must_use]
    pub fn judge<'a>(&self, known: &impl Look<'a>) -> Truth {
        self.judged.judge(known)
    }

    /// The unknown fields that still matter; see [`Condition::open_fields`].
    #[must_use]
    pub fn open_fields<'a>(&self, known: &impl Look<'a>) -> FieldSet {
        self.written.open_fields(known)
    }

    /// Every field it looks at.
    #[must_use]
    pub const fn fields(&self) -> FieldSet {
        self.fields
    }
}

impl Serialize for When {
    /// In the words of the settings file.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl Rule {
    /// A rule that does nothing yet.
    #[must_use]
    pub fn new(name: impl Into<String>, priority: i32, when: impl Into<When>) -> Self {
        Self {
            name: name.into(),
            enabled: true,
            priority,
            when: when.into(),
            route: Vec::new(),
            require_approval: None,
            auto_approve: false,
            bypass_quota: false,
            exclude: false,
            tag_requester: false,
            label: None,
        }
    }

    /// How every sentence begins that says where this rule sends a title.
    #[must_use]
    pub fn sends(&self) -> String {
        ["rule `", &self.name, "` sends it to"].concat()
    }

    /// The sentence that says that this rule keeps a title out.
    #[must_use]
    pub fn excludes(&self) -> String {
        ["rule `", &self.name, "` excludes it"].concat()
    }

    /// The rule as the settings file would have it, fit to be read again: `{"name": …, "when": {…}, "route": […]}`. What it says is
    /// what was read; what is left out there is left out here, and shorthands are written in full.
    #[must_use]
    pub fn words(&self) -> Value {
        let mut words = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(keys) = &mut words {
            let everything = *self.when.written() == Condition::always();
            keys.retain(|key, value| match key.as_str() {
                "enabled" => *value != true,
                // The same as without one, and then it does not claim to have been chosen.
                "priority" => *value != 0,
                // An empty group is nothing that anybody may write.
                "when" => !everything,
                _ => *value != false,
            });
        }
        whole_numbers(&mut words);
        words
    }
}

/// Writes `1960.0` as people do.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0).map(|number| format!("{number:.0}"));
            if let Some(whole) = whole.and_then(|text| text.parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(keys) => keys.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// One destination of a rule, with what differs from the instance's own options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteTo {
    /// The instance's name.
    pub to: String,
    /// What differs.
    #[serde(flatten)]
    pub overrides: Overrides,
}

/// What a rule, or a person who approves, wants otherwise than the instance's options say. `None`: as the instance has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overrides {
    /// A quality profile's name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_profile: Option<String>,
    /// A configured root folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_folder_path: Option<String>,
    /// Instead of the instance's tags; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Whether the arr looks for releases at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_on_add: Option<bool>,
    /// What only one of the two applications has.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub arr: Option<ArrOverrides>,
}

/// The overrides that only Radarr or only Sonarr has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ArrOverrides {
    /// Radarr's.
    Radarr {
        /// When Radarr regards the film as obtainable.
        #[serde(skip_serializing_if = "Option::is_none")]
        minimum_availability: Option<MinimumAvailability>,
        /// The film alone, its collection too, or nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        monitor: Option<MovieMonitor>,
    },
    /// Sonarr's.
    Sonarr {
        /// Which episodes Sonarr looks for.
        #[serde(skip_serializing_if = "Option::is_none")]
        monitor: Option<SeriesMonitor>,
        /// What happens with seasons that appear later.
        #[serde(skip_serializing_if = "Option::is_none")]
        monitor_new_items: Option<MonitorNewItems>,
        /// How episodes are numbered.
        #[serde(skip_serializing_if = "Option::is_none")]
        series_type: Option<SeriesTypeChoice>,
        /// A folder per season.
        #[serde(skip_serializing_if = "Option::is_none")]
        season_folder: Option<bool>,
        /// Only these seasons are monitored.
        #[serde(skip_serializing_if = "Option::is_none")]
        seasons: Option<Vec<u32>>,
    },
}

impl ArrOverrides {
    /// Nothing different, for this kind of instance.
    #[must_use]
    pub const fn none(kind: InstanceKind) -> Self {
        match kind {
            InstanceKind::Radarr => Self::Radarr { minimum_availability: None, monitor: None },
            InstanceKind::Sonarr => Self::Sonarr {
                monitor: None,
                monitor_new_items: None,
                series_type: None,
                season_folder: None,
                seasons: None,
            },
        }
    }
}

impl Overrides {
    /// `options` with what differs. Overrides of the other application are passed over; nobody can write them.
    #[must_use]
    pub fn over(&self, options: &AddOptions) -> AddOptions {
        // Nothing is copied that is replaced: this runs for every decision.
        let either = |own: &Option<String>, usual: &Option<String>| own.as_ref().or(usual.as_ref()).cloned();
        let mut settled = AddOptions {
            quality_profile: either(&self.quality_profile, &options.quality_profile),
            root_folder_path: either(&self.root_folder_path, &options.root_folder_path),
            tags: self.tags.as_ref().unwrap_or(&options.tags).clone(),
            search_on_add: self.search_on_add.unwrap_or(options.search_on_add),
            arr: options.arr.clone(),
        };
        match (&mut settled.arr, &self.arr) {
            (
                ArrOptions::Radarr { minimum_availability, monitor },
                Some(ArrOverrides::Radarr { minimum_availability: other_availability, monitor: other_monitor }),
            ) => {
                *minimum_availability = other_availability.unwrap_or(*minimum_availability);
                *monitor = other_monitor.unwrap_or(*monitor);
            }
            (
                ArrOptions::Sonarr { monitor, monitor_new_items, series_type, season_folder, seasons },
                Some(ArrOverrides::Sonarr {
                    monitor: other_monitor,
                    monitor_new_items: other_items,
                    series_type: other_type,
                    season_folder: other_folder,
                    seasons: other_seasons,
                }),
            ) => {
                *monitor = other_monitor.unwrap_or(*monitor);
                *monitor_new_items = other_items.unwrap_or(*monitor_new_items);
                *series_type = other_type.unwrap_or(*series_type);
                *season_folder = other_folder.unwrap_or(*season_folder);
                if let Some(other) = other_seasons {
                    seasons.clone_from(other);
                }
            }
            _ => {}
        }
        settled
    }
}

/// A rule test: a title as somebody describes it, and what should become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTest {
    /// The test's name, or the described title's.
    pub name: String,
    /// The described wish.
    pub given: Described,
    /// What should become of it.
    pub expect: Expectation,
}

/// A wish as somebody describes it. Every fact that is not named is unknown to nobody and told by nobody: absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The title with the described facts, and every id an arr may need.
    pub title: crate::model::Title,
    /// Who wants it.
    pub user: crate::model::User,
    /// On how many watchlists it is; 1 unless said.
    pub wanted_by: u32,
    /// Bytes free wherever it would go.
    pub free_space: Option<u64>,
}

impl Described {
    /// What conditions look at.
    #[must_use]
    pub const fn sheet(&self) -> Sheet<'_> {
        Sheet { title: &self.title, user: &self.user, wanted_by: Some(self.wanted_by), free_space: self.free_space }
    }
}

/// What a rule test expects. What is not named is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Exactly these instances, in any order; also while an approval is waited for.
    pub route: Option<Vec<String>>,
    /// Whether it is excluded.
    pub exclude: Option<bool>,
    /// Whether somebody is asked.
    pub approval: Option<bool>,
    /// Options of the destinations that must come out so, by instance and key: `anime.series_type` → `anime`.
    pub options: Vec<(String, String, String)>,
}
