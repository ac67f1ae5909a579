use pulsarr_tests::fakes::{FakePlex, PlexResource};
use serde_json::{Value, json};

use crate::pages::testing::{Shown, Visitor};

const EVERY: [&str; 10] =
    ["general", "plex", "authentication", "api-keys", "tmdb", "intervals", "logs", "transfer", "all", "about"];

/// The value of the first hidden field `version` behind `mark`.
fn version(page: &str, mark: &str) -> String {
    let (_, rest) = page.split_once(mark).unwrap();
    let (_, rest) = rest.split_once("name=\"version\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// What the service keeps of a group.
async fn kept(visitor: &Visitor, section: &str) -> Value {
    visitor.api("GET", &format!("/settings/{section}")).await.json["stored"].clone()
}

fn check(shown: &Shown, status: u16, says: &[&str]) {
    assert_eq!(shown.status, status, "{}", shown.text);
    for text in says {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
}

#[tokio::test]
async fn every_part_has_its_page_and_is_for_whoever_is_signed_in() {
    let visitor = Visitor::set_up("").await;
    assert_eq!(visitor.get("/settings").await.header("location"), "/settings/general");
    for part in EVERY {
        let page = visitor.get(&format!("/settings/{part}")).await;
        check(&page, 200, &[&format!("href=\"/settings/{part}\" aria-current=\"page\"")]);
        assert!(page.text.len() < 20_000, "{part} has {} bytes", page.text.len());
    }
    let forms = [
        "general/default",
        "plex/friends",
        "plex/server",
        "plex/unlink",
        "authentication/password",
        "authentication/sign-out",
        "api-keys",
        "api-keys/1/revoke",
        "tmdb",
        "intervals",
        "logs",
        "transfer",
    ];
    for form in forms {
        let refused = visitor.post_as(&format!("/settings/{form}"), "guessed", &[("friends", "true")]).await;
        assert_eq!(refused.status, 403, "{form}");
    }
    let visitor = visitor.signed_out();
    for part in EVERY {
        let led = visitor.get(&format!("/settings/{part}")).await;
        assert_eq!((led.status, led.header("location")), (303, format!("/login?next=/settings/{part}").as_str()));
    }
    assert_eq!(visitor.get("/settings/transfer/pulsarr.yaml").await.status, 303);
}

#[tokio::test]
async fn general_settings_are_kept_and_an_empty_zone_is_forgotten() {
    let visitor = Visitor::set_up("").await;
    assert_eq!(visitor.post("/settings/general/default", &[("value", "none")]).await.status, 303);
    assert_eq!(kept(&visitor, "default").await, json!({"value": "none"}));
    let wrong = visitor.post("/settings/general/time_zone", &[("value", "Mars/<Base>")]).await;
    check(&wrong, 422, &["value=\"Mars/&#60;Base&#62;\"", "aria-invalid=\"true\"", "id=\"zone-error\""]);
    assert_eq!(visitor.post("/settings/general/time_zone", &[("value", "Europe/Berlin")]).await.status, 303);
    check(&visitor.get("/settings/general").await, 200, &["Now it is Europe/Berlin"]);
    assert_eq!(visitor.post("/settings/general/time_zone", &[("value", " ")]).await.status, 303);
    assert_eq!(kept(&visitor, "time_zone").await, json!({}));
    let sent = [
        ("expire_after_h", "72"),
        ("then", "approve"),
        ("rule.expire_after_h", "never"),
        ("user.then", ""),
        ("quota.expire_after_h", " 5 "),
    ];
    assert_eq!(visitor.post("/settings/general/approvals", &sent).await.status, 303);
    let quota = json!({"expire_after_h": 5, "approve_when_free": false});
    let expected =
        json!({"expire_after_h": 72, "then": "approve", "rule": {"expire_after_h": "never"}, "quota": quota});
    assert_eq!(kept(&visitor, "approvals").await, expected);
    for hours in ["0", "8761", "soon", "-1"] {
        let wrong = visitor.post("/settings/general/approvals", &[("rule.expire_after_h", hours)]).await;
        check(&wrong, 422, &["id=\"rule.expire_after_h-error\"", &format!("value=\"{hours}\"")]);
    }
    let never = visitor.post("/settings/general/approvals", &[("user.then", "approve")]).await;
    check(&never, 422, &["id=\"user.then-error\""]);
    assert_eq!(kept(&visitor, "approvals").await, expected, "nothing is half saved");
    assert_eq!(visitor.post("/settings/general/rules", &[("value", "x")]).await.status, 404);
}

#[tokio::test]
async fn a_stale_edit_shows_both_versions() {
    let visitor = Visitor::set_up("").await;
    assert_eq!(visitor.post("/settings/general/default", &[("value", "none")]).await.status, 303);
    let seen = version(&visitor.get("/settings/general").await.text, "action=\"/settings/general/default\"");
    let with = |value| [("version", seen.as_str()), ("value", value)];
    assert_eq!(visitor.post("/settings/general/default", &with("instance")).await.status, 303);
    let stale = visitor.post("/settings/general/default", &with("none")).await;
    check(&stale, 412, &["<ins>value: none</ins>", "<del>value: instance</del>"]);
    assert_eq!(kept(&visitor, "default").await, json!({"value": "instance"}));
}

#[tokio::test]
async fn what_the_settings_file_has_is_marked_and_stays() {
    let file = "default: none\ntime_zone: Europe/Paris\napprovals: {rule: {expire_after_h: 9}}\n\
                plex: {token: hunter2-plex, friends: false}\ntmdb: {api_key: hunter2-tmdb, region: DE}\n";
    let visitor = Visitor::set_up(file).await;
    let general = visitor.get("/settings/general").await;
    check(&general, 200, &["Changed in pulsarr.yaml:1", "value=\"Europe/Paris\"", "declared in file"]);
    assert_eq!(general.text.matches("declared in file").count(), 3, "{}", general.text);
    let changed = visitor.post("/settings/general/approvals", &[("expire_after_h", "5")]).await;
    assert_eq!(changed.status, 303, "the rest can be changed: {}", changed.text);
    assert_eq!(kept(&visitor, "approvals").await, json!({"expire_after_h": 5, "quota": {"approve_when_free": false}}));
    let plex = visitor.get("/settings/plex").await;
    check(&plex, 200, &["pulsarr.yaml:4", "The settings file declares the token"]);
    assert!(!plex.text.contains("plex/unlink"), "{}", plex.text);
    assert_eq!(visitor.post("/settings/plex/unlink", &[]).await.status, 409);
    assert_eq!(visitor.post("/settings/plex/friends", &[("friends", "true")]).await.status, 409);
    check(&visitor.get("/settings/tmdb").await, 200, &["Changed in pulsarr.yaml:5", "value=\"DE\""]);
    for part in EVERY {
        assert!(!visitor.get(&format!("/settings/{part}")).await.text.contains("hunter2"), "{part}");
    }
}

#[tokio::test]
async fn the_tmdb_token_is_written_kept_and_forgotten_and_never_shown() {
    let visitor = Visitor::set_up("").await;
    let set = json!({"set": true});
    assert_eq!(visitor.post("/settings/tmdb", &[("api_key", "hunter2"), ("region", "de")]).await.status, 303);
    assert_eq!(kept(&visitor, "tmdb").await, json!({"api_key": set, "region": "de"}));
    let page = visitor.get("/settings/tmdb").await;
    check(&page, 200, &["stored; empty keeps it", "value=\"de\""]);
    assert!(!page.text.contains("hunter2"), "{}", page.text);
    for region in ["", "at"] {
        assert_eq!(visitor.post("/settings/tmdb", &[("api_key", ""), ("region", region)]).await.status, 303);
        assert_eq!(kept(&visitor, "tmdb").await["api_key"], set, "an empty field keeps it");
    }
    let wrong = visitor.post("/settings/tmdb", &[("api_key", "hunter3"), ("region", "Germany")]).await;
    check(&wrong, 422, &["id=\"region-error\"", "value=\"Germany\""]);
    assert!(!wrong.text.contains("hunter3"), "{}", wrong.text);
    let seen = version(&page.text, "action=\"/settings/tmdb\"");
    let stale = visitor.post("/settings/tmdb", &[("version", &seen), ("api_key", "hunter4")]).await;
    check(&stale, 412, &["api_key.set: true"]);
    assert!(!stale.text.contains("hunter4"), "{}", stale.text);
    assert_eq!(visitor.post("/settings/tmdb", &[("forget", "true"), ("region", "at")]).await.status, 303);
    assert_eq!(kept(&visitor, "tmdb").await, json!({"region": "at"}));
    assert_eq!(visitor.post("/settings/tmdb", &[("region", "")]).await.status, 303);
    assert_eq!(kept(&visitor, "tmdb").await, json!({}));
}

#[tokio::test]
async fn plex_without_an_account_leads_to_linking_one_and_a_strange_server_is_refused() {
    let visitor = Visitor::set_up("").await;
    check(&visitor.get("/settings/plex").await, 200, &["href=\"/setup/plex\"", "No Plex account is linked"]);
    assert_eq!(visitor.post("/settings/plex/friends", &[]).await.status, 303);
    assert_eq!(kept(&visitor, "plex").await, json!({"friends": false}));
    assert_eq!(visitor.post("/settings/plex/friends", &[("friends", "true")]).await.status, 303);
    assert_eq!(kept(&visitor, "plex").await, json!({"friends": true}));
    let wrong = visitor.post("/settings/plex/server", &[("url", "no <address>")]).await;
    check(&wrong, 422, &["value=\"no &#60;address&#62;\"", "id=\"url-error\""]);
    check(&visitor.post("/settings/plex/server", &[("url", " ")]).await, 400, &["say the address"]);
    check(&visitor.get("/settings/plex?servers=1").await, 200, &["no Plex account is linked"]);
    assert_eq!(visitor.post("/settings/plex/unlink", &[]).await.status, 404);
}

#[tokio::test]
async fn a_linked_account_is_shown_its_server_is_chosen_from_a_list_and_both_are_forgotten() {
    let plex = FakePlex::start();
    let hostile = "<b>Attic</b>\u{202e}";
    plex.set_resources([PlexResource::new(hostile, &plex.machine_identifier()).local(&plex.server_url())]);
    let vars = plex.envs();
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let visitor = Visitor::set_up_with(&[vars.as_slice(), &[("PULSARR_RETRY_BASE_MS", "0")]].concat(), "").await;
    let linked = visitor.api_with("PUT", "/plex/token", Some(json!({"token": plex.owner_token()}))).await;
    assert_eq!(linked.status, 200, "{}", linked.text);
    let page = visitor.get("/settings/plex").await;
    check(
        &page,
        200,
        &["Plex takes the token", linked.json["is"].as_str().unwrap(), "Link again", "stored in the service"],
    );
    assert!(!page.text.contains(&plex.owner_token()), "{}", page.text);
    let list = visitor.until("/settings/plex?servers=1", |page| page.contains("As of <time")).await;
    check(&list, 200, &["&#60;b&#62;Attic", &format!("name=\"url\" value=\"{}\"", plex.server_url())]);
    let seen = version(&list.text, "action=\"/settings/plex/server\"");
    let url = plex.server_url();
    let choose = [("version", seen.as_str()), ("url", url.as_str())];
    assert_eq!(visitor.post("/settings/plex/server", &choose).await.status, 303);
    assert_eq!(kept(&visitor, "plex").await["server_url"], url.as_str());
    check(&visitor.get("/settings/plex").await, 200, &["answers</span>", "&#60;b&#62;Attic"]);
    let stale = visitor.post("/settings/plex/server", &choose).await;
    check(&stale, 412, &["As it is now", &url]);
    assert_eq!(visitor.post("/settings/plex/friends", &[]).await.status, 303);
    assert_eq!(kept(&visitor, "plex").await["server_url"], url.as_str(), "the rest of the group stays");
    assert_eq!(visitor.post("/settings/plex/server", &[("do", "forget")]).await.status, 303);
    assert_eq!(kept(&visitor, "plex").await, json!({"token": {"set": true}, "friends": false}));
    assert_eq!(visitor.post("/settings/plex/unlink", &[]).await.status, 303);
    check(&visitor.get("/settings/plex").await, 200, &["No Plex account is linked"]);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_a_wrong_one_changes_nothing() {
    let visitor = Visitor::set_up("").await;
    let other = visitor.again().await;
    let page = visitor.get("/settings/authentication").await;
    check(&page, 200, &["192.168.1.10", "here</span>", "PULSARR_AUTH"]);
    let with = |current, new, again| [("current", current), ("new", new), ("again", again)];
    let change = "/settings/authentication/password";
    let unlike = visitor.post(change, &with(Visitor::PASSWORD, "battery staple", "battery stable")).await;
    check(&unlike, 422, &["id=\"again-error\""]);
    check(&visitor.post(change, &with(Visitor::PASSWORD, "short", "short")).await, 422, &["id=\"new-error\""]);
    let wrong = visitor.post(change, &with("guessed pass", "battery staple", "battery staple")).await;
    check(&wrong, 403, &["the current password is wrong"]);
    assert!(!wrong.text.contains("battery staple") && !wrong.text.contains("guessed pass"), "{}", wrong.text);
    assert_eq!(other.api(&visitor, "GET", "/session").await.status, 200);
    let led = visitor.post(change, &with(Visitor::PASSWORD, "battery staple", "battery staple")).await;
    assert_eq!((led.status, led.header("location")), (303, "/settings/authentication"));
    assert_eq!(other.api(&visitor, "GET", "/session").await.status, 401);
    assert_eq!(visitor.api("GET", "/session").await.status, 200);
}

#[tokio::test]
async fn signing_out_elsewhere_and_everywhere() {
    let visitor = Visitor::set_up("").await;
    let other = visitor.again().await;
    let sign_out = "/settings/authentication/sign-out";
    assert_eq!(visitor.post(sign_out, &[("do", "others")]).await.status, 303);
    assert_eq!(other.api(&visitor, "GET", "/session").await.status, 401);
    assert_eq!(visitor.api("GET", "/session").await.status, 200);
    let led = visitor.post(sign_out, &[("do", "everywhere")]).await;
    assert_eq!((led.status, led.header("location")), (303, "/login"));
    assert_eq!(visitor.api("GET", "/session").await.status, 401);
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let visitor = Visitor::set_up("").await;
    check(&visitor.get("/settings/api-keys").await, 200, &["No API keys"]);
    let made = visitor.post("/settings/api-keys", &[("name", "<b>backup"), ("scope", "read")]).await;
    check(&made, 200, &["&#60;b&#62;backup", "It is not shown again".to_lowercase().as_str()]);
    let (_, rest) = made.text.split_once("value=\"pulsarr_").unwrap();
    let key = format!("pulsarr_{}", rest.split('"').next().unwrap());
    let headers = [("x-api-key", key.as_str())];
    let asked = |method| visitor.service.ask("192.168.1.9", method, "/settings/default", &headers, None);
    assert_eq!((asked("GET").await.status, asked("DELETE").await.status), (200, 403));
    let list = visitor.get("/settings/api-keys").await;
    assert!(!list.text.contains(&key) && list.text.contains(&key[..12]), "{}", list.text);
    let twice = visitor.post("/settings/api-keys", &[("name", "<b>backup"), ("scope", "write")]).await;
    check(&twice, 409, &["there is an API key"]);
    let wrong = visitor.post("/settings/api-keys", &[("name", " "), ("scope", "write")]).await;
    check(&wrong, 422, &["id=\"name-error\"", "value=\"write\" checked"]);
    assert_eq!(visitor.post("/settings/api-keys/1/revoke", &[]).await.status, 303);
    assert_eq!(asked("GET").await.status, 401);
    check(&visitor.post("/settings/api-keys/1/revoke", &[]).await, 404, &["no API key with the number 1"]);
}

#[tokio::test]
async fn a_file_is_looked_at_first_and_then_imported() {
    let visitor = Visitor::set_up("").await;
    assert_eq!(visitor.post("/settings/general/default", &[("value", "none")]).await.status, 303);
    let file = "time_zone: Europe/Paris\r\nusers:\r\n  overrides:\r\n  - {plex: '<Tomas>', sync: false}\r\n";
    let plan = visitor.post("/settings/transfer", &[("file", file), ("do", "look")]).await;
    check(&plan, 200, &["users &#60;tomas&#62;", "time_zone", "removed</span> 1", "value=\"apply\""]);
    assert_eq!(kept(&visitor, "time_zone").await, json!({}), "nothing is changed by looking");
    let state = version(&plan.text, "id=\"plan\"");
    assert_eq!(visitor.post("/settings/general/default", &[("value", "instance")]).await.status, 303);
    let apply = |state: String| {
        let fields = [("file", file.to_owned()), ("do", "apply".to_owned()), ("version", state)];
        let visitor = &visitor;
        async move {
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            visitor.post("/settings/transfer", &fields).await
        }
    };
    let stale = apply(state).await;
    check(&stale, 412, &["somebody has changed the settings", "What the file would change"]);
    assert_eq!(kept(&visitor, "time_zone").await, json!({}));
    let led = apply(version(&stale.text, "id=\"plan\"")).await;
    assert_eq!(led.status, 303, "{}", led.text);
    assert_eq!(kept(&visitor, "time_zone").await, json!({"value": "Europe/Paris"}));
    assert_eq!(kept(&visitor, "default").await, json!({}));
    let again = visitor.post("/settings/transfer", &[("file", file), ("do", "look")]).await;
    check(&again, 200, &["says the same already"]);
    assert!(!again.text.contains("value=\"apply\""), "{}", again.text);
}

#[tokio::test]
async fn a_file_with_mistakes_tells_all_of_them_and_keeps_what_was_pasted() {
    let visitor = Visitor::set_up("").await;
    let file = "default: sometimes\ntime_zone: Mars\n# <script>alert(1)</script>\n";
    for act in ["look", "apply"] {
        let refused = visitor.post("/settings/transfer", &[("file", file), ("do", act)]).await;
        check(&refused, 422, &["2 mistakes", "line 1:", "line 2:", "&#60;script&#62;alert(1)"]);
        assert!(!refused.text.contains("<script>alert"));
    }
    check(&visitor.post("/settings/transfer", &[("file", " \r\n")]).await, 400, &["there is no file"]);
    let large = "#".repeat(1024 * 1024);
    assert_eq!(visitor.post("/settings/transfer", &[("file", &large)]).await.status, 413);
}

#[tokio::test]
async fn the_export_is_a_file_without_secrets() {
    let visitor = Visitor::set_up("plex: {token: hunter2-plex}\ndefault: none\n").await;
    let file = visitor.get("/settings/transfer/pulsarr.yaml").await;
    check(&file, 200, &["default: none"]);
    assert!(file.header("content-disposition").contains("pulsarr.yaml") && !file.text.contains("hunter2"));
}

#[tokio::test]
async fn every_setting_stands_with_its_source_and_can_be_searched() {
    let visitor = Visitor::set_up("default: none\nusers:\n  overrides:\n  - {plex: '<i>Tom', sync: false}\n").await;
    let from_file = visitor.get("/settings/all?from=file").await;
    check(&from_file, 200, &["pulsarr.yaml:1", "&#60;i&#62;Tom"]);
    assert!(!from_file.text.contains("PULSARR_PORT"), "{}", from_file.text);
    let found = visitor.get("/settings/all?text=fast_lane_own").await;
    check(&found, 200, &["PULSARR_FAST_LANE_OWN_S"]);
    check(&visitor.get("/settings/all?page=999").await, 200, &["–"]);
    check(&visitor.get("/settings/all?text=nothing-like-this").await, 200, &["Nothing fits"]);
    check(&visitor.get("/settings/intervals").await, 200, &["PULSARR_RUN_LIMIT_S", "placeholder=\"20\"", ">200<"]);
    let about = visitor.get("/settings/about").await;
    check(&about, 200, &[env!("CARGO_PKG_VERSION"), "/api/v1/docs", "version "]);
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_kept_and_marked() {
    let visitor = Visitor::set_up("").await;
    let refused = visitor.post("/settings/logs", &[("filter", "lous<d")]).await;
    check(&refused, 422, &["value=\"lous&#60;d\"", "id=\"filter-error\""]);
}

#[tokio::test]
async fn intervals_are_kept_each_field_has_its_own_message_and_a_stale_edit_shows_both_versions() {
    let visitor = Visitor::set_up("intervals: {feeds: 'off'}\n").await;
    let sent = [("version", "0"), ("fast_lane", "false"), ("own_s", " 40 ")];
    assert_eq!(visitor.post("/settings/intervals", &sent).await.status, 303);
    assert_eq!(kept(&visitor, "intervals").await, json!({"fast_lane": false, "own_s": 40}));
    let page = visitor.get("/settings/intervals").await;
    check(&page, 200, &["id=\"own_s\" name=\"own_s\" value=\"40\"", "Changed in pulsarr.yaml:1."]);
    let now = version(&page.text, "How often there is a look");
    let wrong = visitor.post("/settings/intervals", &[("version", &now), ("own_s", "4"), ("friends_s", "60")]).await;
    check(&wrong, 422, &["id=\"own_s-error\"", "expected seconds, from 5 to 3600", "value=\"60\""]);
    let stale = visitor.post("/settings/intervals", &[("version", "0"), ("own_s", "50")]).await;
    check(&stale, 412, &["own_s: 50", "own_s: 40"]);
    assert_eq!(kept(&visitor, "intervals").await, json!({"fast_lane": false, "own_s": 40}), "nothing is half saved");
}

#[tokio::test]
async fn log_files_are_asked_for_in_the_settings_and_the_level_is_a_form_of_its_own() {
    let visitor = Visitor::set_up("logs: {rotate: 5}\n").await;
    let sent = [("version", "0"), ("file", "true"), ("size_limit_mb", " 2 ")];
    assert_eq!(visitor.post("/settings/logs/files", &sent).await.status, 303);
    assert_eq!(kept(&visitor, "logs").await, json!({"file": true, "size_limit_mb": 2}));
    let page = visitor.get("/settings/logs").await;
    let there = ["<option value=\"true\" selected>on</option>", "value=\"2\"", "Changed in pulsarr.yaml:1."];
    check(&page, 200, &there);
    let now = version(&page.text, "Log files");
    let sent = [("version", now.as_str()), ("size_limit_mb", "101"), ("file", "false")];
    let wrong = visitor.post("/settings/logs/files", &sent).await;
    check(&wrong, 422, &["id=\"size_limit_mb-error\"", "expected megabytes, from 1 to 100", "value=\"101\""]);
    let stale = visitor.post("/settings/logs/files", &[("version", "0"), ("size_limit_mb", "3")]).await;
    check(&stale, 412, &["size_limit_mb: 3", "size_limit_mb: 2"]);
    assert_eq!(kept(&visitor, "logs").await, json!({"file": true, "size_limit_mb": 2}), "nothing is half saved");
}

#[tokio::test]
async fn what_the_environment_has_is_shown_and_what_a_file_says_of_intervals_and_log_files_is_imported() {
    let visitor = Visitor::set_up_with(&[("PULSARR_FAST_LANE_OWN_S", "33")], "").await;
    let page = visitor.get("/settings/intervals").await;
    check(&page, 200, &["value=\"33\"", "Set by the environment: PULSARR_FAST_LANE_OWN_S."]);
    let file = "intervals: {friends_s: 300, fast_lane: false}\nlogs: {file: true}\n";
    let plan = visitor.post("/settings/transfer", &[("file", file), ("do", "look")]).await;
    check(&plan, 200, &["intervals", "logs", "value=\"apply\""]);
    let state = version(&plan.text, "id=\"plan\"");
    let applied = visitor.post("/settings/transfer", &[("file", file), ("do", "apply"), ("version", &state)]).await;
    assert_eq!(applied.status, 303, "{}", applied.text);
    assert_eq!(kept(&visitor, "intervals").await, json!({"friends_s": 300, "fast_lane": false}));
    assert_eq!(kept(&visitor, "logs").await, json!({"file": true}));
    let now = &visitor.service.app.config().environment;
    assert_eq!((now.fast_lane, now.fast_lane_own_s, now.fast_lane_friends_s, now.log_file), (false, 33, 300, true));
    let wrong = "intervals: {friends_s: 1}\n";
    check(&visitor.post("/settings/transfer", &[("file", wrong), ("do", "apply")]).await, 422, &["30 to 86400"]);
}
