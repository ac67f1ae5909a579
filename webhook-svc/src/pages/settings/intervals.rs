//! How often there is a look, which can be changed here; and how patient runs are: there the environment decides, and this page says
//! which variable.

use askama::Template;
use warp::http::StatusCode;
use warp::reply::Response;

use super::fields::{self, Field, SWITCH};
use super::group::{self, Group};
use super::variables::{self, Variable};
use crate::pages::versions::Versions;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] =
    &[Page::shown(HERE, |ask| Box::pin(show(ask))), Page::form(HERE, |ask| Box::pin(save(ask)))];

const HERE: &str = "/settings/intervals";

const SECTION: &str = "intervals";

/// The fields in the order of the page.
const FIELDS: [Field; 8] = [
    Field::chosen("fast_lane", "Look at the lists between runs", "on", SWITCH),
    Field::typed("own_s", "Seconds between two looks at the owner’s list", "5 to 3600.", "20"),
    Field::typed("friends_s", "Seconds in which every friend’s list is looked at once", "30 to 86400.", "120"),
    Field::chosen(
        "feeds",
        "Read Plex’s feeds besides",
        "as long as they tell",
        &[("auto", "as long as they tell"), ("off", "never")],
    ),
    Field::typed("feeds_s", "Seconds between two readings of a feed", "30 to 3600.", "60"),
    Field::typed(
        "full_read_every_s",
        "Seconds after which every list is read whole again",
        "At most 31536000, a year.",
        "21600",
    ),
    Field::typed(
        "season_window_s",
        "Seconds for which episodes of one season are gathered into one message",
        "At most 86400, a day.",
        "120",
    ),
    Field::typed(
        "recent_episode_h",
        "Hours after its first showing for which an episode is told of at once",
        "At most 8760, a year.",
        "48",
    ),
];

const RUNS: [(&str, &str); 5] = [
    ("PULSARR_RUN_LIMIT_S", "Seconds after which a run leaves the rest to the next one."),
    ("PULSARR_PLEX_REQUEST_BUDGET", "Requests to Plex that one run may make."),
    ("PULSARR_PLEX_PAGE_PAUSE_MS", "Milliseconds between two pages of a list, more or less."),
    ("PULSARR_RETRY_BASE_MS", "Milliseconds before a failed request is repeated for the first time."),
    ("PULSARR_TRIGGER", "Who starts the runs of this process."),
];

const MESSAGES: [(&str, &str); 1] = [("PULSARR_APPRISE_URL", "Where Apprise takes messages.")];

const UPKEEP: [(&str, &str); 4] = [
    ("PULSARR_KEEP_RUNS_DAYS", "Days for which runs are kept."),
    ("PULSARR_KEEP_WEBHOOKS_DAYS", "Days for which webhooks are kept that nothing is left to do about."),
    ("PULSARR_KEEP_MESSAGES_DAYS", "Days for which messages are kept that were delivered."),
    (
        "PULSARR_KEEP_DECISIONS_DAYS",
        "Days after an entry is closed for which all decisions about it are kept, and not only the last.",
    ),
];

const ADDRESSES: [(&str, &str); 6] = [
    ("PULSARR_PLEX_TV_URL", "Plex: token, account, friends."),
    ("PULSARR_PLEX_DISCOVER_URL", "Plex: the owner's watchlist."),
    ("PULSARR_PLEX_METADATA_URL", "Plex: ids and facts of titles."),
    ("PULSARR_PLEX_COMMUNITY_URL", "Plex: friends' watchlists."),
    ("PULSARR_PLEX_RSS_URL", "Plex: where watchlists are as feeds."),
    ("PULSARR_TMDB_URL", "What neither Plex nor an arr tells about titles."),
];

#[derive(Template)]
#[template(path = "settings/intervals.html")]
struct Intervals {
    frame: Frame,
    form: Form,
    group: Group,
    versions: Option<Versions>,
    here: String,
    fields: &'static [Field],
    /// A heading, a line below it, and the variables.
    groups: Vec<(&'static str, &'static str, Vec<Variable>)>,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let group = Group::of(&ask, SECTION).await?;
    draw(&ask, StatusCode::OK, fields::shown(&group, &FIELDS), None).await
}

async fn save(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let wanted = fields::wanted(&Group::of(&ask, SECTION).await?, &form, &FIELDS);
    match group::keep(&ask, SECTION, &form, wanted.clone()).await {
        Ok(()) => Ok(see_other(
            &ask,
            HERE,
            Some(Notice::ok("Saved: it holds from now on, and for the job from its next run on.")),
        )),
        Err(error) => {
            let versions = group::versions(&ask, SECTION, &error, &wanted.into(), group::lines).await?;
            draw(&ask, error.status(), form.refused(&error), versions).await
        }
    }
}

async fn draw(ask: &Ask, status: StatusCode, form: Form, versions: Option<Versions>) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?;
    let group = Group::of(ask, SECTION).await?;
    let here = format!("{}{HERE}", frame.base_path);
    let of = |wanted: &[(&'static str, &'static str)]| variables::of(ask, wanted);
    let groups = vec![
        ("Runs", "How often runs begin is the schedule of the job: every five minutes in the manifests.", of(&RUNS)),
        ("Messages", "What is told, and when.", of(&MESSAGES)),
        ("Upkeep", "What `pulsarr upkeep` takes away, every night in the manifests.", of(&UPKEEP)),
        ("Addresses", "Whom runs and the service ask.", of(&ADDRESSES)),
    ];
    html(ask, status, &Intervals { frame, form, group, versions, here, fields: &FIELDS, groups })
}
