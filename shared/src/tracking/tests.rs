//! Webhooks into a real store, and what the world looks like afterwards.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::catch_up::{Due, Left, Occasion};
use super::*;
use crate::clients::arr::HistoryEvent;
use crate::clock::UnixMs;
use crate::model::{
    AddOptions, ArrEvent, ArrOptions, Availability, Decision, Destination, EntryId, EntryState, EpisodeNumber,
    ExternalIds, Granted, Instance, InstanceKind, ListedTitle, MediaType, MinimumAvailability, MovieMonitor, Outcome,
    PlacementState, PlexId, Relation, TmdbId, Trace, TvdbId, UserId, UserUuid,
};
use crate::store::{NewWebhook, NewlyDecided, PageFrom, PlacementRow, QueuedPlacement, Store, Taken, WebhookState};

const NOON: UnixMs = 1_795_435_200_000;
const SECOND: i64 = 1_000;
const DAY: i64 = 86_400_000;
const FILM: u32 = 603;
const SHOW: u32 = 81_189;

fn kinds(instance: &str) -> Option<InstanceKind> {
    match instance {
        "movies" | "movies-4k" => Some(InstanceKind::Radarr),
        "shows" => Some(InstanceKind::Sonarr),
        _ => None,
    }
}

/// Works off everything that waits.
fn process_all(store: &Store, now_ms: UnixMs) -> Processed {
    let (mut all, mut after) = (Processed::default(), 0);
    while let Some((last, batch)) = process_batch(store, after, &kinds, TrackingSettings::default(), now_ms).unwrap() {
        after = last;
        all.done += batch.done;
        all.ignored += batch.ignored;
        all.announced += batch.announced;
    }
    all
}

fn radarr_options() -> AddOptions {
    AddOptions {
        quality_profile: None,
        root_folder_path: None,
        tags: vec![],
        search_on_add: true,
        arr: ArrOptions::Radarr {
            minimum_availability: MinimumAvailability::Released,
            monitor: MovieMonitor::MovieOnly,
        },
    }
}

/// A store, and what the arrs send to it.
struct World {
    folder: TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        Self { folder, store }
    }

    /// A user who wants the movie or the show, decided to go to `instances`, still queued.
    fn queued(&self, username: &str, external_id: u32, instances: &[&str]) -> (EntryId, Vec<QueuedPlacement>) {
        self.queued_at(NOON, username, external_id, instances)
    }

    /// The same, wished and decided at `at_ms`.
    fn queued_at(
        &self,
        at_ms: UnixMs,
        username: &str,
        external_id: u32,
        instances: &[&str],
    ) -> (EntryId, Vec<QueuedPlacement>) {
        let movie = external_id == FILM;
        let listed = ListedTitle {
            plex_id: PlexId::parse(&format!("650c77e1aa10b4001f{external_id:06x}")).unwrap(),
            media_type: if movie { MediaType::Movie } else { MediaType::Show },
            title: if movie { "Salt Ledger" } else { "Harbour Nine" }.to_owned(),
            year: Some(2025),
            ids: Some(ExternalIds {
                imdb: None,
                tmdb: movie.then_some(TmdbId(external_id)),
                tvdb: (!movie).then_some(TvdbId(external_id)),
            }),
            poster_url: None,
        };
        let options = radarr_options();
        let to = |instance: &&str| Destination {
            instance: (*instance).to_owned(),
            options: options.clone(),
            because: "x".to_owned(),
        };
        let decision = Decision {
            outcome: Outcome::Route {
                destinations: instances.iter().map(to).collect(),
                granted: Granted::Room,
                auto_approved: None,
            },
            labels: vec![],
            trace: Trace::new(),
        };
        let entry = self
            .store
            .write(|db| {
                let uuid = UserUuid::parse(username).unwrap();
                let user = db.upsert_user(&uuid, username, username, Relation::Friend, at_ms)?;
                let title = db.upsert_listed_title(&listed)?;
                db.open_entry(user, title, at_ms)?;
                let undecided = *db.undecided(at_ms)?.last().unwrap();
                db.settle(&NewlyDecided { undecided, decision: &decision, run_id: "r1" }, at_ms)?;
                Ok(undecided.entry)
            })
            .unwrap();
        let db = self.store.read();
        let due = instances.iter().flat_map(|instance| db.due_placements(instance, at_ms).unwrap());
        (entry, due.filter(|placement| placement.entry == entry).collect())
    }

    fn finish(&self, placement: &QueuedPlacement, state: PlacementState, at_ms: UnixMs) {
        self.store
            .write(|db| {
                if state == PlacementState::Added {
                    db.begin_attempt(placement.id, "{}", at_ms)?;
                }
                db.finish(placement, state, "x", None, at_ms)
            })
            .unwrap();
    }

    /// A user who wants it, and the arr took it.
    fn added(&self, username: &str, external_id: u32, instances: &[&str]) -> EntryId {
        let (entry, placements) = self.queued(username, external_id, instances);
        placements.iter().for_each(|placement| self.finish(placement, PlacementState::Added, NOON));
        entry
    }

    fn receive(&self, instance: &str, bodies: &[Value], at_ms: UnixMs) {
        let webhooks: Vec<_> = bodies
            .iter()
            .map(|body| NewWebhook {
                instance: instance.to_owned(),
                event: body["eventType"].as_str().unwrap_or_default().to_owned(),
                body: body.to_string(),
                received_at_ms: at_ms,
            })
            .collect();
        self.store.write(|db| db.add_to_inbox(&webhooks)).unwrap();
    }

    fn process(&self, now_ms: UnixMs) -> Processed {
        process_all(&self.store, now_ms)
    }

    /// Receives and processes at the same time.
    fn tell(&self, instance: &str, body: Value, at_ms: UnixMs) -> Processed {
        self.receive(instance, &[body], at_ms);
        self.process(at_ms)
    }

    fn state(&self, entry: EntryId) -> EntryState {
        let entries = ["603", "81189"].into_iter().flat_map(|id| self.store.read().find_entries(id).unwrap());
        entries.into_iter().find(|row| row.id == entry).unwrap().state
    }

    fn placement(&self, entry: EntryId) -> PlacementRow {
        self.store.read().placements_of(entry).unwrap().remove(0)
    }

    fn messages(&self) -> Vec<Availability> {
        let rows = self.store.read().pending_messages(1_000).unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
    }

    /// The episodes of each message.
    fn told(&self) -> Vec<Vec<u32>> {
        let episodes = |it: Availability| it.episodes.iter().map(|number| number.episode).collect();
        self.messages().into_iter().map(episodes).collect()
    }
}

