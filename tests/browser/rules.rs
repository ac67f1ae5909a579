//! Rules: a nested one is built, what it would do is shown before, and from then on it holds.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::{Household, SETTINGS};
use serde_json::{Value, json};

use crate::accessibility::judged;
use crate::{Scene, play, play_signed_in};

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
            assert_eq!(browser.count("[data-rows] .grow"), 1);
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
        judged(browser);
        assert_eq!(browser.value("Priority"), "soon");
        browser.goto("/rules");
        assert!(!browser.text().contains("no number"));
    });
}

#[test]
fn what_is_typed_while_the_builder_is_drawn_anew_stays() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/new");
        browser.fill("Name", "abc");
        let _ = browser.run(
            "const real = window.fetch;
             window.fetch = async (...asked) => {
               const answer = await real(...asked);
               if (asked[1].body.get('do') === 'add when') await new Promise((go) => { window.goOn = go; });
               return answer;
             }",
        );
        browser.press("Add condition");
        browser.until("an answer is there", || browser.run("return window.goOn !== undefined"), |it| *it == true);
        browser.click("#name");
        browser.keys("defgh");
        let _ = browser.run("window.goOn()");
        browser.finds("[name='when.0.field']");
        assert!(
            browser.value("Name").contains("defgh") && browser.value("Name").len() == 8,
            "{}",
            browser.value("Name")
        );
        assert_eq!(browser.run("return document.activeElement.id"), "name");
    });
}

#[test]
fn no_press_is_lost_while_the_builder_is_drawn_anew() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/new");
        let pressed = |wishes: &[&str]| {
            let pressed: Vec<_> =
                wishes.iter().map(|wish| format!("document.querySelector(\"[value='{wish}']\").click()")).collect();
            let _ = browser.run(&pressed.join(";"));
        };
        let conditions = || browser.count("[name^='when.'][name$='.field']");
        pressed(&["add when", "add when", "add when"]);
        browser.until("all three are there", conditions, |count| *count == 3);
        browser.write("[name='when.2.value']", "last");
        // The second press was about a row that another is in the place of by now.
        pressed(&["remove when.0", "remove when.0", "preview"]);
        browser.until("one of them goes", conditions, |count| *count == 2);
        browser.until("the preview came", || browser.count("[aria-invalid='true']"), |count| *count > 0);
        assert_eq!(conditions(), 2);
        let values = browser.run("return [...document.querySelectorAll(\"[name$='.value']\")].map((it) => it.value)");
        assert_eq!(values, json!(["", "last"]));
    });
}

#[test]
fn a_what_if_that_cannot_be_told_says_so_and_the_next_letter_asks_again() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/new");
        browser.fill("Name", "all");
        browser.tick("It goes nowhere");
        browser.sees("Matches 3 of 3 entries.");
        let _ = browser.run("window.real = window.fetch");
        let types = |fetch: &str| {
            let _ = browser.run(&format!("window.fetch = {fetch}; document.getElementById('name').focus()"));
            browser.keys("x");
        };
        let refused = "async () => new Response('<p>Sign in', {status: 401})";
        for fails in [refused, "async () => { throw new TypeError() }"] {
            types(fails);
            browser.sees("could not be worked out just now. Press Preview to try again.");
            assert!(!browser.text().contains("Matches 3") && browser.count(".what-if") == 0, "{}", browser.text());
            types("window.real");
            browser.sees("Matches 3 of 3 entries.");
            assert!(!browser.text().contains("could not be worked out"), "{}", browser.text());
        }
        // A question that a newer one takes the place of is none that failed.
        types(
            "(...asked) => new Promise((_, fail) => {
               asked[1].signal.onabort = () => { fail(asked[1].signal.reason); window.dropped = true; };
               window.asked = true;
             })",
        );
        browser.until("it is asked", || browser.run("return window.asked"), |asked| *asked == true);
        types("() => new Promise(() => {})");
        browser.until("it is dropped", || browser.run("return window.dropped"), |dropped| *dropped == true);
        browser.sees("Matches 3 of 3 entries.");
    });
}

