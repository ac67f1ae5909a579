//! A run: live while it goes on, then its report for people.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::ReadOutcome;
use pulsarr_shared::report::{Change, Report, UserReport};
use warp::http::StatusCode;
use warp::reply::Response;

use super::{starter, tone};
use crate::api::runs::{self, RunView, StageView};
use crate::pages::words::lasted;
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/runs/{id}", |ask| Box::pin(show(ask)))];

/// The changes and the lists that the page shows; there may be hundreds.
const MOST: usize = 40;

/// Seconds between two looks of a browser without scripts.
const REFRESH_S: u16 = 3;

/// What a run goes through, and what people call that.
const STAGES: [(&str, &str); 4] = [
    ("observe", "Reading watchlists"),
    ("resolve", "Looking titles up"),
    ("decide", "Deciding"),
    ("act", "Asking Sonarr and Radarr"),
];

#[derive(Template)]
#[template(path = "runs/run.html")]
struct RunPage {
    frame: Frame,
    run: RunView,
    began: String,
    started: String,
    /// How long it took, or has taken so far.
    took: String,
    tone: &'static str,
    stages: Vec<Stage>,
    report: Option<Told>,
}

/// A stage, and how far it has come.
#[derive(Debug, PartialEq, Eq)]
struct Stage {
    word: &'static str,
    label: &'static str,
    done: u32,
    total: u32,
    state: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    Current,
    Ahead,
}

/// The report, in the order in which people want to know.
struct Told {
    report: Report,
    new: u32,
    read: usize,
    /// Those with something to tell first.
    lists: Vec<(UserReport, &'static str, &'static str)>,
    more_lists: usize,
    /// With the number of the entry where that is known.
    changes: Vec<(Change, Option<i64>)>,
    more_changes: usize,
}

impl RunPage {
    const fn is_running(&self) -> bool {
        self.run.ended_at_ms.is_none()
    }
}

impl Stage {
    /// `3 of 5`; nothing where nobody counts.
    fn steps(&self) -> String {
        if self.total == 0 { String::new() } else { format!("{} of {}", self.done, self.total) }
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let story = runs::story(&ask).await?;
    let run = story.run;
    let running = run.ended_at_ms.is_none();
    let report = match story.report.and_then(|report| serde_json::from_value::<Report>(report).ok()) {
        Some(report) => {
            let entries = if report.changes.is_empty() { None } else { Some(runs::entries(&ask, &run.id).await?) };
            let entry = |change: &Change| {
                let key = (change.title.clone(), change.user.clone());
                entries.as_ref().and_then(|entries| entries.get(&key).copied())
            };
            Some(Told::of(report, entry))
        }
        None => None,
    };
    let frame = Frame::of(&ask, "activity", "Run").await?;
    let page = RunPage {
        frame: if running { frame.with_scripts(&["runs.js"]).refreshed_every(REFRESH_S) } else { frame },
        began: rfc3339(run.started_at_ms),
        started: starter(&run).to_owned(),
        took: lasted(run.ended_at_ms.unwrap_or_else(|| ask.app.now_ms()) - run.started_at_ms),
        tone: tone(run.result),
        stages: stages(&story.progress, running),
        report,
        run,
    };
    html(&ask, StatusCode::OK, &page)
}

/// Every stage: those that the run has been through, the one it is at, and those to come.
fn stages(progress: &[StageView], running: bool) -> Vec<Stage> {
    let found = |word: &str| progress.iter().find(|it| it.stage == word);
    let last = STAGES.iter().rposition(|(word, _)| found(word).is_some());
    let at = last.unwrap_or(0);
    let stages = STAGES.into_iter().enumerate().map(|(number, (word, label))| {
        let (done, total) = found(word).map_or((0, 0), |it| (it.done, it.total));
        let state = match number.cmp(&at) {
            _ if last.is_none() && !running => Progress::Ahead,
            std::cmp::Ordering::Less => Progress::Done,
            std::cmp::Ordering::Equal if running => Progress::Current,
            std::cmp::Ordering::Equal => Progress::Done,
            std::cmp::Ordering::Greater => Progress::Ahead,
        };
        Stage { word, label, done, total, state }
    });
    stages.collect()
}

/// How a list was read: in words, and how that looks. The first in this order have the most to tell.
const fn read(outcome: ReadOutcome) -> (u8, &'static str, &'static str) {
    match outcome {
        ReadOutcome::Unknown => (0, "could not be read", "warn"),
        ReadOutcome::NotShared => (1, "not shared with the owner", "idle"),
        ReadOutcome::Complete => (2, "read to its end", "ok"),
        ReadOutcome::Newest => (3, "the newest titles", "ok"),
        ReadOutcome::NotModified => (4, "unchanged", "idle"),
    }
}

impl Told {
    fn of(mut report: Report, entry: impl Fn(&Change) -> Option<i64>) -> Self {
        let mut users = std::mem::take(&mut report.users);
        let mut changes = std::mem::take(&mut report.changes);
        let is_read = |user: &&UserReport| !matches!(user.read, ReadOutcome::Unknown | ReadOutcome::NotShared);
        let (new, read_lists) = (users.iter().map(|user| user.new).sum(), users.iter().filter(is_read).count());
        users.sort_by_key(|user| (user.new == 0 && user.gone == 0, read(user.read).0));
        let (more_lists, more_changes) = (users.len().saturating_sub(MOST), changes.len().saturating_sub(MOST));
        users.truncate(MOST);
        changes.truncate(MOST);
        let lists = users.into_iter().map(|user| {
            let (_, words, tone) = read(user.read);
            (user, words, tone)
        });
        let changes = changes.into_iter().map(|change| {
            let entry = entry(&change);
            (change, entry)
        });
        Self {
            new,
            read: read_lists,
            lists: lists.collect(),
            more_lists,
            changes: changes.collect(),
            more_changes,
            report,
        }
    }

