//! How much people may ask for, and what happens with the rest.

use jiff::tz::TimeZone;
use pulsarr_shared::config::{Settings, UserOverride};
use pulsarr_shared::model::{
    ApprovalState, EntryState, Expiry, MediaType, Period, PlacementState, Quota, Standing, Verdict, WhenExceeded,
    WhenExpired,
};
use pulsarr_shared::report::Report;
use pulsarr_shared::routing::{Condition, Rule};
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::{Fault, Known, Title};

use crate::world::{NOON, OWNER, Story, hours, minutes};

/// So many movies.
fn movies(period: Period, limit: u32, when_exceeded: WhenExceeded) -> Quota {
    Quota { media_type: MediaType::Movie, period, limit, when_exceeded }
}

/// Everybody has these quotas.
fn everybody(quotas: Vec<Quota>) -> impl Fn(&mut Settings) + Clone {
    move |settings| settings.users.default_standing = Standing { quotas: quotas.clone(), ..Standing::default() }
}

/// A rule that sets quotas aside for everything.
fn bypassing() -> Rule {
    let mut rule = Rule::new("never mind", 0, Condition::always());
    rule.bypass_quota = true;
    rule
}

fn override_of(plex: &str) -> UserOverride {
    UserOverride {
        plex: plex.into(),
        alias: None,
        sync: None,
        require_approval: None,
        bypass_quota: None,
        quotas: None,
    }
}

/// `Film 1.`, which Radarr knows as 1001, and so on.
fn film(number: i64) -> Title {
    Title::movie(&format!("Film {number}.")).year(2025).tmdb(1_000 + number)
}

impl Story {
    /// The owner wants films of these numbers, each seen after the other.
    async fn wanted(&self, numbers: impl IntoIterator<Item = i64>) {
        for number in numbers {
            self.owner_wants(film(number));
            self.sync().await;
        }
    }

    /// Which of the first ten films Radarr has.
    fn added(&self) -> Vec<i64> {
        (1..=10).filter(|number| self.radarr.item(1_000 + number).is_some()).collect()
    }

    fn film(&self, number: i64) -> EntryState {
        self.state(&format!("Film {number}."))
    }

    fn reason(&self, number: i64) -> String {
        self.entry(&format!("Film {number}.")).reason.unwrap_or_default()
    }
}

#[tokio::test]
async fn what_is_over_the_quota_is_asked_about_and_goes_by_itself_oldest_first_when_there_is_room() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 2, WhenExceeded::Approval)]));
    story.wanted(1..=5).await;
    assert_eq!(story.added(), [1, 2]);
    assert_eq!(story.reason(3), "the quota of 2 movies a day is used up; room again 2026-11-24 00:00");
    let pending = story.store().read().approvals(Some(ApprovalState::Pending)).unwrap();
    assert_eq!(pending.len(), 3);

    story.clock.advance(hours(12));
    story.owner_wants(film(6));
    let report = story.sync().await;
    assert_eq!((report.approvals.auto_approved, report.approvals.asked), (2, 1), "the new one does not overtake");
    assert_eq!(story.added(), [1, 2, 3, 4]);
    let approval = story.store().read().approval(pending[0].approval.id).unwrap().unwrap().approval;
    assert_eq!(
        (approval.state, approval.note.as_deref()),
        (ApprovalState::AutoApproved, Some("there is room in the quota again"))
    );
    story.clock.advance(hours(24));
    story.sync().await;
    assert_eq!(story.added(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn without_going_by_itself_it_waits_for_a_person_however_much_room_there_is() {
    let everybody = everybody(vec![movies(Period::Daily, 1, WhenExceeded::Approval)]);
    let story = Story::adjusted(move |settings| {
        everybody(settings);
        settings.approvals.approve_when_quota_frees = false;
    });
    story.wanted(1..=2).await;
    story.clock.advance(hours(48));
    story.sync().await;
    assert_eq!((story.added(), story.film(2)), (vec![1], EntryState::Held));
}

#[tokio::test]
async fn an_approved_title_takes_its_place_although_there_is_no_room() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Approval)]));
    story.wanted(1..=2).await;
    let id = story.store().read().approvals(Some(ApprovalState::Pending)).unwrap()[0].approval.id;
    let yes = pulsarr_shared::store::Verdict::Approve { edited: None };
    story.store().write(|db| db.decide_approvals(&[id], &yes, "mirela", None, NOON)).unwrap();
    let report = story.sync().await;
    assert_eq!(story.added(), [1, 2]);
    assert_eq!((report.quotas[0].used, report.quotas[0].percent), (2, 200));
}

