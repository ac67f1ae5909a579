//! What decisions are made by: the instances, the rules, and the household's other settings.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::model::{ApprovalSettings, Instance, InstanceKind};

use super::condition::Truth;
use super::field::{FactSource, Field, FieldSet};
use super::rule::Rule;
use super::sheet::Sheet;

crate::model::words! {
    /// What happens with titles that no rule sends anywhere.
    #[derive(Default)]
    DefaultRouting {
        /// They go to the default instance of their kind, and to its copies.
        #[default]
        Instance = "instance",
        /// They go nowhere.
        None = "none",
    }
}

/// The sources that are set up only in some households.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Available {
    /// There is a TMDB key.
    pub tmdb: bool,
    /// The Plex server's address is known.
    pub plex_server: bool,
}

impl Available {
    /// Whether this source can be asked at all.
    #[must_use]
    pub const fn has(self, source: FactSource) -> bool {
        match source {
            FactSource::Tmdb => self.tmdb,
            FactSource::PlexServer => self.plex_server,
            _ => true,
        }
    }
}

/// What decisions are made by.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// In the order of the settings.
    pub instances: &'a [Instance],
    /// The highest priority first.
    pub rules: &'a [Rule],
    /// For titles that no rule sends anywhere.
    pub default_routing: DefaultRouting,
    /// How approvals are handled.
    pub approvals: &'a ApprovalSettings,
    /// In which days begin.
    pub zone: &'a TimeZone,
    /// What can be asked.
    pub available: Available,
}

impl Policy<'_> {
    /// Every field that an enabled rule looks at.
    #[must_use]
    pub fn fields(&self) -> FieldSet {
        self.rules
            .iter()
            .filter(|rule| rule.enabled)
            .fold(FieldSet::default(), |fields, rule| fields.and(rule.when.fields()))
    }

    /// The unknown fields that may still change what the rules say of this title. None once a rule excludes it.
    #[must_use]
    pub fn open_fields(&self, sheet: &Sheet<'_>) -> FieldSet {
        let enabled = || self.rules.iter().filter(|rule| rule.enabled);
        if enabled().any(|rule| rule.exclude && rule.when.judge(sheet) == Truth::True) {
            return FieldSet::default();
        }
        enabled().fold(FieldSet::default(), |fields, rule| fields.and(rule.when.open_fields(sheet)))
    }

    /// Bytes free where `rule` would put a title of this kind of instance: the least of its destinations, or that of the default
    /// instance.
    #[must_use]
    pub fn free_space(&self, rule: &Rule, kind: InstanceKind, disks: &Disks) -> Option<u64> {
        let of_kind =
            |name: &str| self.instances.iter().find(|instance| instance.name == name && instance.kind() == kind);
        let targets = rule.route.iter().filter_map(|route| {
            let instance = of_kind(&route.to)?;
            Some((instance, route.overrides.root_folder_path.as_ref().or(instance.options.root_folder_path.as_ref())))
        });
        let mut least = None;
        let mut any = false;
        for (instance, folder) in targets {
            any = true;
            let free = disks.free(&instance.name, folder.map(String::as_str))?;
            least = Some(least.map_or(free, |least: u64| least.min(free)));
        }
        if any {
            return least;
        }
        let default = self.instances.iter().find(|instance| instance.default && instance.kind() == kind)?;
        disks.free(&default.name, default.options.root_folder_path.as_deref())
    }

    /// Whether deciding needs to know how full disks are.
    #[must_use]
    pub fn needs_disks(&self) -> bool {
        self.fields().has(Field::FreeSpace)
    }
}

/// How much room instances have in their root folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disks {
    folders: Vec<Folder>,
    everywhere: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Folder {
    instance: String,
    path: String,
    free: Option<u64>,
}

impl Disks {
    /// The same room in every folder there is: for a described title.
    #[must_use]
    pub const fn all(free: Option<u64>) -> Self {
        Self { folders: Vec::new(), everywhere: free }
    }

    /// Notes a root folder of `instance`, in the instance's order; `free` in bytes.
    pub fn add(&mut self, instance: &str, path: &str, free: Option<u64>) {
        self.folders.push(Folder { instance: instance.to_owned(), path: path.to_owned(), free });
    }

    /// Bytes free in this folder of `instance`, or in its first one; `None` when nobody told.
    #[must_use]
    pub fn free(&self, instance: &str, folder: Option<&str>) -> Option<u64> {
        let same = |path: &str| folder.is_none_or(|folder| folder.trim_end_matches('/') == path.trim_end_matches('/'));
        let found = self.folders.iter().find(|known| known.instance == instance && same(&known.path));
        found.map_or(self.everywhere, |known| known.free)
    }
}