#[test]
fn of_the_what_if_only_the_sentence_is_announced() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/new");
        let _ = browser.run("window.said = document.querySelector('#what-if [role=status]')");
        browser.fill("Name", "all");
        browser.tick("It goes nowhere");
        browser.sees("Matches 3 of 3 entries.");
        assert_eq!(browser.count("#what-if .what-if li"), 3);
        let said = browser.run("return window.said.isConnected && window.said.textContent.trim()");
        assert_eq!(said, "Matches 3 of 3 entries.");
        assert_eq!(browser.count(":is([aria-live], [role=status]) .what-if"), 0, "the list is not announced");
        judged(browser);
    });
}

#[test]
fn both_ends_of_a_range_stay_when_the_builder_is_drawn_anew() {
    play_signed_in(Look::LIGHT, wanting_films(), |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/new");
        browser.press("Add condition");
        browser.finds("[name='when.0.field']");
        look_at(scene, Look::LIGHT, "when.0", "year");
        browser.pick("[name='when.0.op']", "between");
        let ends = "[name='when.0.value']";
        browser.until("there are two ends", || browser.count(ends), |count| *count == 2);
        let values =
            || browser.run(&format!("return [...document.querySelectorAll(\"{ends}\")].map((it) => it.value)"));
        browser.write(ends, "2000");
        browser.key(pulsarr_tests::browser::Key::Tab);
        browser.keys("2010");
        assert_eq!(values(), json!(["2000", "2010"]));
        browser.press("Add condition");
        browser.finds("[name='when.1.field']");
        assert_eq!(values(), json!(["2000", "2010"]));
        browser.press("Preview");
        browser.finds("[aria-invalid='true']");
        assert_eq!(values(), json!(["2000", "2010"]));
    });
}

