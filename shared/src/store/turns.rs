//! How a connection waits while another one writes.

use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::clock::Stopwatch;

/// How long a writer waits for another one. Writes are short, so this is only reached when something is wrong.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two looks whether it may write. SQLite's own pauses grow to a tenth of a second; whoever commits without a break leaves gaps of
/// less than a millisecond, which such pauses miss for ever.
const LOOKS_EVERY: Duration = Duration::from_millis(1);

/// Makes a connection wait for its turn, for [`BUSY_TIMEOUT`] at most.
pub(super) fn wait_for_turns(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut since = Stopwatch::start();
    connection.busy_handler(Some(move |looks: i32| {
        // In each wait they are counted from 0.
        if looks == 0 {
            since = Stopwatch::start();
        }
        let goes_on = since.elapsed() < BUSY_TIMEOUT;
        if goes_on {
            thread::sleep(LOOKS_EVERY);
        }
        goes_on
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::store::Store;

    /// Counted in turns and not in time, which a busy machine has less of.
    #[test]
    fn whoever_writes_without_a_break_leaves_others_their_turns() {
        const MOST: u32 = 3_000;
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(folder.path(), false).unwrap();
        let (restless, other) = (open(), open());
        let (turns, is_done) = (&AtomicU32::new(0), &AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(move || {
                while !is_done.load(Ordering::SeqCst) && turns.fetch_add(1, Ordering::SeqCst) < MOST {
                    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                                SELECT count(*) FROM n";
                    restless
                        .write(|db| {
                            db.set_setting("restless", "writes")?;
                            Ok(db.connection.query_row(long, [], |row| row.get::<_, i64>(0))?)
                        })
                        .unwrap();
                }
            });
            while turns.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            for number in 0..10 {
                other.write(|db| db.set_setting("other", &number.to_string())).unwrap();
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let turns = turns.load(Ordering::SeqCst);
        assert!(turns < MOST, "{turns} turns of one for ten of the other");
    }
}
