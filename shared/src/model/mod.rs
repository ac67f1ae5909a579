//! The words of the field as plain data: no I/O, no clock, no SQL. Every other module imports from here and this one imports
//! nothing of ours.

mod approval;
mod arr_event;
mod connection;
mod decision;
mod declaration;
mod entry;
mod facts;
mod instance;
mod outage;
mod placement;
mod quota;
mod run;
mod title;
mod user;

pub use approval::{
    Approval, ApprovalId, ApprovalSettings, ApprovalState, ApprovalTrigger, Expiry, Undecidable, WhenExpired,
};
pub use arr_event::{ArrEpisode, ArrEvent, Availability, EpisodeNumber, WantedBy};
pub use connection::{Connection, ConnectionStatus};
pub use decision::{
    AutoApproved, Decision, Destination, ExcludedBy, FactSeen, Outcome, Stage, Step, TRACE_VERSION, Trace, Verdict,
    WaitsFor,
};
pub use declaration::{Declaration, Section};
pub use entry::{EntryId, EntryState, OpenEntry};
pub use facts::{Facts, KnownFacts};
pub use instance::{
    AddOptions, ArrOptions, Instance, InstanceKind, MinimumAvailability, MonitorNewItems, MovieMonitor, SeriesMonitor,
    SeriesType, SeriesTypeChoice,
};
pub use outage::OutageReason;
pub use placement::{Arrival, PlacementId, PlacementState, entry_state};
pub use quota::{Granted, Period, Quota, QuotaUse, ShortMonth, WhenExceeded};
pub use run::{ReadOutcome, RunResult, Trigger};
pub use title::{ExternalIds, ImdbId, ListedTitle, MediaType, PlexId, Title, TmdbId, TvdbId};
pub use user::{Relation, Standing, User, UserId, UserUuid};

/// An enum whose values have one stable word each: the same in the settings file, in SQL, in JSON and on the screen.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every value, in the order in which people are shown them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable word for this value.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value whose stable word is `word`, if there is one.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}
pub(crate) use words;
