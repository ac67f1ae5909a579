//! Instances: one is added and tried out, a webhook that somebody broke is mended, and one is removed.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::{FakeRadarr, Fault};
use pulsarr_tests::household::wait_until;
use rusqlite::Connection;
use serde_json::json;

use crate::accessibility::judged;
use crate::{Scene, play, play_signed_in, wanting_two};

/// How the title stands.
fn state(scene: &Scene, title: &str) -> String {
    let store = Connection::open(scene.household.database()).unwrap();
    let query = "SELECT e.state FROM entries e JOIN titles t ON t.id = e.title_id WHERE t.title = ?1";
    store.query_row(query, [title], |row| row.get(0)).unwrap()
}

#[test]
fn a_webhook_that_somebody_broke_is_mended_and_what_is_grabbed_is_told_again() {
    let household = wanting_two();
    household.sync_well();
    play_signed_in(Look::LIGHT, household, |scene| {
        let (browser, radarr) = (&scene.browser, &scene.household.radarr);
        wait_until("Radarr has our connection", || !radarr.connections().is_empty());
        browser.goto("/instances");
        browser.sees("movies");
        radarr.reconnect(radarr.connections()[0].id, &json!({"url": "http://127.0.0.1:1/elsewhere"}));
        assert!(radarr.grab(900_002).iter().all(|sent| sent.status != 200), "it leads nowhere");

        browser.press("movies");
        browser.at("/instances/movies");
        browser.click("form[action$='/instances/movies/fix'] button");
        browser.finds(".notice.is-ok");
        browser.finds("#webhook .badge.is-ok");
        // What somebody has given another address is theirs: ours is made anew beside it.
        let made = radarr.connections();
        assert!(made.iter().any(|one| one.url.contains("/webhook/movies")), "{made:?}");
        assert!(radarr.import(900_002, false).iter().any(|sent| sent.status == 200));
        wait_until("the import is acted on", || state(scene, "Salt Ledger") == "available");
    });
}

fn adds_one(scene: &mut Scene, uhd: &FakeRadarr) {
    let browser = &scene.browser;
    browser.expects("status of 422");
    browser.goto("/instances");
    browser.press("Add an instance");
    browser.press("Add a Radarr");
    browser.fill("Name", "movies-4k");
    browser.fill("Address", &uhd.url());
    browser.fill("API key", "ffffffffffffffffffffffffffffffff");
    browser.press("Test");
    browser.finds(".notice.is-bad");
    judged(browser);
    assert_eq!(browser.value("Name"), "movies-4k", "what was typed stays");
    browser.fill("API key", &uhd.api_key());
    browser.press("Test");
    browser.finds("#outcome .notice.is-ok");
    judged(browser);
    browser.choose("Quality profile", "Ultra-HD");
    browser.press("Add Radarr");
    browser.finds(".notice.is-ok");
    browser.goto("/instances");
    browser.sees("movies-4k");
    wait_until("it has our connection", || uhd.connections().iter().any(|one| one.url.contains("/webhook/movies-4k")));
}

#[test]
fn one_is_tried_out_and_added() {
    let uhd = FakeRadarr::start();
    play_signed_in(Look::LIGHT, wanting_two(), |scene| adds_one(scene, &uhd));
}

#[test]
fn the_same_without_javascript() {
    let uhd = FakeRadarr::start();
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_two(), |scene| adds_one(scene, &uhd));
}

/// Opens the page of an instance that does not say what it offers; what is typed meanwhile is in the way of nothing.
fn opens_one_that_takes_its_time(scene: &Scene) {
    let (browser, radarr) = (&scene.browser, &scene.household.radarr);
    radarr.inject(Fault::on("GET", "/qualityprofile").held());
    let made = json!({"name": "films", "kind": "radarr", "url": radarr.url(), "api_key": radarr.api_key()});
    let answer = scene.sign_in().ask(&scene.service, "POST", "/instances", &made);
    assert!(answer.status < 300, "{answer:?}");
    browser.goto("/instances/films");
    browser.sees("is being asked what it offers");
    browser.finds("input#quality_profile");
    judged(browser);
    browser.fill("Tags", "kids");
    browser.fill("Root folder", "/somewhere");
}

#[test]
fn a_page_is_there_before_its_instance_answers_and_keeps_what_is_typed_meanwhile() {
    play(Look::LIGHT, wanting_two(), |scene| {
        opens_one_that_takes_its_time(scene);
        let browser = &scene.browser;
        scene.household.radarr.release();
        browser.finds("select#quality_profile");
        assert_eq!((browser.value("Tags"), browser.value("Root folder")), ("kids".to_owned(), "/somewhere".to_owned()));
        browser.sees_no_more("is being asked what it offers");
        browser.choose("Quality profile", "Ultra-HD");
        browser.press("Save");
        browser.finds(".notice.is-ok");
        browser.finds("select#root_folder_path");
        assert_eq!(browser.value("Quality profile"), "Ultra-HD");
    });
}

#[test]
fn what_was_refused_stays_as_it_was_typed_when_the_instance_answers() {
    play(Look::LIGHT, wanting_two(), |scene| {
        opens_one_that_takes_its_time(scene);
        let browser = &scene.browser;
        browser.expects("status of 422");
        browser.fill("Quality profile", "Ultra-HD");
        browser.fill("Address", "radarr:7878");
        browser.press("Save");
        browser.finds("#url[aria-invalid='true']");
        browser.sees("is being asked what it offers");
        scene.household.radarr.release();
        browser.sees_no_more("is being asked what it offers");
        let typed = ["Quality profile", "Root folder", "Tags", "Address"].map(|label| browser.value(label));
        assert_eq!(typed, ["Ultra-HD", "/somewhere", "kids", "radarr:7878"]);
        browser.finds("#url[aria-invalid='true']");
    });
}

#[test]
fn without_javascript_a_link_looks_again() {
    play(Look::WITHOUT_SCRIPTS, wanting_two(), |scene| {
        opens_one_that_takes_its_time(scene);
        let browser = &scene.browser;
        scene.household.radarr.release();
        let looks_again = || {
            if browser.count("select#quality_profile") == 0 {
                browser.press("Look again");
            }
            browser.count("select#quality_profile")
        };
        browser.until("it is told", looks_again, |told| *told == 1);
    });
}

#[test]
fn one_is_removed_with_its_webhook() {
    let uhd = FakeRadarr::start();
    play_signed_in(Look::LIGHT, wanting_two(), |scene| {
        adds_one(scene, &uhd);
        let browser = &scene.browser;
        browser.goto("/instances/movies-4k");
        browser.press("Remove this instance");
        browser.press("Remove movies-4k");
        browser.agree();
        browser.at("/instances");
        wait_until("our connection is gone", || uhd.connections().is_empty());
    });
}
