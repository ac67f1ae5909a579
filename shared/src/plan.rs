//! Decides about one entry: where the rules send it, whether somebody has to say yes first, whether there is room for it. Pure: the
//! time is a number, and what comes out is the [`Decision`] with everything that led to it.
//!
//! Order: an exclusion beats everything; then the id without which no arr can add it; then the approval, and then the quotas, both
//! for the decision as a whole.

use crate::clock::{UnixMs, rfc3339};
use crate::model::{
    Approval, ApprovalState, ApprovalTrigger, AutoApproved, Decision, Destination, ExcludedBy, Granted, InstanceKind,
    MediaType, Outcome, Quota, QuotaUse, Stage, Standing, Trace, Verdict, WaitsFor, WhenExceeded,
};
use crate::quota::{self, Room};
use crate::routing::{self, DefaultRouting, Disks, Field, Policy, Routing, Rule, Sheet, Tracer, Untraced, in_words};

/// One entry to decide about, with everything that counts.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The title, who wants it, and what is known.
    pub sheet: Sheet<'a>,
    /// How much room there is where it could go.
    pub disks: &'a Disks,
    /// What the household allows this user.
    pub standing: &'a Standing,
    /// The entry's own approval.
    pub approval: Option<&'a Approval>,
    /// Another user whose request for the same title waits for approval.
    pub asked_by: Option<&'a str>,
    /// The place the entry has in the quotas already, and on what grounds: it is not asked for a second one.
    pub place: Option<Granted>,
    /// The places this user's other entries of the type have taken.
    pub uses: &'a [QuotaUse],
    /// Now.
    pub now_ms: UnixMs,
}

/// What becomes of the entry, and why.
#[must_use]
pub fn decide(question: &Question<'_>, policy: &Policy<'_>) -> Decision {
    let mut trace = Trace::new();
    note_facts(&question.sheet, policy, &mut trace);
    let (outcome, routing) = weigh(question, policy, &mut trace);
    Decision { outcome, labels: routing.labels(&question.sheet), trace }
}

/// What becomes of the entry: the same outcome, without reasons, and much faster.
#[must_use]
pub fn judge(question: &Question<'_>, policy: &Policy<'_>) -> Outcome {
    weigh(question, policy, &mut Untraced).0
}

/// What becomes of the entry: the same decision, with an empty trace.
#[must_use]
pub fn decide_without_reasons(question: &Question<'_>, policy: &Policy<'_>) -> Decision {
    let (outcome, routing) = weigh(question, policy, &mut Untraced);
    Decision { outcome, labels: routing.labels(&question.sheet), trace: Trace::new() }
}

fn weigh<'a, T: Tracer>(question: &Question<'_>, policy: &Policy<'a>, trace: &mut T) -> (Outcome, Routing<'a>) {
    let routing = routing::route(policy, &question.sheet, question.disks, trace);
    (outcome(question, policy, &routing, trace), routing)
}

fn outcome<T: Tracer>(question: &Question<'_>, policy: &Policy<'_>, routing: &Routing<'_>, trace: &mut T) -> Outcome {
    let Question { sheet, .. } = question;
    let approved = question
        .approval
        .filter(|approval| matches!(approval.state, ApprovalState::Approved | ApprovalState::AutoApproved));
    // Where a person says that it goes, it goes.
    let is_sent = approved.is_some_and(|approval| approval.edited.is_some());
    if let Some(rule) = routing.excluded_by.filter(|_| !is_sent) {
        return Outcome::Exclude { reason: rule.excludes(), by: ExcludedBy::Rule };
    }
    let kind = InstanceKind::taking(sheet.title.media_type);
    if routing.destinations.is_empty() && approved.is_none() {
        return match policy.default_routing {
            DefaultRouting::None => Outcome::Exclude {
                reason: "no rule sends it anywhere, and the settings say `default: none`".to_owned(),
                by: ExcludedBy::Default,
            },
            DefaultRouting::Instance => Outcome::Hold {
                reason: routing::no_default(kind),
                waits_for: WaitsFor::Settings,
                destinations: Vec::new(),
            },
        };
    }
    let key = match sheet.title.media_type {
        MediaType::Movie => "TMDB",
        MediaType::Show => "TVDB",
    };
    let ids = &sheet.title.ids;
    if !routing::has_key_id(sheet.title.media_type, ids) {
        let others = if ids.is_empty() { String::new() } else { format!(" (ids: {ids})") };
        let reason = format!("{} needs a {key} id, and Plex has told none yet{others}", kind.app_name());
        trace.step(Stage::Ids, key, Verdict::Unknown, || reason.clone());
        return Outcome::Unresolvable { reason };
    }
    trace.step(Stage::Ids, key, Verdict::Matched, || ids.to_string());
    let destinations = routing.settled(sheet, trace);
    let Some(given) = approved else { return allowed(question, policy, routing, destinations, trace) };
    let destinations = match as_approved(given, policy, destinations, trace) {
        Ok(destinations) => destinations,
        Err(hold) => return hold,
    };
    // A person, or silence when asked about the quota, grants the place as well; any other approval without a person does not.
    if given.state == ApprovalState::AutoApproved && given.trigger != ApprovalTrigger::Quota {
        return allowed(question, policy, routing, destinations, trace);
    }
    Outcome::Route { destinations, granted: Granted::Approval, auto_approved: None }
}

