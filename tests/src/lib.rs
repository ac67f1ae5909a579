//! Stand-ins for the outside world, and what drives the real programs against them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`browser`] | a real Chromium, driven as a person would |
//! | [`lively`] | a household with a month behind it, and [`page_list`] every page of it |
//! | [`first_visit`] | the wizard, gone through page by page |
//! | [`crowd`] | the same many times over, for measuring |
//! | [`stand_ins`] | the fakes as a program of their own, for stories in containers |
//! | [`https`] | what stands in front of a fake that is to speak TLS |
//! | [`fakes`] | Plex, Sonarr and Radarr as HTTP servers with state, a journal and injectable faults |
//!
//! Nothing here may depend on the product's own crates: a stand-in that shares code with the client under test repeats the
//! client's mistakes and then agrees with them.

pub mod browser;
pub mod crowd;
pub mod fakes;
pub mod first_visit;
pub mod household;
pub mod https;
pub mod lively;
pub mod page_list;
pub mod programs;
pub mod service;
pub mod session;
pub mod stand_ins;
pub mod time;
