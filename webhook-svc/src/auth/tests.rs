//! Who may, asked from outside: every test asks the whole service.

use std::time::Duration;

use pulsarr_shared::config::Environment;
use serde_json::{Value, json};
use warp::http::HeaderName;

use super::*;
use crate::api::endpoints;
use crate::app::auth::Auth;
use crate::testing::{Answered, Testing, app};

const HOME: &str = "192.168.1.9";
const AWAY: &str = "203.0.113.5";
const PASSWORD: &str = "correct horse";
const TOKEN: (&str, &str) = ("PULSARR_SETUP_TOKEN", "first-visit");
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A browser that is signed in.
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(answered: &Answered) -> Self {
        assert_eq!(answered.status, 200, "{}", answered.text);
        let cookie = answered.headers["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { cookie, csrf: answered.json["csrf_token"].as_str().unwrap().to_owned() }
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("Cookie", &self.cookie), ("X-CSRF-Token", &self.csrf)]
    }

    async fn ask(&self, service: &Testing, method: &str, path: &str, body: Option<Value>) -> Answered {
        service.ask(AWAY, method, path, &self.headers(), body).await
    }
}

fn first_admin(token: &str) -> Option<Value> {
    Some(json!({"token": token, "username": "ada", "password": PASSWORD}))
}

async fn set_up(service: &Testing) -> Browser {
    Browser::of(&service.ask(AWAY, "POST", "/setup", &[], first_admin("first-visit")).await)
}

async fn sign_in(service: &Testing, from: &str, username: &str, password: &str) -> Answered {
    let body = json!({"username": username, "password": password});
    service.ask(from, "POST", "/session", &[], Some(body)).await
}

/// Status of asking who asks.
async fn whoami(service: &Testing, from: &str, headers: &[(&str, &str)]) -> u16 {
    service.ask(from, "GET", "/session", headers, None).await.status
}

async fn make_key(service: &Testing, browser: &Browser, name: &str, scope: &str) -> Answered {
    browser.ask(service, "POST", "/api-keys", Some(json!({"name": name, "scope": scope}))).await
}

