//! By keyboard alone: signing in, answering requests, and putting rules in order and right. Wherever the focus goes, it can be seen.

use pulsarr_tests::browser::{Browser, Key, Look};
use pulsarr_tests::household::SETTINGS;
use pulsarr_tests::session::{PASSWORD, Session};
use serde_json::{Value, json};

use crate::approvals::asking;
use crate::play;

/// Whether what has the focus is marked, in the window, and covered by nothing.
const SEEN: &str = "const it = document.activeElement, {left, top, right, bottom} = it.getBoundingClientRect();\
     const {outlineStyle, outlineWidth} = getComputedStyle(it);\
     const inside = top >= 0 && left >= 0 && top < innerHeight && right <= innerWidth;\
     const hit = document.elementFromPoint((left + right) / 2, Math.min((top + bottom) / 2, innerHeight - 1));\
     return outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && inside && it.contains(hit);";

/// The page is left before that many.
const MOST_TABS: usize = 150;

/// Goes on with Tab until something that a CSS selector finds has the focus.
fn tab_to(browser: &Browser, css: &str) {
    let matches = format!("return document.activeElement.matches(\"{css}\")");
    for _ in 0..MOST_TABS {
        browser.key(Key::Tab);
        let at = browser.run("return document.activeElement.outerHTML.slice(0, 200)");
        assert_eq!(browser.run(SEEN), true, "on {} the focus cannot be seen at {at}", browser.path());
        if browser.run(&matches) == true {
            return;
        }
    }
    browser.fail(&format!("Tab does not lead to {css}"));
}

/// Goes to a page, signs in, and is there.
fn signed_in_at(browser: &Browser, path: &str) {
    browser.goto(path);
    browser.until(
        "the first field has the focus",
        || browser.run("return document.activeElement.id"),
        |id| *id == "username",
    );
    browser.keys("mirela");
    tab_to(browser, "#password");
    browser.keys(PASSWORD);
    browser.enter();
    browser.at(path);
}

#[test]
fn requests_are_answered() {
    play(Look::LIGHT, asking(), |scene| {
        let _elsewhere = Session::first(&scene.service);
        let browser = &scene.browser;
        signed_in_at(browser, "/activity/runs");
        tab_to(browser, ".skip");
        tab_to(browser, ".side a[href='/approvals']");
        browser.enter();
        browser.at("/approvals");
        tab_to(browser, ".skip");
        browser.enter();
        // Past the navigation at once.
        tab_to(browser, "main *");
        tab_to(browser, "button[value^='approve ']");
        browser.enter();
        browser.finds(".notice.is-ok");
        assert_eq!(browser.count("[data-request]"), 1);
        tab_to(browser, "[data-request] input");
        browser.keys(" ");
        browser.sees("1 selected");
        tab_to(browser, ".bulk [name=note]");
        browser.keys("not this year");
        tab_to(browser, ".bulk button[value='reject']");
        browser.keys(" ");
        browser.sees("Nobody waits for an answer");
        scene.household.sync_well();
        let added = scene.household.radarr.library().len() + scene.household.sonarr.library().len();
        assert_eq!(added, 1);
    });
}

#[test]
fn a_filter_that_is_walked_through_waits_for_enter_and_has_the_focus_again_on_the_next_page() {
    play(Look::LIGHT, asking(), |scene| {
        let _elsewhere = Session::first(&scene.service);
        let browser = &scene.browser;
        signed_in_at(browser, "/watchlist");
        let filtered = |option: usize| {
            let state = browser.run(&format!("return document.querySelector('[name=state]').options[{option}].value"));
            format!("/watchlist?text=&user=&state={}&type=&instance=", state.as_str().unwrap())
        };
        let goes_on = |option: usize| {
            browser.until(
                "the list of states has the focus",
                || browser.run("return [document.activeElement.name, document.activeElement.selectedIndex]"),
                |at| *at == json!(["state", option]),
            );
            assert_eq!(browser.run(SEEN), true, "the focus cannot be seen");
        };
        assert_eq!(browser.text_of("form.filter button"), "", "nothing is to be applied yet");
        tab_to(browser, "[name='state']");
        let _ = browser.run("window.marker = true");
        let [second, third] = [2, 3].map(filtered);
        browser.key(Key::Down);
        browser.key(Key::Down);
        goes_on(2);
        assert_eq!(browser.text_of("form.filter button"), "Apply");
        assert_eq!(browser.run("return window.marker"), true, "it is the same page");
        browser.enter();
        browser.at(&second);
        goes_on(2);
        browser.key(Key::Down);
        tab_to(browser, "form.filter button");
        browser.keys(" ");
        browser.at(&third);
        goes_on(3);
        // What nobody filters has no part in it.
        browser.goto("/watchlist");
        assert_eq!(browser.run("return document.activeElement === document.body"), true);
    });
}

#[test]
fn rules_are_put_in_order_and_changed() {
    let household = asking();
    household.write_settings(SETTINGS);
    play(Look::LIGHT, household, |scene| {
        let session = Session::first(&scene.service);
        for name in ["first", "second"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let rules = || session.ask(&scene.service, "GET", "/rules", &Value::Null).json()["rules"].clone();
        let browser = &scene.browser;
        signed_in_at(browser, "/rules");
        tab_to(browser, "li[data-moves]");
        browser.keys(&[Key::Alt, Key::Down].map(char::from).iter().collect::<String>());
        browser.until("it is moved", rules, |rules| rules[0]["name"] == "second");
        // The focus has gone with it, and its page is the next stop.
        browser.until(
            "what was moved has the focus",
            || browser.run("return document.activeElement.querySelector('a')?.textContent"),
            |name| *name == "first",
        );
        tab_to(browser, "a[href='/rules/first']");
        browser.enter();
        browser.at("/rules/first");
        tab_to(browser, "button[value='add when']");
        browser.keys(" ");
        browser.finds("[name='when.1.field']");
        browser.until(
            "the new condition has the focus",
            || browser.run("return document.activeElement.name"),
            |name| *name == "when.1.field",
        );
        // As in every list of choices: by its first letters.
        browser.keys("year");
        browser.finds("[name='when.1.was'][value='year']");
        tab_to(browser, "[name='when.1.value']");
        browser.keys("2025");
        tab_to(browser, "button[value='save']");
        browser.enter();
        browser.at("/rules");
        browser.finds(".notice.is-ok");
        let both = json!({"all": [{"type": {"equals": "movie"}}, {"year": {"equals": 2025}}]});
        assert_eq!(rules()[1]["rule"]["when"], both);
    });
}
