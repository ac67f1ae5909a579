//! Who reaches whom: Services, the ingress, policies, and every address that is written down anywhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::rendered::{NAMESPACE, Rendered, list, matches, number, place, read, text};

/// Other applications' Services in the same namespace, with their ports.
const NEIGHBOURS: [(&str, i64); 3] = [("plex", 32_400), ("radarr", 7_878), ("sonarr", 8_989)];

fn ports(service: &Value) -> Vec<(&str, i64, &str)> {
    let ports = list(&service["spec"]["ports"]).iter();
    ports.map(|port| (text(&port["name"]), number(&port["port"]), text(&port["targetPort"]))).collect()
}

#[test]
fn the_service_has_the_port_for_people_and_the_one_for_webhooks() {
    for deployment in Rendered::deployments() {
        let service = deployment.one("Service", "pulsarr");
        assert_eq!(ports(service), [("http", 80, "http"), ("webhook", 3_003, "http")], "{}", deployment.name);
        let headless = deployment.one("Service", "pulsarr-headless");
        assert_eq!(ports(headless), [("http", 3_003, "http"), ("metrics", 9_090, "metrics")], "{}", deployment.name);
        // Nothing but the Ingress leads in from outside: k3s would publish a LoadBalancer's ports on every node, webhooks too.
        for service in deployment.all("Service") {
            let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP");
            let open = (kind, &service["spec"]["externalIPs"]);
            assert_eq!(open, ("ClusterIP", &Value::Null), "{}: {}", deployment.name, service["metadata"]["name"]);
        }
        for kind in ["IngressRoute", "IngressRouteTCP", "HTTPRoute"] {
            assert!(!deployment.all(kind).any(|_| true), "{}: {kind}", deployment.name);
        }
    }
}

#[test]
fn named_ports_are_the_container_s_and_where_the_service_listens() {
    for deployment in Rendered::deployments() {
        let web = deployment.web();
        let declared = list(&web.container()["ports"]);
        for (name, variable) in [("http", "PULSARR_PORT"), ("metrics", "PULSARR_METRICS_PORT")] {
            let port = declared.iter().find(|port| port["name"] == name).unwrap();
            let listens = deployment.variable(variable).unwrap();
            assert_eq!(port["containerPort"].to_string(), listens, "{}: {name}", web.of);
        }
    }
}

/// Pods of jobs have no probe and so count as ready: a selector that meant them would send webhooks there.
#[test]
pub fn every_selector_means_the_service_s_pod_and_no_job() {
    for deployment in Rendered::deployments() {
        for service in deployment.all("Service") {
            assert_eq!(deployment.meant_by(&service["spec"]["selector"]), ["web"], "{}", deployment.name);
        }
        for set in deployment.all("StatefulSet") {
            assert_eq!(deployment.meant_by(&set["spec"]["selector"]), ["web"], "{}", deployment.name);
        }
    }
}

#[test]
fn everything_has_the_recommended_labels_and_a_component_of_its_own() {
    for deployment in Rendered::deployments() {
        for object in &deployment.objects {
            let of = format!("{}: {} {}", deployment.name, object["kind"], object["metadata"]["name"]);
            // What a component or overlay adds is named after us all the same.
            assert!(text(&object["metadata"]["name"]).starts_with("pulsarr") || object["kind"] == "Namespace", "{of}");
        }
        let mut components = BTreeSet::new();
        for pod in deployment.pods() {
            for label in ["name", "component", "part-of", "version", "managed-by"] {
                let label = format!("app.kubernetes.io/{label}");
                assert!(pod.labels[&label].is_string(), "{}: {label}", pod.of);
                assert!(pod.owner["metadata"]["labels"][&label].is_string(), "{}: {label}", pod.of);
            }
            assert_eq!(pod.labels["app.kubernetes.io/name"], "pulsarr", "{}", pod.of);
            assert!(components.insert(pod.component().to_owned()), "{}: the component is somebody else's too", pod.of);
        }
    }
}

