//! Works events off: each changes the store, with the messages that follow from it, in one transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use super::announcement::{Telling, gathered, is_complete_pack, is_pack, telling};
use super::{Processed, TrackingSettings};
use crate::clients::arr::read_webhook;
use crate::clock::{UnixMs, has_passed, millis};
use crate::model::{
    ArrEpisode, ArrEvent, Availability, EpisodeNumber, InstanceKind, MediaType, PlacementState, WantedBy,
};
use crate::retry::webhook_pause;
use crate::store::{
    ArrTitle, ArrivalRow, BatchRow, Db, ImportNews, KEPT_BODIES, KEPT_WEBHOOKS, Moment, PendingWebhook, Store,
    StoreError, WebhookState,
};

/// Webhooks so many of which share a transaction, and the bytes of their bodies: the other program never waits for long, and neither
/// does whoever else wants this store.
const TOGETHER: u32 = 100;
const BYTES_TOGETHER: usize = 4 * 1024 * 1024;

/// How long a webhook waits for its instance to be in the settings again.
const WAITS_FOR_INSTANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a webhook is tried that cannot be acted on, and how often at least: what was away for longer tries it a few times too.
pub const TRIED_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const TRIED_AT_LEAST: u32 = 5;

/// How often old imports are looked for, when and how far that was done.
const PRUNED_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const PRUNED_AT: &str = "imports.pruned_at_ms";
const PRUNED_TO: &str = "imports.pruned_to";

