//! Taking query parameters for what they stand for.

use crate::request::{ApiError, Ask};

/// The query parameter as one of `all`, whose words are `word`; `None` when it is absent.
///
/// # Errors
/// 400 with the words there are.
pub(super) fn choice<T: Copy>(
    ask: &Ask,
    name: &str,
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = ask.parameter(name) else { return Ok(None) };
    let found = all.iter().copied().find(|value| word(*value) == text);
    let words = || all.iter().map(|value| word(*value)).collect::<Vec<_>>().join(", ");
    found.map(Some).ok_or_else(|| ApiError::input(format!("`{name}` is one of {}", words())))
}

/// The query parameter as a row number; `None` when it is absent.
///
/// # Errors
/// 400 for anything else.
pub(super) fn id(ask: &Ask, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = ask.parameter(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ApiError::input(format!("`{name}` is a number")))
}
