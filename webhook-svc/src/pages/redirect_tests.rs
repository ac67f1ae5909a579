//! Nobody is led away from here: every place that leads to something a request has named is tried with what would.

use std::fs;
use std::path::Path;

use super::testing::{Shown, Visitor};
use crate::api::household::SETTINGS;
use crate::pages::encoded;

/// What a browser, or a sloppy comparison, takes for a place elsewhere.
const HOSTILE: [&str; 20] = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "/settings\r\nSet-Cookie: pulsarr_session=x",
    "https:evil.example",
    "https://evil.example/users",
    "HTTPS:\\evil.example",
    "javascript:alert(1)",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "%2F%2Fevil.example",
    "/%2F/evil.example",
    "/%5Cevil.example",
];

/// Whether a browser that is shown this address on a page below `base` stays below it
/// (<https://url.spec.whatwg.org/#concept-basic-url-parser>): it drops what is at the ends, and tabs and ends of lines anywhere, and takes
/// `\\` for `/`.
fn stays(address: &str, base: &str) -> bool {
    let seen = address.trim_matches(|it: char| it <= ' ').replace(['\t', '\n', '\r'], "").replace('\\', "/");
    seen.strip_prefix(base).is_some_and(|path| path.starts_with('/') && !path.starts_with("//"))
}

/// The values of an attribute of all tags that begin like this.
fn attributes<'p>(page: &'p str, tag: &'p str, name: &str) -> Vec<String> {
    let begin = format!(" {name}=\"");
    let tags = page.split(tag).skip(1).filter_map(|rest| rest.split('>').next());
    let values = tags.filter_map(|tag| tag.split_once(&begin)?.1.split('"').next());
    values.map(|value| value.replace("&#38;", "&").replace("&amp;", "&").replace("&#92;", "\\")).collect()
}

/// Fails when the answer leads elsewhere; `from` says what had named the place.
fn leads_here(answered: &Shown, base: &str, from: &str, target: &str) {
    assert_eq!(answered.status, 303, "{from} with {target:?}: {}", answered.text);
    let place = answered.header("location");
    assert!(stays(place, base), "{from} with {target:?} leads to {place:?}");
}

#[test]
fn the_judge_sees_what_leads_elsewhere() {
    for away in ["//evil", "/\\evil", "\\\\evil", "/\t/evil", "\t//evil", "/\n/evil", "https:evil", "evil", ""] {
        assert!(!stays(away, ""), "{away:?}");
    }
    assert!(stays("/users?x=//evil.example", "") && stays("/pulsarr/", "/pulsarr") && !stays("/users", "/pulsarr"));
}

#[tokio::test]
async fn whatever_a_request_names_nobody_is_led_elsewhere() {
    for base in ["", "/pulsarr"] {
        let visitor = Visitor::set_up_with(&[("PULSARR_BASE_PATH", base)], SETTINGS).await;
        let stranger = Visitor::set_up_with(&[("PULSARR_BASE_PATH", base)], SETTINGS).await.signed_out();
        for target in HOSTILE {
            let named = encoded(target);
            for next in [named.clone(), encoded(&named)] {
                leads_here(&visitor.get(&format!("/login?next={next}")).await, base, "next", target);
                let asked = stranger.get(&format!("/login?next={next}")).await;
                let kept = attributes(&asked.text, "<input type=\"hidden\" name=\"next\"", "value");
                assert!(kept.len() == 1 && stays(&kept[0], ""), "the sign-in form with {target:?} keeps {kept:?}");
            }
            // The filters and pages of lists go along.
            let everywhere = format!("text={named}&show={named}&page={named}&instance={named}&user={named}");
            let person = [("do", "")];
            leads_here(&visitor.post(&format!("/rules?{everywhere}"), &person).await, base, "a page", target);
            let again = [("do", "retry_all")];
            let failures = visitor.post(&format!("/activity/failures?instance={named}"), &again).await;
            if failures.status < 400 {
                leads_here(&failures, base, "a filter", target);
            }
            let mended = visitor.post("/instances/movies/fix", &[("back", target)]).await;
            leads_here(&mended, base, "the page of a form", target);
            // Whoever has to sign in first comes back later.
            let late = stranger.get(&format!("/users?{everywhere}")).await;
            leads_here(&late, base, "a page for whoever is signed in", target);
            for address in
                [target.to_owned(), format!("http://nas{base}{target}"), format!("http://nas{base}/{target}")]
            {
                if !address.contains(['\r', '\n', '\t']) {
                    let late = stranger.post_from_page(&address, "/settings/plex/unlink", &[]).await;
                    leads_here(&late, base, "the page that a form was sent from", target);
                    let kept = stranger.post_from_page(&address, "/settings/tmdb", &[("region", "DE")]).await;
                    let next = attributes(&kept.text, "<input type=\"hidden\" name=\"next\"", "value");
                    assert!(next.len() == 1 && stays(&next[0], ""), "from {address:?} one goes on at {next:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn whatever_the_sign_in_form_brings_nobody_is_led_elsewhere() {
    let base = "/pulsarr";
    let stranger = Visitor::set_up_with(&[("PULSARR_BASE_PATH", base)], SETTINGS).await.signed_out();
    for target in HOSTILE {
        let signed_in = async |next: &str, path: &str| {
            let fields = [
                ("username", "ada"),
                ("password", Visitor::PASSWORD),
                ("next", next),
                ("kept_path", path),
                ("kept", "region=DE"),
            ];
            stranger.post("/login", &fields).await
        };
        leads_here(&signed_in(target, "").await, base, "next", target);
        leads_here(&signed_in("/users", target).await, base, "the address of a kept form", target);
        leads_here(&signed_in(target, target).await, base, "both", target);
        let shown = signed_in(target, "/settings/tmdb").await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        let mut places = attributes(&shown.text, "<a ", "href");
        places.extend(attributes(&shown.text, "<form ", "action"));
        let away: Vec<&String> = places.iter().filter(|place| !place.starts_with('#') && !stays(place, base)).collect();
        assert!(places.len() > 3 && away.is_empty(), "a kept form with {target:?} leads to {away:?}");
    }
}

#[test]
fn only_one_function_leads_anywhere() {
    fn telling(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                telling(&path, found);
            } else if ["header::LOCATION", "warp::redirect"]
                .iter()
                .any(|it| fs::read_to_string(&path).unwrap().contains(it))
            {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    telling(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.retain(|name| name != "redirect_tests.rs");
    found.sort();
    // The API says where an instance that was added is, which is no redirect.
    assert_eq!(found, ["instances.rs", "page.rs"]);
}
