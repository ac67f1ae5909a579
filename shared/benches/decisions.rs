//! How many decisions one core makes in a second, with 50 rules of mixed depth, and what keeping the reasons costs.
//!
//! `cargo bench -p pulsarr-shared --bench decisions`. Prints figures and judges nothing.

use std::hint::black_box;

use jiff::tz::TimeZone;
use pulsarr_shared::model::{
    AddOptions, ApprovalSettings, ArrOptions, ExternalIds, Facts, Instance, KnownFacts, MediaType, MinimumAvailability,
    MonitorNewItems, MovieMonitor, Period, PlexId, Quota, Relation, SeriesMonitor, SeriesTypeChoice, Standing, Title,
    TmdbId, TvdbId, User, UserId, UserUuid, WhenExceeded,
};
use pulsarr_shared::plan::{self, Question};
use pulsarr_shared::process::cpu_ms;
use pulsarr_shared::routing::{
    Available, Comparison, Condition, DefaultRouting, Disks, Field, Operator, Overrides, Policy, RouteTo, Rule, Sheet,
    Written,
};

/// Rules in the household.
const RULES: usize = 50;

/// Different titles that are decided about in turn.
const TITLES: usize = 200;

/// Rounds over all titles.
const ROUNDS: usize = 2_000;

fn main() {
    let (instances, rules, titles, user) = (instances(), rules(), titles(), user());
    let policy = Policy {
        instances: &instances,
        rules: &rules,
        default_routing: DefaultRouting::Instance,
        approvals: &ApprovalSettings::default(),
        zone: &TimeZone::UTC,
        available: Available::default(),
    };
    let quota = Quota {
        media_type: MediaType::Movie,
        period: Period::Rolling { days: 7 },
        limit: 500,
        when_exceeded: WhenExceeded::Approval,
    };
    let standing = Standing { quotas: vec![quota], ..Standing::default() };
    let disks = Disks::default();
    let depth = rules.iter().map(|rule| depth_of(rule.when.written())).max().unwrap_or(0);
    let comparisons: usize = rules.iter().map(|rule| comparisons_in(rule.when.written())).sum();
    println!("{RULES} rules, {comparisons} comparisons, up to {depth} deep; {TITLES} titles; one core");

    let outcomes = count(&titles, |title| plan::judge(&question(title, &user, &disks, &standing), &policy).word());
    println!("what comes out: {outcomes}");

    let bare = per_second(ROUNDS, &titles, |title| {
        black_box(plan::judge(&question(title, &user, &disks, &standing), &policy));
    });
    println!("decisions without reasons: {bare:.0} a second, {:.2} µs each", 1e6 / bare);
    let traced = per_second(ROUNDS / 20, &titles, |title| {
        black_box(plan::decide(&question(title, &user, &disks, &standing), &policy));
    });
    println!("decisions with their trace: {traced:.0} a second, {:.2} µs each", 1e6 / traced);
    println!("the trace costs {:.2} µs, for the decisions that are news", 1e6 / traced - 1e6 / bare);
    let bytes: usize = titles
        .iter()
        .map(|title| {
            serde_json::to_string(&plan::decide(&question(title, &user, &disks, &standing), &policy))
                .map_or(0, |json| json.len())
        })
        .sum();
    println!("a stored trace has {} bytes on average", bytes / TITLES);
}

fn question<'a>(title: &'a Title, user: &'a User, disks: &'a Disks, standing: &'a Standing) -> Question<'a> {
    Question {
        sheet: Sheet { title, user, wanted_by: Some(2), free_space: None },
        disks,
        standing,
        approval: None,
        asked_by: None,
        place: None,
        uses: &[],
        now_ms: 1_795_435_200_000,
    }
}

/// In seconds of one core's time. The best of five measurements: what the machine does beside it only ever slows it down.
fn per_second(rounds: usize, titles: &[Title], work: impl Fn(&Title)) -> f64 {
    let measure = || {
        let before = cpu_ms();
        for _ in 0..rounds {
            titles.iter().for_each(&work);
        }
        (rounds * titles.len()) as f64 * 1e3 / (cpu_ms() - before).max(1) as f64
    };
    (0..5).map(|_| measure()).fold(0.0, f64::max)
}

fn count(titles: &[Title], outcome: impl Fn(&Title) -> &'static str) -> String {
    let mut counts = std::collections::BTreeMap::new();
    titles.iter().for_each(|title| *counts.entry(outcome(title)).or_insert(0) += 1);
    let words: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    words.join(", ")
}

fn depth_of(condition: &Condition) -> usize {
    match condition {
        Condition::Compare(_) => 1,
        Condition::Not(inner) => 1 + depth_of(inner),
        Condition::All(parts) | Condition::Any(parts) => 1 + parts.iter().map(depth_of).max().unwrap_or(0),
    }
}

fn comparisons_in(condition: &Condition) -> usize {
    match condition {
        Condition::Compare(_) => 1,
        Condition::Not(inner) => comparisons_in(inner),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().map(comparisons_in).sum(),
    }
}

/// A comparison; what is written here fits.
fn is(field: Field, operator: &str, written: &[&str]) -> Condition {
    let written = match (operator, written) {
        ("in" | "not_in" | "between", list) => Written::Many(list.iter().map(|text| (*text).to_owned()).collect()),
        (_, list) => Written::One(list.concat()),
    };
    let operator = Operator::parse(operator).expect("the operator exists");
    Condition::Compare(Comparison::new(field, operator, &written).expect("the comparison fits"))
}