/// Host and port of every address in a text. `None` where no port is written.
fn addresses(text: &str) -> Vec<(String, Option<i64>)> {
    let mut found = Vec::new();
    for (scheme, default) in [("http://", 80), ("https://", 443)] {
        for rest in text.split(scheme).skip(1) {
            let ends = |char: char| !(char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | ':'));
            let place = rest.split(ends).next().unwrap_or_default().trim_end_matches(['.', ':']);
            let (host, port) = place.split_once(':').unwrap_or((place, ""));
            let port = if port.is_empty() { None } else { Some(port.parse().unwrap_or(default)) };
            found.push((host.to_owned(), port));
        }
    }
    found
}

/// Every text of the project in which an address may stand that people copy or a cluster uses: its path, and what it says.
fn texts() -> Vec<(String, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(place(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                if !["target", ".git"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if [".md", ".yaml", ".yml", ".env", ".json", ".html"].iter().any(|end| name.ends_with(end))
                && name != ".env"
            {
                found.push((path.clone(), read(&path)));
            }
        }
    }
    found
}

/// What a host means in our namespace: the Service's name, where it is written as `name`, `name.media`, `name.media.svc` or in full.
/// `None` for other people's hosts.
fn service_of(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.').unwrap_or((host, ""));
    if let Some(inside) = rest.strip_suffix(".svc.cluster.local").or(rest.strip_suffix(".svc")) {
        assert_eq!(inside, NAMESPACE, "{host}");
        return Some(name);
    }
    // `sonarr-anime` is a Sonarr.
    let application = name.split('-').next().unwrap();
    let is_known = application == "pulsarr" || NEIGHBOURS.iter().any(|(neighbour, _)| *neighbour == application);
    (is_known && ["", NAMESPACE].contains(&rest)).then_some(name)
}

/// A ClusterIP forwards the ports that it declares and no other: an address with another port, or of another name, is answered by nobody.
#[test]
pub fn every_address_that_is_written_down_is_answered_by_a_declared_port() {
    let homelab = Rendered::homelab();
    let mut seen = BTreeSet::new();
    for (place, content) in texts() {
        for (host, port) in addresses(&content) {
            let Some(name) = service_of(&host) else {
                if let Some(name) = host.strip_suffix(".homelab") {
                    assert_eq!((name, port), ("pulsarr", None), "{place}: {host}");
                    seen.insert("ingress".to_owned());
                }
                continue;
            };
            let port = port.unwrap_or(80);
            let application = name.split('-').next().unwrap();
            if let Some((_, known)) = NEIGHBOURS.iter().find(|(neighbour, _)| *neighbour == application) {
                assert_eq!(port, *known, "{place}: {host}");
            } else {
                // The headless name has no address while the pod is not there, and is the metrics' alone.
                assert_eq!(name, "pulsarr", "{place}: {host}");
                let declared = ports(homelab.one("Service", name));
                assert!(declared.iter().any(|(_, number, _)| *number == port), "{place}: {host}:{port}");
            }
            seen.insert(name.to_owned());
            seen.insert(format!("{place} {host}"));
        }
    }
    for expected in ["pulsarr", "radarr", "sonarr", "ingress", "README.md radarr", "README.md sonarr"] {
        assert!(seen.contains(expected), "no address of {expected} was found");
    }
}

/// What the arrs call back is a Service in front of the service's own port.
#[test]
fn the_callback_address_is_the_service_s_by_its_port_for_webhooks() {
    for deployment in Rendered::deployments() {
        let expected = format!("http://pulsarr.{NAMESPACE}.svc.cluster.local:3003");
        assert_eq!(deployment.variable("PULSARR_BASE_URL"), Some(expected.as_str()), "{}", deployment.name);
    }
}

/// The port is in the address and nowhere else, and a policy lets it pass.
#[test]
pub fn addresses_of_instances_name_their_port() {
    let everything = Rendered::named("everything");
    let settings = text(&everything.config("pulsarr-settings")["pulsarr.yaml"]);
    let instances = addresses(settings);
    assert_eq!(instances.len(), 2, "{settings}");
    let allowed = read("k8s/components/network-policy/from-service-and-sync.yaml");
    for (host, port) in instances {
        let port = port.unwrap_or_else(|| panic!("{host} names no port"));
        assert!(allowed.contains(&format!("port: {port}}}")), "{host}:{port}");
    }
}

/// The first parts of the paths that the service answers pages at, from its own tables.
fn page_paths() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![place("webhook-svc/src/pages")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let opens = ["path: ", "Page::shown(", "Page::form("];
            let written = opens.iter().flat_map(|open| source.split(open).skip(1));
            for rest in written.filter_map(|rest| rest.trim_start().strip_prefix("\"/")) {
                let path = rest.split('"').next().unwrap();
                found.insert(format!("/{}", path.split('/').next().unwrap()));
            }
        }
    }
    found
}

