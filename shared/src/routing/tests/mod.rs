//! What the deciding part does with instances, titles and rules made here.

mod defaults;
mod laws;
mod order;
mod told;

use super::{
    Comparison, Condition, DefaultRouting, Disks, Field, Operator, Overrides, Policy, RouteTo, Rule, Sheet, Written,
};
use crate::model::{
    AddOptions, ApprovalSettings, ArrOptions, Decision, ExternalIds, Facts, Instance, KnownFacts, MediaType,
    MinimumAvailability, MonitorNewItems, MovieMonitor, Outcome, PlexId, Relation, SeriesMonitor, SeriesTypeChoice,
    Standing, Title, TmdbId, TvdbId, User, UserId, UserUuid,
};
use crate::plan::{self, Question};
use jiff::tz::TimeZone;

fn radarr(name: &str, default: bool) -> Instance {
    let arr =
        ArrOptions::Radarr { minimum_availability: MinimumAvailability::Released, monitor: MovieMonitor::MovieOnly };
    instance(name, default, arr)
}

fn sonarr(name: &str, default: bool, series_type: SeriesTypeChoice) -> Instance {
    let arr = ArrOptions::Sonarr {
        monitor: SeriesMonitor::All,
        monitor_new_items: MonitorNewItems::All,
        series_type,
        season_folder: true,
        seasons: vec![],
    };
    instance(name, default, arr)
}

fn instance(name: &str, default: bool, arr: ArrOptions) -> Instance {
    Instance {
        name: name.into(),
        url: "http://arr.test".into(),
        api_key: "key".into(),
        default,
        copy_of: None,
        respect_exclusions: true,
        options: AddOptions { quality_profile: None, root_folder_path: None, tags: vec![], search_on_add: true, arr },
    }
}

fn household() -> Vec<Instance> {
    vec![
        radarr("4k", false),
        radarr("movies", true),
        sonarr("shows", true, SeriesTypeChoice::Auto),
        sonarr("anime", false, SeriesTypeChoice::Anime),
    ]
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn movie(facts: Facts) -> Title {
    title(MediaType::Movie, ExternalIds { tmdb: Some(TmdbId(900_002)), ..ExternalIds::default() }, Some(facts))
}

fn show(facts: Facts) -> Title {
    title(MediaType::Show, ExternalIds { tvdb: Some(TvdbId(800_001)), ..ExternalIds::default() }, Some(facts))
}

fn title(media_type: MediaType, ids: ExternalIds, plex: Option<Facts>) -> Title {
    Title {
        plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
        media_type,
        title: "Salt Ledger".into(),
        year: Some(2025),
        ids,
        facts: KnownFacts { plex, ..KnownFacts::default() },
    }
}

fn genres(list: &[&str]) -> Facts {
    Facts { genres: Some(texts(list)), ..Facts::default() }
}

fn user() -> User {
    User {
        id: UserId(1),
        uuid: UserUuid::parse("5be07c1d2a94f036").unwrap(),
        username: "tomas.r".into(),
        display_name: "Tomas".into(),
        alias: Some("living-room".into()),
        relation: Relation::Friend,
        synced: true,
    }
}

fn compare(field: Field, operator: &str, written: &str) -> Condition {
    let list = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let written = match list {
        Some(list) => Written::Many(list.split(',').map(str::to_owned).collect()),
        None => Written::One(written.to_owned()),
    };
    Condition::Compare(Comparison::new(field, Operator::parse(operator).unwrap(), &written).unwrap())
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn rule(name: &str, priority: i32, when: Condition) -> Rule {
    Rule::new(name, priority, when)
}

impl Rule {
    fn to(mut self, instances: &[&str]) -> Self {
        let to = |name: &&str| RouteTo { to: (*name).to_owned(), overrides: Overrides::default() };
        self.route.extend(instances.iter().map(to));
        self
    }

    fn asking(mut self, why: &str) -> Self {
        self.require_approval = Some(why.to_owned());
        self
    }

    fn excluding(mut self) -> Self {
        self.exclude = true;
        self
    }
}

/// What becomes of a title by these rules, for a user without quotas.
fn decide(title: &Title, instances: &[Instance], rules: &[Rule]) -> Decision {
    decide_with(title, instances, rules, DefaultRouting::Instance, &Standing::default())
}

fn decide_with(
    title: &Title,
    instances: &[Instance],
    rules: &[Rule],
    default_routing: DefaultRouting,
    standing: &Standing,
) -> Decision {
    let user = user();
    let policy = Policy {
        instances,
        rules,
        default_routing,
        approvals: &ApprovalSettings::default(),
        zone: &TimeZone::UTC,
        available: super::Available::default(),
    };
    let question = Question {
        sheet: Sheet { title, user: &user, wanted_by: Some(1), free_space: None },
        disks: &Disks::default(),
        standing,
        approval: None,
        asked_by: None,
        place: None,
        uses: &[],
        now_ms: 1_795_435_200_000,
    };
    plan::decide(&question, &policy)
}

fn routed_to(decision: &Decision) -> Vec<&str> {
    match &decision.outcome {
        Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. } => {
            destinations.iter().map(|to| to.instance.as_str()).collect()
        }
        _ => vec![],
    }
}
