//! Where a rule of the settings file sends titles, and with which options other than the instance's own.

use std::ops::RangeInclusive;

use crate::model::{InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor, SeriesTypeChoice};
use crate::routing::{ArrOverrides, Overrides, RouteTo};

use super::instances::{self, Named, refuse_other, written_tags};
use super::reader::{Field, Fields, Reader};

/// The keys of a route, with the instance in front.
pub(super) const KEYS: &[&str] = &[
    "to",
    "quality_profile",
    "root_folder_path",
    "tags",
    "search_on_add",
    "minimum_availability",
    "monitor",
    "monitor_new_items",
    "series_type",
    "season_folder",
    "seasons",
];

/// What a route can say otherwise than its instance, in the order in which people are shown it.
pub const ROUTE_OPTIONS: &[&str] = KEYS.split_at(1).1;

/// What only Sonarr has of a route's keys, besides what its instances have.
const SEASONS: &str = "seasons";

/// Numbers of seasons; daily shows number them by year.
const SEASON_NUMBERS: RangeInclusive<u32> = 0..=9999;

/// A destination with the place where its instance is named.
pub(super) struct Route<'n> {
    pub route: RouteTo,
    pub kind: Option<InstanceKind>,
    pub field: Field<'n>,
}

/// The destinations at `field`: an instance's name, one with options, or a list of such.
pub(super) fn read<'a>(reader: &mut Reader<'a>, field: &Field<'a>, named: &[Named<'a>]) -> Vec<Route<'a>> {
    if !field.is_list() {
        return read_one(reader, field, named).into_iter().collect();
    }
    let items = reader.list(field);
    if items.is_empty() {
        reader.problem(field, "is empty: name an instance, or remove the line");
    }
    let mut routes: Vec<Route<'a>> = Vec::new();
    for item in items {
        let Some(route) = read_one(reader, &item, named) else { continue };
        if routes.iter().any(|other| other.route.to == route.route.to) {
            let message = format!("this rule sends titles to `{}` already: keep one of the two", route.route.to);
            reader.problem(&route.field, message);
            continue;
        }
        routes.push(route);
    }
    routes
}

fn read_one<'a>(reader: &mut Reader<'a>, field: &Field<'a>, named: &[Named<'a>]) -> Option<Route<'a>> {
    if !field.is_group() {
        let to = reader.text(field)?;
        return resolve(reader, field, &to, named).map(|found| Route {
            route: RouteTo { to, overrides: Overrides::default() },
            kind: found.kind,
            field: field.clone(),
        });
    }
    let fields = reader.fields(field, KEYS);
    let found = reader
        .required_text(&fields, "to")
        .map(|(field, to)| (field.clone(), to))
        .and_then(|(field, to)| Some((resolve(reader, &field, &to, named)?.kind, field, to)));
    let kind = found.as_ref().and_then(|(kind, ..)| *kind);
    let overrides = read_overrides(reader, &fields, kind);
    let (_, field, to) = found?;
    Some(Route { route: RouteTo { to, overrides }, kind, field })
}

fn resolve<'i, 'n>(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    to: &str,
    named: &'i [Named<'n>],
) -> Option<&'i Named<'n>> {
    match instances::find(named, to) {
        Ok(found) => {
            reader.list_value(field, to);
            Some(found)
        }
        Err(message) => {
            reader.problem(field, message);
            None
        }
    }
}

/// What differs from the options of an instance of this kind. Of one that nobody knows, only what both kinds have is read.
fn read_overrides<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>, kind: Option<InstanceKind>) -> Overrides {
    let quality_profile = reader.written_text(fields, "quality_profile");
    let root_folder_path = reader.written_text(fields, "root_folder_path");
    let tags = written_tags(reader, fields);
    let search_on_add = reader.written_flag(fields, "search_on_add");
    let arr = kind.map(|kind| {
        refuse_other(reader, fields, kind);
        match kind {
            InstanceKind::Radarr => {
                if let Some(field) = fields.even_empty(SEASONS) {
                    reader.problem(field, "`seasons` is Sonarr's; this instance is a radarr: remove the line");
                }
                ArrOverrides::Radarr {
                    minimum_availability: reader.written_choice(
                        fields,
                        "minimum_availability",
                        MinimumAvailability::ALL,
                    ),
                    monitor: reader.written_choice(fields, "monitor", MovieMonitor::ALL),
                }
            }
            InstanceKind::Sonarr => ArrOverrides::Sonarr {
                monitor: reader.written_choice(fields, "monitor", SeriesMonitor::ALL),
                monitor_new_items: reader.written_choice(fields, "monitor_new_items", MonitorNewItems::ALL),
                series_type: reader.written_choice(fields, "series_type", SeriesTypeChoice::ALL),
                season_folder: reader.written_flag(fields, "season_folder"),
                seasons: read_seasons(reader, fields),
            },
        }
    });
    let arr = arr.filter(|arr| kind.is_none_or(|kind| *arr != ArrOverrides::none(kind)));
    Overrides { quality_profile, root_folder_path, tags, search_on_add, arr }
}

/// Season numbers, each once, in the order of the file.
fn read_seasons<'a>(reader: &mut Reader<'a>, fields: &Fields<'a>) -> Option<Vec<u32>> {
    let field = fields.get(SEASONS)?;
    let items = reader.list(field);
    if items.is_empty() && field.is_list() {
        reader.problem(field, "is empty: name a season, or remove the line");
    }
    let mut seasons = Vec::new();
    for item in items {
        seasons.extend(reader.number(&item, &SEASON_NUMBERS).filter(|season| !seasons.contains(season)));
    }
    reader.list_value(field, seasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    Some(seasons)
}
