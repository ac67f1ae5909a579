//! The job that looks for what is wrong: a sync's, changed by `k8s/operations/doctor/patch.yaml` as the page says.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::pods::breaches;
use crate::rendered::{Rendered, documents, list, matches, place, skipped, text};

/// What the page's command makes of a deployment: `kubectl create job --from` copies the CronJob's template, and kubectl patches it here,
/// with no cluster. `None` where there is no kubectl.
fn doctor_of(deployment: &Rendered) -> Option<Rendered> {
    let template = &deployment.one("CronJob", "pulsarr-sync")["spec"]["jobTemplate"]["spec"];
    let owner =
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "pulsarr-sync", "uid": "1", "controller": true});
    let metadata = json!({"name": "pulsarr-doctor", "ownerReferences": [owner]});
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template});
    let started = Command::new("kubectl")
        .args(["patch", "--local", "-f", "-", "-o", "yaml", "--patch-file"])
        .arg(place("k8s/operations/doctor/patch.yaml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut patching = match started {
        Ok(patching) => patching,
        Err(error) => {
            skipped("PULSARR_REQUIRE_KUBECTL", "what kubectl makes of a sync's job", &error);
            return None;
        }
    };
    patching.stdin.take().unwrap().write_all(job.to_string().as_bytes()).unwrap();
    let patched = patching.wait_with_output().unwrap();
    assert!(patched.status.success(), "{}", deployment.name);
    Some(Rendered { name: "doctor", objects: documents(&String::from_utf8(patched.stdout).unwrap()) })
}

#[test]
fn a_doctor_needs_no_service_and_looks_where_the_volume_is() {
    for deployment in Rendered::deployments() {
        let Some(doctor) = doctor_of(&deployment) else { return };
        let pod = &doctor.pods()[0];
        let affinity = &pod.spec["affinity"];
        let beside = &affinity["podAffinity"];
        assert!(beside["requiredDuringSchedulingIgnoredDuringExecution"].is_null(), "{affinity}");
        let preferred = list(&beside["preferredDuringSchedulingIgnoredDuringExecution"]);
        let selector = &preferred[0]["podAffinityTerm"]["labelSelector"];
        assert_eq!(deployment.meant_by(selector), ["web"], "{affinity}");
        let web = deployment.web();
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(affinity["nodeAffinity"][required], web.spec["affinity"]["nodeAffinity"][required]);
        assert_eq!(doctor.objects[0]["spec"]["backoffLimit"], 0, "it says the same twice");
        // The end of a job that the CronJob owns is a sync that went well.
        assert!(doctor.objects[0]["metadata"]["ownerReferences"].is_null(), "{}", doctor.objects[0]["metadata"]);
    }
}

#[test]
fn a_doctor_sees_what_a_sync_sees_and_may_do_no_more() {
    for deployment in Rendered::deployments() {
        let Some(doctor) = doctor_of(&deployment) else { return };
        let pod = &doctor.pods()[0];
        assert_eq!(pod.component(), "doctor");
        assert_eq!(pod.container()["command"], json!(["/pulsarr", "doctor"]));
        assert_eq!(breaches(pod.spec), [""; 0], "{}", deployment.name);
        let jobs = deployment.job_pods();
        let sync = jobs.iter().find(|pod| pod.component() == "sync").unwrap();
        for same in ["volumes", "serviceAccountName", "securityContext", "tolerations"] {
            assert_eq!(pod.spec[same], sync.spec[same], "{}: {same}", deployment.name);
        }
        for same in ["image", "envFrom", "volumeMounts", "resources"] {
            assert_eq!(pod.container()[same], sync.container()[same], "{}: {same}", deployment.name);
        }
        let with_labels = |policy: &&serde_json::Value| matches(&policy["spec"]["podSelector"], pod.labels);
        let policies: Vec<_> = deployment.all("NetworkPolicy").filter(with_labels).collect();
        let names: Vec<_> = policies.iter().map(|policy| text(&policy["metadata"]["name"])).collect();
        let expected: &[&str] =
            if deployment.name == "base" { &[] } else { &["pulsarr-from-service-and-sync", "pulsarr-to-jobs"] };
        assert_eq!(names, expected, "{}", deployment.name);
    }
}
