//! A thread that works off a queue, and tidies up once whenever there has been nothing to do for a while.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// So long without work is rest.
pub const REST_AFTER: Duration = Duration::from_secs(2);

/// Does `work` for each of `jobs`, until nobody is left to send any. Whenever none has come for `pause`, `rest` is done once.
pub fn work_with_rests<T>(jobs: &Receiver<T>, pause: Duration, mut work: impl FnMut(T), mut rest: impl FnMut()) {
    let mut rested = false;
    loop {
        let next =
            if rested { jobs.recv().map_err(|_| RecvTimeoutError::Disconnected) } else { jobs.recv_timeout(pause) };
        match next {
            Ok(job) => {
                work(job);
                rested = false;
            }
            Err(RecvTimeoutError::Timeout) => {
                rest();
                rested = true;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn there_is_one_rest_after_each_piece_of_work_and_none_between_two() {
        let (sender, jobs) = mpsc::channel();
        let (done, seen) = mpsc::channel();
        let rested = done.clone();
        let worker = std::thread::spawn(move || {
            let pause = Duration::from_millis(1);
            work_with_rests(&jobs, pause, |job| done.send(job).unwrap(), || rested.send("rest").unwrap());
        });
        assert_eq!(seen.recv(), Ok("rest"));
        sender.send("first").unwrap();
        assert_eq!((seen.recv(), seen.recv()), (Ok("first"), Ok("rest")));
        sender.send("second").unwrap();
        assert_eq!((seen.recv(), seen.recv()), (Ok("second"), Ok("rest")));
        drop(sender);
        worker.join().unwrap();
        assert_eq!(seen.recv().ok(), None, "no rest follows a rest");
    }
}