    /// How what became of a title looks.
    fn tone(what: &str) -> &'static str {
        match what {
            "added" | "route" => "ok",
            "present" | "would_add" => "info",
            "held" | "hold" | "waiting" | "unresolvable" => "warn",
            "failed" => "bad",
            _ => "idle",
        }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{MediaType, RunResult, Trigger};
    use pulsarr_shared::report::{Change, Problem, ProblemKind, QuotaReport, RunReport, UpstreamCounts};
    use pulsarr_shared::store::NewAuditRow;

    use super::*;
    use crate::api::household::{Household, SETTINGS};
    use crate::pages::testing::Visitor;

    fn report() -> Report {
        let mut report = Report::empty(RunReport {
            id: "r1".into(),
            trigger: Trigger::Api,
            started_at: "2026-11-23T12:00:00.000Z".into(),
            duration_ms: 812,
            result: RunResult::Partial,
            detail: Some("time was up".into()),
            dry_run: false,
        });
        report.users.push(UserReport {
            uuid: "5be07c1d2a94f036".into(),
            name: "ana".into(),
            read: ReadOutcome::Complete,
            detail: None,
            entries: 9,
            new: 2,
            gone: 1,
        });
        report.upstream.insert("plex".into(), UpstreamCounts { requests: 17, not_modified: 3, throttled: 1 });
        report
    }

    fn change(title: &str, what: &str, why: &str) -> Change {
        let (title, what, why) = (title.to_owned(), what.to_owned(), why.to_owned());
        Change { title, user: "ana".into(), what, instance: Some("movies".into()), why }
    }

    fn store(visitor: &Visitor, report: &Report) {
        let json = serde_json::to_string(report).unwrap();
        visitor.write(|db| {
            let (who, action, target) = ("ada", "run.started", "r1");
            db.start_run(target, Trigger::Api, "nas-1/17", 1_000)?;
            db.add_audit(NewAuditRow { at_ms: 1_001, who, address: None, action, target, detail: "{}" })?;
            db.end_run(target, report.run.result, &json, 1_812)
        });
    }