/// Whether it may go to `destinations`.
fn allowed<T: Tracer>(
    question: &Question<'_>,
    policy: &Policy<'_>,
    routing: &Routing<'_>,
    destinations: Vec<Destination>,
    trace: &mut T,
) -> Outcome {
    let need = need(question, routing, trace);
    let quota = Quotas::of(question, policy, routing, trace);
    let route = |destinations, granted, auto_approved| Outcome::Route { destinations, granted, auto_approved };
    let hold =
        |reason, trigger, destinations| Outcome::Hold { reason, waits_for: WaitsFor::Approval(trigger), destinations };
    // Somebody has been asked: the question stands, whatever has changed since, unless all it lacked was room.
    if let Some(pending) = question.approval.filter(|approval| approval.state == ApprovalState::Pending) {
        let frees = pending.trigger == ApprovalTrigger::Quota && matches!(need, Need::Nothing | Need::Waived(_));
        return match quota {
            Quotas::Room | Quotas::Taken(_) | Quotas::Bypassed(_)
                if frees && policy.approvals.approve_when_quota_frees =>
            {
                let reason = "there is room in the quota again".to_owned();
                let approved = AutoApproved { trigger: ApprovalTrigger::Quota, reason };
                route(destinations, quota.granted(), Some(approved))
            }
            _ => hold(pending.reason.clone(), pending.trigger, destinations),
        };
    }
    match (need, quota) {
        (Need::Asked(trigger, reason), _) => hold(reason, trigger, destinations),
        (Need::Waived(approved), quota @ (Quotas::Room | Quotas::Taken(_))) => {
            route(destinations, quota.granted(), approved)
        }
        (Need::Nothing, quota @ (Quotas::Room | Quotas::Taken(_))) => route(destinations, quota.granted(), None),
        (need, Quotas::Bypassed(full)) => {
            let waived = match need {
                Need::Waived(approved) => approved,
                _ => None,
            };
            let over = full.map(|reason| AutoApproved { trigger: ApprovalTrigger::Quota, reason });
            let granted = if over.is_some() { Granted::Bypass } else { Granted::Room };
            route(destinations, granted, waived.or(over))
        }
        (Need::Waived(_), Quotas::Full { what: WhenExceeded::Approval, reason, .. }) => {
            let approved = AutoApproved {
                trigger: ApprovalTrigger::Quota,
                reason: format!("it is approved without asking although {reason}"),
            };
            route(destinations, Granted::Approval, Some(approved))
        }
        (_, Quotas::Full { what: WhenExceeded::Approval, reason, .. }) => {
            hold(reason, ApprovalTrigger::Quota, destinations)
        }
        (_, Quotas::Full { what: WhenExceeded::Skip, reason, certain: true, .. }) => {
            Outcome::Exclude { reason, by: ExcludedBy::Quota }
        }
        (_, Quotas::Full { reason, .. }) => {
            Outcome::Hold { reason, waits_for: WaitsFor::Quota, destinations: Vec::new() }
        }
    }
}

