//! Every page there is, in one table: what is shown to the judge of accessibility, weighed, and photographed.

use rusqlite::Connection;

use crate::household::Household;

/// Whether somebody has to be signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// By everybody; whoever is signed in is led on.
    SignedOut,
    /// By whoever is signed in.
    SignedIn,
}

/// One page.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// For files and messages.
    pub name: &'static str,
    /// Its path; `{id}` stands for what [`Listed::path`] finds.
    template: &'static str,
    /// The first column of the first row is what stands in the path: a page that is about something. Empty for others.
    about: &'static str,
    /// Who sees it.
    pub seen: Seen,
}

const fn page(name: &'static str, template: &'static str) -> Listed {
    Listed { name, template, about: "", seen: Seen::SignedIn }
}

const fn about(name: &'static str, template: &'static str, about: &'static str) -> Listed {
    Listed { name, template, about, seen: Seen::SignedIn }
}

/// All of them.
pub const PAGES: &[Listed] = &[
    Listed { name: "login", template: "/login", about: "", seen: Seen::SignedOut },
    about(
        "run-partial",
        "/runs/{id}",
        "SELECT id FROM runs WHERE result = 'partial' ORDER BY started_at_ms DESC LIMIT 1",
    ),
    page("watchlist", "/watchlist"),
    about("title", "/watchlist/{id}", "SELECT CAST(max(id) AS TEXT) FROM entries WHERE state = 'available'"),
    about("title-failed", "/watchlist/{id}", "SELECT CAST(max(id) AS TEXT) FROM entries WHERE state = 'failed'"),
    page("approvals", "/approvals"),
    about("approval", "/approvals/{id}", "SELECT CAST(min(id) AS TEXT) FROM approvals WHERE state = 'pending'"),
    about(
        "approval-answered",
        "/approvals/{id}",
        "SELECT CAST(max(id) AS TEXT) FROM approvals WHERE state = 'rejected'",
    ),
    page("overview", "/"),
    page("stats", "/stats"),
    about("run", "/runs/{id}", "SELECT id FROM runs WHERE report IS NOT NULL ORDER BY rowid DESC"),
    page("rules", "/rules"),
    page("rule-new", "/rules/new"),
    page("rule-try", "/rules/try"),
    page("rule-tests", "/rules/tests"),
    about("rule", "/rules/{id}", "SELECT name FROM declarations WHERE section = 'rules' AND name LIKE 'good%'"),
    page("users", "/users"),
    page("users-defaults", "/users/defaults"),
    about("user", "/users/{id}", "SELECT uuid FROM users WHERE username = 'tomas.r'"),
    page("activity", "/activity"),
    page("activity-runs", "/activity/runs"),
    page("activity-decisions", "/activity/decisions"),
    page("activity-failures", "/activity/failures"),
    page("activity-webhooks", "/activity/webhooks"),
    page("activity-audit", "/activity/audit"),
    page("activity-log", "/activity/log"),
    page("instances", "/instances"),
    page("instance-new", "/instances/new"),
    about("instance", "/instances/{id}", "SELECT 'movies'"),
    about("instance-kept", "/instances/{id}", "SELECT 'anime'"),
    page("settings-general", "/settings/general"),
    page("settings-plex", "/settings/plex"),
    page("settings-authentication", "/settings/authentication"),
    page("settings-api-keys", "/settings/api-keys"),
    page("settings-tmdb", "/settings/tmdb"),
    page("settings-intervals", "/settings/intervals"),
    page("settings-logs", "/settings/logs"),
    page("settings-transfer", "/settings/transfer"),
    page("settings-all", "/settings/all"),
    page("settings-about", "/settings/about"),
    page("nowhere", "/there-is-no-such-page"),
];

/// What the API tells about itself: a page too, but one without the frame and the assets of the others.
pub const API_DOCS: &Listed = &page("api-docs", "/api/v1/docs");

impl Listed {
    /// Whether a path, without a query, is one of this page.
    #[must_use]
    pub fn is_at(&self, path: &str) -> bool {
        let parts: (Vec<&str>, Vec<&str>) = (self.template.split('/').collect(), path.split('/').collect());
        parts.0.len() == parts.1.len()
            && parts.0.iter().zip(&parts.1).all(|(known, part)| known == part || *known == "{id}")
    }

    /// Its path in this household.
    ///
    /// # Panics
    /// When the household has nothing that the page could be about.
    #[must_use]
    pub fn path(&self, household: &Household) -> String {
        if self.about.is_empty() {
            return self.template.to_owned();
        }
        let store = Connection::open(household.database()).expect("the store is there");
        let found = store.query_row(self.about, [], |row| row.get::<_, String>(0));
        let found = found.unwrap_or_else(|error| panic!("nothing to show on {}: {error}", self.name));
        self.template.replace("{id}", &found.replace(' ', "%20"))
    }
}
