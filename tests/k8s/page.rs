//! The operator's page: whatever it names exists, and it promises nothing that the platform does not keep.

use std::collections::BTreeSet;

use crate::rendered::{NAMESPACE, Rendered, documents, list, number, place, read, text};

/// The page.
const PAGE: &str = "k8s/README.md";

/// Everything that stands as code, in a block or in a line.
fn code(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 1 {
            // The language stands in the first line.
            found.extend(part.lines().skip(1).map(|line| line.trim().to_owned()));
        } else {
            found.extend(part.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Everything that there is at home with everything switched on, and what is done by hand.
fn everything() -> [Rendered; 2] {
    [Rendered::named("everything"), Rendered::named("restore")]
}

/// The claim that an earlier plan left, as the component has it.
fn legacy_claim() -> String {
    let legacy = Rendered::named("legacy-claim");
    let claims = legacy.web().claims().concat();
    assert!(!legacy.has("PersistentVolumeClaim", &claims), "Git makes it grow after all");
    claims
}

/// The jobs that the page itself makes.
fn made_by_hand(code: &[String]) -> BTreeSet<&str> {
    let commands = code.iter().filter_map(|line| line.strip_prefix("kubectl create job --from="));
    commands.map(|rest| rest.split(' ').nth(1).expect("a job has a name")).collect()
}

#[test]
fn every_object_that_the_page_names_is_there() {
    let page = read(PAGE);
    let code = code(&page);
    let by_hand = made_by_hand(&code);
    assert!(by_hand.contains("sync-now"), "{by_hand:?}");
    let all = everything();
    let has = |kind: &str, name: &str| all.iter().any(|rendered| rendered.has(kind, name));
    let mut seen = 0;
    for line in &code {
        for word in line.split([' ', '=', '"', ',']) {
            let Some((kind, name)) = word.split_once('/') else { continue };
            let known = match kind {
                "cronjob" => has("CronJob", name),
                "statefulset" => has("StatefulSet", name),
                "job" => has("Job", name) || by_hand.contains(name),
                "pod" => name.strip_suffix("-0").is_some_and(|set| has("StatefulSet", set)),
                "service" => has("Service", name),
                // Nobody declares the claim of an earlier plan, and its pods mount it.
                "pvc" => has("PersistentVolumeClaim", name) || name == legacy_claim(),
                _ => continue,
            };
            assert!(known, "{line}: there is no {word}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

/// Also where only a name stands, such as that of a pod, a claim, a Secret or an alert.
#[test]
fn every_name_of_ours_on_the_page_is_somebody_s() {
    let all = everything();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for rendered in &all {
        names.extend(rendered.objects.iter().map(|object| text(&object["metadata"]["name"]).to_owned()));
        for pod in rendered.pods() {
            names.extend(pod.volumes("secret").iter().map(|volume| text(&volume["secret"]["secretName"]).to_owned()));
        }
        for set in rendered.all("StatefulSet") {
            let name = text(&set["metadata"]["name"]);
            names.extend((0..number(&set["spec"]["replicas"])).map(|index| format!("{name}-{index}")));
        }
    }
    let rules = list(&all[0].one("PrometheusRule", "pulsarr")["spec"]["groups"][0]["rules"]);
    names.extend(rules.iter().map(|rule| text(&rule["alert"]).to_owned()));
    names.insert("pulsarr-webhook-svc".to_owned());
    let code = code(&read(PAGE));
    names.extend(made_by_hand(&code).into_iter().map(str::to_owned));
    for line in &code {
        for word in line.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-')) {
            if word.starts_with("pulsarr-") || (word.starts_with("Pulsarr") && word.len() > 7) {
                assert!(names.contains(word), "{line}: nothing is called {word}");
            }
        }
    }
}

#[test]
fn every_file_folder_and_heading_that_the_page_names_is_there() {
    let page = read(PAGE);
    let folders = ["base", "components", "overlays", "operations", "flux", "rendered", "k8s", "tests"];
    let mut seen = 0;
    for line in code(&page) {
        for word in line.split(' ') {
            let word = word.trim_end_matches([':', ',']).trim_start_matches("../../");
            let first = word.split('/').next().unwrap_or_default();
            if !folders.contains(&first) || (word == first && !line.starts_with(word)) {
                continue;
            }
            let below = if ["k8s", "tests"].contains(&first) { place(word) } else { place("k8s").join(word) };
            // The operator's own, made from the example.
            assert!(below.exists() || word.ends_with("/pulsarr.sops.yaml"), "{line}: {word} is not there");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
    let headings: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-").replace(',', ""))
        .collect();
    for rest in page.split("](#").skip(1) {
        let anchor = rest.split(')').next().unwrap();
        assert!(headings.contains(anchor), "#{anchor}");
    }
}

#[test]
fn labels_that_the_page_looks_for_are_those_of_our_pods() {
    let pods = Rendered::named("everything");
    let mut seen = 0;
    for line in code(&read(PAGE)) {
        let Some(selector) = line.split(" -l ").nth(1) else { continue };
        let (label, value) = selector.split(' ').next().unwrap().split_once('=').unwrap();
        let found = pods.pods().iter().any(|pod| pod.labels[label] == value);
        assert!(found, "{line}: no pod has {label}={value}");
        seen += 1;
    }
    assert!(seen > 0);
}

/// The image has no shell and no tools: a command that needs one fails on the day when it is needed.
#[test]
pub fn nothing_but_our_own_program_is_run_in_a_pod() {
    let mut seen = 0;
    for line in code(&read(PAGE)) {
        assert!(!line.starts_with("kubectl cp"), "{line}: it needs tar in the image");
        if line.starts_with("kubectl exec") {
            let program = line.split(" -- ").nth(1).and_then(|inside| inside.split(' ').next());
            assert_eq!(program, Some("/pulsarr"), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// A failover is the sum of what the control plane, the tolerations, the grace and the volume take; the page adds up right.
#[test]
pub fn the_page_promises_no_failover_that_is_faster_than_its_parts() {
    let page = read(PAGE);
    let homelab = Rendered::homelab();
    let web = homelab.web();
    let tolerated_s = number(&list(&web.spec["tolerations"])[0]["tolerationSeconds"]);
    let grace_s = number(&web.spec["terminationGracePeriodSeconds"]);
    for figure in [
        format!("| {tolerated_s} s; Kubernetes' default would be 300 s |"),
        format!("| {grace_s} s; **never** with its default policy |"),
        format!(
            "| {} to {} s: **expect up to 4 minutes** |",
            50 + tolerated_s + grace_s + 60,
            50 + tolerated_s + grace_s + 90
        ),
    ] {
        assert!(page.contains(&figure), "{figure}");
    }
    assert!(page.contains("**Not tried on a real cluster.**"));
    assert!(page.matches("*(not measured)*").count() >= 3);
}

/// What our manifests cannot bring, the page asks of the cluster.
#[test]
pub fn the_page_asks_the_cluster_for_what_the_manifests_cannot_bring() {
    let page = read(PAGE);
    for demand in [
        "`delete-both-statefulset-and-deployment-pod`",
        "`numberOfReplicas: \"2\"`",
        "`reclaimPolicy: Retain`",
        "`allowVolumeExpansion: true`",
        "`nodeFit: true`",
        "pulling the plug",
    ] {
        assert!(page.contains(demand), "{demand}");
    }
}

/// What stands between a heading of the page and the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let rest = page.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n## ").next().unwrap()
}

/// The row of the table of symptoms that begins so.
fn row<'a>(page: &'a str, symptom: &str) -> &'a str {
    let rows = section(page, "Symptom, cause, fix").lines();
    let mut found = rows.filter(|line| line.starts_with(&format!("| {symptom}")));
    found.next().unwrap_or_else(|| panic!("no row for {symptom}"))
}

/// The Secret keeps its name, so that nothing rolls the service's pod when a key in it changes.
#[test]
fn whoever_is_told_to_change_the_secret_is_told_how_it_reaches_the_service() {
    let reaches = "kubectl delete pod/pulsarr-0 -n media";
    let page = read(PAGE);
    let everything = Rendered::named("everything");
    let rules = list(&everything.one("PrometheusRule", "pulsarr")["spec"]["groups"][0]["rules"]);
    let refused = rules.iter().find(|rule| rule["alert"] == "PulsarrCredentialsRefused").unwrap();
    for (place, words) in [
        ("exit code 77", row(&page, "exit code 77")),
        ("First set-up", section(&page, "First set-up")),
        ("the alert", text(&refused["annotations"]["description"])),
        ("the example", &read("k8s/secret.example.yaml")),
    ] {
        assert!(words.contains("Secret") && words.contains(reaches), "{place}: {words}");
    }
}

/// In a container that restarts again and again nothing can be run.
#[test]
fn advice_for_a_service_that_does_not_run_needs_none_that_runs() {
    let page = read(PAGE);
    for line in section(&page, "Symptom, cause, fix").lines() {
        assert!(!line.contains("kubectl exec"), "{line}");
    }
    assert!(row(&page, "something is wrong").contains("(#something-is-wrong)"));
    let wrong = section(&page, "Something is wrong");
    for way in [
        "kubectl logs pulsarr-0 -n media --previous",
        "--patch-file k8s/operations/doctor/patch.yaml",
        "`clusters/homelab/apps/media/pulsarr/operations/doctor/patch.yaml`",
    ] {
        assert!(wrong.contains(way), "{way}");
    }
    // A restarted container has the same mount, and so has a new pod beside one that still has it.
    assert!(row(&page, "service restarts").contains("scale to 0, end the jobs, scale to 1"));
    // Waiting by a selector would wait for the pods of jobs, too, which end and are not deleted.
    let ends_all =
        "kubectl delete pod -l app.kubernetes.io/name=pulsarr --field-selector=status.phase=Running -n media";
    // A job may begin beside a service that is still ending.
    let service_ends = "kubectl wait --for=delete pod/pulsarr-0 -n media";
    let mounts_anew = ["--replicas=0", service_ends, ends_all, "--replicas=1"];
    let places: Vec<_> = mounts_anew.iter().map(|part| wrong.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
}

/// A job that failed never becomes complete: whoever waits for that waits until the end of his patience and has learnt nothing.
#[test]
fn nobody_waits_for_a_failed_job_to_be_complete() {
    let lines = code(&read(PAGE));
    for line in &lines {
        assert!(!line.contains("condition=complete"), "{line}");
    }
    for job in ["sync-now", "before-upgrade", "pulsarr-restore", "pulsarr-doctor"] {
        assert!(lines.contains(&format!("kubectl get job/{job} -n media --watch")), "{job}");
    }
    // Nor does the job of last time answer for the one of today.
    let [old, new] =
        ["kubectl delete job/before-upgrade -n media --ignore-not-found", "before-upgrade -n media"].map(|part| {
            lines.iter().position(|line| line.contains(part) && line.contains("create") == part.starts_with('b'))
        });
    assert!(old.is_some() && old < new, "{old:?} {new:?}");
}

/// With Flux the folder is the copy in the cluster's repository; whoever has no Flux scales back himself.
#[test]
fn a_restore_is_told_for_clusters_with_flux_and_without() {
    let page = read(PAGE);
    let restore = section(&page, "Backup and restore");
    for way in [
        "kubectl apply -k clusters/homelab/apps/media/pulsarr/operations/restore",
        "`k8s/operations/restore`",
        "flux resume kustomization pulsarr",
        "`kubectl scale statefulset/pulsarr --replicas=1 -n media`",
        "`db-before-…`",
    ] {
        assert!(restore.contains(way), "{way}");
    }
    let copied = documents(&read("k8s/rendered/flux.yaml"));
    let path = text(&copied[0]["spec"]["path"]).trim_start_matches("./").trim_end_matches("/overlays/homelab");
    assert!(restore.contains(&format!("kubectl apply -k {path}/operations/restore")), "{path}");
}

/// More backups are kept than jobs that made one, so their logs do not name all of them.
#[test]
fn whoever_looks_for_a_backup_is_led_to_where_all_of_them_are_named() {
    let page = read(PAGE);
    let restore = section(&page, "Backup and restore");
    let first = restore.split("\n1. ").nth(1).and_then(|rest| rest.split("\n2. ").next()).unwrap();
    let (doctor, log) = (first.find("names every backup"), first.find("the one that it made"));
    assert!(doctor.is_some() && doctor < log && first.contains("(#something-is-wrong)"), "{first}");
    assert!(restore.contains("its log lists the backups that are there"), "{restore}");
}

/// A size in Git is patched into the claim of ours, which that component takes away: the patch then means nobody, and nobody says so.
#[test]
fn a_claim_that_git_does_not_know_is_made_larger_by_hand() {
    let page = read(PAGE);
    let claim = legacy_claim();
    let grows = format!(
        "kubectl patch pvc/{claim} -n {NAMESPACE} --patch \
         '{{\"spec\": {{\"resources\": {{\"requests\": {{\"storage\": \"5Gi\"}}}}}}}}'"
    );
    let larger = section(&page, "Day to day").split("**A larger volume**").nth(1).unwrap();
    assert!(code(larger).contains(&grows), "{grows}: {larger}");
    let earlier = section(&page, "From an earlier plan");
    for (place, words) in [("full", row(&page, "webhooks are refused with 503")), ("earlier", earlier)] {
        assert!(words.contains("[A larger volume](#day-to-day)") && words.contains(&claim), "{place}: {words}");
    }
    let everything = Rendered::named("everything");
    let rules = list(&everything.one("PrometheusRule", "pulsarr")["spec"]["groups"][0]["rules"]);
    for alert in ["PulsarrDataFolderNotWritable", "PulsarrVolumeFilling"] {
        let rule = rules.iter().find(|rule| rule["alert"] == alert).unwrap();
        let told = text(&rule["annotations"]["description"]);
        assert!(told.contains("k8s/README.md, \"A larger volume\""), "{alert}: {told}");
    }
}

/// Flux makes an empty claim where it finds none, and is refused where it finds one of another class.
#[test]
fn a_lost_volume_comes_back_under_the_claim_that_git_has() {
    let page = read(PAGE);
    let homelab = Rendered::homelab();
    let claim = homelab.all("PersistentVolumeClaim").next().unwrap();
    let (name, class) = (text(&claim["metadata"]["name"]), text(&claim["spec"]["storageClassName"]));
    let lost = section(&page, "Backup and restore").split("**A lost volume**").nth(1).unwrap();
    // Also a pod that has ended holds its claim.
    let ends_all = "kubectl delete pod -l app.kubernetes.io/name=pulsarr -n media\n";
    let deleted = format!("kubectl delete pvc/{name} -n {NAMESPACE}\n");
    let made = format!("claim `{name}`, namespace `{NAMESPACE}`, storage class `{class}`");
    let seen = format!("kubectl get pvc/{name} -n {NAMESPACE}\n");
    let steps = [
        "flux suspend kustomization pulsarr",
        "--replicas=0",
        "kubectl wait --for=delete pod/pulsarr-0 -n media",
        ends_all,
        deleted.as_str(),
        "\"Create PV/PVC\"",
        made.as_str(),
        seen.as_str(),
        "flux resume kustomization pulsarr",
    ];
    let places: Vec<_> = steps.iter().map(|step| lost.find(step).unwrap_or_else(|| panic!("{step}: {lost}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    for said in ["raise `storage` in `overlays/homelab/kustomization.yaml`", "*(not tried)*"] {
        assert!(lost.contains(said), "{said}");
    }
    let refused = row(&page, "Flux: `spec is immutable`");
    assert!(refused.contains(&format!("`{name}`")) && refused.contains("(#backup-and-restore)"), "{refused}");
    assert!(section(&page, "What to try once").contains("[lost volume](#backup-and-restore)"));
}

/// Flux makes anew what is in Git.
#[test]
fn an_earlier_plan_leaves_git_before_it_leaves_the_cluster() {
    let page = read(PAGE);
    let earlier = section(&page, "From an earlier plan");
    let (git, cluster) = (earlier.find("out of Git"), earlier.find("kubectl delete statefulset/pulsarr"));
    assert!(git.is_some() && git < cluster, "{earlier}");
}

/// The README's paragraph names what there is.
#[test]
fn the_readme_names_the_jobs_and_the_page() {
    let readme = read("README.md");
    let paragraph = section(&readme, "In Kubernetes");
    assert!(paragraph.contains("(k8s/README.md)"), "{paragraph}");
    for job in Rendered::homelab().all("CronJob") {
        let name = text(&job["metadata"]["name"]);
        assert!(paragraph.contains(&format!("`{name}`")), "{name}: {paragraph}");
    }
}
