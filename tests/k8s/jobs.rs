//! The CronJobs: when they run, how long they may, and what happens when they fail.

use serde_json::Value;

use crate::rendered::{Pod, Rendered, list, matches, number, read, text};

/// Seconds between two starts of a schedule that is used here.
fn period_s(schedule: &str) -> i64 {
    let parts: Vec<&str> = schedule.split(' ').collect();
    match parts[..] {
        [minutes, "*", "*", "*", "*"] => 60 * minutes.strip_prefix("*/").unwrap().parse::<i64>().unwrap(),
        [minute, hour, "*", "*", "*"] => {
            assert!(minute.parse::<u8>().unwrap() < 60 && hour.parse::<u8>().unwrap() < 24, "{schedule}");
            86_400
        }
        _ => panic!("a schedule of another form: {schedule}"),
    }
}

/// The seconds of `30s`.
fn seconds(text: &str) -> i64 {
    text.strip_suffix('s').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("seconds, not {text}"))
}

fn spec<'a>(deployment: &'a Rendered, name: &str) -> &'a Value {
    &deployment.one("CronJob", name)["spec"]
}

fn variable<'a>(pod: &'a Pod<'_>, name: &str) -> Option<&'a str> {
    let variables = pod.container()["env"].as_array()?;
    variables.iter().find(|variable| variable["name"] == name).map(|variable| text(&variable["value"]))
}

#[test]
fn a_sync_runs_every_five_minutes_and_backup_and_upkeep_every_night() {
    for deployment in Rendered::deployments() {
        let names: Vec<_> = deployment.all("CronJob").map(|job| text(&job["metadata"]["name"])).collect();
        assert_eq!(names, ["pulsarr-backup", "pulsarr-sync", "pulsarr-upkeep"], "{}", deployment.name);
        assert_eq!(spec(&deployment, "pulsarr-sync")["schedule"], "*/5 * * * *");
        assert_eq!(spec(&deployment, "pulsarr-backup")["schedule"], "0 3 * * *");
        assert_eq!(period_s(text(&spec(&deployment, "pulsarr-upkeep")["schedule"])), 86_400);
        for job in deployment.all("CronJob") {
            // The controller adds eleven characters.
            assert!(text(&job["metadata"]["name"]).len() <= 52);
            assert!(job["spec"]["suspend"].is_null(), "{}: nobody's wish is in Git", deployment.name);
        }
    }
}

/// The night is the household's, in the jobs as in the quotas.
#[test]
fn jobs_keep_the_time_zone_of_the_environment() {
    for deployment in Rendered::deployments() {
        assert!(deployment.variable("TZ").is_some(), "{}", deployment.name);
        for job in deployment.all("CronJob") {
            assert_eq!(job["spec"]["timeZone"].as_str(), deployment.variable("TZ"), "{}", deployment.name);
        }
    }
}

/// Under Forbid one pod that is stuck on a dead node would block every later run. Replace costs nothing while every run ends before the
/// next one begins, grace included.
#[test]
fn a_stuck_run_blocks_no_later_one_and_a_healthy_one_is_never_replaced() {
    for deployment in Rendered::deployments() {
        for job in deployment.all("CronJob") {
            let of = format!("{}: {}", deployment.name, text(&job["metadata"]["name"]));
            let spec = &job["spec"];
            assert_eq!(spec["concurrencyPolicy"], "Replace", "{of}");
            let template = &spec["jobTemplate"]["spec"];
            let deadline_s = number(&template["activeDeadlineSeconds"]);
            let grace_s = number(&template["template"]["spec"]["terminationGracePeriodSeconds"]);
            let period_s = period_s(text(&spec["schedule"]));
            assert!(deadline_s + grace_s < period_s, "{of}: {deadline_s} + {grace_s} s, every {period_s} s");
            // Below ten the controller, which looks every ten seconds, may never start it.
            let late_s = number(&spec["startingDeadlineSeconds"]);
            assert!((10..period_s).contains(&late_s), "{of}: {late_s}");
        }
    }
}

