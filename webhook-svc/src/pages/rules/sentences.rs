//! A rule in one sentence.

use pulsarr_shared::routing::{Condition, RouteTo, Rule};

/// Characters of each half of the sentence; the rest is on the rule's own page.
const LONGEST: usize = 200;

/// `When year < 1960: goes to uhd.`
pub fn sentence(rule: &Rule) -> String {
    let condition = rule.when.written();
    let when = match *condition == Condition::always() {
        true => "Always".to_owned(),
        false => format!("When {}", bounded(condition_in_words(condition, false))),
    };
    format!("{when}: {}.", bounded(actions(rule)))
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `inner`: it stands in another one, so several parts stand in brackets.
fn condition_in_words(condition: &Condition, inner: bool) -> String {
    let joined = |parts: &[Condition], word: &str| {
        // A sentence is short: what comes later is cut off anyway.
        let said = parts.iter().take(LONGEST / 4).map(|part| condition_in_words(part, parts.len() > 1));
        let text = said.collect::<Vec<_>>().join(word);
        if inner && parts.len() > 1 { format!("({text})") } else { text }
    };
    match condition {
        Condition::All(parts) => joined(parts, " and "),
        Condition::Any(parts) => joined(parts, " or "),
        Condition::Not(part) => format!("not {}", condition_in_words(part, true)),
        Condition::Compare(comparison) => comparison.to_string(),
    }
}

fn actions(rule: &Rule) -> String {
    if rule.exclude {
        return "nothing is added".to_owned();
    }
    let mut said = Vec::new();
    if !rule.route.is_empty() {
        said.push(format!("goes to {}", rule.route.iter().map(destination).collect::<Vec<_>>().join(" and ")));
    }
    if let Some(reason) = &rule.require_approval {
        said.push(format!("somebody is asked ({reason})"));
    }
    let flags = [
        (rule.auto_approve, "nobody is asked"),
        (rule.bypass_quota, "quotas do not hold it back"),
        (rule.tag_requester, "tagged with who wants it"),
    ];
    said.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, said)| said.to_owned()));
    said.extend(rule.label.iter().map(|label| format!("labelled “{label}”")));
    said.join("; ")
}

fn destination(route: &RouteTo) -> String {
    let options = serde_json::to_value(&route.overrides).unwrap_or_default();
    let Some(keys) = options.as_object().filter(|keys| !keys.is_empty()) else { return route.to.clone() };
    let said = keys.iter().map(|(key, value)| {
        let value = crate::pages::options::typed_line(value).filter(|value| !value.is_empty());
        format!("{} {}", key.replace('_', " "), value.unwrap_or_else(|| "none".to_owned()))
    });
    format!("{} with {}", route.to, said.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::config::Config;

    use super::*;

    #[test]
    fn a_rule_is_said_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let settings = "plex: {token: xxxxxxxxxxxxxxxxxxxx}\ninstances:\n- {name: anime, kind: sonarr, url: 'http://127.0.0.1:9', \
                        api_key: 0123456789abcdef0123456789abcdef, default: true}\nrules:\n\
                        - {name: a, priority: 3, when: {any: [{genre: anime}, {all: [{year: 1999}, {not: {anime: true}}]}]}, \
                        route: [{to: anime, tags: [], series_type: anime}], label: x}\n\
                        - {name: b, priority: 2, exclude: true, when: {type: movie}}\n\
                        - {name: c, require_approval: why not, bypass_quota: true}\n";
        std::fs::write(folder.path().join("pulsarr.yaml"), settings).unwrap();
        let data = ("PULSARR_DATA_DIR".to_owned(), folder.path().display().to_string());
        let config = Config::load([data], folder.path()).unwrap();
        let said: Vec<String> = config.settings.rules.iter().map(sentence).collect();
        assert_eq!(
            said,
            [
                "When genre contains anime or (year = 1999 and not anime equals true): goes to anime with series type anime, tags none; labelled “x”.",
                "When type equals movie: nothing is added.",
                "Always: somebody is asked (why not); quotas do not hold it back.",
            ]
        );
        let mut long = config.settings.rules[1].clone();
        long.exclude = false;
        long.label = Some("é".repeat(500));
        assert!(sentence(&long).chars().count() < 2 * LONGEST + 20);
    }
}
