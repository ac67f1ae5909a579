//! Rows that are changed where they stand: people's sync, approval and alias, the switch and the number of a rule. With scripts the page
//! stays as it is but for the row; without, the same buttons lead back to the list.

use pulsarr_tests::browser::Look;
use pulsarr_tests::fakes::Fault;
use pulsarr_tests::household::{Household, SETTINGS};
use pulsarr_tests::session::Session;
use serde_json::{Value, json};

use crate::accessibility::judged;
use crate::{Scene, play};

const LOOKS: [Look; 2] = [Look::LIGHT, Look::WITHOUT_SCRIPTS];

fn of_three() -> Household {
    let household = Household::new();
    for name in ["tomas.r", "ines_vale"] {
        household.plex.add_friend(name);
    }
    household.sync_well();
    household
}

/// What the API tells of a user's settings.
fn settings(scene: &Scene, session: &Session, user: &str) -> Value {
    session.ask(&scene.service, "GET", &format!("/users/{user}/settings"), &Value::Null).json()["settings"].clone()
}

/// With scripts the page is still the one that was opened first.
fn stays(scene: &Scene, look: Look) {
    if look.scripts {
        assert_eq!(scene.browser.run("return window.opened"), true, "the page was left");
    }
}

/// Opens a page that can be told from one that is loaded later.
fn open(scene: &Scene, path: &str) {
    scene.browser.goto(path);
    if scene.browser.scripts() {
        let _ = scene.browser.run("window.opened = true");
    }
}

/// Presses a switch, and waits until it says this.
fn flip(scene: &Scene, label: &str, on: bool) {
    let css = format!("[role=switch][aria-label='{label}']");
    scene.browser.click(&css);
    scene.browser.finds(&format!("{css}[aria-checked='{on}']"));
}

#[test]
fn a_person_is_changed_in_the_list() {
    for look in LOOKS {
        play(look, of_three(), |scene| {
            let session = scene.sign_in();
            let browser = &scene.browser;
            open(scene, "/users");
            flip(scene, "Sync ines_vale", false);
            flip(scene, "Ask about ines_vale", true);
            if look.scripts {
                browser.finds(".saved");
                assert_eq!(browser.text_of("[data-said]"), "Approval required: ines_vale.");
            } else {
                browser.finds(".notice.is-ok");
            }
            browser.click("[data-row] details.inline:has([aria-label='Alias of ines_vale']) > summary");
            browser.write("[aria-label='Alias of ines_vale']", "Ines");
            browser.enter();
            browser.finds("[aria-label='Alias of Ines']");
            assert_eq!(
                settings(scene, &session, "Ines"),
                json!({"alias": "Ines", "sync": false, "require_approval": true}),
                "{look:?}"
            );
            assert_eq!(settings(scene, &session, "tomas.r"), json!({}), "{look:?}");
            stays(scene, look);

            // The version that the row came with lets the next change pass as well.
            browser.click("[data-row] details.inline:has([aria-label='Alias of Ines']) > summary");
            browser.write("[aria-label='Alias of Ines']", " ");
            browser.click("[data-row]:has([aria-label='Alias of Ines']) [value^='alias ']");
            browser.finds("[aria-label='Alias of ines_vale']");
            assert_eq!(settings(scene, &session, "ines_vale")["alias"], Value::Null);
            stays(scene, look);
        });
    }
}

#[test]
fn an_alias_that_somebody_has_is_refused_in_the_row_and_stays_to_be_mended() {
    for look in LOOKS {
        play(look, of_three(), |scene| {
            let session = scene.sign_in();
            let browser = &scene.browser;
            browser.expects("status of 422");
            open(scene, "/users");
            browser.click("[data-row] details.inline:has([aria-label='Alias of ines_vale']) > summary");
            browser.write("[aria-label='Alias of ines_vale']", "tomas.r");
            browser.enter();
            browser.finds("[data-row]:has([aria-label='Alias of ines_vale']) .error[role=alert]");
            judged(browser);
            assert_eq!(browser.value("Alias of ines_vale"), "tomas.r");
            browser.sees("tomas.r");
            assert_eq!(settings(scene, &session, "ines_vale"), json!({}));
            stays(scene, look);
        });
    }
}

