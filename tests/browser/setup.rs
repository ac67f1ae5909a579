//! The first visit: from nothing at all to the first sync, with and without JavaScript.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::first_visit::{add, begin, begin_with_a_code, go_through, nothing_set_up};
use pulsarr_tests::household::wait_until;
use pulsarr_tests::session::PASSWORD;

use crate::accessibility::judged;
use crate::{Scene, play};

fn from_nothing_to_the_first_sync(scene: &mut Scene) {
    let Scene { browser, household, service } = &*scene;
    let libraries = || (household.radarr.library(), household.sonarr.library());
    go_through(browser, household, service, |_page| {
        judged(browser);
        let (movies, shows) = libraries();
        assert!(movies.is_empty() && shows.is_empty(), "nothing is added yet");
    });
    wait_until("the first sync has added both", || {
        let (movies, shows) = libraries();
        movies.len() == 1 && shows.len() == 1
    });
    let library: Vec<i64> = household.radarr.library().iter().map(|item| item.external_id).collect();
    assert_eq!(library, [900_002], "her friend's film is not acted on");
    browser.until("the setup is left", || browser.path(), |path| !path.starts_with("/setup"));
}

#[test]
fn from_nothing_at_all_to_the_first_sync() {
    play(Look::LIGHT, nothing_set_up(), from_nothing_to_the_first_sync);
}

#[test]
fn the_same_without_javascript() {
    play(Look::WITHOUT_SCRIPTS, nothing_set_up(), from_nothing_to_the_first_sync);
}

#[test]
fn instances_are_tried_out_chosen_for_and_mended_and_the_setup_goes_on_where_it_was_left() {
    play(Look::LIGHT, nothing_set_up(), |scene| {
        let Scene { browser, household, service } = &*scene;
        browser.expects("status of 422");
        begin(browser, household, service);
        browser.at("/setup/instances");
        let radarr = &household.radarr;
        radarr.add_root_folder("/data/media/films", Some(1 << 40));
        browser.goto("/setup/instances?kind=radarr");
        browser.fill("Name", "movies");
        browser.fill("Address", &radarr.url());
        browser.fill("API key", "ffffffffffffffffffffffffffffffff");
        browser.press("Test");
        // The precise reason, and what was typed stays.
        browser.finds("#outcome .notice.is-bad");
        judged(browser);
        assert!(browser.text_of("#outcome").contains("API key"), "{}", browser.text_of("#outcome"));
        assert_eq!(browser.value("Name"), "movies");
        browser.fill("API key", &radarr.api_key());
        browser.press("Test");
        browser.finds("#outcome .notice.is-ok");
        browser.choose("Quality profile", "Ultra-HD");
        browser.pick("#root_folder_path", "/data/media/films");
        // Somebody keeps Radarr from making a connection, and once that is over one button mends it.
        radarr.inject(Fault::on("POST", "/api/v3/notification").status(500));
        browser.press("Add Radarr");
        browser.sees(&radarr.url());
        browser.finds("form[action$='/fix'] button");
        radarr.clear_faults();
        // It is tried again by itself too: then there is no button any more.
        let _ = browser.run("document.querySelector(\"form[action$='/fix'] button\")?.click()");
        browser.until("the webhook is well", || browser.count("form[action$='/fix'] button"), |buttons| *buttons == 0);
        wait_until("Radarr has our connection", || radarr.connections().len() == 1);

        // Left in the middle: another browser, the next day.
        browser.forget_cookies();
        browser.goto("/");
        browser.fill("User name", "mirela");
        browser.fill("Password", PASSWORD);
        browser.press("Sign in");
        browser.at("/");
        browser.goto("/setup");
        // What is done is behind her.
        browser.at("/setup/users");
        browser.until("reading is offered, or done", || browser.count("button[value='read'], .table"), |it| *it > 0);
        if browser.count(".table") == 0 {
            browser.press("Read the lists");
        }
        browser.finds(".table");
        browser.press("Save and continue");
        browser.at("/setup/preview");
        browser.sees("Salt Ledger");
        browser.press("Start the first sync");
        wait_until("the first sync has added it", || radarr.library().iter().any(|item| item.external_id == 900_002));
        let added = radarr.library().into_iter().find(|item| item.external_id == 900_002).unwrap();
        let resource = radarr.resource(added.id).unwrap();
        let chosen = (&resource["qualityProfileId"], &resource["rootFolderPath"]);
        assert_eq!(chosen, (&6.into(), &"/data/media/films".into()), "{resource:#}");
    });
}

#[test]
fn a_page_that_waits_does_not_take_a_form_that_is_on_its_way() {
    play(Look::LIGHT, nothing_set_up(), |scene| {
        let Scene { browser, household, service } = &*scene;
        let code = begin_with_a_code(browser, service, &mut |_page| {});
        let _ = browser.run(&format!(
            "window.opened = true; window.looks = 0;
             const real = window.fetch;
             window.fetch = async (...asked) => {{
               const answer = await real(...asked);
               if (!(await answer.clone().text()).includes('{code}')) window.looks += 1;
               return answer;
             }};
             document.querySelector('form').ariaBusy = 'true'"
        ));
        household.plex.claim_pin(&code);
        browser.until(
            "the page has seen twice that it is over",
            || browser.run("return window.looks"),
            |looks| looks.as_u64().is_some_and(|looks| looks > 1),
        );
        assert_eq!(browser.run("return window.opened"), true, "the page was left");
        let _ = browser.run("document.querySelector('form').ariaBusy = null");
        browser.sees("Plex is linked.");
    });
}

#[test]
fn a_page_that_waits_keeps_the_answer_to_a_form() {
    play(Look::LIGHT, nothing_set_up(), |scene| {
        let Scene { browser, household, service } = &*scene;
        browser.expects("status of 422");
        begin(browser, household, service);
        browser.at("/setup/instances");
        household.radarr.inject(Fault::on("POST", "/api/v3/notification").status(500));
        add(browser, "Radarr", "movies", &household.radarr.url(), &household.radarr.api_key());
        browser.finds("form[action$='/fix'] button");
        browser.goto("/setup/instances?kind=sonarr");
        browser.fill("Name", "shows");
        browser.fill("Address", &household.sonarr.url());
        browser.fill("API key", "ffffffffffffffffffffffffffffffff");
        browser.press("Test");
        browser.finds("#outcome .notice.is-bad");
        browser.finds("form[action$='/fix'] button");
        let _ = browser.run("window.opened = true");
        household.radarr.clear_faults();
        // As if it were pressed on another page.
        let _ = browser.run(
            "const form = document.querySelector(\"form[action$='/fix']\");
             if (form) fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) })",
        );
        browser.until("the webhook is well", || browser.count("form[action$='/fix'] button"), |buttons| *buttons == 0);
        browser.finds("#outcome .notice.is-bad");
        assert_eq!((browser.value("Name"), browser.run("return window.opened")), ("shows".into(), true.into()));
    });
}
