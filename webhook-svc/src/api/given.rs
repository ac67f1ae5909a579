//! Taking query parameters for what they stand for, and lists of names within bounds.

use pulsarr_shared::store::{PageFrom, Paged};

use crate::request::{ApiError, Ask, FieldProblem};

/// Where the page begins that the query asks for: `before` or `after` a row.
///
/// # Errors
/// 400 for both at once.
pub(super) fn page_from(ask: &Ask) -> Result<PageFrom<&str>, ApiError> {
    match (ask.parameter("before"), ask.parameter("after")) {
        (None, None) => Ok(PageFrom::Newest),
        (Some(before), None) => Ok(PageFrom::Before(before)),
        (None, Some(after)) => Ok(PageFrom::After(after)),
        (Some(_), Some(_)) => Err(ApiError::input("either `before` or `after` says where the page begins")),
    }
}

/// `before` of the page with older rows, and `after` of the one with newer rows, in the words of `key`.
pub(super) fn ways_on<T, K>(page: &Paged<T>, key: impl Fn(&T) -> K) -> (Option<K>, Option<K>) {
    (page.rows.last().filter(|_| page.has_older).map(&key), page.rows.first().filter(|_| page.has_newer).map(&key))
}

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

/// Whether the list of names at `path` of a body is one that can be meant: at most `most` names, each of at most `longest` characters.
///
/// # Errors
/// 422 that names the list, or the first name that is too long, without repeating it.
pub(super) fn names_within(path: &str, names: &[String], most: usize, longest: usize) -> Result<(), ApiError> {
    let refuse = |path: String, message: String| Err(ApiError::fields(vec![FieldProblem { path, message }]));
    if names.len() > most {
        return refuse(
            path.to_owned(),
            format!("names {}, and may name {most} at most: send fewer at once", names.len()),
        );
    }
    match names.iter().position(|name| name.chars().count() > longest) {
        Some(index) => refuse(
            format!("{path}[{index}]"),
            format!("is longer than any name, which has at most {longest} characters"),
        ),
        None => Ok(()),
    }
}
