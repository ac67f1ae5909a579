//! What a GraphQL answer means: data, "not for you", or "I no longer understand you". The schema is private and undocumented.

use serde::Deserialize;
use serde_json::Value;

use super::PlexError;
use crate::clients::FetchError;
use crate::clients::clean::{clean, words};

/// How Plex begins the message for a list that is private, or whose owner is no friend. It comes with HTTP 200.
const NOT_FOR_US: &str = "User not found:";

/// The envelope of every GraphQL answer.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    errors: Option<Vec<GraphqlError>>,
    data: Option<T>,
}

#[derive(Deserialize)]
struct GraphqlError {
    #[serde(default)]
    message: Value,
}

impl<T> Answer<T> {
    /// The data. Errors are looked at first: both may be there. None of `secrets` gets into the text.
    ///
    /// # Errors
    /// `NotShared` when every error says so, `SchemaChanged` for any other error and for an answer without data.
    pub(super) fn into_data(self, doing: &'static str, secrets: &[&str]) -> Result<T, PlexError> {
        let errors = self.errors.unwrap_or_default();
        if !errors.is_empty() {
            let messages: Vec<_> = errors.iter().map(|error| error.message.as_str().unwrap_or_default()).collect();
            if messages.iter().all(|message| message.starts_with(NOT_FOR_US)) {
                let detail = "the account or its watchlist is private, or the friendship has ended".to_owned();
                return Err(PlexError::NotShared { detail });
            }
            return Err(PlexError::SchemaChanged { doing, detail: clean(&messages.join("; "), secrets) });
        }
        self.data.ok_or_else(|| missing(doing, "data"))
    }
}

/// A failed GraphQL request: a 400 means that our query no longer fits the schema.
pub(super) fn failed(doing: &'static str, error: FetchError) -> PlexError {
    match error {
        FetchError::Rejected { status: 400, body } => {
            let said = clean(&words(&body), &[]);
            let detail = if said.is_empty() { "our query was refused without a reason".to_owned() } else { said };
            PlexError::SchemaChanged { doing, detail }
        }
        FetchError::Malformed { detail } => PlexError::SchemaChanged { doing, detail },
        other => PlexError::fetch(doing, other),
    }
}

/// A field that has to be there and is not.
pub(super) fn missing(doing: &'static str, field: &str) -> PlexError {
    PlexError::SchemaChanged { doing, detail: format!("the answer has no `{field}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(json: &str) -> Result<u32, PlexError> {
        serde_json::from_str::<Answer<u32>>(json).unwrap().into_data("ask", &["tok-1234"])
    }

    #[test]
    fn errors_come_before_data() {
        assert_eq!(outcome(r#"{"data": 7}"#), Ok(7));
        assert_eq!(outcome(r#"{"data": 7, "errors": []}"#), Ok(7));
        assert!(matches!(
            outcome(r#"{"data": 7, "errors": [{"message": "Boom"}]}"#),
            Err(PlexError::SchemaChanged { .. })
        ));
        assert!(matches!(outcome(r#"{"data": null}"#), Err(PlexError::SchemaChanged { .. })));
        assert!(matches!(outcome("{}"), Err(PlexError::SchemaChanged { .. })));
    }

    #[test]
    fn not_shared_needs_every_error_to_say_so() {
        let one = r#"{"errors": [{"message": "User not found: 5be07c1d2a94f036", "path": ["userV2"]}], "data": null}"#;
        assert!(matches!(outcome(one), Err(PlexError::NotShared { .. })));
        let mixed = r#"{"errors": [{"message": "User not found: 5be0"}, {"message": "Internal error"}]}"#;
        assert!(matches!(outcome(mixed), Err(PlexError::SchemaChanged { .. })));
        assert!(matches!(outcome(r#"{"errors": [{"extensions": {}}]}"#), Err(PlexError::SchemaChanged { .. })));
    }

    #[test]
    fn an_echoed_token_is_blanked_out() {
        let error = outcome(r#"{"errors": [{"message": "bad token tok-1234"}]}"#).unwrap_err();
        assert!(error.to_string().ends_with("bad token ***"), "{error}");
    }

    #[test]
    fn a_refused_query_is_quoted() {
        let body = r#"{"errors":[{"message":"Cannot query field \"watchlist\" on type \"User\"."}]}"#.to_owned();
        let error = failed("read a friend's watchlist", FetchError::Rejected { status: 400, body });
        let PlexError::SchemaChanged { detail, .. } = error else { panic!("{error:?}") };
        assert!(detail.contains("Cannot query field"), "{detail}");
    }
}
