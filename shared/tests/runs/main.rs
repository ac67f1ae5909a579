//! Stories of whole runs in one process, where the clock is the story's own.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on ends there, and the panic says where")]

mod accounts;
mod approvals;
mod catch_ups;
mod clock;
mod cool_downs;
mod copies;
mod cut_reads;
mod decisions;
mod entries;
mod facts;
mod first;
mod friends;
mod ids;
mod placements;
mod politeness;
mod quotas;
mod reads;
mod refusals;
mod removals;
mod simulate;
mod starvation;
mod stops;
mod sweep;
mod ways;
mod world;
