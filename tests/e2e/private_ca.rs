//! An arr behind HTTPS whose certificate the household made itself: `PULSARR_CA_FILE` names who signed it.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{SETTINGS, wait_until};
use pulsarr_tests::https::{self, Https};
use pulsarr_tests::session::Session;
use serde_json::json;

use crate::webhooks::{connected, state};
use crate::{SALT_LEDGER, library, wanting_two};

#[test]
fn an_arr_with_a_certificate_of_the_households_own_is_trusted_by_both_programs_once_the_ca_is_named() {
    let mut household = wanting_two();
    let https = Https::in_front_of(household.radarr.address());
    household.write_settings(&SETTINGS.replace("${RADARR_URL}", &https.url()));
    let refused = household.sync();
    assert_eq!((refused.code, library(&household.radarr)), (Some(78), vec![]), "{}", refused.stderr);
    let problems = refused.report()["problems"].to_string();
    let advice = "is not trusted: UnknownIssuer. Name its certificate authority in PULSARR_CA_FILE";
    assert!(problems.contains(advice), "{problems}");
    assert_eq!(household.radarr.journal().len(), 0, "not a byte of a request, and no key, for whoever that is");

    household.set("PULSARR_CA_FILE", &https::ca().display().to_string());
    household.sync_well();
    assert_eq!(library(&household.radarr), [SALT_LEDGER]);
    // The service makes its connection by the same way.
    let service = connected(&mut household);
    assert!(household.radarr.import(SALT_LEDGER, false).iter().all(|sent| sent.status == 200));
    wait_until("it is available", || state(&household, "Salt Ledger") == "available");

    // And so does a run of its own.
    household.plex.watch(&household.plex.owner_uuid(), Title::movie("Windward").year(2026).tmdb(900_304));
    let mirela = Session::first(&service);
    assert_eq!(mirela.ask(&service, "POST", "/runs", &json!({})).status, 202);
    wait_until("it is added", || library(&household.radarr).contains(&900_304));
}
