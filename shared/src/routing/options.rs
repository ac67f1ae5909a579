//! With which options a title is added: the instance's own, what the rule wants otherwise, and what only the title's facts settle.

use crate::model::{AddOptions, ArrOptions, SeriesTypeChoice, Stage, User, Verdict};

use super::sheet::{Sheet, anime_by};
use super::trace::Tracer;
use super::{Chosen, ChosenBy};

/// In front of the tag that names who wants a title.
const TAG_PREFIX: &str = "user-";

pub(super) fn settle<T: Tracer>(
    chosen: &Chosen<'_>,
    sheet: &Sheet<'_>,
    requester: Option<&str>,
    trace: &mut T,
) -> AddOptions {
    let own = &chosen.instance.options;
    let mut options = match chosen.by {
        ChosenBy::Rule(_, overrides) => overrides.over(own),
        ChosenBy::Default | ChosenBy::CopyOf(_) => own.clone(),
    };
    if let Some(tag) = requester.filter(|tag| !options.tags.iter().any(|other| other == tag)) {
        options.tags.push(tag.to_owned());
    }
    if let ArrOptions::Sonarr { series_type, .. } = &mut options.arr
        && *series_type == SeriesTypeChoice::Auto
    {
        *series_type = settle_series_type(sheet, trace);
    }
    options
}

fn settle_series_type<T: Tracer>(sheet: &Sheet<'_>, trace: &mut T) -> SeriesTypeChoice {
    let facts = &sheet.title.facts;
    let told = [&facts.given, &facts.plex, &facts.arr, &facts.tmdb].into_iter().flatten();
    let (chosen, verdict, because) = match told.map(anime_by).max() {
        Some(Some(true)) => (SeriesTypeChoice::Anime, Verdict::Matched, "anime, because the genre says so"),
        Some(Some(false)) => {
            (SeriesTypeChoice::Standard, Verdict::NotMatched, "standard, because the genres do not name anime")
        }
        _ => (SeriesTypeChoice::Standard, Verdict::Unknown, "standard, because Plex has not told the genres"),
    };
    trace.step(Stage::Options, "series_type", verdict, || because.to_owned());
    chosen
}

/// The tag that names who wants a title: `user-living-room`. Both arrs want lower case letters, digits and hyphens.
pub(super) fn requester_tag(user: &User) -> String {
    let fit = |name: &str| {
        let letters =
            name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
        let parts: Vec<&str> = letters.split('-').filter(|part| !part.is_empty()).collect();
        parts.join("-")
    };
    let name = fit(user.called());
    format!("{TAG_PREFIX}{}", if name.is_empty() { fit(user.uuid.as_str()) } else { name })
}
