//! What the pods are told: variables, the settings file, and secrets.

use std::collections::BTreeSet;
use std::process::Command;

use pulsarr_tests::programs::program;
use serde_json::Value;

use crate::rendered::{Rendered, documents, list, read, text};

/// Where the Secret's keys are, one file each.
const SECRETS: &str = "/run/secrets/pulsarr";

/// A ConfigMap's key becomes a variable's name: a whole `.env` under one key would be one variable with a strange name.
#[test]
pub fn every_key_of_the_environment_is_the_name_of_a_variable_of_ours() {
    for deployment in Rendered::deployments() {
        for (name, value) in deployment.config("pulsarr-environment").as_object().unwrap() {
            let ours = name == "TZ" || name.strip_prefix("PULSARR_").is_some_and(|rest| !rest.is_empty());
            assert!(ours, "{}: {name}", deployment.name);
            assert!(name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{}: {name}", deployment.name);
            assert!(!text(value).contains('\n'), "{}: {name} holds a file", deployment.name);
        }
        for pod in deployment.pods() {
            for source in list(&pod.container()["envFrom"]) {
                let keys: Vec<&String> = source.as_object().unwrap().keys().collect();
                assert_eq!(keys, ["configMapRef"], "{}: secrets come as files", pod.of);
            }
        }
    }
}

/// What stands for the content of a key.
const KEY: &str = "not-a-real-key\n";

/// The exit code of the program that checks a deployment's settings, and all that it says. `content` tells what is in a key of the Secret,
/// and `None` leaves it out.
fn checked(deployment: &Rendered, content: impl Fn(&str) -> Option<&'static str>) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let here = |path: &str| folder.path().join(path).display().to_string();
    std::fs::create_dir(here("secrets")).unwrap();
    for key in secret_keys() {
        if let Some(content) = content(&key) {
            std::fs::write(here(&format!("secrets/{key}")), content).unwrap();
        }
    }
    let settings = text(&deployment.config("pulsarr-settings")["pulsarr.yaml"]).replace(SECRETS, &here("secrets"));
    std::fs::write(here("pulsarr.yaml"), settings).unwrap();
    let mut check = Command::new(program("pulsarr"));
    check.current_dir(folder.path()).env_clear().args(["check", "--offline"]);
    for (name, value) in deployment.config("pulsarr-environment").as_object().unwrap() {
        check.env(name, text(value).replace(SECRETS, &here("secrets")));
    }
    for pod in deployment.pods() {
        for variable in pod.container()["env"].as_array().into_iter().flatten() {
            check.env(text(&variable["name"]), text(&variable["value"]));
        }
    }
    let done = check.env("PULSARR_CONFIG", here("pulsarr.yaml")).env("PULSARR_DATA_DIR", here("data")).output();
    let done = done.unwrap();
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (done.status.code(), said)
}

/// Whether a settings file or a variable makes sense is the program's to say: it reads them as they are rendered, with no network.
#[test]
pub fn the_program_takes_every_setting_as_it_is_rendered() {
    for deployment in Rendered::deployments() {
        let (code, said) = checked(&deployment, |_| Some(KEY));
        assert_eq!(code, Some(0), "{}: {said}", deployment.name);
        for word in ["warning", "WARN", "no effect", "did you mean"] {
            assert!(!said.contains(word), "{}: {said}", deployment.name);
        }
        for variable in ["PULSARR_BASE_URL", "PULSARR_AUTH", "PULSARR_RUN_LIMIT_S", "TZ"] {
            assert!(said.contains(variable), "{}: {variable} is not told of: {said}", deployment.name);
        }
    }
}

/// It is of use until there is an admin, and its variable is always there. Whatever else is left out is missed.
#[test]
fn a_setup_token_that_is_empty_or_taken_out_stops_nobody() {
    let example = read("k8s/secret.example.yaml");
    assert!(example.contains("It may be left empty, and taken out once there is an admin"), "{example}");
    let everything = Rendered::named("everything");
    for token in [Some("\n"), Some(""), None] {
        let (code, said) = checked(&everything, |key| if key == "setup-token" { token } else { Some(KEY) });
        assert_eq!(code, Some(0), "{token:?}: {said}");
    }
    let (code, said) = checked(&everything, |key| (key != "plex-token").then_some(KEY));
    assert_eq!(code, Some(78), "{said}");
}

/// Mounted whole, so that the kubelet keeps it up to date, and named by its content, so that a change rolls the pods.
#[test]
pub fn settings_that_change_reach_the_pods() {
    for deployment in Rendered::deployments() {
        for pod in deployment.pods() {
            for mount in list(&pod.container()["volumeMounts"]) {
                assert!(mount["subPath"].is_null() && mount["subPathExpr"].is_null(), "{}: {mount}", pod.of);
            }
            let file = deployment.variable("PULSARR_CONFIG").unwrap();
            let settings = pod.volumes("configMap")[0];
            let mount =
                list(&pod.container()["volumeMounts"]).iter().find(|mount| mount["name"] == settings["name"]).unwrap();
            assert_eq!(file, format!("{}/pulsarr.yaml", text(&mount["mountPath"])), "{}", pod.of);
            let from: Vec<&Value> =
                [&settings["configMap"]["name"], &pod.container()["envFrom"][0]["configMapRef"]["name"]].into();
            for (name, base) in from.into_iter().zip(["pulsarr-settings", "pulsarr-environment"]) {
                let hash = text(name).strip_prefix(base).and_then(|rest| rest.strip_prefix('-'));
                assert!(hash.is_some_and(|hash| hash.len() >= 8), "{}: {name} has no hash", pod.of);
                assert!(deployment.has("ConfigMap", text(name)), "{}: {name}", pod.of);
            }
        }
    }
}

/// The keys of the example.
fn secret_keys() -> BTreeSet<String> {
    let example = &documents(&read("k8s/secret.example.yaml"))[0];
    let data = example["stringData"].as_object().unwrap();
    assert!(data.values().all(|value| value == ""), "an example holds no secret");
    data.keys().cloned().collect()
}

/// A ConfigMap is no secret place: what it holds of them is where they are.
#[test]
pub fn no_secret_is_in_a_config_map_and_every_file_that_is_named_is_a_key_of_the_example() {
    let keys = secret_keys();
    let mut named = BTreeSet::new();
    for deployment in Rendered::deployments() {
        assert_eq!(deployment.all("Secret").count(), 0, "{}: Secrets are the operator's, encrypted", deployment.name);
        for (name, value) in deployment.config("pulsarr-environment").as_object().unwrap() {
            let secret = ["TOKEN", "KEY", "SECRET", "PASSWORD", "APPRISE"].iter().any(|word| name.contains(word));
            if secret {
                assert!(name.ends_with("_FILE"), "{}: {name}", deployment.name);
                named.insert(text(value).to_owned());
            }
        }
        let settings = text(&deployment.config("pulsarr-settings")["pulsarr.yaml"]);
        for line in settings.lines().filter(|line| !line.trim_start().starts_with('#')) {
            if let Some((_, value)) = line.split_once("token:").or(line.split_once("api_key:")) {
                let file = value.trim().strip_prefix("file:");
                named.insert(file.unwrap_or_else(|| panic!("{}: {line}", deployment.name)).to_owned());
            }
        }
        // Flux replaces dollar and braces in everything once it is told to substitute anything.
        assert!(!read(&format!("k8s/rendered/{}.yaml", deployment.name)).contains("${"), "{}", deployment.name);
    }
    let files: BTreeSet<String> = keys.iter().map(|key| format!("{SECRETS}/{key}")).collect();
    assert_eq!(named, files);
}

#[test]
fn the_secret_is_mounted_as_files_that_only_our_group_reads() {
    let example = &documents(&read("k8s/secret.example.yaml"))[0];
    for deployment in Rendered::deployments() {
        for pod in deployment.pods() {
            let secrets = pod.volumes("secret");
            assert_eq!(secrets.len(), 1, "{}", pod.of);
            let secret = &secrets[0]["secret"];
            assert_eq!(secret["secretName"], example["metadata"]["name"], "{}", pod.of);
            assert_eq!(secret["defaultMode"], 0o440, "{}", pod.of);
            // Nobody needs one who sets everything up in the browser; settings that refer to it do.
            assert_eq!(secret["optional"], deployment.name != "everything", "{}", pod.of);
            let mount = list(&pod.container()["volumeMounts"])
                .iter()
                .find(|mount| mount["name"] == secrets[0]["name"])
                .unwrap();
            assert_eq!((text(&mount["mountPath"]), &mount["readOnly"]), (SECRETS, &Value::Bool(true)), "{}", pod.of);
        }
    }
}

/// Behind a proxy everybody comes from a private address: to let those in would let everybody in.
#[test]
pub fn everybody_has_to_sign_in_and_no_proxy_is_believed_that_is_not_named() {
    for deployment in Rendered::deployments() {
        assert_eq!(deployment.variable("PULSARR_AUTH"), Some("required"), "{}", deployment.name);
        assert_eq!(deployment.variable("PULSARR_PROXY_USER_HEADER"), None, "{}", deployment.name);
        let proxies = deployment.variable("PULSARR_TRUSTED_PROXIES");
        let expected = if deployment.name == "base" { None } else { Some("10.42.0.0/16") };
        assert_eq!(proxies, expected, "{}", deployment.name);
    }
}
