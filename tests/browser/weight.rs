//! What a page weighs before its pictures, and where it leads: asked for by plain HTTP, as a browser with an empty cache would.

use std::collections::{BTreeMap, BTreeSet};

use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{PAGES, Seen};
use pulsarr_tests::service::free_port;

/// The page with its styles, scripts and icons, in bytes as they are sent.
const HEAVIEST: usize = 60_000;

/// Every value of an attribute in a page, without the part behind `#`.
fn attributes(page: &str, name: &str) -> BTreeSet<String> {
    let begin = format!(" {name}=\"");
    let values = page.match_indices(&begin).filter_map(|(at, _)| page[at + begin.len()..].split(['"', '#']).next());
    values.map(|value| value.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

#[test]
fn pages_are_light_and_lead_only_to_pages_that_are_there_and_in_the_table() {
    let lively = Lively::move_in(free_port());
    let mut wrong = Vec::new();
    let mut assets = BTreeMap::new();
    // Where it was seen first.
    let mut links = BTreeMap::new();
    for page in PAGES {
        let path = page.path(&lively.household);
        let shown = match page.seen {
            Seen::SignedIn => lively.session.page(&lively.service, &path),
            Seen::SignedOut => lively.service.ask("GET", &path, &[("Accept", "text/html")], b""),
        };
        if !shown.head.contains("text/html") {
            wrong.push(format!("{path} is no page: {}", shown.head));
        }
        let (hrefs, sources) = (attributes(&shown.body, "href"), attributes(&shown.body, "src"));
        let (drawn_with, leads_to): (Vec<_>, Vec<_>) =
            hrefs.into_iter().chain(sources).partition(|it| it.contains("/assets/"));
        let mut weight = shown.body.len();
        for asset in drawn_with.into_iter().collect::<BTreeSet<_>>() {
            weight += *assets.entry(asset).or_insert_with_key(|asset| {
                let answer = lively.service.get(asset);
                assert_eq!(answer.status, 200, "{asset} of {path}");
                answer.body.len()
            });
        }
        println!("{weight:>7} {:>7} {path}", shown.body.len());
        if weight > HEAVIEST {
            wrong.push(format!("{path} weighs {weight} bytes with its assets, and {} alone", shown.body.len()));
        }
        for link in leads_to {
            let ours = link.starts_with('/') && !link.contains("/posters/");
            if ours {
                links.entry(link).or_insert_with(|| path.clone());
            } else if !link.starts_with("/") && !link.is_empty() && !link.starts_with("https://") {
                wrong.push(format!("{path} leads to `{link}`, which is relative or not encrypted"));
            }
        }
    }
    // Of many that lead to pages of one kind, a few are followed.
    let mut followed = BTreeMap::<&str, usize>::new();
    for (link, from) in &links {
        let path = link.split('?').next().unwrap_or_default();
        let listed = PAGES.iter().find(|page| page.is_at(path));
        let kind = listed.map_or_else(|| path.rsplit_once('/').map_or(path, |(before, _)| before), |page| page.name);
        let times = followed.entry(kind).or_default();
        *times += 1;
        if *times > 5 {
            continue;
        }
        let answer = lively.session.page(&lively.service, link);
        if answer.status >= 400 {
            wrong.push(format!("{from} leads to {link}, which answers {}", answer.status));
        } else if answer.status == 200 && answer.head.contains("text/html") && listed.is_none() {
            wrong.push(format!("{from} leads to {link}, which is not in tests/src/page_list.rs"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