async fn actions(service: &Testing, browser: &Browser) -> Vec<String> {
    let audit = browser.ask(service, "GET", "/audit?limit=200", None).await;
    let entries = audit.json["entries"].as_array().unwrap().iter().rev();
    entries.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_a_session_only_what_is_open_answers() {
    let service = app(&[TOKEN]);
    set_up(&service).await;
    let strangers: [&[(&str, &str)]; 5] = [
        &[],
        &[("Cookie", "pulsarr_session=guessed")],
        &[("Cookie", "pulsarr_session=")],
        &[("X-Api-Key", "guessed")],
        &[("Remote-User", "ada"), ("X-Forwarded-For", "127.0.0.1")],
    ];
    let mut closed = 0;
    for endpoint in endpoints() {
        let path = endpoint.path.replace("{id}", "1").replace(['{', '}'], "");
        for headers in strangers {
            let answered = service.ask("127.0.0.1", endpoint.method.as_str(), &path, headers, None).await;
            if endpoint.access == Access::Open {
                assert_ne!(answered.status, 401, "{} {path}: {}", endpoint.method, answered.text);
            } else {
                assert_eq!(answered.status, 401, "{} {path} {headers:?}", endpoint.method);
                closed += 1;
            }
        }
    }
    assert!(closed >= 35, "{closed}");
    let open: Vec<_> = endpoints().filter(|endpoint| endpoint.access == Access::Open).map(|it| it.path).collect();
    for path in open {
        assert!(["/setup", "/session"].contains(&path), "{path} is open: is that meant?");
    }
}

#[tokio::test]
async fn of_two_first_visits_at_once_one_makes_the_admin() {
    let service = app(&[TOKEN]);
    let (one, other) = tokio::join!(
        service.ask(AWAY, "POST", "/setup", &[], first_admin("first-visit")),
        service.ask(HOME, "POST", "/setup", &[], first_admin("first-visit")),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let needed = service.ask(AWAY, "GET", "/setup", &[], None).await;
    assert_eq!(needed.json, json!({"needed": false}));
    let winner = Browser::of(if one.status == 200 { &one } else { &other });
    assert_eq!(actions(&service, &winner).await, ["admin.made", "session.started"]);
}

#[tokio::test]
async fn somebody_signs_in_under_their_name_in_any_case_of_any_script() {
    let service = app(&[TOKEN]);
    let body = json!({"token": "first-visit", "username": "Σοφία Ä", "password": PASSWORD});
    assert_eq!(service.ask(AWAY, "POST", "/setup", &[], Some(body)).await.status, 200);
    let signed_in = sign_in(&service, AWAY, " σοφίΑ ä", PASSWORD).await;
    assert_eq!((signed_in.status, &signed_in.json["username"]), (200, &json!("Σοφία Ä")), "{}", signed_in.text);
}

#[tokio::test]
async fn the_setup_token_cannot_be_guessed() {
    let service = app(&[TOKEN]);
    for _ in 0..5 {
        assert_eq!(service.ask(AWAY, "POST", "/setup", &[], first_admin("guess")).await.status, 403);
    }
    assert_eq!(service.ask(AWAY, "POST", "/setup", &[], first_admin("first-visit")).await.status, 429);
    let needed = service.ask(AWAY, "GET", "/setup", &[], None).await;
    assert_eq!(needed.json, json!({"needed": true}));
    let short = json!({"token": "first-visit", "username": "ada", "password": "short"});
    let answered = service.ask(HOME, "POST", "/setup", &[], Some(short)).await;
    assert_eq!((answered.status, &answered.json["error"]["problems"][0]["path"]), (422, &json!("password")));
    assert_eq!(service.ask(HOME, "POST", "/setup", &[], first_admin("first-visit")).await.status, 200);
    assert_eq!(service.ask(HOME, "POST", "/setup", &[], first_admin("first-visit")).await.status, 409);
}

#[tokio::test]
async fn each_start_has_a_setup_token_of_its_own() {
    let (one, other) = (app(&[]), app(&[]));
    let token = one.app.auth.setup_token.expose_secret();
    assert_eq!(other.ask(AWAY, "POST", "/setup", &[], first_admin(token)).await.status, 403);
    assert_eq!(one.ask(AWAY, "POST", "/setup", &[], first_admin(token)).await.status, 200);
}

#[tokio::test]
async fn a_flood_of_attempts_is_held_off_and_recovers() {
    let service = app(&[TOKEN]);
    set_up(&service).await;
    for n in 0..5 {
        let name = if n % 2 == 0 { "ada" } else { "nobody" };
        let refused = sign_in(&service, AWAY, name, "wrong").await;
        let expected = json!({"error": {"code": "unauthorized", "message": "the user name or the password is wrong"}});
        assert_eq!((refused.status, refused.json), (401, expected), "the same for both");
    }
    let held_off = sign_in(&service, AWAY, "ada", PASSWORD).await;
    assert_eq!((held_off.status, held_off.headers["retry-after"].to_str().unwrap()), (429, "5"));
    assert_eq!(sign_in(&service, HOME, "ada", PASSWORD).await.status, 200, "others are not held off");
    service.clock.advance(Duration::from_secs(5));
    assert_eq!(sign_in(&service, AWAY, "ada", PASSWORD).await.status, 200);
    assert_eq!(sign_in(&service, AWAY, "ada", "wrong").await.status, 401, "forgiven");
}

/// The `name=value` of the cookie by which the browser is known again, and what else is said with it.
fn browser_cookie(answered: &Answered) -> (String, String) {
    let mut cookies = answered.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let (pair, rest) = cookies.find_map(|it| it.starts_with("pulsarr_browser=").then(|| it.split_once("; "))?).unwrap();
    (pair.to_owned(), rest.to_owned())
}

#[tokio::test]
async fn strangers_at_the_same_address_keep_nobody_out_who_signed_in_before() {
    let service = app(&[TOKEN]);
    let first = service.ask(AWAY, "POST", "/setup", &[], first_admin("first-visit")).await;
    let (known, rest) = browser_cookie(&first);
    assert_eq!(rest, "Path=/; Max-Age=15552000; HttpOnly; SameSite=Lax");
    let session = Browser::of(&first);
    session.ask(&service, "DELETE", "/session", None).await;
    for _ in 0..5 {
        assert_eq!(sign_in(&service, AWAY, "ada", "wrong").await.status, 401);
    }
    assert_eq!(sign_in(&service, AWAY, "ada", PASSWORD).await.status, 429);

    let with = async |cookie: &str, password: &str| {
        let body = json!({"username": "ada", "password": password});
        service.ask(AWAY, "POST", "/session", &[("Cookie", cookie)], Some(body)).await
    };
    for forged in ["pulsarr_browser=guessed", "pulsarr_browser=", &session.cookie] {
        assert_eq!(with(forged, PASSWORD).await.status, 429, "{forged}");
    }
    assert_eq!(whoami(&service, AWAY, &[("Cookie", &known)]).await, 401, "it is no session");
    let again = with(&known, PASSWORD).await;
    assert_eq!((again.status, browser_cookie(&again).0), (200, known.clone()));
    for _ in 0..5 {
        assert_eq!(with(&known, "wrong").await.status, 401);
    }
    assert_eq!(with(&known, PASSWORD).await.status, 429, "it has as many attempts as others");

    let kept = service.app.database.read(|db| db.setting("auth.browsers")).await.unwrap().unwrap();
    assert!(!kept.contains(known.split_once('=').unwrap().1), "only its hash is kept");
    service.clock.advance(180 * DAY);
    let forgotten = with(&known, PASSWORD).await;
    assert_eq!(forgotten.status, 200);
    assert_ne!(browser_cookie(&forgotten).0, known, "after half a year it is one as any other");
}

#[test]
fn a_proxy_that_nobody_named_is_told_of_once() {
    let environment = Environment { trusted_proxies: Some("10.42.0.3".to_owned()), ..Environment::default() };
    let auth = Auth::new(&environment).unwrap();
    let headers = |name: &'static str| HeaderMap::from_iter([(HeaderName::from_static(name), AWAY.parse().unwrap())]);
    let told = |from: &str, headers: &HeaderMap| {
        let origin = Origin::of(Some(from.parse().unwrap()), headers, &auth.proxies);
        auth.untrusted(origin, headers).map(|address| address.to_string())
    };
    assert_eq!(told("10.42.0.9", &HeaderMap::new()), None);
    assert_eq!(told("10.42.0.3", &headers("x-forwarded-for")), None, "it is trusted");
    assert_eq!(told("10.42.0.9", &headers("forwarded")).as_deref(), Some("10.42.0.9"));
    assert_eq!(told("10.42.0.9", &headers("x-forwarded-for")), None);
}

#[tokio::test]
async fn changes_need_the_sessions_own_csrf_token_and_our_own_page() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    let other = Browser::of(&sign_in(&service, HOME, "ada", PASSWORD).await);
    let body = || Some(json!({"name": "backup", "scope": "read"}));
    let cookie = ("Cookie", browser.cookie.as_str());
    let csrf = ("X-CSRF-Token", browser.csrf.as_str());
    let refused: [&[(&str, &str)]; 6] = [
        &[cookie],
        &[cookie, ("X-CSRF-Token", "")],
        &[cookie, ("X-CSRF-Token", &other.csrf)],
        &[cookie, csrf, ("Host", "pulsarr.example"), ("Origin", "https://evil.example")],
        &[cookie, csrf, ("Host", "pulsarr.example"), ("Origin", "null")],
        &[cookie, csrf, ("Sec-Fetch-Site", "cross-site")],
    ];
    for headers in refused {
        assert_eq!(service.ask(AWAY, "POST", "/api-keys", headers, body()).await.status, 403, "{headers:?}");
    }
    let ours = [cookie, csrf, ("Host", "pulsarr.example"), ("Origin", "https://pulsarr.example")];
    assert_eq!(service.ask(AWAY, "POST", "/api-keys", &ours, body()).await.status, 200);
    let again = service.ask(AWAY, "GET", "/session", &[cookie], None).await;
    assert_eq!(again.json, json!({"username": "ada", "csrf_token": browser.csrf}));
    // Nor does a foreign page sign anybody in.
    let foreign = [("Host", "pulsarr.example"), ("Origin", "https://evil.example")];
    let credentials = json!({"username": "ada", "password": PASSWORD});
    assert_eq!(service.ask(AWAY, "POST", "/session", &foreign, Some(credentials)).await.status, 403);
}

#[tokio::test]
async fn the_cookie_is_for_us_alone() {
    let cookie = async |vars: &[(&str, &str)], headers: &[(&str, &str)]| {
        let service = app(&[&[TOKEN], vars].concat());
        let answered = service.ask("10.42.0.3", "POST", "/setup", headers, first_admin("first-visit")).await;
        let cookie = answered.headers["set-cookie"].to_str().unwrap().to_owned();
        cookie.split_once("; ").unwrap().1.to_owned()
    };
    let proxy = ("PULSARR_TRUSTED_PROXIES", "10.42.0.0/16");
    let https = ("X-Forwarded-Proto", "https");
    let plain = "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax";
    assert_eq!(cookie(&[], &[]).await, plain);
    assert_eq!(cookie(&[], &[https]).await, plain, "anybody can say that");
    assert_eq!(cookie(&[proxy], &[https]).await, format!("{plain}; Secure"));
    assert_eq!(cookie(&[("PULSARR_COOKIE_SECURE", "true")], &[]).await, format!("{plain}; Secure"));
    assert_eq!(cookie(&[proxy, ("PULSARR_COOKIE_SECURE", "false")], &[https]).await, plain);
    let below = cookie(&[("PULSARR_BASE_PATH", "/pulsarr")], &[]).await;
    assert_eq!(below, "Path=/pulsarr; Max-Age=2592000; HttpOnly; SameSite=Lax");
}

#[tokio::test]
async fn signing_out_ends_the_session_also_for_who_kept_the_cookie() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    let other = Browser::of(&sign_in(&service, HOME, "ADA", PASSWORD).await);
    let out = browser.ask(&service, "DELETE", "/session", None).await;
    assert_eq!(out.status, 204);
    assert!(out.headers["set-cookie"].to_str().unwrap().starts_with("pulsarr_session=; Path=/; Max-Age=0;"));
    assert_eq!(whoami(&service, AWAY, &browser.headers()).await, 401);
    assert_eq!(whoami(&service, AWAY, &other.headers()).await, 200);
}

