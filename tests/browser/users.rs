//! People: what is different for one of them, and for several at once, holds from the next run on.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::Household;

use crate::accessibility::judged;
use crate::{Scene, play_signed_in};

/// Two friends who want a movie each.
fn of_three() -> Household {
    let household = Household::new();
    let plex = &household.plex;
    for (name, id) in [("tomas.r", 900_501), ("ines_vale", 900_502)] {
        let friend = plex.add_friend(name);
        plex.watch(&friend, Title::movie(&format!("Film for {name}")).year(2025).tmdb(id));
    }
    household.sync_well();
    household
}

/// Both friends want another movie; the ids of what is added.
fn added_of_two_more(household: &Household) -> Vec<i64> {
    let plex = &household.plex;
    let before = household.radarr.library().len();
    for (name, id) in [("tomas.r", 900_511), ("ines_vale", 900_512)] {
        // Befriended already: this tells the uuid.
        let friend = plex.add_friend(name);
        plex.watch(&friend, Title::movie(&format!("Another for {name}")).year(2025).tmdb(id));
    }
    household.sync_well();
    household.radarr.library().iter().skip(before).map(|item| item.external_id).collect()
}

fn asks_about_one(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.goto("/users");
    browser.press("ines_vale");
    browser.fill("Alias", "Ines");
    browser.choose("Approval", "Somebody is asked about everything");
    browser.press("Save");
    browser.finds(".notice.is-ok");
    browser.goto("/users");
    browser.sees("Ines");
    assert_eq!(added_of_two_more(&scene.household), [900_511]);
    browser.goto("/approvals");
    browser.sees("Another for ines_vale");
}

#[test]
fn one_person_is_asked_about_and_the_others_are_not() {
    play_signed_in(Look::LIGHT, of_three(), asks_about_one);
}

#[test]
fn the_same_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, of_three(), asks_about_one);
}

#[test]
fn a_quota_of_ones_own_holds_back_what_is_too_much() {
    play_signed_in(Look::LIGHT, of_three(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 422");
        browser.goto("/users");
        browser.press("tomas.r");
        browser.tick("Their own");
        browser.press("Add a quota");
        browser.fill("Up to", "none");
        browser.choose("One too many", "waits for room");
        browser.press("Save");
        browser.finds("[aria-invalid='true']");
        judged(browser);
        assert_eq!(browser.value("Up to"), "none", "what was typed stays");
        browser.fill("Up to", "1");
        browser.choose("In which time", "in so many days");
        browser.press("Save");
        browser.finds(".notice.is-ok");
        browser.finds("meter");
        assert_eq!(added_of_two_more(&scene.household), [900_512], "his first film was one already");
    });
}

#[test]
fn several_are_left_alone_at_once() {
    play_signed_in(Look::PHONE, of_three(), |scene| {
        let browser = &scene.browser;
        browser.goto("/users");
        browser.tick("Select tomas.r");
        browser.tick("Select ines_vale");
        browser.sees("2 selected");
        browser.pick("#change", "sync-false");
        browser.press("Apply to the selected");
        browser.finds(".notice.is-ok");
        assert!(added_of_two_more(&scene.household).is_empty());
    });
}
