//! Each defect of the first plan, put back into what the tests read: the test that the table names has to fail.

use serde_json::{Value, json};

use crate::rendered::{Alteration, documents, fails_with, read, text};
use crate::{configuration, current, flux, network, page, pods, volume};

/// A defect of the table, the test that sees it, and what it was.
struct Defect {
    number: usize,
    name: &'static str,
    check: fn(),
    put_back: Alteration,
}

macro_rules! defect {
    ($number:literal, $module:ident::$check:ident, $put_back:expr) => {
        Defect { number: $number, name: stringify!($check), check: $module::$check, put_back: $put_back }
    };
}

/// All objects of every rendered file, changed.
fn objects(change: impl Fn(&mut Vec<Value>) + 'static) -> Alteration {
    Box::new(move |path, text| {
        if !path.starts_with("k8s/rendered/") {
            return text;
        }
        let mut objects = documents(&text);
        change(&mut objects);
        // JSON is YAML.
        objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n")
    })
}

/// Every object of a kind, changed.
fn each(kind: &'static str, change: impl Fn(&mut Value) + 'static) -> Alteration {
    objects(move |objects| objects.iter_mut().filter(|object| object["kind"] == kind).for_each(&change))
}

/// The pod of the service, changed.
fn web(change: fn(&mut Value)) -> Alteration {
    each("StatefulSet", move |set| change(&mut set["spec"]["template"]["spec"]))
}

/// The pod of every CronJob, changed.
fn jobs(change: fn(&mut Value)) -> Alteration {
    each("CronJob", move |job| change(&mut job["spec"]["jobTemplate"]["spec"]["template"]["spec"]))
}

/// A variable for everybody.
fn variable(name: &'static str, value: &'static str) -> Alteration {
    data("pulsarr-environment", move |data| data[name] = value.into())
}

/// The data of the ConfigMap whose name begins so, changed.
fn data(name: &'static str, change: impl Fn(&mut Value) + 'static) -> Alteration {
    each("ConfigMap", move |map| {
        if text(&map["metadata"]["name"]).starts_with(name) {
            change(&mut map["data"]);
        }
    })
}

/// What one network policy says, changed.
fn policy(name: &'static str, change: impl Fn(&mut Value) + 'static) -> Alteration {
    each("NetworkPolicy", move |policy| {
        if policy["metadata"]["name"] == name {
            change(&mut policy["spec"]);
        }
    })
}

/// A file of the project with other words.
fn words(of: &'static str, from: &'static str, to: &'static str) -> Alteration {
    Box::new(move |path, text| if path == of { text.replace(from, to) } else { text })
}

/// The overlay with a patch more.
fn patch(patch: fn(&Value) -> Value) -> Alteration {
    Box::new(move |path, text| {
        if path != "k8s/overlays/homelab/kustomization.yaml" {
            return text;
        }
        let mut overlay = documents(&text).remove(0);
        let patch = patch(&overlay["patches"]);
        push(&mut overlay["patches"], patch);
        overlay.to_string()
    })
}

fn push(items: &mut Value, item: Value) {
    items.as_array_mut().unwrap().push(item);
}

fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().unwrap().remove(key).unwrap();
}