/// Where an approved request goes: where it was approved to go, to every instance that still exists. As it was proposed means with today's
/// options, should the settings have been mended since; what a person edited is that person's word. Otherwise why it waits.
fn as_approved<T: Tracer>(
    given: &Approval,
    policy: &Policy<'_>,
    todays: Vec<Destination>,
    trace: &mut T,
) -> Result<Vec<Destination>, Outcome> {
    let exists = |to: &&Destination| policy.instances.iter().any(|instance| instance.name == to.instance);
    let by = given.decided_by.as_deref().unwrap_or("pulsarr");
    let edited = if given.edited.is_some() { ", with changes" } else { "" };
    trace.step(Stage::Approval, given.trigger.word(), Verdict::Matched, || {
        let at = given.decided_at_ms.map(|at| format!(" at {}", rfc3339(at))).unwrap_or_default();
        format!("approved by {by}{at}{edited}; asked because {}", given.reason)
    });
    let approved = given.destinations().iter().filter(exists);
    let destinations: Vec<Destination> = if given.edited.is_some() {
        approved.cloned().collect()
    } else {
        let as_today =
            |to: &Destination| todays.iter().find(|today| today.instance == to.instance).unwrap_or(to).clone();
        approved.map(as_today).collect()
    };
    if !destinations.is_empty() {
        return Ok(destinations);
    }
    // An instance was given another name: then it goes where it would go today.
    if given.edited.is_none() && !todays.is_empty() {
        return Ok(todays);
    }
    let names: Vec<&str> = given.destinations().iter().map(|to| to.instance.as_str()).collect();
    let reason = format!("it was approved for {}, which the settings no longer name", names.join(", "));
    Err(Outcome::Hold { reason, waits_for: WaitsFor::Settings, destinations: Vec::new() })
}

/// Whether there is a place in the quotas for an entry that gave its own back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// There is, on these grounds.
    Free(Granted),
    /// There is none.
    Full {
        /// Which quota is used up, as a sentence.
        reason: String,
        /// From when on there is room in all of them; `None`: nobody can tell.
        frees_at_ms: Option<UnixMs>,
    },
}

/// Whether an entry that was decided to go, and gave its place back because no arr took it, can take one again.
#[must_use]
pub fn place(question: &Question<'_>, policy: &Policy<'_>) -> Place {
    let routing = routing::route(policy, &question.sheet, question.disks, &mut Untraced);
    match Quotas::of(question, policy, &routing, &mut Untraced) {
        Quotas::Full { reason, frees_at_ms, .. } => Place::Full { reason, frees_at_ms },
        quotas => Place::Free(quotas.granted()),
    }
}

/// Whether somebody has to say yes.
enum Need {
    /// No.
    Nothing,
    /// No, because a rule says so; with the request it made needless, if there would have been one.
    Waived(Option<AutoApproved>),
    /// Yes, for this reason.
    Asked(ApprovalTrigger, String),
}

/// The first applying rule that says something about approval decides; without one, the user's standing does.
fn need<T: Tracer>(question: &Question<'_>, routing: &Routing<'_>, trace: &mut T) -> Need {
    if question.approval.is_some_and(|approval| approval.state == ApprovalState::AutoApproved) {
        return Need::Waived(None);
    }
    let speaks = |rule: &&&Rule| rule.auto_approve || rule.require_approval.is_some();
    let speaker = routing.applying.iter().find(speaks);
    let person = question.sheet.user.called();
    let other = question.asked_by.map(|name| format!("; {name} has asked for it too")).unwrap_or_default();
    let need = match speaker {
        // A rule that asks and approves at once would contradict itself; the settings do not take one.
        Some(rule) if rule.auto_approve => {
            trace.step(Stage::Approval, &rule.name, Verdict::NotMatched, || {
                format!("rule `{}` approves it without asking", rule.name)
            });
            let would = question.standing.require_approval
                || routing.applying.iter().any(|rule| rule.require_approval.is_some());
            let trigger =
                if question.standing.require_approval { ApprovalTrigger::User } else { ApprovalTrigger::Rule };
            return Need::Waived(would.then(|| AutoApproved {
                trigger,
                reason: format!("rule `{}` approves it without asking", rule.name),
            }));
        }
        Some(rule) => {
            let why = rule.require_approval.as_deref().unwrap_or_default();
            Some((ApprovalTrigger::Rule, rule.name.as_str(), format!("rule `{}` asks for approval: {why}", rule.name)))
        }
        None if question.standing.require_approval => {
            Some((ApprovalTrigger::User, person, format!("everything {person} wants needs approval")))
        }
        None => None,
    };
    match need {
        Some((trigger, subject, reason)) => {
            trace.step(Stage::Approval, subject, Verdict::Matched, || format!("{reason}{other}"));
            Need::Asked(trigger, reason)
        }
        None => {
            trace.step(Stage::Approval, person, Verdict::NotMatched, || "nobody has to be asked".to_owned());
            Need::Nothing
        }
    }
}

