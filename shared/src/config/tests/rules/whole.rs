//! Rules as a whole: their order, all that they do, and rules that cannot be meant.

use super::*;
use crate::routing::ArrOverrides;

fn warnings(yaml: &str) -> Vec<String> {
    load_after(yaml).unwrap().warnings
}

#[test]
fn rules_come_by_priority_and_then_by_position() {
    let config = load_after(
        "\
rules:
  - {name: zero, exclude: true}
  - {name: low, priority: -5, exclude: true}
  - {name: high, priority: 100, exclude: true, enabled: false}
  - {name: also zero, priority: 0, exclude: true}
",
    )
    .unwrap();
    let names: Vec<&str> = config.settings.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["high", "zero", "also zero", "low"]);
    assert!(!config.settings.rules[0].enabled);
}

#[test]
fn a_rule_says_everything_it_does() {
    let config = load_after(
        "\
rules:
  - name: everything
    route:
      - {to: anime, quality_profile: 4, root_folder_path: /anime, tags: [A, b], search_on_add: false, monitor: future,
         monitor_new_items: none, series_type: anime, season_folder: false, seasons: [0, 2, 2]}
      - {to: films-4k, monitor: none, minimum_availability: tba}
      - shows
    require_approval: it is large
    bypass_quota: true
    tag_requester: true
    label: for {user}
  - {name: asks, require_approval: true}
  - {name: gives, auto_approve: true, exclude: false, route: {to: shows}}
  - {name: plain, route: shows}
",
    )
    .unwrap();
    let [everything, asks, gives, plain] = config.settings.rules.as_slice() else { panic!("four rules") };
    assert_eq!(
        serde_json::to_string(&everything.route).unwrap(),
        r#"[{"to":"anime","quality_profile":"4","root_folder_path":"/anime","tags":["a","b"],"search_on_add":false,"monitor":"future","monitor_new_items":"none","series_type":"anime","season_folder":false,"seasons":[0,2]},{"to":"films-4k","minimum_availability":"tba","monitor":"none"},{"to":"shows"}]"#
    );
    assert!(matches!(everything.route[1].overrides.arr, Some(ArrOverrides::Radarr { .. })));
    assert_eq!(everything.route[2].overrides, crate::routing::Overrides::default());
    assert_eq!(everything.require_approval.as_deref(), Some("it is large"));
    assert!(everything.bypass_quota && everything.tag_requester && !everything.auto_approve && !everything.exclude);
    assert_eq!(everything.label.as_deref(), Some("for {user}"));
    assert_eq!(asks.require_approval.as_deref(), Some("the rule asks for it"));
    assert!(gives.auto_approve && !gives.exclude);
    assert_eq!(plain.route, gives.route);
}

#[test]
fn what_is_written_is_listed_and_what_is_not_is_counted() {
    let config = load_after(
        "\
rules:
  - name: a
    when: {year: {'>': 2000}}
    route: anime
  - {name: b, enabled: false, exclude: true}
tests:
  - {given: {type: show}, expect: {route: shows}}
",
    )
    .unwrap();
    let told: Vec<String> = listed(&config, |name| name.starts_with("rules") || name.starts_with("tests"))
        .into_iter()
        .map(|(name, value, source)| format!("{name} = {value} ({source})"))
        .collect();
    assert_eq!(
        told,
        [
            "rules[0].name = a (pulsarr.yaml:7)",
            "rules[0].when.year = year > 2000 (pulsarr.yaml:8)",
            "rules[0].route = anime (pulsarr.yaml:9)",
            "rules[1].name = b (pulsarr.yaml:10)",
            "rules[1].enabled = false (pulsarr.yaml:10)",
            "rules[1].exclude = true (pulsarr.yaml:10)",
            "rules = 2, 1 of them switched off (pulsarr.yaml:6)",
            "tests = 1 (pulsarr.yaml:11)",
        ]
    );
    let config = load("").unwrap();
    let none = listed(&config, |name| name == "rules" || name == "tests");
    assert_eq!(none, [("rules", "(none)", "default".to_owned()), ("tests", "(none)", "default".to_owned())]);
}

