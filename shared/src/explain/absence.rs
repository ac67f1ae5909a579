//! Why there is nothing to tell about a title: whose lists were looked at, whose were not and why, and when the next look is.

use crate::clock::{UnixMs, rfc3339};
use crate::model::{ReadOutcome, Relation, User};
use crate::printable::Lines;
use crate::store::ReadRecord;

/// Lists told of one by one; of a larger household only those that were not looked at.
const TOLD: usize = 12;

/// A title that no list we read has.
#[derive(Debug, Clone, Default)]
pub struct Absence {
    /// What was asked for.
    pub wanted: String,
    /// On whose list alone it was looked for, as asked.
    pub user: Option<String>,
    /// Others on whose lists it is.
    pub others: Vec<String>,
    /// The lists it could have been on.
    pub lists: Vec<ListSeen>,
    /// When the last runs began, newest first; unix milliseconds.
    pub runs_began_at_ms: Vec<UnixMs>,
}

/// One list, and the last look at it.
#[derive(Debug, Clone)]
pub struct ListSeen {
    /// Whose it is.
    pub user: User,
    /// Whether the settings want it read.
    pub takes_part: bool,
    /// The last look.
    pub record: ReadRecord,
}

impl Absence {
    /// Where it was looked for and where not, several printable lines.
    #[must_use]
    pub fn tell(&self, now_ms: UnixMs) -> String {
        let Self { wanted, user, others, lists, .. } = self;
        let mut lines = Lines::new();
        match user {
            Some(user) => {
                lines.line(format_args!("`{wanted}` is not on the watchlist of {user}, as far as it was read."))
            }
            None => lines.line(format_args!("`{wanted}` is on no watchlist that pulsarr has read.")),
        }
        if !others.is_empty() {
            lines.line(format_args!("  it is, or was, on that of {}", others.join(", ")));
        }
        let looked_at = |list: &ListSeen| list.could_be_read();
        let crowd = lists.len() > TOLD;
        for list in lists.iter().filter(|list| !crowd || !looked_at(list)).take(4 * TOLD) {
            lines.line(format_args!("  {}", list.in_words()));
        }
        let read = lists.iter().filter(|list| looked_at(list)).count();
        if crowd && read > 0 {
            lines.line(format_args!("  {read} other lists were looked at, and it was not on them"));
        }
        lines.line(format_args!("  next: {}", self.next(now_ms)));
        lines.into_text()
    }

    fn next(&self, now_ms: UnixMs) -> String {
        if !self.lists.is_empty() && !self.lists.iter().any(ListSeen::is_watched) {
            return "nothing, until the list can be read".to_owned();
        }
        let Some(last) = self.runs_began_at_ms.first() else {
            return "no run has looked yet; `pulsarr sync` makes the first".to_owned();
        };
        let looked = self.lists.iter().filter_map(|list| list.record.read_at_ms).max();
        let seen = format!("not seen yet: the last look was {}", rfc3339(looked.unwrap_or(*last)));
        let Some(pause_ms) = self.usual_pause_ms() else {
            return format!("{seen}; the next run looks again");
        };
        let due = last.saturating_add(pause_ms);
        let every = in_minutes(pause_ms);
        if due < now_ms {
            format!(
                "{seen}; runs come about {every}, and one is due since {}: check that they are still started",
                rfc3339(due)
            )
        } else {
            format!("{seen}; runs come about {every}, so the next look is about {}", rfc3339(due))
        }
    }

    /// The time between two runs, as it mostly is.
    fn usual_pause_ms(&self) -> Option<i64> {
        let mut pauses: Vec<i64> =
            self.runs_began_at_ms.windows(2).map(|pair| pair[0].saturating_sub(pair[1])).filter(|ms| *ms > 0).collect();
        pauses.sort_unstable();
        pauses.get(pauses.len() / 2).copied()
    }
}

impl ListSeen {
    /// Whether runs look at it, whatever came of the last look.
    fn is_watched(&self) -> bool {
        self.takes_part && self.record.outcome != Some(ReadOutcome::NotShared)
    }

    /// Whether the last look told what is on it.
    fn could_be_read(&self) -> bool {
        let told = [ReadOutcome::Complete, ReadOutcome::Newest, ReadOutcome::NotModified];
        self.takes_part && self.record.outcome.is_some_and(|outcome| told.contains(&outcome))
    }

    /// Why it tells nothing about the title.
    fn in_words(&self) -> String {
        let Self { user, takes_part, record } = self;
        let name = user.called();
        if user.relation == Relation::FormerFriend {
            return format!(
                "{name} is no friend on Plex any more, so the list is not read; becoming friends again brings it back"
            );
        }
        if !takes_part {
            let friends = if user.relation == Relation::Friend { ", and `plex.friends: true`," } else { "" };
            return format!(
                "{name} is switched off in the settings, so the list is not read; `sync: true` for {name}{friends} brings it back"
            );
        }
        let Some(at) = record.read_at_ms.map(rfc3339) else {
            return format!("the list of {name} has not been read yet; the next run reads it");
        };
        match record.outcome {
            Some(ReadOutcome::NotShared) => format!(
                "the list of {name} is private: Plex did not share it with us at {at}. {name} can change that in the privacy \
                 settings of the Plex account"
            ),
            Some(ReadOutcome::Unknown) | None => {
                let detail = record.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
                format!("the list of {name} could not be read at {at}{detail}; every run tries again")
            }
            Some(_) => format!("the list of {name} was last looked at {at}, and it was not on it"),
        }
    }
}

