//! The deployment as `k8s/render` wrote it: objects, the pods they make, and who is meant by a selector.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

/// Everything that is deployed as it is.
pub const DEPLOYMENTS: [&str; 4] = ["base", "homelab", "everything", "legacy-claim"];

/// Where an object is that names no namespace: the page installs everything there.
pub const NAMESPACE: &str = "media";

/// A file or folder of the project.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace").join(path)
}

/// What becomes of a file's text before a test sees it.
pub type Alteration = Box<dyn Fn(&str, String) -> String>;

thread_local! {
    static ALTERATION: RefCell<Option<Alteration>> = const { RefCell::new(None) };
    /// Whether an alteration itself failed.
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

/// A file's text.
pub fn read(path: &str) -> String {
    let text = std::fs::read_to_string(place(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    ALTERATION.with_borrow(|alteration| match alteration {
        None => text,
        Some(alteration) => catch_unwind(AssertUnwindSafe(|| alteration(path, text))).unwrap_or_else(|why| {
            BROKEN.set(true);
            resume_unwind(why)
        }),
    })
}

/// Why a test fails where it reads files altered; `None` when it passes. An alteration that fails itself shows nothing of the test, and
/// fails whoever asked.
pub fn fails_with(alteration: Alteration, test: fn()) -> Option<String> {
    ALTERATION.set(Some(alteration));
    let outcome = catch_unwind(test);
    ALTERATION.set(None);
    let why = outcome.err()?;
    if BROKEN.take() {
        resume_unwind(why);
    }
    let text = why.downcast_ref::<String>().cloned().or(why.downcast_ref::<&str>().map(|&text| text.to_owned()));
    Some(text.unwrap_or_default())
}

#[test]
#[should_panic(expected = "there is nothing to alter")]
fn an_alteration_that_fails_is_not_a_test_that_fails() {
    let why = fails_with(Box::new(|_, _| panic!("there is nothing to alter")), || assert_eq!(read("k8s/render"), ""));
    panic!("it was taken for one: {why:?}");
}

/// Says past the test harness, which would swallow it, what is not tried here, and why.
///
/// # Panics
/// When the variable asks for it to be tried.
pub fn skipped(required: &str, what: &str, why: &std::io::Error) {
    let is_required = std::env::var(required).is_ok_and(|value| value == "1");
    assert!(!is_required, "{required}=1, and {what} cannot be told: {why}");
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}, because {why}");
}

/// Every document of a text, empty ones left out.
pub fn documents(text: &str) -> Vec<Value> {
    let parsed = Yaml::load_from_str(text).unwrap_or_else(|error| panic!("no YAML ({error}):\n{text}"));
    parsed.iter().map(value).filter(|value| !value.is_null()).collect()
}

/// JSON says the same as YAML here, and is easier to walk through.
fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(pairs) => {
            let key = |node: &Yaml<'_>| node.as_str().map_or_else(|| value(node).to_string(), str::to_owned);
            Value::Object(pairs.iter().map(|(name, node)| (key(name), value(node))).collect())
        }
        Yaml::Representation(..) | Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::BadValue => {
            panic!("a rendered file has plain values only, not {node:?}")
        }
    }
}

/// What one kustomization comes to.
pub struct Rendered {
    /// The file's name without its end.
    pub name: &'static str,
    /// In the file's order.
    pub objects: Vec<Value>,
}

/// A pod that one of the objects makes.
pub struct Pod<'a> {
    /// `homelab: CronJob pulsarr-sync`, for messages.
    pub of: String,
    /// What makes it.
    pub owner: &'a Value,
    /// Its labels.
    pub labels: &'a Value,
    /// Its spec.
    pub spec: &'a Value,
}

impl Rendered {
    /// One of `k8s/rendered`.
    pub fn named(name: &'static str) -> Self {
        Self { name, objects: documents(&read(&format!("k8s/rendered/{name}.yaml"))) }
    }

    /// All that are deployed.
    pub fn deployments() -> impl Iterator<Item = Self> {
        DEPLOYMENTS.into_iter().map(Self::named)
    }

    /// The cluster at home.
    pub fn homelab() -> Self {
        Self::named("homelab")
    }

