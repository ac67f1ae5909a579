//! The first visit: from nothing at all to the first sync, with and without JavaScript.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, wait_until};
use pulsarr_tests::session::{PASSWORD, setup_token};

use crate::accessibility::judged;
use crate::{Scene, play, wanting_two};

/// A household where nothing is set up: Plex, Radarr and Sonarr are there, and pulsarr knows none of them.
fn with_nothing() -> Household {
    let mut household = wanting_two();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.watch(&friend, Title::movie("Tin Ferryman").year(2024).tmdb(900_601));
    household.write_settings("");
    for variable in ["PLEX_TOKEN", "RADARR_API_KEY", "SONARR_API_KEY"] {
        household.vars.remove(variable);
    }
    household
}

fn add(scene: &Scene, app: &str, name: &str, url: &str, api_key: &str) {
    let browser = &scene.browser;
    browser.goto(&format!("/setup/instances?kind={}", app.to_lowercase()));
    browser.fill("Name", name);
    browser.fill("Address", url);
    browser.fill("API key", api_key);
    if browser.count("input[name='default']:checked") == 0 {
        browser.tick("Default instance");
    }
    browser.press(&format!("Add {app}"));
    browser.until(&format!("{name} stands there"), || browser.text(), |text| text.contains(url));
}

fn from_nothing_to_the_first_sync(scene: &mut Scene) {
    let Scene { browser, household, service } = &*scene;
    browser.expects("status of 403");
    browser.expects("status of 422");
    browser.goto("/activity");
    browser.at("/setup");
    judged(browser);
    browser.fill("Setup token", "guessed");
    browser.fill("User name", "mirela");
    browser.fill("Password", PASSWORD);
    browser.press("Make the account and go on");
    browser.finds(".notice.is-bad");
    assert_eq!(browser.value("User name"), "mirela", "what was typed stays");
    browser.fill("Setup token", &setup_token(service));
    browser.fill("Password", PASSWORD);
    browser.press("Make the account and go on");

    browser.at("/setup/plex");
    browser.press("Get a code");
    browser.finds(".big-code");
    judged(browser);
    household.plex.claim_pin(&browser.text_of(".big-code"));
    // The page looks by itself.
    browser.sees("Plex is linked.");
    browser.sees("mirela_q");

    add(scene, "Radarr", "movies", &household.radarr.url(), &household.radarr.api_key());
    add(scene, "Sonarr", "shows", &household.sonarr.url(), &household.sonarr.api_key());
    judged(browser);
    browser.press("Continue");
    browser.at("/setup/users");
    browser.until("reading is offered, or done", || browser.count("button[value='read'], .table"), |it| *it > 0);
    if browser.count(".table") == 0 {
        browser.press("Read the lists");
    }
    browser.sees("tomas.r");
    judged(browser);
    // Only her own list for a beginning.
    browser.tick("Act on the list of tomas.r");
    browser.press("Save and continue");

    browser.at("/setup/preview");
    browser.sees("Would be added");
    browser.sees("Salt Ledger");
    judged(browser);
    assert!(household.radarr.library().is_empty() && household.sonarr.library().is_empty(), "nothing is added yet");
    browser.press("Start the first sync");
    wait_until("the first sync has added both", || {
        household.radarr.library().len() == 1 && household.sonarr.library().len() == 1
    });
    let library: Vec<i64> = household.radarr.library().iter().map(|item| item.external_id).collect();
    assert_eq!(library, [900_002], "her friend's film is not acted on");
    browser.until("the setup is left", || browser.path(), |path| !path.starts_with("/setup"));
}

#[test]
fn from_nothing_at_all_to_the_first_sync() {
    play(Look::LIGHT, with_nothing(), from_nothing_to_the_first_sync);
}

#[test]
fn the_same_without_javascript() {
    play(Look::WITHOUT_SCRIPTS, with_nothing(), from_nothing_to_the_first_sync);
}
