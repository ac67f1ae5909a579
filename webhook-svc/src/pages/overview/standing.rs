//! How each part stands, as a tile: a word, and what to do where it is not well. Pure.

use pulsarr_shared::clock::{UnixMs, rfc3339};
use pulsarr_shared::model::ConnectionStatus;
use pulsarr_shared::report::ProblemKind;

use crate::api::instance_health::Health;
use crate::api::overview::{InstanceState, Overview};
use crate::app::data_folder::NotWritable;
use crate::fast_lane::HANGS_AFTER;
use crate::pages::runs::tone;
use crate::pages::words::lasted;

/// A household whose job runs as it should has a run every five minutes.
const RUN_OVERDUE_MS: UnixMs = 60 * 60 * 1000;

/// One part, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// What it is about.
    pub name: String,
    /// `ok`, `warn`, `bad`, `busy` or `idle`.
    pub tone: &'static str,
    /// How it stands, in a word or two.
    pub word: String,
    /// More, or what to do.
    pub text: String,
    /// A time that is told after it, RFC 3339; empty for none.
    pub at: String,
    /// Where it leads to, below the base path.
    pub link: String,
}

impl Tile {
    fn new(name: &str, tone: &'static str, word: &str, text: impl Into<String>, link: &str) -> Self {
        let (name, word, link) = (name.to_owned(), word.to_owned(), link.to_owned());
        Self { name, tone, word, text: text.into(), at: String::new(), link }
    }

    fn at(self, at_ms: UnixMs) -> Self {
        Self { at: rfc3339(at_ms), ..self }
    }
}

/// Every part, in the order in which one is of no use without the one before.
pub fn tiles(overview: &Overview) -> Vec<Tile> {
    let mut tiles = vec![plex(overview)];
    tiles.extend(server(overview));
    tiles.extend(overview.instances.iter().map(instance));
    let text = "Its stored settings cannot be read: look at them.";
    let broken = overview.broken.iter();
    tiles.extend(broken.map(|name| Tile::new(name, "bad", "not readable", text, &instance_link(name))));
    tiles.extend([last_sync(overview), lane(overview), webhooks(overview), storage(overview)]);
    tiles
}

/// The worst of them, and that in a sentence.
pub fn in_all(tiles: &[Tile]) -> (&'static str, String) {
    let with = |tone: &str| tiles.iter().filter(|tile| tile.tone == tone).count();
    let say = |count: usize, what: &str| {
        let parts = if count == 1 { "One part".to_owned() } else { format!("{count} parts") };
        format!("{parts} {what}")
    };
    match (with("bad"), with("warn")) {
        (0, 0) => ("ok", "Everything is all right.".to_owned()),
        (0, warn) => ("warn", say(warn, "should be looked at.")),
        (bad, _) => ("bad", say(bad, "cannot work: see what to do below.")),
    }
}

/// What the last run says is wrong with this upstream.
fn problem<'o>(overview: &'o Overview, upstream: &str) -> Option<(&'static str, &'o str)> {
    let found = overview.problems.iter().find(|it| it.upstream == upstream)?;
    let tone = if found.kind == ProblemKind::Down { "warn" } else { "bad" };
    Some((tone, &found.message))
}

fn plex(overview: &Overview) -> Tile {
    const NAME: &str = "Plex account";
    let tile = |tone, word, text: &str| Tile::new(NAME, tone, word, text, "/settings");
    match (overview.health.plex_token, problem(overview, "plex")) {
        (Some("dead"), _) => tile("bad", "token refused", "Plex refuses the token: link the account again."),
        (_, Some((tone, message))) => tile(tone, "not answering", message),
        (Some("alive"), None) => tile("ok", "linked", "Plex takes the token."),
        _ => tile("idle", "not known yet", "Plex could not be asked about the token so far."),
    }
}

fn server(overview: &Overview) -> Option<Tile> {
    const NAME: &str = "Plex server";
    if !overview.has_server {
        return None;
    }
    let tile = |tone, word, text: &str| Tile::new(NAME, tone, word, text, "/settings");
    Some(match (&overview.server_advice, overview.health.plex_server_reachable) {
        (Some(advice), _) => tile("warn", "not reachable", advice),
        (None, Some(_)) => tile("ok", "reachable", "It is asked what the household has."),
        (None, None) => tile("idle", "not asked yet", "It is asked every quarter of an hour."),
    })
}

fn instance_link(name: &str) -> String {
    format!("/instances/{}", crate::pages::trouble::encoded(name))
}

