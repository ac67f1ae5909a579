//! How often there is a look, and how patient runs are: the environment decides, and this page says which variable.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use super::variables::{self, Variable};
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/settings/intervals", |ask| Box::pin(show(ask)))];

const FAST_LANE: [(&str, &str); 5] = [
    ("PULSARR_FAST_LANE", "Whether this service watches the lists between runs."),
    ("PULSARR_FAST_LANE_OWN_S", "Seconds between two looks at the owner's list, 5 to 3600."),
    ("PULSARR_FAST_LANE_FRIENDS_S", "Seconds in which every friend's list is looked at once, 30 to 86400."),
    ("PULSARR_FAST_LANE_FEEDS", "Whether Plex's feeds are read besides: auto or off."),
    ("PULSARR_FAST_LANE_FEEDS_S", "Seconds between two readings of a feed, 30 to 3600."),
];

const RUNS: [(&str, &str); 6] = [
    ("PULSARR_FULL_READ_EVERY_S", "Seconds after which every list is read whole again."),
    ("PULSARR_RUN_LIMIT_S", "Seconds after which a run leaves the rest to the next one."),
    ("PULSARR_PLEX_REQUEST_BUDGET", "Requests to Plex that one run may make."),
    ("PULSARR_PLEX_PAGE_PAUSE_MS", "Milliseconds between two pages of a list, more or less."),
    ("PULSARR_RETRY_BASE_MS", "Milliseconds before a failed request is repeated for the first time."),
    ("PULSARR_TRIGGER", "Who starts the runs of this process."),
];

const MESSAGES: [(&str, &str); 3] = [
    ("PULSARR_SEASON_WINDOW_S", "Seconds for which the episodes of one season are gathered into one message."),
    ("PULSARR_RECENT_EPISODE_H", "Hours after its first showing for which an episode is told of at once."),
    ("PULSARR_APPRISE_URL", "Where Apprise takes messages."),
];

const UPKEEP: [(&str, &str); 4] = [
    ("PULSARR_KEEP_RUNS_DAYS", "Days for which runs are kept."),
    ("PULSARR_KEEP_WEBHOOKS_DAYS", "Days for which webhooks are kept that nothing is left to do about."),
    ("PULSARR_KEEP_MESSAGES_DAYS", "Days for which messages are kept that were delivered."),
    (
        "PULSARR_KEEP_DECISIONS_DAYS",
        "Days after an entry is closed for which all decisions about it are kept, and not only the last.",
    ),
];

const ADDRESSES: [(&str, &str); 7] = [
    ("PULSARR_PLEX_TV_URL", "Plex: token, account, friends."),
    ("PULSARR_PLEX_CLIENTS_URL", "Plex: home users and servers."),
    ("PULSARR_PLEX_DISCOVER_URL", "Plex: the owner's watchlist."),
    ("PULSARR_PLEX_METADATA_URL", "Plex: ids and facts of titles."),
    ("PULSARR_PLEX_COMMUNITY_URL", "Plex: friends' watchlists."),
    ("PULSARR_PLEX_RSS_URL", "Plex: watchlists as feeds."),
    ("PULSARR_TMDB_URL", "What neither Plex nor an arr tells about titles."),
];

#[derive(Template)]
#[template(path = "settings/intervals.html")]
struct Intervals {
    frame: Frame,
    /// A heading, a line below it, and the variables.
    groups: Vec<(&'static str, &'static str, Vec<Variable>)>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "settings", "Settings").await?;
    let of = |wanted: &[(&'static str, &'static str)]| variables::of(&ask, wanted);
    let groups = vec![
        ("Between runs", "The service's own look at the lists.", of(&FAST_LANE)),
        ("Runs", "How often runs begin is the schedule of the job: every five minutes in the manifests.", of(&RUNS)),
        ("Messages", "What is told, and when.", of(&MESSAGES)),
        ("Upkeep", "What `pulsarr upkeep` takes away, every night in the manifests.", of(&UPKEEP)),
        ("Addresses", "Whom runs and the service ask.", of(&ADDRESSES)),
    ];
    html(&ask, StatusCode::OK, &Intervals { frame, groups })
}
