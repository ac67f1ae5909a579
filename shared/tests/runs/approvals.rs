//! What waits until somebody says yes, and what becomes of it.

use pulsarr_shared::config::Settings;
use pulsarr_shared::model::{
    ApprovalId, ApprovalState, ApprovalTrigger, Destination, EntryState, Expiry, PlacementState, Standing, Undecidable,
    WhenExpired,
};
use pulsarr_shared::routing::{Condition, Overrides, RouteTo, Rule};
use pulsarr_shared::store::{ApprovalRow, StoreError, Verdict};
use pulsarr_tests::fakes::{FakeRadarr, Fault, Title};
use pulsarr_tests::household::SETTINGS;

use crate::world::{HARBOUR_NINE, NOON, SALT_LEDGER, Story, harbour_nine, hours, minutes, salt_ledger};

const YES: Verdict = Verdict::Approve { edited: None };

/// A rule for everything.
fn rule(name: &str, acts: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = Rule::new(name, 0, Condition::always());
    acts(&mut rule);
    rule
}

/// A rule that has somebody asked about everything.
fn asking() -> Rule {
    rule("ask first", |rule| rule.require_approval = Some("disks are dear".into()))
}

fn to(instance: &str) -> RouteTo {
    RouteTo { to: instance.into(), overrides: Overrides::default() }
}

impl Story {
    fn requests(&self, state: ApprovalState) -> Vec<ApprovalRow> {
        self.store().read().approvals(Some(state)).unwrap()
    }

    /// The only request there is.
    fn request(&self) -> ApprovalRow {
        let requests = self.store().read().approvals(None).unwrap();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.into_iter().next().unwrap()
    }

    /// `asked`, `approved`, …
    fn events(&self, id: ApprovalId) -> Vec<String> {
        let events = self.store().read().approval_events(id).unwrap();
        events.into_iter().map(|event| event.what).collect()
    }

    fn say(&self, ids: &[ApprovalId], verdict: &Verdict, note: Option<&str>) -> Result<Vec<ApprovalRow>, StoreError> {
        use pulsarr_shared::clock::Clock as _;
        self.store().write(|db| db.decide_approvals(ids, verdict, "mirela", note, self.clock.now_ms()))
    }

    fn states_of(&self, title: &str) -> Vec<EntryState> {
        self.entries(title).into_iter().map(|entry| entry.state).collect()
    }

    /// The title leaves the owner's list, and that is confirmed.
    async fn owner_takes_off(&self, title: Title) {
        self.plex.unwatch(&self.plex.owner_uuid(), title);
        self.full_sync().await;
        self.clock.advance(minutes(11));
        self.full_sync().await;
    }
}

#[tokio::test]
async fn nothing_is_added_before_somebody_says_yes() {
    let story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    story.owner_wants(salt_ledger());
    let report = story.sync().await;
    assert_eq!((report.decisions.held, report.approvals.asked, story.arr_requests()), (1, 1, 0));
    assert_eq!(story.sync().await.approvals.asked, 0);

    let ApprovalRow { approval, title, user, .. } = story.request();
    assert_eq!((approval.state, approval.trigger), (ApprovalState::Pending, ApprovalTrigger::Rule));
    assert_eq!(approval.reason, "rule `ask first` asks for approval: disks are dear");
    assert_eq!((title.title.as_str(), user.as_str()), ("Salt Ledger", "mirela_q"));
    assert_eq!(approval.proposed[0].instance, "movies");
    assert_eq!(story.entry("Salt Ledger").reason, Some(approval.reason));
    assert_eq!(story.decisions("Salt Ledger").len(), 1, "asking is not decided again");

    story.say(&[approval.id], &YES, Some("enjoy")).unwrap();
    let entry = story.entry("Salt Ledger");
    assert_eq!(
        (entry.state, entry.reason.as_deref()),
        (EntryState::Held, Some("approved by mirela; the next run adds it"))
    );
    let report = story.sync().await;
    assert_eq!((report.approvals.approved, report.placements.added), (1, 1));
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    assert_eq!(story.events(approval.id), ["asked", "approved"]);
    let approval = story.request().approval;
    assert_eq!((approval.decided_by.as_deref(), approval.note.as_deref()), (Some("mirela"), Some("enjoy")));
}

