//! What somebody wanted to keep beside what somebody else has kept meanwhile.

use std::collections::HashSet;

/// Both, line by line; `true` marks a line that the other one lacks.
#[derive(Debug)]
pub struct Versions {
    /// As it was sent.
    pub yours: Vec<(bool, String)>,
    /// As it is by now.
    pub now: Vec<(bool, String)>,
}

impl Versions {
    /// These beside each other.
    pub fn of(yours: Vec<String>, now: Vec<String>) -> Self {
        let (mine, theirs): (HashSet<String>, HashSet<String>) =
            (yours.iter().cloned().collect(), now.iter().cloned().collect());
        let marked = |lines: Vec<String>, others: &HashSet<String>| {
            lines.into_iter().map(|line| (!others.contains(&line), line)).collect()
        };
        Self { yours: marked(yours, &theirs), now: marked(now, &mine) }
    }
}
