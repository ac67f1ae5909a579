//! What every pod is allowed, what it runs, and where it may be.

use serde_json::{Value, json};

use crate::rendered::{Pod, Rendered, list, number, read, text};

/// Every pod there is, those made by hand included.
fn each_pod(check: impl Fn(&Pod<'_>)) {
    for rendered in Rendered::deployments().chain([Rendered::named("restore")]) {
        let pods = rendered.pods();
        assert!(!pods.is_empty(), "{}", rendered.name);
        pods.iter().for_each(&check);
    }
}

/// The points of the Pod Security Standard `restricted` that a pod like ours can break:
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>; and a root file system that cannot be written to.
pub fn breaches(pod: &Value) -> Vec<&'static str> {
    let (whole, mut found) = (&pod["securityContext"], Vec::new());
    let mut demand = |held: bool, what| {
        if !held {
            found.push(what);
        }
    };
    for forbidden in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(pod[forbidden].is_null(), forbidden);
    }
    demand(whole["runAsNonRoot"] == true, "runAsNonRoot");
    demand(whole["runAsUser"].as_i64().is_some_and(|user| user > 0), "runAsUser");
    demand(whole["seccompProfile"]["type"] == "RuntimeDefault", "seccompProfile");
    demand(whole["sysctls"].is_null(), "sysctls");
    let allowed = ["configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"];
    for volume in list(&pod["volumes"]) {
        let sorts = volume.as_object().unwrap().keys().filter(|key| *key != "name");
        demand(sorts.into_iter().all(|sort| allowed.contains(&sort.as_str())), "volumes");
    }
    for container in list(&pod["containers"]) {
        let own = &container["securityContext"];
        demand(own["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation");
        demand(own["capabilities"] == json!({"drop": ["ALL"]}), "capabilities");
        demand(own["readOnlyRootFilesystem"] == true, "readOnlyRootFilesystem");
        demand(own["privileged"].is_null() && own["procMount"].is_null(), "privileged");
        demand(own["runAsNonRoot"].is_null() && own["runAsUser"].is_null(), "a container's own user");
        for port in container["ports"].as_array().into_iter().flatten() {
            demand(port["hostPort"].is_null(), "hostPort");
        }
    }
    found
}

#[test]
pub fn every_pod_is_fit_for_the_restricted_standard() {
    each_pod(|pod| assert_eq!(breaches(pod.spec), [""; 0], "{}", pod.of));
    // The predicate sees what an earlier plan's pod did: root, and nothing else said.
    let root = json!({
        "securityContext": {"runAsUser": 0, "runAsNonRoot": false, "fsGroup": 1000},
        "volumes": [{"name": "a", "hostPath": {"path": "/"}}],
        "containers": [{"name": "a"}],
    });
    let expected = [
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
        "volumes",
        "allowPrivilegeEscalation",
        "capabilities",
        "readOnlyRootFilesystem",
    ];
    assert_eq!(breaches(&root), expected);
}

/// SQLite's files have one owner, and whoever is somebody else cannot write to them.
#[test]
pub fn all_pods_are_the_same_user_and_it_is_the_image_s() {
    let dockerfile = read("Dockerfile");
    let user = dockerfile.lines().rev().find_map(|line| line.strip_prefix("USER ")).unwrap().trim();
    each_pod(|pod| {
        let whole = &pod.spec["securityContext"];
        assert_eq!(format!("{}:{}", whole["runAsUser"], whole["runAsGroup"]), user, "{}", pod.of);
        assert_eq!(whole["fsGroup"], whole["runAsGroup"], "{}", pod.of);
        // Otherwise every job goes through the whole volume first.
        assert_eq!(whole["fsGroupChangePolicy"], "OnRootMismatch", "{}", pod.of);
    });
}

#[test]
pub fn the_image_s_label_names_this_version_unless_told() {
    let dockerfile = read("Dockerfile");
    let told: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("ARG VERSION=")).collect();
    assert_eq!(told, [env!("CARGO_PKG_VERSION")]);
}

#[test]
pub fn every_pod_runs_the_same_image_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    for rendered in Rendered::deployments().chain([Rendered::named("restore")]) {
        for pod in rendered.pods() {
            let image = text(&pod.container()["image"]);
            assert!(pod.container()["imagePullPolicy"].is_null(), "{}: a digest needs none", pod.of);
            if rendered.name == "base" {
                assert_eq!(image, format!("pulsarr:{version}"), "{}", pod.of);
                continue;
            }
            // The tag is for people, and the digest makes all nodes run the same build.
            let (tagged, digest) =
                image.split_once("@sha256:").unwrap_or_else(|| panic!("{}: {image} has no digest", pod.of));
            assert_eq!(tagged, format!("registry.homelab/pulsarr:{version}"), "{}", pod.of);
            assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}: {digest}", pod.of);
            assert_eq!(pod.container()["image"], Rendered::homelab().web().container()["image"], "{}", pod.of);
        }
    }
    for deployment in Rendered::deployments() {
        for object in &deployment.objects {
            let labelled = &object["metadata"]["labels"]["app.kubernetes.io/version"];
            assert!(labelled.is_null() || labelled == version, "{}: {labelled}", deployment.name);
        }
    }
}

