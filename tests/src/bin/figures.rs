//! `cargo figures`: what a run costs. The stand-ins serve a large household from this process; the release build of `pulsarr`
//! runs as a child and reports its own processor time and peak memory, so the stand-ins' work is not in the figures.

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::Household;
use serde_json::Value;

/// Users, the owner included.
const USERS: i64 = 50;

/// Entries on each list.
const ENTRIES: i64 = 200;

/// Runs of the unchanged case; the median is what counts.
const REPEATS: usize = 11;

fn main() {
    println!("{:<44} {:>9} {:>9} {:>9} {:>8} {:>8}", "", "requests", "requests", "wall", "CPU", "peak");
    println!("{:<44} {:>9} {:>9} {:>9} {:>8} {:>8}", "run", "to Plex", "to arrs", "ms", "ms", "KiB");
    measure();
}

/// Fifty users with two hundred entries each: the first run against libraries that have nearly all of it, and then runs in which
/// nothing is new.
fn measure() {
    let household = crowd();
    row("first run, Sonarr 2,000 and Radarr 10,000", &sync(&household));
    let mut runs: Vec<Value> = (0..REPEATS).map(|_| sync(&household)).collect();
    runs.sort_by_key(|report| report["cpu_ms"].as_u64());
    row(&format!("unchanged run, median of {REPEATS}"), &runs[REPEATS / 2]);
    row("unchanged run, worst of them", &runs[REPEATS - 1]);
}

/// The household: every list has titles of its own, one show to five movies. Both libraries lack the first hundred titles, so that
/// about a hundred are to be added.
fn crowd() -> Household {
    let mut household = Household::new();
    let vars = [("PULSARR_LOG", "off"), ("PULSARR_PLEX_REQUEST_BUDGET", "100000"), ("PULSARR_RUN_LIMIT_S", "3600")];
    household.vars.extend(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    household.plex.set_journal_bodies(false);
    let mut number = 0;
    for user in 0..USERS {
        let owner = user == 0;
        let uuid =
            if owner { household.plex.owner_uuid() } else { household.plex.add_friend(&format!("friend-{user:02}")) };
        for _ in 0..ENTRIES {
            number += 1;
            let title = if number % 6 == 0 { Title::numbered_show(number / 6) } else { Title::numbered_movie(number) };
            household.plex.watch(&uuid, title);
        }
    }
    household.radarr.fill_library_from(2_000_101, 10_000);
    household.sonarr.fill_library_from(3_000_018, 2_000);
    household
}

fn sync(household: &Household) -> Value {
    household.clear_journals();
    let done = household.sync();
    assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
    done.report()
}

fn row(name: &str, report: &Value) {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let arrs = number(&report["upstream"]["movies"]["requests"]) + number(&report["upstream"]["shows"]["requests"]);
    println!(
        "{name:<44} {:>9} {arrs:>9} {:>9} {:>8} {:>8}",
        number(&report["upstream"]["plex"]["requests"]),
        number(&report["run"]["duration_ms"]),
        number(&report["cpu_ms"]),
        number(&report["peak_rss_kib"]),
    );
}
