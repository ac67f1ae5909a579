//! Secrets stay secret: in no output at the loudest log level, in no message about a failure, and not in the database.

use std::path::Path;

use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::{Household, SETTINGS};

use super::{NOBODY, wanting_two};

const RADARR_KEY: &str = "fedcba98765432100123456789abcdef";
const MISTYPED: &str = "tok-mistyped-000000";
const PASSWORD: &str = "correct-horse-battery";

fn contains(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

fn assert_no_secret(what: &str, bytes: &[u8], household: &Household) {
    let secrets = [
        household.plex.owner_token(),
        household.sonarr.api_key(),
        RADARR_KEY.to_owned(),
        MISTYPED.to_owned(),
        PASSWORD.to_owned(),
    ];
    for secret in secrets {
        assert!(!contains(bytes, &secret), "{what} tells a secret:\n{}", String::from_utf8_lossy(bytes));
    }
}

fn assert_quiet(household: &Household, arguments: &[&str]) {
    let output = household.command(arguments).output().unwrap();
    assert_no_secret(&format!("{arguments:?} on standard output"), &output.stdout, household);
    assert_no_secret(&format!("{arguments:?} on standard error"), &output.stderr, household);
}

fn assert_no_secret_on_disk(folder: &Path, household: &Household) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_no_secret_on_disk(&path, household);
        } else {
            assert_no_secret(&path.display().to_string(), &std::fs::read(&path).unwrap(), household);
        }
    }
}

const COMMANDS: [&[&str]; 11] = [
    &["sync", "--report", "json"],
    &["sync", "--full"],
    &["sync", "--dry-run"],
    &["check"],
    &["check", "--offline"],
    &["status"],
    &["explain", "Salt Ledger"],
    &["sync", "--user", "nobody"],
    &["doctor"],
    &["backup"],
    &["upkeep"],
];

#[test]
fn no_secret_is_told_at_the_loudest_level_whatever_fails() {
    let mut household = wanting_two();
    let friend = household.plex.add_friend("tomas.r");
    household.plex.watch(&friend, super::movie());
    for level in ["trace", "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tokio=trace"] {
        household.set("PULSARR_LOG", level);
        for arguments in COMMANDS {
            assert_quiet(&household, arguments);
        }
    }
    assert!(household.radarr.item(super::SALT_LEDGER).is_some(), "these commands worked");
    let faults = [
        Fault::on("ANY", "").status(401),
        Fault::on("ANY", "").status(500),
        Fault::on("ANY", "").html(),
        Fault::on("ANY", "").truncated(),
        Fault::on("ANY", "").reset(),
    ];
    for fault in faults {
        household.plex.inject(fault.clone());
        household.radarr.inject(fault);
        assert_quiet(&household, &["sync", "--full", "--report", "json"]);
        assert_quiet(&household, &["check"]);
        assert_quiet(&household, &["doctor", "--report", "json"]);
        household.plex.clear_faults();
        household.radarr.clear_faults();
    }
    household.set("PLEX_TOKEN", MISTYPED);
    household.set("RADARR_API_KEY", RADARR_KEY);
    household.set("PULSARR_PLEX_DISCOVER_URL", NOBODY);
    for arguments in COMMANDS {
        assert_quiet(&household, arguments);
    }
    assert_no_secret_on_disk(&household.data_dir(), &household);
}

#[test]
fn secrets_written_into_the_settings_are_not_repeated_by_messages_about_mistakes() {
    let household = wanting_two();
    let token = household.plex.owner_token();
    let in_clear = SETTINGS.replace("${PLEX_TOKEN}", &token).replace("${RADARR_API_KEY}", RADARR_KEY);
    let with_password = in_clear.replace("${RADARR_URL}", &format!("http://admin:{PASSWORD}@radarr:7878"));
    let torn = in_clear.replace("token: ", "token: \"");
    let misplaced = in_clear.replace("token: ", "tokken: ");
    let nested = in_clear.replace("api_key: ", "api_key: [x]\n    kind: ");
    for settings in [&in_clear, &with_password, &torn, &misplaced, &nested] {
        household.write_settings(settings);
        for arguments in COMMANDS {
            assert_quiet(&household, arguments);
        }
    }
    let done = household.pulsarr(&["check", "--offline"]);
    assert_eq!(done.code, Some(78), "the last one is a mistake");
}
