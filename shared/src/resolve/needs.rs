//! What deciding about a title still lacks, and who could tell it. Pure.

use super::{PATIENCE, QUICK_LOOKS, Wanted};
use crate::model::{AddOptions, ArrOptions, InstanceKind, MediaType, SeriesTypeChoice};
use crate::routing::{DefaultRouting, FactSource, Field, Policy, Sheet, has_key_id, lookup_instance, should_ask};

/// What decisions of one run look at.
pub(super) struct Needs<'a> {
    policy: Policy<'a>,
    movies: Destinations,
    shows: Destinations,
}

/// Where titles of one type may go.
struct Destinations {
    /// Anywhere at all: then the arr's id is needed.
    any: bool,
    /// Somewhere where the genre settles the series type.
    by_genre: bool,
}

impl<'a> Needs<'a> {
    pub(super) fn of(policy: Policy<'a>) -> Self {
        let destinations = |kind| {
            let options = options(&policy, kind);
            Destinations { any: !options.is_empty(), by_genre: options.iter().any(settled_by_genre) }
        };
        let (movies, shows) = (destinations(InstanceKind::Radarr), destinations(InstanceKind::Sonarr));
        Self { movies, shows, policy }
    }

    pub(super) const fn policy(&self) -> &Policy<'a> {
        &self.policy
    }

    /// Whether anything is lacking that somebody could tell.
    pub(super) fn anything(&self, wanted: &Wanted<'_>) -> bool {
        let sources = [FactSource::Plex, FactSource::Arr, FactSource::Tmdb, FactSource::PlexServer];
        self.id(wanted) || self.genres(wanted) || sources.into_iter().any(|source| self.facts(wanted, source))
    }

    /// Whether the id is missing by which the arr knows the title.
    pub(super) fn id(&self, wanted: &Wanted<'_>) -> bool {
        !wanted.settled && self.destinations(wanted).any && !has_key_id(wanted.title.media_type, &wanted.title.ids)
    }

    /// Whether Plex should tell the genres, because they settle the series type. They are worth some patience, not an endless one:
    /// without them the show is placed as the standard type.
    pub(super) fn genres(&self, wanted: &Wanted<'_>) -> bool {
        !wanted.settled
            && self.destinations(wanted).by_genre
            && wanted.title.facts.plex.is_none()
            && wanted.looks.in_vain < QUICK_LOOKS
    }

    /// Whether an enabled rule needs a fact that `source` is the next to be asked for: one that may still change what the rules say.
    pub(super) fn facts(&self, wanted: &Wanted<'_>, source: FactSource) -> bool {
        let given_up = source == FactSource::PlexServer && wanted.looks.fact_looks >= PATIENCE;
        let needed = |sheet: Sheet<'_>| should_ask(&sheet, self.policy.open_fields(&sheet), source);
        !wanted.settled && !given_up && self.policy.available.has(source) && wanted.sheets().any(needed)
    }

    /// What the title waits for, as a sentence; `None` when it waits for nothing.
    pub(super) fn in_words(&self, wanted: &Wanted<'_>) -> Option<String> {
        let source = wanted.waits_for?;
        let title = &wanted.title;
        let who = match source {
            FactSource::Arr => lookup_instance(self.policy.instances, title.media_type)?.label(),
            FactSource::Tmdb => "TMDB".to_owned(),
            FactSource::PlexServer => return Some("waits for the Plex server to tell whether it has it".to_owned()),
            _ => "Plex".to_owned(),
        };
        let mut what = Vec::new();
        if matches!(source, FactSource::Plex | FactSource::Arr) && self.id(wanted) {
            what.push(match title.media_type {
                MediaType::Movie => "TMDB id",
                MediaType::Show => "TVDB id",
            });
        }
        let lacking = |field: &Field| {
            let settles = *field == Field::Genre && source == FactSource::Plex && self.genres(wanted);
            let open = |sheet: Sheet<'_>| {
                let fields = self.policy.open_fields(&sheet);
                fields.has(*field) && sheet.has(*field) && sheet.to_ask(*field) == Some(source)
            };
            settles || wanted.sheets().any(open)
        };
        what.extend(Field::ALL.iter().filter(|field| lacking(field)).map(|field| field.word()));
        Some(format!("waits for {who} to tell its {}", what.join(", ")))
    }

    const fn destinations(&self, wanted: &Wanted<'_>) -> &Destinations {
        match wanted.title.media_type {
            MediaType::Movie => &self.movies,
            MediaType::Show => &self.shows,
        }
    }
}

/// The options of every destination that titles of this kind of instance may have: by default, as a copy, by a rule.
fn options(policy: &Policy<'_>, kind: InstanceKind) -> Vec<AddOptions> {
    let of_kind = || policy.instances.iter().filter(move |instance| instance.kind() == kind);
    let mut options = Vec::new();
    let default = of_kind().find(|instance| instance.default);
    if let Some(default) = default.filter(|_| policy.default_routing == DefaultRouting::Instance) {
        let copies = of_kind().filter(|instance| instance.copy_of.as_ref() == Some(&default.name));
        options.extend(copies.chain([default]).map(|instance| instance.options.clone()));
    }
    for route in policy.rules.iter().filter(|rule| rule.enabled).flat_map(|rule| &rule.route) {
        let instance = of_kind().find(|instance| instance.name == route.to);
        options.extend(instance.map(|instance| route.overrides.over(&instance.options)));
    }
    options
}

const fn settled_by_genre(options: &AddOptions) -> bool {
    matches!(options.arr, ArrOptions::Sonarr { series_type: SeriesTypeChoice::Auto, .. })
}