#[tokio::test]
async fn what_waits_for_room_goes_when_there_is_room_and_nobody_is_asked() {
    let story = Story::adjusted(everybody(vec![movies(Period::Rolling { days: 7 }, 1, WhenExceeded::Wait)]));
    story.wanted(1..=2).await;
    assert_eq!((story.added(), story.film(2)), (vec![1], EntryState::Held));
    assert_eq!(story.reason(2), "the quota of 1 movie in 7 days is used up; room again 2026-11-30 12:00");
    assert!(story.store().read().approvals(None).unwrap().is_empty());
    story.clock.advance(hours(7 * 24) - minutes(1));
    story.sync().await;
    assert_eq!((story.added(), story.decisions("Film 2.").len()), (vec![1], 1), "waiting is decided once");
    story.clock.advance(minutes(1));
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
}

#[tokio::test]
async fn what_is_skipped_is_skipped_for_good_and_in_the_same_run() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Skip)]));
    story.owner_wants(film(2));
    story.owner_wants(film(1));
    let report = story.sync().await;
    assert_eq!((report.decisions.routed, report.decisions.excluded, report.decisions.held), (1, 1, 0));
    let skipped = if story.added() == [1] { 2 } else { 1 };
    assert_eq!(story.film(skipped), EntryState::Excluded);
    story.clock.advance(hours(48));
    story.full_sync().await;
    assert_eq!((story.added().len(), story.film(skipped)), (1, EntryState::Excluded));
}

#[tokio::test]
async fn nothing_is_skipped_for_a_title_that_turns_out_to_cost_nothing() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Skip)]));
    for number in 1..=3 {
        story.radarr.add_movie(1_000 + number, "there already");
    }
    for number in 1..=4 {
        story.owner_wants(film(number));
    }
    for _ in 0..4 {
        story.sync().await;
    }
    assert_eq!((1..=4).filter(|number| story.film(*number) == EntryState::Requested).count(), 4);
    assert!(story.radarr.item(1_004).is_some());
}

#[tokio::test]
async fn denied_excluded_and_present_titles_cost_nothing() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Wait)]));
    story.radarr.add_movie(1_001, "Film 1.");
    story.radarr.exclude(1_002, "Film 2.");
    story.wanted(1..=3).await;
    assert_eq!(story.film(2), EntryState::Excluded);
    assert_eq!(story.added(), [1, 3]);
    let report = story.sync().await;
    assert_eq!((report.quotas[0].used, report.quotas[0].limit), (1, 1));
    assert_eq!(report.quotas[0].user, OWNER);
    assert_eq!(
        report.quotas[0].to_string(),
        "mirela_q has used 1 of 1 movie a day (100 %); room again 2026-11-24 00:00"
    );
}

/// Radarr refuses film 1 until it is told about it.
async fn refused_once(quota: Quota) -> Story {
    let story = Story::adjusted(everybody(vec![quota]));
    story.radarr.unknown_id(1_001);
    story.wanted([1]).await;
    assert_eq!(story.film(1), EntryState::Failed);
    story
}

#[tokio::test]
async fn a_refused_title_costs_nothing_and_takes_a_place_again_before_it_is_tried_again() {
    let story = refused_once(movies(Period::Daily, 1, WhenExceeded::Wait)).await;
    story.wanted([2]).await;
    assert_eq!(story.added(), [2], "the refused one costs nothing");
    story.radarr.know(Known::new(1_001, "Film 1."));
    story.clock.advance(hours(1));
    story.clear_journals();
    story.sync().await;
    assert_eq!((story.added(), story.adds()), (vec![2], 0), "there is no room for another try");
    assert_eq!(
        story.reason(1),
        "refused before, and the quota of 1 movie a day is used up; room again 2026-11-24 00:00; then it is tried again"
    );
    let placement = story.placement("Film 1.");
    assert_eq!((placement.state, placement.retry_at_ms), (PlacementState::Failed, Some(NOON + 12 * 3_600_000)));

    story.clock.jump_to(NOON + 12 * 3_600_000);
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
    story.wanted([3]).await;
    assert_eq!((story.added(), story.film(3)), (vec![1, 2], EntryState::Held), "it took today's place");
}

