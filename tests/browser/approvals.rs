//! Requests: one is approved, one is edited first, one is rejected with a word; and the title is where it was sent.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};
use rusqlite::Connection;

use crate::accessibility::judged;
use crate::{Scene, play_signed_in, wanting_two};

/// Everything that the owner wants is asked about: a movie and a show wait.
pub(super) fn asking() -> Household {
    let household = wanting_two();
    household.write_settings(&format!("{SETTINGS}users: {{defaults: {{require_approval: true}}}}\n"));
    household.sync_well();
    assert!(household.radarr.library().is_empty() && household.sonarr.library().is_empty());
    household
}

/// Presses a button of the request for this title.
fn answer(scene: &Scene, title: &str, word: &str) {
    let browser = &scene.browser;
    let id = browser.attribute(&format!("input[aria-label='Select {title}']"), "value");
    browser.click(&format!("button[value='{word} {id}']"));
}

fn approves_one_and_rejects_one(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.goto("/watchlist");
    browser.click(".side a[href='/approvals']");
    browser.at("/approvals");
    answer(scene, "Salt Ledger (2025)", "approve");
    browser.finds(".notice.is-ok");
    browser.fill("Note", "we have enough harbours");
    answer(scene, "Harbour Nine (2024)", "reject");
    browser.sees("Nobody waits for an answer");

    scene.household.sync_well();
    let Household { radarr, sonarr, .. } = &scene.household;
    let library: Vec<i64> = radarr.library().iter().map(|item| item.external_id).collect();
    assert_eq!((library, sonarr.library().len()), (vec![900_002], 0));
    browser.press("Rejected");
    browser.sees("we have enough harbours");
    // Where the title is now can be read in its story.
    browser.press("Watchlist");
    browser.at("/watchlist");
    browser.press("Salt Ledger");
    browser.sees("requested");
    browser.sees("mirela");
}

#[test]
fn a_request_is_approved_and_another_rejected() {
    play_signed_in(Look::LIGHT, asking(), approves_one_and_rejects_one);
}

#[test]
fn the_same_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, asking(), approves_one_and_rejects_one);
}

#[test]
fn a_request_is_edited_before_it_is_approved() {
    play_signed_in(Look::LIGHT, asking(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 422");
        browser.goto("/approvals");
        let id = browser.attribute("input[aria-label='Select Salt Ledger (2025)']", "value");
        browser.goto(&format!("/approvals/{id}"));
        // What its instance has is offered.
        browser.finds("#quality_profile-list option[value='Ultra-HD']");
        judged(browser);
        browser.fill("Quality profile", "Ultra-HD");
        browser.fill("Tags", "asked");
        browser.choose("Minimum availability", "announced");
        browser.choose("Search at once", "no");
        browser.fill("Note", "for the big screen");
        browser.press("Approve");
        browser.at("/approvals");
        scene.household.sync_well();
        let added = scene.household.radarr.library();
        assert_eq!(added.len(), 1);
        let resource = scene.household.radarr.resource(added[0].id).unwrap();
        assert_eq!(resource["qualityProfileId"], 6, "{resource:#}");
        assert_eq!(resource["minimumAvailability"], "announced", "{resource:#}");
        assert_eq!(resource["tags"].as_array().map(Vec::len), Some(1), "{resource:#}");
    });
}

/// Enter in a field is no answer to a request that nobody has chosen.
fn presses_enter(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.expects("status of 400");
    browser.expects("status of 422");
    browser.goto("/approvals");
    browser.tick("Select Harbour Nine (2024)");
    browser.write(".bulk [name=note]", "no room");
    browser.enter();
    browser.sees("nothing was answered: press Approve or Reject");
    assert_eq!((browser.value("Note"), browser.count("[data-request]")), ("no room".to_owned(), 2));
    assert_eq!(browser.count("[aria-label='Select Harbour Nine (2024)']:checked"), 1);
    // A title's story: where it is sent is asked for, and what was written stays.
    browser.press("Salt Ledger (2025)");
    browser.fill("Note", "for the projector");
    browser.enter();
    browser.finds("#to-error");
    assert_eq!(browser.value("Note"), "for the projector");
    // Of one request it is what the page suggests.
    browser.goto("/approvals");
    let id = browser.attribute("input[aria-label='Select Salt Ledger (2025)']", "value");
    browser.goto(&format!("/approvals/{id}"));
    browser.fill("Note", "yes");
    browser.enter();
    browser.sees("Approved");
    browser.at("/approvals");
    assert_eq!(browser.count("[data-request]"), 1);
}