    /// All objects of a kind.
    pub fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The object of this kind and name.
    pub fn one(&self, kind: &str, name: &str) -> &Value {
        let found = self.objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("{}: no {kind} {name}", self.name))
    }

    /// Whether it is there.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.all(kind).any(|object| object["metadata"]["name"] == name)
    }

    /// The data of the ConfigMap whose name begins with this, in front of the hash.
    pub fn config(&self, name: &str) -> &Value {
        let mut found = self.all("ConfigMap").filter(|map| text(&map["metadata"]["name"]).starts_with(name));
        &found.next().unwrap_or_else(|| panic!("{}: no ConfigMap {name}", self.name))["data"]
    }

    /// A variable of the environment that every pod is given.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.config("pulsarr-environment")[name].as_str()
    }

    /// Every pod that any object makes.
    pub fn pods(&self) -> Vec<Pod<'_>> {
        let pod = |object| pod_of(self.name, object);
        self.objects.iter().filter_map(pod).collect()
    }

    /// The pods of the CronJobs.
    pub fn job_pods(&self) -> Vec<Pod<'_>> {
        self.pods().into_iter().filter(|pod| pod.owner["kind"] == "CronJob").collect()
    }

    /// The service's pod.
    pub fn web(&self) -> Pod<'_> {
        let pod = pod_of(self.name, self.one("StatefulSet", "pulsarr"));
        pod.expect("a StatefulSet makes a pod")
    }

    /// The components of the pods that a selector of labels means.
    pub fn meant_by(&self, selector: &Value) -> Vec<String> {
        let meant = self.pods().into_iter().filter(|pod| matches(selector, pod.labels));
        let mut components: Vec<String> = meant.map(|pod| pod.component().to_owned()).collect();
        components.sort_unstable();
        components
    }
}

/// The pod that an object makes, if it makes one.
fn pod_of<'a>(rendered: &str, object: &'a Value) -> Option<Pod<'a>> {
    let kind = text(&object["kind"]);
    let template = match kind {
        "StatefulSet" | "Deployment" | "DaemonSet" | "Job" => &object["spec"]["template"],
        "CronJob" => &object["spec"]["jobTemplate"]["spec"]["template"],
        _ => return None,
    };
    let of = format!("{rendered}: {kind} {}", text(&object["metadata"]["name"]));
    Some(Pod { of, owner: object, labels: &template["metadata"]["labels"], spec: &template["spec"] })
}

impl Pod<'_> {
    /// `web`, `sync`, …
    pub fn component(&self) -> &str {
        text(&self.labels["app.kubernetes.io/component"])
    }

    /// Its one container.
    pub fn container(&self) -> &Value {
        let containers = list(&self.spec["containers"]);
        assert!(containers.len() == 1 && self.spec["initContainers"].is_null(), "{}: one container", self.of);
        &containers[0]
    }

    /// Its volumes that are of this sort: `emptyDir`, `secret`, …
    pub fn volumes(&self, sort: &str) -> Vec<&Value> {
        list(&self.spec["volumes"]).iter().filter(|volume| !volume[sort].is_null()).collect()
    }

    /// The names of the claims that it mounts.
    pub fn claims(&self) -> Vec<&str> {
        let volumes = self.volumes("persistentVolumeClaim").into_iter();
        volumes.map(|volume| text(&volume["persistentVolumeClaim"]["claimName"])).collect()
    }
}

/// Whether a selector, of `matchLabels` and `matchExpressions` or of labels alone, means somebody with these labels.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    let all =
        |wanted: &Value| wanted.as_object().is_none_or(|wanted| wanted.iter().all(|(name, it)| labels[name] == *it));
    if selector["matchLabels"].is_null() && selector["matchExpressions"].is_null() {
        return all(selector);
    }
    let expressions = selector["matchExpressions"].as_array().map(Vec::as_slice).unwrap_or_default();
    all(&selector["matchLabels"])
        && expressions.iter().all(|expression| {
            assert_eq!(expression["operator"], "In", "the only one that is used here: {expression}");
            list(&expression["values"]).contains(&labels[text(&expression["key"])])
        })
}

/// A value that has to be a text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text is expected, not {value}"))
}

/// A value that has to be a list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list is expected, not {value}"))
}

/// A value that has to be a whole number.
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a whole number is expected, not {value}"))
}