#[test]
fn whoever_is_late_is_told_in_the_row_and_sees_how_it_is_now() {
    for look in LOOKS {
        play(look, of_three(), |scene| {
            let session = scene.sign_in();
            let browser = &scene.browser;
            browser.expects("status of 412");
            open(scene, "/users");
            let other = json!({"sync": false});
            assert!(session.ask(&scene.service, "PUT", "/users/ines_vale/settings", &other).status < 300);
            browser.click("[aria-label='Ask about ines_vale']");
            browser.finds("[data-row]:has([aria-label='Ask about ines_vale']) .error[role=alert]");
            browser.sees("You wanted approval: somebody is asked; by now it is sync: off.");
            browser.finds("[aria-label='Sync ines_vale'][aria-checked=false]");
            assert_eq!(settings(scene, &session, "ines_vale"), other, "{look:?}");
            // Pressed again it is meant.
            flip(scene, "Ask about ines_vale", true);
            stays(scene, look);
        });
    }
}

#[test]
fn switches_that_are_flipped_at_once_are_saved_one_after_the_other_and_what_is_typed_stays() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        open(scene, "/users");
        browser.click("[data-row] details.inline:has([aria-label='Alias of ines_vale']) > summary");
        browser.write("[aria-label='Alias of ines_vale']", "Ines");
        let _ = browser.run(
            "for (const label of ['Sync ines_vale', 'Ask about ines_vale', 'Sync tomas.r'])
               document.querySelector(`[aria-label='${label}']`).click()",
        );
        browser.finds("[aria-label='Sync tomas.r'][aria-checked=false]");
        assert_eq!(settings(scene, &session, "ines_vale"), json!({"sync": false, "require_approval": true}));
        assert_eq!(settings(scene, &session, "tomas.r"), json!({"sync": false}));
        assert_eq!(browser.count("[data-row] .error"), 0);
        // Whoever writes goes on writing.
        assert_eq!(browser.value("Alias of ines_vale"), "Ines");
        browser.until(
            "the field has the focus",
            || browser.run("return document.activeElement.ariaLabel"),
            |label| *label == "Alias of ines_vale",
        );
        browser.enter();
        browser.finds("[aria-label='Alias of Ines']");
        assert_eq!(settings(scene, &session, "Ines")["alias"], "Ines");
        stays(scene, Look::LIGHT);
    });
}