/// `every minute`, `every 5 minutes`, `every 40 seconds`, `every 2 hours`.
fn in_minutes(ms: i64) -> String {
    let seconds = (ms + 500) / 1000;
    let (count, unit) = match seconds {
        ..90 => (seconds, "second"),
        90..5400 => ((seconds + 30) / 60, "minute"),
        5400..129_600 => ((seconds + 1800) / 3600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    if count == 1 { format!("every {unit}") } else { format!("every {count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{UserId, UserUuid};

    /// Noon.
    const NOW: UnixMs = 1_795_435_200_000;
    const MINUTE: i64 = 60_000;

    fn list(username: &str, relation: Relation, outcome: Option<ReadOutcome>) -> ListSeen {
        ListSeen {
            user: User {
                id: UserId(1),
                uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
                username: username.into(),
                display_name: username.into(),
                alias: None,
                relation,
                synced: true,
            },
            takes_part: true,
            record: ReadRecord { read_at_ms: outcome.map(|_| NOW - 2 * MINUTE), outcome, ..ReadRecord::default() },
        }
    }

    fn absence(user: Option<&str>, lists: Vec<ListSeen>) -> Absence {
        Absence {
            wanted: "Salt Ledger".into(),
            user: user.map(str::to_owned),
            others: Vec::new(),
            lists,
            runs_began_at_ms: (0..5).map(|n| NOW - (2 + 5 * n) * MINUTE).collect(),
        }
    }

    #[test]
    fn a_title_that_was_not_seen_yet() {
        let lists = vec![
            list("mirela_q", Relation::Owner, Some(ReadOutcome::Complete)),
            list("ines_vale", Relation::Friend, None),
        ];
        let expected = "\
`Salt Ledger` is on no watchlist that pulsarr has read.
  the list of mirela_q was last looked at 2026-11-23T11:58:00.000Z, and it was not on it
  the list of ines_vale has not been read yet; the next run reads it
  next: not seen yet: the last look was 2026-11-23T11:58:00.000Z; runs come about every 5 minutes, so the next look is about 2026-11-23T12:03:00.000Z
";
        let told = absence(None, lists);
        assert_eq!(told.tell(NOW), expected);
        let late = told.tell(NOW + 10 * MINUTE);
        let overdue = "and one is due since 2026-11-23T12:03:00.000Z: check that they are still started\n";
        assert!(late.ends_with(overdue), "{late}");
    }

    #[test]
    fn a_private_list() {
        let lists = vec![list("tomas.r", Relation::Friend, Some(ReadOutcome::NotShared))];
        let expected = "\
`Salt Ledger` is not on the watchlist of tomas.r, as far as it was read.
  the list of tomas.r is private: Plex did not share it with us at 2026-11-23T11:58:00.000Z. tomas.r can change that in the privacy settings of the Plex account
  next: nothing, until the list can be read
";
        assert_eq!(absence(Some("tomas.r"), lists).tell(NOW), expected);
    }

    #[test]
    fn a_user_who_is_switched_off() {
        let mut off = list("tomas.r", Relation::Friend, None);
        off.takes_part = false;
        let mut told = absence(Some("tomas.r"), vec![off]);
        told.others = vec!["mirela_q".into()];
        let expected = "\
`Salt Ledger` is not on the watchlist of tomas.r, as far as it was read.
  it is, or was, on that of mirela_q
  tomas.r is switched off in the settings, so the list is not read; `sync: true` for tomas.r, and `plex.friends: true`, brings it back
  next: nothing, until the list can be read
";
        assert_eq!(told.tell(NOW), expected);
    }

    #[test]
    fn somebody_who_is_no_friend_any_more_and_a_list_that_failed() {
        let mut gone = list("tomas.r", Relation::FormerFriend, Some(ReadOutcome::Complete));
        gone.takes_part = false;
        let mut failed = list("ines_vale", Relation::Friend, Some(ReadOutcome::Unknown));
        failed.record.detail = Some("Plex answered 502".into());
        let told = absence(None, vec![gone, failed]).tell(NOW);
        assert!(
            told.contains("  tomas.r is no friend on Plex any more, so the list is not read; becoming friends"),
            "{told}"
        );
        let words = "could not be read at 2026-11-23T11:58:00.000Z (Plex answered 502); every run tries again";
        assert!(told.contains(words), "{told}");
    }

    #[test]
    fn before_any_run() {
        let told = Absence { wanted: "Salt Ledger".into(), ..Absence::default() }.tell(NOW);
        let expected = "\
`Salt Ledger` is on no watchlist that pulsarr has read.
  next: no run has looked yet; `pulsarr sync` makes the first
";
        assert_eq!(told, expected);
    }

    #[test]
    fn in_a_large_household_only_the_lists_that_were_not_read_are_told() {
        let mut lists: Vec<_> =
            (0..20).map(|n| list(&format!("friend{n}"), Relation::Friend, Some(ReadOutcome::NotModified))).collect();
        lists.push(list("tomas.r", Relation::Friend, Some(ReadOutcome::NotShared)));
        let told = absence(None, lists).tell(NOW);
        assert_eq!(told.lines().count(), 4, "{told}");
        assert!(told.contains("  20 other lists were looked at, and it was not on them\n"), "{told}");
    }

    #[test]
    fn pauses_are_told_in_the_unit_that_fits() {
        for (ms, expected) in [
            (40_000, "every 40 seconds"),
            (290_000, "every 5 minutes"),
            (3_600_000, "every 60 minutes"),
            (7_200_000, "every 2 hours"),
            (172_800_000, "every 2 days"),
        ] {
            assert_eq!(in_minutes(ms), expected);
        }
    }
}