/// Whatever waited for its turn at the store has had it.
async fn uses_are_noted(service: &Testing) {
    service.app.database.write(|_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn sessions_end_after_a_week_of_silence_and_after_a_month_in_any_case() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    for _ in 0..4 {
        service.clock.advance(7 * DAY - Duration::from_secs(1));
        assert_eq!(whoami(&service, AWAY, &browser.headers()).await, 200);
        uses_are_noted(&service).await;
    }
    service.clock.advance(2 * DAY + Duration::from_secs(4));
    assert_eq!(whoami(&service, AWAY, &browser.headers()).await, 401, "a month");
    let silent = Browser::of(&sign_in(&service, AWAY, "ada", PASSWORD).await);
    service.clock.advance(7 * DAY);
    assert_eq!(whoami(&service, AWAY, &silent.headers()).await, 401, "a week");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    let other = Browser::of(&sign_in(&service, HOME, "ada", PASSWORD).await);
    let change = |current: &str| Some(json!({"current": current, "new": "battery staple"}));
    assert_eq!(browser.ask(&service, "PUT", "/session/password", change("wrong")).await.status, 403);
    assert_eq!(whoami(&service, HOME, &other.headers()).await, 200);
    assert_eq!(browser.ask(&service, "PUT", "/session/password", change(PASSWORD)).await.status, 204);
    assert_eq!(whoami(&service, HOME, &other.headers()).await, 401);
    assert_eq!(whoami(&service, AWAY, &browser.headers()).await, 200);
    assert_eq!(sign_in(&service, HOME, "ada", PASSWORD).await.status, 401);
    assert_eq!(sign_in(&service, HOME, "ada", "battery staple").await.status, 200);
}

#[tokio::test]
async fn api_keys_do_what_their_scope_says_until_they_are_revoked() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    let read = make_key(&service, &browser, "dashboard", "read").await;
    let write = make_key(&service, &browser, "backup", "write").await;
    assert_eq!(make_key(&service, &browser, "backup", "read").await.status, 409);
    assert_eq!(make_key(&service, &browser, "x", "all").await.status, 400);
    let (read_key, write_key) = (read.json["key"].as_str().unwrap(), write.json["key"].as_str().unwrap());
    let ask = async |key: &str, method: &str, path: &str| {
        service.ask(AWAY, method, path, &[("X-Api-Key", key)], None).await.status
    };
    assert_eq!(ask(read_key, "GET", "/audit").await, 200);
    assert_eq!(ask(write_key, "GET", "/audit").await, 200);
    for endpoint in endpoints().filter(|endpoint| endpoint.access == Access::Write) {
        let path = endpoint.path.replace("{id}", "1").replace(['{', '}'], "");
        assert_eq!(ask(read_key, endpoint.method.as_str(), &path).await, 403, "{path}");
    }
    assert_eq!(ask(write_key, "DELETE", "/session").await, 204, "writes, and needs no CSRF token");
    assert_eq!(ask(write_key, "DELETE", "/api-keys/1").await, 403, "keys do not rule over keys");
    let id = read.json["id"].as_i64().unwrap();
    let path = format!("/api-keys/{id}");
    assert_eq!(browser.ask(&service, "DELETE", &path, None).await.status, 204);
    assert_eq!(browser.ask(&service, "DELETE", &path, None).await.status, 404);
    assert_eq!(ask(read_key, "GET", "/audit").await, 401);
    // A key that is none is not helped by a session.
    let both = [("X-Api-Key", read_key), ("Cookie", browser.cookie.as_str())];
    assert_eq!(whoami(&service, AWAY, &both).await, 401);
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_to_the_minute() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    let made = make_key(&service, &browser, "dashboard", "read").await;
    let mut noted = Vec::new();
    for seconds in [0, 59, 1] {
        service.clock.advance(Duration::from_secs(seconds));
        assert_eq!(whoami(&service, AWAY, &[("X-Api-Key", made.json["key"].as_str().unwrap())]).await, 200);
        uses_are_noted(&service).await;
        let keys = browser.ask(&service, "GET", "/api-keys", None).await;
        noted.push(keys.json["keys"][0]["used_at_ms"].as_i64().unwrap() - crate::testing::NOW);
    }
    assert_eq!(noted, [0, 0, 60_000]);
}

