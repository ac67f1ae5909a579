//! How Flux carries it into the cluster.

use serde_json::json;

use crate::rendered::{NAMESPACE, Rendered, documents, list, place, read, text};

/// Where the folder `k8s` is copied to in the cluster's own repository, as the page says.
const COPIED_TO: &str = "./clusters/homelab/apps/media/pulsarr/";

#[test]
pub fn the_base_knows_no_namespace_and_the_overlays_know_one() {
    for deployment in Rendered::deployments() {
        for object in deployment.objects.iter().filter(|object| object["kind"] != "Namespace") {
            let namespace = object["metadata"]["namespace"].as_str();
            let expected = if deployment.name == "base" { None } else { Some(NAMESPACE) };
            assert_eq!(namespace, expected, "{}: {} {}", deployment.name, object["kind"], object["metadata"]["name"]);
        }
    }
    for entry in std::fs::read_dir(place("k8s/base")).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(!source.contains("namespace:"), "{}", path.display());
    }
}

#[test]
fn no_two_objects_have_one_name() {
    for deployment in Rendered::deployments() {
        let names: Vec<_> =
            deployment.objects.iter().map(|object| (&object["kind"], &object["metadata"]["name"])).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{}: {name:?}", deployment.name);
        }
    }
}

#[test]
fn flux_applies_the_overlay_and_waits_for_the_service() {
    let flux = Rendered::named("flux");
    let kustomization = flux.one("Kustomization", "pulsarr");
    let spec = &kustomization["spec"];
    let folder = text(&spec["path"]).strip_prefix(COPIED_TO).unwrap_or_else(|| panic!("{} is elsewhere", spec["path"]));
    assert!(place("k8s").join(folder).join("kustomization.yaml").exists(), "{folder}");
    assert_eq!(spec["targetNamespace"], NAMESPACE);
    assert_eq!(list(&spec["healthChecks"]).len(), 1);
    for check in list(&spec["healthChecks"]) {
        assert_eq!(check["namespace"], NAMESPACE);
        // Flux holds a CronJob for healthy whatever its runs do.
        assert_eq!(check["kind"], "StatefulSet");
        Rendered::homelab().one("StatefulSet", text(&check["name"]));
    }
    assert_eq!(spec["dependsOn"], json!([{"name": "longhorn"}, {"name": "traefik"}]));
    assert_eq!(spec["decryption"], json!({"provider": "sops", "secretRef": {"name": "sops-age"}}));
    assert_eq!(spec["timeout"], "5m");
}

/// `force` answers a change of an immutable field by deleting the StatefulSet with its pod.
#[test]
fn flux_forces_nothing_and_replaces_no_text() {
    let flux = Rendered::named("flux");
    let spec = &flux.one("Kustomization", "pulsarr")["spec"];
    assert_eq!((&spec["prune"], &spec["force"]), (&json!(true), &json!(false)));
    assert!(spec["postBuild"].is_null(), "it would replace what looks like a variable in the settings file");
    for deployment in Rendered::deployments() {
        let text = read(&format!("k8s/rendered/{}.yaml", deployment.name));
        assert!(!text.contains("kustomize.toolkit.fluxcd.io/force"), "{}", deployment.name);
    }
}

/// Not even an example of one: the real one is made, encrypted and kept by whoever runs the cluster.
#[test]
fn no_kustomization_deploys_the_example_of_the_secret() {
    assert_eq!(documents(&read("k8s/secret.example.yaml"))[0]["kind"], "Secret");
    for rendered in Rendered::deployments().chain([Rendered::named("restore"), Rendered::named("flux")]) {
        assert_eq!(rendered.all("Secret").count(), 0, "{}", rendered.name);
    }
}
