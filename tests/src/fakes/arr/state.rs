//! The state of a pretended arr: settings, tags, exclusions, what metadata knows, and the library.
//!
//! Owns: the data, its indexes, and the serialised whole library. Refuses: HTTP and rules.

use std::collections::{BTreeMap, HashMap, HashSet};

use hyper::body::Bytes;
use serde_json::Value;

use super::App;
use super::bind::Draft;
use super::known::Known;
use super::notifications::Connection;
use crate::fakes::webhook::Delivered;
use crate::fakes::{radarr, sonarr};

/// An entry of the import list exclusions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Its own id.
    pub id: i64,
    /// TVDb id in Sonarr, TMDb id in Radarr.
    pub external_id: i64,
    /// The title it was excluded under.
    pub title: String,
}

/// A search the arr was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchAsked {
    /// `SeriesSearch`, `MissingEpisodeSearch`, `CutoffUnmetEpisodeSearch`, `MoviesSearch`, …
    pub name: String,
    /// Library ids of what to search for.
    pub ids: Vec<i64>,
}

/// A title in the library, as far as tests compare it.
#[derive(Debug, Clone, PartialEq)]
pub struct LibraryItem {
    /// Id in the library.
    pub id: i64,
    /// TVDb id in Sonarr, TMDb id in Radarr.
    pub external_id: i64,
    /// Title by metadata.
    pub title: String,
    /// The quality profile it was added with.
    pub quality_profile_id: i64,
    /// The root folder it is under.
    pub root_folder_path: String,
    /// Labels of its tags, in the order sent; `#9` for an id that has no tag.
    pub tags: Vec<String>,
    /// Whether the title as a whole is monitored.
    pub monitored: bool,
    /// The body of the `POST` that added it; null for what a test put there itself.
    pub raw: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) id: i64,
    pub(crate) path: String,
    pub(crate) free_bytes: Option<i64>,
    pub(crate) accessible: bool,
}

/// A library entry. Filled ones are kept as text: as trees, 10,000 of them would take a minute and a gigabyte.
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) external_id: i64,
    pub(crate) title: String,
    pub(crate) slug: String,
    pub(crate) path: String,
    pub(crate) quality_profile_id: i64,
    pub(crate) root_folder_path: String,
    pub(crate) tags: Vec<i64>,
    pub(crate) monitored: bool,
    pub(crate) raw: Value,
    pub(crate) draft: Option<Draft>,
    body: Body,
}

enum Body {
    Tree(Value),
    Text(String),
}

impl Stored {
    pub(crate) fn resource(&self) -> Value {
        match &self.body {
            Body::Tree(tree) => tree.clone(),
            Body::Text(text) => serde_json::from_str(text).expect("filled entries are rendered from a tree"),
        }
    }

    fn text(&self) -> String {
        match &self.body {
            Body::Tree(tree) => tree.to_string(),
            Body::Text(text) => text.clone(),
        }
    }

    fn set(&mut self, tree: Value) {
        self.body = Body::Tree(tree);
    }
}

pub(crate) struct Core {
    pub(crate) app: App,
    pub(crate) url_base: String,
    pub(crate) api_key: String,
    pub(crate) starting: bool,
    pub(crate) metadata_down: bool,
    pub(crate) race: bool,
    pub(crate) hold_refresh: bool,
    pub(crate) profiles: Vec<(i64, String)>,
    pub(crate) roots: Vec<Root>,
    pub(crate) tags: Vec<(i64, String)>,
    pub(crate) exclusions: Vec<Exclusion>,
    pub(crate) known: HashMap<i64, Known>,
    pub(crate) unknown: HashSet<i64>,
    pub(crate) library: BTreeMap<i64, Stored>,
    pub(crate) by_external: HashMap<i64, i64>,
    pub(crate) searches: Vec<SearchAsked>,
    pub(crate) webhooks: Vec<(String, Vec<(String, String)>)>,
    pub(crate) connections: Vec<Connection>,
    /// The connections have failed too often of late: what happens is not reported.
    pub(crate) backed_off: bool,
    pub(crate) deliveries: Vec<Delivered>,
    pub(crate) history: Vec<Value>,
    /// The date that events and history get.
    pub(crate) now: String,
    whole: Option<Bytes>,
    last_id: i64,
}