fn instance(it: &InstanceState) -> Tile {
    let tile = |tone, word: &str, text: &str| Tile::new(&it.name, tone, word, text, &instance_link(&it.name));
    if !it.health.is_well() {
        let tone = if it.health == Health::Unreachable { "warn" } else { "bad" };
        return tile(tone, &format!("{}: in trouble", it.app_name), &it.advice);
    }
    let told = match &it.webhook {
        None => tile("idle", it.app_name, "Its webhook has not been looked at yet."),
        Some((ConnectionStatus::Ok, _)) => tile("ok", it.app_name, "Its webhook reaches us."),
        Some((ConnectionStatus::Unknown, advice)) => tile("warn", it.app_name, words(advice, "It could not be asked.")),
        Some((_, advice)) => tile("warn", it.app_name, words(advice, "Its webhook does not reach us.")),
    };
    match it.answered_at_ms {
        Some(at_ms) if told.tone == "ok" => {
            Tile { text: "Its webhook reaches us; it answered".to_owned(), ..told }.at(at_ms)
        }
        _ => told,
    }
}

fn words<'a>(advice: &'a Option<String>, otherwise: &'a str) -> &'a str {
    advice.as_deref().unwrap_or(otherwise)
}

fn last_sync(overview: &Overview) -> Tile {
    const NAME: &str = "Last sync";
    let Some(run) = &overview.last_run else {
        return Tile::new(
            NAME,
            "idle",
            "none yet",
            "The job runs every five minutes once it is set up.",
            "/activity/runs",
        );
    };
    let link = format!("/runs/{}", run.id);
    let Some(ended_at_ms) = run.ended_at_ms else {
        return Tile::new(NAME, "busy", "running", "It began", &link).at(run.started_at_ms);
    };
    let silent_ms = overview.now_ms.saturating_sub(ended_at_ms);
    if silent_ms >= RUN_OVERDUE_MS {
        let text = format!("No run for {}: look whether the job is scheduled.", lasted(silent_ms));
        return Tile::new(NAME, "warn", "overdue", text, &link);
    }
    let took = lasted(ended_at_ms - run.started_at_ms);
    Tile::new(NAME, tone(run.result), &run.result.replace('_', " "), format!("It took {took}, and ended"), &link)
        .at(ended_at_ms)
}

fn lane(overview: &Overview) -> Tile {
    const NAME: &str = "Fast lane";
    let lane = &overview.lane;
    let tile = |tone, word, text: String| Tile::new(NAME, tone, word, text, "/activity/log");
    let silent_ms = overview.now_ms.saturating_sub(lane.last_tick_at_ms);
    if !lane.wanted {
        tile("idle", "switched off", "Lists are read by the job alone.".to_owned())
    } else if lane.last_tick_at_ms == 0 {
        tile("idle", "not begun", "It begins with the service.".to_owned())
    } else if silent_ms >= i64::try_from(HANGS_AFTER.as_millis()).unwrap_or(i64::MAX) {
        let text =
            format!("No sign of life for {}; it is started again by itself. The log says more.", lasted(silent_ms));
        tile("warn", "hangs", text)
    } else if lane.restarts > 0 {
        tile("ok", "watching", format!("Started again {} times since the service began.", lane.restarts))
    } else {
        tile("ok", "watching", format!("The own list is looked at every {} s.", lane.every_s))
    }
}

fn webhooks(overview: &Overview) -> Tile {
    let tile = |tone, word: &str, text| Tile::new("Webhooks", tone, word, text, "/activity/webhooks");
    match overview.health.webhooks_waiting {
        0 => tile("ok", "all worked off", "What Sonarr and Radarr told has been taken in."),
        // One that has just come is no trouble.
        waiting @ 1..100 => tile("ok", &format!("{waiting} waiting"), "They are worked off one by one."),
        waiting => tile("warn", &format!("{waiting} waiting"), "They are worked off more slowly than they come."),
    }
}

fn storage(overview: &Overview) -> Tile {
    const NAME: &str = "Storage";
    match &overview.disk {
        Ok(()) => {
            Tile::new(NAME, "ok", &size(overview.stored_bytes), "The data folder can be written to.", "/settings")
        }
        Err(NotWritable::Full(error)) => {
            let text = format!(
                "The data folder cannot be written to: {error}. Enlarge its volume; webhooks are refused until then."
            );
            Tile::new(NAME, "bad", "full", text, "/settings")
        }
        Err(NotWritable::Failed(error)) => {
            let text = format!("The data folder cannot be written to: {error}. Look at its volume.");
            Tile::new(NAME, "bad", "not writable", text, "/settings")
        }
    }
}