/// Works off the next webhooks that wait behind row `after` in the inbox, in the order in which they came: a batch, in one transaction.
/// Answers the last row and what came of them; `None` when nothing waits there. `kinds` tells which application an instance of this
/// name is; `None` for one that is not in the settings, whose webhooks wait for a day. Two processes may do this at once: each webhook
/// is worked off once. One that cannot be, because of what is stored about its title, is tried again ever more rarely, for
/// [`TRIED_FOR`], and then given up; however many of these there are, the others go on.
///
/// # Errors
/// [`StoreError`] when the store fails; what was not worked off stays pending.
pub fn process_batch(
    store: &Store,
    after: i64,
    kinds: &dyn Fn(&str) -> Option<InstanceKind>,
    settings: TrackingSettings,
    now_ms: UnixMs,
) -> Result<Option<(i64, Processed)>, StoreError> {
    let waits = |webhook: &PendingWebhook| {
        kinds(&webhook.instance).is_none() && !has_passed(webhook.received_at_ms, WAITS_FOR_INSTANCE, now_ms)
    };
    // Nothing to do is found out without the write lock.
    let pending = store.read().pending_webhooks(after, TOGETHER, BYTES_TOGETHER, now_ms)?;
    let Some(last) = pending.last().map(|webhook| webhook.id) else { return Ok(None) };
    if pending.iter().all(waits) {
        return Ok(Some((last, Processed::default())));
    }
    drop(pending);
    let batch = store.write(|db| {
        let pending = db.pending_webhooks(after, TOGETHER, BYTES_TOGETHER, now_ms)?;
        // Another process may have been here.
        let (Some(first), Some(last)) = (pending.first(), pending.last()) else { return Ok(None) };
        // The order in which they came counts, also when the clock was put back in between.
        let mut at_ms = db.latest_arrival_before(first.id, now_ms)?.unwrap_or(UnixMs::MIN);
        let (mut processed, mut failures) = (Processed::default(), Vec::new());
        for webhook in pending.iter().filter(|it| !waits(it)) {
            at_ms = at_ms.max(webhook.received_at_ms.min(now_ms));
            let worked = db.attempt(|db| {
                let mut processed = processed;
                let (state, detail) = work_off(db, webhook, kinds, at_ms, settings, now_ms, &mut processed)?;
                count(&mut processed, state);
                db.end_webhook(webhook.id, state, &detail, now_ms)?;
                Ok(processed)
            });
            match worked {
                Ok(by_now) => processed = by_now,
                // It stays where it is, and holds up nobody behind it.
                Err(error) if error.is_about_one_thing() => {
                    if put_off(db, webhook, &error, now_ms)? {
                        failures.push((webhook, error));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        tell_of(&failures);
        // Where nothing came to its end, there is no more to forget than before.
        if failures.len() < pending.len() {
            db.prune_inbox(KEPT_WEBHOOKS, KEPT_BODIES)?;
        }
        Ok(Some((last.id, processed)))
    })?;
    Ok(batch)
}

/// Lets a webhook rest that could not be acted on, or gives it up when that has been so for too long. Answers whether it is tried again.
fn put_off(db: Db<'_>, webhook: &PendingWebhook, error: &StoreError, now_ms: UnixMs) -> Result<bool, StoreError> {
    let PendingWebhook { id, instance, event, received_at_ms, .. } = webhook;
    let attempts = webhook.attempts.saturating_add(1);
    if attempts >= TRIED_AT_LEAST && has_passed(*received_at_ms, TRIED_FOR, now_ms) {
        let advice = error.advice();
        tracing::error!(
            instance.name = %instance,
            "webhook {id} of {instance} (`{event}`) is given up after {attempts} tries: failed to {error}. {advice}"
        );
        let detail = format!("given up after {attempts} tries, in vain since it came: failed to {error}. {advice}");
        db.end_webhook(*id, WebhookState::GivenUp, &detail, now_ms)?;
        return Ok(false);
    }
    let detail = format!("could not be acted on yet, and is tried again (tries so far: {attempts}): failed to {error}");
    db.put_webhook_off(*id, attempts, now_ms.saturating_add(millis(webhook_pause(attempts))), &detail)?;
    Ok(true)
}

/// Tells of the webhooks of a batch that could not be acted on: in one line, since there may be as many as the inbox holds.
fn tell_of(failures: &[(&PendingWebhook, StoreError)]) {
    let Some((PendingWebhook { id, instance, .. }, error)) = failures.first() else { return };
    let others = match failures.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} after it"),
    };
    tracing::error!(
        instance.name = %instance,
        "webhook {id} of {instance}{others} could not be acted on, and will be tried again: failed to {error}. {}",
        error.advice()
    );
}

/// Forgets a portion of what nobody waits for any more; does nothing when that was done within a day. Answers whether there is more.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn tidy(store: &Store, now_ms: UnixMs) -> Result<bool, StoreError> {
    let pruned_at = store.read().setting(PRUNED_AT)?.and_then(|at| at.parse().ok());
    if pruned_at.is_some_and(|at| !has_passed(at, PRUNED_EVERY, now_ms)) {
        return Ok(false);
    }
    store.write(|db| {
        let after =
            db.setting(PRUNED_TO)?.and_then(|to| serde_json::from_str::<ArrTitle>(&to).ok()).unwrap_or_default();
        // While there are more grabs, the imports stay where they are.
        if db.prune_grabs(now_ms)? {
            return Ok(true);
        }
        let last = db.prune_imports(after, now_ms)?;
        let to = last.as_ref().map(|title| serde_json::json!(title).to_string());
        db.set_setting(PRUNED_TO, to.as_deref().unwrap_or_default())?;
        if last.is_none() {
            db.set_setting(PRUNED_AT, &now_ms.to_string())?;
        }
        Ok(last.is_some())
    })
}

/// Does what follows from events that somebody saw otherwise, such as in the history of `instance`. Each comes with the time it
/// happened; those that are known already change nothing.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn apply_events(
    db: Db<'_>,
    instance: &str,
    kind: InstanceKind,
    events: &[(UnixMs, ArrEvent)],
    settings: TrackingSettings,
    now_ms: UnixMs,
) -> Result<Processed, StoreError> {
    let mut processed = Processed::default();
    for (at_ms, event) in events {
        // An instance whose clock is ahead of ours tells nothing from the future.
        let when = Moment::dated((*at_ms).min(now_ms));
        // The window of a season begins now: its first episode may have come hours ago, and the last a moment ago.
        let of = Source { db, instance, kind, when, gathered_at_ms: now_ms, settings, now_ms };
        let (state, _) = of.apply(event, &mut processed)?;
        count(&mut processed, state);
    }
    Ok(processed)
}

