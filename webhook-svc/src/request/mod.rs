//! What every request has, whoever answers it: its id, whoever asks and what for, and the refusal that it may end with.

mod ask;
pub mod id;
mod text;

pub use ask::{Access, Ask, Handler, Variables, Who, variables};
#[cfg(test)]
pub use text::decoded;
pub use text::{pairs, path_parts};

pub use crate::reply::{ApiError, FieldProblem, json};