impl Core {
    pub(crate) fn new(app: App, url_base: &str, api_key: &str) -> Self {
        let profiles = [(1, "Any"), (4, "HD-1080p"), (6, "Ultra-HD")];
        let mut core = Self {
            app,
            url_base: url_base.trim_end_matches('/').to_owned(),
            api_key: api_key.to_owned(),
            starting: false,
            metadata_down: false,
            race: false,
            hold_refresh: false,
            profiles: profiles.map(|(id, name)| (id, name.to_owned())).to_vec(),
            roots: Vec::new(),
            tags: Vec::new(),
            exclusions: Vec::new(),
            known: HashMap::new(),
            unknown: HashSet::new(),
            library: BTreeMap::new(),
            by_external: HashMap::new(),
            searches: Vec::new(),
            webhooks: Vec::new(),
            connections: Vec::new(),
            backed_off: false,
            deliveries: Vec::new(),
            history: Vec::new(),
            now: "2026-11-01T10:00:00Z".to_owned(),
            whole: None,
            last_id: 0,
        };
        core.add_root(if app == App::Sonarr { "/tv" } else { "/movies" }, Some(2_000_000_000_000));
        core
    }

    pub(crate) fn fresh_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn add_root(&mut self, path: &str, free_bytes: Option<i64>) {
        let id = self.roots.iter().map(|root| root.id).max().unwrap_or(0) + 1;
        let path = path.trim_end_matches('/').to_owned();
        self.roots.push(Root { id, path, free_bytes, accessible: true });
    }

    /// A root folder by path, compared without the trailing slash.
    pub(crate) fn root(&self, path: &str) -> Option<&Root> {
        let path = path.trim_end_matches('/');
        self.roots.iter().find(|root| root.path == path)
    }

    /// The id of a label, which is created where it is missing.
    pub(crate) fn tag(&mut self, label: &str) -> i64 {
        if let Some((id, _)) = self.tags.iter().find(|(_, known)| known == label) {
            return *id;
        }
        let id = self.tags.iter().map(|(id, _)| *id).max().unwrap_or(0) + 1;
        self.tags.push((id, label.to_owned()));
        id
    }

    pub(crate) fn exclude(&mut self, external_id: i64, title: &str) -> Exclusion {
        let id = self.exclusions.iter().map(|one| one.id).max().unwrap_or(0) + 1;
        let exclusion = Exclusion { id, external_id, title: title.to_owned() };
        self.exclusions.push(exclusion.clone());
        exclusion
    }

    /// What metadata says of an external id: none only when a test made it unknown, or it is no id.
    pub(crate) fn metadata(&self, external_id: i64) -> Option<Known> {
        if external_id <= 0 || self.unknown.contains(&external_id) {
            return None;
        }
        let made_up = || Known::made_up(self.app, external_id);
        Some(self.known.get(&external_id).cloned().unwrap_or_else(made_up))
    }

    /// Puts a title into the library as it is right after a `POST`, and returns its id there.
    pub(crate) fn put(&mut self, known: &Known, draft: Draft, path: String) -> i64 {
        let id = self.fresh_id();
        let tree = match self.app {
            App::Sonarr => sonarr::added(id, known, &draft, &path),
            App::Radarr => radarr::added(id, known, &draft, &path),
        };
        let root = path.rsplit_once('/').map_or("", |(root, _)| root).to_owned();
        let stored = Stored {
            id,
            external_id: known.id,
            title: known.title.clone(),
            slug: known.slug(),
            quality_profile_id: draft.quality_profile_id,
            root_folder_path: root,
            tags: draft.tags.clone().unwrap_or_default(),
            monitored: tree["monitored"].as_bool().unwrap_or(false),
            raw: draft.raw.clone(),
            path,
            draft: Some(draft),
            body: Body::Tree(tree),
        };
        self.by_external.insert(known.id, id);
        self.library.insert(id, stored);
        self.whole = None;
        id
    }

    /// [`put`](Self::put) with the first profile and root folder, refreshed: what is in the library already.
    pub(crate) fn own(&mut self, known: &Known) -> i64 {
        let root = self.roots.first().map_or("/", |root| root.path.as_str());
        let path = format!("{root}/{}", known.folder(self.app));
        let draft = Draft {
            external_id: known.id,
            quality_profile_id: self.profiles.first().map_or(1, |(id, _)| *id),
            monitored: true,
            tags: Some(Vec::new()),
            season_folder: true,
            series_type: known.series_type.clone(),
            monitor_new_items: "all".to_owned(),
            minimum_availability: "released".to_owned(),
            ..Draft::default()
        };
        self.known.entry(known.id).or_insert_with(|| known.clone());
        let id = self.put(known, draft, path);
        self.refresh(id);
        id
    }

