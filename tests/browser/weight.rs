//! What a page weighs before its pictures, and where it leads: asked for by plain HTTP, as a browser with an empty cache would.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pulsarr_tests::browser::Browser;
use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{PAGES, Seen};
use pulsarr_tests::service::{Answer, free_port};

/// The page with its styles, scripts and icons, in bytes as they are sent.
const HEAVIEST: usize = 60_000;

/// Links to pages of one kind that are followed: a list leads to many.
const FOLLOWED: usize = 5;

/// Every value of an attribute in a page, without the part behind `#`.
fn attributes(page: &str, name: &str) -> BTreeSet<String> {
    let begin = format!(" {name}=\"");
    let values = page.match_indices(&begin).filter_map(|(at, _)| page[at + begin.len()..].split(['"', '#']).next());
    values.map(|value| value.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

/// What a page names: what it is drawn with, and where it leads.
fn named(page: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let all = attributes(page, "href").into_iter().chain(attributes(page, "src")).filter(|it| !it.is_empty());
    all.partition(|it| it.contains("/assets/"))
}

/// What is asked for.
enum Asked {
    /// A page, and for whom it is made.
    Page(String, Seen),
    /// What answers a form of the page.
    Form(&'static str, &'static [(&'static str, &'static str)]),
}

impl Asked {
    fn path(&self) -> &str {
        match self {
            Self::Page(path, _) => path,
            Self::Form(path, _) => path,
        }
    }

    /// The answer; `encoding` is what the browser can unpack.
    fn of(&self, lively: &Lively, encoding: &str) -> Answer {
        match self {
            Self::Page(path, seen) => shown(lively, *seen, path, encoding),
            Self::Form(path, fields) => {
                let csrf = [("csrf_token", lively.session.csrf.as_str())];
                let pairs =
                    csrf.iter().chain(*fields).map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
                let body = pairs.collect::<Vec<_>>().join("&");
                let headers = [
                    ("Accept", "text/html"),
                    ("Accept-Encoding", encoding),
                    ("Cookie", &lively.session.cookie),
                    ("Content-Type", "application/x-www-form-urlencoded"),
                ];
                let answer = lively.service.ask("POST", path, &headers, body.as_bytes());
                assert_eq!(answer.status, 200, "{path}: {answer:?}");
                answer
            }
        }
    }
}

/// A page for whom it is made; `encoding` is what the browser can unpack.
fn shown(lively: &Lively, seen: Seen, path: &str, encoding: &str) -> Answer {
    let cookie = if seen == Seen::SignedIn { lively.session.cookie.as_str() } else { "" };
    let headers = [("Accept", "text/html"), ("Accept-Encoding", encoding), ("Cookie", cookie)];
    lively.service.ask("GET", path, &headers, b"")
}

/// Whether the page that a browser shows is light: what it came as, and what it was drawn with, from the cache or not. For pages that a
/// story comes to and nobody can ask for.
pub(super) fn is_light(browser: &Browser) {
    let weight = browser.run(
        "const drawn_with = performance.getEntriesByType('resource').filter((it) => it.name.includes('/assets/'));
         return [...performance.getEntriesByType('navigation'), ...drawn_with].reduce((sum, it) => sum + it.encodedBodySize, 0)",
    );
    let weight = weight.as_f64().expect("it is a number");
    assert!(weight > 1_000.0 && weight <= HEAVIEST as f64, "{} weighs {weight} bytes", browser.path());
}

/// What is too heavy among `pages`.
fn too_heavy(lively: &Lively, pages: impl Iterator<Item = Asked>) -> Vec<String> {
    let (mut wrong, mut assets) = (Vec::new(), BTreeMap::new());
    for page in pages {
        let path = page.path();
        let (drawn_with, _) = named(&page.of(lively, "identity").body);
        assert!(!drawn_with.is_empty(), "{path} is drawn with nothing");
        let alone = page.of(lively, "gzip, br").body_bytes;
        let mut weight = alone;
        for asset in drawn_with {
            weight += *assets.entry(asset).or_insert_with_key(|asset| {
                let answer = lively.service.ask("GET", asset, &[("Accept-Encoding", "gzip, br")], b"");
                assert_eq!(answer.status, 200, "{asset} of {path}");
                answer.body_bytes
            });
        }
        println!("{weight:>7} {alone:>7} {path}");
        if weight > HEAVIEST {
            wrong.push(format!("{path} weighs {weight} bytes with its assets, and {alone} alone"));
        }
    }
    wrong
}

#[test]
fn pages_are_light() {
    let lively = Lively::move_in(free_port());
    let wrong = too_heavy(&lively, PAGES.iter().map(|page| Asked::Page(page.path(&lively.household), page.seen)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With so many entries, people and requests that every list fills its page.
#[test]
fn full_pages_are_light_too() {
    let mut lively = Lively::move_in(free_port());
    lively.crowd(5_000);
    let full = [
        "/approvals",
        "/approvals?state=all",
        "/watchlist",
        "/watchlist?instance=movies-4k",
        "/watchlist?state=unresolvable",
        "/watchlist?state=held",
        "/users",
        "/activity/decisions",
        "/activity/failures",
        "/activity/webhooks",
        "/rules",
        "/rules/tests",
    ];
    let nothing = &[("do", "preview"), ("name", "all"), ("enabled", "true"), ("exclude", "true"), ("priority", "99")];
    let answers = [
        Asked::Form("/rules/new", nothing),
        Asked::Form("/rules/try", &[("do", "find"), ("title", "a")]),
        Asked::Form(
            "/rules/try",
            &[("do", "try"), ("title", "The Harbour Lantern"), ("type", "movie"), ("year", "1951")],
        ),
    ];
    let full = full.into_iter().map(|path| Asked::Page(path.to_owned(), Seen::SignedIn));
    let wrong = too_heavy(&lively, full.chain(answers));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_lead_only_to_pages_that_are_there_and_every_one_is_in_the_table() {
    let lively = Lively::move_in(free_port());
    let mut wrong = Vec::new();
    // Where each was seen first.
    let mut links = BTreeMap::new();
    for page in PAGES {
        let path = page.path(&lively.household);
        let shown = shown(&lively, page.seen, &path, "identity");
        if !shown.head.contains("text/html") {
            wrong.push(format!("{path} is no page: {}", shown.head));
        }
        for link in named(&shown.body).1 {
            if link.starts_with("/api/") {
                continue;
            }
            if link.starts_with('/') {
                links.entry(link).or_insert_with(|| path.clone());
            } else if !link.starts_with("https://") {
                wrong.push(format!("{path} leads to `{link}`, which is relative or not encrypted"));
            }
        }
    }
    let mut followed = BTreeMap::<&str, usize>::new();
    for (link, from) in &links {
        let path = link.split('?').next().unwrap_or_default();
        let listed = PAGES.iter().find(|page| page.is_at(path));
        let kind = listed.map_or_else(|| path.rsplit_once('/').map_or(path, |(before, _)| before), |page| page.name);
        let times = followed.entry(kind).or_default();
        *times += 1;
        if *times > FOLLOWED {
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

#[test]
fn the_six_pictures_of_the_readme_are_there_and_light() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(workspace.join("README.md")).unwrap();
    let shown: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let pictures: Vec<&str> = shown.into_iter().filter(|target| target.ends_with(".png")).collect();
    assert_eq!(pictures.len(), 6, "{pictures:?}");
    for picture in pictures {
        let bytes = std::fs::metadata(workspace.join(picture)).unwrap_or_else(|error| panic!("{picture}: {error}"));
        assert!(bytes.len() <= 150_000, "{picture} has {} bytes", bytes.len());
    }
}
