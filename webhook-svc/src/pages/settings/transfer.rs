//! All settings as one file: to take away, and to bring back after a look at what would change.

use askama::Template;
use bytes::Bytes;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::config_file::{self, ImportView};
use crate::api::settings;
use crate::pages::{Form, Frame, Notice, Page, html, see_other};
use crate::request::{ApiError, Ask, FieldProblem};

pub(super) const PAGES: &[Page] = &[
    Page::shown(HERE, |ask| Box::pin(show(ask))),
    Page::form(HERE, |ask| Box::pin(bring(ask))),
    Page::shown("/settings/transfer/pulsarr.yaml", |ask| Box::pin(config_file::export(ask))),
];

const HERE: &str = "/settings/transfer";

#[derive(Template)]
#[template(path = "settings/transfer.html")]
struct Transfer {
    frame: Frame,
    form: Form,
    /// Every mistake in the file.
    problems: Vec<FieldProblem>,
    /// What would change.
    plan: Option<ImportView>,
    /// The state of everything that is kept, which the plan goes by.
    state: i64,
    here: String,
}

impl Transfer {
    /// What would change: how it looks, what it is called, which.
    fn changes(plan: &ImportView) -> [(&'static str, &'static str, &[String]); 4] {
        [
            ("ok", "added", &plan.added),
            ("info", "changed", &plan.changed),
            ("bad", "removed", &plan.removed),
            ("idle", "in the file already", &plan.in_file),
        ]
    }

    /// Whether anything would change.
    fn is_something(plan: &ImportView) -> bool {
        [&plan.added, &plan.changed, &plan.removed].iter().any(|names| !names.is_empty())
    }
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    draw(&ask, StatusCode::OK, Form::default(), Vec::new(), None).await
}

async fn draw(
    ask: &Ask,
    status: StatusCode,
    form: Form,
    problems: Vec<FieldProblem>,
    plan: Option<ImportView>,
) -> Result<Response, ApiError> {
    let frame = Frame::of(ask, "settings", "Settings").await?.with_scripts(&["settings.js"]);
    let (here, (_, state)) = (format!("{}{HERE}", frame.base_path), settings::all(ask));
    html(ask, status, &Transfer { frame, form, problems, plan, state, here })
}

async fn bring(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    // Forms send lines as network protocols end them.
    let file = form.value("file").replace("\r\n", "\n");
    if file.trim().is_empty() {
        let missing = ApiError::input("there is no file: choose one, or paste what stands in it");
        return draw(&ask, missing.status(), form.refused(&missing), Vec::new(), None).await;
    }
    let applies = form.value("do") == "apply";
    let asked = Ask { body: Bytes::from(file), ..ask.with_query(&[("dry_run", if applies { "" } else { "true" })]) };
    // A look is at what is there now; what was looked at is what is applied.
    let asked = asked.if_match(if applies { form.value("version") } else { "" });
    match config_file::take(&asked).await {
        Ok(done) if applies => {
            let said = format!(
                "Imported: {} added, {} changed, {} removed.",
                done.added.len(),
                done.changed.len(),
                done.removed.len()
            );
            Ok(see_other(&ask, HERE, Some(Notice::ok(said))))
        }
        Ok(plan) => draw(&ask, StatusCode::OK, form, Vec::new(), Some(plan)).await,
        // Somebody was faster: what would change by now is looked at anew.
        Err(error) if error.status() == StatusCode::PRECONDITION_FAILED => {
            let now = asked.with_query(&[("dry_run", "true")]).if_match("");
            let plan = config_file::take(&now).await.ok();
            draw(&ask, error.status(), form.refused(&error), Vec::new(), plan).await
        }
        Err(error) => {
            let problems = error.problems().to_vec();
            draw(&ask, error.status(), form.refused(&error), problems, None).await
        }
    }
}