#[test]
fn a_rule_is_dragged_by_its_handle_to_another_place() {
    let household = wanting_films();
    household.write_settings(SETTINGS);
    play(Look::LIGHT, household, |scene| {
        let session = scene.sign_in();
        for name in ["first", "second", "third"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let order = || {
            let rules = session.ask(&scene.service, "GET", "/rules", &Value::Null).json()["rules"].clone();
            rules.as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let browser = &scene.browser;
        browser.goto("/rules");
        browser.finds("li[data-moves]:nth-child(3) .grip");
        let middle = |css: &str| {
            let script = format!(
                "const {{left, top, width, height}} = document.querySelector('{css}').getBoundingClientRect();\
                 return [left + width / 2, top + height / 2];"
            );
            let at = browser.run(&script);
            (at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
        };
        // A mouse of the browser's own, and not events that a script has made.
        let mouse = |kind: &str, (x, y): (f64, f64)| {
            let button = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
            browser.devtools("Input.dispatchMouseEvent", &button);
        };
        let (from, to) = (middle("li[data-moves]:nth-child(1) .grip"), middle("li[data-moves]:nth-child(3) .grip"));
        mouse("mousePressed", from);
        for step in 1..=10 {
            let part = f64::from(step) / 10.0;
            mouse("mouseMoved", (from.0, from.1 + (to.1 + 8.0 - from.1) * part));
        }
        assert_eq!(order(), ["first", "second", "third"], "nothing is said before it is let go");
        mouse("mouseReleased", (from.0, to.1 + 8.0));
        browser.until("it is moved", order, |order| *order == ["second", "third", "first"]);
        browser.until(
            "what was moved has the focus",
            || browser.run("return document.activeElement.querySelector('a')?.textContent"),
            |name| *name == "first",
        );
        browser.reload();
        browser.finds("li[data-moves]:nth-child(3) a[href='/rules/first']");
    });
}

#[test]
fn tests_beside_the_rules_are_judged_as_the_rules_are_now_and_as_they_would_be() {
    let household = wanting_films();
    household.write_settings(&format!(
        "{SETTINGS}rules:\n- {{name: no westerns, when: {{genre: {{contains: Western}}}}, exclude: true}}\ntests:\n\
         - {{name: the lonely rider stays away, given: {{title: The Lonely Rider, type: movie, genres: [Western]}}, \
         expect: {{exclude: true}}}}\n\
         - {{name: comedies are taken, given: {{title: The Tin Understudy, type: movie, genres: [Comedy]}}, \
         expect: {{route: [movies]}}}}\n"
    ));
    play_signed_in(Look::LIGHT, household, |scene| {
        let browser = &scene.browser;
        browser.goto("/rules/tests");
        browser.sees("the lonely rider stays away");
        assert_eq!((browser.count("td .badge.is-ok"), browser.count("td .badge.is-bad")), (2, 0));
        browser.goto("/rules/new");
        browser.fill("Name", "nothing funny");
        browser.press("Add condition");
        browser.finds("[name='when.0.field']");
        browser.pick("[name='when.0.field']", "genre");
        browser.finds("[name='when.0.was'][value='genre']");
        browser.write("[name='when.0.value']", "Comedy");
        browser.tick("It goes nowhere");
        browser.press("Preview");
        // It is told before it holds.
        browser.sees("1 of 2 tests of the rules fail");
        browser.sees("comedies are taken");
        browser.press("Save the rule");
        browser.at("/rules");
        browser.sees("nothing funny");
        browser.press("Look at them");
        browser.at("/rules/tests");
        browser.until(
            "the test of comedies fails",
            || (browser.count("td .badge.is-ok"), browser.count("td .badge.is-bad")),
            |counts| *counts == (1, 1),
        );
    });
}

fn tries_a_title_and_keeps_it(look: Look) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let browser = &scene.browser;
        browser.goto("/rules");
        browser.press("Try a title");
        browser.at("/rules/try");
        browser.fill("Title, or a part of one on the watchlists", "tin under");
        browser.press("Find");
        browser.sees("The Tin Understudy");
        browser.press("Take");
        browser.sees("What becomes of it");
        judged(browser);
        assert_eq!(
            (browser.value("Title, or a part of one on the watchlists"), browser.value("Year")),
            ("The Tin Understudy".into(), "1951".into())
        );
        browser.fill("Genre", "Western");
        browser.press("Try it");
        browser.until(
            "the rule decides",
            || browser.text(),
            |text| text.contains("nowhere") && text.contains("no westerns"),
        );
        browser.fill("Genre", "Comedy");
        browser.press("Try it");
        browser.until("it is added", || browser.text(), |text| !text.contains("nowhere"));
        browser.fill("Name of the test", "comedies are taken");
        browser.press("Keep as a test");
        browser.at("/rules/tests");
        browser.sees("comedies are taken");
        judged(browser);
        assert_eq!((browser.count("td .badge.is-ok"), browser.count("td .badge.is-bad")), (1, 0));
        // A rule that says otherwise is kept all the same, and the test says so.
        browser.goto("/rules/new");
        browser.fill("Name", "nothing funny");
        browser.press("Add condition");
        browser.finds("[name='when.0.field']");
        look_at(scene, look, "when.0", "genre");
        browser.write("[name='when.0.value']", "Comedy");
        browser.tick("It goes nowhere");
        browser.press("Preview");
        browser.sees("1 of 1 tests of the rules fail");
        judged(browser);
        browser.press("Save the rule");
        browser.at("/rules");
        browser.sees("1 of 1 fail");
        browser.press("Look at them");
        browser.at("/rules/tests");
        browser.sees("expected route");
        browser.press("Run all");
        browser.sees("1 of 1 tests of the rules fail");
    }
}

#[test]
fn a_title_is_tried_kept_as_a_test_and_fails_when_the_rules_change() {
    play_signed_in(Look::LIGHT, wanting_films(), tries_a_title_and_keeps_it(Look::LIGHT));
}

#[test]
fn a_title_is_tried_and_kept_without_javascript() {
    play_signed_in(Look::WITHOUT_SCRIPTS, wanting_films(), tries_a_title_and_keeps_it(Look::WITHOUT_SCRIPTS));
}
