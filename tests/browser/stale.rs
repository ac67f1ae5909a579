//! Two people change the same thing at the same time: whoever saves second sees both versions, loses nothing of what they typed, and
//! may insist.

use pulsarr_tests::browser::{Browser, Look};
use pulsarr_tests::fakes::{FakeRadarr, PlexResource};
use pulsarr_tests::household::wanting_two;
use serde_json::json;

use crate::accessibility::judged;
use crate::{Scene, play};

/// What two people do to one field.
struct Edit {
    /// The page that the field is on.
    path: String,
    /// The field.
    field: &'static str,
    /// What saves it.
    save: &'static str,
    /// What the first and the second want there; boxes are `on` or `off`.
    wanted: [String; 2],
    /// How both versions tell it.
    told: [String; 2],
}

impl Edit {
    /// Of a text, which the versions tell as `key: text`.
    fn text(path: &str, field: &'static str, save: &'static str, key: &str, wanted: [&str; 2]) -> Self {
        let told = wanted.map(|text| format!("{key}: {text}"));
        Self { path: path.to_owned(), field, save, wanted: wanted.map(str::to_owned), told }
    }

    /// Of a choice, which the versions tell like this.
    fn choice(path: &str, field: &'static str, save: &'static str, wanted: [&str; 2], told: [&str; 2]) -> Self {
        Self { path: path.to_owned(), field, save, wanted: wanted.map(str::to_owned), told: told.map(str::to_owned) }
    }

    /// The first saves, the second comes too late, is shown both versions, and insists.
    fn is_made_by(&self, first: &Browser, second: &Browser) {
        let Self { path, field, wanted: [early, late], told: [early_told, late_told], .. } = self;
        first.goto(path);
        second.goto(path);
        self.saves(first, early);
        first.finds(".notice.is-ok");

        self.saves(second, late);
        second.finds("#versions");
        judged(second);
        assert_eq!(marked(second, "ins"), [late_told.as_str()], "{path}");
        assert_eq!(marked(second, "del"), [early_told.as_str()], "{path}");
        assert_eq!(held(second, field), *late, "{path}: what was typed stays");
        first.goto(path);
        assert_eq!(held(first, field), *early, "{path}: nothing was saved");

        second.click(self.save);
        second.finds(".notice.is-ok");
        first.goto(path);
        assert_eq!(held(first, field), *late, "{path}: whoever has seen both may insist");
    }

    fn saves(&self, browser: &Browser, wanted: &str) {
        fill(browser, self.field, wanted);
        browser.click(self.save);
    }
}

