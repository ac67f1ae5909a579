//! Decides where a title goes: rules first, the default instance for what no rule claims. Pure: facts in, destinations out, with
//! everything that led to them. Whether it may go there is for [`crate::plan`].

mod condition;
mod decided;
mod described;
mod field;
mod impossible;
mod options;
mod pattern;
mod policy;
mod rule;
mod sheet;
#[cfg(test)]
mod tests;
mod trace;
mod why;

pub use condition::{Comparison, Condition, Truth, Written};
pub use decided::Decided;
pub use described::{expected_by_rules, outcome_of_test};
pub use field::{FIELDS, FactSource, Field, FieldInfo, FieldKind, FieldSet, Operator};
pub use impossible::{Conflict, conflicts, why_never};
pub use pattern::Pattern;
pub use policy::{Available, DefaultRouting, Disks, Policy};
pub use rule::{ArrOverrides, Described, Expectation, Overrides, RouteTo, Rule, RuleTest, When};
pub use sheet::{Look, Sheet, Value, Values, in_words, should_ask};
pub use trace::{Tracer, Untraced};

use crate::model::{Destination, ExternalIds, Instance, InstanceKind, MediaType, Stage, Verdict};

/// Where a title goes by the rules, before anybody asks whether it may.
#[derive(Debug, Clone)]
pub struct Routing<'a> {
    /// The rule that vetoes; then nothing else counts.
    pub excluded_by: Option<&'a Rule>,
    /// Where to, in the order of the settings: the instance, the rule that chose it (`None`: default routing), and its overrides.
    pub destinations: Vec<Chosen<'a>>,
    /// The rules that apply, the highest first: they have a destination that won, or none at all to begin with.
    pub applying: Vec<&'a Rule>,
}

/// One destination.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// Who chose it.
    pub by: ChosenBy<'a>,
}

/// Who chose a destination.
#[derive(Debug, Clone, Copy)]
pub enum ChosenBy<'a> {
    /// A rule, with what it wants otherwise.
    Rule(&'a Rule, &'a Overrides),
    /// It takes what no rule claims.
    Default,
    /// It takes what this default instance takes.
    CopyOf(&'a str),
}

/// The instance that takes titles of this type when no rule says otherwise.
#[must_use]
pub fn default_instance(instances: &[Instance], media_type: MediaType) -> Option<&Instance> {
    let kind = InstanceKind::taking(media_type);
    instances.iter().find(|instance| instance.default && instance.kind() == kind)
}

/// The instance whose lookup is asked about titles of this type: the default one, or the first that takes them.
#[must_use]
pub fn lookup_instance(instances: &[Instance], media_type: MediaType) -> Option<&Instance> {
    let kind = InstanceKind::taking(media_type);
    default_instance(instances, media_type).or_else(|| instances.iter().find(|instance| instance.kind() == kind))
}

/// Whether `ids` has the one id by which the arr for this type knows its titles: TMDB for Radarr, TVDB for Sonarr.
#[must_use]
pub const fn has_key_id(media_type: MediaType, ids: &ExternalIds) -> bool {
    match media_type {
        MediaType::Movie => ids.tmdb.is_some(),
        MediaType::Show => ids.tvdb.is_some(),
    }
}

/// Where the title on `sheet` goes.
pub fn route<'a, T: Tracer>(policy: &Policy<'a>, sheet: &Sheet<'_>, disks: &Disks, trace: &mut T) -> Routing<'a> {
    let kind = InstanceKind::taking(sheet.title.media_type);
    let mut routing = Routing {
        excluded_by: None,
        destinations: Vec::with_capacity(policy.instances.len()),
        applying: Vec::with_capacity(policy.rules.len().min(16)),
    };
    let values = Values::of(sheet, policy.fields());
    for rule in policy.rules {
        if !rule.enabled {
            trace.step(Stage::Rule, &rule.name, Verdict::NotAsked, || "it is switched off".to_owned());
            continue;
        }
        // Room is another for every rule; everything else is looked up once.
        let room = rule.when.fields().has(Field::FreeSpace).then(|| policy.free_space(rule, kind, disks));
        let seen = || Sheet { free_space: room.flatten(), ..*sheet };
        let truth = if room.is_some() { rule.when.judge(&seen()) } else { rule.when.judge(&values) };
        let verdict = match truth {
            Truth::True => Verdict::Matched,
            Truth::False => Verdict::NotMatched,
            Truth::Unknown => Verdict::Unknown,
        };
        if truth != Truth::True {
            trace.step(Stage::Rule, &rule.name, verdict, || {
                why::because(rule.when.written(), &seen(), policy.available)
            });
            continue;
        }
        let claim = claim::<T>(policy, rule, kind, &mut routing);
        trace.step(Stage::Rule, &rule.name, verdict, || {
            let condition = why::because(rule.when.written(), &seen(), policy.available);
            format!("{condition}; {}", why::effect(rule, &claim, routing.excluded_by))
        });
    }
    if routing.excluded_by.is_none() {
        default_routing(policy, kind, &mut routing, trace);
    }
    if routing.destinations.len() > 1 {
        let place = |chosen: &Chosen<'_>| policy.instances.iter().position(|it| std::ptr::eq(it, chosen.instance));
        routing.destinations.sort_by_key(place);
    }
    routing
}

