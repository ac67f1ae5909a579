//! The store, kept by two threads that do nothing else: SQLite waits for disks and locks, and nothing that serves requests may. One
//! only reads, which with a write-ahead log waits for no lock; so whoever changes something and waits for its turn keeps no reader waiting.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

use pulsarr_shared::store::{Db, Reader, Store, StoreError};
use tokio::sync::oneshot;

type Job<C> = Box<dyn FnOnce(&C) + Send>;

/// The ways to the store: one to read it, one to change it. Clones lead to the same threads, which end when the last of them is gone.
#[derive(Clone)]
pub struct Database {
    reading: mpsc::Sender<Job<Reader>>,
    writing: mpsc::Sender<Job<Store>>,
}

impl Database {
    /// Hands both connections, which are to the same file, to threads of their own.
    ///
    /// # Errors
    /// The operating system's, when there can be no more threads.
    pub fn start(store: Store, reader: Reader) -> std::io::Result<Self> {
        Ok(Self { reading: serve("reader", reader)?, writing: serve("store", store)? })
    }

    /// What `work` finds: all of it is of one moment, in which everything that was answered before is stored. It waits for nobody who
    /// writes.
    ///
    /// # Errors
    /// As [`Self::write`]; what would change something is refused.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Db<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        asked(&self.reading, move |reader: &Reader| reader.look(work)).await
    }

    /// What `work` answers, which may change the store and waits for its turn. Work is done one by one, in the order in which it was asked
    /// for; work whose asker went away is done all the same.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Unreadable`] when it panicked, and [`StoreError::Busy`] when the thread has died.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        asked(&self.writing, work).await
    }

    /// As [`Self::write`], for what nobody waits for. It is in the queue when this comes back.
    pub fn write_later(&self, work: impl FnOnce(&Store) + Send + 'static) {
        let job: Job<Store> = Box::new(move |store| {
            // The hook for panics has logged it.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| work(store)));
        });
        // Without the thread, nothing else can be changed either, and whoever waits for that is told.
        let _ = self.writing.send(job);
    }

    /// Both connections give back the memory that only makes the next questions faster, and then `last` is done on one of the threads.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn shrink<T: Send + 'static>(&self, last: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
        asked(&self.reading, Reader::shrink).await?;
        self.write(|store| store.shrink().map(|()| last())).await
    }
}

/// A thread called `name` that keeps `connection` and does what it is sent.
fn serve<C: Send + 'static>(name: &str, connection: C) -> std::io::Result<mpsc::Sender<Job<C>>> {
    let (sender, jobs) = mpsc::channel::<Job<C>>();
    thread::Builder::new().name(name.to_owned()).spawn(move || jobs.iter().for_each(|job| job(&connection)))?;
    Ok(sender)
}

async fn asked<C, T: Send + 'static>(
    thread: &mpsc::Sender<Job<C>>,
    work: impl FnOnce(&C) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    let job: Job<C> = Box::new(move |connection| {
        // A panic costs its own work and no other: whatever was being written is rolled back as it unwinds.
        let done = panic::catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(broke_off()));
        // Whoever asked may have gone away.
        let _ = answer.send(done);
    });
    thread.send(job).map_err(|_| StoreError::Busy)?;
    answered.await.unwrap_or(Err(StoreError::Busy))
}

fn broke_off() -> StoreError {
    let detail = "the work on it broke off, which is a mistake of ours; the log says where".to_owned();
    StoreError::Unreadable { what: "an answer", detail }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn open(folder: &Path) -> Database {
        let store = Store::open(folder, false).unwrap();
        Database::start(store, Reader::open(folder, false).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn readers_see_what_was_stored_and_do_not_wait_for_whoever_waits_for_a_turn() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path());
        let other = Store::open(folder.path(), false).unwrap();
        database.write(|store| store.write(|db| db.set_setting("colour", "green"))).await.unwrap();
        let colour = || database.read(|db| db.setting("colour"));
        let (holds, held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let holder = thread::spawn(move || {
            other.write(|_| {
                holds.send(()).unwrap();
                // Until the sender is gone.
                let _ = released.recv();
                Ok(())
            })
        });
        held.recv().unwrap();
        let (begins, begun) = oneshot::channel();
        database.write_later(move |store| {
            begins.send(()).unwrap();
            store.write(|db| db.set_setting("colour", "red")).unwrap();
        });
        begun.await.unwrap();
        for _ in 0..3 {
            assert_eq!(colour().await.unwrap().as_deref(), Some("green"));
        }
        drop(release);
        holder.join().unwrap().unwrap();
        database.write(|_| Ok(())).await.unwrap();
        assert_eq!(colour().await.unwrap().as_deref(), Some("red"));
    }

    #[tokio::test]
    async fn what_is_read_is_of_one_moment_and_nothing_is_changed_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path());
        let other = Store::open(folder.path(), false).unwrap();
        let both = database.read(move |db| {
            let before = db.setting("colour")?;
            other.write(|db| db.set_setting("colour", "green"))?;
            Ok((before, db.setting("colour")?))
        });
        assert_eq!(both.await.unwrap(), (None, None));
        assert_eq!(database.read(|db| db.setting("colour")).await.unwrap().as_deref(), Some("green"));
        let refused = database.read(|db| db.set_setting("colour", "red")).await;
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
        assert_eq!(database.read(|db| db.setting("colour")).await.unwrap().as_deref(), Some("green"));
    }

    #[tokio::test]
    async fn work_is_done_in_order_also_when_its_asker_went_away() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path());
        drop(Box::pin(database.write(|store| store.write(|db| db.set_setting("colour", "green")))));
        let asked = database.write(|store| store.write(|db| db.set_setting("colour", "red")));
        asked.await.unwrap();
        let colour = database.read(|db| db.setting("colour")).await.unwrap();
        assert_eq!(colour.as_deref(), Some("red"));
    }

    #[tokio::test]
    async fn work_that_panics_answers_an_error_leaves_nothing_and_the_next_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(folder.path());
        let died = database.write(|store| {
            store.write(|db| {
                db.set_setting("colour", "green")?;
                panic!("a mistake");
                #[expect(unreachable_code, reason = "says what it would have answered")]
                Ok(())
            })
        });
        assert!(matches!(died.await, Err(StoreError::Unreadable { .. })));
        let colour = database.write(|store| store.write(|db| db.setting("colour"))).await.unwrap();
        assert_eq!(colour, None);
    }
}