/// Page by page: what is not named is not published.
#[test]
pub fn the_ingress_publishes_pages_and_the_api_and_nothing_that_only_the_cluster_asks() {
    let mut expected = page_paths();
    assert!(expected.contains("/") && expected.contains("/watchlist") && expected.len() >= 10, "{expected:?}");
    expected.extend(["/api".to_owned(), "/assets".to_owned()]);
    for deployment in Rendered::deployments() {
        let ingress = deployment.one("Ingress", "pulsarr");
        assert_eq!(ingress["spec"]["ingressClassName"], "traefik", "{}", deployment.name);
        let rules = list(&ingress["spec"]["rules"]);
        assert_eq!(rules.len(), 1, "{}", deployment.name);
        assert_eq!(rules[0]["host"], "pulsarr.homelab", "{}", deployment.name);
        let paths = list(&rules[0]["http"]["paths"]);
        for path in paths {
            let kind = if path["path"] == "/" { "Exact" } else { "Prefix" };
            assert_eq!(path["pathType"], kind, "{}: {path}", deployment.name);
            assert_eq!(path["backend"], json!({"service": {"name": "pulsarr", "port": {"name": "http"}}}), "{path}");
        }
        let published: BTreeSet<String> = paths.iter().map(|path| text(&path["path"]).to_owned()).collect();
        assert_eq!(published, expected, "{}", deployment.name);
        for hidden in ["/webhook", "/metrics", "/healthz", "/readyz"] {
            assert!(!published.contains(hidden), "{}: {hidden}", deployment.name);
        }
        // Whatever else has an entrance leads to this one, as `people_come_by_https` has it.
        let entrance = "traefik.ingress.kubernetes.io/router.entrypoints";
        let publishes = |ingress: &&Value| ingress["metadata"]["annotations"][entrance] != "web";
        let open: Vec<&Value> = deployment.all("Ingress").filter(publishes).collect();
        assert_eq!(open.iter().map(|ingress| text(&ingress["metadata"]["name"])).collect::<Vec<_>>(), ["pulsarr"]);
    }
}

/// Passwords and cookies never travel in clear on the network at home.
#[test]
pub fn people_come_by_https_and_cookies_are_for_https() {
    for deployment in Rendered::deployments() {
        for ingress in deployment.all("Ingress") {
            let of = format!("{}: {}", deployment.name, ingress["metadata"]["name"]);
            let annotations = &ingress["metadata"]["annotations"];
            let entrance = &annotations["traefik.ingress.kubernetes.io/router.entrypoints"];
            if entrance == "websecure" {
                assert_eq!(ingress["spec"]["tls"][0]["hosts"], json!(["pulsarr.homelab"]), "{of}");
                continue;
            }
            assert_eq!(entrance, "web", "{of}");
            let middleware = text(&annotations["traefik.ingress.kubernetes.io/router.middlewares"]);
            let name =
                middleware.strip_prefix(&format!("{NAMESPACE}-")).and_then(|rest| rest.strip_suffix("@kubernetescrd"));
            let leads = &deployment.one("Middleware", name.unwrap())["spec"]["redirectScheme"];
            assert_eq!(leads["scheme"], "https", "{of}");
        }
        let secure = deployment.variable("PULSARR_COOKIE_SECURE");
        let expected = if deployment.name == "base" { None } else { Some("true") };
        assert_eq!(secure, expected, "{}", deployment.name);
    }
}

fn policy<'a>(deployment: &'a Rendered, name: &str) -> &'a Value {
    &deployment.one("NetworkPolicy", name)["spec"]
}

