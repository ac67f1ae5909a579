//! The last log lines, for people who cannot reach the process's output.

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Lines that are kept at most.
pub const MAX_LINES: usize = 1_000;

/// Bytes that are kept at most; a line that alone has more is not kept.
pub const MAX_BYTES: usize = 512 * 1024;

/// A line that was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Counts from 1 in each life of the process, without gaps.
    pub number: u64,
    /// One JSON object without a line end.
    pub text: String,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<Line>,
    bytes: usize,
    /// The number of the newest line there ever was.
    newest: u64,
}

/// Keeps the last lines, at most [`MAX_LINES`] and [`MAX_BYTES`].
pub struct Recent {
    kept: Mutex<Kept>,
    newest: LazyLock<watch::Sender<u64>>,
}

impl Default for Recent {
    fn default() -> Self {
        Self::new()
    }
}

impl Recent {
    /// Keeps nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        let kept = Kept { lines: VecDeque::new(), bytes: 0, newest: 0 };
        Self { kept: Mutex::new(kept), newest: LazyLock::new(|| watch::Sender::new(0)) }
    }

    /// Takes a line in; line ends at its end are left out. The oldest lines make room.
    pub fn push(&self, text: &str) {
        let text = text.trim_end();
        let mut kept = self.kept();
        kept.newest += 1;
        let number = kept.newest;
        if text.len() <= MAX_BYTES {
            kept.bytes += text.len();
            kept.lines.push_back(Line { number, text: text.to_owned() });
        }
        while kept.lines.len() > MAX_LINES || kept.bytes > MAX_BYTES {
            let oldest = kept.lines.pop_front().map_or(0, |line| line.text.len());
            kept.bytes -= oldest;
        }
        drop(kept);
        // Whoever is told asks for lines by number, so two that overtake each other here do no harm.
        self.newest.send_modify(|newest| *newest = number.max(*newest));
    }

    /// The lines that are kept and have a larger number than `number`, oldest first.
    #[must_use]
    pub fn after(&self, number: u64) -> Vec<Line> {
        let kept = self.kept();
        let from = kept.lines.partition_point(|line| line.number <= number);
        kept.lines.iter().skip(from).cloned().collect()
    }

    /// Tells the number of the newest line whenever it changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(recent: &Recent) -> Vec<u64> {
        recent.after(0).iter().map(|line| line.number).collect()
    }

    #[test]
    fn the_oldest_lines_make_room_by_number_and_by_bytes() {
        let recent = Recent::new();
        for number in 1..=MAX_LINES + 2 {
            recent.push(&format!("{number}\n"));
        }
        let kept = recent.after(0);
        assert_eq!((kept.len(), kept[0].number, kept[0].text.as_str()), (MAX_LINES, 3, "3"));
        recent.push(&"x".repeat(MAX_BYTES));
        assert_eq!(numbers(&recent), [MAX_LINES as u64 + 3]);
        recent.push("y");
        assert_eq!(numbers(&recent), [MAX_LINES as u64 + 4]);
    }

    #[test]
    fn a_line_that_is_larger_than_everything_is_counted_and_takes_nothing_away() {
        let recent = Recent::new();
        recent.push("a");
        recent.push(&"x".repeat(MAX_BYTES + 1));
        recent.push("b");
        assert_eq!(numbers(&recent), [1, 3]);
        assert_eq!(recent.after(1), [Line { number: 3, text: "b".to_owned() }]);
    }

    #[tokio::test]
    async fn whoever_watches_is_told_of_each_line() {
        let recent = Recent::new();
        let mut news = recent.watch();
        recent.push("a");
        news.changed().await.unwrap();
        assert_eq!(*news.borrow_and_update(), 1);
        assert!(!news.has_changed().unwrap());
    }
}
