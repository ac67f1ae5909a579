//! Signing in and out, too many wrong passwords, and a session that is over.

use pulsarr_tests::browser::Look;
use pulsarr_tests::session::{PASSWORD, Session};
use rusqlite::Connection;

use crate::{Scene, play, play_signed_in, wanting_two};

/// A service whose admin exists, and a browser where nobody is signed in.
fn signed_out(look: Look, story: impl FnOnce(&mut Scene)) {
    play(look, wanting_two(), |scene| {
        let _elsewhere = Session::first(&scene.service);
        story(scene);
    });
}

fn sign_in(scene: &Scene, password: &str) {
    scene.browser.fill("User name", "mirela");
    scene.browser.fill("Password", password);
    scene.browser.press("Sign in");
}

fn goes_on_where_they_were_and_out_again(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.expects("status of 401");
    browser.goto("/activity/failures");
    browser.at("/login?next=/activity/failures");
    sign_in(scene, "wrong");
    browser.sees("the user name or the password is wrong");
    assert_eq!(browser.value("User name"), "mirela", "what was typed stays");
    assert_eq!(browser.value("Password"), "");
    sign_in(scene, PASSWORD);
    browser.at("/activity/failures");
    browser.sees("mirela");
    browser.press("Sign out");
    browser.at("/login");
    browser.goto("/activity/runs");
    browser.at("/login?next=/activity/runs");
}

#[test]
fn whoever_signs_in_goes_on_where_they_were_and_can_sign_out() {
    signed_out(Look::LIGHT, goes_on_where_they_were_and_out_again);
}

#[test]
fn the_same_without_javascript() {
    signed_out(Look::WITHOUT_SCRIPTS, goes_on_where_they_were_and_out_again);
}

#[test]
fn wrong_passwords_are_answered_ever_later_and_the_page_says_when_to_come_back() {
    signed_out(Look::LIGHT, |scene| {
        let browser = &scene.browser;
        browser.expects("status of 401");
        browser.expects("status of 429");
        browser.goto("/login");
        for _ in 0..5 {
            sign_in(scene, "wrong");
            browser.sees("the user name or the password is wrong");
        }
        // Even the right one has to wait now.
        sign_in(scene, PASSWORD);
        let said = browser.until("it says how long", || browser.text(), |text| text.contains("second"));
        assert!(!said.contains("is wrong"), "{said}");
        assert_eq!(browser.count("nav"), 0, "nobody is signed in");
    });
}

/// A month goes by for every session, so that it is over.
fn all_sessions_end(scene: &Scene) {
    let store = Connection::open(scene.household.database()).unwrap();
    let month_ms = 31_i64 * 24 * 60 * 60 * 1000;
    let aged = "UPDATE web_sessions SET created_at_ms = created_at_ms - ?1, seen_at_ms = seen_at_ms - ?1";
    assert_eq!(store.execute(aged, [month_ms]).unwrap(), 1);
}

#[test]
fn a_session_that_is_over_leads_back_to_the_same_place() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.goto("/activity/decisions");
        browser.sees("mirela");
        all_sessions_end(scene);
        browser.press("Audit");
        browser.at("/login?next=/activity/audit");
        sign_in(scene, PASSWORD);
        browser.at("/activity/audit");
        browser.sees("session started");
    });
}

#[test]
fn a_form_that_comes_after_the_session_is_over_leads_back_to_its_page_and_changes_nothing() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 422");
        let save = "form[action$='/time_zone'] .btn.primary";
        browser.goto("/settings/general");
        browser.fill("Time zone", "Atlantis/Centre");
        browser.click(save);
        browser.finds("[aria-invalid='true']");
        all_sessions_end(scene);
        // The page that says what is wrong has another address, where there is nothing to see.
        browser.at("/settings/general/time_zone");
        browser.fill("Time zone", "Pacific/Auckland");
        browser.click(save);
        browser.at("/login?next=/settings/general");
        sign_in(scene, PASSWORD);
        browser.at("/settings/general");
        assert_eq!(browser.value("Time zone"), "");
    });
}