#[tokio::test]
async fn at_home_nobody_has_to_sign_in_unless_somebody_passed_the_request_on() {
    let service = app(&[("PULSARR_AUTH", "required_except_local"), ("PULSARR_TRUSTED_PROXIES", "10.42.0.3")]);
    assert_eq!(whoami(&service, HOME, &[]).await, 200);
    assert_eq!(whoami(&service, "::1", &[]).await, 200);
    assert_eq!(whoami(&service, AWAY, &[]).await, 401);
    for forged in [("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")] {
        assert_eq!(whoami(&service, AWAY, &[forged]).await, 401, "{forged:?}");
        assert_eq!(whoami(&service, HOME, &[forged]).await, 401, "{forged:?}");
    }
    let through = async |hops: &str| whoami(&service, "10.42.0.3", &[("X-Forwarded-For", hops)]).await;
    assert_eq!(through(HOME).await, 200);
    assert_eq!(through(AWAY).await, 401);
    assert_eq!(through(&format!("127.0.0.1, {AWAY}")).await, 401, "the client's own words");
    assert_eq!(whoami(&service, "10.42.0.3", &[]).await, 401, "for whom?");
}

#[tokio::test]
async fn where_nobody_signs_in_foreign_pages_change_nothing() {
    for mode in ["disabled", "required_except_local"] {
        let service = app(&[("PULSARR_AUTH", mode)]);
        let body = || Some(json!({"all": true}));
        let foreign: [&[(&str, &str)]; 2] =
            [&[("Sec-Fetch-Site", "cross-site")], &[("Host", "nas:3003"), ("Origin", "https://evil.example")]];
        for headers in foreign {
            assert_eq!(
                service.ask(HOME, "POST", "/failures/retry", headers, body()).await.status,
                403,
                "{mode} {headers:?}"
            );
            assert_eq!(whoami(&service, HOME, headers).await, 200);
        }
        assert_eq!(service.ask(HOME, "POST", "/failures/retry", &[], body()).await.status, 200);
        let audit = service.ask(HOME, "GET", "/audit", &[], None).await;
        let expected = if mode == "disabled" { "somebody (sign-in is disabled)" } else { "somebody local" };
        assert_eq!(audit.json["entries"][0]["who"], expected);
        assert_eq!(audit.json["entries"][0]["address"], HOME);
    }
    let disabled = app(&[("PULSARR_AUTH", "disabled")]);
    assert_eq!(whoami(&disabled, AWAY, &[("X-Forwarded-For", AWAY)]).await, 200);
}

