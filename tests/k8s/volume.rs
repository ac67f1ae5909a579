//! The one volume: who mounts it, under which name, and what keeps it.

use serde_json::Value;

use crate::rendered::{Rendered, documents, list, text};

/// What an earlier plan's StatefulSet left, and nobody declares any more.
const LEGACY: &str = "config-pulsarr-0";

/// A StatefulSet replaces any volume of the pod that has the name of a claim template. Templates cannot grow either: changing one is
/// refused, and with Flux's `force` it costs the StatefulSet.
#[test]
pub fn no_stateful_set_has_a_claim_template_to_collide_with_or_to_grow() {
    for deployment in Rendered::deployments() {
        for set in deployment.all("StatefulSet") {
            assert!(set["spec"]["volumeClaimTemplates"].is_null(), "{}", deployment.name);
        }
    }
}

#[test]
pub fn every_pod_mounts_one_and_the_same_claim_once_and_it_is_declared() {
    for deployment in Rendered::deployments() {
        let expected = if deployment.name == "legacy-claim" { LEGACY } else { "pulsarr-data" };
        for pod in deployment.pods() {
            assert_eq!(pod.claims(), [expected], "{}", pod.of);
            let volume = pod.volumes("persistentVolumeClaim")[0];
            let mounts = list(&pod.container()["volumeMounts"]);
            let places: Vec<_> = mounts.iter().filter(|mount| mount["name"] == volume["name"]).collect();
            assert_eq!(places.len(), 1, "{}", pod.of);
            assert_eq!(places[0]["mountPath"], "/app/data", "{}", pod.of);
            assert!(places[0]["readOnly"].is_null(), "{}", pod.of);
        }
        let declared: Vec<_> =
            deployment.all("PersistentVolumeClaim").map(|claim| text(&claim["metadata"]["name"])).collect();
        // The legacy claim is nobody's, so that nothing can prune it.
        let own: &[&str] = if expected == LEGACY { &[] } else { &["pulsarr-data"] };
        assert_eq!(declared, own, "{}", deployment.name);
    }
    let restore = Rendered::named("restore");
    assert_eq!(restore.pods()[0].claims(), ["pulsarr-data"]);
}

/// The database, its lock and its backups are on the volume, wherever that is mounted.
#[test]
fn the_data_folder_is_on_the_volume() {
    for deployment in Rendered::deployments() {
        let folder = deployment.variable("PULSARR_DATA_DIR").unwrap();
        assert!(folder == "/app/data" || folder.starts_with("/app/data/"), "{}: {folder}", deployment.name);
    }
    // Another program's database may be where ours would be.
    assert_eq!(Rendered::named("legacy-claim").variable("PULSARR_DATA_DIR"), Some("/app/data/pulsarr"));
}

/// Per node, and nothing that is a network filesystem underneath.
#[test]
fn the_claim_can_be_mounted_by_two_pods_of_one_node() {
    for deployment in Rendered::deployments() {
        for claim in deployment.all("PersistentVolumeClaim") {
            let modes = &claim["spec"]["accessModes"];
            assert_eq!(list(modes), ["ReadWriteOnce"], "{}", deployment.name);
        }
    }
    let homelab = Rendered::homelab();
    assert_eq!(homelab.one("PersistentVolumeClaim", "pulsarr-data")["spec"]["storageClassName"], "longhorn-simple");
}

#[test]
pub fn flux_never_prunes_the_volume_or_the_namespace() {
    for deployment in Rendered::deployments() {
        for kind in ["PersistentVolumeClaim", "Namespace"] {
            for object in deployment.all(kind) {
                let kept = &object["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"];
                assert_eq!(kept, "disabled", "{}: {kind}", deployment.name);
            }
        }
    }
    assert!(Rendered::named("everything").has("Namespace", "media"));
}

/// What the component is there for: whatever in the namespace is less confined is said and written down.
#[test]
pub fn the_namespace_asks_for_restricted_pods() {
    let deployment = Rendered::named("everything");
    let labels = &deployment.one("Namespace", "media")["metadata"]["labels"];
    for mode in ["warn", "audit"] {
        assert_eq!(labels[format!("pod-security.kubernetes.io/{mode}")], "restricted", "{mode}");
    }
}

/// The volume is for the database. What is logged goes to standard error, where the cluster takes it; a switch writes it to files below the
/// data folder as well, as a variable and as a key of the settings.
#[test]
pub fn no_log_goes_to_the_volume() {
    for deployment in Rendered::deployments() {
        let is_off = |value: &Value| value.is_null() || value == "false" || *value == false;
        for pod in deployment.pods() {
            for mount in list(&pod.container()["volumeMounts"]) {
                assert!(!text(&mount["mountPath"]).contains("log"), "{}: {mount}", pod.of);
            }
            for variable in pod.container()["env"].as_array().into_iter().flatten() {
                assert!(variable["name"] != "PULSARR_LOG_FILE" || is_off(&variable["value"]), "{}: {variable}", pod.of);
            }
        }
        let variable = &deployment.config("pulsarr-environment")["PULSARR_LOG_FILE"];
        assert!(is_off(variable), "{}: {variable}", deployment.name);
        // Where nothing is declared there is no document.
        let settings = documents(text(&deployment.config("pulsarr-settings")["pulsarr.yaml"]));
        let declared: Vec<_> = settings.iter().map(|settings| &settings["logs"]["file"]).collect();
        assert!(declared.iter().all(|file| is_off(file)), "{}: {declared:?}", deployment.name);
    }
}

/// Anything here would be gone with the pod; and a job needs a place for passing files, which is the one that is left.
#[test]
pub fn the_descheduler_may_move_the_service_and_leaves_running_jobs_alone() {
    for deployment in Rendered::deployments() {
        let web = deployment.web();
        for local in ["emptyDir", "hostPath"] {
            assert!(web.volumes(local).is_empty(), "{}: with {local} the descheduler never brings it back", web.of);
        }
        for pod in deployment.job_pods() {
            let local = pod.volumes("emptyDir");
            assert_eq!(local.len(), 1, "{}", pod.of);
            assert!(!local[0]["emptyDir"]["sizeLimit"].is_null(), "{}: bounded", pod.of);
        }
    }
}
