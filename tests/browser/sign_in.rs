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

fn typed_too_late(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.expects("status of 422");
    browser.expects("status of 401");
    let save = "form[action$='/time_zone'] .btn.primary";
    browser.goto("/settings/general");
    browser.fill("Time zone", "Atlantis/Centre");
    browser.click(save);
    browser.finds("[aria-invalid='true']");
    all_sessions_end(scene);
    browser.fill("Time zone", "Pacific/Auckland");
    browser.click(save);
    browser.sees("what you had typed is shown again");
    sign_in(scene, "wrong");
    browser.sees("the user name or the password is wrong");
    sign_in(scene, PASSWORD);
    browser.sees("nothing was changed yet");
    assert_eq!(browser.value("Value"), "Pacific/Auckland", "what was typed is kept");
    let zone = || scene.household.pulsarr(&["check", "--offline"]).stdout;
    assert!(!zone().contains("Pacific/Auckland"), "nothing is sent by itself");
    browser.press("Send it");
    browser.finds(".notice.is-ok");
    browser.at("/settings/general");
    assert!(zone().contains("Pacific/Auckland"), "{}", zone());
}

#[test]
fn what_was_typed_when_the_session_was_over_is_shown_again_and_sent_by_a_person() {
    play_signed_in(Look::LIGHT, wanting_two(), typed_too_late);
}

#[test]
fn the_same_of_what_was_typed_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_two(), typed_too_late);
}

#[test]
fn a_secret_that_came_too_late_is_asked_for_again() {
    play_signed_in(Look::PHONE, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 401");
        browser.goto("/settings/tmdb");
        browser.write("#region", "DE");
        browser.write("#api_key", "hunter2");
        all_sessions_end(scene);
        browser.click(".form .btn.primary");
        browser.sees("Passwords and keys are not kept");
        assert!(!browser.run("return document.documentElement.outerHTML").to_string().contains("hunter2"));
        sign_in(scene, PASSWORD);
        browser.sees("nothing was changed yet");
        assert_eq!((browser.value("Region"), browser.value("Api key")), ("DE".to_owned(), String::new()));
        browser.fill("Api key", "hunter3");
        browser.press("Send it");
        browser.finds(".notice.is-ok");
        browser.at("/settings/tmdb");
        browser.sees("key set");
    });
}

/// The browser was signed in anew in another tab: the page knows the token of the session before.
fn of_a_session_before(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.expects("status of 403");
    browser.goto("/settings/general");
    browser.fill("Time zone", "Pacific/Auckland");
    let body = serde_json::json!({"username": "mirela", "password": PASSWORD}).to_string();
    browser.sign_in(&Session::of(&scene.service.ask("POST", "/api/v1/session", &[], body.as_bytes())));
    browser.click("form[action$='/time_zone'] .btn.primary");
    browser.sees("opened before you signed in the last time");
    assert_eq!(browser.value("Value"), "Pacific/Auckland");
    browser.press("Send it");
    browser.finds(".notice.is-ok");
    browser.at("/settings/general");
    let zone = scene.household.pulsarr(&["check", "--offline"]).stdout;
    assert!(zone.contains("Pacific/Auckland"), "{zone}");
}

#[test]
fn what_was_typed_in_a_session_before_is_shown_and_can_be_sent() {
    play_signed_in(Look::LIGHT, wanting_two(), of_a_session_before);
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_two(), of_a_session_before);
}

#[test]
fn a_form_that_was_stopped_on_the_way_can_be_sent_again() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.goto("/settings/general");
        let _ = browser.run("document.querySelector(\"form[action$='/time_zone']\").ariaBusy = 'true'");
        browser.keys(&char::from(pulsarr_tests::browser::Key::Escape).to_string());
        browser.fill("Time zone", "Pacific/Auckland");
        browser.click("form[action$='/time_zone'] .btn.primary");
        browser.finds(".notice.is-ok");
    });
}