#[tokio::test]
async fn where_nobody_signs_in_a_foreign_name_that_points_here_is_not_answered() {
    let disabled = app(&[("PULSARR_AUTH", "disabled"), ("PULSARR_TRUSTED_PROXIES", "10.42.0.3"), TOKEN]);
    let local = app(&[("PULSARR_AUTH", "required_except_local"), TOKEN]);
    let rebound = [("Host", "evil.example:3003"), ("Origin", "http://evil.example:3003")];
    for service in [&disabled, &local] {
        assert_eq!(
            service.ask(HOME, "POST", "/failures/retry", &rebound, Some(json!({"all": true}))).await.status,
            401
        );
        assert_eq!(whoami(service, HOME, &rebound[..1]).await, 401, "nor does it read");
        let forged = [rebound[0], ("X-Forwarded-For", HOME)];
        assert_eq!(whoami(service, HOME, &forged).await, 401, "a page can write that header too");
        for host in ["192.168.1.5:3003", "nas:3003", "pulsarr.media.svc.cluster.local"] {
            assert_eq!(whoami(service, HOME, &[("Host", host)]).await, 200, "{host}");
        }
    }
    let through_proxy = [("Host", "tv.example"), ("X-Forwarded-For", AWAY)];
    assert_eq!(whoami(&disabled, "10.42.0.3", &through_proxy).await, 200);
    let browser = set_up(&disabled).await;
    let signed_in = [("Host", "tv.example"), ("Cookie", browser.cookie.as_str())];
    assert_eq!(whoami(&disabled, HOME, &signed_in).await, 200, "who has signed in may come by any name");
}