/// `340 KiB`, `12.4 MiB`.
fn size(bytes: u64) -> String {
    let kib = bytes / 1024;
    if kib < 1024 { format!("{kib} KiB") } else { format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::overview::Lane;
    use crate::api::runs::RunView;
    use pulsarr_shared::report::Problem;
    use pulsarr_shared::store::Lately;

    const NOW: UnixMs = 10_000_000_000;

    fn well() -> Overview {
        Overview {
            health: crate::health::Health {
                status: "ok",
                version: "1",
                started_at: String::new(),
                data_folder: "writable",
                set_up: true,
                plex_token: Some("alive"),
                plex_server_reachable: Some(true),
                last_run: None,
                pending_approvals: 0,
                webhooks_waiting: 0,
                instances_not_well: 0,
                webhooks_not_working: 0,
            },
            now_ms: NOW,
            server_advice: None,
            has_server: true,
            instances: vec![InstanceState {
                name: "movies".into(),
                app_name: "Radarr",
                health: Health::Ok,
                advice: String::new(),
                webhook: Some((ConnectionStatus::Ok, Some("all is well".into()))),
                answered_at_ms: Some(NOW - 1_000),
            }],
            broken: Vec::new(),
            last_run: Some(RunView {
                id: "r1".into(),
                trigger: "schedule",
                started_by: None,
                holder: "nas-1/17".into(),
                started_at_ms: NOW - 3_000,
                ended_at_ms: Some(NOW - 1_000),
                result: "ok",
            }),
            problems: Vec::new(),
            lane: Lane { wanted: true, last_tick_at_ms: NOW - 1_000, restarts: 0, every_s: 20 },
            disk: Ok(()),
            stored_bytes: 13_000_000,
            today: Lately::default(),
            held: 0,
        }
    }

    fn tile(overview: &Overview, name: &str) -> Tile {
        tiles(overview).into_iter().find(|tile| tile.name == name).unwrap()
    }

    #[test]
    fn all_is_well() {
        let overview = well();
        let tiles = tiles(&overview);
        let names: Vec<&str> = tiles.iter().map(|tile| tile.name.as_str()).collect();
        let expected = ["Plex account", "Plex server", "movies", "Last sync", "Fast lane", "Webhooks", "Storage"];
        assert_eq!(names, expected);
        assert!(tiles.iter().all(|tile| tile.tone == "ok"), "{tiles:#?}");
        assert_eq!(in_all(&tiles), ("ok", "Everything is all right.".to_owned()));
        assert_eq!(tile(&overview, "Storage").word, "12.3 MiB");
        assert_eq!(tile(&overview, "Last sync").link, "/runs/r1");
    }

    #[test]
    fn each_trouble_says_what_to_do() {
        type Breaks = fn(&mut Overview);
        let troubles: [(&str, &str, &str, Breaks); 12] = [
            ("Plex account", "bad", "link the account again", |it| it.health.plex_token = Some("dead")),
            ("Plex server", "warn", "check the address", |it| it.server_advice = Some("check the address".into())),
            ("movies", "warn", "open port 3003", |it| {
                it.instances[0].webhook = Some((ConnectionStatus::WrongAddress, Some("open port 3003".into())));
            }),
            ("movies", "bad", "another key", |it| {
                (it.instances[0].health, it.instances[0].advice) = (Health::Refused, "enter another key".into());
            }),
            ("movies", "warn", "start it", |it| {
                (it.instances[0].health, it.instances[0].advice) = (Health::Unreachable, "start it".into());
            }),
            ("Plex account", "warn", "wait", |it| {
                let (kind, message) = (ProblemKind::Down, "wait".to_owned());
                it.problems.push(Problem { upstream: "plex".into(), kind, message });
            }),
            ("anime", "bad", "cannot be read", |it| it.broken.push("anime".into())),
            ("Last sync", "warn", "No run for 2 h", |it| it.now_ms += 2 * RUN_OVERDUE_MS - 1_000),
            ("Last sync", "bad", "ended", |it| it.last_run.as_mut().unwrap().result = "failed"),
            ("Fast lane", "warn", "No sign of life", |it| it.lane.last_tick_at_ms -= 300_000),
            ("Storage", "bad", "read-only", |it| it.disk = Err(NotWritable::Failed("read-only".into()))),
            ("Storage", "bad", "Enlarge its volume", |it| it.disk = Err(NotWritable::Full("no space".into()))),
        ];
        for (name, tone, text, trouble) in troubles {
            let mut overview = well();
            trouble(&mut overview);
            let tile = tile(&overview, name);
            assert!(tile.tone == tone && tile.text.contains(text), "{tile:#?}");
            assert_eq!(in_all(&tiles(&overview)).0, tone);
        }
    }

    #[test]
    fn what_is_not_known_is_no_trouble() {
        let mut overview = well();
        overview.health.plex_token = None;
        overview.health.plex_server_reachable = None;
        overview.instances[0].webhook = None;
        overview.last_run = None;
        overview.lane.last_tick_at_ms = 0;
        let idle = tiles(&overview).iter().filter(|tile| tile.tone == "idle").count();
        assert_eq!((idle, in_all(&tiles(&overview)).0), (5, "ok"));
        overview.has_server = false;
        assert!(tiles(&overview).iter().all(|tile| tile.name != "Plex server"));
    }
}
