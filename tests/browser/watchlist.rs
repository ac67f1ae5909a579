//! The watchlist: a title is found, its story is read, and a person sends it elsewhere.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;

use crate::accessibility::judged;
use crate::approvals::asking;
use crate::{Scene, play_signed_in, wanting_two};

fn finds_a_title(scene: &mut Scene) {
    let browser = &scene.browser;
    browser.goto("/watchlist");
    browser.sees("Harbour Nine");
    browser.fill("Title", "salt");
    browser.enter();
    browser.sees_no_more("Harbour Nine");
    browser.press("Salt Ledger");
    browser.sees("is the default for movies");
    browser.sees("900002");
    browser.press("What was known then");
    if browser.scripts() {
        browser.finds("#quality_profile-list option[value='Ultra-HD']");
        judged(browser);
    }
    browser.press("Keep it out");
    if browser.scripts() {
        browser.agree();
    }
    browser.finds(".notice.is-ok");
    browser.finds(".badge.is-rejected");
    assert!(scene.household.explain("Salt Ledger").contains("mirela"), "{}", scene.household.explain("Salt Ledger"));
}

#[test]
fn a_title_is_found_its_story_is_read_and_it_is_kept_out() {
    play_signed_in(Look::LIGHT, asking(), finds_a_title);
}

#[test]
fn the_same_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, asking(), finds_a_title);
}

#[test]
fn hostile_titles_are_texts() {
    let household = wanting_two();
    let owner = household.plex.owner_uuid();
    let bidi = "\u{202e}reversed\u{202c} 🎬";
    let hostile = format!(
        "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> {bidi} {}",
        "long ".repeat(2_000)
    );
    household.plex.watch(&owner, Title::movie(&hostile).year(2025).tmdb(900_401));
    household.sync_well();
    play_signed_in(Look::PHONE, household, |scene| {
        let browser = &scene.browser;
        for path in ["/watchlist", "/activity/decisions"] {
            browser.goto(path);
            browser.sees("<script>document.title");
            assert_ne!(browser.run("return document.title"), "taken");
            assert_eq!(browser.count("main img[src=x]"), 0);
            let width = browser.run("return document.documentElement.scrollWidth");
            assert!(width.as_u64() <= Some(390), "{path} is {width} pixels wide");
        }
        browser.goto("/watchlist");
        browser.click("td a[href*='/watchlist/']");
        browser.sees("What happened");
        assert!(browser.run("return document.documentElement.scrollWidth").as_u64() <= Some(390));
    });
}

#[test]
fn posters_come_from_the_service() {
    let household = wanting_two();
    household.sync_well();
    play_signed_in(Look::LIGHT, household, |scene| {
        let browser = &scene.browser;
        browser.goto("/watchlist");
        let drawn = "return [...document.querySelectorAll('.poster img')].filter((it) => it.naturalWidth > 0).length";
        browser.until("both posters are drawn", || browser.run(drawn), |it| *it == 2);
    });
}