#[tokio::test]
async fn a_refused_title_is_tried_again_where_there_is_room() {
    let story = refused_once(movies(Period::Daily, 2, WhenExceeded::Wait)).await;
    story.wanted([2]).await;
    story.radarr.know(Known::new(1_001, "Film 1."));
    story.clock.advance(minutes(10));
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
}

#[tokio::test]
async fn a_watchlist_cap_has_room_again_when_a_title_leaves_the_list() {
    let story = Story::adjusted(everybody(vec![movies(Period::WatchlistCap, 2, WhenExceeded::Wait)]));
    story.wanted(1..=3).await;
    story.clock.advance(hours(24 * 40));
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
    assert_eq!(
        story.reason(3),
        "the quota of 2 movies on the watchlist is used up; room again when one of them leaves the watchlist"
    );
    story.plex.unwatch(&story.plex.owner_uuid(), film(1));
    story.full_sync().await;
    story.clock.advance(minutes(11));
    story.full_sync().await;
    assert_eq!(story.added(), [1, 2, 3]);
}

#[tokio::test]
async fn several_quotas_hold_at_once_and_each_for_its_own_type_and_user() {
    let story = Story::adjusted(everybody(vec![
        movies(Period::Daily, 2, WhenExceeded::Wait),
        movies(Period::Weekly, 3, WhenExceeded::Wait),
    ]));
    let ada = story.plex.add_friend("ada");
    story.wanted(1..=4).await;
    assert_eq!(story.added(), [1, 2]);
    story.owner_wants(crate::world::harbour_nine());
    story.plex.watch(&ada, film(9));
    story.sync().await;
    assert_eq!(story.added(), [1, 2, 9], "others have places of their own, new users the usual quotas");
    assert!(story.sonarr.item(crate::world::HARBOUR_NINE).is_some());
    story.clock.advance(hours(24));
    story.sync().await;
    assert_eq!(story.added(), [1, 2, 3, 9], "three a week");
    assert_eq!(story.reason(4), "the quota of 3 movies a week is used up; room again 2026-11-30 00:00");
    let last = story.decisions("Film 4.").pop().unwrap().decision;
    let told: Vec<_> = last.trace.steps.iter().filter(|step| step.subject.contains("movies a")).collect();
    assert_eq!(
        (told[0].verdict, told[0].because.as_str()),
        (Verdict::Matched, "1 of 2 used since 2026-11-24 00:00 (1 on its way)")
    );
    assert!(told[1].because.starts_with("3 of 3 used since 2026-11-23 00:00"), "{told:?}");
}

#[tokio::test]
async fn days_begin_in_the_households_zone() {
    let mut story = Story::new();
    story.adjust = Box::new(|config| {
        everybody(vec![movies(Period::Daily, 1, WhenExceeded::Wait)])(&mut config.settings);
        config.zone = TimeZone::get("Asia/Tokyo").unwrap();
    });
    // Noon in UTC is nine in the evening there.
    story.wanted(1..=2).await;
    assert_eq!(story.reason(2), "the quota of 1 movie a day is used up; room again 2026-11-24 00:00");
    story.clock.advance(hours(3));
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
}

