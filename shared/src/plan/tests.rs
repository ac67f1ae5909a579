use jiff::tz::TimeZone;
use secrecy::SecretString;

use super::*;
use crate::model::{
    AddOptions, ApprovalId, ApprovalSettings, ArrOptions, EntryId, ExternalIds, Instance, KnownFacts,
    MinimumAvailability, MovieMonitor, Period, PlexId, Relation, Title, TmdbId, User, UserId, UserUuid,
};
use crate::routing::{Available, Condition, Overrides, RouteTo};

const NOON: UnixMs = 1_795_435_200_000;

fn instance(name: &str, default: bool) -> Instance {
    Instance {
        name: name.into(),
        url: "http://localhost:1".into(),
        api_key: SecretString::from("k"),
        default,
        copy_of: None,
        respect_exclusions: true,
        options: AddOptions {
            quality_profile: None,
            root_folder_path: None,
            tags: vec![],
            search_on_add: true,
            arr: ArrOptions::Radarr {
                minimum_availability: MinimumAvailability::Released,
                monitor: MovieMonitor::MovieOnly,
            },
        },
    }
}

fn rule(name: &str, acts: impl FnOnce(&mut Rule)) -> Rule {
    let mut rule = Rule::new(name, 0, Condition::always());
    acts(&mut rule);
    rule
}

fn asking() -> Rule {
    rule("ask", |rule| rule.require_approval = Some("dear".into()))
}

fn waiving() -> Rule {
    rule("trusted", |rule| rule.auto_approve = true)
}

fn quota(period: Period, limit: u32, when_exceeded: WhenExceeded) -> Quota {
    Quota { media_type: MediaType::Movie, period, limit, when_exceeded }
}

/// A movie that Tomas wants, in a household with two Radarrs.
struct Case {
    rules: Vec<Rule>,
    default_routing: DefaultRouting,
    approvals: ApprovalSettings,
    standing: Standing,
    approval: Option<Approval>,
    place: Option<Granted>,
    uses: Vec<QuotaUse>,
    instances: Vec<Instance>,
}

impl Case {
    fn new() -> Self {
        Self {
            rules: Vec::new(),
            default_routing: DefaultRouting::Instance,
            approvals: ApprovalSettings::default(),
            standing: Standing::default(),
            approval: None,
            place: None,
            uses: Vec::new(),
            instances: vec![instance("movies", true), instance("films", false)],
        }
    }

    fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules = rules.into_iter().collect();
        self
    }

    fn quotas(mut self, quotas: impl IntoIterator<Item = Quota>) -> Self {
        self.standing.quotas = quotas.into_iter().collect();
        self
    }

    /// So many places are taken since an hour, the last `on_their_way` of them not for certain.
    fn used(mut self, count: i64, on_their_way: i64) -> Self {
        let used = |n| QuotaUse {
            entry: EntryId(n),
            used_at_ms: NOON - 3_600_000 + n,
            open: true,
            spent: n < count - on_their_way,
        };
        self.uses = (0..count).map(used).collect();
        self
    }

    fn approval(mut self, state: ApprovalState, trigger: ApprovalTrigger, proposed: &[&str]) -> Self {
        let proposed = proposed.iter().map(|name| destination(name, None));
        self.approval = Some(Approval {
            id: ApprovalId(1),
            entry: EntryId(99),
            state,
            trigger,
            reason: "it was asked".into(),
            proposed: proposed.collect(),
            edited: None,
            follows: None,
            asked_at_ms: NOON,
            decided_at_ms: None,
            decided_by: Some("mirela".into()),
            note: None,
        });
        self
    }

    fn with<T>(&self, ask: impl FnOnce(&Question<'_>, &Policy<'_>) -> T) -> T {
        let title = Title {
            plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
            media_type: MediaType::Movie,
            title: "Salt Ledger".into(),
            year: Some(2025),
            ids: ExternalIds { tmdb: Some(TmdbId(900_002)), ..ExternalIds::default() },
            facts: KnownFacts::default(),
        };
        let user = User {
            id: UserId(1),
            uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
            username: "tomas.r".into(),
            display_name: "Tomas".into(),
            alias: None,
            relation: Relation::Friend,
            synced: true,
        };
        let question = Question {
            sheet: Sheet { title: &title, user: &user, wanted_by: None, free_space: None },
            disks: &Disks::default(),
            standing: &self.standing,
            approval: self.approval.as_ref(),
            asked_by: None,
            place: self.place,
            uses: &self.uses,
            now_ms: NOON,
        };
        let policy = Policy {
            instances: &self.instances,
            rules: &self.rules,
            default_routing: self.default_routing,
            approvals: &self.approvals,
            zone: &TimeZone::UTC,
            available: Available::default(),
        };
        ask(&question, &policy)
    }

    fn outcome(&self) -> Outcome {
        self.with(|question, policy| {
            let outcome = judge(question, policy);
            assert_eq!(decide(question, policy).outcome, outcome, "reasons change nothing");
            outcome
        })
    }

    /// `route movies, films (room)`, `hold for room`, …
    fn told(&self) -> String {
        let names = |to: &[Destination]| to.iter().map(|to| to.instance.clone()).collect::<Vec<_>>().join(", ");
        match self.outcome() {
            Outcome::Route { destinations, granted, auto_approved } => {
                let by = auto_approved.map(|it| format!(", approved although {}", it.trigger)).unwrap_or_default();
                format!("route {} ({granted}{by})", names(&destinations))
            }
            Outcome::Hold { waits_for: WaitsFor::Approval(trigger), destinations, .. } => {
                format!("ask because of {trigger}: {}", names(&destinations))
            }
            Outcome::Hold { waits_for: WaitsFor::Quota, .. } => "hold for room".into(),
            Outcome::Hold { waits_for: WaitsFor::Settings, reason, .. } => format!("hold: {reason}"),
            Outcome::Exclude { by, .. } => format!("exclude by {by:?}"),
            Outcome::Unresolvable { .. } => "unresolvable".into(),
        }
    }
}