/// A run that stops by itself writes down its own end, which one that is stopped from outside may not.
#[test]
fn a_sync_gives_up_by_its_own_clock_before_the_cluster_stops_it() {
    for deployment in Rendered::deployments() {
        let pods = deployment.job_pods();
        let sync = pods.iter().find(|pod| pod.component() == "sync").unwrap();
        let own_s: i64 = variable(sync, "PULSARR_RUN_LIMIT_S").unwrap().parse().unwrap();
        let command: Vec<&str> = list(&sync.container()["command"]).iter().map(text).collect();
        let wait = command.iter().position(|word| *word == "--lock-wait").unwrap();
        let lock_s = seconds(command[wait + 1]);
        let deadline_s = number(&sync.owner["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]);
        // The deadline runs while the pod waits for its node, its image and its volume.
        assert!(own_s + lock_s + 20 <= deadline_s, "{}: {own_s} + {lock_s} of {deadline_s} s", sync.of);
    }
}

#[test]
fn jobs_run_on_the_node_of_the_service_and_nowhere_without_it() {
    for deployment in Rendered::deployments() {
        for pod in deployment.job_pods() {
            let affinity = &pod.spec["affinity"];
            let required = list(&affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]);
            assert_eq!(required.len(), 1, "{}", pod.of);
            assert_eq!(required[0]["topologyKey"], "kubernetes.io/hostname", "{}", pod.of);
            let selector = &required[0]["labelSelector"];
            assert_eq!(deployment.meant_by(selector), ["web"], "{}", pod.of);
            assert!(!matches(selector, pod.labels), "{}: it would wait for itself", pod.of);
            // The descheduler moves pods that a node affinity of their own does not like where they are.
            assert!(affinity["nodeAffinity"].is_null() && pod.spec["nodeSelector"].is_null(), "{}", pod.of);
        }
    }
}

/// The codes are those of the README's table.
#[test]
fn what_trying_again_cannot_mend_fails_at_once_and_what_it_can_is_tried_again() {
    let readme = read("README.md");
    let table = readme.split("| exit code | meaning |").nth(1).unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with("| ") || line.starts_with("|---"));
    let known: Vec<i64> = rows.filter_map(|row| row.split(' ').nth(1)?.parse().ok()).collect();
    assert!(known.contains(&0) && known.len() >= 8, "{known:?}");
    for deployment in Rendered::deployments() {
        for pod in deployment.job_pods() {
            let job = &pod.owner["spec"]["jobTemplate"]["spec"];
            assert_eq!(pod.spec["restartPolicy"], "Never", "{}: the policy needs it", pod.of);
            let rules = list(&job["podFailurePolicy"]["rules"]);
            assert_eq!(rules[0]["action"], "Ignore", "{}: a drained node is no failure", pod.of);
            assert_eq!(rules[0]["onPodConditions"][0]["type"], "DisruptionTarget", "{}", pod.of);
            assert_eq!(rules[1]["action"], "FailJob", "{}", pod.of);
            let codes = &rules[1]["onExitCodes"];
            assert_eq!(codes["containerName"], pod.container()["name"], "{}", pod.of);
            assert_eq!(list(&codes["values"]), [64, 77, 78], "{}", pod.of);
            for code in list(&codes["values"]) {
                assert!(known.contains(&number(code)), "{}: {code} is no code of ours", pod.of);
            }
            assert!((1..=3).contains(&number(&job["backoffLimit"])), "{}", pod.of);
        }
    }
}

#[test]
fn finished_jobs_are_kept_for_a_look_and_not_for_ever() {
    for deployment in Rendered::deployments() {
        for job in deployment.all("CronJob") {
            let spec = &job["spec"];
            for kept in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
                assert!((1..=10).contains(&number(&spec[kept])), "{}: {kept}", deployment.name);
            }
            // Jobs that are made by hand are in nobody's history until they end.
            assert!(number(&spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"]) >= 3_600, "{}", deployment.name);
        }
        for pod in deployment.job_pods() {
            assert_eq!(pod.container()["terminationMessagePolicy"], "FallbackToLogsOnError", "{}", pod.of);
            assert_eq!(variable(&pod, "PULSARR_TRIGGER"), Some("schedule"), "{}", pod.of);
        }
    }
}
