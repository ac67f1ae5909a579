//! Webhooks into a real store, and what the world looks like afterwards.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::clock::UnixMs;
use crate::model::{
    AddOptions, ArrEvent, ArrOptions, Availability, Decision, Destination, EntryId, EntryState, ExternalIds, Granted,
    InstanceKind, ListedTitle, MediaType, MinimumAvailability, MovieMonitor, Outcome, PlacementState, PlexId, Relation,
    TmdbId, Trace, TvdbId, UserUuid,
};
use crate::store::{NewWebhook, NewlyDecided, PlacementRow, QueuedPlacement, Store};

mod arrivals;
mod before_the_wish;
mod hindrances;
mod inbox;
mod seasons;

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

/// The history of an arr tells of these, with their dates.
fn from_history(world: &World, instance: &str, events: &[(UnixMs, ArrEvent)], now_ms: UnixMs) -> Processed {
    let kind = kinds(instance).unwrap();
    world.store.write(|db| apply_events(db, instance, kind, events, TrackingSettings::default(), now_ms)).unwrap()
}

fn read(kind: InstanceKind, body: &Value) -> ArrEvent {
    crate::clients::arr::read_webhook(kind, body.to_string().as_bytes()).unwrap().event
}

fn read_film_import() -> ArrEvent {
    read(InstanceKind::Radarr, &film("Download"))
}