#[tokio::test]
async fn quotas_do_not_hold_back_whom_or_what_the_settings_free() {
    let quota = vec![movies(Period::Daily, 1, WhenExceeded::Wait)];
    let (of_user, of_rule) = (everybody(quota.clone()), everybody(quota));
    let mut story = Story::adjusted(move |settings| {
        of_user(settings);
        settings.users.overrides = vec![UserOverride { bypass_quota: Some(true), ..override_of(OWNER) }].into();
    });
    story.wanted(1..=2).await;
    assert_eq!(story.added(), [1, 2]);
    let approvals = story.store().read().approvals(None).unwrap();
    assert_eq!(
        (approvals.len(), approvals[0].approval.state),
        (1, ApprovalState::AutoApproved),
        "over the quota, and on record"
    );
    assert!(
        approvals[0]
            .approval
            .reason
            .starts_with("quotas do not hold mirela_q back, although the quota of 1 movie a day")
    );

    story.readjust(move |settings| {
        of_rule(settings);
        settings.rules = vec![bypassing()];
    });
    story.wanted([3]).await;
    assert_eq!(story.added(), [1, 2, 3]);
    story.readjust(everybody(vec![movies(Period::Daily, 4, WhenExceeded::Wait)]));
    story.wanted([4, 5]).await;
    assert_eq!(story.added(), [1, 2, 3, 4], "what went freely is counted all the same");
}

#[tokio::test]
async fn a_place_is_kept_while_the_instance_is_down() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Wait)]));
    story.radarr.inject(Fault::on("GET", "/api/v3").status(503));
    story.wanted(1..=2).await;
    assert_eq!((story.film(1), story.film(2)), (EntryState::Requested, EntryState::Held));
    story.clock.advance(hours(24));
    story.radarr.clear_faults();
    story.sync().await;
    assert_eq!(story.added(), [1, 2], "yesterday's place was yesterday's");
}

#[tokio::test]
async fn nearly_full_quotas_are_told_from_80_percent_on() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 5, WhenExceeded::Wait)]));
    story.wanted(1..=3).await;
    assert!(story.sync().await.quotas.is_empty());
    story.owner_wants(film(4));
    let report = story.sync().await;
    assert_eq!(
        (report.quotas[0].used, report.quotas[0].percent, report.quotas[0].room_again_at.as_deref()),
        (4, 80, None)
    );
}

#[tokio::test]
async fn what_went_by_itself_for_there_was_room_and_was_refused_needs_room_again() {
    let quota = everybody(vec![movies(Period::Daily, 1, WhenExceeded::Approval)]);
    let mut story = Story::adjusted(quota.clone());
    story.radarr.unknown_id(1_002);
    story.wanted(1..=2).await;
    story.clock.advance(hours(12));
    assert_eq!(story.sync().await.approvals.auto_approved, 1);
    assert_eq!(story.film(2), EntryState::Failed);
    story.wanted([3]).await;
    assert_eq!(story.added(), [1, 3], "the refused one costs nothing");
    story.radarr.know(Known::new(1_002, "Film 2."));
    story.readjust(move |settings| {
        quota(settings);
        settings.instances[0].options.tags = vec!["mended".into()];
    });
    story.sync().await;
    assert_eq!((story.added(), story.film(2)), (vec![1, 3], EntryState::Held), "one a day");
    story.clock.advance(hours(24));
    story.sync().await;
    assert_eq!(story.added(), [1, 2, 3]);
}

#[tokio::test]
async fn silence_is_a_yes_to_the_question_and_not_to_more_than_the_quota() {
    let story = Story::adjusted(|settings| {
        everybody(vec![movies(Period::Daily, 1, WhenExceeded::Wait)])(settings);
        settings.users.default_standing.require_approval = true;
        settings.approvals.user = Expiry { after_h: Some(1), then: WhenExpired::Approve };
    });
    story.wanted(1..=2).await;
    story.clock.advance(hours(1));
    assert_eq!(story.sync().await.approvals.auto_approved, 2);
    assert_eq!((story.added(), story.film(2)), (vec![1], EntryState::Held));
    story.clock.advance(hours(11));
    story.sync().await;
    assert_eq!(story.added(), [1, 2]);
}

#[tokio::test]
async fn a_dry_run_adds_what_a_run_would_when_one_before_it_costs_nothing() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 1, WhenExceeded::Wait)]));
    story.radarr.add_movie(1_001, "Film 1.");
    story.wanted(1..=1).await;
    story.radarr.add_movie(1_002, "Film 2.");
    story.owner_wants(film(2));
    story.owner_wants(film(3));
    let told = |report: &Report, what: &str| {
        let changes = report.changes.iter().filter(|change| change.what == what);
        changes.map(|change| change.title.clone()).collect::<Vec<_>>()
    };
    let foretold = story.dry_run().await;
    let report = story.sync().await;
    assert_eq!(told(&report, "added"), ["Film 3. (2025)"], "{report:#?}");
    assert_eq!(told(&foretold, "would_add"), told(&report, "added"), "{foretold:#?}");
    assert_eq!(foretold.placements.waiting, 1);
}

