//! Plex, TMDB and every instance, from here: name, connection, answer, key. Each is asked by itself and within a time; where one cannot be
//! reached, nothing more is said about it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::clock::Told;
use super::finding::{Area, Finding};
use super::webhooks::{self, Callback};
use super::{Kept, World};
use crate::check;
use crate::clients::arr::Arr;
use crate::clients::reach::{Reached, reach};
use crate::clock::rfc3339;
use crate::config::FeedUse;
use crate::model::Instance;
use crate::report::ProblemKind;
use crate::sync::PASSING_IDENTIFIER;
use crate::upstreams::{PLEX_SERVER, TMDB, Upstreams};

/// How long one upstream may take with all of its answers.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// What was found out there.
#[derive(Debug, Default)]
pub struct Heard {
    /// About upstreams and webhooks.
    pub findings: Vec<Finding>,
    /// What their clocks say.
    pub clocks: Vec<Told>,
}

impl Heard {
    fn of(findings: Vec<Finding>) -> Self {
        Self { findings, clocks: Vec::new() }
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(Self::default(), |mut all, part| {
            all.findings.extend(part.findings);
            all.clocks.extend(part.clocks);
            all
        })
    }
}

/// Asks everybody at the same time.
pub async fn ask(world: &World<'_>, kept: &Kept, callback: &Callback) -> Heard {
    let config = world.config;
    let upstreams = Upstreams::new(config, world.transport, &world.clock, &world.stop);
    let (plex, tmdb) = (ask_plex(world, &upstreams, kept), ask_tmdb(world, &upstreams));
    let instances = upstreams.instances.iter().map(|(instance, arr)| ask_instance(world, instance, arr, callback));
    let (plex, tmdb, instances) = tokio::join!(plex, tmdb, join_all(instances));
    let none_of_them = instances.is_empty().then(|| {
        let advice = "Name a Sonarr or a Radarr, in the settings file or in the browser.";
        Heard::of(vec![Finding::attention(Area::Upstreams, "no instance is set up", advice)])
    });
    Heard::all([plex, tmdb].into_iter().chain(instances).chain(none_of_them))
}

async fn ask_plex(world: &World<'_>, upstreams: &Upstreams<'_>, kept: &Kept) -> Heard {
    let (environment, settings) = (&world.config.environment, &world.config.settings.plex);
    let Some(token) = &settings.token else {
        let advice = "Link an account in the browser, or set `plex.token`.";
        return Heard::of(vec![Finding::attention(Area::Upstreams, "Plex is not linked", advice)]);
    };
    if let Some(until_ms) = kept.plex_rests_until_ms {
        let sentence = format!("Plex was not asked: it wants to be left alone until {}", rfc3339(until_ms));
        return Heard::of(vec![Finding::attention(Area::Upstreams, sentence, "Runs go on by themselves then.")]);
    }
    let identifier = kept.client_identifier.as_deref().unwrap_or(PASSING_IDENTIFIER);
    let plex = upstreams.plex(token, identifier.to_owned());
    let feeds_are_read = environment.fast_lane && environment.fast_lane_feeds == FeedUse::Auto;
    let hosts = [
        ("plex.tv", Some(&environment.plex_tv_url)),
        ("Plex's own lists", Some(&environment.plex_discover_url)),
        ("Plex's friends", settings.friends.then_some(&environment.plex_community_url)),
        ("Plex's catalogue", Some(&environment.plex_metadata_url)),
        ("Plex's feeds", feeds_are_read.then_some(&environment.plex_rss_url)),
    ];
    let ways = hosts.into_iter().filter_map(|(name, url)| Some(way_to(world, name, url?)));
    let mut ways = join_all(ways).await;
    // The account is the judge of the token; the rest is as far as one gets.
    let is_open = ways.first().is_some_and(|(_, open)| *open);
    if is_open {
        ways.push((Heard::of(within("plex", check::plex(&plex, settings.friends)).await), true));
    }
    if let Some(url) = &settings.server_url {
        let (heard, open) = way_to(world, "the Plex server", url).await;
        ways.push((heard, open));
        if open && let Some(access) = &kept.plex_server {
            let asked = async { check::plex_server(access).await.into_iter().collect() };
            ways.push((Heard::of(within(PLEX_SERVER, asked).await), true));
        }
    }
    Heard::all(ways.into_iter().map(|(heard, _)| heard))
}

async fn ask_tmdb(world: &World<'_>, upstreams: &Upstreams<'_>) -> Heard {
    let Some(tmdb) = &upstreams.tmdb else { return Heard::default() };
    let (way, open) = way_to(world, "TMDB", &world.config.environment.tmdb_url).await;
    if !open {
        return way;
    }
    let asked = async { check::tmdb(tmdb).await.into_iter().collect() };
    Heard::all([way, Heard::of(within(TMDB, asked).await)])
}