fn film(event: &str) -> Value {
    json!({ "eventType": event, "movie": { "id": 1, "tmdbId": FILM }, "downloadId": "D", "isUpgrade": false })
}

fn upgraded(mut body: Value) -> Value {
    body["isUpgrade"] = true.into();
    body
}

/// An event about episodes of season 1 that were first shown years ago.
fn episodes(event: &str, numbers: impl IntoIterator<Item = u32>, download: &str) -> Value {
    let episodes: Vec<_> = numbers
        .into_iter()
        .map(|number| json!({ "seasonNumber": 1, "episodeNumber": number, "airDateUtc": "2019-01-06T02:00:00Z" }))
        .collect();
    let mut body = json!({
        "eventType": event, "series": { "tvdbId": SHOW }, "episodes": episodes, "downloadId": download,
    });
    if event == "Download" {
        body["episodeFile"] = json!({ "id": 1 });
        body["isUpgrade"] = false.into();
    }
    body
}

/// One that was shown hours ago.
fn recent(number: u32) -> Value {
    let mut body = episodes("Download", [number], "");
    body["episodes"][0]["airDateUtc"] = "2026-11-23T02:00:00Z".into();
    body
}

fn import_complete(numbers: impl IntoIterator<Item = u32>, download: &str) -> Value {
    let mut body = episodes("Download", numbers, download);
    body.as_object_mut().unwrap().remove("episodeFile");
    body.as_object_mut().unwrap().remove("isUpgrade");
    body["episodeFiles"] = json!([]);
    body["fileCount"] = 1.into();
    body
}

#[test]
fn a_movie_is_requested_then_grabbed_then_available_and_told_once() {
    let world = World::new();
    let (first, second) = (world.added("ana", FILM, &["movies"]), world.added("ben", FILM, &["movies"]));
    assert_eq!(world.state(first), EntryState::Requested);
    world.tell("movies", film("Grab"), NOON + SECOND);
    assert_eq!((world.state(first), world.placement(first).grabbed_at_ms), (EntryState::Grabbed, Some(NOON + SECOND)));
    let processed = world.tell("movies", film("Download"), NOON + 2 * SECOND);
    assert_eq!(processed, Processed { done: 1, ignored: 0, announced: 1 });
    assert_eq!((world.state(first), world.state(second)), (EntryState::Available, EntryState::Available));
    let message = world.messages().remove(0);
    let entries: Vec<_> = message.wanted_by.iter().map(|it| (it.user, it.entry)).collect();
    assert_eq!(entries, [(UserId(1), first), (UserId(2), second)]);
    assert_eq!((message.title.as_str(), message.year, message.external_id), ("Salt Ledger", Some(2025), FILM));
    assert_eq!((message.instance.as_str(), message.media_type), ("movies", MediaType::Movie));
}

#[test]
fn what_comes_twice_late_or_better_changes_nothing() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.tell("movies", film("Download"), NOON + SECOND);
    let placement = world.placement(entry);
    world.tell("movies", film("Download"), NOON + 2 * SECOND);
    world.tell("movies", upgraded(film("Download")), NOON + 3 * SECOND);
    assert_eq!(world.placement(entry), placement);
    world.tell("movies", film("Grab"), NOON + 4 * SECOND);
    assert_eq!(world.state(entry), EntryState::Available);
    assert_eq!(world.messages().len(), 1);
}

#[test]
fn an_upgrade_is_never_told_but_the_title_can_be_watched() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.tell("movies", upgraded(film("Download")), NOON);
    world.tell("shows", upgraded(recent(1)), NOON);
    world.tell("shows", upgraded(episodes("Download", [2], "")), NOON);
    assert_eq!((world.state(movie), world.state(show)), (EntryState::Available, EntryState::Available));
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 0);
    assert_eq!(world.messages(), []);
}

#[test]
fn a_first_file_that_is_told_of_after_a_better_one_is_told_once() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.added("ben", FILM, &["movies"]);
    world.tell("movies", upgraded(film("Download")), NOON + SECOND);
    world.tell("shows", upgraded(recent(1)), NOON + SECOND);
    assert_eq!(world.messages(), []);
    for at_ms in [NOON + 2 * SECOND, NOON + 3 * SECOND] {
        world.tell("movies", film("Download"), at_ms);
        world.tell("shows", recent(1), at_ms);
        world.tell("movies", upgraded(film("Download")), at_ms);
    }
    let messages = world.messages();
    let told: Vec<_> = messages.iter().map(|it| (it.external_id, it.wanted_by.len())).collect();
    assert_eq!(told, [(FILM, 2), (SHOW, 1)]);
    assert_eq!((world.state(movie), world.state(show)), (EntryState::Available, EntryState::Available));
    // Whoever wants it later finds it there, as ever.
    let (_, placements) = world.queued("cal", FILM, &["movies"]);
    world.store.write(|db| db.finish_with_file(&placements[0], "x", NOON + DAY)).unwrap();
    assert_eq!(world.messages().len(), 2);
}

