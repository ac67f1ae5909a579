//! What stands around every page: where one is, who is signed in, what waits, and what has just been done.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use warp::http::HeaderValue;

use super::assets;
use crate::auth::{self, cookie_named, page_cookie};
use crate::request::{ApiError, Ask};

/// The cookie that carries a notice from what a form did to the page that follows.
const NOTICE: &str = "pulsarr_notice";
/// How long that page may take to come; seconds.
const NOTICE_FOR: u64 = 60;
/// Cookies are small.
const NOTICE_LONGEST: usize = 600;

/// What a template needs for everything around a page.
#[derive(Debug, Default)]
pub struct Frame {
    /// What stands in front of every path: empty, or `/pulsarr`.
    pub base_path: String,
    /// What the page is called.
    pub title: String,
    /// Which part of the navigation it belongs to: `watchlist`.
    pub section: &'static str,
    /// Who is signed in; empty for nobody.
    pub user: String,
    /// What forms have to bring; empty without a session.
    pub csrf: String,
    /// Ours.
    pub version: &'static str,
    /// Requests that wait for somebody to say yes.
    pub pending_approvals: u32,
    /// Titles that an arr refused.
    pub failures: u32,
    /// What has just been done.
    pub notice: Option<Notice>,
    /// The part of the addresses of assets that changes with them.
    pub assets: &'static str,
    /// Scripts that this page wants besides the one of all pages.
    pub scripts: &'static [&'static str],
    /// Seconds after which a browser without scripts fetches the page anew; 0: never.
    pub refresh_s: u16,
}

/// A page's `<head>`.
#[derive(Template)]
#[template(path = "head.html")]
pub struct Head<'f> {
    frame: &'f Frame,
}

/// Everything above the content of a page.
#[derive(Template)]
#[template(path = "top.html")]
pub struct Top<'f> {
    frame: &'f Frame,
}

/// What has just been done, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `ok`, `warn`, `bad` or `info`.
    pub kind: String,
    /// A sentence.
    pub text: String,
}

impl Notice {
    /// It worked.
    pub fn ok(text: impl Into<String>) -> Self {
        Self { kind: "ok".to_owned(), text: text.into() }
    }

    /// It did not.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { kind: "bad".to_owned(), text: text.into() }
    }

    /// `Set-Cookie` that brings it to the next page.
    pub fn cookie(&self, ask: &Ask) -> HeaderValue {
        let text = self.text.chars().take(NOTICE_LONGEST).collect();
        let short = Self { kind: self.kind.clone(), text };
        let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&short).unwrap_or_default());
        page_cookie(&ask.app, ask.remote, &ask.headers, (NOTICE, &value), NOTICE_FOR)
    }

    /// The one that came along.
    fn brought(ask: &Ask) -> Option<Self> {
        let value = cookie_named(NOTICE, &ask.headers)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }
}

/// `Set-Cookie` after a notice was shown.
pub fn forget_notice(ask: &Ask) -> Option<HeaderValue> {
    let _shown = cookie_named(NOTICE, &ask.headers)?;
    Some(page_cookie(&ask.app, ask.remote, &ask.headers, (NOTICE, ""), 0))
}

impl Frame {
    /// Around the page of this title, for whoever asks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(ask: &Ask, section: &'static str, title: impl Into<String>) -> Result<Self, ApiError> {
        let csrf = auth::session(&ask.app, &ask.headers).await?.map(|session| session.csrf_token());
        let counts = ask.app.database.read(|db| Ok((db.pending_approvals()?, db.failure_count()?)));
        let (pending_approvals, failures) = counts.await?;
        let csrf = csrf.unwrap_or_default();
        let user = ask.who.name.clone();
        Ok(Self { user, csrf, pending_approvals, failures, ..Self::bare(ask, title).in_section(section) })
    }

    /// Around a page for everybody, which tells nothing about the household.
    pub fn bare(ask: &Ask, title: impl Into<String>) -> Self {
        Self {
            base_path: ask.app.base_path().to_owned(),
            title: title.into(),
            version: env!("CARGO_PKG_VERSION"),
            notice: Notice::brought(ask),
            assets: assets::version(),
            ..Self::default()
        }
    }

    /// The address of a title's poster, here.
    pub fn poster(&self, plex_id: &str) -> String {
        format!("{}/posters/{plex_id}", self.base_path)
    }

    /// What browsers want to know first, as markup.
    pub fn head(&self) -> Head<'_> {
        Head { frame: self }
    }

    /// What stands above the content, as markup.
    pub fn top(&self) -> Top<'_> {
        Top { frame: self }
    }

    /// The same with these scripts.
    pub fn with_scripts(self, scripts: &'static [&'static str]) -> Self {
        Self { scripts, ..self }
    }

    /// The same, fetched anew every few seconds by browsers without scripts.
    pub fn refreshed_every(self, refresh_s: u16) -> Self {
        Self { refresh_s, ..self }
    }

    fn in_section(self, section: &'static str) -> Self {
        Self { section, ..self }
    }
}