/// Tells of every season whose window is over: one message each. To be called when [`process_batch`] finds no more, so that
/// what waits in the inbox comes along. One that cannot be told of, because of what is stored about its title, stays open, and the others
/// go on. Answers how many messages there were.
///
/// # Errors
/// [`StoreError`] when the store fails.
pub fn flush_due_batches(store: &Store, now_ms: UnixMs) -> Result<u32, StoreError> {
    if store.read().due_batches(now_ms)?.is_empty() {
        return Ok(0);
    }
    store.write(|db| {
        let mut told = 0;
        for batch in db.due_batches(now_ms)? {
            match db.attempt(|db| flush(db, &batch, now_ms)) {
                Ok(is_told) => told += u32::from(is_told),
                // It stays open, and holds up no other.
                Err(error) if error.is_about_one_thing() => tracing::error!(
                    instance.name = %batch.instance,
                    "season {} of show {} of {} could not be told of, and is tried again: failed to {error}. {}",
                    batch.season,
                    batch.external_id,
                    batch.instance,
                    error.advice()
                ),
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    })
}

/// When [`flush_due_batches`] of `now_ms` has something to do next; `None` while no other season is gathered. One that could not be told
/// of is due all the time, and no reason to hurry.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn next_batch_due(store: &Store, now_ms: UnixMs) -> Result<Option<UnixMs>, StoreError> {
    store.read().next_batch_due(now_ms)
}

const fn count(processed: &mut Processed, state: WebhookState) {
    match state {
        WebhookState::Ignored => processed.ignored += 1,
        _ => processed.done += 1,
    }
}

fn work_off(
    db: Db<'_>,
    webhook: &PendingWebhook,
    kinds: &dyn Fn(&str) -> Option<InstanceKind>,
    at_ms: UnixMs,
    settings: TrackingSettings,
    now_ms: UnixMs,
    processed: &mut Processed,
) -> Result<(WebhookState, String), StoreError> {
    let PendingWebhook { instance, body, .. } = webhook;
    let ignored = |detail: String| Ok((WebhookState::Ignored, detail));
    let Some(kind) = kinds(instance) else {
        return ignored(format!("there is no instance `{instance}` in the settings"));
    };
    match read_webhook(kind, body.as_bytes()) {
        Err(error) => ignored(format!("failed to {error}")),
        Ok(read) => {
            let when = Moment::arrived(at_ms, now_ms);
            Source { db, instance, kind, when, gathered_at_ms: at_ms, settings, now_ms }.apply(&read.event, processed)
        }
    }
}

/// Where an event comes from.
struct Source<'a> {
    db: Db<'a>,
    instance: &'a str,
    kind: InstanceKind,
    when: Moment,
    /// When a season that it opens was opened.
    gathered_at_ms: UnixMs,
    settings: TrackingSettings,
    now_ms: UnixMs,
}