    /// The refresh and scan that follow an add: `addOptions` take effect and are gone.
    pub(crate) fn refresh(&mut self, id: i64) {
        let Some(stored) = self.library.get_mut(&id) else { return };
        let Some(draft) = stored.draft.take() else { return };
        let mut tree = stored.resource();
        if let Some(object) = tree.as_object_mut() {
            object.remove("addOptions");
        }
        let search = match self.app {
            App::Sonarr => sonarr::refreshed(&mut tree, &draft, self.known.get(&draft.external_id)),
            App::Radarr => radarr::refreshed(&mut tree, &draft),
        };
        stored.set(tree);
        if let Some(name) = search {
            self.searches.push(SearchAsked { name: name.to_owned(), ids: vec![id] });
        }
        self.whole = None;
    }

    pub(crate) fn remove(&mut self, id: i64) -> Option<Stored> {
        let stored = self.library.remove(&id)?;
        self.by_external.remove(&stored.external_id);
        self.whole = None;
        Some(stored)
    }

    /// Changes an entry's JSON and what is compared of it.
    pub(crate) fn change(&mut self, id: i64, change: impl FnOnce(&mut Value)) -> Option<Value> {
        let stored = self.library.get_mut(&id)?;
        let mut tree = stored.resource();
        change(&mut tree);
        stored.monitored = tree["monitored"].as_bool().unwrap_or(false);
        stored.quality_profile_id = tree["qualityProfileId"].as_i64().unwrap_or(0);
        stored.tags = tree["tags"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        stored.set(tree.clone());
        self.whole = None;
        Some(tree)
    }

    pub(crate) fn items(&self) -> Vec<LibraryItem> {
        self.library.values().map(|stored| self.item(stored)).collect()
    }

    pub(crate) fn item(&self, stored: &Stored) -> LibraryItem {
        let label = |id: &i64| {
            let found = self.tags.iter().find(|(known, _)| known == id);
            found.map_or_else(|| format!("#{id}"), |(_, label)| label.clone())
        };
        LibraryItem {
            id: stored.id,
            external_id: stored.external_id,
            title: stored.title.clone(),
            quality_profile_id: stored.quality_profile_id,
            root_folder_path: stored.root_folder_path.clone(),
            tags: stored.tags.iter().map(label).collect(),
            monitored: stored.monitored,
            raw: stored.raw.clone(),
        }
    }

    /// The whole library as one JSON array, serialised once per change.
    pub(crate) fn whole(&mut self) -> Bytes {
        if let Some(whole) = &self.whole {
            return whole.clone();
        }
        let mut text = String::from("[");
        for (at, stored) in self.library.values().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&stored.text());
        }
        text.push(']');
        let whole = Bytes::from(text);
        self.whole = Some(whole.clone());
        whole
    }

    /// Many titles at once, all cut from one rendering.
    pub(crate) fn fill(&mut self, first: i64, count: i64) {
        const ID: i64 = 777_111_777_111;
        const EXTERNAL: i64 = 777_222_777_222;
        let root = self.roots.first().map_or("/", |root| root.path.as_str()).to_owned();
        let profile = self.profiles.first().map_or(1, |(id, _)| *id);
        let model = Known::new(EXTERNAL, "Zzmodelzz").year(2020).imdb("ttzzmodelzz").tmdb(EXTERNAL + 1).seasons(8);
        let draft = Draft {
            external_id: EXTERNAL,
            quality_profile_id: profile,
            monitored: true,
            series_type: "standard".to_owned(),
            monitor_new_items: "all".to_owned(),
            minimum_availability: "released".to_owned(),
            ..Draft::default()
        };
        let path = format!("{root}/{}", model.folder(self.app));
        let template = match self.app {
            App::Sonarr => {
                let mut tree = sonarr::added(ID, &model, &draft, &path);
                sonarr::refreshed(&mut tree, &draft, Some(&model));
                tree
            }
            App::Radarr => radarr::added(ID, &model, &draft, &path),
        };
        let template = template.to_string();
        for external_id in first..first + count {
            let id = self.fresh_id();
            let known = Known::made_up(self.app, external_id);
            let text = template
                .replace("ttzzmodelzz", known.imdb.as_deref().unwrap_or_default())
                .replace("Zzmodelzz", &known.title)
                .replace("zzmodelzz", &known.slug())
                .replace(&ID.to_string(), &id.to_string())
                .replace(&EXTERNAL.to_string(), &external_id.to_string())
                .replace(&(EXTERNAL + 1).to_string(), &known.tmdb.to_string());
            let stored = Stored {
                id,
                external_id,
                slug: known.slug(),
                path: path.replace("Zzmodelzz", &known.title),
                title: known.title,
                quality_profile_id: profile,
                root_folder_path: root.clone(),
                tags: Vec::new(),
                monitored: true,
                raw: Value::Null,
                draft: None,
                body: Body::Text(text),
            };
            self.by_external.insert(external_id, id);
            self.library.insert(id, stored);
        }
        self.whole = None;
    }
}
