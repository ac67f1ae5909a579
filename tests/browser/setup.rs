//! The first visit: from nothing at all to the first sync, with and without JavaScript.

use pulsarr_tests::browser::Look;
use pulsarr_tests::first_visit::{go_through, nothing_set_up};
use pulsarr_tests::household::wait_until;

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