#[test]
fn mistakes_in_rules_are_named() {
    check(
        "rules:\n  - {name: Anime, exclude: true}\n  - {name: anime, exclude: true}\n",
        &[(3, "rules[1].name: rules[0] is called `Anime` already: give each rule its own name")],
    );
    check("rules:\n  - {exclude: true}\n", &[(2, "rules[0].name: is missing: add `name: …`")]);
    check(
        "rules:\n  - {name: a, when: {type: show}}\n",
        &[(
            2,
            "rules[0]: does nothing: add one of route, require_approval, auto_approve, bypass_quota, exclude, tag_requester, \
             label",
        )],
    );
    check(
        "rules:\n  - {name: a, exclude: true, route: anime, label: x}\n",
        &[(2, "rules[0].exclude: a rule that excludes does nothing else: remove `route`, `label`, or make two rules")],
    );
    check(
        "rules:\n  - {name: a, require_approval: why, auto_approve: true}\n",
        &[(2, "rules[0].auto_approve: this rule asks for approval and gives it at once: keep one of the two")],
    );
    check(
        "rules:\n  - {name: a, exclude: true, priority: 1000001}\n",
        &[(2, "rules[0].priority: expected a whole number from -1000000 to 1000000, found `1000001`")],
    );
    check("rules:\n  - {name: a, exclude: yes}\n", &[(2, "rules[0].exclude: expected true or false, found `yes`")]);
    check(
        "rules:\n  - {name: a, exclude: true, prio: 7}\n",
        &[(
            2,
            "rules[0].prio: unknown key `prio`: known here are name, \
        enabled, priority, when, route, require_approval, auto_approve, bypass_quota, exclude, tag_requester, label",
        )],
    );
    check(
        &format!("rules:\n  - {{name: {}, exclude: true}}\n", "x".repeat(101)),
        &[(2, "rules[0].name: has 101 characters; 100 are allowed: shorten the name")],
    );
    check(
        &format!("rules:\n  - {{name: a, label: {}}}\n", "x".repeat(301)),
        &[(2, "rules[0].label: has 301 characters; 300 are allowed: shorten it")],
    );
}

#[test]
fn the_same_priority_for_the_same_instance_is_refused_only_where_it_is_written() {
    check(
        "\
rules:
  - {name: a, route: [anime, shows], priority: 10}
  - name: b
    priority: 10
    route: [films-4k, anime]
  - {name: c, route: anime, priority: 11}
  - {name: d, route: movies, priority: 10}
",
        &[(
            4,
            "rules[1].priority: rule `a` in line 7 has priority 10 too, and both send titles to `anime`: give one of them \
             another number",
        )],
    );
    check(
        "rules:\n  - {name: a, route: anime, priority: 7, when: {genr: x}}\n  - {name: b, route: anime, priority: 7}\n",
        &[(2, "rules[0].when.genr: unknown field `genr`: did you mean `genre`?")],
    );
    for fine in [
        "rules:\n  - {name: a, route: anime}\n  - {name: b, route: anime}\n",
        "rules:\n  - {name: a, route: anime, priority: 0}\n  - {name: b, route: anime}\n",
        "rules:\n  - {name: a, route: anime, priority: 7}\n  - {name: b, route: anime, priority: 7, enabled: false}\n",
        "rules:\n  - {name: a, exclude: true, priority: 7, when: {year: 1}}\n  - {name: b, route: anime, priority: 7}\n"
            .replace("year: 1", "year: 2001")
            .as_str(),
    ] {
        assert!(load_after(fine).is_ok(), "{fine}");
    }
}

#[test]
fn rules_that_cannot_work_are_warned_of() {
    let place = "pulsarr.yaml:7: rules[0] (`a`)";
    assert_eq!(
        warnings(&rule_when("{year: {'>': 2010, '<': 2000}}")),
        [format!("{place} can never match: nothing satisfies `year > 2010` and `year < 2000` at once")]
    );
    assert_eq!(
        warnings(&rule_when("{streaming_service: Netflix}")),
        [format!("{place} asks for `streaming_service`, which nobody can tell without `tmdb.api_key`: set it")]
    );
    assert_eq!(
        warnings(&rule_when("{in_plex: true}")),
        [format!("{place} asks for `in_plex`, which nobody can tell without `plex.server_url`: set it")]
    );
    assert_eq!(
        warnings("rules:\n  - {name: a, exclude: true}\n"),
        [format!("{place} excludes everything: while it is enabled, nothing is ever added")]
    );
    assert_eq!(warnings("rules:\n  - {name: a, exclude: true, enabled: false}\n"), [""; 0]);
}

#[test]
fn rules_can_be_looked_at_where_no_secrets_are() {
    let dir = folder(&[("pulsarr.yaml", &format!("{INSTANCES}plex: {{token: 'file:/nowhere'}}\n"))]);
    let vars = || std::iter::empty::<(String, String)>();
    assert!(Config::load(vars(), dir.path()).is_err());
    let config = Config::load_without_secrets(vars(), dir.path()).unwrap();
    assert_eq!(config.settings.instances.len(), 4);
    assert_eq!(config.warnings, [""; 0]);
}
