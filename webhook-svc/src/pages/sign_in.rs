//! Signing in and out. The first admin is made by the wizard.

use askama::Template;
use serde_json::json;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::{Form, Frame, KeptForm, Page, html, ours, see_other, see_other_with};
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
    /// With the names `kept_path` and `kept` for a form that waits until somebody is signed in.
    form: Form,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let next = ours(ask.parameter("next").unwrap_or_default());
    if auth::is_somebody(&ask.app, &ask.headers, ask.remote).await? {
        return Ok(see_other(&ask, next, None));
    }
    if !ask.app.database.read(|db| db.has_admin()).await? {
        return Ok(see_other(&ask, "/setup", None));
    }
    let form = Form::with([("next".to_owned(), next.to_owned())]);
    html(&ask, StatusCode::OK, &Login { frame: Frame::bare(&ask, "Sign in"), form })
}

/// Asks whoever sent the form to sign in first; afterwards it is shown to them again, or they go on at `next`.
///
/// # Errors
/// 500 when the page cannot be drawn.
pub(super) fn keep(ask: &Ask, next: &str, kept: &KeptForm) -> Result<Response, ApiError> {
    let fields = [("next", next.to_owned()), ("kept_path", kept.path.clone()), ("kept", kept.encoded())];
    let form = Form::with(fields.map(|(name, value)| (name.to_owned(), value)));
    html(ask, StatusCode::UNAUTHORIZED, &Login { frame: Frame::bare(ask, "Sign in"), form })
}

async fn sign_in(ask: Ask) -> Result<Response, ApiError> {
    let form = Form::of(&ask);
    let body = json!({"username": form.value("username"), "password": form.value("password")});
    match session::sign_in(ask.with_body(&body)).await {
        Ok(signed_in) => match KeptForm::brought(&form) {
            Some(kept) => kept.show(&ask, form.value("username"), ours(form.value("next")), &signed_in).await,
            None => Ok(see_other_with(&ask, ours(form.value("next")), None, signed_in)),
        },
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

#[cfg(test)]
mod tests {
    use super::super::testing::{Shown, Visitor};

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

    /// A visitor whose session is over, and what the form that they send is answered.
    async fn too_late(path: &str, fields: &[(&str, &str)]) -> (Visitor, Shown) {
        let visitor = Visitor::set_up("").await.signed_out();
        let answered = visitor.post(path, fields).await;
        (visitor, answered)
    }

    /// What the hidden field of this name holds.
    fn hidden(page: &Shown, name: &str) -> String {
        let start = format!("type=\"hidden\" name=\"{name}\" value=\"");
        let (_, rest) = page.text.split_once(&start).unwrap_or_else(|| panic!("no {name}: {}", page.text));
        rest.split('"').next().unwrap().replace("&#38;", "&")
    }

    async fn signs_in(visitor: &Visitor, asked: &Shown, password: &str) -> Shown {
        let [next, path, kept] = ["next", "kept_path", "kept"].map(|name| hidden(asked, name));
        let fields =
            [("username", "ada"), ("password", password), ("next", &next), ("kept_path", &path), ("kept", &kept)];
        visitor.post("/login", &fields).await
    }

    #[tokio::test]
    async fn a_form_of_a_session_that_is_over_is_shown_again_and_holds_once_the_button_is_pressed() {
        let typed = [("value", "Pacific/\"Auckland\"<b>"), ("version", "0")];
        let (visitor, asked) = too_late("/settings/general/time_zone", &typed).await;
        assert_eq!(asked.status, 401);
        let wrong = signs_in(&visitor, &asked, "wrong").await;
        assert_eq!(wrong.status, 401);
        let shown = signs_in(&visitor, &wrong, Visitor::PASSWORD).await;
        assert_eq!(shown.status, 200);
        assert!(shown.text.contains("action=\"/settings/general/time_zone\""), "{}", shown.text);
        assert!(shown.text.contains("Pacific/&#34;Auckland&#34;&#60;b&#62;"), "{}", shown.text);
        assert_eq!(hidden(&shown, "version"), "0");
        let visitor = visitor.with_session_of(&shown).await;
        let zone = || async { visitor.api("GET", "/settings/time_zone").await.json["stored"]["value"].clone() };
        assert_ne!(zone().await, "Pacific/Auckland", "nothing is sent by itself");
        let token = hidden(&shown, "csrf_token");
        let again = [("value", "Pacific/Auckland"), ("version", "0")];
        assert_eq!(visitor.post_as("/settings/general/time_zone", &token, &again).await.status, 303);
        assert_eq!(zone().await, "Pacific/Auckland");
    }

    #[tokio::test]
    async fn what_a_list_was_filtered_by_goes_along_with_its_form() {
        let typed = [("do", "retry_all"), ("id", "7")];
        let (visitor, asked) = too_late("/activity/failures?instance=movies&user=%3Cb%3E", &typed).await;
        let shown = signs_in(&visitor, &asked, Visitor::PASSWORD).await;
        let action = "action=\"/activity/failures?instance=movies&#38;user=%3Cb%3E\"";
        assert!(shown.text.contains(action), "{}", shown.text);
    }

    #[tokio::test]
    async fn secrets_are_not_kept_and_asked_for_again() {
        let typed =
            [("name", "films"), ("url", "http://radarr:7878"), ("api_key", "hunter2"), ("typed_key", "hunter3")];
        let (visitor, asked) = too_late("/instances/new", &typed).await;
        let shown = signs_in(&visitor, &asked, Visitor::PASSWORD).await;
        for page in [&asked, &shown] {
            assert!(page.text.contains("radarr"), "{}", page.text);
            assert!(!page.text.contains("hunter"), "{}", page.text);
        }
        assert!(shown.text.contains("name=\"api_key\" type=\"password\" value=\"\""), "{}", shown.text);
        assert!(!shown.text.contains("typed_key"), "{}", shown.text);
    }

    #[tokio::test]
    async fn what_nobody_typed_what_is_too_long_and_what_is_no_form_of_ours_is_not_kept() {
        let long = "x".repeat(13_000);
        for (path, fields) in [
            ("/settings/plex/unlink", vec![]),
            ("/logout", vec![("value", "x")]),
            ("/settings/transfer", vec![("file", "plex:")]),
            ("/settings/general/time_zone", vec![("value", &*long)]),
        ] {
            let (_, answered) = too_late(path, &fields).await;
            assert_eq!(answered.status, 303, "{path}");
            assert!(answered.header("location").starts_with("/login?next="), "{path}");
        }
        let (visitor, asked) = too_late("/settings/general/time_zone", &[("value", "UTC")]).await;
        let kept = hidden(&asked, "kept");
        let credentials = [("username", "ada"), ("password", Visitor::PASSWORD), ("next", "/users"), ("kept", &kept)];
        for path in ["https://elsewhere.example/", "//elsewhere.example", "/login", "/nowhere", ""] {
            let fields: Vec<_> = credentials.into_iter().chain([("kept_path", path)]).collect();
            let led = visitor.post("/login", &fields).await;
            assert_eq!((led.status, led.header("location")), (303, "/users"), "{path}");
        }
    }

    #[tokio::test]
    async fn the_form_of_another_site_is_not_kept() {
        let visitor = Visitor::set_up("").await.signed_out();
        let answered = visitor.post_from("https://elsewhere.example", "/settings/tmdb", &[("region", "DE")]).await;
        assert_eq!(answered.status, 403);
        assert!(!answered.text.contains("kept"), "{}", answered.text);
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
