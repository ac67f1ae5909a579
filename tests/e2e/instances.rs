//! A Radarr that is down, starting, locked, someone else, somewhere else, or asked for what it does not have; the Sonarr beside it
//! goes on.

use pulsarr_tests::fakes::{FakeRadarr, Fault};
use pulsarr_tests::household::{Done, Household, SETTINGS};

use super::{HARBOUR_NINE, NOBODY, SALT_LEDGER, adds, library, problems, wanting_two};

/// Settings with other lines for the Radarr.
fn settings(with: &[(&str, &str)]) -> String {
    with.iter().fold(SETTINGS.to_owned(), |settings, (old, new)| {
        assert!(settings.contains(old));
        settings.replacen(old, new, 1)
    })
}

/// The show is there, the movie waits, and the sentence was told by `sync` and by `check` alike.
fn assert_only_the_show(household: &Household, code: i32, kind: &str, sentence: &str) {
    let done = household.sync();
    assert_eq!(done.code, Some(code), "{}\n{}", done.stdout, done.stderr);
    let report = done.report();
    assert_eq!(report["run"]["result"], "partial", "{report:#}");
    assert_eq!((&report["problems"][0]["upstream"], &report["problems"][0]["kind"]), (&"movies".into(), &kind.into()));
    assert!(problems(&report).contains(sentence), "{report:#}");
    assert_eq!((library(&household.sonarr), library(&household.radarr)), (vec![HARBOUR_NINE], vec![]));
    assert_eq!((&report["placements"]["added"], &report["placements"]["waiting"]), (&1.into(), &1.into()));
    assert!(household.status().contains("Waiting for `movies`: 1"));
    let next = if sentence.contains("it has no") {
        "next: every run decides about it anew"
    } else {
        "next: the next run adds it"
    };
    assert!(household.explain("Salt Ledger").contains(next));
    let Done { code: checked, stdout, stderr } = household.pulsarr(&["check"]);
    assert_eq!(checked, Some(code), "{stdout}\n{stderr}");
    assert!(stdout.contains(sentence), "{stdout}");
    assert!(stdout.contains("ok  shows: Sonarr 4.0.19.2979 answers"), "{stdout}");
}

/// The next run adds what waited, and asks for nothing twice.
fn assert_taken_up(household: &Household) {
    let report = household.sync_well();
    assert_eq!((library(&household.radarr), &report["placements"]["added"]), (vec![SALT_LEDGER], &1.into()));
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));
}

#[test]
fn a_radarr_that_is_not_running_makes_only_its_own_titles_wait() {
    let household = wanting_two();
    household.write_settings(&settings(&[("${RADARR_URL}", NOBODY)]));
    assert_only_the_show(&household, 69, "down", "Radarr `movies` could not be reached: cannot connect");
    household.write_settings(SETTINGS);
    assert_taken_up(&household);
}

#[test]
fn a_radarr_that_is_starting_up_makes_only_its_own_titles_wait() {
    let household = wanting_two();
    household.radarr.set_starting_up(true);
    assert_only_the_show(&household, 69, "down", "Radarr is starting up, please try again later (503)");
    household.radarr.set_starting_up(false);
    assert_taken_up(&household);
}

#[test]
fn an_html_page_in_place_of_radarr_makes_only_its_own_titles_wait() {
    for fault in [Fault::on("ANY", "").html(), Fault::on("ANY", "").html_status(502)] {
        let household = wanting_two();
        household.radarr.inject(fault);
        assert_only_the_show(&household, 69, "down", "Radarr `movies` could not be reached: ");
        household.radarr.clear_faults();
        assert_taken_up(&household);
    }
}

#[test]
fn a_radarr_whose_answers_break_off_makes_only_its_own_titles_wait() {
    let household = wanting_two();
    household.radarr.inject(Fault::on("GET", "").truncated());
    assert_only_the_show(&household, 69, "down", "Radarr `movies` could not be reached: ");
    household.radarr.clear_faults();
    assert_taken_up(&household);
}

