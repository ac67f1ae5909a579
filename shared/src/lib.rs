//! Everything both programs use: the domain, the store, the clients and the sync engine.
//!
//! Read [`sync`] first; it is one run from top to bottom. Arrows point one way: `sync` → (`observe`, `resolve`, `act`) →
//! (`clients`, `store`) → `model`. The deciding modules (`diff`, `routing`, `quota`, `approval`, `plan`) do no I/O and
//! get the time as a number.

pub mod act;
pub mod amend;
pub mod approval;
pub mod backup;
pub mod callback;
pub mod check;
pub mod clients;
pub mod clock;
pub mod config;
pub mod copy;
pub mod diff;
pub mod doctor;
pub mod exit_code;
pub mod explain;
pub mod link;
pub mod lock;
pub mod model;
pub mod observe;
pub mod outages;
pub mod plan;
pub mod poster_folder;
pub mod printable;
pub mod process;
pub mod quota;
pub mod report;
pub mod resolve;
pub mod restore;
pub mod retry;
pub mod routing;
pub mod run;
pub mod simulate;
pub mod stats;
pub mod stop;
pub mod store;
pub mod sync;
pub mod tally;
pub mod telemetry;
pub mod tracking;
pub mod upkeep;
pub mod upstreams;
pub mod vault;
pub mod watch;
