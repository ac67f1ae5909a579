//! Quotas while several processes are at it, and some of them die.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, Running, SETTINGS};

use super::library;

/// Seven movies on the owner's list, three of which may go in a week.
fn three_of_seven() -> Household {
    let household = Household::new();
    let quota = "{type: movie, period: rolling, days: 7, limit: 3, when_exceeded: wait}";
    household.write_settings(&format!("{SETTINGS}users:\n  defaults:\n    quotas: [{quota}]\n"));
    for number in 0..7 {
        let title = Title::movie(&format!("Film {number}")).year(2020).tmdb(910_000 + number);
        household.plex.watch(&household.plex.owner_uuid(), title);
    }
    household
}

#[test]
fn processes_at_once_some_of_them_killed_never_take_more_than_there_is() {
    for kill_first in [false, true] {
        let household = three_of_seven();
        for _ in 0..2 {
            let mut processes: Vec<Running> =
                (0..3).map(|_| household.start(&["sync", "--lock-wait", "30s", "--full"])).collect();
            if kill_first {
                processes.remove(0).kill();
            }
            for process in processes {
                let done = process.finish();
                assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
                assert!(library(&household.radarr).len() <= 3, "{}", done.stdout);
            }
        }
        assert_eq!(library(&household.radarr).len(), 3);
        let status = household.status();
        assert!(status.contains("Quota: ") && status.contains("3 of 3"), "{status}");
        let waits = household.explain("Film");
        assert_eq!(waits.matches("next: it waits for room in the quota").count(), 4, "{waits}");
    }
}
