//! Every page before axe, the judge of accessibility: in light, in dark, on a telephone and without JavaScript; and that none is wider than
//! a telephone.
//!
//! `PULSARR_AXE` is the path of `axe.min.js`, such as in the wheel of `axe-playwright-python`. Without it the judge has no turn, and
//! that is said; `PULSARR_REQUIRE_BROWSER=1` makes it a failure.

use pulsarr_tests::browser::{Browser, Look, missing};
use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{API_DOCS, Listed, PAGES, Seen};
use pulsarr_tests::service::free_port;
use pulsarr_tests::session::Session;
use serde_json::Value;

use crate::approvals::asking;
use crate::weight::is_light;
use crate::{play, play_signed_in, skipped, wanting_two};

/// Hands every violation that keeps people out to the last argument.
const JUDGE: &str = "const done = arguments[arguments.length - 1]; \
                     axe.run(document, {resultTypes: ['violations']}) \
                     .then((found) => done(found.violations), (error) => done([{id: String(error), impact: 'critical', nodes: []}]));";

/// Shows every page of a lively household to `judge`, which answers what is wrong with it. For a look without scripts they are withheld.
fn walk(looks: &[Look], judge: impl Fn(&Browser) -> Vec<String>) {
    let lively = Lively::move_in(free_port());
    let browser = Browser::open(lively.service.port, looks[0]);
    // Some pages tell of troubles, and their status says so.
    browser.expects("status of 404");
    let mut wrong = Vec::new();
    for seen in [Seen::SignedOut, Seen::SignedIn] {
        if seen == Seen::SignedIn {
            browser.sign_in(&lively.session);
        }
        for page in PAGES.iter().chain([API_DOCS]).filter(|page| page.seen == seen) {
            let path = page.path(&lively.household);
            for look in looks {
                browser.look(*look);
                browser.withhold_scripts(!look.scripts);
                browser.goto(&path);
                // The description of the API has no script.
                let scripts = look.scripts && page.name != API_DOCS.name;
                assert_eq!(browser.count("html.js") == 1, scripts, "{path} ({})", named(*look));
                let found = judge(&browser).into_iter().chain(browser.complaints());
                wrong.extend(found.map(|it| format!("{} ({}): {it}", path, named(*look))));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn named(look: Look) -> &'static str {
    match look {
        Look::PHONE => "phone",
        Look::DARK => "dark",
        Look::WITHOUT_SCRIPTS => "without scripts",
        _ => "light",
    }
}

/// Judges the page that is shown, in every look, and weighs it: for stories about pages that no lively household has, or nobody can ask
/// for. Without axe nothing is said: the walk says it. Nor can it judge where JavaScript is switched off.
pub(super) fn judged(browser: &Browser) {
    if browser.scripts() {
        is_light(browser);
    }
    let Some(axe) = judge().ok().filter(|_| browser.scripts()) else { return };
    for look in [Look::DARK, Look::PHONE, Look::LIGHT] {
        browser.look(look);
        let found = grave(browser, &axe);
        assert!(found.is_empty(), "{} ({}): {}", browser.path(), named(look), found.join("\n"));
    }
}

/// The text of axe, or why there is none.
fn judge() -> Result<String, String> {
    if let Some(why) = missing() {
        return Err(why);
    }
    let path = std::env::var("PULSARR_AXE").map_err(|_| "PULSARR_AXE does not name axe.min.js".to_owned())?;
    std::fs::read_to_string(&path).map_err(|error| format!("failed to read {path}: {error}"))
}

/// What keeps people out of the page that is shown.
fn grave(browser: &Browser, axe: &str) -> Vec<String> {
    let found = browser.run_and_wait(&format!("{axe}\n{JUDGE}"));
    let grave = |it: &&Value| it["impact"] == "serious" || it["impact"] == "critical";
    found.as_array().unwrap().iter().filter(grave).map(told).collect()
}

#[test]
fn no_page_keeps_anybody_out() {
    let axe = match judge() {
        Ok(axe) => axe,
        Err(why) => return skipped("the look of axe at every page", &why),
    };
    walk(&[Look::LIGHT, Look::DARK, Look::PHONE, Look::WITHOUT_SCRIPTS], |browser| grave(browser, &axe));
}

/// A violation as people read it: what, and where.
fn told(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let nodes = nodes.map(|node| format!("\n    {}\n      {}", text(&node["html"]), text(&node["failureSummary"])));
    format!(
        "{} [{}] {}{}",
        text(&violation["id"]),
        text(&violation["impact"]),
        text(&violation["help"]),
        nodes.collect::<String>()
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn numbers_in_the_navigation_say_what_they_count() {
    play_signed_in(Look::LIGHT, asking(), |scene| {
        let browser = &scene.browser;
        browser.goto("/");
        let said = browser.run("return document.querySelector(\".side a[href='/approvals']\").textContent.trim()");
        assert_eq!(said, "Approvals, 2 waiting");
    });
}

#[test]
fn no_page_is_wider_than_a_telephone() {
    if let Some(why) = missing() {
        return skipped("the width of every page", &why);
    }
    walk(&[Look::PHONE], |browser| {
        let width = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
        (width > u64::from(Look::PHONE.width)).then(|| format!("it is {width} pixels wide")).into_iter().collect()
    });
}

#[test]
fn names_of_pages_are_names_of_files_and_each_is_there_once() {
    let mut names: Vec<&str> = PAGES.iter().map(|Listed { name, .. }| *name).collect();
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'))
    );
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let axe = match judge() {
        Ok(axe) => axe,
        Err(why) => return skipped("whether axe sees what is wrong", &why),
    };
    play(Look::LIGHT, wanting_two(), |scene| {
        let _elsewhere = Session::first(&scene.service);
        scene.browser.goto("/login");
        let _ = scene.browser.run("document.querySelector('label').remove()");
        let found = grave(&scene.browser, &axe);
        assert!(found.iter().any(|it| it.starts_with("label [critical]")), "{found:?}");
    });
}

/// Enter in a field presses the first button of its form: that is the one that stands out, or a hidden one that is meant for it.
#[test]
fn enter_in_a_field_does_what_the_page_suggests() {
    if let Some(why) = missing() {
        return skipped("what Enter does on every page", &why);
    }
    const FORMS: &str = "return [...document.forms].filter((form) => form.querySelector('input:not([type=hidden])')).flatMap((form) => {
        const buttons = [...form.elements].filter((it) => it.type === 'submit' && !it.disabled);
        const [first] = buttons;
        const suggested = buttons.length < 2 || first.matches('.primary, .visually-hidden');
        return suggested ? [] : [`${form.action}: ${first.outerHTML.slice(0, 200)}`];
    })";
    walk(&[Look::LIGHT, Look::WITHOUT_SCRIPTS], |browser| {
        let found = browser.run(FORMS);
        found.as_array().unwrap().iter().map(|form| text(form).to_owned()).collect()
    });
}