#[test]
fn one_instance_is_enough_and_a_refusal_elsewhere_does_not_take_it_back() {
    let world = World::new();
    let (entry, placements) = world.queued("ana", FILM, &["movies", "movies-4k"]);
    world.finish(&placements[0], PlacementState::Added, NOON);
    world.tell("movies", film("Download"), NOON + SECOND);
    assert_eq!(world.state(entry), EntryState::Available);
    world.store.write(|db| db.refuse(&placements[1], "no room", Some(NOON), NOON)).unwrap();
    assert_eq!(world.state(entry), EntryState::Available);
    world.finish(&placements[1], PlacementState::Added, NOON);
    assert_eq!(world.state(entry), EntryState::Available);
}

#[test]
fn our_own_addition_coming_back_as_an_event_is_harmless() {
    let world = World::new();
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.store.write(|db| db.begin_attempt(placements[0].id, "{}", NOON)).unwrap();
    let before = world.placement(entry);
    world.tell("movies", film("MovieAdded"), NOON);
    assert_eq!((world.placement(entry), world.state(entry)), (before, EntryState::Requested));
    // An arr may be quicker than its own answer.
    world.tell("movies", film("Grab"), NOON + SECOND);
    world.tell("movies", film("Download"), NOON + 2 * SECOND);
    world.store.write(|db| db.finish(&placements[0], PlacementState::Added, "x", Some(1), NOON + 3 * SECOND)).unwrap();
    assert_eq!((world.state(entry), world.messages().len()), (EntryState::Available, 1));
}

#[test]
fn an_import_of_something_nobody_asked_for_waits_until_somebody_does() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON);
    world.tell("movies", film("Download"), NOON + SECOND);
    assert_eq!(world.messages(), []);
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    assert_eq!(world.state(entry), EntryState::Requested);
    world.store.write(|db| db.finish_with_file(&placements[0], "x", NOON + DAY)).unwrap();
    let placement = world.placement(entry);
    assert_eq!((placement.grabbed_at_ms, placement.available_at_ms), (Some(NOON), Some(NOON + SECOND)));
    assert_eq!(world.state(entry), EntryState::Available);
    assert_eq!(world.messages(), [], "what was there before is no news");
}

#[test]
fn what_was_imported_before_we_added_it_anew_does_not_count() {
    let world = World::new();
    world.tell("movies", film("Download"), NOON - DAY);
    assert_eq!(world.state(world.added("ana", FILM, &["movies"])), EntryState::Requested);
}

/// The history of an arr tells of these, with their dates.
fn from_history(world: &World, instance: &str, events: &[(UnixMs, ArrEvent)], now_ms: UnixMs) -> Processed {
    let kind = kinds(instance).unwrap();
    world.store.write(|db| apply_events(db, instance, kind, events, TrackingSettings::default(), now_ms)).unwrap()
}

fn read(kind: InstanceKind, body: &Value) -> ArrEvent {
    crate::clients::arr::read_webhook(kind, body.to_string().as_bytes()).unwrap().event
}

#[test]
fn what_came_and_went_before_the_wish_is_no_news_to_it() {
    let world = World::new();
    let deleted = ArrEvent::FileDeleted { external_id: FILM, episodes: vec![], for_upgrade: false };
    let grabbed = read(InstanceKind::Radarr, &film("Grab"));
    let history = [(NOON - 3 * DAY, grabbed), (NOON - 2 * DAY, read_film_import()), (NOON - DAY, deleted)];
    // Of these, one finds the movie there without its file, and the other adds it anew.
    let (found, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    let added = world.added("ben", FILM, &["movies"]);
    assert_eq!(from_history(&world, "movies", &history, NOON + SECOND).announced, 0);
    for entry in [found, added] {
        let placement = world.placement(entry);
        assert_eq!((world.state(entry), placement.available_at_ms), (EntryState::Requested, None));
    }
    // Once it is there, both hear of it.
    from_history(&world, "movies", &[(NOON + 60 * SECOND, read_film_import())], NOON + 90 * SECOND);
    assert_eq!((world.state(found), world.state(added)), (EntryState::Available, EntryState::Available));
    assert_eq!((world.messages().len(), world.messages()[0].wanted_by.len()), (1, 2));
}

#[test]
fn an_old_season_in_the_history_is_told_to_nobody_who_wished_for_it_later() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    let old = |number| (NOON - DAY, read(InstanceKind::Sonarr, &episodes("Download", [number], "")));
    from_history(&world, "shows", &[old(1), old(2), (NOON - DAY, read(InstanceKind::Sonarr, &recent(3)))], NOON);
    flush_due_batches(&world.store, NOON + DAY).unwrap();
    assert_eq!((world.state(entry), world.messages()), (EntryState::Requested, vec![]));
}

#[test]
fn two_clocks_that_differ_by_seconds_hide_no_import() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    from_history(&world, "movies", &[(NOON - 61 * SECOND, read_film_import())], NOON);
    assert_eq!(world.state(entry), EntryState::Requested);
    from_history(&world, "movies", &[(NOON - 30 * SECOND, read_film_import())], NOON);
    assert_eq!((world.state(entry), world.messages().len()), (EntryState::Available, 1));
}

#[test]
fn an_import_that_is_on_record_counts_for_nothing_where_the_file_is_gone() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON - 3 * DAY);
    world.tell("movies", film("Download"), NOON - 2 * DAY);
    // Its end was told to nobody: the movie is there, and nothing of it can be watched.
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    let placement = world.placement(entry);
    assert_eq!((placement.grabbed_at_ms, placement.available_at_ms), (None, None));
    assert_eq!(world.state(entry), EntryState::Requested);
}

