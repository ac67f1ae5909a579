//! Webhooks into the inbox, each durable before its answer. One thread stores whatever has come in meanwhile in one transaction, so
//! that a burst of hundreds costs a few commits and nobody waits for more than two.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pulsarr_shared::clock::Stopwatch;
use pulsarr_shared::store::{InboxLoad, NewWebhook, Store, StoreError};
use tokio::sync::{Notify, oneshot};

use crate::body::Room;

/// Webhooks stored in one transaction.
const STORED_TOGETHER: usize = 512;

/// The most that waits in the inbox to be acted on. It comes to that only when nothing can be acted on for a long time, and then the
/// disk is not filled until nothing else works either.
const FULL: InboxLoad = InboxLoad { webhooks: 100_000, bytes: 512 * 1024 * 1024 };

/// How often a locked store is tried, ten seconds each. An arr waits for 100 seconds.
const TRIES: u32 = 6;

/// How long each of these tries waits.
const TRY: Duration = Duration::from_secs(10);

/// A webhook was not stored: what happened and what to do, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotStored(pub String);

struct Incoming {
    webhook: NewWebhook,
    since: Stopwatch,
    /// Given back when the webhook is stored, or not: whether or not anybody still waits for the answer.
    room: Room,
    stored: oneshot::Sender<Result<(), NotStored>>,
}

/// Takes webhooks in. Clones lead to the same thread.
#[derive(Clone)]
pub struct Receiver {
    sender: mpsc::Sender<Incoming>,
}

impl Receiver {
    /// Hands `store` to a thread of its own. `arrived` is told whenever something new is in the inbox.
    ///
    /// # Errors
    /// The operating system's, when there can be no more threads.
    pub fn start(store: Store, arrived: Arc<Notify>) -> std::io::Result<Self> {
        store.keep_few_pages();
        let (sender, incoming) = mpsc::channel();
        let add = |store: &Store, webhooks: &[NewWebhook]| store.write(|db| db.add_to_inbox(webhooks));
        let inbox = Inbox { store, add, full: FULL, room: InboxLoad::default() };
        thread::Builder::new().name("inbox".to_owned()).spawn(move || work(inbox, &incoming, &arrived))?;
        Ok(Self { sender })
    }

    /// Stores a webhook, whose body has `room`; when it comes back, it is on the disk.
    ///
    /// # Errors
    /// [`NotStored`]; then nothing of it is kept.
    pub async fn store(&self, webhook: NewWebhook, room: Room) -> Result<(), NotStored> {
        let (stored, done) = oneshot::channel();
        let sent = self.sender.send(Incoming { webhook, since: Stopwatch::start(), room, stored });
        let ended = || NotStored("the inbox has ended".to_owned());
        if sent.is_ok() { done.await.unwrap_or_else(|_| Err(ended())) } else { Err(ended()) }
    }
}

/// What stores webhooks, all of them or none.
type Add = fn(&Store, &[NewWebhook]) -> Result<(), StoreError>;

/// Where webhooks are stored, and how many more there may be.
struct Inbox {
    store: Store,
    add: Add,
    /// With so much it is full.
    full: InboxLoad,
    /// What there was room for when that was last found out, less what was stored since.
    room: InboxLoad,
}

impl Inbox {
    /// Stores all of them, the first of which has waited so long.
    fn keep(&mut self, webhooks: &[NewWebhook], waited: Duration) -> Result<(), String> {
        let told = |error: StoreError| format!("failed to {error}. {}", error.advice());
        let bytes = webhooks.iter().map(|webhook| webhook.body.len() as u64).sum();
        let new = InboxLoad { webhooks: webhooks.len() as u64, bytes };
        // What waits is counted only when there may be no room, since that costs the more the more waits.
        let left = match less(self.room, new) {
            Some(left) => Some(left),
            None => less(self.room().map_err(told)?, new),
        };
        let Some(left) = left else {
            let InboxLoad { webhooks, bytes } = self.full;
            return Err(format!(
                "the inbox is full: {webhooks} webhooks, or {} MiB of them, wait to be acted on. The log of the service says why they \
                 are not",
                bytes / (1024 * 1024)
            ));
        };
        let mut left_tries = tries(waited);
        loop {
            left_tries -= 1;
            match (self.add)(&self.store, webhooks) {
                Err(StoreError::Busy) if left_tries > 0 => {
                    tracing::warn!("the store is locked by somebody else, and {} webhooks wait for it", webhooks.len());
                }
                outcome => {
                    outcome.map_err(told)?;
                    self.room = left;
                    return Ok(());
                }
            }
        }
    }

