//! One entry: what happened, why, and what to do about it.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::model::{Decision, InstanceKind, MediaType, Outcome, Step};
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::timeline::{Moment, timeline};
use crate::api::approvals::DestinationView;
use crate::api::watchlist::{self, PlacementView, WatchlistStory};
use crate::api::{approvals, failures};
use crate::pages::options::OptionField;
use crate::pages::words::{options, tone_of};
use crate::pages::{Form, Frame, Notice, Page, encoded, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/watchlist/{id}", |ask| Box::pin(show(ask))),
    Page::form("/watchlist/{id}", |ask| Box::pin(act(ask))),
];

#[derive(Template)]
#[template(path = "watchlist/story.html")]
struct Story {
    frame: Frame,
    form: Form,
    story: WatchlistStory,
    since: String,
    moments: Vec<Moment>,
    /// The last decision, and when it was made.
    decided: Option<(String, Decision)>,
    /// The instances that take such titles.
    instances: Vec<String>,
    /// How it can be added otherwise than usual.
    options: Vec<OptionField>,
    /// The instance whose profiles and folders are offered; empty: none takes such titles.
    offers: String,
    /// Where the last decision sends it, and how it is added there.
    destinations: Vec<(DestinationView, String)>,
    /// Bodies that were sent, by instance.
    payloads: Vec<(String, String)>,
}

impl Story {
    /// Whether a person may still say something about it.
    fn is_open(&self) -> bool {
        matches!(self.story.entry.state, "new" | "held" | "unresolvable" | "excluded" | "rejected" | "failed")
            || self.story.placement_details.iter().any(|it| it.state == "queued")
    }

    /// How the verdict of a step looks.
    const fn tone(&self, step: &Step) -> &'static str {
        tone_of(step)
    }

    /// When a refused title is tried again by itself.
    fn again(&self, placement: &PlacementView) -> Option<String> {
        placement.retry_at_ms.filter(|_| placement.state == "failed").map(rfc3339)
    }

    /// Why nothing can be decided about it any more, as a sentence.
    fn closed_because(&self) -> String {
        let stands = self.story.placement_details.iter().filter(|it| matches!(it.state, "added" | "present"));
        let at: Vec<&str> = stands.map(|it| it.instance.as_str()).collect();
        match (self.story.entry.state, &at[..]) {
            ("closed", _) => "It is on the watchlist no more, so there is nothing to decide.".to_owned(),
            (_, []) => "What became of it is settled, so there is nothing to decide.".to_owned(),
            (_, at) => format!(
                "It is at {}, where it is changed or taken away: what is added is left alone here.",
                at.join(" and ")
            ),
        }
    }

    fn has_failed(&self) -> bool {
        self.story.placement_details.iter().any(|it| it.state == "failed")
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default()).await
}

async fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    let story = watchlist::story(ask).await?;
    let events = match &story.approval {
        Some(approval) => approvals::story(&ask.about("id", &approval.id.to_string())).await?.events,
        None => Vec::new(),
    };
    let title = match story.entry.year {
        Some(year) => format!("{} ({year})", story.entry.title),
        None => story.entry.title.clone(),
    };
    let kind = MediaType::from_word(story.entry.media_type).map(InstanceKind::taking);
    let config = ask.app.config();
    let instances = config.settings.instances.iter().filter(|it| Some(it.kind()) == kind);
    let instances: Vec<String> = instances.map(|it| it.name.clone()).collect();
    let fields = ["quality_profile", "root_folder_path"].into_iter().filter_map(|key| {
        let field = OptionField::of(key, kind, form.value(key), "as usual there")?;
        Some(OptionField { error: form.error(key).to_owned(), ..field })
    });
    let fields = fields.collect();
    let decided = story.decisions.last().and_then(|last| {
        let decision = serde_json::from_value(last.decision.clone()).ok()?;
        Some((rfc3339(last.decided_at_ms), decision))
    });
    let destinations = match decided.as_ref().map(|(_, decision): &(String, Decision)| &decision.outcome) {
        Some(Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. }) => &destinations[..],
        _ => &[],
    };
    let destinations = destinations.iter().map(DestinationView::of);
    let destinations = destinations
        .map(|to| {
            let how = options(&to.options);
            (to, how)
        })
        .collect::<Vec<_>>();
    let is_destination =
        |name: &&String| destinations.iter().any(|(to, _): &(DestinationView, String)| to.instance == **name);
    let offers = instances.iter().find(is_destination).or(instances.first()).cloned().unwrap_or_default();
    let sent = story.placement_details.iter().filter_map(|it| Some((it.instance.clone(), it.payload.as_ref()?)));
    let payloads = sent.map(|(instance, body)| (instance, serde_json::to_string_pretty(body).unwrap_or_default()));
    let page = Story {
        frame: Frame::of(ask, "watchlist", title).await?.with_scripts(&["choices.js"]),
        form,
        since: rfc3339(story.entry.since_ms),
        moments: timeline(&story, &events),
        destinations,
        decided,
        instances,
        options: fields,
        offers,
        payloads: payloads.collect(),
        story,
    };
    html(ask, status, &page)
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let note = form.given("note");
    let (done, said) = match form.value("do") {
        "redecide" => (watchlist::redecide(ask.clone()).await, "The next run decides about it anew."),
        "exclude" => {
            let done = watchlist::exclude(ask.with_body(&json!({"note": note}))).await;
            (done, "It is kept out. \u{201c}Decide anew\u{201d} takes that back.")
        }
        "route" => {
            let to: Vec<&str> = form.all("to").collect();
            let body = json!({
                "to": to, "quality_profile": form.given("quality_profile"),
                "root_folder_path": form.given("root_folder_path"), "note": note,
            });
            (watchlist::route(ask.with_body(&body)).await, "The next run adds it there.")
        }
        "retry" => {
            let failed = watchlist::story(&ask).await?.placement_details.into_iter().filter(|it| it.state == "failed");
            let ids: Vec<i64> = failed.map(|it| it.id).collect();
            (failures::retry(ask.with_body(&json!({"ids": ids}))).await, "The next run tries it again.")
        }
        _ => (Err(ApiError::input("the form says nothing that can be done")), ""),
    };
    match done {
        Ok(_) => {
            let place = format!("/watchlist/{}", encoded(ask.variable("id")));
            Ok(see_other(&ask, &place, Some(Notice::ok(said))))
        }
        Err(error) if error.status() == StatusCode::NOT_FOUND => Err(error),
        Err(error) => draw(&ask, error.status(), form.refused(&error)).await,
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::clock::rfc3339;
    use pulsarr_shared::model::{EntryId, EntryState, ListedTitle, MediaType, PlacementState, Relation, UserUuid};
    use pulsarr_shared::store::Moment;

    use crate::api::household::{Household, NOON, SETTINGS};
    use crate::pages::testing::{Visitor, asked};

    fn state(household: &Household) -> EntryState {
        household.db().entry(EntryId(1)).unwrap().unwrap().state
    }

    #[tokio::test]
    async fn a_story_tells_what_happened_and_an_unknown_one_is_nowhere() {
        let (visitor, _household) = asked(1).await;
        let page = visitor.get("/watchlist/1").await;
        for told in
            ["Salt Ledger 1 (2025)", "Seen on the watchlist of ana", "Somebody has to say yes", "somebody is asked"]
        {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        assert_eq!(visitor.get("/watchlist/77").await.status, 404);
        assert_eq!(visitor.get("/watchlist/x").await.status, 404);
    }

    #[tokio::test]
    async fn it_says_where_it_goes_how_and_who_else_wishes_it() {
        let (visitor, household) = asked(1).await;
        let mirela = UserUuid::parse("6be07c1d2a94f037").unwrap();
        household.write(|db| {
            let user = db.upsert_user(&mirela, "<i>mirela", "Mirela", Relation::Friend, 1)?;
            let title = db.entry(EntryId(1))?.unwrap().title;
            let title = db.upsert_listed_title(&ListedTitle {
                plex_id: title.plex_id,
                media_type: title.media_type,
                title: "<script>alert(1)</script>\u{202e}".to_owned(),
                year: title.year,
                ids: None,
                poster_url: None,
            })?;
            db.open_entry(user, title, 9)
        });
        let page = visitor.get("/watchlist/1").await.text;
        for told in ["<bdi>movies</bdi>", "it takes films", "search on add", "href=\"/watchlist/2\""] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(page.contains("&#60;i&#62;mirela") && page.contains("&#60;script&#62;alert(1)"), "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("<i>mirela"), "{page}");
        let others = visitor.get("/watchlist/2").await.text;
        assert!(others.contains("href=\"/watchlist/1\""), "{others}");
        assert_eq!(visitor.signed_out().get("/watchlist/1").await.header("location"), "/login?next=/watchlist/1");
    }

    #[tokio::test]
    async fn a_refusal_stands_when_it_came_and_says_when_it_is_tried_again() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        household.route_all("run-1");
        let (at_ms, again_ms) = (NOON + 60_000, NOON + 7_200_000);
        household.write(|db| {
            let queued = db.due_placements("movies", NOON)?;
            db.refuse(&queued[0], "<b>no root folder</b>", Some(again_ms), at_ms)
        });
        let page = visitor.get("/watchlist/1").await.text;
        let refused = page.find("movies refused it").unwrap_or_else(|| panic!("{page}"));
        let before = &page[..refused];
        let time = &before[before.rfind("datetime=\"").unwrap() + 10..];
        assert!(time.starts_with(&rfc3339(at_ms)), "{time}");
        assert!(page.contains(&rfc3339(again_ms)) && page.contains("&#60;b&#62;no root folder"), "{page}");
        let again = visitor.post("/watchlist/1", &[("do", "retry")]).await;
        assert_eq!((again.status, again.header("location")), (303, "/watchlist/1"));
    }

    #[tokio::test]
    async fn what_was_deleted_in_the_arr_was_added_there_before_and_both_are_told() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        household.route_all("run-1");
        let (added_ms, removed_ms) = (NOON + 60_000, NOON + 7_200_000);
        household.write(|db| {
            let queued = db.due_placements("movies", NOON)?;
            db.finish(&queued[0], PlacementState::Added, "added as number 4", Some(4), added_ms)?;
            let ids = db.entry(EntryId(1))?.unwrap().title.ids;
            let gone = db.arrivals("movies", MediaType::Movie, ids.tmdb.unwrap().0)?;
            db.set_removed(&gone[0], "deleted in Radarr `movies`", Moment::arrived(removed_ms, removed_ms))
        });
        let page = visitor.get("/watchlist/1").await.text;
        let at = |told: &str| page.find(told).unwrap_or_else(|| panic!("{told}: {page}"));
        let (added, removed) = (at("Added to movies"), at("Removed from movies"));
        assert!(added < at("added as number 4") && at("added as number 4") < removed, "{page}");
        assert!(page[removed..].contains("deleted in Radarr `movies`"), "{page}");
        let timed = |moment: usize, at_ms| page[..moment].rfind(&rfc3339(at_ms)).is_some_and(|it| moment - it < 300);
        assert!(timed(added, added_ms) && timed(removed, removed_ms), "{page}");
    }

    #[tokio::test]
    async fn it_is_sent_elsewhere_kept_out_and_decided_anew_by_forms() {
        let (visitor, household) = asked(1).await;
        let fields = [("do", "route"), ("quality_profile", "Ultra <HD>")];
        let nowhere = visitor.post("/watchlist/1", &fields).await;
        assert_eq!(nowhere.status, 422);
        assert!(nowhere.text.contains("name an instance"), "{}", nowhere.text);
        assert!(nowhere.text.contains("value=\"Ultra &#60;HD&#62;\""), "what was typed stays: {}", nowhere.text);
        assert_eq!(household.db().pending_approvals().unwrap(), 1);

        let sent = visitor.post("/watchlist/1", &[("do", "route"), ("to", "uhd"), ("note", "for the projector")]).await;
        assert_eq!((sent.status, sent.header("location")), (303, "/watchlist/1"));
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        assert_eq!(
            (request.destinations()[0].instance.as_str(), request.note.as_deref()),
            ("uhd", Some("for the projector"))
        );

        assert_eq!(visitor.post("/watchlist/1", &[("do", "exclude"), ("note", "")]).await.status, 303);
        assert_eq!(state(&household), EntryState::Rejected);
        assert_eq!(visitor.post("/watchlist/1", &[("do", "redecide")]).await.status, 303);
        assert_eq!(state(&household), EntryState::Held);

        household.write(|db| db.set_entry_state(EntryId(1), EntryState::Available, None, 9));
        let late = visitor.post("/watchlist/1", &[("do", "exclude")]).await;
        assert!(late.status == 409 && late.text.contains("entry 1 is available"), "{}", late.text);
        let page = visitor.get("/watchlist/1").await.text;
        assert!(!page.contains("Decide otherwise") && page.contains("there is nothing to decide"), "{page}");
        assert_eq!(visitor.post_as("/watchlist/1", "guessed", &[("do", "exclude")]).await.status, 403);
        assert_eq!(visitor.post("/watchlist/77", &[("do", "exclude")]).await.status, 404);
    }
}
