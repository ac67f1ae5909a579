//! Every setting with its source.

use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::{Access, Answer, ApiError, Ask, Endpoint, answer, shape};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/settings",
    tag: "settings",
    summary: "Every setting with its source, as `pulsarr check` lists them; of secrets only the length.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<SettingList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Settings.
#[derive(Debug, Serialize, JsonSchema)]
struct SettingList {
    /// Variables first, then the file's in the order of its sections.
    settings: Vec<SettingView>,
    /// What works but should be looked at, as sentences.
    warnings: Vec<String>,
}

/// One setting as it came out.
#[derive(Debug, Serialize, JsonSchema)]
struct SettingView {
    /// `PULSARR_PORT` or `instances[0].tags`
    name: String,
    /// In plain words: `(set, 20 characters)` for a secret, `(not set)` for what is absent.
    value: String,
    /// `default`, `environment PULSARR_PORT`, `pulsarr.yaml:12`
    source: String,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let config = &ask.app.config();
    let settings = config.values.iter().map(|value| SettingView {
        name: value.name.clone(),
        value: value.value.clone(),
        source: value.source.to_string(),
    });
    answer(&SettingList { settings: settings.collect(), warnings: config.warnings.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn settings_name_their_sources_and_hide_secrets() {
        let household = Household::new(SETTINGS);
        let list = household.get(ENDPOINTS, "/settings", "").await.unwrap();
        let found = |name: &str| {
            let all = list["settings"].as_array().unwrap().iter();
            all.clone().find(|setting| setting["name"] == name).cloned().unwrap_or_default()
        };
        assert_eq!(found("instances[0].api_key")["value"], "(set, 32 characters)");
        assert_eq!(found("instances[1].name")["source"], "pulsarr.yaml:8");
        assert!(!list.to_string().contains("0123456789abcdef"), "{list}");
    }
}