async fn ask_instance(world: &World<'_>, instance: &Instance, arr: &Arr, callback: &Callback) -> Heard {
    let (way, open) = way_to(world, &instance.label(), &instance.url).await;
    if !open {
        return way;
    }
    let found = within(&instance.name, check::instance(instance, arr, &world.config.settings.rules)).await;
    // One that does not take our key cannot be asked to call us either.
    let answers = found.first().is_some_and(|first| first.kind.is_none());
    let called_back = if answers { webhooks::ask(world, instance, arr, callback).await } else { Vec::new() };
    Heard::all([way, Heard::of(found), Heard::of(called_back)])
}

/// How far one gets to `url`, and whether HTTP comes back there.
async fn way_to(world: &World<'_>, name: &str, url: &str) -> (Heard, bool) {
    let reached = reach(world.transport, &*world.clock, url).await;
    let open = matches!(reached, Reached::Answered { .. });
    let clocks = match reached {
        Reached::Answered { ahead_ms: Some(ahead_ms), .. } => vec![Told { by: name.to_owned(), ahead_ms }],
        _ => Vec::new(),
    };
    (Heard { findings: vec![of_way(name, &reached)], clocks }, open)
}

/// What is to be said about the way to `name`.
fn of_way(name: &str, reached: &Reached) -> Finding {
    let ill = |sentence, advice| Finding::ill(Area::Upstreams, ProblemKind::Down, sentence, advice);
    match reached {
        Reached::NoUrl => Finding::ill(
            Area::Upstreams,
            ProblemKind::Configuration,
            format!("{name} has an address that is none"),
            "Write it as http://host:port.",
        ),
        Reached::NoAddress { host, detail } => ill(
            format!("{name}: no address is known for {host} ({detail})"),
            "Check the name; in Kubernetes, the Service and its namespace, and that DNS is let through (UDP and TCP port 53).",
        ),
        Reached::NoConnection { at, detail } => ill(
            format!("{name}: nobody takes a connection at {at} ({detail})"),
            "Check that it runs and the port; \"refused\" is nobody there, silence is a firewall or a network policy.",
        ),
        Reached::NoAnswer { at, detail } => ill(
            format!("{name}: somebody takes connections at {at}, and no HTTP comes back ({detail})"),
            "Check http or https in its address, and its certificate (PULSARR_CA_FILE).",
        ),
        Reached::Answered { status, .. } => {
            Finding::well(Area::Upstreams, format!("{name} can be reached (HTTP {status} without a key)"))
        }
    }
}

/// What a check found, or that it did not come to its end.
async fn within(about: &str, asked: impl Future<Output = Vec<check::Finding>>) -> Vec<Finding> {
    match timeout(ANSWERS_WITHIN, asked).await {
        Ok(found) => found.into_iter().map(of_check).collect(),
        Err(_) => vec![Finding::ill(
            Area::Upstreams,
            ProblemKind::Down,
            format!("{about}: not all questions were answered within {} s", ANSWERS_WITHIN.as_secs()),
            "Look whether it is busy; every run tries again.",
        )],
    }
}

fn of_check(check::Finding { about, outcome }: check::Finding) -> Finding {
    match outcome {
        Ok(sentence) => Finding::well(Area::Upstreams, format!("{about}: {sentence}")),
        // Its message ends with what to do.
        Err(problem) => Finding {
            advice: None,
            ..Finding::ill(
                Area::Upstreams,
                problem.kind,
                format!("{about}: {}", problem.message.trim_end_matches('.')),
                "",
            )
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;
    use crate::report::Problem;

    #[test]
    fn how_far_one_gets_is_told_with_what_helps_there() {
        let check = |reached: Reached, level, words: &str| {
            let said = of_way("Radarr `movies`", &reached);
            let told = format!("{} {}", said.sentence, said.advice.unwrap_or_default());
            assert!(said.level == level && told.contains(words), "{told}");
        };
        let (detail, at) = (|| "refused".to_owned(), || "10.0.0.7:7878".to_owned());
        check(Reached::NoUrl, Level::Ill, "http://host:port");
        check(
            Reached::NoAddress { host: "radarr".into(), detail: detail() },
            Level::Ill,
            "known for radarr (refused) Check the name",
        );
        check(
            Reached::NoConnection { at: at(), detail: detail() },
            Level::Ill,
            "at 10.0.0.7:7878 (refused) Check that it runs",
        );
        check(Reached::NoAnswer { at: at(), detail: detail() }, Level::Ill, "http or https");
        check(Reached::Answered { status: 401, ahead_ms: None }, Level::Well, "HTTP 401 without a key");
    }

    #[test]
    fn what_a_check_finds_keeps_its_kind_and_its_words() {
        let problem = Problem {
            upstream: "movies".into(),
            kind: ProblemKind::Credentials,
            message: "It refuses. Copy it.".into(),
        };
        let said = of_check(check::Finding { about: "movies".into(), outcome: Err(problem) });
        assert_eq!((said.level, said.kind), (Level::Ill, Some(ProblemKind::Credentials)));
        assert_eq!((said.sentence.as_str(), said.advice), ("movies: It refuses. Copy it", None));
    }
}
