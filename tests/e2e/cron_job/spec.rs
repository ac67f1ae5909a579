//! What `k8s/base/cronjob.yaml` says, as far as the controllers of Kubernetes decide by it.

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
    /// How late a tick may still be made up for.
    pub(super) starting_deadline_s: i64,
    /// How long a job may take.
    pub(super) active_deadline_s: i64,
    /// How many pods may fail before the job does.
    pub(super) backoff_limit: usize,
    /// Between SIGTERM and SIGKILL.
    pub(super) grace_s: i64,
    /// Exit codes after which a job is not tried again.
    pub(super) hopeless: Vec<i64>,
    pub(super) arguments: Vec<String>,
    /// Variables of the container, but for where its settings file is.
    pub(super) vars: Vec<(String, String)>,
}

impl Spec {
    /// The one that is shipped.
    pub(super) fn shipped() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/base/cronjob.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let cron_job = &documents[0]["spec"];
        let job = &cron_job["jobTemplate"]["spec"];
        let pod = &job["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["restartPolicy"].as_str(), Some("Never"), "a pod's process is started once");
        let whole = |value: &Yaml<'_>| value.as_integer().unwrap();
        let words = |value: &Yaml<'_>| value.as_str().unwrap().to_owned();
        let every = words(&cron_job["schedule"]);
        let minutes = every.strip_prefix("*/").and_then(|rest| rest.strip_suffix(" * * * *"));
        let rules = job["podFailurePolicy"]["rules"].as_sequence().unwrap();
        let hopeless = rules.iter().filter(|rule| rule["action"].as_str() == Some("FailJob"));
        let vars = container["env"].as_sequence().unwrap().iter();
        let vars = vars.filter(|var| var.contains_mapping_key("value"));
        Self {
            period_s: 60 * minutes.and_then(|minutes| minutes.parse::<i64>().ok()).expect("every so many minutes"),
            policy: match cron_job["concurrencyPolicy"].as_str() {
                Some("Replace") => Policy::Replace,
                Some("Forbid") => Policy::Forbid,
                other => panic!("two scheduled runs at once are never wanted: {other:?}"),
            },
            suspend: false,
            starting_deadline_s: whole(&cron_job["startingDeadlineSeconds"]),
            active_deadline_s: whole(&job["activeDeadlineSeconds"]),
            backoff_limit: usize::try_from(whole(&job["backoffLimit"])).unwrap(),
            grace_s: whole(&pod["terminationGracePeriodSeconds"]),
            hopeless: hopeless
                .flat_map(|rule| rule["onExitCodes"]["values"].as_sequence().unwrap().iter().map(whole))
                .collect(),
            arguments: container["args"].as_sequence().unwrap().iter().map(words).collect(),
            vars: vars
                .map(|var| (words(&var["name"]), words(&var["value"])))
                .filter(|(name, _)| name != "PULSARR_CONFIG")
                .collect(),
        }
    }

    pub(super) fn with(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }
}