impl Source<'_> {
    /// Does what follows from an event. Answers what came of it, in a sentence.
    fn apply(&self, event: &ArrEvent, processed: &mut Processed) -> Result<(WebhookState, String), StoreError> {
        let done = |detail: String| Ok((WebhookState::Done, detail));
        let ignored = |detail: String| Ok((WebhookState::Ignored, detail));
        match event {
            ArrEvent::Grabbed { external_id, episodes, download_id } => {
                done(self.grabbed(*external_id, episodes, download_id.as_deref())?)
            }
            ArrEvent::Imported { .. } => done(self.imported(event, processed)?),
            ArrEvent::Deleted { external_id, files } => done(self.deleted(*external_id, *files)?),
            ArrEvent::FileDeleted { for_upgrade: true, .. } => ignored("a better file takes its place".to_owned()),
            ArrEvent::FileDeleted { external_id, episodes, .. } => {
                for number in self.numbers(episodes) {
                    self.db.note_file_deleted(self.instance, *external_id, number, self.when)?;
                }
                done("its file was deleted; nothing follows from that".to_owned())
            }
            // An addition of ours is known by the arr's answer, and anybody else's by the next look.
            ArrEvent::Added { .. } => done("it is in the library now; nothing follows from that".to_owned()),
            ArrEvent::Test => done("a test; it arrived".to_owned()),
            ArrEvent::Renamed => ignored("files have other names; nothing follows from that".to_owned()),
            ArrEvent::Health { message } => done(format!("the arr says: {message}")),
            ArrEvent::HealthRestored { message } => done(format!("the arr says that this is over: {message}")),
            ArrEvent::ApplicationUpdate { message } => done(format!("the arr says: {message}")),
            ArrEvent::ManualInteractionRequired { .. } => {
                done("a download waits for a person in the arr; nothing follows from that here".to_owned())
            }
            ArrEvent::Untitled { .. } => ignored("it does not say which title it is about".to_owned()),
            ArrEvent::Unknown { event_type } => ignored(format!("this version does not know `{event_type}`")),
        }
    }

    const fn media_type(&self) -> MediaType {
        match self.kind {
            InstanceKind::Radarr => MediaType::Movie,
            InstanceKind::Sonarr => MediaType::Show,
        }
    }

    /// The numbers under which an event's files are kept.
    fn numbers(&self, episodes: &[ArrEpisode]) -> Vec<EpisodeNumber> {
        match self.kind {
            InstanceKind::Radarr => vec![EpisodeNumber::MOVIE],
            InstanceKind::Sonarr => episodes.iter().map(|episode| episode.number).collect(),
        }
    }

    /// The placements this is about. One that was removed after it happened is not among them.
    fn arrivals(&self, external_id: u32) -> Result<Vec<ArrivalRow>, StoreError> {
        let mut arrivals = self.db.arrivals(self.instance, self.media_type(), external_id)?;
        arrivals.retain(|it| {
            it.state != PlacementState::Removed || it.done_at_ms.is_none_or(|removed_at| self.when.is_after(removed_at))
        });
        Ok(arrivals)
    }

    /// Those of them whose wish came before it.
    fn awaiting(&self, external_id: u32) -> Result<Vec<ArrivalRow>, StoreError> {
        let mut arrivals = self.arrivals(external_id)?;
        arrivals.retain(|it| self.when.is_news_to(it.queued_at_ms));
        Ok(arrivals)
    }

    fn grabbed(
        &self,
        external_id: u32,
        episodes: &[ArrEpisode],
        download_id: Option<&str>,
    ) -> Result<String, StoreError> {
        for number in self.numbers(episodes) {
            self.db.note_grab(self.instance, download_id.unwrap_or_default(), external_id, number, self.when.at_ms)?;
        }
        let arrivals = self.awaiting(external_id)?;
        for arrival in arrivals.iter().filter(|it| it.state != PlacementState::Removed) {
            self.db.set_grabbed(arrival, self.when.at_ms, self.now_ms)?;
        }
        Ok(format!("a release was found; {}", concerns(&arrivals)))
    }

    fn imported(&self, event: &ArrEvent, processed: &mut Processed) -> Result<String, StoreError> {
        let ArrEvent::Imported { external_id, episodes, download_id, upgrade, whole_download } = event else {
            unreachable!("only imports come here");
        };
        let external_id = *external_id;
        let (mut first_files, mut overtaken) = (Vec::new(), false);
        for number in self.numbers(episodes) {
            let news = self.db.note_import(self.instance, external_id, number, self.when, *upgrade)?;
            overtaken |= news == ImportNews::Overtaken;
            if news != ImportNews::None {
                first_files.push(number);
            }
        }
        let arrivals = self.awaiting(external_id)?;
        for arrival in &arrivals {
            self.db.set_available(arrival, self.when.at_ms, self.now_ms)?;
        }
        match self.kind {
            InstanceKind::Radarr if !upgrade => {
                // Somebody who had it before, and lost it, is not told again.
                let is_news = |it: &&ArrivalRow| overtaken || it.available_at_ms.is_none();
                let news: Vec<_> = arrivals.iter().filter(is_news).cloned().collect();
                let told = announce(self.db, self.told(external_id, Vec::new(), self.when.at_ms, &news), self.now_ms)?;
                processed.announced += u32::from(told);
            }
            InstanceKind::Sonarr => {
                let news: Vec<ArrEpisode> =
                    episodes.iter().filter(|episode| first_files.contains(&episode.number)).copied().collect();
                let progress = match download_id {
                    Some(id) => self.db.download_progress(self.instance, id, external_id)?,
                    None => crate::store::DownloadProgress::default(),
                };
                let of_pack = is_pack(progress) || (*whole_download && episodes.len() > 1);
                if arrivals.iter().any(|it| it.takes_part) {
                    processed.announced += self.tell_episodes(external_id, &news, of_pack, &arrivals)?;
                }
                if is_complete_pack(progress) || (*whole_download && episodes.len() > 1) {
                    // The last event may be about one season of several.
                    let mut seasons: BTreeSet<u32> = episodes.iter().map(|episode| episode.number.season).collect();
                    if let Some(id) = download_id {
                        seasons.extend(self.db.download_seasons(self.instance, id, external_id)?);
                    }
                    processed.announced += self.flush_seasons(external_id, &seasons)?;
                }
            }
            InstanceKind::Radarr => {}
        }
        let what = if *upgrade { "a better file was imported" } else { "imported" };
        Ok(format!("{what}; {}", concerns(&arrivals)))
    }

    /// Tells of new episodes at once, or gathers them. Answers how many messages there were.
    fn tell_episodes(
        &self,
        external_id: u32,
        news: &[ArrEpisode],
        of_pack: bool,
        arrivals: &[ArrivalRow],
    ) -> Result<u32, StoreError> {
        let Telling { at_once, gathered: seasons } = telling(news, self.when.at_ms, of_pack, self.settings);
        for (season, episodes) in seasons {
            let open = self.db.batch(self.instance, external_id, season)?;
            let opened_at_ms = self.gathered_at_ms;
            let batch = gathered(open, self.instance, external_id, season, &episodes, opened_at_ms, self.settings);
            self.db.keep_batch(&batch)?;
        }
        if at_once.is_empty() {
            return Ok(0);
        }
        Ok(u32::from(announce(self.db, self.told(external_id, at_once, self.when.at_ms, arrivals), self.now_ms)?))
    }

    /// Tells of those of `seasons` that are being gathered.
    fn flush_seasons(&self, external_id: u32, seasons: &BTreeSet<u32>) -> Result<u32, StoreError> {
        let mut told = 0;
        for season in seasons {
            if let Some(batch) = self.db.batch(self.instance, external_id, *season)? {
                told += u32::from(flush(self.db, &batch, self.now_ms)?);
            }
        }
        Ok(told)
    }

    fn told<'b>(
        &'b self,
        external_id: u32,
        episodes: Vec<EpisodeNumber>,
        imported_at_ms: UnixMs,
        arrivals: &'b [ArrivalRow],
    ) -> News<'b> {
        News { instance: self.instance, media_type: self.media_type(), external_id, episodes, imported_at_ms, arrivals }
    }

    fn deleted(&self, external_id: u32, files: bool) -> Result<String, StoreError> {
        self.db.forget_title(self.instance, external_id, self.when, self.now_ms)?;
        let arrivals = self.arrivals(external_id)?;
        let with = if files { ", with its files" } else { "" };
        let answer = format!("deleted in {} `{}`{with}", self.kind.app_name(), self.instance);
        for arrival in &arrivals {
            self.db.set_removed(arrival, &answer, self.when)?;
        }
        Ok(format!("it was taken out of the library; {}", concerns(&arrivals)))
    }
}