#[test]
fn enter_in_one_of_two_fields_that_were_changed_asks_which_is_meant_and_keeps_both() {
    play(Look::WITHOUT_SCRIPTS, of_three(), |scene| {
        let session = scene.sign_in();
        for name in ["first", "second"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let browser = &scene.browser;
        browser.expects("status of 400");
        browser.expects("status of 422");
        let change = |path: &str, fields: [(&str, &str); 2]| {
            browser.goto(path);
            for (label, text) in fields {
                browser.click(&format!("details.inline:has([aria-label='{label}']) > summary"));
                browser.write(&format!("[aria-label='{label}']"), text);
            }
            browser.enter();
            browser.sees("save one at a time, with the button beside it");
            for (label, text) in fields {
                assert_eq!(browser.value(label), text);
            }
        };
        change("/users", [("Alias of ines_vale", "Ines"), ("Alias of tomas.r", "Tom")]);
        assert_eq!(settings(scene, &session, "ines_vale"), json!({}));
        change("/rules", [("Priority of first", "1"), ("Priority of second", "2")]);
        browser.click("[data-row=second] [value^='priority ']");
        browser.finds("li:first-child[data-row=second]");
    });
}

#[test]
fn what_plex_is_asked_for_by_a_change_in_the_list_is_shown_once_it_answers() {
    play(Look::LIGHT, of_three(), |scene| {
        let _ = scene.sign_in();
        let (browser, plex) = (&scene.browser, &scene.household.plex);
        plex.inject(Fault::on("ANY", "").held());
        open(scene, "/users");
        browser.sees("Plex is being asked about friend requests.");
        // As if it had been told by then, and nothing was waited for any more.
        let _ = browser.run(
            "const [real, cleared] = [setTimeout, clearTimeout];
             window.waiting = new Set();
             window.setTimeout = (act, ms) => {
               const id = real(() => { waiting.delete(id); act(); }, ms);
               waiting.add(id);
               return id;
             };
             window.clearTimeout = (id) => { waiting.delete(id); cleared(id); };",
        );
        browser.until("it is looked again", || browser.run("return waiting.size"), |count| *count == 1);
        let _ = browser.run("document.getElementById('requests').replaceChildren()");
        browser.until("nothing is waited for", || browser.run("return waiting.size"), |count| *count == 0);
        flip(scene, "Sync ines_vale", false);
        browser.sees("Plex is being asked about friend requests.");
        plex.release();
        browser.sees_no_more("is being asked");
        stays(scene, Look::LIGHT);
    });
}

#[test]
fn whoever_no_longer_fits_what_is_looked_at_leaves_the_list() {
    for look in LOOKS {
        play(look, of_three(), |scene| {
            let session = scene.sign_in();
            let browser = &scene.browser;
            browser.goto("/users?show=synced&text=es");
            browser.finds("[aria-label='Sync ines_vale']");
            browser.click("[aria-label='Sync ines_vale']");
            browser.sees("Nobody fits");
            assert_eq!(settings(scene, &session, "ines_vale"), json!({"sync": false}));
        });
    }
}

/// The names of the rules, as the API lists them, and which of them are on.
fn rules(scene: &Scene, session: &Session) -> Vec<(String, bool)> {
    let rules = session.ask(&scene.service, "GET", "/rules", &Value::Null).json()["rules"].clone();
    let row = |rule: &Value| (rule["name"].as_str().unwrap().to_owned(), rule["enabled"] == true);
    rules.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_rule_is_switched_and_numbered_in_the_list() {
    for look in LOOKS {
        let household = of_three();
        let declared = "rules:\n- {name: from the file, when: {type: show}, label: x}\n";
        household.write_settings(&format!("{SETTINGS}{declared}"));
        play(look, household, |scene| {
            let session = scene.sign_in();
            for name in ["first", "second"] {
                let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
                assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
            }
            let names = |names: [(&str, bool); 3]| names.map(|(name, on)| (name.to_owned(), on)).to_vec();
            let browser = &scene.browser;
            browser.expects("status of 422");
            open(scene, "/rules");
            assert_eq!(browser.count("[data-row='from the file'] :is(.flip, .inline)"), 0, "it is changed in its file");

            flip(scene, "second", false);
            assert_eq!(
                rules(scene, &session),
                names([("from the file", true), ("first", true), ("second", false)]),
                "{look:?}"
            );
            browser.click("[data-row=second] summary");
            browser.write("[aria-label='Priority of second']", "soon");
            browser.click("[data-row=second] [value^='priority ']");
            browser.finds("[data-row=second] .error[role=alert]");
            judged(browser);
            assert_eq!(browser.value("Priority of second"), "soon");
            browser.write("[aria-label='Priority of second']", "7");
            browser.enter();
            // A number goes before those without.
            browser.finds("li:first-child[data-row=second]");
            assert_eq!(
                rules(scene, &session),
                names([("second", false), ("from the file", true), ("first", true)]),
                "{look:?}"
            );
            flip(scene, "second", true);
            stays(scene, look);
        });
    }
}

/// A service whose answers to forms come when the story says so.
fn holds_answers(scene: &Scene) {
    let _ = scene.browser.run(
        "window.goOn = []; const real = window.fetch;
         window.fetch = async (...asked) => {
           const answer = await real(...asked);
           if (asked[1].method === 'POST') await new Promise((go) => window.goOn.push(go));
           return answer;
         }",
    );
}

fn one_answer_comes(scene: &Scene) {
    let waits = || scene.browser.run("return window.goOn.length > 0 && (window.goOn.shift()(), true)");
    scene.browser.until("an answer is there", waits, |it| *it == true);
}

#[test]
fn whoever_goes_on_to_another_control_of_the_row_stays_there() {
    play(Look::LIGHT, of_three(), |scene| {
        let _session = scene.sign_in();
        let browser = &scene.browser;
        open(scene, "/users");
        holds_answers(scene);
        let label = || browser.run("return document.activeElement.ariaLabel");
        let _ = browser.run("document.querySelector(\"[aria-label='Sync ines_vale']\").focus()");
        browser.keys(" ");
        let _ = browser.run("document.querySelector(\"[aria-label='Ask about ines_vale']\").focus()");
        one_answer_comes(scene);
        browser.finds("[aria-label='Sync ines_vale'][aria-checked=false]");
        assert_eq!(label(), "Ask about ines_vale");
        // A field that was opened and not typed in yet is still open.
        browser.keys(" ");
        browser.click("details.inline:has([aria-label='Alias of ines_vale']) > summary");
        browser.click("[aria-label='Alias of ines_vale']");
        one_answer_comes(scene);
        browser.finds("[aria-label='Ask about ines_vale'][aria-checked=true]");
        assert_eq!(label(), "Alias of ines_vale");
        browser.keys("Ines");
        assert_eq!(browser.value("Alias of ines_vale"), "Ines");
        stays(scene, Look::LIGHT);
    });
}

#[test]
fn what_was_pressed_before_a_late_change_was_told_is_not_done() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        browser.expects("status of 412");
        open(scene, "/users");
        let other = json!({"alias": "Ines"});
        assert!(session.ask(&scene.service, "PUT", "/users/ines_vale/settings", &other).status < 300);
        let _ = browser.run(
            "for (const label of ['Sync ines_vale', 'Ask about ines_vale', 'Sync tomas.r'])
               document.querySelector(`[aria-label='${label}']`).click()",
        );
        browser.sees("by now it is alias: Ines.");
        // What nobody typed is not taken for typed: the alias is the one that it is by now, and folded away.
        assert_eq!(browser.attribute("[aria-label='Alias of Ines']", "value"), "Ines");
        assert_eq!(browser.count("details.inline[open]"), 0);
        flip(scene, "Sync tomas.r", false);
        assert_eq!(settings(scene, &session, "Ines"), other);
        assert_eq!(settings(scene, &session, "tomas.r"), json!({"sync": false}));
    });
}

