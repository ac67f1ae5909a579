//! Where titles go.

use pulsarr_shared::model::Instance;
use schemars::JsonSchema;
use serde::Serialize;
use warp::http::Method;
use warp::reply::Response;

use super::{Access, Answer, ApiError, Ask, Endpoint, answer, shape};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/instances",
    tag: "instances",
    summary: "The Sonarrs and Radarrs of the settings, without their keys.",
    access: Access::Read,
    query: &[],
    body: None,
    answer: Answer::Json(shape::<InstanceList>),
    handle: |ask| Box::pin(list(ask)),
}];

/// Instances.
#[derive(Debug, Serialize, JsonSchema)]
struct InstanceList {
    /// In the order of the settings.
    instances: Vec<InstanceView>,
}

/// A Sonarr or Radarr. Its key is never told.
#[derive(Debug, Serialize, JsonSchema)]
struct InstanceView {
    /// `movies`
    name: String,
    /// `radarr` or `sonarr`
    kind: &'static str,
    /// Its address.
    url: String,
    /// Takes what no rule sends elsewhere.
    default: bool,
    /// Takes what default routing sends to this instance, too.
    copy_of: Option<String>,
    /// Leaves titles on its import-exclusion list alone.
    respect_exclusions: bool,
    /// How titles are added unless a rule says otherwise, in the words of the settings.
    options: serde_json::Value,
    /// Where it is written down: `file`.
    source: &'static str,
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    answer(&InstanceList { instances: ask.app.config().settings.instances.iter().map(InstanceView::of).collect() })
}

impl InstanceView {
    fn of(instance: &Instance) -> Self {
        Self {
            name: instance.name.clone(),
            kind: instance.kind().word(),
            url: instance.url.clone(),
            default: instance.default,
            copy_of: instance.copy_of.clone(),
            respect_exclusions: instance.respect_exclusions,
            options: serde_json::to_value(&instance.options).unwrap_or_default(),
            source: "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::household::{Household, SETTINGS};
    use super::*;

    #[tokio::test]
    async fn instances_are_told_without_their_keys() {
        let household = Household::new(SETTINGS);
        let list = household.get(ENDPOINTS, "/instances", "").await.unwrap();
        let movies = &list["instances"][0];
        assert_eq!(
            (&movies["name"], &movies["kind"], &movies["default"]),
            (&"movies".into(), &"radarr".into(), &true.into())
        );
        assert_eq!(movies["options"]["minimum_availability"], "released");
        assert!(!list.to_string().contains("0123456789abcdef"), "{list}");
    }
}