/// What a matching rule got of what it wants.
#[derive(Debug, Default)]
struct Claim<'a> {
    /// Instances it sends the title to.
    won: Vec<&'a str>,
    /// Instances that a rule before it has taken, with that rule's name.
    taken: Vec<(&'a str, &'a str)>,
    /// Instances for the other type of title.
    unfit: Vec<&'a str>,
}

/// Gives a matching rule what no rule before it has taken. The answer is only filled where a trace is kept.
fn claim<'a, T: Tracer>(
    policy: &Policy<'a>,
    rule: &'a Rule,
    kind: InstanceKind,
    routing: &mut Routing<'a>,
) -> Claim<'a> {
    let mut claim = Claim::default();
    let before = routing.destinations.len();
    if rule.exclude {
        routing.excluded_by = routing.excluded_by.or(Some(rule));
        return claim;
    }
    for RouteTo { to, overrides } in &rule.route {
        let Some(instance) = policy.instances.iter().find(|instance| instance.name == *to) else { continue };
        let earlier = routing.destinations.iter().find(|chosen| std::ptr::eq(chosen.instance, instance));
        match earlier.map(|chosen| chosen.by) {
            _ if instance.kind() != kind => claim.unfit.extend(T::KEEPS.then_some(to.as_str())),
            Some(ChosenBy::Rule(earlier, _)) => {
                claim.taken.extend(T::KEEPS.then_some((to.as_str(), earlier.name.as_str())));
            }
            _ => {
                routing.destinations.push(Chosen { instance, by: ChosenBy::Rule(rule, overrides) });
                claim.won.extend(T::KEEPS.then_some(to.as_str()));
            }
        }
    }
    if rule.route.is_empty() || routing.destinations.len() > before {
        routing.applying.push(rule);
    }
    claim
}

/// The default instance and its copies take what no rule sends anywhere.
fn default_routing<'a, T: Tracer>(policy: &Policy<'a>, kind: InstanceKind, routing: &mut Routing<'a>, trace: &mut T) {
    if !routing.destinations.is_empty() {
        return trace
            .step(Stage::DefaultRouting, kind.word(), Verdict::NotAsked, || "rules say where it goes".to_owned());
    }
    if policy.default_routing == DefaultRouting::None {
        return trace.step(Stage::DefaultRouting, kind.word(), Verdict::NotMatched, || {
            "no rule sends it anywhere, and the settings say `default: none`".to_owned()
        });
    }
    let Some(default) = policy.instances.iter().find(|instance| instance.default && instance.kind() == kind) else {
        return trace.step(Stage::DefaultRouting, kind.word(), Verdict::NotMatched, || no_default(kind));
    };
    let by = Chosen { instance: default, by: ChosenBy::Default };
    trace.step(Stage::DefaultRouting, &default.name, Verdict::Matched, || by.because());
    routing.destinations.push(by);
    for instance in policy.instances {
        if let Some(original) = instance.copy_of.as_deref().filter(|original| *original == default.name) {
            let copy = Chosen { instance, by: ChosenBy::CopyOf(original) };
            trace.step(Stage::DefaultRouting, &instance.name, Verdict::Matched, || copy.because());
            routing.destinations.push(copy);
        }
    }
}

/// Why default routing has nowhere to send a title.
#[must_use]
pub fn no_default(kind: InstanceKind) -> String {
    let title = match kind {
        InstanceKind::Radarr => "movie",
        InstanceKind::Sonarr => "show",
    };
    let app = kind.app_name();
    format!("no {app} is marked `default: true` in the settings, so there is nowhere to send a {title}")
}

impl Chosen<'_> {
    /// Why this instance, as a sentence.
    #[must_use]
    pub fn because(&self) -> String {
        let (app, name) = (self.instance.kind().app_name(), self.instance.name.as_str());
        match self.by {
            // Joined, not formatted: this runs for every decision.
            ChosenBy::Rule(rule, _) => [&rule.sends(), " ", app, " `", name, "`"].concat(),
            ChosenBy::Default => {
                let label = self.instance.label();
                let titles = match self.instance.kind() {
                    InstanceKind::Radarr => "movies",
                    InstanceKind::Sonarr => "shows",
                };
                format!("{label} is the default for {titles}")
            }
            ChosenBy::CopyOf(original) => format!("{app} `{name}` gets a copy of what `{original}` gets by default"),
        }
    }
}

impl Routing<'_> {
    /// The destinations with the options that come out: the instance's own, what the rule wants otherwise, `auto` settled, and the
    /// tag of who wants it where a rule asks for that.
    pub fn settled<T: Tracer>(&self, sheet: &Sheet<'_>, trace: &mut T) -> Vec<Destination> {
        let tag = self.applying.iter().any(|rule| rule.tag_requester).then(|| options::requester_tag(sheet.user));
        let settle = |chosen: &Chosen<'_>| Destination {
            instance: chosen.instance.name.clone(),
            options: options::settle(chosen, sheet, tag.as_deref(), trace),
            because: chosen.because(),
        };
        self.destinations.iter().map(settle).collect()
    }

    /// What the applying rules write on the decision.
    #[must_use]
    pub fn labels(&self, sheet: &Sheet<'_>) -> Vec<String> {
        let label = |rule: &&Rule| rule.label.as_ref().map(|label| label.replace("{user}", sheet.user.called()));
        let mut labels: Vec<String> = self.applying.iter().filter_map(label).collect();
        labels.dedup();
        labels
    }
}