#[test]
fn a_release_that_is_still_on_its_way_counts_for_a_later_wish() {
    let world = World::new();
    world.tell("movies", film("Grab"), NOON - SECOND);
    let (entry, placements) = world.queued("ana", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Present, NOON);
    assert_eq!(world.state(entry), EntryState::Grabbed);
}

#[test]
fn a_season_that_came_before_a_wish_is_told_to_those_who_wished_before_it() {
    let world = World::new();
    let ana = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Download", [1], ""), NOON + SECOND);
    world.tell("shows", episodes("Download", [2], ""), NOON + 2 * SECOND);
    let (_, placements) = world.queued_at(NOON + 100 * SECOND, "ben", SHOW, &["shows"]);
    world.store.write(|db| db.finish_with_file(&placements[0], "x", NOON + 101 * SECOND)).unwrap();
    assert_eq!(flush_due_batches(&world.store, NOON + 121 * SECOND).unwrap(), 1);
    let wanted_by: Vec<_> = world.messages()[0].wanted_by.iter().map(|it| it.entry).collect();
    assert_eq!(wanted_by, [ana]);
}

#[test]
fn what_is_deleted_stays_deleted_until_it_is_imported_again() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    let added = world.placement(entry);
    world.tell("movies", film("Download"), NOON + SECOND);
    let mut deleted = film("MovieDelete");
    deleted["deletedFiles"] = true.into();
    world.tell("movies", deleted, NOON + 10 * SECOND);
    let placement = world.placement(entry);
    assert_eq!((placement.state, placement.done_at_ms), (PlacementState::Removed, Some(NOON + 10 * SECOND)));
    assert_eq!(placement.answer.as_deref(), Some("deleted in Radarr `movies`, with its files"));
    let taken = Taken { at_ms: added.done_at_ms.unwrap(), state: PlacementState::Added, answer: added.answer };
    assert_eq!(placement.taken, Some(taken), "how it came there is still on record");
    assert_eq!(world.state(entry), EntryState::Available, "the entry keeps its state");
    assert_eq!(world.store.read().queue_lengths(NOON + DAY).unwrap(), [], "and nothing is added again");

    // The history tells of the import once more.
    from_history(&world, "movies", &[(NOON + SECOND, read_film_import())], NOON + DAY);
    assert_eq!(world.placement(entry), placement);

    world.tell("movies", film("Download"), NOON + 20 * SECOND);
    let placement = world.placement(entry);
    assert_eq!((placement.state, placement.available_at_ms), (PlacementState::Added, Some(NOON + 20 * SECOND)));
    assert_eq!(placement.taken.map(|it| it.at_ms), added.done_at_ms);
    assert_eq!(world.messages().len(), 1, "it was told of the first time");
}

fn read_film_import() -> ArrEvent {
    read(InstanceKind::Radarr, &film("Download"))
}

#[test]
fn a_title_that_comes_back_for_somebody_else_is_told_to_them() {
    let world = World::new();
    world.added("ana", FILM, &["movies"]);
    world.tell("movies", film("Download"), NOON + SECOND);
    world.tell("movies", film("MovieDelete"), NOON + 10 * SECOND);
    let (ben, placements) = world.queued("ben", FILM, &["movies"]);
    world.finish(&placements[0], PlacementState::Added, NOON + 20 * SECOND);
    assert_eq!(world.state(ben), EntryState::Requested);
    world.tell("movies", film("Download"), NOON + 30 * SECOND);
    let messages = world.messages();
    assert_eq!((messages.len(), messages[1].wanted_by.len(), messages[1].wanted_by[0].entry), (2, 1, ben));
}

#[test]
fn five_hundred_episodes_are_one_message() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let burst: Vec<_> = (1..=500).map(|number| episodes("Download", [number], "")).collect();
    world.receive("shows", &burst, NOON);
    assert_eq!(world.process(NOON), Processed { done: 500, ignored: 0, announced: 0 });
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), Some(NOON + 120 * SECOND));
    assert_eq!(flush_due_batches(&world.store, NOON + 119 * SECOND).unwrap(), 0);
    assert_eq!(flush_due_batches(&world.store, NOON + 120 * SECOND).unwrap(), 1);
    assert_eq!(world.told(), [(1..=500).collect::<Vec<_>>()]);
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), None);
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 0);
}

#[test]
fn a_season_pack_is_told_of_as_soon_as_it_is_complete() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Grab", 1..=10, "D"), NOON);
    assert_eq!(world.state(entry), EntryState::Grabbed);
    for number in 1..=9 {
        assert_eq!(world.tell("shows", episodes("Download", [number], "D"), NOON + SECOND).announced, 0);
    }
    assert_eq!(world.tell("shows", episodes("Download", [10], "D"), NOON + 2 * SECOND).announced, 1);
    assert_eq!(world.tell("shows", import_complete(1..=10, "D"), NOON + 3 * SECOND).announced, 0, "told already");
    assert_eq!(world.told(), [(1..=10).collect::<Vec<_>>()]);
    assert_eq!(world.messages()[0].episodes[0], EpisodeNumber { season: 1, episode: 1 });
}

#[test]
fn a_finished_download_ends_the_gathering_and_brings_what_was_missed() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.tell("shows", episodes("Download", [1], "D"), NOON);
    world.tell("shows", import_complete(1..=3, "D"), NOON + SECOND);
    assert_eq!(world.told(), [vec![1, 2, 3]]);
    world.tell("shows", episodes("Download", [2], "D"), NOON + 2 * SECOND);
    assert_eq!(next_batch_due(&world.store, NOON).unwrap(), None, "the late event tells nothing new");
}

