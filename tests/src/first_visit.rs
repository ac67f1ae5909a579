//! The first visit, from nothing at all to the first sync: what a person does in the wizard, page by page.

use crate::browser::Browser;
use crate::fakes::Title;
use crate::household::{Household, wanting_two};
use crate::service::Service;
use crate::session::{PASSWORD, setup_token};

/// A household where nothing is set up: Plex, Radarr and Sonarr are there, and pulsarr knows none of them. Its owner wants a movie and a
/// show, and a friend another movie.
#[must_use]
pub fn nothing_set_up() -> Household {
    let mut household = wanting_two();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.watch(&friend, Title::movie("Tin Ferryman").year(2024).tmdb(900_601));
    household.write_settings("");
    for variable in ["PLEX_TOKEN", "RADARR_API_KEY", "SONARR_API_KEY"] {
        household.vars.remove(variable);
    }
    household
}

/// Goes through the wizard until the first sync is started, acting on the owner's list alone. Each page is handed to `at` by its name when
/// it shows what it is for.
///
/// # Panics
/// When a page does not do what it is there for.
pub fn go_through(browser: &Browser, household: &Household, service: &Service, mut at: impl FnMut(&'static str)) {
    begin_at(browser, household, service, &mut at);

    add(browser, "Radarr", "movies", &household.radarr.url(), &household.radarr.api_key());
    add(browser, "Sonarr", "shows", &household.sonarr.url(), &household.sonarr.api_key());
    at("setup-instances");
    browser.press("Continue");
    browser.at("/setup/users");
    browser.until("reading is offered, or done", || browser.count("button[value='read'], .table"), |it| *it > 0);
    if browser.count(".table") == 0 {
        browser.press("Read the lists");
    }
    browser.sees("tomas.r");
    at("setup-users");
    // Only her own list for a beginning.
    browser.tick("Act on the list of tomas.r");
    browser.press("Save and continue");

    browser.at("/setup/preview");
    browser.sees("Would be added");
    browser.sees("Salt Ledger");
    at("setup-preview");
    browser.press("Start the first sync");
}

/// Makes the account and links Plex, and goes on to the instances.
///
/// # Panics
/// When a page does not do what it is there for.
pub fn begin(browser: &Browser, household: &Household, service: &Service) {
    begin_at(browser, household, service, &mut |_page| {});
    browser.press("Continue");
}

/// Makes the account and asks Plex for a code, which it gives; the page waits for it to be entered.
///
/// # Panics
/// When a page does not do what it is there for.
#[must_use]
pub fn begin_with_a_code(browser: &Browser, service: &Service, at: &mut impl FnMut(&'static str)) -> String {
    browser.expects("status of 403");
    browser.expects("status of 422");
    browser.goto("/activity");
    browser.at("/setup");
    at("setup");
    browser.fill("Setup token", "guessed");
    browser.fill("User name", "mirela");
    browser.fill("Password", PASSWORD);
    browser.press("Make the account and go on");
    browser.finds("#token-error");
    assert_eq!(browser.value("User name"), "mirela", "what was typed stays");
    browser.fill("Setup token", &setup_token(service));
    browser.fill("Password", PASSWORD);
    browser.press("Make the account and go on");

    browser.at("/setup/plex");
    browser.press("Get a code");
    browser.finds(".big-code");
    at("setup-plex");
    browser.text_of(".big-code")
}

fn begin_at(browser: &Browser, household: &Household, service: &Service, at: &mut impl FnMut(&'static str)) {
    household.plex.claim_pin(&begin_with_a_code(browser, service, at));
    // The page looks by itself.
    browser.sees("Plex is linked.");
    browser.sees("mirela_q");
}

/// Adds an instance, the first of its kind as the default one.
///
/// # Panics
/// When it does not come to stand on the page.
pub fn add(browser: &Browser, app: &str, name: &str, url: &str, api_key: &str) {
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
