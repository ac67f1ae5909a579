//! Rules: a nested one is built, what it would do is shown before, and from then on it holds.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};

use crate::{Scene, play_signed_in};

const DRAMA: i64 = 900_301;
const COMEDY: i64 = 900_302;

fn wanting_films() -> Household {
    let household = Household::new();
    // Genres are asked about once a rule looks at them.
    let genres = "rules:\n- {name: no westerns, when: {genre: {contains: Western}}, exclude: true}\n";
    household.write_settings(&format!("{SETTINGS}{genres}"));
    let owner = household.plex.owner_uuid();
    household.plex.watch(&owner, Title::movie("Salt Ledger").year(2025).tmdb(DRAMA).genre("Drama"));
    household.plex.watch(&owner, Title::movie("The Tin Understudy").year(1951).tmdb(COMEDY).genre("Comedy"));
    household.plex.watch(&owner, Title::show("Harbour Nine").year(2024).tvdb(800_301).genre("Drama"));
    household.sync_well();
    household
}

/// Chooses what a condition looks at; without scripts the page is drawn anew by a button.
fn look_at(scene: &Scene, look: Look, condition: &str, field: &str) {
    let browser = &scene.browser;
    browser.pick(&format!("[name='{condition}.field']"), field);
    if !look.scripts {
        browser.press("Show what fits the chosen fields");
    }
    // What it looks at now stands in the page when that is drawn.
    browser.finds(&format!("[name='{condition}.was'][value='{field}']"));
}

fn builds_a_nested_rule(look: Look) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let browser = &scene.browser;
        browser.goto("/rules");
        browser.press("New rule");
        browser.at("/rules/new");
        browser.fill("Name", "films somebody looks at");
        browser.press("Add condition");
        browser.finds("[name='when.0.field']");
        look_at(scene, look, "when.0", "type");
        browser.pick("[name='when.0.value']", "movie");
        browser.click("[value='group when']");
        browser.pick("[name='when.1.kind']", "any");
        browser.write("[name='when.1.0.value']", "Drama");
        browser.click("[value='add when.1']");
        browser.finds("[name='when.1.1.field']");
        look_at(scene, look, "when.1.1", "year");
        browser.pick("[name='when.1.1.op']", "<");
        browser.write("[name='when.1.1.value']", "1940");
        browser.tick("Somebody has to say yes first");
        browser.fill("Why somebody is asked", "it is a drama, or very old");
        browser.press("Preview");
        browser.sees("Matches 1 of 3 entries.");
        assert_eq!(browser.value("Name"), "films somebody looks at", "what was typed stays");
        browser.press("Save the rule");
        browser.at("/rules");
        browser.sees("films somebody looks at");

        let Household { plex, radarr, .. } = &scene.household;
        let owner = plex.owner_uuid();
        assert_eq!(radarr.library().len(), 2, "what was added before stays");
        plex.watch(&owner, Title::movie("The Seventh Ferryman").year(2026).tmdb(900_303).genre("Drama"));
        plex.watch(&owner, Title::movie("Windward").year(2026).tmdb(900_304).genre("Comedy"));
        scene.household.sync_well();
        let library: Vec<i64> = radarr.library().iter().map(|item| item.external_id).collect();
        assert!(library.contains(&900_304) && !library.contains(&900_303), "{library:?}");
        assert!(scene.household.explain("The Seventh Ferryman").contains("it is a drama, or very old"));
    }
}

#[test]
fn conditions_are_added_before_the_rule_has_a_name_and_so_it_is_not_saved() {
    for look in [Look::LIGHT, Look::WITHOUT_SCRIPTS] {
        play_signed_in(look, wanting_films(), |scene| {
            let browser = &scene.browser;
            browser.goto("/rules/new");
            browser.press("Add condition");
            browser.finds("[name='when.0.field']");
            look_at(scene, look, "when.0", "year");
            browser.write("[name='when.0.value']", "2025");
            browser.press("Add destination");
            browser.finds("[data-route]");
            browser.press("Edit as text");
            browser.finds("textarea[name='text']");
            browser.press("Back to the builder");
            browser.finds("[name='when.0.field']");
            browser.press("Preview");
            browser.sees("Matches 1 of 3 entries.");
            // Only saving wants a name: the browser says so, and sends nothing.
            // Again where the form was being drawn anew.
            let asks = || {
                browser.press("Save the rule");
                browser.count("#name:invalid:focus")
            };
            browser.until("the name is asked for", asks, |asked| *asked == 1);
            browser.goto("/rules");
            browser.sees("no westerns");
            assert_eq!(browser.count("[data-order] .grow"), 1);
        });
    }
}

#[test]
fn a_nested_rule_is_built_its_what_if_is_seen_and_then_it_holds() {
    play_signed_in(Look::LIGHT, wanting_films(), builds_a_nested_rule(Look::LIGHT));
}

#[test]
fn the_same_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_films(), builds_a_nested_rule(Look::WITHOUT_SCRIPTS));
}

#[test]
fn a_rule_with_a_mistake_keeps_what_was_typed_and_saves_nothing() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.expects("status of 422");
        browser.goto("/rules/new");
        browser.fill("Name", "no number");
        browser.fill("Priority", "soon");
        browser.press("Save the rule");
        browser.finds("[aria-invalid='true']");
        assert_eq!(browser.value("Priority"), "soon");
        browser.goto("/rules");
        assert!(!browser.text().contains("no number"));
    });
}
