//! `cargo page-figures`: what every page costs with 50,000 entries of some 50 people: the time from the request to the whole answer
//! over loopback, and its bytes; then what a what-if over 20,000 undecided titles costs. Arguments are parts of paths: `cargo
//! page-figures /watchlist` measures those alone, and `cargo page-figures what-if` the what-ifs alone.

#![expect(clippy::disallowed_methods, reason = "this measures time")]

use std::time::Instant;

use pulsarr_tests::lively::Lively;
use pulsarr_tests::page_list::{PAGES, Seen};
use pulsarr_tests::service::{Answer, free_port};
use serde_json::json;

const ENTRIES: i64 = 50_000;
const UNDECIDED: i64 = 20_000;
/// Askings of each page.
const TIMES: usize = 30;

/// Pages that were asked for something: lists that are searched, far pages. `{user}` is the uuid of somebody, `{half}` an entry in the
/// middle.
const ASKED: &[&str] = &[
    "/watchlist?user={user}",
    "/watchlist?state=available",
    "/watchlist?state=held",
    "/watchlist?state=unresolvable",
    "/watchlist?type=show",
    "/watchlist?instance=movies-4k",
    "/watchlist?text=Salt",
    "/watchlist?text=Comets+199",
    "/watchlist?text=no+such+title",
    "/watchlist?text=zq",
    "/watchlist?user={user}&state=failed&type=movie&instance=movies-4k",
    "/watchlist?user={user}&state=held&type=show",
    "/watchlist?state=closed&type=movie&instance=anime",
    "/watchlist?before={half}",
    "/users?page=2",
    "/users?text=tomas",
    "/users?show=nearly_full",
    "/stats?days=365",
    "/approvals?state=all",
    "/approvals?state=approved",
    "/activity/log?level=warn&text=sync",
    "/settings/all?text=rule",
    "/rules?page=2",
    "/rules/tests?page=2",
    "/setup/plex",
    "/setup/instances?kind=radarr",
    "/setup/users",
    "/api/v1/watchlist?limit=100",
    "/api/v1/watchlist?text=Comets+199",
    "/api/v1/watchlist?text=no+such+title",
    "/api/v1/stats",
    "/api/v1/users",
    "/api/v1/quotas",
    "/api/v1/failures",
    "/api/v1/decisions",
    "/api/v1/explain?title=Salt+Ledger",
];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut lively = Lively::move_in(free_port());
    lively.crowd(ENTRIES);
    println!("resident after start                 {:>10} KiB", resident(&lively));
    let pages = PAGES.iter().map(|page| (page.path(&lively.household), page.seen));
    let uuid = "SELECT rowid FROM users WHERE username = 'tomas.r-3'";
    let user = format!("{:016x}", lively.numbers(uuid)[0]);
    let half = lively.numbers("SELECT id FROM entries ORDER BY id LIMIT 1 OFFSET 25000")[0].to_string();
    let asked = ASKED.iter().map(|path| (path.replace("{user}", &user).replace("{half}", &half), Seen::SignedIn));
    let all: Vec<(String, Seen)> = pages.chain(asked).collect();
    println!("{:>8} {:>8} {:>8} {:>8}", "first ms", "median", "worst", "bytes");
    for (path, seen) in all.iter().filter(|(path, _)| wanted.is_empty() || wanted.iter().any(|it| path.contains(it))) {
        let (first, mut took, bytes) = asked_often(&lively, path, *seen);
        took.sort_by(f64::total_cmp);
        println!("{first:>8.2} {:>8.2} {:>8.2} {bytes:>8} {path}", took[took.len() / 2], took[took.len() - 1]);
    }
    println!("resident after all pages             {:>10} KiB", resident(&lively));
    if wanted.is_empty() || wanted.iter().any(|it| it == "what-if") {
        foresee(&lively);
    }
}

/// The first asking and the others, in milliseconds; and the bytes of an answer.
fn asked_often(lively: &Lively, path: &str, seen: Seen) -> (f64, Vec<f64>, usize) {
    let ask = || {
        let cookie = if seen == Seen::SignedIn { lively.session.cookie.as_str() } else { "" };
        let began = Instant::now();
        let answer = lively.service.ask("GET", path, &[("Cookie", cookie), ("Accept", "text/html")], b"");
        let took = began.elapsed().as_secs_f64() * 1e3;
        assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}");
        (took, answer.body_bytes)
    };
    let (first, bytes) = ask();
    (first, (0..TIMES).map(|_| ask().0).collect(), bytes)
}

/// What-ifs over [`UNDECIDED`] titles that nobody has decided about.
fn foresee(lively: &Lively) {
    lively.put_undecided(UNDECIDED);
    let timed = |name: &str, ask: &dyn Fn() -> Answer| {
        for time in ["first", "again"] {
            let began = Instant::now();
            let answer = ask();
            let took = began.elapsed().as_secs_f64();
            assert_eq!(answer.status, 200, "{answer:?}");
            println!(
                "{took:>8.2} s {time}, {name}; resident {} KiB, {} KiB at most",
                resident(lively),
                most_resident(lively)
            );
        }
    };
    timed("/setup/preview", &|| lively.session.page(&lively.service, "/setup/preview"));
    timed("POST /api/v1/simulate", &|| lively.session.ask(&lively.service, "POST", "/simulate", &json!({})));
    timed("a rule is tried out", &|| tried(lively));
    let began = Instant::now();
    let simulated = lively.household.pulsarr(&["simulate", "--changed", "--title", "no such title"]);
    assert_eq!(simulated.code, Some(0), "{simulated:?}");
    println!("{:>8.2} s pulsarr simulate", began.elapsed().as_secs_f64());
}

/// The what-if of a rule that stands among others.
fn tried(lively: &Lively) -> Answer {
    let rule = json!({"name": "another one", "priority": 500, "when": {"type": "show"}, "route": [{"to": "anime"}]});
    lively.session.ask(&lively.service, "POST", "/rules/validate", &rule)
}

/// What is resident of the service; KiB.
fn resident(lively: &Lively) -> u64 {
    status_of(lively, "VmRSS:")
}

/// What was resident of it at most, ever; KiB.
fn most_resident(lively: &Lively) -> u64 {
    status_of(lively, "VmHWM:")
}

fn status_of(lively: &Lively, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", lively.service.running.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
