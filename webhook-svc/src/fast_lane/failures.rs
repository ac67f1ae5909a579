//! Looks that bring no answer, told once per streak. Pure.

use std::collections::BTreeMap;

/// Lists at which looks fail, and whether that was told.
#[derive(Debug, Default)]
pub struct Streaks {
    failing: BTreeMap<String, bool>,
    /// Whether the last look failed, at whichever list.
    last_failed: bool,
}

impl Streaks {
    /// A look at the list of `user` failed. Answers whether to tell: it is the first in a row, and not only the next list of which a
    /// Plex that is away tells nothing.
    pub fn failed(&mut self, user: &str) -> bool {
        let alone = !std::mem::replace(&mut self.last_failed, true);
        let first = !self.failing.contains_key(user);
        if first {
            self.failing.insert(user.to_owned(), alone);
        }
        first && alone
    }

    /// A look at the list of `user` was answered. Answers whether to tell: that looks at it failed was told.
    pub fn answered(&mut self, user: &str) -> bool {
        self.last_failed = false;
        self.failing.remove(user).unwrap_or_default()
    }

    /// Forgets everybody whose list is not watched any more.
    pub fn keep(&mut self, watched: impl Fn(&str) -> bool) {
        self.failing.retain(|user, _| watched(user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows looks, `ada-` a failed one and `ada+` one that was answered, and answers those of which there was something to tell.
    fn told(looks: &str) -> String {
        let mut streaks = Streaks::default();
        let news = |look: &&str| {
            let (user, end) = look.split_at(look.len() - 1);
            if end == "-" { streaks.failed(user) } else { streaks.answered(user) }
        };
        looks.split_whitespace().filter(news).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_streak_is_told_when_it_begins_and_when_it_ends() {
        for (name, looks, expected) in [
            ("nothing failed", "ada+ bea+ ada+", ""),
            ("one list fails beside others", "ada- bea+ ada- bea+ ada- bea+ ada+", "ada- ada+"),
            ("and fails again", "ada- ada+ ada-", "ada- ada+ ada-"),
            ("Plex is away", "ada- bea- cyd- ada- bea- cyd-", "ada-"),
            ("and comes back", "ada- bea- cyd- cyd+ bea+ ada+ bea+", "ada- ada+"),
            ("what goes on failing is told no more", "ada- bea- ada+ bea- ada+ bea-", "ada- ada+"),
        ] {
            assert_eq!(told(looks), expected, "{name}");
        }
    }
}
