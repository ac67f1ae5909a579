//! A form that came when the session was over. What was typed goes through the sign-in form and is then shown again, so that the person
//! presses the button; nothing is ever sent by itself. It stays in the browser's page all the time: nothing of it is stored. Secrets
//! do not go along.

use askama::Template;
use warp::http::{HeaderValue, Method, StatusCode, header};
use warp::reply::Response;

use super::{Form, Frame, encoded, html, ours, pages};
use crate::request::{Access, ApiError, Ask, pairs, path_parts};

/// The largest form that is kept, as it is sent with the sign-in form; bytes. Leaves that one some room below what strangers may send.
const LARGEST: usize = 12 * 1024;

/// What the page puts into a form itself, so that nobody has to look at it.
const UNSEEN: [&str; 9] = ["version", "state", "has", "do", "was", "names", "person", "expected", "seen"];

/// The page's.
const TITLE: &str = "What you had typed";

/// A form without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptForm {
    /// Where it is sent to, below the base path, with the query: what a list is filtered by.
    pub path: String,
    /// A secret is there with its name, and empty.
    fields: Vec<(String, String)>,
}

impl KeptForm {
    /// The form that was sent to `path`; `None` when nothing was typed, it is too large, or such forms are not kept.
    pub fn of(path: &str, form: &Form) -> Option<Self> {
        let parts = path_parts(path.strip_prefix('/').filter(|_| ours(path) == path)?.split('?').next()?);
        let is_ours = pages().any(|page| {
            let changes = page.method == Method::POST && page.access == Access::Write && page.path != "/logout";
            changes && page.variables(&parts).is_some()
        });
        let fields = form.fields().filter(|(name, _)| !is_dropped(name));
        let fields = fields.map(|(name, value)| {
            let value = if is_secret(name) { "" } else { value };
            (name.to_owned(), value.to_owned())
        });
        let kept = Self { path: path.to_owned(), fields: fields.collect() };
        let is_worth_it = kept.shown().any(|(seen, ..)| seen.is_some()) || kept.secrets().next().is_some();
        (is_ours && is_worth_it && encoded(&kept.encoded()).len() <= LARGEST).then_some(kept)
    }

    /// The one that has come along with the sign-in form.
    pub fn brought(login: &Form) -> Option<Self> {
        Self::of(login.value("kept_path"), &Form::with(pairs(login.value("kept"))))
    }

    /// As the value of one field.
    pub fn encoded(&self) -> String {
        Form::with(self.fields.clone()).encoded()
    }

    /// Shows it to whoever has just signed in as `user`, by the answer `signed_in`; or else they go on at `next`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn show(&self, ask: &Ask, user: &str, next: &str, signed_in: &Response) -> Result<Response, ApiError> {
        let mut ask = ask.clone();
        user.clone_into(&mut ask.who.name);
        let cookies: Vec<&HeaderValue> = signed_in.headers().get_all(header::SET_COOKIE).iter().collect();
        let pairs = cookies.iter().filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        // What came along under these names is over.
        ask.headers.remove(header::COOKIE);
        if let Ok(pairs) = HeaderValue::try_from(pairs.collect::<Vec<_>>().join("; ")) {
            ask.headers.insert(header::COOKIE, pairs);
        }
        let said = "You are signed in again, and nothing was changed yet.";
        let frame = Frame::of(&ask, "", TITLE).await?;
        let mut shown = html(&ask, StatusCode::OK, &Again { frame, kept: self, next, said })?;
        for cookie in cookies {
            shown.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        Ok(shown)
    }

    /// Shows it to whoever was signed in anew meanwhile, in another tab; or else they go on at `next`. The answer is a 403: nothing was
    /// done.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn again(&self, ask: &Ask, next: &str) -> Result<Response, ApiError> {
        let said = "This page was opened before you signed in the last time, so nothing was changed yet.";
        let frame = Frame::of(ask, "", TITLE).await?;
        html(ask, StatusCode::FORBIDDEN, &Again { frame, kept: self, next, said })
    }

    /// Everything but secrets, in the order in which it was sent: a number for what people can read and change, and none for what the page
    /// had put there, for the button that was pressed, and for what is empty.
    fn shown(&self) -> impl Iterator<Item = (Option<usize>, &str, &str)> {
        // What stands in a list as it was shown has nobody typed.
        let was = self.fields().find(|(name, _)| *name == "was").map_or_else(Vec::new, |(_, was)| pairs(was));
        let fields = self.fields().filter(|(name, _)| !is_secret(name)).enumerate();
        fields.map(move |(at, (name, value))| {
            let is_as_shown = was.iter().any(|(known, shown)| known == name && shown == value);
            let is_seen = !UNSEEN.contains(&name) && !value.is_empty() && !is_as_shown;
            (is_seen.then_some(at), name, value)
        })
    }

    /// The button that was pressed: `reject`; empty where the form has only one.
    fn pressed(&self) -> &str {
        self.fields().find(|(name, _)| *name == "do").map_or("", |(_, value)| value)
    }

    /// The names of what has to be typed again.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.fields().map(|(name, _)| name).filter(|name| is_secret(name))
    }

    fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Whether the field is gone for good: the token of the session that is over, a key that the page had kept, a settings file, which may hold
/// secrets and is elsewhere.
fn is_dropped(name: &str) -> bool {
    ["csrf_token", "typed_key", "file"].contains(&name)
}

/// Whether what stands in the field is a secret. Every field of a page that hides what is typed has such a name.
fn is_secret(name: &str) -> bool {
    // Behind a space stands what the field is about: `priority Turkey`.
    let name = name.split(' ').next().unwrap_or_default();
    ["password", "token", "key", "secret"].iter().any(|word| name.contains(word))
        || ["current", "new", "again"].contains(&name)
}

#[derive(Template)]
#[template(path = "kept_form.html")]
struct Again<'a> {
    frame: Frame,
    kept: &'a KeptForm,
    next: &'a str,
    /// Why it is shown.
    said: &'static str,
}

impl Again<'_> {
    fn words(&self) -> String {
        format!("{} This is what you had typed: look through it and send it, or leave it.", self.said)
    }

    /// What the field is called: `Time zone`.
    fn label(name: &str) -> String {
        let words = name.replace('_', " ");
        let mut letters = words.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The names of fields that hide what is typed, as the template says: `{{ name }}` for what it is told.
    fn hiding(text: &str) -> Vec<String> {
        let inputs = text.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        let hiding = inputs.filter(|input| input.contains("type=\"password\""));
        let named = hiding.map(|input| input.split(" name=\"").nth(1).unwrap().split('"').next().unwrap());
        let told = text.split("parts::secret(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        named.chain(told).map(str::to_owned).collect()
    }

    fn templates(folder: &Path, texts: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { templates(&path, texts) } else { texts.push(fs::read_to_string(path).unwrap()) }
        }
    }

    #[test]
    fn what_a_field_is_about_makes_it_no_secret() {
        assert!(!is_secret("priority Turkey") && is_secret("api_key") && is_secret("api_key of movies"));
    }

    #[test]
    fn every_field_that_hides_what_is_typed_has_the_name_of_a_secret() {
        let mut texts = Vec::new();
        templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut texts);
        let mut names: Vec<String> = texts.iter().flat_map(|text| hiding(text)).collect();
        names.retain(|name| name != "{{ name }}");
        assert!(names.len() >= 4, "{names:?}");
        // What `authentication.html` calls its three.
        names.extend(["current", "new", "again"].map(str::to_owned));
        for name in names {
            assert!(is_secret(&name), "{name}");
        }
    }
}