/// Rules of a large household, from one comparison to four levels of groups.
fn rules() -> Vec<Rule> {
    const GENRES: [&str; 10] =
        ["Horror", "Comedy", "Western", "Documentary", "Reality", "Musical", "War", "History", "Sport", "Family"];
    let not = |condition| Condition::Not(Box::new(condition));
    let mut rules = Vec::new();
    for index in 0..RULES {
        let genre = GENRES[index % GENRES.len()];
        let year = (1950 + index).to_string();
        let when = match index % 5 {
            0 => is(Field::Genre, "contains", &[genre]),
            1 => Condition::All(vec![is(Field::Year, "<", &[&year]), is(Field::ImdbRating, ">=", &["8.5"])]),
            2 => Condition::Any(vec![
                is(Field::Certification, "in", &["NC-17", "TV-MA"]),
                Condition::All(vec![
                    is(Field::Genre, "in", &[genre, "Anime"]),
                    not(is(Field::User, "in", &["kids", "guest"])),
                ]),
            ]),
            3 => Condition::All(vec![
                not(Condition::Any(vec![is(Field::Type, "equals", &["show"]), is(Field::Runtime, ">", &["200"])])),
                Condition::Any(vec![
                    is(Field::Country, "contains", &["Japan"]),
                    Condition::All(vec![is(Field::RtCritic, "<", &["20"]), is(Field::ImdbVotes, "<", &["1000"])]),
                ]),
            ]),
            _ => Condition::All(vec![is(Field::Studio, "contains", &["Studio a"]), is(Field::WantedBy, ">=", &["4"])]),
        };
        let mut rule = Rule::new(format!("rule {index}"), 1_000 - i32::try_from(index).unwrap_or(0), when);
        let to = ["4k", "movies", "anime", "shows"][index % 4];
        match index % 7 {
            5 => rule.require_approval = Some("because".to_owned()),
            6 => rule.label = Some("for {user}".to_owned()),
            _ => rule.route.push(RouteTo {
                to: to.to_owned(),
                overrides: Overrides { quality_profile: Some("Ultra-HD".to_owned()), ..Overrides::default() },
            }),
        }
        rules.push(rule);
    }
    rules
}

fn titles() -> Vec<Title> {
    let mut random = fastrand::Rng::with_seed(1);
    let names = [
        "Drama",
        "Thriller",
        "Comedy",
        "Adventure",
        "Fantasy",
        "Science Fiction",
        "Crime",
        "Romance",
        "Anime",
        "Horror",
    ];
    let title = |random: &mut fastrand::Rng| {
        let genres = (0..random.usize(1..5)).map(|_| names[random.usize(0..names.len())].to_owned()).collect();
        let facts = Facts {
            genres: Some(genres),
            certification: Some(["PG", "PG-13", "R", "TV-14", "TV-MA"][random.usize(0..5)].to_owned()),
            runtime_min: Some(random.u32(60..200)),
            studios: Some(vec![format!("Studio {}", random.alphabetic())]),
            countries: Some(vec![["United States of America", "France", "Korea"][random.usize(0..3)].to_owned()]),
            imdb_rating: Some(f64::from(random.u32(30..95)) / 10.0),
            imdb_votes: Some(random.u32(100..500_000)),
            rt_critic: Some(f64::from(random.u32(0..100))),
            ..Facts::default()
        };
        Title {
            plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").expect("an id"),
            media_type: if random.bool() { MediaType::Movie } else { MediaType::Show },
            title: "Salt Ledger".to_owned(),
            year: Some(random.u16(1950..2027)),
            ids: ExternalIds { tmdb: Some(TmdbId(1)), tvdb: Some(TvdbId(1)), ..ExternalIds::default() },
            facts: KnownFacts { plex: Some(facts), ..KnownFacts::default() },
        }
    };
    (0..TITLES).map(|_| title(&mut random)).collect()
}

fn instances() -> Vec<Instance> {
    let radarr =
        ArrOptions::Radarr { minimum_availability: MinimumAvailability::Released, monitor: MovieMonitor::MovieOnly };
    let sonarr = ArrOptions::Sonarr {
        monitor: SeriesMonitor::All,
        monitor_new_items: MonitorNewItems::All,
        series_type: SeriesTypeChoice::Auto,
        season_folder: true,
        seasons: Vec::new(),
    };
    let instance = |name: &str, default, arr: &ArrOptions| Instance {
        name: name.to_owned(),
        url: "http://arr.test".to_owned(),
        api_key: "key".into(),
        default,
        copy_of: None,
        respect_exclusions: true,
        options: AddOptions {
            quality_profile: Some("HD-1080p".to_owned()),
            root_folder_path: Some("/media".to_owned()),
            tags: vec!["watchlist".to_owned()],
            search_on_add: true,
            arr: arr.clone(),
        },
    };
    vec![
        instance("movies", true, &radarr),
        instance("4k", false, &radarr),
        instance("shows", true, &sonarr),
        instance("anime", false, &sonarr),
    ]
}

fn user() -> User {
    User {
        id: UserId(1),
        uuid: UserUuid::parse("5be07c1d2a94f036").expect("a uuid"),
        username: "tomas.r".to_owned(),
        display_name: "Tomas".to_owned(),
        alias: Some("living-room".to_owned()),
        relation: Relation::Friend,
        synced: true,
    }
}