#[test]
fn single_episodes_of_old_seasons_are_gathered_although_each_download_is_complete() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    for number in 1..=3 {
        let download = format!("D{number}");
        world.tell("shows", episodes("Grab", [number], &download), NOON);
        world.tell("shows", episodes("Download", [number], &download), NOON + SECOND);
        world.tell("shows", import_complete([number], &download), NOON + SECOND);
    }
    assert_eq!(world.messages(), []);
    flush_due_batches(&world.store, NOON + DAY).unwrap();
    assert_eq!(world.told(), [vec![1, 2, 3]]);
}

#[test]
fn the_window_and_what_is_recent_are_as_the_environment_says() {
    for (season_window_s, recent_episode_h, told, due) in
        [(30, 1, vec![], Some(NOON + 30 * SECOND)), (30, 8_760, vec![vec![4]], None)]
    {
        let world = World::new();
        world.added("ana", SHOW, &["shows"]);
        world.receive("shows", &[recent(4)], NOON);
        let environment = Environment { season_window_s, recent_episode_h, ..Environment::default() };
        process_batch(&world.store, 0, &kinds, TrackingSettings::of(&environment), NOON).unwrap();
        assert_eq!((world.told(), next_batch_due(&world.store, NOON).unwrap()), (told, due), "{recent_episode_h}");
    }
}

#[test]
fn a_recent_episode_is_told_of_at_once_and_only_once() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    assert_eq!(world.tell("shows", recent(4), NOON).announced, 1);
    assert_eq!(world.tell("shows", recent(4), NOON + SECOND).announced, 0);
    assert_eq!(world.tell("shows", recent(5), NOON + SECOND).announced, 1);
    assert_eq!(world.told(), [vec![4], vec![5]]);
    assert_eq!(world.state(entry), EntryState::Available);
}

#[test]
fn an_episode_whose_file_was_replaced_by_hand_is_not_told_again() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.tell("shows", recent(4), NOON);
    let mut deleted = recent(4);
    deleted["eventType"] = "EpisodeFileDelete".into();
    deleted["deleteReason"] = "manual".into();
    world.tell("shows", deleted, NOON + SECOND);
    world.tell("shows", recent(4), NOON + 2 * SECOND);
    assert_eq!(world.told(), [vec![4]]);
}

#[test]
fn those_who_do_not_take_part_are_told_nothing() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.store.write(|db| db.set_synced(UserId(1), false)).unwrap();
    world.tell("movies", film("Download"), NOON);
    assert_eq!((world.state(entry), world.messages()), (EntryState::Available, vec![]));
}

#[test]
fn another_instance_or_another_kind_with_the_same_number_is_something_else() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.tell("movies-4k", film("Download"), NOON);
    let mut series = recent(1);
    series["series"]["tvdbId"] = FILM.into();
    world.tell("shows", series, NOON);
    assert_eq!((world.state(entry), world.messages()), (EntryState::Requested, vec![]));
}

#[test]
fn what_says_nothing_is_kept_with_the_reason() {
    let world = World::new();
    world.receive("movies", &[film("Test"), film("Teleport"), json!({ "eventType": "Grab" })], NOON);
    world.receive("gone", &[film("Download")], NOON);
    let health = json!({ "eventType": "Health", "level": "error", "message": "no indexers" });
    world.receive("movies", &[health], NOON);
    assert_eq!(world.process(NOON + DAY), Processed { done: 2, ignored: 3, announced: 0 });
    let rows = world.store.read().last_webhooks(10).unwrap();
    let told: Vec<_> = rows.iter().rev().map(|row| (row.state.as_str(), row.detail.as_deref().unwrap())).collect();
    let expected = [
        ("done", "a test; it arrived"),
        ("ignored", "this version does not know `Teleport`"),
        ("ignored", "it does not say which title it is about"),
        ("ignored", "there is no instance `gone` in the settings"),
        ("done", "the arr says: no indexers"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_was_stored_before_a_restart_is_worked_off_after_it() {
    let mut world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.receive("shows", &[episodes("Download", [1], "")], NOON);
    world.store = Store::open(world.folder.path(), false).unwrap();
    world.process(NOON + DAY);
    assert_eq!(world.state(entry), EntryState::Available);
    world.store = Store::open(world.folder.path(), false).unwrap();
    assert_eq!(flush_due_batches(&world.store, NOON + DAY).unwrap(), 1, "the window is over long since");
}

#[test]
fn a_webhook_that_cannot_be_acted_on_holds_nobody_up_and_is_not_forgotten() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    world.receive("movies", &[film("Download")], NOON + SECOND);
    world.receive("shows", &[recent(1)], NOON + 2 * SECOND);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year = |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tmdb_id = 603", [year]).unwrap();
    set_year(99_999);
    assert_eq!(world.process(NOON + 3 * SECOND), Processed { done: 1, ignored: 0, announced: 1 });
    let available_at = [movie, show].map(|entry| world.placement(entry).available_at_ms);
    assert_eq!(available_at, [None, Some(NOON + 2 * SECOND)]);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1);
    set_year(2025);
    assert_eq!(world.process(NOON + 40 * SECOND), Processed { done: 1, ignored: 0, announced: 1 });
    assert_eq!(world.placement(movie).available_at_ms, Some(NOON + SECOND));
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 0);
}

/// A movie whose row cannot be read, so that nothing can be done about what is told of it.
fn unreadable_movie(world: &World) {
    world.added("ana", FILM, &["movies"]);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    database.execute("UPDATE titles SET year = 99999 WHERE tmdb_id = 603", []).unwrap();
}

