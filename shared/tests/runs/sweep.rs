//! The failure sweep: the n-th call to the outside world fails, for every n. After the next run the world must look as if nothing
//! had ever gone wrong.

use std::collections::{BTreeMap, BTreeSet};

use pulsarr_shared::model::EntryState;
use pulsarr_tests::fakes::{FakeServer, Fault, Known, Title};

use crate::world::{HARBOUR_NINE, SALT_LEDGER, Story, harbour_nine, hours, salt_ledger};

/// Repeats of one request, so that a fault that lasts as long is not simply waited out.
const TRIES: usize = 4;

/// The three servers of a household.
const SERVERS: [fn(&Story) -> &FakeServer; 3] = [|story| &story.plex, |story| &story.radarr, |story| &story.sonarr];

/// Two pages of the owner's movies, nearly all of them in Radarr already; two friends; an exclusion; a title two people want; a show
/// that only Sonarr can translate; a tag to create.
fn household() -> Story {
    let story = Story::new();
    let owner = story.plex.owner_uuid();
    let (ada, bea) = (story.plex.add_friend("ada"), story.plex.add_friend("bea"));
    for number in 0..100 {
        story.plex.watch(&owner, Title::numbered_movie(number));
    }
    story.radarr.fill_library_from(2_000_000, 100);
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    let excluded = Title::movie("Hollow Signal").tmdb(900_020);
    story.owner_wants(excluded);
    story.radarr.exclude(900_020, "Hollow Signal");

    story.plex.watch(&ada, salt_ledger());
    story.plex.watch(&ada, Title::movie("Winter Orchard").tmdb(900_010));
    story.plex.watch(&ada, Title::show("Paper Tide").imdb("tt7700001"));
    story.sonarr.know(Known::new(700_001, "Paper Tide").imdb("tt7700001"));
    let known = Title::show("Quiet Ledger").tvdb(800_010).genre("Anime");
    story.plex.watch(&bea, known);
    story.plex.watch(&bea, harbour_nine());
    story.sonarr.add_series(800_010, "Quiet Ledger");
    story
}

/// What the world and the store come to, as far as it must not depend on accidents.
#[derive(Debug, PartialEq)]
struct End {
    libraries: BTreeSet<(i64, i64, Vec<String>)>,
    entries: BTreeMap<(i64, String), EntryState>,
}

fn end_of(story: &Story) -> End {
    let items = story.radarr.library().into_iter().chain(story.sonarr.library());
    let entries = story.entries("").into_iter();
    let states: Vec<_> = entries.map(|entry| ((entry.user.0, entry.title.title), entry.state)).collect();
    let end = End {
        libraries: items.map(|item| (item.external_id, item.quality_profile_id, item.tags)).collect(),
        entries: states.iter().cloned().collect(),
    };
    assert_eq!(end.entries.len(), states.len(), "one entry for each wish");
    end
}

/// The ids the two arrs were asked to add although they had them.
fn needless_adds(story: &Story) -> Vec<u16> {
    let posts = ["/api/v3/movie", "/api/v3/series"].map(|route| story.radarr.journal_of(route));
    let posts = posts.into_iter().flatten().chain(story.sonarr.journal_of("/api/v3/series"));
    posts.filter(|seen| seen.method == "POST" && matches!(seen.status, 400 | 409)).map(|seen| seen.status).collect()
}

/// A run without any accident, and how many calls each server gets in it.
async fn undisturbed() -> (End, [usize; 3]) {
    let story = household();
    let report = story.sync().await;
    assert_eq!(report.placements.added, 4, "{report:#?}");
    let calls = SERVERS.map(|server| server(&story).requests_to(""));
    story.clock.advance(hours(1));
    story.sync().await;
    let end = end_of(&story);
    for id in [SALT_LEDGER, 900_010, HARBOUR_NINE, 700_001] {
        assert!(end.libraries.iter().any(|(external_id, ..)| *external_id == id), "{id}");
    }
    assert_eq!(end.entries.values().filter(|state| **state == EntryState::Excluded).count(), 1);
    (end, calls)
}

/// Lets `accident` meet the n-th call of each server, for every n.
async fn sweep(accident: impl Fn(Fault) -> Fault) {
    let (expected, calls) = undisturbed().await;
    for (server, calls) in SERVERS.iter().zip(calls) {
        for nth in 0..calls {
            let story = household();
            server(&story).inject(accident(Fault::on("ANY", "").skip(nth).times(TRIES)));
            story.sync().await;
            server(&story).clear_faults();
            story.clock.advance(hours(1));
            let report = story.sync().await;
            let met = format!("call {nth} of {calls} to {}", server(&story).address());
            assert_eq!(end_of(&story), expected, "{met}: {report:#?}");
            assert!(report.problems.is_empty(), "{met}: {:#?}", report.problems);
            assert_eq!(needless_adds(&story), [0; 0], "{met}");
        }
    }
}

#[tokio::test]
async fn an_error_500_at_any_call_is_made_up_for_by_the_next_run() {
    sweep(|fault| fault.status(500)).await;
}

#[tokio::test]
async fn a_reset_before_the_effect_of_any_call_is_made_up_for_by_the_next_run() {
    sweep(Fault::reset).await;
}

#[tokio::test]
async fn a_reset_after_the_effect_of_any_call_is_made_up_for_by_the_next_run() {
    sweep(|fault| fault.reset().after_effect()).await;
}

#[tokio::test]
async fn an_answer_cut_short_at_any_call_is_made_up_for_by_the_next_run() {
    sweep(Fault::truncated).await;
}

#[tokio::test]
async fn a_login_page_at_any_call_is_made_up_for_by_the_next_run() {
    sweep(Fault::html).await;
}

/// As kill -9: from some call on, nothing is heard or stored any more.
#[tokio::test]
async fn a_death_at_any_call_is_made_up_for_by_the_next_run() {
    let (expected, calls) = undisturbed().await;
    for (server, calls) in SERVERS.iter().zip(calls) {
        for nth in 0..calls {
            let story = household();
            server(&story).inject(Fault::on("ANY", "").skip(nth).never().after_effect());
            tokio::select! {
                biased;
                _ = story.run(|_| {}) => panic!("call {nth} is never answered"),
                () = crate::world::until(|| server(&story).requests_to("") > nth) => {}
            }
            server(&story).clear_faults();
            story.clock.advance(hours(1));
            let report = story.sync().await;
            let met = format!("call {nth} of {calls} to {}", server(&story).address());
            assert_eq!(end_of(&story), expected, "{met}: {report:#?}");
            assert_eq!(needless_adds(&story), [0; 0], "{met}");
        }
    }
}
