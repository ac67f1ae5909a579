//! The first step: whoever has the setup token becomes the admin. Before that nothing is told; afterwards this leads to the step that
//! comes next.

use askama::Template;
use serde_json::json;
use warp::http::{Method, StatusCode, header};
use warp::reply::Response;

use super::steps::{Progress, Shown, first_steps, needs_admin};
use crate::api::{first_sync, session};
use crate::auth;
use crate::pages::{Form, Frame, Notice, Page, html, see_other, see_other_with};
use crate::request::{Access, ApiError, Ask, FieldProblem};

pub(super) const PAGES: &[Page] = &[
    Page { method: Method::GET, path: "/setup", access: Access::Open, handle: |ask| Box::pin(show(ask)) },
    Page { method: Method::POST, path: "/setup", access: Access::Open, handle: |ask| Box::pin(make(ask)) },
];

#[derive(Template)]
#[template(path = "setup/admin.html")]
struct Admin {
    frame: Frame,
    steps: Vec<Shown>,
    form: Form,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    if needs_admin(&ask).await? {
        return draw(&ask, StatusCode::OK, Form::default());
    }
    auth::let_in(&ask.app, Access::Read, &Method::GET, &ask.headers, ask.remote).await?;
    Ok(see_other(&ask, Progress::of(&ask).await?.next(), None))
}

fn draw(ask: &Ask, status: StatusCode, form: Form) -> Result<Response, ApiError> {
    html(ask, status, &Admin { frame: Frame::bare(ask, "Welcome"), steps: first_steps(), form })
}

async fn make(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let (token, username, password) = (form.value("token"), form.value("username"), form.value("password"));
    let body = json!({"token": token, "username": username, "password": password});
    match session::make_first_admin(ask.with_body(&body)).await {
        Ok(made) => {
            first_sync::hold(&ask.app).await?;
            Ok(see_other_with(&ask, "/setup", None, made))
        }
        Err(error) if error.status() == StatusCode::CONFLICT => {
            Ok(see_other(&ask, "/login", Some(Notice::bad("The first admin is made already: sign in."))))
        }
        Err(error) => {
            let wrong_token = FieldProblem { path: "token".to_owned(), message: error.message().to_owned() };
            let form = match error.status() {
                StatusCode::FORBIDDEN => form.refused(&ApiError::fields(vec![wrong_token])),
                _ => form.refused(&error),
            };
            let mut response = draw(&ask, error.status(), form)?;
            if let Some(seconds) = error.retry_after_s() {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Ok(response)
        }
    }
}