/// Whether there is room in every quota.
enum Quotas {
    /// There is, or there are none.
    Room,
    /// It has its place already.
    Taken(Granted),
    /// They do not count here; with the sentence that says which one is full, if one is.
    Bypassed(Option<String>),
    /// At least one has none.
    Full {
        /// The hardest consequence of those that are full.
        what: WhenExceeded,
        /// Which, and when there is room again.
        reason: String,
        /// When all of them have room; `None`: nobody can tell.
        frees_at_ms: Option<UnixMs>,
        /// Titles on their way, which may yet cost nothing, make no difference.
        certain: bool,
    },
}

impl Quotas {
    fn of<T: Tracer>(question: &Question<'_>, policy: &Policy<'_>, routing: &Routing<'_>, trace: &mut T) -> Self {
        if let Some(granted) = question.place {
            trace.step(Stage::Quota, granted.word(), Verdict::Matched, || {
                "it has its place in the quotas already".to_owned()
            });
            return Self::Taken(granted);
        }
        let media_type = question.sheet.title.media_type;
        let mut full: Vec<(&Quota, Room)> = Vec::new();
        for quota in question.standing.quotas.iter().filter(|quota| quota.media_type == media_type) {
            let room = quota::room(quota, question.uses, policy.zone, question.now_ms);
            let verdict = if room.is_full() { Verdict::NotMatched } else { Verdict::Matched };
            if T::KEEPS {
                trace.step(Stage::Quota, &quota::in_words(quota), verdict, || quota::arithmetic(&room, policy.zone));
            }
            if room.is_full() {
                full.push((quota, room));
            }
        }
        // Of several that are full the hardest consequence counts; of those alike what is certain, and then the longest wait.
        let frees = |room: &Room| room.frees_at_ms.unwrap_or(UnixMs::MAX);
        let hardest =
            full.iter().max_by_key(|(quota, room)| (quota.when_exceeded, room.is_certainly_full(), frees(room)));
        let reason = hardest.map(|(quota, room)| quota::used_up(quota, room, policy.zone));
        let bypass = if question.standing.bypass_quota {
            Some(format!("quotas do not hold {} back", question.sheet.user.called()))
        } else {
            let rule = routing.applying.iter().find(|rule| rule.bypass_quota);
            rule.map(|rule| format!("rule `{}` sets quotas aside", rule.name))
        };
        match (bypass, hardest, reason) {
            (Some(bypass), _, reason) => {
                let reason = reason.map(|reason| format!("{bypass}, although {reason}"));
                let told = reason.clone().unwrap_or(bypass);
                trace.step(Stage::Quota, "bypass", Verdict::Matched, || told);
                Self::Bypassed(reason)
            }
            (None, Some((quota, room)), Some(reason)) => {
                let all_free_ms = full.iter().map(|(_, room)| frees(room)).max();
                Self::Full {
                    what: quota.when_exceeded,
                    reason,
                    frees_at_ms: all_free_ms.filter(|at| *at != UnixMs::MAX),
                    certain: room.is_certainly_full(),
                }
            }
            _ => Self::Room,
        }
    }

    const fn granted(&self) -> Granted {
        match self {
            Self::Taken(granted) => *granted,
            Self::Bypassed(Some(_)) => Granted::Bypass,
            _ => Granted::Room,
        }
    }
}

/// What is known: always the same few facts, and every one that an enabled rule looks at.
fn note_facts<T: Tracer>(sheet: &Sheet<'_>, policy: &Policy<'_>, trace: &mut T) {
    let title = sheet.title;
    let always = [Field::Type, Field::User, Field::Year, Field::Genre];
    for field in Field::ALL.iter().copied() {
        if (always.contains(&field) || policy.fields().has(field)) && sheet.has(field) {
            trace.fact(field.word(), in_words(sheet.value(field), field), sheet.source(field).word());
        }
    }
    trace.fact("ids", (!title.ids.is_empty()).then(|| title.ids.to_string()), "plex");
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            approved(&["gone"]).told(),
            "route movies (approval)",
            "an instance may have been given another name"
        );
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
            assert_eq!(
                pending(trigger).told(),
                format!("ask because of {trigger}: movies"),
                "whatever the rules say now"
            );
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
}