/// `nobody here asked for it`, or how many wishes it concerns.
fn concerns(arrivals: &[ArrivalRow]) -> String {
    match arrivals.len() {
        0 => "nobody here has asked for it yet".to_owned(),
        1 => "it concerns one wish".to_owned(),
        count => format!("it concerns {count} wishes"),
    }
}

/// Something to tell, and everybody it may concern.
struct News<'a> {
    instance: &'a str,
    media_type: MediaType,
    external_id: u32,
    episodes: Vec<EpisodeNumber>,
    imported_at_ms: UnixMs,
    arrivals: &'a [ArrivalRow],
}

/// Puts a message into the outbox, if it concerns anybody who takes part. Answers whether it did.
fn announce(db: Db<'_>, news: News<'_>, now_ms: UnixMs) -> Result<bool, StoreError> {
    let News { instance, media_type, external_id, episodes, imported_at_ms, arrivals } = news;
    let wanted_by: Vec<WantedBy> = arrivals.iter().filter(|it| it.takes_part).map(|it| it.wanted_by).collect();
    let (Some(first), Some(wish)) = (arrivals.first(), wanted_by.first()) else { return Ok(false) };
    // A movie becomes available to an entry once; a batch never holds an episode that another has told of.
    let dedupe = match episodes.first() {
        None => format!("available:{instance}:{external_id}:entry {}", wish.entry.0),
        Some(EpisodeNumber { season, episode }) => {
            format!("available:{instance}:{external_id}:{season}x{episode}:{imported_at_ms}")
        }
    };
    let availability = Availability {
        instance: instance.to_owned(),
        media_type,
        external_id,
        title: first.title.clone(),
        year: first.year,
        episodes,
        wanted_by,
        imported_at_ms,
    };
    db.tell_available(&dedupe, &availability, now_ms)
}

/// Tells of a gathered season and closes it. Answers whether there was a message: those who wanted it may be gone. Whoever wished for
/// it when all of it had come has found it there.
fn flush(db: Db<'_>, batch: &BatchRow, now_ms: UnixMs) -> Result<bool, StoreError> {
    db.close_batch(batch)?;
    let last_import = db.last_import_of(batch)?.map(|at_ms| Moment::arrived(at_ms, now_ms));
    let BatchRow { instance, external_id, season, opened_at_ms, episodes, .. } = batch;
    let mut arrivals = db.arrivals(instance, MediaType::Show, *external_id)?;
    arrivals.retain(|it| {
        it.state != PlacementState::Removed && last_import.is_none_or(|last| last.is_news_to(it.queued_at_ms))
    });
    let episodes = episodes.iter().map(|episode| EpisodeNumber { season: *season, episode: *episode }).collect();
    let news = News {
        instance,
        media_type: MediaType::Show,
        external_id: *external_id,
        episodes,
        imported_at_ms: *opened_at_ms,
        arrivals: &arrivals,
    };
    announce(db, news, now_ms)
}