#[test]
fn a_webhook_that_can_never_be_acted_on_is_tried_ever_more_rarely_and_given_up_after_a_week() {
    let world = World::new();
    unreadable_movie(&world);
    world.receive("movies", &[film("Download")], NOON);
    let attempts = || -> u32 {
        let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
        database.query_row("SELECT attempts FROM inbox", [], |row| row.get(0)).unwrap()
    };
    // As the service does, twice a minute.
    for half_minute in 0..=(7 * 2_880) {
        world.process(NOON + half_minute * 30 * SECOND);
    }
    let row = world.store.read().last_webhooks(1).unwrap().remove(0);
    assert_eq!((row.state.as_str(), attempts()), ("pending", 37), "{row:?}");
    assert!(row.detail.unwrap().contains("is tried again (tries so far: 37): failed to "), "it says what is wrong");
    assert_eq!(world.store.read().given_up_webhooks_total().unwrap(), 0);

    let later = NOON + 8 * DAY;
    world.process(later);
    let row = world.store.read().last_webhooks(1).unwrap().remove(0);
    assert_eq!((row.state.as_str(), attempts()), ("given_up", 37));
    assert!(row.detail.unwrap().starts_with("given up after 38 tries"), "it says why");
    let db = world.store.read();
    assert_eq!((db.pending_webhook_count().unwrap(), db.given_up_webhooks_total().unwrap()), (0, 1));

    world.receive("movies", &vec![film("Test"); 2_500], later);
    world.process(later);
    assert_eq!(
        world.store.read().webhooks_given_up(&PageFrom::Newest, 10).unwrap().rows.len(),
        1,
        "it is not forgotten for those after it"
    );
}

#[test]
fn a_webhook_that_waited_for_weeks_is_tried_a_few_times_before_it_is_given_up() {
    let world = World::new();
    unreadable_movie(&world);
    world.receive("movies", &[film("Download")], NOON);
    for minutes in [0, 1, 3, 7] {
        world.process(NOON + 30 * DAY + minutes * 60 * SECOND);
        assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1, "{minutes}");
    }
    // The clock is put back by a month: what is due then is due now.
    world.process(NOON + SECOND);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1);
    world.process(NOON + 30 * DAY);
    assert_eq!(world.store.read().given_up_webhooks_total().unwrap(), 1);
}

#[test]
fn of_many_that_cannot_be_acted_on_none_is_given_up_for_the_others_and_all_are_acted_on_once_that_is_mended() {
    let world = World::new();
    unreadable_movie(&world);
    let many = 3_000;
    world.receive("movies", &vec![film("Download"); many as usize], NOON);
    let minute = NOON + 60 * SECOND;
    for at_ms in [NOON, minute] {
        assert_eq!(world.process(at_ms), Processed::default());
        let db = world.store.read();
        assert_eq!((db.pending_webhook_count().unwrap(), db.given_up_webhooks_total().unwrap()), (many, 0));
    }
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    database.execute("UPDATE titles SET year = 2025 WHERE tmdb_id = 603", []).unwrap();
    assert_eq!(world.process(NOON + DAY).done, many);
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 0);
}

#[test]
fn whatever_was_stored_waits_or_is_counted_however_long_ago_its_row_was_forgotten() {
    let world = World::new();
    world.receive("movies", &vec![film("Download"); 2_300], NOON);
    world.receive("shows", &vec![json!({"eventType": "FromTheFuture"}); 200], NOON);
    unreadable_movie(&world);
    world.process(NOON);
    world.receive("movies", &vec![film("Test"); 7], NOON);
    let total = |instance: &str, state: &str| {
        let totals = world.store.read().ended_webhook_totals().unwrap();
        totals
            .iter()
            .find(|total| (total.of.as_str(), total.kind.as_str()) == (instance, state))
            .map_or(0, |it| it.count)
    };
    let waiting = |world: &World| u64::from(world.store.read().pending_webhook_count().unwrap());
    assert_eq!((total("movies", "done"), total("shows", "ignored"), waiting(&world)), (0, 200, 2_307));
    for tries in 1..=5 {
        world.process(NOON + (7 + tries) * DAY);
    }
    assert_eq!((total("movies", "done"), total("movies", "given_up"), waiting(&world)), (7, 2_300, 0));
    assert_eq!(world.store.read().last_webhooks(10_000).unwrap().len(), 2_000, "that many rows are kept");
    // Whoever ends one that has its end counts it once.
    world.store.write(|db| db.end_webhook(2_507, WebhookState::Done, "", NOON)).unwrap();
    assert_eq!(total("movies", "done"), 7);
}

#[test]
fn a_season_that_cannot_be_told_of_holds_up_no_other_and_is_told_of_later() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    world.added("ana", SHOW + 1, &["shows"]);
    let mut other = episodes("Download", [1], "");
    other["series"]["tvdbId"] = (SHOW + 1).into();
    world.tell("shows", episodes("Download", [1], ""), NOON);
    world.tell("shows", other, NOON + SECOND);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year =
        |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tvdb_id = ?2", [year, SHOW]).unwrap();
    set_year(99_999);
    let later = NOON + 121 * SECOND;
    assert_eq!(flush_due_batches(&world.store, later).unwrap(), 1);
    assert_eq!(world.messages()[0].external_id, SHOW + 1);
    assert_eq!(next_batch_due(&world.store, later).unwrap(), None, "what failed is no reason to hurry");
    set_year(2025);
    assert_eq!(flush_due_batches(&world.store, later + SECOND).unwrap(), 1);
    assert_eq!(world.messages().len(), 2);
}

