//! The store, kept by one thread that does nothing else: SQLite waits for disks and locks, and nothing that serves requests may.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;

use pulsarr_shared::store::{Store, StoreError};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Store) + Send>;

/// A way to the store. Clones lead to the same thread, which ends when the last of them is gone.
#[derive(Clone)]
pub struct Database(mpsc::Sender<Job>);

impl Database {
    /// Hands `store` to a thread of its own, called `name`.
    ///
    /// # Errors
    /// The operating system's, when there can be no more threads.
    pub fn start(name: &str, store: Store) -> std::io::Result<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name(name.to_owned()).spawn(move || jobs.iter().for_each(|job| job(&store)))?;
        Ok(Self(sender))
    }

    /// What `work` answers. Work is done one by one, in the order in which it was asked for; work whose asker went away is done all
    /// the same.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Unreadable`] when it panicked, and [`StoreError::Busy`] when the thread has died.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // A panic costs its own work and no other: whatever was being written is rolled back as it unwinds.
            let done = panic::catch_unwind(AssertUnwindSafe(|| work(store))).unwrap_or_else(|_| Err(broke_off()));
            // Whoever asked may have gone away.
            let _ = answer.send(done);
        });
        self.0.send(job).map_err(|_| StoreError::Busy)?;
        answered.await.unwrap_or(Err(StoreError::Busy))
    }
}

fn broke_off() -> StoreError {
    let detail = "the work on it broke off, which is a mistake of ours; the log says where".to_owned();
    StoreError::Unreadable { what: "an answer", detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_order_also_when_its_asker_went_away() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::start("store", Store::open(folder.path(), false).unwrap()).unwrap();
        drop(Box::pin(database.run(|store| store.write(|db| db.set_setting("colour", "green")))));
        let asked = database.run(|store| store.write(|db| db.set_setting("colour", "red")));
        asked.await.unwrap();
        let colour = database.run(|store| store.read().setting("colour")).await.unwrap();
        assert_eq!(colour.as_deref(), Some("red"));
    }

    #[tokio::test]
    async fn work_that_panics_answers_an_error_leaves_nothing_and_the_next_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::start("store", Store::open(folder.path(), false).unwrap()).unwrap();
        let died = database.run(|store| {
            store.write(|db| {
                db.set_setting("colour", "green")?;
                panic!("a mistake");
                #[expect(unreachable_code, reason = "says what it would have answered")]
                Ok(())
            })
        });
        assert!(matches!(died.await, Err(StoreError::Unreadable { .. })));
        let colour = database.run(|store| store.write(|db| db.setting("colour"))).await.unwrap();
        assert_eq!(colour, None);
    }
}