#[tokio::test]
async fn nobody_in_particular_makes_no_api_key() {
    for mode in ["disabled", "required_except_local"] {
        let service = app(&[("PULSARR_AUTH", mode), TOKEN]);
        let body = || Some(json!({"name": "backup", "scope": "write"}));
        assert_eq!(service.ask(HOME, "POST", "/api-keys", &[], body()).await.status, 403, "{mode}");
        let browser = set_up(&service).await;
        assert_eq!(service.ask(HOME, "POST", "/api-keys", &browser.headers(), body()).await.status, 200, "{mode}");
    }
}

#[tokio::test]
async fn who_signed_in_with_a_trusted_proxy_is_known_by_its_header() {
    let service = app(&[("PULSARR_TRUSTED_PROXIES", "10.42.0.3"), ("PULSARR_PROXY_USER_HEADER", "Remote-User")]);
    let ada = ("Remote-User", "ada");
    let known = service.ask("10.42.0.3", "GET", "/session", &[ada], None).await;
    assert_eq!(known.json, json!({"username": "ada (by proxy)", "csrf_token": null}));
    assert_eq!(whoami(&service, "10.42.0.4", &[ada]).await, 401, "not from the proxy");
    assert_eq!(whoami(&service, "10.42.0.3", &[("Remote-User", "")]).await, 401);
    // The test client cannot send a header twice.
    let mut twice = HeaderMap::new();
    twice.append("Remote-User", "eve".parse().unwrap());
    twice.append("Remote-User", "ada".parse().unwrap());
    let from_proxy = Some("10.42.0.3".parse().unwrap());
    let refused = let_in(&service.app, Access::Read, &Method::GET, &twice, from_proxy).await.unwrap_err();
    assert_eq!(refused.status(), 401, "one of them is forged");
    let body = || Some(json!({"name": "backup", "scope": "read"}));
    let foreign = [ada, ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(service.ask("10.42.0.3", "POST", "/api-keys", &foreign, body()).await.status, 403);
    assert_eq!(service.ask("10.42.0.3", "POST", "/api-keys", &[ada], body()).await.status, 200);
}

#[test]
fn what_cannot_be_understood_refuses_the_start_with_a_sentence() {
    let refused = |environment: Environment| format!("failed to {}", Auth::new(&environment).err().unwrap());
    let proxies = Some("10.42.0.0/16, traefik".to_owned());
    assert_eq!(
        refused(Environment { trusted_proxies: proxies, ..Environment::default() }),
        "failed to understand PULSARR_TRUSTED_PROXIES: `traefik` is neither an address nor a network. Write them as in \
         10.42.0.0/16, ::1"
    );
    let header = Some("Remote User".to_owned());
    assert_eq!(
        refused(Environment { proxy_user_header: header, ..Environment::default() }),
        "failed to understand PULSARR_PROXY_USER_HEADER: `Remote User` cannot be the name of a header. Write it as in \
         Remote-User"
    );
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_and_no_secret_is_anywhere() {
    let service = app(&[TOKEN]);
    service.ask(AWAY, "POST", "/setup", &[], first_admin("a-guess")).await;
    let browser = set_up(&service).await;
    sign_in(&service, HOME, "ada", "not the password").await;
    sign_in(&service, HOME, "typed-my-password-here", "x").await;
    let made = make_key(&service, &browser, "backup", "write").await;
    let key = made.json["key"].as_str().unwrap().to_owned();
    browser.ask(&service, "DELETE", "/api-keys/1", None).await;
    make_key(&service, &browser, "other", "read").await;
    let change = json!({"current": PASSWORD, "new": "battery staple"});
    browser.ask(&service, "PUT", "/session/password", Some(change)).await;
    browser.ask(&service, "DELETE", "/session", None).await;
    let later = Browser::of(&sign_in(&service, HOME, "ada", "battery staple").await);
    let expected = [
        "session.refused",
        "admin.made",
        "session.started",
        "session.refused",
        "session.refused",
        "api_key.made",
        "api_key.revoked",
        "api_key.made",
        "password.changed",
        "session.ended",
        "session.started",
    ];
    assert_eq!(actions(&service, &later).await, expected);

    let mut told = String::new();
    for path in ["/audit?limit=200", "/api-keys", "/setup", "/openapi.json"] {
        told += &later.ask(&service, "GET", path, None).await.text;
    }
    // The write-ahead log has what the database file may not have yet.
    for file in ["db/pulsarr.db", "db/pulsarr.db-wal"] {
        told += &String::from_utf8_lossy(&std::fs::read(service.folder.path().join(file)).unwrap());
    }
    assert!(told.contains("backup") && told.contains("password.changed") && told.contains("$argon2id$"));
    let token = |browser: &Browser| browser.cookie.split_once('=').unwrap().1.to_owned();
    let (first, second) = (token(&browser), token(&later));
    let guesses = ["not the password", "typed-my-password-here", "a-guess", "first-visit", PASSWORD, "battery staple"];
    let secrets = guesses.into_iter().chain([key.as_str(), &first, &second, &browser.csrf, &later.csrf]);
    for secret in secrets {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page() {
    let service = app(&[TOKEN]);
    let browser = set_up(&service).await;
    make_key(&service, &browser, "backup", "read").await;
    let page = browser.ask(&service, "GET", "/audit?limit=2", None).await;
    let found: Vec<_> = page.json["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(found, ["api_key.made", "session.started"]);
    assert_eq!(page.json["entries"][0]["detail"], json!({"id": 1, "scope": "read"}));
    let path = format!("/audit?limit=2&before={}", page.json["next_before"]);
    let page = browser.ask(&service, "GET", &path, None).await;
    assert_eq!(page.json["entries"][0]["action"], "admin.made");
    assert_eq!(page.json["next_before"], Value::Null);
    assert_eq!(browser.ask(&service, "GET", "/audit?before=x", None).await.status, 400);
}