fn destination(name: &str, profile: Option<&str>) -> Destination {
    let mut options = instance(name, false).options;
    options.quality_profile = profile.map(str::to_owned);
    Destination { instance: name.into(), options, because: "somebody chose it".into() }
}

fn to_both() -> Rule {
    let to = |name: &str| RouteTo { to: name.into(), overrides: Overrides::default() };
    rule("both", |rule| rule.route = vec![to("films"), to("movies")])
}

#[test]
fn an_exclusion_beats_an_approval_a_bypass_and_every_route() {
    let veto = rule("veto", |rule| rule.exclude = true);
    let bypass = rule("bypass", |rule| rule.bypass_quota = true);
    let case = Case::new().rules([to_both(), waiving(), bypass, veto]);
    assert_eq!(case.told(), "exclude by Rule");
    let approved = case.approval(ApprovalState::Approved, ApprovalTrigger::User, &["movies"]);
    assert_eq!(approved.told(), "exclude by Rule");
    let mut sent = approved;
    sent.approval.as_mut().unwrap().edited = Some(vec![destination("films", None)]);
    assert_eq!(sent.told(), "route films (approval)", "a person said so and knows the rules");
}

#[test]
fn approval_is_judged_for_the_whole_decision() {
    assert_eq!(Case::new().rules([asking(), to_both()]).told(), "ask because of rule: movies, films");
    let mut strict = Case::new().rules([to_both()]);
    strict.standing.require_approval = true;
    assert_eq!(strict.told(), "ask because of user: movies, films");
    let approved = strict.approval(ApprovalState::Approved, ApprovalTrigger::User, &["movies", "films"]);
    assert_eq!(approved.told(), "route movies, films (approval)");
}

#[test]
fn the_first_rule_that_speaks_of_approval_decides() {
    assert_eq!(Case::new().rules([waiving(), asking()]).told(), "route movies (room, approved although rule)");
    assert_eq!(Case::new().rules([asking(), waiving()]).told(), "ask because of rule: movies");
}

#[test]
fn what_was_approved_goes_where_it_was_approved_to_go() {
    let approved = |names: &[&str]| Case::new().approval(ApprovalState::Approved, ApprovalTrigger::Rule, names);
    assert_eq!(approved(&["films"]).told(), "route films (approval)", "although today's rules say otherwise");
    let mut nowhere = approved(&["films"]);
    nowhere.default_routing = DefaultRouting::None;
    assert_eq!(nowhere.told(), "route films (approval)");
    assert_eq!(approved(&["gone"]).told(), "route movies (approval)", "an instance may have been given another name");
    assert_eq!(approved(&["gone", "films"]).told(), "route films (approval)");
    let full = approved(&["movies"]).quotas([quota(Period::Daily, 1, WhenExceeded::Skip)]).used(3, 0);
    assert_eq!(full.told(), "route movies (approval)");
}

