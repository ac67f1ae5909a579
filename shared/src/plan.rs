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
mod tests;
