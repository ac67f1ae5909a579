//! Whose list can be read, and what to do about the others. Plex says no more than "not for you": which of several conditions fails
//! has to be put together from what else is known.
//!
//! Pure.

use serde::Serialize;

use crate::clients::plex::FriendRequests;
use crate::model::{ReadOutcome, Relation, UserUuid};

/// How the text of a failed look says that Plex wanted us to slow down.
const SLOW_DOWN: &str = "(429)";

/// What is known about a person's list.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Whose list.
    pub uuid: &'a UserUuid,
    /// How they stand to the owner of the token; none for somebody we only know from a request.
    pub relation: Option<Relation>,
    /// What the last look at the list told; none when nobody has looked yet.
    pub outcome: Option<ReadOutcome>,
    /// Why the last look failed, in the words of the report; none when it did not.
    pub detail: Option<&'a str>,
    /// Open entries on record.
    pub entries: u64,
}

/// Whether a list can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It was read, and there is something on it.
    Readable,
    /// It was read, and nothing is on it.
    Empty,
    /// They are no friend on Plex, and nobody has asked.
    NotAFriend,
    /// A friend request waits for an answer.
    Pending,
    /// A friend who does not show the list.
    Private,
    /// Plex wanted to be left alone when it was this list's turn.
    RateLimited,
    /// Nobody can tell yet.
    Unknown,
}