#[test]
fn enter_answers_nothing_that_nobody_has_chosen() {
    play_signed_in(Look::LIGHT, asking(), presses_enter);
}

#[test]
fn enter_answers_nothing_without_javascript_either() {
    play_signed_in(Look::WITHOUT_SCRIPTS, asking(), presses_enter);
}

#[test]
fn requests_are_answered_from_the_keyboard() {
    play_signed_in(Look::LIGHT, asking(), |scene| {
        let browser = &scene.browser;
        browser.goto("/approvals");
        browser.finds("[data-request]");
        browser.keys("j");
        browser.until(
            "a request has the focus",
            || browser.run("return document.activeElement.matches('[data-request]')"),
            |it| *it == true,
        );
        browser.keys("a");
        browser.finds(".notice.is-ok");
        assert_eq!(browser.count("[data-request]"), 1);
    });
}

#[test]
fn a_request_is_rejected_and_another_edited_from_the_keyboard() {
    play_signed_in(Look::LIGHT, asking(), |scene| {
        let browser = &scene.browser;
        browser.goto("/approvals");
        browser.finds("[data-request]");
        let title = |browser: &pulsarr_tests::browser::Browser| browser.text_of("[data-request] b");
        let first = title(browser);
        // Where a word is being written, letters are letters.
        browser.write(".bulk [name=note]", "r");
        assert_eq!(browser.count("[data-request]"), 2);
        browser.goto("/approvals");
        browser.finds("[data-request]");
        // Without a request that has the focus a letter decides nothing.
        let _ = browser.run("window.opened = true");
        browser.keys("ra");
        browser.keys("j");
        browser.finds("[data-request]:focus");
        assert_eq!((browser.count("[data-request]"), browser.run("return window.opened")), (2, true.into()));
        browser.keys("r");
        browser.finds(".notice.is-ok");
        let second = title(browser);
        assert_ne!(first, second);
        browser.keys("j");
        browser.finds("[data-request]:focus");
        browser.keys("e");
        browser.until("its page is open", || browser.path(), |path| path.starts_with("/approvals/"));
        browser.fill("Note", "by hand");
        browser.press("Approve");
        browser.at("/approvals");
        browser.sees("Nobody waits for an answer");
        let decided = Connection::open(scene.household.database()).unwrap();
        let mut rows = decided.prepare("SELECT state, coalesce(note, '') FROM approvals ORDER BY state").unwrap();
        let rows: Vec<(String, String)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        let expected =
            [("approved", "by hand"), ("rejected", "")].map(|(state, note)| (state.to_owned(), note.to_owned()));
        assert_eq!(rows, expected);
    });
}

#[test]
fn somebody_elses_answer_is_not_overruled() {
    play_signed_in(Look::LIGHT, asking(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 409");
        browser.goto("/approvals");
        browser.finds("[data-request]");
        let rejected = scene.household.pulsarr(&["approvals", "reject", "1"]);
        assert_eq!(rejected.code, Some(0), "{rejected:?}");
        browser.click("button[value='approve 1']");
        browser.finds(".notice.is-bad");
        judged(browser);
        scene.household.sync_well();
        assert!(scene.household.radarr.library().is_empty() && scene.household.sonarr.library().is_empty());
    });
}

#[test]
fn on_a_telephone_no_bar_covers_a_box_or_a_button() {
    let household = Household::new();
    let owner = household.plex.owner_uuid();
    for number in 1..=12_u32 {
        let title = Title::movie(&format!("Reel {number}")).year(2025).tmdb(900_700 + i64::from(number));
        household.plex.watch(&owner, title);
    }
    household.write_settings(&format!("{SETTINGS}users: {{defaults: {{require_approval: true}}}}\n"));
    household.sync_well();
    play_signed_in(Look::PHONE, household, |scene| {
        let browser = &scene.browser;
        browser.goto("/approvals");
        browser.finds("[data-request]");
        // Each at the lower edge of the window, where bars are.
        let covered = browser.run(
            "return [...document.querySelectorAll('[data-request] :is(input:not([type=hidden]), .btn)')].filter((it) => {\
               it.scrollIntoView({block: 'end', behavior: 'instant'});\
               const {left, top, width, height} = it.getBoundingClientRect();\
               return !it.contains(document.elementFromPoint(left + width / 2, top + height / 2));\
             }).length",
        );
        assert_eq!(covered, 0);
    });
}