/// The lines that are marked as one's own (`ins`) or as the other's (`del`).
fn marked(browser: &Browser, mark: &str) -> Vec<String> {
    let lines =
        browser.run(&format!("return [...document.querySelectorAll('#versions {mark}')].map((it) => it.textContent)"));
    lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

fn fill(browser: &Browser, field: &str, wanted: &str) {
    match browser.attribute(field, "type").as_str() {
        "checkbox" if held(browser, field) == wanted => {}
        "checkbox" => browser.click(field),
        "radio" => browser.click(&format!("{field}[value='{wanted}']")),
        _ => browser.write(field, wanted),
    }
}

fn held(browser: &Browser, field: &str) -> String {
    let value = browser.run(&format!(
        "const [field, ...others] = document.querySelectorAll(\"{field}\");\
         if (field.type === 'checkbox') return field.checked ? 'on' : 'off';\
         return (others.length ? [field, ...others].find((it) => it.checked) : field).value;"
    ));
    value.as_str().unwrap().to_owned()
}

/// Another window, where the same person is signed in.
fn another(scene: &Scene, look: Look) -> Browser {
    let second = Browser::open(scene.service.port, look);
    for browser in [&scene.browser, &second] {
        browser.expects("status of 412");
    }
    second
}

fn two_change_everything_at_once(look: Look) {
    let uhd = FakeRadarr::start();
    play(look, wanting_two(), |scene| {
        let session = scene.sign_in();
        let second = another(scene, look);
        second.sign_in(&session);
        let made = [
            ("/instances", json!({"name": "uhd", "kind": "radarr", "url": uhd.url(), "api_key": uhd.api_key()})),
            ("/rules", json!({"name": "films", "when": {"type": "movie"}, "label": "a film"})),
        ];
        for (path, body) in made {
            let made = session.ask(&scene.service, "POST", path, &body);
            assert!(made.status < 300, "{made:?}");
        }
        scene.household.sync_well();
        let plex = &scene.household.plex;
        plex.set_resources([PlexResource::new("Attic", &plex.machine_identifier()).local(&plex.server_url())]);
        let (owner, server) = (format!("/users/{}", plex.owner_uuid()), plex.server_url());
        let by_name = server.replace("127.0.0.1", "localhost");
        let edits = [
            Edit::text("/instances/uhd", "#tags", "[value=save]", "tags", ["early", "late"]),
            Edit::text("/rules/films", "#label", "[value=save]", "label", ["early", "late"]),
            Edit::text(&owner, "#alias", ".form .btn.primary", "alias", ["Ma", "Mum"]),
            Edit::choice(
                "/users/defaults",
                "[name=require_approval]",
                ".form .btn.primary",
                ["on", "off"],
                ["approval: somebody is asked", "approval: automatic"],
            ),
            Edit::choice(
                "/settings/general",
                "form[action$='/default'] [name=value]",
                "form[action$='/default'] .btn.primary",
                ["none", "instance"],
                ["value: none", "value: instance"],
            ),
            Edit::text(
                "/settings/general",
                "#zone-value",
                "form[action$='/time_zone'] .btn.primary",
                "value",
                ["Pacific/Auckland", "Europe/Berlin"],
            ),
            Edit::text(
                "/settings/general",
                "#expire_after_h",
                "form[action$='/approvals'] .btn.primary",
                "expire_after_h",
                ["24", "48"],
            ),
            Edit::text("/settings/tmdb", "#region", ".form .btn.primary", "region", ["DE", "AT"]),
            Edit::choice(
                "/settings/plex",
                "[name=friends]",
                "form[action$='/friends'] .btn.primary",
                ["off", "on"],
                ["friends: false", "friends: true"],
            ),
            Edit::text(
                "/settings/plex",
                "#url",
                "form[action$='/server'] .btn.primary",
                "server_url",
                [&server, &by_name],
            ),
        ];
        for edit in &edits {
            edit.is_made_by(&scene.browser, &second);
        }
        second.has_no_complaint();
    });
}

#[test]
fn the_second_of_two_sees_both_versions_of_everything_that_can_be_edited() {
    two_change_everything_at_once(Look::LIGHT);
}

#[test]
fn the_same_without_javascript() {
    two_change_everything_at_once(Look::WITHOUT_SCRIPTS);
}

#[test]
fn who_moves_or_removes_too_late_is_told_and_nothing_happens() {
    play(Look::LIGHT, wanting_two(), |scene| {
        let session = scene.sign_in();
        let second = another(scene, Look::LIGHT);
        second.sign_in(&session);
        for name in ["first", "second", "third"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let order = || {
            let rules = session.ask(&scene.service, "GET", "/rules", &serde_json::Value::Null).json()["rules"].clone();
            rules.as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let browser = &scene.browser;
        for window in [browser, &second] {
            window.goto("/rules");
        }
        browser.press("Move second up");
        browser.sees("second is now number 1 of the rules that can be moved.");
        second.press("Move third up");
        second.sees("The order you wanted");
        assert_eq!(order(), ["second", "first", "third"]);

        for window in [browser, &second] {
            window.goto("/rules/first");
        }
        browser.fill("Label", "another");
        browser.press("Save the rule");
        browser.finds(".notice.is-ok");
        second.press("Remove");
        second.agree();
        second.sees("so it was not removed");
        assert_eq!(second.value("Label"), "another", "it is shown as it is now");
        assert_eq!(order(), ["second", "first", "third"]);
        second.has_no_complaint();
    });
}
