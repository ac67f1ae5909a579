//! What a site changes stands where an upgrade leaves it, and every line that is there to be switched on works.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::rendered::{Rendered, documents, list, place, read, skipped, text};

/// Where a site's own changes go.
const OVERLAY: &str = "overlays/homelab/kustomization.yaml";

/// The folders that an upgrade replaces, as the page says.
fn replaced(page: &str) -> Vec<&str> {
    let told = page.split("replace the folders ").nth(1).and_then(|rest| rest.split(" by the new ones").next());
    told.expect("the page says what an upgrade replaces").split('`').skip(1).step_by(2).collect()
}

#[test]
fn nobody_is_told_to_edit_what_an_upgrade_replaces() {
    let page = read("k8s/README.md");
    let replaced = replaced(&page);
    assert_eq!(replaced, ["base", "components", "operations"]);
    let files = page.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".yaml") && !word.contains(' '));
    let theirs: Vec<&str> = files.filter(|file| replaced.iter().any(|folder| file.starts_with(folder))).collect();
    // Filled in for one restore, and then of no use any more.
    assert!(theirs.iter().all(|file| *file == "operations/restore/job.yaml"), "{theirs:?}");
    for what in [
        "storage",
        "primary node",
        "certificate",
        "labels of your Sonarr or Radarr",
        "time zone",
        "Traefik is not in `kube-system`",
        "Prometheus is not in the namespace `monitoring`",
        "`release: kube-prometheus-stack`",
    ] {
        let told = page.lines().any(|line| line.contains(what) && line.contains(OVERLAY));
        assert!(told, "{what}: the page does not say that it is changed in {OVERLAY}");
    }
}

/// The overlay with every line that is there to be switched on.
fn switched_on(overlay: &str) -> String {
    let on = |line: &str| {
        let (space, rest) = line.split_at(line.len() - line.trim_start().len());
        match rest.strip_prefix('#') {
            Some(rest) if rest.starts_with("- ") || rest.starts_with("  ") => format!("{space}{rest}\n"),
            _ => format!("{line}\n"),
        }
    };
    overlay.lines().map(on).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn every_line_of_the_overlay_that_is_there_to_be_switched_on_works() {
    let folder = tempfile::tempdir().unwrap();
    copy(&place("k8s"), folder.path());
    let overlay = folder.path().join(OVERLAY);
    let on = switched_on(&std::fs::read_to_string(&overlay).unwrap());
    std::fs::write(&overlay, on).unwrap();
    // What an operator makes of the example.
    std::fs::copy(place("k8s/secret.example.yaml"), overlay.with_file_name("pulsarr.sops.yaml")).unwrap();
    let built = Command::new("kubectl").arg("kustomize").arg(overlay.parent().unwrap()).output();
    let built = match built {
        Ok(built) => built,
        Err(error) => {
            return skipped("PULSARR_REQUIRE_KUBECTL", "whether what a site can switch on works", &error);
        }
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let site = Rendered { name: "a site", objects: documents(&String::from_utf8_lossy(&built.stdout)) };
    assert!(site.has("Secret", "pulsarr-secrets") && site.has("PrometheusRule", "pulsarr"));
    let web = site.one("StatefulSet", "pulsarr")["spec"]["template"]["spec"].clone();
    let preferred = &web["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(preferred[0]["preference"]["matchExpressions"][0]["key"], "example.com/primary");
    let secrets = list(&web["volumes"]).iter().find(|volume| volume["name"] == "secrets").unwrap();
    assert_eq!(secrets["secret"]["optional"], false, "settings in Git want their keys");
    assert_eq!(site.one("Ingress", "pulsarr")["spec"]["tls"][0]["secretName"], "pulsarr-homelab-tls");
    let own = json!({"podSelector": {"matchLabels": {"example.com/app": "sonarr"}}});
    let webhooks = &site.one("NetworkPolicy", "pulsarr-to-service")["spec"]["ingress"][0];
    assert!(list(&webhooks["from"]).contains(&own) && webhooks["ports"][0]["port"] == "http", "{webhooks}");
    let asked = list(&site.one("NetworkPolicy", "pulsarr-from-service-and-sync")["spec"]["egress"]).to_vec();
    let to = |port: u16| asked.iter().find(|rule| rule["ports"][0]["port"] == port).unwrap()["to"].clone();
    assert!(list(&to(8989)).contains(&own), "{asked:?}");
    let plex = json!({"ipBlock": {"cidr": "192.168.1.10/32"}});
    assert!(list(&to(32400)).contains(&plex), "{asked:?}");
    // In the place of what the component has, and not beside it.
    let ingress = &site.one("NetworkPolicy", "pulsarr-to-service")["spec"]["ingress"];
    let elsewhere = |namespace: &str| json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    let traefik = json!({"matchLabels": {"example.com/app": "traefik"}});
    let people = json!([{"namespaceSelector": elsewhere("traefik"), "podSelector": traefik}]);
    assert_eq!((&ingress[1]["from"], &ingress[1]["ports"][0]["port"]), (&people, &json!("http")));
    let prometheus = json!([{"namespaceSelector": elsewhere("observability")}]);
    assert_eq!((&ingress[2]["from"], &ingress[2]["ports"][0]["port"]), (&prometheus, &json!("metrics")));
    for kind in ["ServiceMonitor", "PrometheusRule"] {
        assert_eq!(site.one(kind, "pulsarr")["metadata"]["labels"]["release"], "prometheus", "{kind}");
    }
}

/// What the page says of those whom the policies name is what they name, so that everybody knows whether a line of the overlay is for him.
#[test]
fn the_page_says_by_what_the_others_are_known() {
    let page = read("k8s/README.md");
    let known = page.split("## What the cluster has to bring").nth(1).unwrap().split("\n## ").next().unwrap();
    let everything = Rendered::named("everything");
    let ingress = &everything.one("NetworkPolicy", "pulsarr-to-service")["spec"]["ingress"];
    let namespace = |rule: usize| {
        let labels = &ingress[rule]["from"][0]["namespaceSelector"]["matchLabels"];
        text(&labels["kubernetes.io/metadata.name"]).to_owned()
    };
    assert_eq!(ingress[1]["from"][0]["podSelector"]["matchLabels"], json!({"app.kubernetes.io/name": "traefik"}));
    let release = text(&everything.one("ServiceMonitor", "pulsarr")["metadata"]["labels"]["release"]);
    let words = known.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "Sonarr, Radarr and Plex are known by `app` and by `app.kubernetes.io/name`".to_owned(),
        format!("Traefik by `app.kubernetes.io/name` alone, in `{}`", namespace(1)),
        format!("Prometheus by its namespace `{}`", namespace(2)),
        format!("the label `release: {release}`"),
    ] {
        assert!(words.contains(&said), "{said}");
    }
}
