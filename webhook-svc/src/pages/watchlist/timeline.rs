//! What happened to an entry, in the order in which it happened.

use pulsarr_shared::clock::{UnixMs, rfc3339};

use crate::api::approvals::EventView;
use crate::api::watchlist::{PlacementView, WatchlistEntry, WatchlistStory};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    at_ms: UnixMs,
    /// RFC 3339.
    pub at: String,
    /// The tone it is told in: `requested`, `ok`, `bad`.
    pub tone: &'static str,
    /// In a few words.
    pub what: String,
    /// More about it; may be empty.
    pub detail: String,
}

impl Moment {
    fn new(at_ms: UnixMs, tone: &'static str, what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { at_ms, at: rfc3339(at_ms), tone, what: what.into(), detail: detail.into() }
    }
}

/// Everything about an entry, the oldest first; `events` are those of its request.
pub fn timeline(story: &WatchlistStory, events: &[EventView]) -> Vec<Moment> {
    let entry = &story.entry;
    let seen = format!("Seen on the watchlist of {}", entry.user.name);
    let mut moments = vec![Moment::new(entry.appeared_at_ms, "new", seen, "")];
    for decision in &story.decisions {
        let (tone, what) = match decision.outcome {
            "route" => ("info", "Decided: it goes"),
            "hold" => ("held", "Decided: it waits"),
            "exclude" => ("excluded", "Decided: it goes nowhere"),
            _ => ("unresolvable", "Nobody knows yet which title it is"),
        };
        moments.push(Moment::new(decision.decided_at_ms, tone, what, decision.reason.as_str()));
    }
    moments.extend(events.iter().map(of_request));
    moments.extend(story.placement_details.iter().flat_map(|placement| of_placement(entry, placement)));
    if let Some(at_ms) = story.missing_since_ms.filter(|_| story.closed_at_ms.is_none()) {
        let detail = "It counts as gone once another complete look, some minutes later, does not see it either.";
        moments.push(Moment::new(at_ms, "warn", "No longer seen on the list", detail));
    }
    if let Some(at_ms) = story.closed_at_ms {
        let detail = "What was added stays where it is. Adding it to the list again asks again.";
        moments.push(Moment::new(at_ms, "closed", "Taken off the watchlist", detail));
    }
    moments.sort_by_key(|moment| moment.at_ms);
    moments
}

fn of_request(event: &EventView) -> Moment {
    let (tone, what) = match event.what.as_str() {
        "asked" => ("pending", "Somebody has to say yes".to_owned()),
        "approved" => ("approved", format!("Approved by {}", event.who)),
        "rejected" => ("rejected", format!("Rejected by {}", event.who)),
        "expired" => ("expired", "Nobody answered in time".to_owned()),
        "auto_approved" => ("approved", "Approved without asking".to_owned()),
        "proposed_anew" => ("info", "It would go elsewhere now".to_owned()),
        "wanted_too" => ("info", format!("{} wants it too", event.who)),
        other => ("info", format!("{} ({})", other.replace('_', " "), event.who)),
    };
    Moment::new(event.at_ms, tone, what, event.detail.clone().unwrap_or_default())
}

fn of_placement(entry: &WatchlistEntry, placement: &PlacementView) -> Vec<Moment> {
    let instance = &placement.instance;
    let mut moments = vec![Moment::new(placement.queued_at_ms, "requested", format!("On its way to {instance}"), "")];
    let answer = placement.answer.clone().unwrap_or_default();
    if let Some(taken) = &placement.taken {
        let what = taken_in_words(taken.state, instance);
        moments.push(Moment::new(taken.at_ms, "ok", what, taken.answer.clone().unwrap_or_default()));
    }
    if let Some(at_ms) = placement.done_at_ms {
        let (tone, what) = match placement.state {
            "excluded" => ("excluded", format!("{instance} keeps it out by its own list")),
            "removed" => ("closed", format!("Removed from {instance}")),
            "failed" => ("failed", format!("{instance} refused it")),
            _ if placement.taken.is_some() => ("ok", format!("{instance} has it again")),
            state => ("ok", taken_in_words(state, instance)),
        };
        moments.push(Moment::new(at_ms, tone, what, answer));
    } else if placement.state == "failed" {
        // The entry follows its refusals; where it stands otherwise, the last refusal is only known to be later than its queueing.
        let at_ms = if entry.state == "failed" { entry.since_ms } else { placement.queued_at_ms };
        let at_ms = at_ms.max(placement.queued_at_ms);
        moments.push(Moment::new(at_ms, "failed", format!("{instance} refused it"), answer));
    }
    if let Some(at_ms) = placement.grabbed_at_ms {
        moments.push(Moment::new(at_ms, "grabbed", format!("{instance} found a release"), ""));
    }
    if let Some(at_ms) = placement.available_at_ms {
        moments.push(Moment::new(at_ms, "available", "It can be watched", format!("{instance} has its file.")));
    }
    moments
}

fn taken_in_words(state: &str, instance: &str) -> String {
    if state == "present" { format!("{instance} has it already") } else { format!("Added to {instance}") }
}
