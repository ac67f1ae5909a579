//! Signing in and out. The first admin is made by the wizard.

use askama::Template;
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::{Form, Frame, Page, html, is_ours, see_other, see_other_with};
use crate::api::session;
use crate::auth;
use crate::request::{Access, ApiError, Ask};

pub(super) const PAGES: &[Page] = &[
    Page { method: Method::GET, path: "/login", access: Access::Open, handle: |ask| Box::pin(show(ask)) },
    Page { method: Method::POST, path: "/login", access: Access::Open, handle: |ask| Box::pin(sign_in(ask)) },
    Page::form("/logout", |ask| Box::pin(sign_out(ask))),
];

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    form: Form,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let next = place(ask.parameter("next").unwrap_or_default());
    if auth::is_somebody(&ask.app, &ask.headers, ask.remote).await? {
        return Ok(see_other(&ask, next, None));
    }
    if !ask.app.database.read(|db| db.has_admin()).await? {
        return Ok(see_other(&ask, "/setup", None));
    }
    let form = Form::with([("next".to_owned(), next.to_owned())]);
    html(&ask, StatusCode::OK, &Login { frame: Frame::bare(&ask, "Sign in"), form })
}

async fn sign_in(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let body = json!({"username": form.value("username"), "password": form.value("password")});
    match session::sign_in(ask.with_body(&body)).await {
        Ok(signed_in) => Ok(see_other_with(&ask, place(form.value("next")), None, signed_in)),
        Err(error) => {
            let status = error.status();
            let page = Login { frame: Frame::bare(&ask, "Sign in"), form: form.refused(&error) };
            html(&ask, status, &page)
        }
    }
}

async fn sign_out(ask: Ask) -> Result<Response, ApiError> {
    let signed_out = session::sign_out(ask.clone()).await?;
    Ok(see_other_with(&ask, "/login", None, signed_out))
}

/// Where to go on: a place of ours, or the first page.
fn place(next: &str) -> &str {
    if is_ours(next) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Visitor;
    use super::*;

    #[test]
    fn only_a_place_of_ours_is_gone_on_to() {
        for (next, expected) in [
            ("/watchlist?state=held", "/watchlist?state=held"),
            ("", "/"),
            ("https://elsewhere.example/", "/"),
            ("//elsewhere.example", "/"),
            ("/\\elsewhere.example", "/"),
            // Browsers drop tabs and ends of lines wherever they stand in an address.
            ("/\t/elsewhere.example", "/"),
            ("/\n/elsewhere.example", "/"),
            ("/\r/elsewhere.example", "/"),
            ("/\0/elsewhere.example", "/"),
            ("\t//elsewhere.example", "/"),
            ("/settings\t", "/"),
            // Written with `%`, it is part of a path of ours and nothing else.
            ("/%09/elsewhere.example", "/%09/elsewhere.example"),
        ] {
            assert_eq!(place(next), expected, "{next}");
        }
    }

    #[tokio::test]
    async fn whoever_signs_in_goes_on_where_they_were_and_a_wrong_password_keeps_what_was_typed() {
        let visitor = Visitor::set_up("").await.signed_out();
        let sent_away = visitor.get("/nowhere-yet?x=1").await;
        assert_eq!(sent_away.status, 404, "what is nowhere needs nobody to sign in");
        let login = visitor.get("/login?next=/settings%3Fx%3D1").await;
        assert!(login.text.contains("value=\"/settings?x=1\""), "{}", login.text);
        let wrong = [("username", "ada\"<b>"), ("password", "wrong"), ("next", "/settings")];
        let refused = visitor.post("/login", &wrong).await;
        assert_eq!(refused.status, 401);
        assert!(refused.text.contains("the user name or the password is wrong"), "{}", refused.text);
        assert!(refused.text.contains("ada&#34;&#60;b&#62;"), "{}", refused.text);
        assert!(!refused.text.contains("wrong\""), "a password is never shown again: {}", refused.text);
        let good = [("username", "ada"), ("password", Visitor::PASSWORD), ("next", "/settings?x=1")];
        let led = visitor.post("/login", &good).await;
        assert_eq!((led.status, led.header("location")), (303, "/settings?x=1"));
        assert!(led.header("set-cookie").starts_with("pulsarr_session="));
    }

    #[tokio::test]
    async fn nobody_is_led_to_another_host_by_what_browsers_drop_from_an_address() {
        let visitor = Visitor::set_up("").await;
        for next in [
            "/%09/evil.example/x",
            "/%0a/evil.example",
            "/%0D%09/evil.example",
            "%09//evil.example",
            "/%5cevil.example",
        ] {
            let led = visitor.get(&format!("/login?next={next}")).await;
            assert_eq!((led.status, led.header("location")), (303, "/"), "{next}");
        }
        let twice = visitor.get("/login?next=/%2509/evil.example").await;
        assert_eq!(twice.header("location"), "/%09/evil.example", "a path of ours, in which browsers drop nothing");
        let fields = [("username", "ada"), ("password", Visitor::PASSWORD), ("next", "/\t/evil.example")];
        assert_eq!(visitor.post("/login", &fields).await.header("location"), "/");
    }

    #[tokio::test]
    async fn signing_out_needs_the_token_of_the_session() {
        let visitor = Visitor::set_up("").await;
        assert_eq!(visitor.post_as("/logout", "guessed", &[]).await.status, 403);
        assert_eq!(visitor.post("/logout", &[]).await.header("location"), "/login");
        let ended = visitor.post("/logout", &[]).await;
        assert_eq!((ended.status, ended.header("location")), (303, "/login?next=/"));
    }
}