impl Reading {
    /// As in JSON: `readable`, `not_a_friend`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Readable => "readable",
            Self::Empty => "empty",
            Self::NotAFriend => "not_a_friend",
            Self::Pending => "pending",
            Self::Private => "private",
            Self::RateLimited => "rate_limited",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether a list can be read, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readability {
    /// Whether it can be read.
    pub state: Reading,
    /// One sentence: what the person in front of the screen should do.
    pub advice: String,
}

/// Whether the list of `seen` can be read, with one sentence of advice. `requests` are the friend requests of the token's owner.
#[must_use]
pub fn readability(seen: &Seen<'_>, requests: &FriendRequests) -> Readability {
    let (state, advice) = judged(seen, requests);
    Readability { state, advice: advice.to_owned() }
}

fn judged(seen: &Seen<'_>, requests: &FriendRequests) -> (Reading, &'static str) {
    let own = seen.relation == Some(Relation::Owner);
    if !own && seen.relation != Some(Relation::Friend) {
        return stranger(seen.uuid, requests);
    }
    match seen.outcome {
        Some(ReadOutcome::Complete | ReadOutcome::Newest | ReadOutcome::NotModified) if seen.entries > 0 => {
            (Reading::Readable, "There is nothing to do.")
        }
        Some(ReadOutcome::Complete | ReadOutcome::Newest | ReadOutcome::NotModified) => {
            (Reading::Empty, "Add a title to this watchlist in Plex; the next run finds it.")
        }
        // One's own list is always one's own to read.
        Some(ReadOutcome::NotShared) if own => {
            (Reading::Unknown, "Link the Plex account again: Plex does not show the token's owner their own watchlist.")
        }
        Some(ReadOutcome::NotShared) => (
            Reading::Private,
            "Ask them to set both account visibility and watchlist visibility to “Friends Only” or “Friends of Friends” \
             in their Plex account settings.",
        ),
        Some(ReadOutcome::Unknown) if seen.detail.is_some_and(|detail| detail.contains(SLOW_DOWN)) => {
            (Reading::RateLimited, "Wait: Plex asked us to slow down, and a later run reads this list.")
        }
        Some(ReadOutcome::Unknown) => (
            Reading::Unknown,
            "Wait for the next run, which tries again; if that goes on for hours, look at the report of a run for the reason.",
        ),
        None => (Reading::Unknown, "Wait for the next run, which is the first to read this list."),
    }
}

/// Somebody who is no friend, or no longer one. What an earlier look told does not count any more.
fn stranger(uuid: &UserUuid, requests: &FriendRequests) -> (Reading, &'static str) {
    if requests.received.contains(uuid) {
        return (Reading::Pending, "Accept their friend request in Plex.");
    }
    if requests.sent.contains(uuid) {
        return (Reading::Pending, "Ask them to accept your friend request in Plex.");
    }
    (Reading::NotAFriend, "Send them a friend request in Plex: sharing a library with them is not enough.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid() -> UserUuid {
        UserUuid::parse("5be07c1d2a94f036").unwrap()
    }

    fn check(relation: Option<Relation>, outcome: Option<ReadOutcome>, entries: u64, expected: Reading) -> String {
        let uuid = uuid();
        let seen = Seen { uuid: &uuid, relation, outcome, detail: None, entries };
        let Readability { state, advice } = readability(&seen, &FriendRequests::default());
        assert_eq!(state, expected, "{relation:?} {outcome:?} {entries}");
        advice
    }

    #[test]
    fn every_state_of_a_friends_list_has_its_name() {
        let friend = Some(Relation::Friend);
        check(friend, Some(ReadOutcome::Complete), 3, Reading::Readable);
        check(friend, Some(ReadOutcome::NotModified), 3, Reading::Readable);
        check(friend, Some(ReadOutcome::Complete), 0, Reading::Empty);
        check(friend, Some(ReadOutcome::NotShared), 3, Reading::Private);
        check(friend, Some(ReadOutcome::Unknown), 3, Reading::Unknown);
        check(friend, None, 0, Reading::Unknown);
    }

    #[test]
    fn the_own_list_is_never_called_private() {
        for outcome in [ReadOutcome::NotShared, ReadOutcome::Unknown] {
            check(Some(Relation::Owner), Some(outcome), 0, Reading::Unknown);
        }
        check(Some(Relation::Owner), Some(ReadOutcome::Newest), 1, Reading::Readable);
    }

    #[test]
    fn who_is_no_friend_is_not_private_but_to_be_asked() {
        for relation in [None, Some(Relation::FormerFriend)] {
            check(relation, Some(ReadOutcome::Complete), 9, Reading::NotAFriend);
            let uuid = uuid();
            let seen = Seen { uuid: &uuid, relation, outcome: None, detail: None, entries: 0 };
            let requests = |sent: &[UserUuid], received: &[UserUuid]| {
                let requests = FriendRequests { sent: sent.to_vec(), received: received.to_vec() };
                readability(&seen, &requests)
            };
            let (sent, received) = (requests(&[self::uuid()], &[]), requests(&[], &[self::uuid()]));
            assert_eq!((sent.state, received.state), (Reading::Pending, Reading::Pending));
            assert!(sent.advice.starts_with("Ask them") && received.advice.starts_with("Accept"));
            let others = requests(&[UserUuid::parse("0000000000000001").unwrap()], &[]);
            assert_eq!(others.state, Reading::NotAFriend);
        }
    }

    #[test]
    fn a_look_that_plex_put_off_is_told_apart_from_one_that_failed() {
        use crate::clients::FetchError;
        let uuid = uuid();
        let state = |error: FetchError| {
            let detail = error.to_string();
            let (relation, outcome) = (Some(Relation::Friend), Some(ReadOutcome::Unknown));
            let seen = Seen { uuid: &uuid, relation, outcome, detail: Some(&detail), entries: 0 };
            readability(&seen, &FriendRequests::default()).state
        };
        assert_eq!(state(FetchError::RateLimited { retry_after_s: Some(3) }), Reading::RateLimited);
        assert_eq!(state(FetchError::NotFound), Reading::Unknown);
    }

    #[test]
    fn each_piece_of_advice_is_one_sentence() {
        let relations = [None, Some(Relation::Owner), Some(Relation::Friend), Some(Relation::FormerFriend)];
        let outcomes = [None, Some(ReadOutcome::Complete), Some(ReadOutcome::NotShared), Some(ReadOutcome::Unknown)];
        let uuid = uuid();
        for (relation, outcome) in relations.into_iter().flat_map(|it| outcomes.map(|outcome| (it, outcome))) {
            let seen = Seen { uuid: &uuid, relation, outcome, detail: None, entries: 1 };
            let advice = readability(&seen, &FriendRequests::default()).advice;
            assert!(advice.ends_with('.') && advice.matches('.').count() == 1, "{advice}");
        }
    }
}