/// What a policy says but for whose it is. It is compared as a whole: a peer that is missing is everybody, and one that is misspelt nobody.
fn says(deployment: &Rendered, name: &str) -> Value {
    let mut spec = policy(deployment, name).clone();
    spec.as_object_mut().unwrap().remove("podSelector").unwrap();
    spec
}

/// With the webhooks' own password, which the service asks for, this is the second lock.
#[test]
pub fn only_the_arrs_traefik_and_prometheus_reach_the_service_and_nobody_reaches_a_job() {
    let to_service = json!({
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchExpressions": [
                        {"key": "app.kubernetes.io/name", "operator": "In", "values": ["sonarr", "radarr"]},
                    ]}},
                    {"podSelector": {"matchExpressions": [
                        {"key": "app", "operator": "In", "values": ["sonarr", "radarr"]},
                    ]}},
                ],
                "ports": [{"protocol": "TCP", "port": "http"}],
            },
            {
                "from": [{
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "traefik"}},
                }],
                "ports": [{"protocol": "TCP", "port": "http"}],
            },
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [{"protocol": "TCP", "port": "metrics"}],
            },
        ],
    });
    for deployment in Rendered::deployments().filter(|deployment| deployment.name != "base") {
        let service = policy(&deployment, "pulsarr-to-service");
        assert_eq!(deployment.meant_by(&service["podSelector"]), ["web"], "{}", deployment.name);
        assert_eq!(says(&deployment, "pulsarr-to-service"), to_service, "{}", deployment.name);
        let jobs = policy(&deployment, "pulsarr-to-jobs");
        assert_eq!(deployment.meant_by(&jobs["podSelector"]), ["backup", "sync", "upkeep"], "{}", deployment.name);
        assert_eq!(says(&deployment, "pulsarr-to-jobs"), json!({"policyTypes": ["Ingress"]}), "{}", deployment.name);
        // What one policy allows no other one forbids.
        let mut names: Vec<_> = deployment.all("NetworkPolicy").map(|it| text(&it["metadata"]["name"])).collect();
        names.sort_unstable();
        let known =
            ["pulsarr-from-other-jobs", "pulsarr-from-service-and-sync", "pulsarr-to-jobs", "pulsarr-to-service"];
        assert_eq!(names, known, "{}", deployment.name);
    }
}

#[test]
pub fn the_service_and_the_sync_reach_names_arrs_and_the_internet_and_other_jobs_reach_nobody() {
    let asked = json!({
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [{
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }],
                // Long answers come by TCP.
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
            },
            {
                "to": [
                    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "sonarr"}}},
                    {"podSelector": {"matchLabels": {"app": "sonarr"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 8_989}],
            },
            {
                "to": [
                    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "radarr"}}},
                    {"podSelector": {"matchLabels": {"app": "radarr"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 7_878}],
            },
            {
                "to": [
                    {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "plex"}}},
                    {"podSelector": {"matchLabels": {"app": "plex"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 32_400}],
            },
            {
                "to": [
                    {"ipBlock": {
                        "cidr": "0.0.0.0/0",
                        "except": ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
                    }},
                    {"ipBlock": {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}},
                ],
                "ports": [{"protocol": "TCP", "port": 443}],
            },
        ],
    });
    for deployment in Rendered::deployments().filter(|deployment| deployment.name != "base") {
        let both = policy(&deployment, "pulsarr-from-service-and-sync");
        assert_eq!(deployment.meant_by(&both["podSelector"]), ["sync", "web"], "{}", deployment.name);
        assert_eq!(says(&deployment, "pulsarr-from-service-and-sync"), asked, "{}", deployment.name);
        let others = policy(&deployment, "pulsarr-from-other-jobs");
        assert_eq!(deployment.meant_by(&others["podSelector"]), ["backup", "upkeep"], "{}", deployment.name);
        let nobody = json!({"policyTypes": ["Egress"]});
        assert_eq!(says(&deployment, "pulsarr-from-other-jobs"), nobody, "{}", deployment.name);
        // A restore is a rendering of its own.
        let restore = Rendered::named("restore");
        for policy in [others, policy(&deployment, "pulsarr-to-jobs")] {
            assert!(matches(&policy["podSelector"], restore.pods()[0].labels), "{}: {policy}", deployment.name);
        }
    }
}