#[test]
pub fn every_pod_has_a_service_account_without_a_token() {
    for deployment in Rendered::deployments() {
        let mut pods = deployment.pods();
        let restore = Rendered::named("restore");
        pods.extend(restore.pods());
        for pod in &pods {
            assert_eq!(pod.spec["automountServiceAccountToken"], false, "{}", pod.of);
            let account = deployment.one("ServiceAccount", text(&pod.spec["serviceAccountName"]));
            assert_eq!(account["automountServiceAccountToken"], false, "{}", pod.of);
        }
        for kind in ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"] {
            assert_eq!(deployment.all(kind).count(), 0, "{}: nobody asks the API anything", deployment.name);
        }
    }
}

/// A Service called `pulsarr` would put `PULSARR_PORT=tcp://…` into the environment.
#[test]
fn no_pod_is_given_links_to_services() {
    each_pod(|pod| assert_eq!(pod.spec["enableServiceLinks"], false, "{}", pod.of));
}

#[test]
pub fn memory_is_bounded_and_the_processor_is_not() {
    each_pod(|pod| {
        let resources = &pod.container()["resources"];
        assert!(resources["limits"]["memory"].is_string(), "{}", pod.of);
        assert!(resources["limits"]["cpu"].is_null(), "{}: a limit only slows down bursts", pod.of);
        assert!(resources["requests"]["cpu"].is_string() && resources["requests"]["memory"].is_string(), "{}", pod.of);
    });
}

/// Kubernetes' own patience is 300 s.
#[test]
pub fn pods_of_a_lost_node_are_given_up_after_half_a_minute() {
    for deployment in Rendered::deployments() {
        for pod in deployment.pods() {
            for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
                let mut found = list(&pod.spec["tolerations"]).iter().filter(|toleration| toleration["key"] == key);
                let expected =
                    json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30});
                assert_eq!(found.next(), Some(&expected), "{}", pod.of);
            }
            let grace_s = number(&pod.spec["terminationGracePeriodSeconds"]);
            assert!((10..=30).contains(&grace_s), "{}: {grace_s}", pod.of);
        }
    }
    // The storage nodes at home may be kept free of other work.
    for pod in Rendered::homelab().pods() {
        let storage = json!({"key": "node.longhorn.io/storage", "operator": "Exists", "effect": "NoSchedule"});
        assert!(list(&pod.spec["tolerations"]).contains(&storage), "{}", pod.of);
    }
}

#[test]
fn the_service_is_where_the_volume_can_be_and_best_on_the_primary_node() {
    for deployment in Rendered::deployments() {
        let web = deployment.web();
        let affinity = &web.spec["affinity"]["nodeAffinity"];
        let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        let storage = json!({"key": "node.longhorn.io/storage", "operator": "In", "values": ["enabled"]});
        assert_eq!(*required, json!([{"matchExpressions": [storage]}]), "{}", web.of);
        let preferred = list(&affinity["preferredDuringSchedulingIgnoredDuringExecution"]);
        let primary = json!({"key": "primary", "operator": "In", "values": ["true"]});
        assert_eq!(preferred[0]["preference"], json!({"matchExpressions": [primary]}), "{}", web.of);
    }
}

/// One pod, and never two: while a node is lost, a StatefulSet makes none before the old one is known to be gone.
#[test]
pub fn there_is_one_service_and_a_change_reaches_it_by_itself() {
    for deployment in Rendered::deployments() {
        assert_eq!(deployment.all("Deployment").count(), 0, "{}", deployment.name);
        let set = &deployment.one("StatefulSet", "pulsarr")["spec"];
        assert_eq!(set["replicas"], 1, "{}", deployment.name);
        assert_eq!(set["updateStrategy"]["type"], "RollingUpdate", "{}", deployment.name);
        // OrderedReady waits for ever for a pod that can never start, and rolls no correction: kubernetes/kubernetes#67250.
        assert_eq!(set["podManagementPolicy"], "Parallel", "{}", deployment.name);
        let headless = deployment.one("Service", text(&set["serviceName"]));
        assert_eq!(headless["spec"]["clusterIP"], "None", "{}", deployment.name);
    }
}

/// The probes that the service answers without a session: one writes to the volume, one reads the store, and neither asks anybody else.
#[test]
pub fn the_service_is_probed_where_it_answers_and_given_time_to_start() {
    let health = read("webhook-svc/src/health.rs");
    for deployment in Rendered::deployments() {
        let web = deployment.web();
        let container = web.container();
        for (probe, path) in
            [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
        {
            let probe = &container[probe];
            assert_eq!(probe["httpGet"], json!({"path": path, "port": "http"}), "{}", web.of);
            assert!(health.contains(&format!("warp::path!(\"{}\")", &path[1..])), "{path}");
            assert!(number(&probe["timeoutSeconds"]) <= number(&probe["periodSeconds"]), "{}", web.of);
        }
        let startup = &container["startupProbe"];
        let patience_s = number(&startup["periodSeconds"]) * number(&startup["failureThreshold"]);
        assert!(patience_s >= 120, "{}: {patience_s} s for migrations", web.of);
    }
}

/// No shell, no search path: what is run is named by where the image has it.
#[test]
fn commands_are_programs_of_the_image() {
    each_pod(|pod| {
        let command = list(&pod.container()["command"]);
        let program = text(&command[0]);
        assert!(pod.container()["args"].is_null(), "{}", pod.of);
        let expected = if pod.component() == "web" { "/pulsarr-webhook-svc" } else { "/pulsarr" };
        assert_eq!(program, expected, "{}", pod.of);
        if pod.component() != "web" {
            assert_eq!(text(&command[1]), pod.component(), "{}: the command is what the pod is called", pod.of);
        }
    });
}