#[test]
fn without_scripts_a_late_change_shows_what_is_kept_by_now_where_nobody_typed() {
    play(Look::WITHOUT_SCRIPTS, of_three(), |scene| {
        let session = scene.sign_in();
        let browser = &scene.browser;
        browser.expects("status of 412");
        browser.goto("/users");
        browser.click("details.inline:has([aria-label='Alias of tomas.r']) > summary");
        browser.write("[aria-label='Alias of tomas.r']", "Tom");
        let other = json!({"alias": "Ines"});
        assert!(session.ask(&scene.service, "PUT", "/users/ines_vale/settings", &other).status < 300);
        browser.click("[aria-label='Sync ines_vale']");
        browser.sees("by now it is alias: Ines.");
        let value = |label: &str| browser.attribute(&format!("[aria-label='{label}']"), "value");
        assert_eq!((value("Alias of Ines"), value("Alias of tomas.r")), ("Ines".to_owned(), "Tom".to_owned()));
        assert_eq!(browser.count("details.inline[open]"), 1);
    });
}

#[test]
fn an_answer_that_is_no_list_is_shown_plainly() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = scene.sign_in();
        for name in ["first", "second"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let browser = &scene.browser;
        browser.expects("status of 401");
        browser.goto("/rules");
        browser.forget_cookies();
        browser.click(".flip");
        browser.finds("input[name=password]");
    });
}

