//! One request: what happened to it, and the answer with changes.

use askama::Template;
use pulsarr_shared::clock::rfc3339;
use pulsarr_shared::config::ROUTE_OPTIONS;
use pulsarr_shared::model::{InstanceKind, MediaType};
use serde_json::json;
use warp::http::StatusCode;
use warp::reply::Response;

use super::queue::seen;
use crate::api::approvals::{self, ApprovalStory, DestinationView};
use crate::pages::options::{self, OptionField};
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page::shown("/approvals/{id}", |ask| Box::pin(show(ask))),
    Page::form("/approvals/{id}", |ask| Box::pin(act(ask))),
];

#[derive(Template)]
#[template(path = "approvals/request.html")]
struct Request {
    frame: Frame,
    form: Form,
    story: ApprovalStory,
    /// When each event was.
    times: Vec<String>,
    /// The instances that take such titles.
    instances: Vec<String>,
    /// What can be otherwise than proposed.
    options: Vec<OptionField>,
    /// The instance whose profiles and folders are offered; empty: none is proposed.
    offers: String,
}

impl Request {
    /// Whether it can still be answered.
    fn is_open(&self) -> bool {
        matches!(self.story.approval.state, "pending" | "expired")
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let story = approvals::story(&ask).await?;
    let fields = as_proposed(&story.approval.proposed);
    draw(&ask, StatusCode::OK, story, Form::with(fields)).await
}

/// The fields of a request that goes where it is proposed to.
fn as_proposed(proposed: &[DestinationView]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = proposed.iter().map(|to| ("to".to_owned(), to.instance.clone())).collect();
    if let [only] = proposed {
        let told = |key: &&'static str| Some(((*key).to_owned(), proposal(only, key)?));
        fields.extend(ROUTE_OPTIONS.iter().filter_map(told));
    }
    fields
}

async fn draw(ask: &Ask, status: StatusCode, story: ApprovalStory, form: Form) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "approvals", story.approval.title.clone()).await?.with_scripts(&["choices.js"]);
    let kind = MediaType::from_word(story.approval.media_type).map(InstanceKind::taking);
    let config = ask.app.config();
    let instances = config.settings.instances.iter().filter(|it| Some(it.kind()) == kind);
    let instances: Vec<String> = instances.map(|it| it.name.clone()).collect();
    let fields = ROUTE_OPTIONS.iter().filter_map(|key| {
        let mut field = OptionField::of(key, kind, form.value(key), "as proposed")?;
        // Nothing settles it any more once somebody has said yes.
        field.choices.retain(|(word, _)| word != "auto");
        Some(OptionField { error: form.error(key).to_owned(), ..field })
    });
    let options = fields.collect();
    let offers = story.approval.proposed.first().map(|to| &to.instance).or_else(|| instances.first()).cloned();
    let offers = offers.unwrap_or_default();
    let times = story.events.iter().map(|event| rfc3339(event.at_ms)).collect();
    html(ask, status, &Request { frame, form, story, times, instances, options, offers })
}

/// What is proposed for this option, as people type it; `None` for nothing in particular.
fn proposal(to: &DestinationView, key: &str) -> Option<String> {
    options::typed_line(to.options.get(key)?).filter(|value| !value.is_empty())
}