    fn room(&self) -> Result<InboxLoad, StoreError> {
        let InboxLoad { webhooks, bytes } = self.store.read().inbox_load()?;
        Ok(InboxLoad {
            webhooks: self.full.webhooks.saturating_sub(webhooks),
            bytes: self.full.bytes.saturating_sub(bytes),
        })
    }
}

/// How often a locked store is tried for what has waited so long already, behind others that met the same lock; at least once.
fn tries(waited: Duration) -> u32 {
    let spent = waited.as_secs() / TRY.as_secs();
    TRIES.saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX)).max(1)
}

/// What is left of `room` once `new` is in; `None` when it does not fit.
fn less(room: InboxLoad, new: InboxLoad) -> Option<InboxLoad> {
    let webhooks = room.webhooks.checked_sub(new.webhooks)?;
    Some(InboxLoad { webhooks, bytes: room.bytes.checked_sub(new.bytes)? })
}

fn work(mut inbox: Inbox, incoming: &mpsc::Receiver<Incoming>, arrived: &Notify) {
    let store_together = |first: Incoming| {
        let waited = first.since.elapsed();
        let mut answers = Vec::new();
        let (mut webhooks, mut rooms) = (Vec::new(), Vec::new());
        for Incoming { webhook, room, stored, .. } in
            std::iter::once(first).chain(incoming.try_iter()).take(STORED_TOGETHER)
        {
            webhooks.push(webhook);
            rooms.push(room);
            answers.push(stored);
        }
        // A panic costs the webhooks of this turn, which their senders hear of, and no other.
        let kept = panic::catch_unwind(AssertUnwindSafe(|| inbox.keep(&webhooks, waited)));
        let broke_off = |_| Err("storing them broke off, which is a mistake of ours; the log says where".to_owned());
        let outcome = kept.unwrap_or_else(broke_off);
        let outcome = outcome.map_err(|sentence| {
            tracing::error!("{} webhooks could not be stored: {sentence}", webhooks.len());
            NotStored(sentence)
        });
        drop(rooms);
        for answer in answers {
            // An arr that gave up waiting does not undo what is stored.
            let _ = answer.send(outcome.clone());
        }
        if outcome.is_ok() {
            arrived.notify_one();
        }
    };
    incoming.iter().for_each(store_together);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Rooms;
    use pulsarr_shared::store::WebhookState;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn webhook(number: usize) -> NewWebhook {
        NewWebhook {
            instance: "movies".to_owned(),
            event: "Test".to_owned(),
            body: format!("{{\"eventType\": \"Test\", \"number\": {number}}}"),
            received_at_ms: 1,
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_a_death_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let arrived = Arc::new(Notify::new());
        let receiver = Receiver::start(Store::open(folder.path(), false).unwrap(), Arc::clone(&arrived)).unwrap();
        let rooms = Rooms::new(300_000);
        let burst = (0..300).map(|number| receiver.store(webhook(number), rooms.take(1_000).unwrap()));
        for stored in futures_util::future::join_all(burst).await {
            stored.unwrap();
        }
        arrived.notified().await;
        // Another connection sees only what is committed.
        let other = Store::open(folder.path(), false).unwrap();
        let pending = other.read().pending_webhooks(0, 1_000, usize::MAX, i64::MAX).unwrap();
        assert_eq!(pending.len(), 300);
        assert_eq!(pending[299].body, webhook(299).body);
    }

    #[tokio::test]
    async fn who_goes_away_while_the_store_is_locked_takes_no_room_along() {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(Store::open(folder.path(), false).unwrap(), Arc::default()).unwrap();
        let other = Store::open(folder.path(), false).unwrap();
        let rooms = Rooms::new(40_000);
        let goes_away = |_| {
            let mut storing = Box::pin(receiver.store(webhook(1), rooms.take(1_000).unwrap()));
            assert!(futures_util::FutureExt::now_or_never(storing.as_mut()).is_none());
        };
        let locked = other.write(|_| {
            (0..40).for_each(goes_away);
            assert_eq!(rooms.free(), 0, "what waits to be stored takes room, whoever waits for it");
            Ok(())
        });
        locked.unwrap();
        receiver.store(webhook(2), rooms.take(0).unwrap()).await.unwrap();
        assert_eq!(rooms.free(), 40_000);
        assert_eq!(other.read().pending_webhook_count().unwrap(), 41, "what was complete is kept");
    }

    #[tokio::test]
    async fn storing_that_panics_is_told_and_the_next_webhook_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let (sender, incoming) = mpsc::channel();
        thread::spawn(move || {
            let add = |store: &Store, webhooks: &[NewWebhook]| {
                assert_ne!(webhooks[0].body, webhook(1).body, "a mistake");
                store.write(|db| db.add_to_inbox(webhooks))
            };
            work(Inbox { store, add, full: FULL, room: FULL }, &incoming, &Notify::new());
        });
        let (receiver, rooms) = (Receiver { sender }, Rooms::new(2_000));
        let stored = receiver.store(webhook(1), rooms.take(1_000).unwrap()).await;
        assert!(stored.is_err_and(|error| error.0.contains("broke off")));
        receiver.store(webhook(2), rooms.take(1_000).unwrap()).await.unwrap();
        let other = Store::open(folder.path(), false).unwrap();
        assert_eq!(other.read().pending_webhook_count().unwrap(), 1);
    }

    #[test]
    fn a_store_that_is_locked_for_longer_than_one_wait_is_tried_again_and_at_last_the_arr_is_told() {
        /// How many more waits of ten seconds it is locked for.
        static LOCKED: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let add = |store: &Store, webhooks: &[NewWebhook]| {
            if LOCKED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waits| waits.checked_sub(1)).is_ok() {
                return Err(StoreError::Busy);
            }
            store.write(|db| db.add_to_inbox(webhooks))
        };
        let mut inbox = Inbox { store, add, full: FULL, room: FULL };
        LOCKED.store(TRIES - 1, Ordering::Relaxed);
        inbox.keep(&[webhook(1)], Duration::ZERO).unwrap();
        LOCKED.store(TRIES, Ordering::Relaxed);
        assert!(inbox.keep(&[webhook(2)], Duration::ZERO).unwrap_err().starts_with("failed to "));
        assert_eq!((LOCKED.load(Ordering::Relaxed), inbox.store.read().pending_webhook_count().unwrap()), (0, 1));
        inbox.keep(&[webhook(2)], Duration::ZERO).unwrap();

        // Who has waited behind others for as long is told after one more try, before the arr gives up by itself.
        LOCKED.store(1, Ordering::Relaxed);
        assert!(inbox.keep(&[webhook(3)], TRY * TRIES).is_err());
        LOCKED.store(1, Ordering::Relaxed);
        inbox.keep(&[webhook(3)], TRY * (TRIES - 2)).unwrap();
    }

    #[test]
    fn a_full_inbox_takes_nothing_until_something_of_it_was_acted_on() {
        let folder = tempfile::tempdir().unwrap();
        let other = Store::open(folder.path(), false).unwrap();
        let check = |full: InboxLoad, already: &[NewWebhook], new: &[NewWebhook], is_taken: bool| {
            other.write(|db| db.prune_inbox(0, 0)).unwrap();
            other.write(|db| db.add_to_inbox(already)).unwrap();
            let store = Store::open(folder.path(), false).unwrap();
            let add = |store: &Store, webhooks: &[NewWebhook]| store.write(|db| db.add_to_inbox(webhooks));
            let mut inbox = Inbox { store, add, full, room: InboxLoad::default() };
            let taken = inbox.keep(new, Duration::ZERO);
            assert_eq!(taken.is_ok(), is_taken, "{full:?} {taken:?}");
            for pending in other.read().pending_webhooks(0, 1_000, usize::MAX, 1).unwrap() {
                other.write(|db| db.end_webhook(pending.id, WebhookState::Done, "", 1)).unwrap();
            }
            inbox.keep(new, Duration::ZERO).unwrap();
            assert!(new.len() < 2 || inbox.keep(new, Duration::ZERO).is_err(), "what is stored since counts: {full:?}");
            for pending in other.read().pending_webhooks(0, 1_000, usize::MAX, 1).unwrap() {
                other.write(|db| db.end_webhook(pending.id, WebhookState::Done, "", 1)).unwrap();
            }
        };
        let some = |count| (0..count).map(|_| webhook(7)).collect::<Vec<_>>();
        let each = webhook(7).body.len() as u64;
        let few = InboxLoad { webhooks: 3, bytes: u64::MAX };
        check(few, &some(2), &some(1), true);
        check(few, &some(2), &some(2), false);
        check(few, &some(3), &some(1), false);
        check(few, &[], &some(3), true);
        let small = InboxLoad { webhooks: u64::MAX, bytes: 3 * each };
        check(small, &some(2), &some(1), true);
        check(small, &some(2), &some(2), false);
        check(small, &some(3), &some(1), false);
    }
}
