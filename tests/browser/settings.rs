//! Settings: what is changed in a browser holds at once, and what is wrong changes nothing.

use pulsarr_tests::browser::Look;
use pulsarr_tests::session::{PASSWORD, Session};
use serde_json::{Value, json};

use crate::accessibility::judged;
use crate::{Scene, play_signed_in, wanting_two};

fn makes_and_revokes_a_key(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.goto("/settings/api-keys");
    browser.fill("Name", "wall display");
    browser.press("Make a key");
    browser.sees("Copy it now");
    judged(browser);
    let key = browser.value("The new key");
    let asked = |key: &str| scene.service.ask("GET", "/api/v1/watchlist", &[("X-Api-Key", key)], b"").status;
    assert_eq!(asked(&key), 200);
    browser.goto("/settings/api-keys");
    assert!(!browser.text().contains("Copy it now"), "a key is shown once");
    browser.press("Revoke wall display");
    if browser.scripts() {
        browser.agree();
    }
    browser.sees("No API keys");
    assert_eq!(asked(&key), 401);
}

#[test]
fn a_key_is_made_shown_once_and_revoked() {
    play_signed_in(Look::LIGHT, wanting_two(), makes_and_revokes_a_key);
}

#[test]
fn the_same_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_two(), makes_and_revokes_a_key);
}

#[test]
fn the_time_zone_is_taken_only_when_there_is_one_of_that_name() {
    play_signed_in(Look::PHONE, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 422");
        browser.goto("/settings/general");
        let save = "form[action$='/time_zone'] .btn.primary";
        browser.fill("Time zone", "Atlantis/Centre");
        browser.click(save);
        browser.finds("[aria-invalid='true']");
        judged(browser);
        assert_eq!(browser.value("Time zone"), "Atlantis/Centre", "what was typed stays");
        browser.fill("Time zone", "Pacific/Auckland");
        browser.click(save);
        browser.finds(".notice.is-ok");
        let checked = scene.household.pulsarr(&["check", "--offline"]);
        assert!(checked.stdout.contains("Pacific/Auckland"), "{}", checked.stdout);
    });
}

#[test]
fn a_new_password_holds_and_signs_everybody_else_out() {
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 401");
        browser.goto("/settings/authentication");
        browser.fill("Current password", PASSWORD);
        browser.write("#new", "another horse");
        browser.write("#again", "another horse");
        browser.press("Change the password");
        browser.finds(".notice.is-ok");
        browser.press("Sign out");
        browser.at("/login");
        browser.goto("/settings/authentication");
        browser.fill("User name", "mirela");
        browser.fill("Password", PASSWORD);
        browser.press("Sign in");
        browser.sees("the user name or the password is wrong");
        browser.fill("Password", "another horse");
        browser.press("Sign in");
        browser.at("/settings/authentication");
    });
}

fn ends_one_elsewhere(scene: &mut Scene) {
    let browser = &scene.browser;
    let credentials = json!({"username": "mirela", "password": PASSWORD}).to_string();
    let signs_in = || Session::of(&scene.service.ask("POST", "/api/v1/session", &[], credentials.as_bytes()));
    let (first, second) = (signs_in(), signs_in());
    let is_in = |session: &Session| session.ask(&scene.service, "GET", "/session", &Value::Null).status == 200;
    browser.goto("/settings/authentication");
    assert_eq!(browser.count("button[value^='one ']"), 2, "each of the others, and not this one");
    browser.click("button[value^='one ']");
    browser.finds(".notice.is-ok");
    assert_eq!(browser.count("button[value^='one ']"), 1);
    assert_eq!([&first, &second].into_iter().filter(|it| is_in(it)).count(), 1);
    browser.press("Sign out everywhere else");
    if browser.scripts() {
        browser.agree();
    }
    browser.sees("Signed out at one other place.");
    assert!(!is_in(&first) && !is_in(&second));
}

#[test]
fn a_session_elsewhere_is_ended_by_itself_and_then_all_others() {
    play_signed_in(Look::LIGHT, wanting_two(), ends_one_elsewhere);
}

#[test]
fn the_same_of_sessions_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_two(), ends_one_elsewhere);
}

#[test]
fn how_often_there_is_a_look_is_changed_and_what_the_environment_has_is_not() {
    for look in [Look::LIGHT, Look::WITHOUT_SCRIPTS] {
        let mut household = wanting_two();
        household.set("PULSARR_FAST_LANE", "false");
        play_signed_in(look, household, |scene| {
            let browser = &scene.browser;
            browser.expects("status of 422");
            browser.goto("/settings/intervals");
            browser.sees("Set by the environment: PULSARR_FAST_LANE.");
            browser.finds("#fast_lane:disabled");
            browser.fill("Seconds between two looks at the owner’s list", "2");
            browser.choose("Read Plex’s feeds besides", "never");
            browser.press("Save");
            browser.finds("#own_s[aria-invalid='true']");
            judged(browser);
            assert_eq!(browser.value("Seconds between two looks at the owner’s list"), "2", "what was typed stays");
            assert_eq!(browser.value("Read Plex’s feeds besides"), "off");
            browser.fill("Seconds between two looks at the owner’s list", "45");
            browser.press("Save");
            browser.finds(".notice.is-ok");
            let told = scene.household.pulsarr(&["check", "--offline"]).stdout;
            let line = |name: &str| told.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
            assert!(line("PULSARR_FAST_LANE_OWN_S").contains("45"), "{told}");
            assert!(line("PULSARR_FAST_LANE_FEEDS ").contains("off"), "{told}");
        });
    }
}

#[test]
fn log_files_are_switched_on_and_there_they_are() {
    play_signed_in(Look::PHONE, wanting_two(), |scene| {
        let browser = &scene.browser;
        browser.goto("/settings/logs");
        browser.choose("Write lines to files as well", "on");
        browser.press("Save");
        browser.finds(".notice.is-ok");
        browser.sees("logs/service.log");
        scene.household.sync_well();
        let job = scene.household.data_dir().join("logs/job.log");
        assert!(job.metadata().unwrap().len() > 0);
    });
}