/// A second Radarr, `films`, and the settings that name it.
fn second_radarr(story: &Story) -> FakeRadarr {
    let films = FakeRadarr::start();
    let more =
        format!("  - name: films\n    kind: radarr\n    url: {}\n    api_key: {}\n", films.url(), films.api_key());
    story.write_settings(&format!("{SETTINGS}{more}"));
    films
}

#[tokio::test]
async fn approving_sends_it_to_every_destination() {
    let story = Story::adjusted(|settings| {
        settings.rules = vec![asking(), rule("both", |rule| rule.route = vec![to("films"), to("movies")])];
    });
    let films = second_radarr(&story);
    story.owner_wants(salt_ledger());
    story.sync().await;
    let approval = story.request().approval;
    let proposed: Vec<&str> = approval.proposed.iter().map(|to| to.instance.as_str()).collect();
    assert_eq!(proposed, ["movies", "films"]);
    story.say(&[approval.id], &YES, None).unwrap();
    assert_eq!(story.sync().await.placements.added, 2);
    assert!(story.radarr.item(SALT_LEDGER).is_some() && films.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn being_in_one_instance_never_blocks_another() {
    for approve in [false, true] {
        let story = Story::adjusted(move |settings| {
            settings.rules = vec![rule("both", |rule| rule.route = vec![to("films"), to("movies")])];
            settings.rules.extend(approve.then(asking));
        });
        let films = second_radarr(&story);
        films.add_movie(SALT_LEDGER, "Salt Ledger");
        story.owner_wants(salt_ledger());
        story.sync().await;
        if approve {
            story.say(&[story.request().approval.id], &YES, None).unwrap();
            story.sync().await;
        }
        assert!(story.radarr.item(SALT_LEDGER).is_some(), "approve: {approve}");
        let placements = story.store().read().placements_of(story.entry("Salt Ledger").id).unwrap();
        let states: Vec<_> = placements.iter().map(|it| (it.instance.as_str(), it.state)).collect();
        assert_eq!(states, [("movies", PlacementState::Added), ("films", PlacementState::Present)]);
    }
}

#[tokio::test]
async fn a_person_who_approves_may_send_it_elsewhere() {
    let story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    let films = second_radarr(&story);
    story.owner_wants(salt_ledger());
    story.sync().await;
    let approval = story.request().approval;
    let mut elsewhere = approval.proposed[0].clone();
    elsewhere.instance = "films".into();
    elsewhere.options.tags = vec!["by-hand".into()];
    story.say(&[approval.id], &Verdict::Approve { edited: Some(vec![elsewhere]) }, None).unwrap();
    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(
        (story.radarr.item(SALT_LEDGER).is_some(), films.item(SALT_LEDGER).unwrap().tags),
        (false, vec!["by-hand".into()])
    );
    let events = story.store().read().approval_events(approval.id).unwrap();
    assert_eq!(events[1].detail.as_deref(), Some("with changes: films"));
}

#[tokio::test]
async fn a_person_may_overrule_what_a_rule_excludes_and_what_is_kept_out_stays_out() {
    let story = Story::adjusted(|settings| settings.rules = vec![rule("no films", |rule| rule.exclude = true)]);
    let films = second_radarr(&story);
    story.owner_wants(salt_ledger());
    story.owner_wants(harbour_nine());
    story.sync().await;
    let (film, show) = (story.entry("Salt Ledger"), story.entry("Harbour Nine"));
    assert_eq!(film.state, EntryState::Excluded);
    let options = story.config().settings.instances.iter().find(|it| it.name == "films").unwrap().options.clone();
    let there = Destination { instance: "films".into(), options, because: "mirela sends it there".into() };
    story.store().write(|db| db.send_to(film.id, vec![there], "mirela", None, NOON)).unwrap();
    story.store().write(|db| db.keep_out(show.id, "mirela", None, NOON)).unwrap();
    assert_eq!(story.sync().await.placements.added, 1);
    assert!(films.item(SALT_LEDGER).is_some() && story.radarr.item(SALT_LEDGER).is_none());
    story.sync().await;
    assert_eq!(story.entry("Harbour Nine").state, EntryState::Rejected);
    assert!(story.sonarr.item(HARBOUR_NINE).is_none());
}

#[tokio::test]
async fn what_is_proposed_follows_the_settings_until_somebody_decides() {
    let mut story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    let films = second_radarr(&story);
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.readjust(|settings| settings.rules = vec![asking(), rule("films", |rule| rule.route = vec![to("films")])]);
    assert_eq!(story.sync().await.approvals.asked, 0);
    let approval = story.request().approval;
    assert_eq!(approval.proposed.iter().map(|to: &Destination| to.instance.as_str()).collect::<Vec<_>>(), ["films"]);
    assert_eq!(story.events(approval.id), ["asked", "proposed_anew"]);
    story.say(&[approval.id], &YES, None).unwrap();
    story.sync().await;
    assert!(films.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn an_approved_title_goes_although_its_instance_has_another_name_now() {
    let story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.say(&[story.request().approval.id], &YES, None).unwrap();
    story.write_settings(&SETTINGS.replace("name: movies", "name: cinema"));
    assert_eq!(story.sync().await.placements.added, 1);
    assert_eq!(story.placement("Salt Ledger").instance, "cinema");
}

#[tokio::test]
async fn rejected_stays_rejected_for_the_entry_and_a_new_entry_asks_again() {
    let mut story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    story.owner_wants(harbour_nine());
    story.owner_wants(salt_ledger());
    story.sync().await;
    let request =
        story.requests(ApprovalState::Pending).into_iter().find(|it| it.title.title == "Salt Ledger").unwrap();
    story.say(&[request.approval.id], &Verdict::Reject, Some("seen it")).unwrap();
    let entry = story.entry("Salt Ledger");
    assert_eq!((entry.state, entry.reason.as_deref()), (EntryState::Rejected, Some("rejected by mirela: seen it")));
    story.readjust(|settings| settings.default_routing = pulsarr_shared::routing::DefaultRouting::Instance);
    story.full_sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Rejected, "whatever the settings say now");

    story.readjust(|settings| settings.rules = vec![asking()]);
    story.owner_takes_off(salt_ledger()).await;
    story.owner_wants(salt_ledger());
    assert_eq!(story.sync().await.approvals.asked, 1);
    assert_eq!(story.states_of("Salt Ledger"), [EntryState::Held, EntryState::Closed]);
    let first = story.store().read().approval(request.approval.id).unwrap().unwrap();
    assert_eq!(first.approval.state, ApprovalState::Rejected, "history stays");
}

#[tokio::test]
async fn many_are_decided_at_once_or_none() {
    let story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    for number in 0..4 {
        story.owner_wants(Title::numbered_movie(number));
    }
    story.sync().await;
    let ids: Vec<ApprovalId> = story.requests(ApprovalState::Pending).iter().map(|it| it.approval.id).collect();
    story.say(&ids[..1], &Verdict::Reject, None).unwrap();
    let refused = story.say(&[ids[1], ids[0], ApprovalId(999)], &YES, None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("decide request {}: it is rejected already; request 999: there is no such request", ids[0].0)
    );
    assert_eq!(story.requests(ApprovalState::Pending).len(), 3, "none of them was decided");
    assert_eq!(story.say(&ids[1..], &YES, None).unwrap().len(), 3);
    assert_eq!(story.sync().await.placements.added, 3);
}

/// The owner and Ada want the same movie, and both are asked about.
async fn two_who_want_the_same(adjust: impl Fn(&mut Settings) + 'static) -> (Story, ApprovalRow, ApprovalRow) {
    let story = Story::adjusted(adjust);
    let ada = story.plex.add_friend("ada");
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.plex.watch(&ada, salt_ledger());
    story.sync().await;
    let mut requests = story.requests(ApprovalState::Pending).into_iter();
    let (first, second) = (requests.next().unwrap(), requests.next().unwrap());
    (story, first, second)
}

#[tokio::test]
async fn a_second_person_is_noted_on_the_first_request_and_served_with_it() {
    let (story, first, second) = two_who_want_the_same(|settings| settings.rules = vec![asking()]).await;
    assert_eq!(
        (first.wanted_too.as_slice(), second.approval.follows),
        (["ada".to_owned()].as_slice(), Some(first.approval.id))
    );
    assert_eq!(story.events(first.approval.id), ["asked", "wanted_too"]);
    assert_eq!(story.events(second.approval.id), ["asked", "wanted_too"]);

    story.say(&[first.approval.id], &YES, None).unwrap();
    let report = story.sync().await;
    assert_eq!((report.placements.added, report.placements.present), (1, 1));
    assert_eq!(story.states_of("Salt Ledger"), [EntryState::Requested; 2]);
    assert_eq!(story.requests(ApprovalState::Approved).len(), 2);
}

#[tokio::test]
async fn a_second_person_shares_a_no_as_well() {
    let (story, first, _) = two_who_want_the_same(|settings| settings.rules = vec![asking()]).await;
    story.say(&[first.approval.id], &Verdict::Reject, None).unwrap();
    story.sync().await;
    assert_eq!(story.states_of("Salt Ledger"), [EntryState::Rejected; 2]);
    assert_eq!(story.arr_requests(), 0);
}

#[tokio::test]
async fn one_who_follows_waits_for_a_decision_of_its_own_when_the_first_gives_up() {
    let (story, first, second) = two_who_want_the_same(|settings| settings.rules = vec![asking()]).await;
    // A list that becomes empty is doubted; this one does not.
    story.owner_wants(harbour_nine());
    story.owner_takes_off(salt_ledger()).await;
    story.clock.advance(hours(30));
    story.full_sync().await;
    let withdrawn = story.store().read().approval(first.approval.id).unwrap().unwrap().approval;
    assert_eq!((withdrawn.state, withdrawn.note.as_deref()), (ApprovalState::Expired, Some("taken off the watchlist")));
    let alone = story.store().read().approval(second.approval.id).unwrap().unwrap().approval;
    assert_eq!((alone.state, alone.follows), (ApprovalState::Pending, None));
    let refused = story.say(&[first.approval.id], &YES, None).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Undecidable { requests } if requests[..] == [(first.approval.id, Undecidable::Closed)]),
        "{refused}"
    );
    story.say(&[second.approval.id], &YES, None).unwrap();
    story.sync().await;
    assert!(story.radarr.item(SALT_LEDGER).is_some());
}

#[tokio::test]
async fn everything_a_user_wants_is_asked_about_when_the_settings_say_so() {
    let story = Story::adjusted(|settings| {
        settings.users.default_standing = Standing { require_approval: true, ..Standing::default() };
    });
    story.owner_wants(harbour_nine());
    story.sync().await;
    let approval = story.request().approval;
    assert_eq!(approval.trigger, ApprovalTrigger::User);
    assert_eq!(approval.reason, "everything mirela_q wants needs approval");
    assert_eq!(story.sonarr.requests_to(""), 0);
}

#[tokio::test]
async fn a_rule_may_approve_in_a_persons_place_and_that_is_on_record() {
    let story = Story::adjusted(|settings| {
        settings.users.default_standing = Standing { require_approval: true, ..Standing::default() };
        settings.rules = vec![rule("trusted", |rule| rule.auto_approve = true)];
    });
    story.owner_wants(harbour_nine());
    let report = story.sync().await;
    assert_eq!((report.approvals.auto_approved, report.placements.added), (1, 1));
    let approval = story.request().approval;
    assert_eq!((approval.state, approval.trigger), (ApprovalState::AutoApproved, ApprovalTrigger::User));
    assert_eq!(approval.note.as_deref(), Some("rule `trusted` approves it without asking"));
    assert!(story.sonarr.item(HARBOUR_NINE).is_some());
}

#[tokio::test]
async fn a_request_expires_when_nobody_decides_and_may_still_be_approved_later() {
    let story = Story::adjusted(|settings| {
        settings.rules = vec![asking()];
        settings.approvals.rule = Expiry { after_h: Some(24), then: WhenExpired::Expire };
        settings.approvals.user = Expiry { after_h: Some(1), then: WhenExpired::Approve };
    });
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.clock.advance(hours(24) - minutes(1));
    assert_eq!(story.sync().await.approvals.expired, 0);
    story.clock.advance(minutes(1));
    assert_eq!(story.sync().await.approvals.expired, 1);
    let entry = story.entry("Salt Ledger");
    assert_eq!(entry.state, EntryState::Rejected);
    assert_eq!(
        entry.reason.as_deref(),
        Some("nobody decided within 24 hours; taking it off the watchlist and adding it again asks anew")
    );
    story.sync().await;
    assert_eq!(story.arr_requests(), 0);

    let id = story.request().approval.id;
    assert!(story.say(&[id], &Verdict::Reject, None).is_err(), "it goes nowhere already");
    story.say(&[id], &YES, None).unwrap();
    story.sync().await;
    assert!(story.radarr.item(SALT_LEDGER).is_some());
    assert_eq!(story.events(id), ["asked", "expired", "approved"]);
}

#[tokio::test]
async fn a_request_goes_by_itself_when_nobody_decides_and_the_settings_say_so() {
    let (story, first, second) = two_who_want_the_same(|settings| {
        settings.users.default_standing = Standing { require_approval: true, ..Standing::default() };
        settings.approvals.user = Expiry { after_h: Some(1), then: WhenExpired::Approve };
    })
    .await;
    story.clock.advance(hours(1));
    let report = story.sync().await;
    assert_eq!((report.approvals.auto_approved, report.placements.added), (2, 1));
    for id in [first.approval.id, second.approval.id] {
        let approval = story.store().read().approval(id).unwrap().unwrap().approval;
        assert_eq!(
            (approval.state, approval.note.as_deref()),
            (ApprovalState::AutoApproved, Some("nobody decided within 1 hour"))
        );
    }
}

#[tokio::test]
async fn a_rule_that_excludes_rejects_what_waits_and_asks_anew_when_it_is_gone() {
    let mut story = Story::adjusted(|settings| settings.rules = vec![asking()]);
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.readjust(|settings| settings.rules = vec![asking(), rule("no films", |rule| rule.exclude = true)]);
    assert_eq!(story.sync().await.approvals.rejected, 1);
    let approval = story.request().approval;
    assert_eq!(
        (approval.state, approval.note.as_deref()),
        (ApprovalState::Rejected, Some("rule `no films` excludes it"))
    );
    assert_eq!(story.state("Salt Ledger"), EntryState::Excluded);
    story.sync().await;
    assert_eq!(story.state("Salt Ledger"), EntryState::Excluded);

    story.readjust(|settings| settings.rules = vec![asking()]);
    assert_eq!(story.sync().await.approvals.asked, 1);
    assert_eq!(story.events(approval.id), ["asked", "rejected", "asked"]);
    assert_eq!(story.request().approval.state, ApprovalState::Pending);
}

#[tokio::test]
async fn what_was_sent_is_not_sent_elsewhere_when_the_rules_change() {
    let mut story = Story::new();
    let films = second_radarr(&story);
    story.owner_wants(salt_ledger());
    story.sync().await;
    story.readjust(|settings| settings.rules = vec![rule("films", |rule| rule.route = vec![to("films")]), asking()]);
    story.sync().await;
    assert_eq!((films.item(SALT_LEDGER).is_some(), story.decisions("Salt Ledger").len()), (false, 1));
}

#[tokio::test]
async fn an_attempt_that_died_is_looked_after_and_not_made_again_when_the_answer_is_no_by_now() {
    for there in [false, true] {
        let both = || rule("both", |rule| rule.route = vec![to("films"), to("movies")]);
        let mut story = Story::adjusted(move |settings| settings.rules = vec![both()]);
        let films = second_radarr(&story);
        for radarr in [&story.radarr, &films] {
            radarr.inject(Fault::on("GET", "/api/v3").status(503));
        }
        story.owner_wants(salt_ledger());
        story.sync().await;
        let attempted = story.store().read().due_placements("films", NOON).unwrap().remove(0);
        story.store().write(|db| db.begin_attempt(attempted.id, "{}", NOON)).unwrap();
        if there {
            films.add_movie(SALT_LEDGER, "Salt Ledger");
        }
        for radarr in [&story.radarr, &films] {
            radarr.clear_faults();
        }
        story.readjust(move |settings| settings.rules = vec![both(), asking()]);
        story.sync().await;
        assert_eq!((films.item(SALT_LEDGER).is_some(), story.adds()), (there, 0), "{there}");
        assert_eq!(films.requests("POST", "/api/v3/movie"), 0);
        let request = story.request().approval;
        assert_eq!(request.state, ApprovalState::Pending);
        story.say(&[request.id], &Verdict::Reject, None).unwrap();
        story.sync().await;
        assert_eq!(films.requests("POST", "/api/v3/movie"), 0);
        assert_eq!(story.state("Salt Ledger"), EntryState::Rejected);
    }
}

#[tokio::test]
async fn time_stands_still_for_requests_of_somebody_who_is_switched_off() {
    let (mut story, ..) = two_who_want_the_same(|settings| {
        settings.rules = vec![asking()];
        settings.approvals.rule = Expiry { after_h: Some(1), then: WhenExpired::Expire };
    })
    .await;
    story.readjust(|settings| {
        settings.rules = vec![asking()];
        settings.approvals.rule = Expiry { after_h: Some(1), then: WhenExpired::Expire };
        settings.plex.friends = false;
    });
    story.clock.advance(hours(2));
    assert_eq!(story.sync().await.approvals.expired, 1);
    assert_eq!(story.requests(ApprovalState::Pending)[0].user, "ada");
}
