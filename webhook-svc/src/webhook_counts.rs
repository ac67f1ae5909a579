//! How many webhooks came, for the metrics: by application, event and outcome, with labels that nobody outside can multiply.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use pulsarr_shared::clock::UnixMs;
use pulsarr_shared::model::InstanceKind;

/// What came of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is in the inbox.
    Stored,
    /// Its password was wrong, or missing.
    WrongSecret,
    /// It was larger than allowed.
    TooLarge,
    /// It was no webhook.
    Malformed,
    /// It did not arrive whole.
    Broken,
    /// The store failed, or too many were waiting.
    NotStored,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::WrongSecret => "wrong_secret",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::NotStored => "not_stored",
        }
    }
}

/// The events that exist today; others are counted as `other`.
const EVENTS: &[&str] = &[
    "ApplicationUpdate",
    "Download",
    "EpisodeFileDelete",
    "Grab",
    "Health",
    "HealthRestored",
    "ManualInteractionRequired",
    "MovieAdded",
    "MovieDelete",
    "MovieFileDelete",
    "Rename",
    "SeriesAdd",
    "SeriesDelete",
    "Test",
];

/// What was counted of one kind of webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// `sonarr` or `radarr`.
    pub source: &'static str,
    /// The event, `other`, or `unknown` where nobody looked.
    pub event: &'static str,
    /// `stored`, `malformed`, …
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
}

/// The counters.
#[derive(Debug, Default)]
pub struct WebhookCounts(Mutex<BTreeMap<(&'static str, &'static str, Outcome), u64>>);

/// How many webhooks of each instance came with a wrong password since somebody looked at it last, and when the first of them came.
#[derive(Debug, Default)]
pub struct RefusedWebhooks(Mutex<BTreeMap<String, (u32, UnixMs)>>);

impl RefusedWebhooks {
    /// Counts one of an instance of the settings.
    pub fn count(&self, instance: &str, now_ms: UnixMs) {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, _) = refused.entry(instance.to_owned()).or_insert((0, now_ms));
        *count = count.saturating_add(1);
    }

    /// What was counted of this instance, and from now on is not; `None`: nothing.
    pub fn take(&self, instance: &str) -> Option<(u32, UnixMs)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(instance)
    }
}

impl WebhookCounts {
    /// Counts one.
    pub fn count(&self, kind: InstanceKind, event: Option<&str>, outcome: Outcome) {
        let event = match event {
            None => "unknown",
            Some(event) => EVENTS.iter().copied().find(|known| *known == event).unwrap_or("other"),
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((kind.word(), event, outcome)).or_default() += 1;
    }

    /// Everything that was counted, and what could not be stored even where that is nothing: who watches a counter for growth does not see it
    /// be born.
    pub fn all(&self) -> Vec<Counted> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in [InstanceKind::Radarr, InstanceKind::Sonarr] {
            counts.entry((kind.word(), "unknown", Outcome::NotStored)).or_default();
        }
        let counted = |((source, event, outcome), count): (&(&'static str, &'static str, Outcome), &u64)| Counted {
            source,
            event,
            outcome: outcome.word(),
            count: *count,
        };
        counts.iter().map(counted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_make_labels_of_their_own() {
        let counts = WebhookCounts::default();
        for number in 0..100 {
            counts.count(InstanceKind::Radarr, Some(&format!("Event{number}")), Outcome::Stored);
        }
        counts.count(InstanceKind::Radarr, Some("Grab"), Outcome::Stored);
        counts.count(InstanceKind::Radarr, None, Outcome::WrongSecret);
        let all: Vec<_> = counts.all().into_iter().map(|it| (it.source, it.event, it.outcome, it.count)).collect();
        assert_eq!(
            all,
            [
                ("radarr", "Grab", "stored", 1),
                ("radarr", "other", "stored", 100),
                ("radarr", "unknown", "wrong_secret", 1),
                ("radarr", "unknown", "not_stored", 0),
                ("sonarr", "unknown", "not_stored", 0)
            ]
        );
    }
}