async fn act(ask: Ask) -> Result<Response, ApiError> {
    let story = approvals::story(&ask).await?;
    let form = Form::of(&ask);
    let verdict = form.value("do");
    let ids = [story.approval.id];
    let mut body = json!({"ids": ids, "verdict": verdict, "note": form.given("note"), "versions": seen(&form, &ids)});
    if verdict == "approve" {
        let to: Vec<&str> = form.all("to").collect();
        let proposed: Vec<&str> = story.approval.proposed.iter().map(|to| to.instance.as_str()).collect();
        // What is as proposed is no change.
        if to != proposed {
            body["to"] = json!(to);
        }
        for key in ROUTE_OPTIONS {
            let typed = form.value(key).trim();
            // For all of them: what only one of two destinations has is a change for the other.
            let destinations = &story.approval.proposed;
            let as_proposed =
                !destinations.is_empty() && destinations.iter().all(|to| proposal(to, key).as_deref() == Some(typed));
            if !typed.is_empty() && !as_proposed {
                body[*key] = options::written(key, typed);
            }
        }
        if form.ticked("no_tags") {
            body["tags"] = json!([]);
        }
        if to.is_empty() {
            let nowhere = ApiError::fields(vec![crate::request::FieldProblem {
                path: "to".to_owned(),
                message: "it has to go somewhere: choose an instance, or reject it".to_owned(),
            }]);
            return draw(&ask, nowhere.status(), story, form.refused(&nowhere)).await;
        }
    }
    match approvals::decided(ask.with_body(&body)).await {
        Ok(_) => {
            let said = if verdict == "approve" { "Approved; the next run adds it." } else { "Rejected." };
            Ok(see_other(&ask, "/approvals", Some(Notice::ok(said))))
        }
        Err(error) => {
            // Somebody else may have answered meanwhile.
            let story = approvals::story(&ask).await?;
            let is_as_seen = seen(&form, &ids).values().all(|version| *version == story.approval.version);
            if is_as_seen {
                return draw(&ask, error.status(), story, form.refused(&error)).await;
            }
            // What was sent was about what was proposed before: pressing once more is not to bring that about.
            let mut fields = as_proposed(&story.approval.proposed);
            fields.push(("note".to_owned(), form.value("note").to_owned()));
            draw(&ask, error.status(), story, Form::with(fields).refused(&error)).await
        }
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{ApprovalState, ArrOptions, EntryId, MinimumAvailability, MovieMonitor};

    use crate::api::household::{Household, SETTINGS};
    use crate::pages::testing::{Visitor, asked};

    #[tokio::test]
    async fn it_is_approved_as_proposed_or_with_changes() {
        let (visitor, household) = asked(1).await;
        let page = visitor.get("/approvals/1").await.text;
        assert!(page.contains("value=\"movies\"") && page.contains("checked"), "{page}");
        let fields = [("do", "approve"), ("to", "movies"), ("quality_profile", ""), ("root_folder_path", "")];
        assert_eq!(visitor.post("/approvals/1", &fields).await.status, 303);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        assert_eq!((request.state, request.edited), (ApprovalState::Approved, None));

        let (visitor, household) = asked(1).await;
        let fields = [("do", "approve"), ("to", "uhd"), ("quality_profile", "Ultra-HD"), ("note", "once")];
        assert_eq!(visitor.post("/approvals/1", &fields).await.status, 303);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        let to = &request.edited.unwrap()[0];
        assert_eq!((to.instance.as_str(), to.options.quality_profile.as_deref()), ("uhd", Some("Ultra-HD")));
    }

    #[tokio::test]
    async fn everything_that_an_approval_can_change_can_be_changed_here() {
        let (visitor, household) = asked(1).await;
        let page = visitor.get("/approvals/1").await.text;
        for key in ["quality_profile", "root_folder_path", "tags", "search_on_add", "minimum_availability", "monitor"] {
            assert!(page.contains(&format!("name=\"{key}\"")), "{key}: {page}");
        }
        assert!(!page.contains("name=\"seasons\""), "a film has none: {page}");
        let fields = [
            ("do", "approve"),
            ("to", "movies"),
            ("tags", "asked, \"two words\""),
            ("search_on_add", "false"),
            ("minimum_availability", "announced"),
            ("monitor", "movie_and_collection"),
            ("note", "once"),
        ];
        let answered = visitor.post("/approvals/1", &fields).await;
        assert_eq!(answered.status, 303, "{}", answered.text);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        let options = &request.edited.unwrap()[0].options;
        assert_eq!((options.tags.join("|"), options.search_on_add), ("asked|two words".to_owned(), false));
        let arr = ArrOptions::Radarr {
            minimum_availability: MinimumAvailability::Announced,
            monitor: MovieMonitor::MovieAndCollection,
        };
        assert_eq!(options.arr, arr);
        assert_eq!(request.note.as_deref(), Some("once"));
    }

    #[tokio::test]
    async fn an_option_that_only_one_of_two_destinations_has_is_a_change_for_the_other() {
        let settings = SETTINGS.replace("  default: true\n", "  default: true\n  quality_profile: HD-1080p\n").replace(
            "  api_key: 0123456789abcdef0123456789abcdef\nusers",
            "  api_key: 0123456789abcdef0123456789abcdef\n  quality_profile: Ultra-HD\nusers",
        );
        let visitor = Visitor::set_up(&settings).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        household.hold_all_for("run-1", &["movies", "uhd"]);
        let fields = [("do", "approve"), ("to", "movies"), ("to", "uhd"), ("quality_profile", "HD-1080p")];
        let answered = visitor.post("/approvals/1", &fields).await;
        assert_eq!(answered.status, 303, "{}", answered.text);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        let edited = request.edited.expect("the one that had another profile is changed");
        let profiles = edited.iter().map(|to| (to.instance.as_str(), to.options.quality_profile.as_deref()));
        assert_eq!(profiles.collect::<Vec<_>>(), [("movies", Some("HD-1080p")), ("uhd", Some("HD-1080p"))]);
    }

    #[tokio::test]
    async fn what_is_proposed_anew_is_shown_and_pressing_once_more_means_that() {
        let (visitor, household) = asked(1).await;
        let seen = |page: &str| {
            let (_, rest) = page.split_once("name=\"seen\" value=\"").unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let before = seen(&visitor.get("/approvals/1").await.text);
        household.hold_all_for("run-2", &["uhd"]);
        let sent = [("do", "approve"), ("to", "movies"), ("note", "for <b>Sunday"), ("seen", &*before)];
        let late = visitor.post("/approvals/1", &sent).await;
        assert!(late.status == 409 && late.text.contains("something else is proposed"), "{}", late.text);
        assert!(late.text.contains("value=\"for &#60;b&#62;Sunday\""), "{}", late.text);
        let ticked = late
            .text
            .split("name=\"to\" value=\"")
            .skip(1)
            .filter(|it| it.split('>').next().unwrap().contains("checked"));
        assert_eq!(ticked.map(|it| it.split('"').next().unwrap()).collect::<Vec<_>>(), ["uhd"]);
        let now = seen(&late.text);
        let again = visitor.post("/approvals/1", &[("do", "approve"), ("to", "uhd"), ("seen", &*now)]).await;
        assert_eq!(again.status, 303, "{}", again.text);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        assert_eq!((request.state, request.edited), (ApprovalState::Approved, None));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_marked_and_a_late_answer_changes_nothing() {
        let (visitor, household) = asked(1).await;
        let nowhere = visitor.post("/approvals/1", &[("do", "approve"), ("note", "<b>now</b>")]).await;
        assert!(nowhere.status == 422 && nowhere.text.contains("it has to go somewhere"), "{}", nowhere.text);
        assert!(nowhere.text.contains("&#60;b&#62;now"), "{}", nowhere.text);
        visitor.post("/approvals/1", &[("do", "reject")]).await;
        let late = visitor.post("/approvals/1", &[("do", "approve"), ("to", "movies")]).await;
        assert!(late.status == 409 && late.text.contains("it is rejected already"), "{}", late.text);
        let request = household.db().approval_of(EntryId(1)).unwrap().unwrap();
        assert_eq!(request.state, ApprovalState::Rejected);
        assert_eq!(visitor.get("/approvals/9").await.status, 404);
    }
}