    #[tokio::test]
    async fn what_a_run_did_is_told_with_ways_to_what_it_is_about() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        household.hold_all("r1");
        let mut report = report();
        report.placements.added = 1;
        report.changes.push(change("Salt Ledger 1 (2025)", "added", "it takes films"));
        report.changes.push(change("Paper Comets", "failed", "no root folder"));
        report.problem(Problem { upstream: "movies".into(), kind: ProblemKind::Down, message: "it is silent".into() });
        report.quotas.push(QuotaReport {
            user: "ana".into(),
            media_type: MediaType::Movie,
            quota: "3 movies a day".into(),
            used: 3,
            limit: 3,
            percent: 100,
            room_again_at: None,
        });
        store(&visitor, &report);
        let page = visitor.get("/runs/r1").await;
        assert_eq!(page.status, 200);
        for told in [
            "Started by <bdi>ada</bdi>",
            "812 ms",
            "time was up",
            "read to its end",
            "href=\"/watchlist/1\"",
            "Salt Ledger 1 (2025)",
            "no root folder",
            "it is silent",
            "3 of 3 movies a day",
            "/activity/decisions?run=r1",
            ">17<",
        ] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        assert!(!page.text.contains("runs.js") && !page.text.contains("http-equiv"), "{}", page.text);
        assert_eq!(visitor.get("/runs/r2").await.status, 404);
        let away = visitor.signed_out().get("/runs/r1").await;
        assert_eq!((away.status, away.header("location")), (303, "/login?next=/runs/r1"));
    }

    #[tokio::test]
    async fn one_that_goes_on_shows_how_far_it_is_and_comes_anew_without_scripts() {
        let visitor = Visitor::set_up("").await;
        visitor.write(|db| {
            db.start_run("r1", Trigger::Schedule, "nas-1/17", 1_000)?;
            db.set_progress("r1", "observe", 4, 4, 1_100)?;
            db.set_progress("r1", "resolve", 3, 5, 1_200)
        });
        let page = visitor.get("/runs/r1").await.text;
        assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>"), "{page}");
        for told in ["data-run=\"r1\"", "/api/v1/runs/events", "3 of 5", "<progress max=\"5\" value=\"3\"", "runs.js"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        visitor.write(|db| db.start_run("r2", Trigger::Schedule, "nas-1/18", 2_000));
        let crashed = visitor.get("/runs/r1").await.text;
        assert!(crashed.contains("crashed") && crashed.contains("no report"), "{crashed}");
    }

    #[tokio::test]
    async fn names_are_text_and_a_long_report_stays_within_its_weight() {
        let visitor = Visitor::set_up("").await;
        let mut report = report();
        let hostile = "<script>alert(1)</script>\u{202e}\u{1f3ac}";
        for number in 0..200 {
            report.change(change(&format!("{hostile} {number}"), "held", hostile));
            report.users.push(UserReport { name: format!("{hostile} {number}"), ..report.users[0].clone() });
        }
        store(&visitor, &report);
        let page = visitor.get("/runs/r1").await.text;
        assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
        assert!(page.contains("160 more") && page.contains("161 more lists"), "{page}");
        assert!(page.len() < 45_000, "{} bytes", page.len());
    }

    #[test]
    fn the_last_stage_heard_of_is_the_one_it_is_at() {
        let at = |stages: &[Stage]| stages.iter().map(|it| it.state).collect::<Vec<_>>();
        let view = |stage: &str| StageView { stage: stage.into(), done: 1, total: 2 };
        use Progress::{Ahead, Current, Done};
        assert_eq!(at(&stages(&[], true)), [Current, Ahead, Ahead, Ahead]);
        assert_eq!(at(&stages(&[view("observe"), view("decide")], true)), [Done, Done, Current, Ahead]);
        assert_eq!(at(&stages(&[view("observe"), view("decide")], false)), [Done, Done, Done, Ahead]);
        assert_eq!(at(&stages(&[], false)), [Ahead; 4]);
    }
}