#[test]
fn a_rule_is_moved_while_a_number_is_typed_for_another() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = scene.sign_in();
        for name in ["first", "second", "third"] {
            let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
            assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
        }
        let browser = &scene.browser;
        open(scene, "/rules");
        browser.click("[data-row=first] details.inline > summary");
        browser.write("[aria-label='Priority of first']", "77");
        // Twice at once: the second is about what the first has made.
        let _ = browser
            .run("for (let n = 0; n < 2; n += 1) document.querySelector('[aria-label=\"Move third up\"]').click()");
        browser.until(
            "it is moved",
            || rules(scene, &session),
            |rules| rules.iter().map(|(name, _)| name.as_str()).eq(["third", "first", "second"]),
        );
        browser.finds("li:first-child[data-row=third]");
        assert_eq!(browser.value("Priority of first"), "77");
        stays(scene, Look::LIGHT);
    });
}

/// Rules that can be moved, in this order.
fn with_rules(scene: &Scene, names: &[&str]) -> Session {
    let session = scene.sign_in();
    for name in names {
        let rule = json!({"name": name, "when": {"type": "movie"}, "label": name});
        assert!(session.ask(&scene.service, "POST", "/rules", &rule).status < 300);
    }
    session
}

#[test]
fn of_two_rules_one_gets_a_number_while_one_is_typed_for_the_other() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = with_rules(scene, &["first", "second"]);
        let browser = &scene.browser;
        let number = |name: &str| {
            let rule = session.ask(&scene.service, "GET", &format!("/rules/{name}"), &Value::Null).json();
            rule["rule"]["priority"].clone()
        };
        open(scene, "/rules");
        browser.click("[data-row=first] details.inline > summary");
        browser.write("[aria-label='Priority of first']", "7");
        browser.click("[data-row=second] details.inline > summary");
        browser.write("[aria-label='Priority of second']", "5");
        browser.enter();
        // From now on there is nothing that could be moved, and then there is again.
        browser.finds("li:first-child[data-row=second]");
        assert_eq!((number("second"), browser.value("Priority of first")), (5.into(), "7".to_owned()));
        browser.click("[data-row=second] details.inline > summary");
        browser.write("[aria-label='Priority of second']", "");
        browser.enter();
        browser.finds("[data-row=first] input[name=names]");
        assert_eq!((number("second"), browser.value("Priority of first")), (Value::Null, "7".to_owned()));
        assert_eq!((browser.count("[role=alert]"), number("first")), (0, Value::Null));
        stays(scene, Look::LIGHT);
    });
}

#[test]
fn a_rule_that_is_dragged_while_another_is_saved_goes_where_it_was_dropped() {
    play(Look::LIGHT, of_three(), |scene| {
        let session = with_rules(scene, &["first", "second", "third"]);
        let browser = &scene.browser;
        let take = |name: &str| {
            let _ = browser.run(&format!(
                "document.querySelector('[data-row={name}] .grip').dispatchEvent(new PointerEvent('pointerdown', {{bubbles: true, button: 0}}))"
            ));
        };
        let drop_last = || {
            let _ = browser.run(
                "const {bottom} = [...document.querySelectorAll('[data-row]')].at(-1).getBoundingClientRect();
                 for (const type of ['pointermove', 'pointermove', 'pointermove', 'pointerup'])
                   document.dispatchEvent(new PointerEvent(type, {clientY: bottom}))",
            );
        };
        let is_ordered = |wanted: [&str; 3]| {
            browser.until(
                "they are in order",
                || rules(scene, &session),
                |rules| rules.iter().map(|(name, _)| name.as_str()).eq(wanted),
            );
            browser.finds(&format!("li:last-child[data-row={}]", wanted[2]));
            assert_eq!(browser.count("[data-row]"), 3);
        };
        open(scene, "/rules");
        holds_answers(scene);
        // Dropped before the answer is there.
        browser.click("[data-row=second] .flip");
        take("first");
        drop_last();
        one_answer_comes(scene);
        one_answer_comes(scene);
        is_ordered(["second", "third", "first"]);
        // The answer comes while it is held.
        browser.click("[data-row=second] .flip");
        take("second");
        one_answer_comes(scene);
        browser.finds("[data-row=second] [aria-checked=true]");
        drop_last();
        one_answer_comes(scene);
        is_ordered(["third", "first", "second"]);
        assert_eq!(browser.count("[role=alert]"), 0);
        stays(scene, Look::LIGHT);
    });
}
