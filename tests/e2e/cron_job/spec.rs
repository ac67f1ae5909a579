//! What the CronJob `pulsarr-sync` says as it is deployed, as far as the controllers of Kubernetes decide by it.

use std::path::Path;

use saphyr::{LoadableYamlNode as _, Yaml};

/// What a tick does to the jobs before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Deletes them, and starts another at once.
    Replace,
    /// Leaves them, and starts none.
    Forbid,
}

/// A CronJob and the template of its jobs.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    /// Seconds between two ticks.
    pub(super) period_s: i64,
    pub(super) policy: Policy,
    pub(super) suspend: bool,
    /// How late a tick may still be made up for; none: for ever.
    pub(super) starting_deadline_s: Option<i64>,
    /// How long a job may take.
    pub(super) active_deadline_s: i64,
    /// How many pods may fail before the job does.
    pub(super) backoff_limit: usize,
    /// Between SIGTERM and SIGKILL.
    pub(super) grace_s: i64,
    /// Exit codes after which a job is not tried again.
    pub(super) hopeless: Vec<i64>,
    /// Whether a pod that the cluster itself ends counts as none that failed.
    pub(super) forgives_disruption: bool,
    pub(super) arguments: Vec<String>,
    /// Variables of the container.
    pub(super) vars: Vec<(String, String)>,
}

impl Spec {
    /// The one that is deployed at home.
    pub(super) fn shipped() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/rendered/homelab.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let object = |kind: &str, name: &str| {
            let is =
                |it: &&Yaml<'_>| it["kind"].as_str() == Some(kind) && it["metadata"]["name"].as_str() == Some(name);
            documents.iter().find(is).unwrap_or_else(|| panic!("no {kind} {name}"))
        };
        let cron_job = &object("CronJob", "pulsarr-sync")["spec"];
        let job = &cron_job["jobTemplate"]["spec"];
        let pod = &job["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["restartPolicy"].as_str(), Some("Never"), "a pod's process is started once");
        let every = word(&cron_job["schedule"]);
        let minutes = every.strip_prefix("*/").and_then(|rest| rest.strip_suffix(" * * * *"));
        let command = words(container, "command");
        assert_eq!(command.first().map(String::as_str), Some("/pulsarr"), "nothing but our own program");
        let rules = job["podFailurePolicy"]["rules"].as_sequence().unwrap();
        let rules_that =
            |action: &'static str| rules.iter().filter(move |rule| rule["action"].as_str() == Some(action));
        let codes = rules_that("FailJob").flat_map(|rule| rule["onExitCodes"]["values"].as_sequence().unwrap());
        let environment = word(&container["envFrom"][0]["configMapRef"]["name"]);
        let shared = object("ConfigMap", &environment)["data"].as_mapping().unwrap().iter();
        let own = container["env"].as_sequence().unwrap().iter().map(|var| (&var["name"], &var["value"]));
        Self {
            period_s: 60 * minutes.and_then(|minutes| minutes.parse::<i64>().ok()).expect("every so many minutes"),
            policy: match cron_job["concurrencyPolicy"].as_str() {
                Some("Replace") => Policy::Replace,
                Some("Forbid") => Policy::Forbid,
                other => panic!("two scheduled runs at once are never wanted: {other:?}"),
            },
            suspend: cron_job.as_mapping_get("suspend").and_then(Yaml::as_bool).unwrap_or(false),
            starting_deadline_s: cron_job.as_mapping_get("startingDeadlineSeconds").and_then(Yaml::as_integer),
            active_deadline_s: whole(&job["activeDeadlineSeconds"]),
            backoff_limit: usize::try_from(whole(&job["backoffLimit"])).unwrap(),
            grace_s: whole(&pod["terminationGracePeriodSeconds"]),
            hopeless: codes.map(whole).collect(),
            forgives_disruption: rules_that("Ignore").any(|rule| {
                rule.as_mapping_get("onPodConditions").and_then(Yaml::as_sequence).is_some_and(|conditions| {
                    conditions.iter().any(|condition| condition["type"].as_str() == Some("DisruptionTarget"))
                })
            }),
            arguments: [&command[1..], &words(container, "args")].concat(),
            vars: shared.chain(own).map(|(name, value)| (word(name), word(value))).collect(),
        }
    }

    pub(super) fn with(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}

fn whole(value: &Yaml<'_>) -> i64 {
    value.as_integer().unwrap()
}

fn word(value: &Yaml<'_>) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is expected, not {value:?}")).to_owned()
}

/// A list of texts; none where there is no such key.
fn words(value: &Yaml<'_>, key: &str) -> Vec<String> {
    let words = value.as_mapping_get(key).and_then(Yaml::as_sequence);
    words.map(|words| words.iter().map(word).collect()).unwrap_or_default()
}