#[test]
fn a_wrong_api_key_ends_with_77_and_the_right_one_takes_up_the_work() {
    let mut household = wanting_two();
    household.set("RADARR_API_KEY", "ffffffffffffffffffffffffffffffff");
    assert_only_the_show(&household, 77, "credentials", "Radarr `movies` refuses the API key. Copy the key again");
    let key = household.radarr.api_key();
    household.set("RADARR_API_KEY", &key);
    assert_taken_up(&household);
}

#[test]
fn a_sonarr_at_radarrs_address_is_named_and_gets_no_movie() {
    let household = wanting_two();
    household.write_settings(&settings(&[("${RADARR_URL}", "${SONARR_URL}")]));
    let sentence = "The url of Radarr `movies` is answered by Sonarr 4.0.19.2979: enter the address of Radarr there";
    assert_only_the_show(&household, 78, "configuration", sentence);
    assert_eq!(household.sonarr.requests_to("/api/v3/movie"), 0);
    household.write_settings(SETTINGS);
    assert_taken_up(&household);
}

#[test]
fn an_address_without_the_base_path_is_answered_with_the_right_one() {
    let mut household = wanting_two();
    household.radarr = FakeRadarr::start_with_base("/radarr");
    let origin = household.radarr.origin();
    household.write_settings(&settings(&[("${RADARR_URL}", &origin)]));
    let sentence = format!("Radarr `movies` lives at another address. Set its url to {origin}/radarr (see URL Base");
    assert_only_the_show(&household, 78, "configuration", &sentence);
    household.write_settings(SETTINGS);
    assert_taken_up(&household);
}

#[test]
fn a_quality_profile_that_is_not_there_is_named_with_the_choices() {
    let household = wanting_two();
    household.write_settings(&settings(&[("HD-1080p", "4K-Remux")]));
    let sentence =
        "Radarr `movies`: it has no quality profile `4K-Remux`; it has: Any, HD-1080p, Ultra-HD. Correct the settings";
    assert_only_the_show(&household, 78, "configuration", sentence);
    household.write_settings(SETTINGS);
    assert_eq!(adds(&household.radarr), 0);
    assert_taken_up(&household);
}

#[test]
fn a_root_folder_that_is_not_there_is_named_with_the_choices() {
    let household = wanting_two();
    household.radarr.add_root_folder("/films", None);
    household.write_settings(&settings(&[("tags: [watchlist]", "root_folder_path: /nope")]));
    let sentence = "Radarr `movies`: it has no root folder `/nope`; it has: /movies, /films. Correct the settings";
    assert_only_the_show(&household, 78, "configuration", sentence);
    household.write_settings(SETTINGS);
    assert_taken_up(&household);
}

#[test]
fn a_corrected_setting_applies_to_titles_decided_before() {
    let household = wanting_two();
    household.write_settings(&settings(&[("HD-1080p", "4K-Remux")]));
    assert_eq!(household.sync().code, Some(78));
    household.write_settings(&settings(&[("HD-1080p", "Ultra-HD")]));
    household.sync_well();
    assert_eq!(household.radarr.item(SALT_LEDGER).map(|item| item.quality_profile_id), Some(6));
}

#[test]
fn titles_that_wait_for_an_instance_of_another_name_go_to_the_new_default() {
    let household = wanting_two();
    household.radarr.set_starting_up(true);
    assert_eq!(household.sync().code, Some(69));
    household.radarr.set_starting_up(false);
    household.write_settings(&settings(&[("name: movies", "name: films")]));

    household.sync_well();

    assert_eq!((library(&household.radarr), adds(&household.radarr)), (vec![SALT_LEDGER], 1));
    let story = household.explain("Salt Ledger");
    assert!(story.contains("=> send to `films`") && story.contains("`films`: added"), "{story}");
    assert!(!household.status().contains("Waiting for"));
}