#[test]
fn an_event_of_a_history_that_cannot_be_acted_on_is_where_the_next_look_begins() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    let instance = Instance {
        name: "movies".to_owned(),
        url: "http://radarr:7878".to_owned(),
        api_key: "0123456789abcdef0123456789abcdef".into(),
        default: true,
        copy_of: None,
        respect_exclusions: true,
        options: radarr_options(),
    };
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let set_year = |year: u32| database.execute("UPDATE titles SET year = ?1 WHERE tmdb_id = 603", [year]).unwrap();
    let mut other = film("Download");
    other["movie"]["tmdbId"] = 604.into();
    let history = [(1, film("Grab")), (2, film("Download")), (3, other)].map(|(hour, body)| HistoryEvent {
        at_ms: NOON + hour * 3_600 * SECOND,
        event: read(InstanceKind::Radarr, &body),
    });
    let now_ms = NOON + DAY;
    let take_in = |portion, left| {
        catch_up::take_in(&world.store, &instance, portion, left, TrackingSettings::default(), now_ms).unwrap()
    };
    let next = || catch_up::due(&world.store, &instance, Occasion::Run, now_ms).unwrap();
    let since = |hour: i64| Due::Since(NOON + hour * 3_600 * SECOND - 600 * SECOND);

    assert_eq!((take_in(&history[..1], Left::default()), next()), (Left::default(), since(1)));
    set_year(99_999);
    let left = take_in(&history[1..2], Left::default());
    assert_eq!(left, Left { since_ms: Some(history[1].at_ms), titles: [603].into() });
    assert_eq!(next(), since(2));
    assert_eq!((take_in(&history[2..], left.clone()), next()), (left, since(2)));
    let imports: u32 = database.query_row("SELECT count(*) FROM imports", [], |row| row.get(0)).unwrap();
    assert_eq!(imports, 1, "the other one");

    set_year(2025);
    assert_eq!(take_in(&history[1..], Left::default()), Left::default());
    assert_eq!((world.state(entry), next()), (EntryState::Available, Due::Nothing));
}

#[test]
fn two_processes_at_once_work_each_webhook_off_once() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let burst: Vec<_> = (1..=250).map(recent).collect();
    world.receive("shows", &burst, NOON);
    let processed: Vec<Processed> = std::thread::scope(|scope| {
        let work = || {
            let store = Store::open(world.folder.path(), false).unwrap();
            process_all(&store, NOON)
        };
        let workers = [scope.spawn(work), scope.spawn(work)];
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(processed.iter().map(|it| it.done).sum::<u32>(), 250);
    let told = world.told();
    let different: BTreeSet<_> = told.iter().flatten().collect();
    assert_eq!((told.len(), different.len()), (250, 250));
}

#[test]
fn the_inbox_forgets_the_oldest_of_what_is_done() {
    let world = World::new();
    for _ in 0..5 {
        world.receive("movies", &vec![film("Test"); 500], NOON);
        world.process(NOON);
    }
    assert_eq!(world.store.read().last_webhooks(9_999).unwrap().len(), 2_000);
    world.receive("movies", &[film("Test")], NOON);
    world.store.write(|db| db.prune_inbox(0, 0)).unwrap();
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 1, "what waits is kept");
}

#[test]
fn imports_that_nobody_ever_asked_for_are_forgotten_after_a_month() {
    let world = World::new();
    let entry = world.added("ana", SHOW, &["shows"]);
    world.tell("shows", recent(1), NOON);
    world.tell("movies", film("Download"), NOON);
    world.tell("movies", film("Grab"), NOON);
    let imports = || {
        let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
        let count = |table: &str| -> u32 {
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        (count("imports"), count("grabs"))
    };
    assert!(!tidy(&world.store, NOON + 30 * DAY).unwrap());
    assert_eq!(imports(), (2, 1));
    assert!(!tidy(&world.store, NOON + 31 * DAY - SECOND).unwrap());
    assert_eq!(imports(), (2, 1), "once a day is enough");
    assert!(!tidy(&world.store, NOON + 31 * DAY).unwrap());
    assert_eq!(imports(), (1, 0), "the movie");
    world.tell("shows", recent(1), NOON + 31 * DAY);
    assert_eq!((world.told(), world.state(entry)), (vec![vec![1]], EntryState::Available));
}

#[test]
fn what_an_arr_tells_counts_in_the_order_it_came_also_when_the_clock_is_put_back() {
    let world = World::new();
    let (movie, show) = (world.added("ana", FILM, &["movies"]), world.added("ana", SHOW, &["shows"]));
    let before = NOON - 3_600 * SECOND;
    world.tell("movies", film("Download"), NOON + SECOND);
    world.tell("movies", film("MovieDelete"), before);
    assert_eq!(world.placement(movie).state, PlacementState::Removed);
    world.tell("movies", film("Download"), before - SECOND);
    assert_eq!(world.placement(movie).state, PlacementState::Added);

    // The same when all of it waits, and is worked off when the clock is where it was.
    world.receive("shows", &[episodes("Grab", [1, 2], "D"), episodes("Download", [1, 2], "D")], NOON + 5 * SECOND);
    let mut deleted = episodes("EpisodeFileDelete", [1], "");
    deleted["deleteReason"] = "manual".into();
    world.receive("shows", &[deleted], before);
    world.process(NOON + DAY);
    let progress = world.store.read().download_progress("shows", "D", SHOW).unwrap();
    assert_eq!((progress.expected, progress.imported), (2, 1));
    world.receive("shows", &[json!({ "eventType": "SeriesDelete", "series": { "tvdbId": SHOW } })], before);
    world.process(NOON + 30 * SECOND);
    assert_eq!(world.placement(show).state, PlacementState::Removed);
    assert_eq!(world.store.read().download_progress("shows", "D", SHOW).unwrap(), Default::default());
}

/// Of a pack of two seasons, the last of the first comes before the second.
#[test]
fn a_pack_of_several_seasons_is_told_of_in_all_of_them_once_it_is_complete() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let of_season = |mut body: Value, season: u32| {
        for episode in body["episodes"].as_array_mut().unwrap() {
            episode["seasonNumber"] = season.into();
        }
        body
    };
    for season in [1, 2] {
        world.tell("shows", of_season(episodes("Grab", [1, 2], "D"), season), NOON + SECOND);
    }
    for (season, number) in [(1, 1), (1, 2), (2, 1)] {
        let processed = world.tell("shows", of_season(episodes("Download", [number], "D"), season), NOON + 2 * SECOND);
        assert_eq!(processed.announced, 0, "it is not complete");
    }
    world.tell("shows", of_season(episodes("Download", [2], "D"), 2), NOON + 3 * SECOND);
    let told: Vec<_> = world.messages().into_iter().map(|it| it.episodes).collect();
    let whole = |season| [1, 2].map(|episode| EpisodeNumber { season, episode }).to_vec();
    assert_eq!(told, [whole(1), whole(2)]);
}