#[test]
fn as_proposed_follows_mended_settings_and_an_edit_is_kept_to_the_letter() {
    let mut case = Case::new().approval(ApprovalState::Approved, ApprovalTrigger::Rule, &["movies"]);
    case.instances[0].options.quality_profile = Some("mended".into());
    let profile = |case: &Case| match case.outcome() {
        Outcome::Route { destinations, .. } => destinations[0].options.quality_profile.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(profile(&case).as_deref(), Some("mended"));
    let approval = case.approval.as_mut().unwrap();
    approval.edited = Some(vec![destination("movies", Some("by hand"))]);
    assert_eq!(profile(&case).as_deref(), Some("by hand"));
    case.approval.as_mut().unwrap().edited = Some(vec![destination("gone", None)]);
    assert_eq!(case.told(), "hold: it was approved for gone, which the settings no longer name");
}

#[test]
fn a_question_stands_until_it_is_answered_unless_all_it_lacked_was_room() {
    let pending = |trigger| Case::new().approval(ApprovalState::Pending, trigger, &["movies"]);
    for trigger in [ApprovalTrigger::Rule, ApprovalTrigger::User] {
        assert_eq!(pending(trigger).told(), format!("ask because of {trigger}: movies"), "whatever the rules say now");
    }
    let quota = |case: Case, used| case.quotas([quota(Period::Daily, 2, WhenExceeded::Approval)]).used(used, 0);
    assert_eq!(quota(pending(ApprovalTrigger::Quota), 2).told(), "ask because of quota: movies");
    assert_eq!(quota(pending(ApprovalTrigger::Quota), 1).told(), "route movies (room, approved although quota)");
    let mut by_hand = quota(pending(ApprovalTrigger::Quota), 1);
    by_hand.approvals.approve_when_quota_frees = false;
    assert_eq!(by_hand.told(), "ask because of quota: movies");
    let asked_now = quota(pending(ApprovalTrigger::Quota), 1).rules([asking()]);
    assert_eq!(asked_now.told(), "ask because of quota: movies", "now a rule asks as well");
}

#[test]
fn of_several_full_quotas_the_hardest_consequence_counts() {
    use WhenExceeded::{Approval, Skip, Wait};
    let full = |whens: &[WhenExceeded], on_their_way| {
        let periods = [Period::Daily, Period::Weekly, Period::WatchlistCap];
        let quotas = whens.iter().zip(periods).map(|(when, period)| quota(period, 2, *when));
        Case::new().quotas(quotas).used(2, on_their_way).told()
    };
    assert_eq!(full(&[Approval], 0), "ask because of quota: movies");
    assert_eq!(full(&[Approval, Wait], 0), "hold for room");
    assert_eq!(full(&[Skip, Wait, Approval], 0), "exclude by Quota");
    assert_eq!(full(&[Skip], 1), "hold for room", "nobody knows yet whether there is room");
    let one_free = Case::new().quotas([quota(Period::Daily, 9, Skip), quota(Period::Weekly, 2, Wait)]).used(2, 0);
    assert_eq!(one_free.told(), "hold for room");
    let other_type = Quota { media_type: MediaType::Show, ..quota(Period::Daily, 1, Skip) };
    assert_eq!(Case::new().quotas([other_type]).used(5, 0).told(), "route movies (room)");
}

#[test]
fn need_of_approval_goes_before_room() {
    let case = Case::new().rules([asking()]).quotas([quota(Period::Daily, 1, WhenExceeded::Skip)]).used(1, 0);
    assert_eq!(case.told(), "ask because of rule: movies");
}

#[test]
fn a_rule_that_approves_covers_a_quota_that_asks_and_no_other() {
    let over = |when| Case::new().rules([waiving()]).quotas([quota(Period::Daily, 1, when)]).used(1, 0).told();
    assert_eq!(over(WhenExceeded::Approval), "route movies (approval, approved although quota)");
    assert_eq!(over(WhenExceeded::Wait), "hold for room");
}

#[test]
fn a_bypass_lets_it_go_and_says_what_it_passed() {
    let over = || Case::new().quotas([quota(Period::Daily, 1, WhenExceeded::Skip)]).used(1, 0);
    let mut user = over();
    user.standing.bypass_quota = true;
    assert_eq!(user.told(), "route movies (bypass, approved although quota)");
    let rule = over().rules([rule("free", |rule| rule.bypass_quota = true)]);
    assert_eq!(rule.told(), "route movies (bypass, approved although quota)");
    let room = rule.used(0, 0);
    assert_eq!(room.told(), "route movies (room)", "nothing was passed");
}

#[test]
fn an_entry_is_not_asked_for_a_second_place() {
    let mut case = Case::new().quotas([quota(Period::Daily, 1, WhenExceeded::Skip)]).used(1, 0);
    case.place = Some(Granted::Room);
    assert_eq!(case.told(), "route movies (room)");
}

#[test]
fn a_place_is_free_when_every_quota_has_room() {
    let weekly = quota(Period::Weekly, 1, WhenExceeded::Wait);
    let case = Case::new().quotas([quota(Period::Daily, 1, WhenExceeded::Wait), weekly]).used(1, 0);
    let Place::Full { reason, frees_at_ms } = case.with(place) else { panic!("there is none") };
    assert_eq!(reason, "the quota of 1 movie a week is used up; room again 2026-11-30 00:00");
    assert_eq!(frees_at_ms.map(rfc3339).as_deref(), Some("2026-11-30T00:00:00.000Z"));
    let capped = case.quotas([weekly, quota(Period::WatchlistCap, 1, WhenExceeded::Wait)]);
    assert!(matches!(capped.with(place), Place::Full { frees_at_ms: None, .. }));
    assert_eq!(capped.used(0, 0).with(place), Place::Free(Granted::Room));
}

#[test]
fn the_arithmetic_is_in_the_trace() {
    let case = Case::new().quotas([quota(Period::Daily, 3, WhenExceeded::Wait)]).used(2, 1);
    let decision = case.with(decide);
    let step = decision.trace.steps.iter().find(|step| step.stage == Stage::Quota).unwrap();
    assert_eq!((step.subject.as_str(), step.verdict), ("3 movies a day", Verdict::Matched));
    assert_eq!(step.because, "2 of 3 used since 2026-11-23 00:00 (1 on its way)");
}