/// A store as the first version left it.
fn first_version(story: &Story) {
    let folder = story.data_dir().join("db");
    std::fs::create_dir_all(&folder).unwrap();
    let store = rusqlite::Connection::open(folder.join("pulsarr.db")).unwrap();
    store.execute_batch(include_str!("../../migrations/0001_first.sql")).unwrap();
    store
        .execute_batch(&format!(
            "INSERT INTO users (id, uuid, username, display_name, relation, first_seen_at_ms)\n\
                 VALUES (1, '{uuid}', 'mirela_q', 'Mirela', 'owner', 1);\n\
             INSERT INTO titles (id, plex_id, media_type, title, year, tmdb_id, facts, metadata_at_ms)\n\
                 VALUES (1, 'aaaa', 'movie', 'Old one', 2020, 7, '{{\"genres\":[\"Drama\"]}}', 5),\n\
                        (2, 'bbbb', 'movie', 'There before', 2020, 8, '{{}}', 5);\n\
             INSERT INTO entries (id, user_id, title_id, appeared_at_ms, state, state_at_ms)\n\
                 VALUES (1, 1, 1, {NOON} - 60000, 'requested', {NOON}), (2, 1, 2, {NOON} - 60000, 'requested', {NOON});\n\
             INSERT INTO decisions (entry_id, run_id, decided_at_ms, outcome, decision) VALUES\n\
                 (1, 'r0', {NOON} - 90000, 'hold', '{{\"outcome\":{{\"outcome\":\"hold\",\"reason\":\"no default\"}},\"trace\":{{\"version\":1,\"facts\":[],\"steps\":[]}}}}'),\n\
                 (1, 'r1', {NOON} - 60000, 'route', '{{\"outcome\":{{\"outcome\":\"route\",\"destinations\":[{{\"instance\":\"movies\",\"options\":{{\"tags\":[],\"kind\":\"radarr\",\"search_on_add\":true,\"minimum_availability\":\"released\",\"monitor\":\"movie_only\"}},\"because\":\"Radarr `movies` is the default for movies\"}}]}},\"trace\":{{\"version\":1,\"facts\":[{{\"name\":\"type\",\"value\":\"movie\",\"source\":\"plex watchlist\"}}],\"steps\":[{{\"stage\":\"default_routing\",\"subject\":\"movies\",\"verdict\":\"matched\",\"because\":\"x\"}}]}}}}');\n\
             INSERT INTO placements (entry_id, title_id, instance, state, options, queued_at_ms) VALUES\n\
                 (1, 1, 'movies', 'added', '{{}}', {NOON} - 60000), (2, 2, 'movies', 'present', '{{}}', {NOON} - 60000);\n\
             PRAGMA user_version = 1;",
            uuid = story.plex.owner_uuid(),
        ))
        .unwrap();
}

#[tokio::test]
async fn what_the_first_version_added_counts_and_its_decisions_are_still_read() {
    let story = Story::adjusted(everybody(vec![movies(Period::Daily, 2, WhenExceeded::Wait)]));
    first_version(&story);
    let store = Store::open(&story.data_dir(), false).unwrap();
    let user = store.read().users().unwrap()[0].id;
    let uses = store.read().quota_uses(user, MediaType::Movie, None, NOON).unwrap();
    assert_eq!(
        (uses.len(), uses[0].used_at_ms, uses[0].spent),
        (1, NOON - 60_000, true),
        "what was there before costs nothing"
    );
    let decisions = store.read().decisions_of(uses[0].entry).unwrap();
    let words: Vec<&str> = decisions.iter().map(|it| it.decision.outcome.word()).collect();
    assert_eq!((words, decisions[1].decision.trace.version), (vec!["hold", "route"], 1));
    drop(store);
    story.wanted(1..=2).await;
    assert_eq!((story.film(1), story.film(2)), (EntryState::Requested, EntryState::Held), "one place was left");
}