#[test]
fn more_is_expected_of_a_download_until_it_has_brought_all_or_a_day_is_over() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let is_expected = |now_ms| world.store.read().is_more_on_its_way("shows", now_ms - DAY).unwrap();
    assert!(!is_expected(NOON));
    world.tell("shows", episodes("Grab", [1, 2], "D"), NOON + SECOND);
    world.tell("shows", episodes("Download", [1], "D"), NOON + 2 * SECOND);
    assert_eq!(flush_due_batches(&world.store, NOON + 200 * SECOND).unwrap(), 1);
    assert!(is_expected(NOON + 200 * SECOND));
    assert!(!is_expected(NOON + SECOND + DAY), "it has failed");
    world.tell("shows", episodes("Download", [2], "D"), NOON + 201 * SECOND);
    assert!(!is_expected(NOON + 201 * SECOND), "all of it has come");
}

#[test]
fn a_season_from_the_history_is_told_of_in_one_message() {
    let world = World::new();
    world.added("ana", SHOW, &["shows"]);
    let read = |number| read(InstanceKind::Sonarr, &episodes("Download", [number], ""));
    let events: Vec<_> = (1..=150).map(|number| (NOON + i64::from(number) * 600 * SECOND, read(number))).collect();
    let now_ms = NOON + 5 * DAY;
    for events in events.chunks(100) {
        from_history(&world, "shows", events, now_ms);
        assert_eq!(flush_due_batches(&world.store, now_ms).unwrap(), 0, "it is gathered from now on");
    }
    assert_eq!(flush_due_batches(&world.store, now_ms + 120 * SECOND).unwrap(), 1);
    assert_eq!(world.told(), [(1..=150).collect::<Vec<_>>()]);
}

#[test]
fn a_batch_is_a_hundred_webhooks_or_four_mebibytes() {
    let world = World::new();
    world.receive("movies", &vec![film("Test"); 150], NOON);
    let batch = |after| process_batch(&world.store, after, &kinds, TrackingSettings::default(), NOON).unwrap();
    assert_eq!(batch(0), Some((100, Processed { done: 100, ignored: 0, announced: 0 })));
    assert_eq!(batch(100), Some((150, Processed { done: 50, ignored: 0, announced: 0 })));
    assert_eq!(batch(150), None);
    let mut large = film("Test");
    large["overview"] = "x".repeat(1_000_000).into();
    world.receive("movies", &vec![large; 5], NOON);
    assert_eq!(batch(150).unwrap().0, 154);
    assert_eq!(batch(154).unwrap().0, 155);
}

#[test]
fn bodies_go_once_they_are_acted_on_but_for_the_last() {
    let world = World::new();
    world.receive("gone", &[film("Download")], NOON);
    world.receive("movies", &vec![film("Test"); 60], NOON);
    world.process(NOON);
    let database = rusqlite::Connection::open(world.folder.path().join("db/pulsarr.db")).unwrap();
    let with_bodies = || -> Vec<i64> {
        let mut query = database.prepare("SELECT id FROM inbox WHERE body <> '' ORDER BY id").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let expected: Vec<i64> = std::iter::once(1).chain(12..=61).collect();
    assert_eq!(with_bodies(), expected, "the one that waits, and fifty");
    world.process(NOON + DAY);
    assert_eq!(with_bodies(), (12..=61).collect::<Vec<_>>());
    assert_eq!(world.store.read().last_webhooks(100).unwrap().len(), 61);
}

#[test]
fn what_came_before_its_instance_was_gone_waits_for_its_return_and_holds_nobody_up() {
    let world = World::new();
    let entry = world.added("ana", FILM, &["movies"]);
    world.receive("movies", &vec![film("Download"); 101], NOON);
    world.receive("shows", &[episodes("Test", [], "")], NOON);
    let only = |instance: &str| (instance == "shows").then_some(InstanceKind::Sonarr);
    let settings = TrackingSettings::default();
    let first = process_batch(&world.store, 0, &only, settings, NOON + SECOND).unwrap();
    assert_eq!(first, Some((100, Processed::default())));
    let second = process_batch(&world.store, 100, &only, settings, NOON + SECOND).unwrap();
    assert_eq!(second, Some((102, Processed { done: 1, ignored: 0, announced: 0 })));
    assert_eq!(world.store.read().pending_webhook_count().unwrap(), 101);
    assert_eq!(world.process(NOON + DAY - SECOND), Processed { done: 101, ignored: 0, announced: 1 });
    assert_eq!(world.state(entry), EntryState::Available);
}
