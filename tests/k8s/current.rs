//! What is rendered is what the kustomizations say, and they can be built by anybody.

use std::process::Command;

use crate::rendered::{documents, list, place, read, skipped, text};

/// Each kustomization that is rendered, with the file's name.
const RENDERED: [(&str, &str); 6] = [
    ("base", "base"),
    ("overlays/homelab", "homelab"),
    ("overlays/examples/everything", "everything"),
    ("overlays/examples/legacy-claim", "legacy-claim"),
    ("operations/restore", "restore"),
    ("flux", "flux"),
];

/// Compared as values: versions of kustomize put keys in another order.
#[test]
fn what_is_rendered_is_what_kustomize_makes_of_the_sources() {
    for (folder, name) in RENDERED {
        let built = Command::new("kubectl").arg("kustomize").arg(place("k8s").join(folder)).output();
        let built = match built {
            Ok(built) => built,
            Err(error) => {
                return skipped("PULSARR_REQUIRE_KUBECTL", "whether k8s/rendered is what kubectl makes", &error);
            }
        };
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{folder}: {said}");
        // A word about something that is going out of use goes there too.
        assert!(said.trim().is_empty(), "{folder}: {said}");
        let fresh = documents(&String::from_utf8_lossy(&built.stdout));
        let kept = documents(&read(&format!("k8s/rendered/{name}.yaml")));
        assert!(fresh == kept, "k8s/rendered/{name}.yaml is not what {folder} comes to: run k8s/render");
    }
}

/// Every rendering is tested, and nothing old lies beside them.
#[test]
fn nothing_else_is_rendered() {
    let mut files: Vec<String> = std::fs::read_dir(place("k8s/rendered"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    let mut expected: Vec<String> = RENDERED.iter().map(|(_, name)| format!("{name}.yaml")).collect();
    expected.sort_unstable();
    assert_eq!(files, expected);
    let script = read("k8s/render");
    for (folder, name) in RENDERED {
        assert!(script.contains(&format!("\nrender {folder} {name}\n")), "{folder}");
    }
}

/// kubectl refuses a file from outside the kustomization's own folder, and Flux may not: only folders may be named there.
#[test]
pub fn no_kustomization_takes_a_file_from_outside_its_folder() {
    for path in kustomizations("k8s") {
        let folder = place(&path).parent().unwrap().to_owned();
        let kustomization = &documents(&read(&path))[0];
        let mut named: Vec<&str> = Vec::new();
        for key in ["resources", "components"] {
            named.extend(kustomization[key].as_array().into_iter().flatten().map(text));
        }
        for generator in kustomization["configMapGenerator"].as_array().into_iter().flatten() {
            for key in ["files", "envs"] {
                named.extend(generator[key].as_array().into_iter().flatten().map(text));
            }
        }
        for patch in kustomization["patches"].as_array().into_iter().flatten() {
            named.extend(patch["path"].as_str());
        }
        for name in named {
            let meant = folder.join(name);
            assert!(meant.exists(), "{path}: {name} is not there");
            assert!(meant.is_dir() || !name.contains(".."), "{path}: {name} is outside");
        }
    }
}

/// Whatever is patched says so in one place: no overlay or component changes what another one has changed.
#[test]
pub fn no_patch_is_applied_twice() {
    for path in kustomizations("k8s") {
        let kustomization = &documents(&read(&path))[0];
        let patches = kustomization["patches"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (index, patch) in patches.iter().enumerate() {
            assert!(!patches[..index].contains(patch), "{path}: {patch}");
            assert!(
                patch["path"].is_null(),
                "{path}: a patch stands where it is used, not in a file that others name too"
            );
            assert!(!text(&patch["patch"]).contains("updateStrategy"), "{path}: the base says it");
        }
    }
    for deployment in crate::rendered::Rendered::deployments() {
        for pod in deployment.pods() {
            let container = pod.container();
            let env = container["env"].as_array().cloned().unwrap_or_default();
            for (what, items, key) in [
                ("toleration", list(&pod.spec["tolerations"]), None),
                ("volume", list(&pod.spec["volumes"]), Some("name")),
                ("mount", list(&container["volumeMounts"]), Some("mountPath")),
                ("variable", &env, Some("name")),
            ] {
                let keys: Vec<_> = items.iter().map(|item| key.map_or(item, |key| &item[key])).collect();
                for (index, key) in keys.iter().enumerate() {
                    assert!(!keys[..index].contains(key), "{}: {what} {key} is there twice", pod.of);
                }
            }
        }
    }
}

/// Every `kustomization.yaml` below a folder of the project.
fn kustomizations(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            found.extend(kustomizations(&path));
        } else if path.ends_with("/kustomization.yaml") {
            found.push(path);
        }
    }
    found
}