/// In the table's order. One that came in several forms stands here several times.
#[rustfmt::skip]
fn defects() -> Vec<Defect> {
    const PAGE: &str = "k8s/README.md";
    let to_service = |change: fn(&mut Value)| policy("pulsarr-to-service", change);
    let asked = |change: fn(&mut Value)| policy("pulsarr-from-service-and-sync", change);
    let template = |set: &mut Value| set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}}]);
    vec![
        defect!(1, volume::no_stateful_set_has_a_claim_template_to_collide_with_or_to_grow, each("StatefulSet", template)),
        defect!(2, volume::every_pod_mounts_one_and_the_same_claim_once_and_it_is_declared, web(|pod| {
            push(&mut pod["volumes"], json!({"name": "again", "persistentVolumeClaim": {"claimName": "config-pulsarr-0"}}));
            push(&mut pod["containers"][0]["volumeMounts"], json!({"name": "again", "mountPath": "/config"}));
        })),
        defect!(2, volume::every_pod_mounts_one_and_the_same_claim_once_and_it_is_declared, jobs(|pod| {
            for volume in pod["volumes"].as_array_mut().unwrap().iter_mut().filter(|it| !it["persistentVolumeClaim"].is_null()) {
                volume["persistentVolumeClaim"]["claimName"] = json!("data-pulsarr-0");
            }
        })),
        defect!(3, network::every_address_that_is_written_down_is_answered_by_a_declared_port, each("Service", |service| {
            service["spec"]["ports"].as_array_mut().unwrap().retain(|port| port["name"] != "webhook");
        })),
        defect!(3, network::every_address_that_is_written_down_is_answered_by_a_declared_port,
            words("README.md", "http://radarr:7878", "http://radarr")),
        defect!(3, network::every_address_that_is_written_down_is_answered_by_a_declared_port,
            words("k8s/README.md", "http://sonarr.media.svc.cluster.local:8989", "http://sonarr.media:80")),
        defect!(4, network::every_address_that_is_written_down_is_answered_by_a_declared_port,
            variable("PULSARR_BASE_URL", "http://pulsarr-headless.media.svc.cluster.local:3003")),
        defect!(5, configuration::every_key_of_the_environment_is_the_name_of_a_variable_of_ours,
            variable(".env", "PULSARR_PORT=3003\nPULSARR_LOG=info\n")),
        defect!(6, configuration::the_program_takes_every_setting_as_it_is_rendered, variable("PULSARR_DATADIR", "/app/data")),
        defect!(7, configuration::settings_that_change_reach_the_pods,
            web(|pod| pod["containers"][0]["volumeMounts"][1]["subPath"] = json!("pulsarr.yaml"))),
        defect!(7, configuration::settings_that_change_reach_the_pods,
            web(|pod| pod["containers"][0]["envFrom"][0]["configMapRef"]["name"] = json!("pulsarr-environment"))),
        defect!(8, pods::the_service_is_probed_where_it_answers_and_given_time_to_start,
            web(|pod| remove(&mut pod["containers"][0], "livenessProbe"))),
        defect!(8, pods::the_service_is_probed_where_it_answers_and_given_time_to_start,
            web(|pod| remove(&mut pod["containers"][0], "readinessProbe"))),
        defect!(9, pods::every_pod_is_fit_for_the_restricted_standard, web(|pod| pod["securityContext"]["runAsUser"] = json!(0))),
        defect!(9, pods::every_pod_is_fit_for_the_restricted_standard, jobs(|pod| remove(&mut pod["containers"][0], "securityContext"))),
        defect!(10, pods::all_pods_are_the_same_user_and_it_is_the_image_s, web(|pod| pod["securityContext"]["fsGroup"] = json!(1_000))),
        defect!(11, pods::every_pod_runs_the_same_image_of_this_version,
            web(|pod| pod["containers"][0]["image"] = json!("registry.homelab/pulsarr:latest"))),
        defect!(12, pods::there_is_one_service_and_a_change_reaches_it_by_itself,
            each("StatefulSet", |set| set["spec"]["updateStrategy"] = json!({"type": "OnDelete"}))),
        defect!(12, pods::there_is_one_service_and_a_change_reaches_it_by_itself,
            each("StatefulSet", |set| remove(&mut set["spec"], "podManagementPolicy"))),
        defect!(13, pods::pods_of_a_lost_node_are_given_up_after_half_a_minute, web(|pod| pod["tolerations"] = json!([]))),
        defect!(13, pods::pods_of_a_lost_node_are_given_up_after_half_a_minute, jobs(|pod| pod["tolerations"] = json!([]))),
        defect!(14, page::the_page_promises_no_failover_that_is_faster_than_its_parts,
            words(PAGE, "**expect up to 4 minutes**", "**expect 60 to 90 s**")),
        defect!(15, volume::the_descheduler_may_move_the_service_and_leaves_running_jobs_alone,
            web(|pod| push(&mut pod["volumes"], json!({"name": "tmp", "emptyDir": {}})))),
        defect!(16, current::no_kustomization_takes_a_file_from_outside_its_folder,
            patch(|_| json!({"path": "../../base/cronjob-sync.yaml"}))),
        defect!(17, current::no_patch_is_applied_twice, patch(|patches| patches[0].clone())),
        defect!(17, current::no_patch_is_applied_twice, web(|pod| {
            let first = pod["tolerations"][0].clone();
            push(&mut pod["tolerations"], first);
        })),
        defect!(18, volume::no_stateful_set_has_a_claim_template_to_collide_with_or_to_grow, each("StatefulSet", template)),
        defect!(19, configuration::no_secret_is_in_a_config_map_and_every_file_that_is_named_is_a_key_of_the_example,
            variable("PULSARR_PLEX_TOKEN", "not-a-real-token")),
        defect!(20, configuration::everybody_has_to_sign_in_and_no_proxy_is_believed_that_is_not_named,
            variable("PULSARR_AUTH", "required_except_local")),
        defect!(20, configuration::everybody_has_to_sign_in_and_no_proxy_is_believed_that_is_not_named,
            variable("PULSARR_TRUSTED_PROXIES", "0.0.0.0/0")),
        defect!(21, network::people_come_by_https_and_cookies_are_for_https, variable("PULSARR_COOKIE_SECURE", "false")),
        defect!(21, network::people_come_by_https_and_cookies_are_for_https, each("Ingress", |ingress| remove(&mut ingress["spec"], "tls"))),
        defect!(22, network::the_ingress_publishes_pages_and_the_api_and_nothing_that_only_the_cluster_asks, each("Ingress", |ingress| {
            let paths = &mut ingress["spec"]["rules"][0]["http"]["paths"];
            let mut webhook = paths[0].clone();
            (webhook["path"], webhook["pathType"]) = (json!("/webhook"), json!("Prefix"));
            push(paths, webhook);
        })),
        defect!(22, network::the_ingress_publishes_pages_and_the_api_and_nothing_that_only_the_cluster_asks, each("Ingress", |ingress| {
            for path in ingress["spec"]["rules"][0]["http"]["paths"].as_array_mut().unwrap() {
                path["pathType"] = json!("Prefix");
            }
        })),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            to_service(|spec| spec["ingress"][0]["from"] = json!([{"podSelector": {}}]))),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            to_service(|spec| remove(&mut spec["ingress"][0], "from"))),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            to_service(|spec| remove(&mut spec["ingress"][2], "ports"))),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            to_service(|spec| spec["ingress"][0]["from"][1]["podSelector"]["matchExpressions"][0]["values"] = json!(["sonar", "radarr"]))),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            to_service(|spec| spec["ingress"][1]["from"][0]["podSelector"]["matchLabels"] = json!({"app": "traefik"}))),
        defect!(23, network::only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job,
            policy("pulsarr-to-jobs", |spec| spec["ingress"] = json!([{}]))),
        defect!(24, network::every_selector_means_the_service_s_pod_and_no_job,
            each("Service", |service| service["spec"]["selector"] = json!({"app.kubernetes.io/name": "pulsarr"}))),
        defect!(25, pods::every_pod_has_a_service_account_without_a_token, jobs(|pod| remove(pod, "automountServiceAccountToken"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            objects(|objects| objects.retain(|object| object["kind"] != "NetworkPolicy"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| remove(&mut spec["egress"][0], "to"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| remove(&mut spec["egress"][1], "to"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| remove(&mut spec["egress"][2], "to"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| remove(&mut spec["egress"][3], "to"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| spec["egress"][0]["to"][0]["podSelector"]["matchLabels"]["k8s-app"] = json!("kubedns"))),
        defect!(26, network::the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody,
            asked(|spec| push(&mut spec["egress"], json!({})))),
        defect!(27, volume::no_log_goes_to_the_volume, variable("PULSARR_LOG_FILE", "true")),
        defect!(27, volume::no_log_goes_to_the_volume, data("pulsarr-settings", |data| {
            let declared = format!("{}\nlogs: {{file: true}}\n", text(&data["pulsarr.yaml"]));
            data["pulsarr.yaml"] = declared.into();
        })),
        defect!(28, page::nothing_but_our_own_program_is_run_in_a_pod,
            words(PAGE, "-n media -- /pulsarr doctor", "-n media -- du -sh /app/data")),
        defect!(29, network::addresses_of_instances_name_their_port, data("pulsarr-settings", |data| {
            let without = text(&data["pulsarr.yaml"]).replace(":8989", "");
            data["pulsarr.yaml"] = without.into();
        })),
        defect!(30, page::the_page_asks_the_cluster_for_what_the_manifests_cannot_bring,
            words(PAGE, "`numberOfReplicas: \"2\"`", "`numberOfReplicas: \"3\"`")),
        defect!(31, page::the_page_asks_the_cluster_for_what_the_manifests_cannot_bring, words(PAGE, "pulling the plug", "`shutdown -h now`")),
        defect!(32, volume::flux_never_prunes_the_volume_or_the_namespace, each("PersistentVolumeClaim", |claim| {
            remove(&mut claim["metadata"]["annotations"], "kustomize.toolkit.fluxcd.io/prune");
        })),
        defect!(33, flux::the_base_knows_no_namespace_and_the_overlays_know_one,
            each("CronJob", |job| job["metadata"]["namespace"] = json!("default"))),
        defect!(34, pods::memory_is_bounded_and_the_processor_is_not,
            web(|pod| pod["containers"][0]["resources"]["limits"]["cpu"] = json!("1000m"))),
        defect!(35, pods::the_service_is_probed_where_it_answers_and_given_time_to_start,
            web(|pod| remove(&mut pod["containers"][0], "startupProbe"))),
    ]
}

#[test]
fn every_defect_that_is_put_back_fails_the_test_that_the_table_names() {
    let table = read("tests/k8s/main.rs");
    let defects = defects();
    for (index, row) in crate::table(&table).iter().enumerate() {
        let forms: Vec<_> = defects.iter().filter(|defect| defect.number == index + 1).collect();
        assert!(!forms.is_empty(), "nobody puts it back: {row}");
        for defect in forms {
            assert!(row.contains(&format!("`{}`", defect.name)), "{row}: not {}", defect.name);
        }
    }
    for Defect { number, name, check, put_back } in defects {
        // The same objects, written as those with a defect are, are as good as before.
        assert_eq!(fails_with(objects(|_| ()), check), None, "{name}");
        let failed = fails_with(put_back, check);
        assert!(failed.is_some(), "{number} comes back, and `{name}` does not see it");
    }
}
