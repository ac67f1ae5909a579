//! A service whose settings have stand-ins that really answer, and its real route for their webhooks.

use std::net::SocketAddr;
use std::sync::Mutex;

use pulsarr_shared::model::ConnectionStatus;
use pulsarr_shared::stop::StopReason;
use pulsarr_shared::store::Store;
use pulsarr_tests::fakes::{FakeArr, FakeRadarr, Fault};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::server::{self, Limits};
use crate::testing::{Answered, Testing};

const HOME: &str = "192.168.1.9";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A service that listens for webhooks and adds no instance by itself.
async fn service() -> Testing {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let service =
        crate::testing::app(&[("PULSARR_AUTH", "disabled"), ("PULSARR_BASE_URL", &format!("http://{address}"))]);
    let app = Arc::clone(&service.app);
    let stop = app.stop.clone();
    let until = async move {
        stop.wait().await;
    };
    tokio::spawn(async move {
        server::serve(listener, crate::routes::all(&app), Limits::default(), &app.connections_full, until).await;
    });
    service
}

async fn ask(service: &Testing, method: &str, path: &str, body: Value) -> Answered {
    let answered = service.ask(HOME, method, path, &[], Some(body)).await;
    assert!((200..300).contains(&answered.status), "{method} {path}: {}", answered.text);
    answered
}

fn radarr(name: &str, url: &str) -> Value {
    json!({"name": name, "kind": "radarr", "url": url, "api_key": KEY})
}

fn stored(service: &Testing) -> Vec<ConnectionRow> {
    Store::open(service.folder.path(), false).unwrap().read().all_connections().unwrap()
}

fn secret(service: &Testing, name: &str) -> String {
    let store = Store::open(service.folder.path(), false).unwrap();
    let sealed = store.read().connection_secret(name).unwrap().unwrap();
    let opened = service.app.configuration.vault.unseal_for(&format!("pulsarr webhook {name}"), sealed.expose_secret());
    opened.unwrap().expose_secret().to_owned()
}

/// The addresses that the connections of an arr lead to, without what stands before the name.
fn leads_to(fake: &FakeArr) -> Vec<String> {
    let name = |url: &str| {
        url.split("/webhook/").nth(1).and_then(|rest| rest.split('?').next()).unwrap_or_default().to_owned()
    };
    fake.connections().iter().map(|it| name(&it.url)).collect()
}

/// Lets other tasks work until the world is like this.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn end(service: &Testing, keeper: tokio::task::JoinHandle<()>) {
    service.app.stop.request(StopReason::Terminated);
    keeper.await.unwrap();
}

#[tokio::test]
async fn an_arr_that_hangs_delays_no_other_and_one_that_is_added_is_connected_at_once() {
    let (service, hanging, well, added) =
        (service().await, FakeRadarr::start(), FakeRadarr::start(), FakeRadarr::start());
    hanging.inject(Fault::on("GET", "/api/v3/notification").never());
    ask(&service, "POST", "/instances", radarr("a", &hanging.url())).await;
    ask(&service, "POST", "/instances", radarr("b", &well.url())).await;
    let keeper = tokio::spawn(keep(Arc::clone(&service.app)));
    until("the one is connected although the other hangs", || leads_to(&well) == ["b"]).await;
    ask(&service, "POST", "/instances", radarr("c", &added.url())).await;
    until("what is added is connected", || leads_to(&added) == ["c"]).await;
    until("both are well", || stored(&service).iter().filter(|row| row.status == ConnectionStatus::Ok).count() == 2)
        .await;
    let tests = || well.journal().into_iter().filter(|seen| seen.route.ends_with("/test")).count();
    assert_eq!(tests(), 1, "another one's trouble is no reason to try it again");
    end(&service, keeper).await;
}

#[tokio::test]
async fn saving_an_instance_has_its_connection_looked_at_at_once_also_when_nothing_has_changed() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    let keeper = tokio::spawn(keep(Arc::clone(&service.app)));
    until("it is connected", || leads_to(&fake) == ["movies"] && stored(&service)[0].status == ConnectionStatus::Ok)
        .await;
    fake.forget_connections();
    ask(&service, "PUT", "/instances/movies", radarr("movies", &fake.url())).await;
    until("it is connected again", || leads_to(&fake) == ["movies"]).await;
    end(&service, keeper).await;
}

#[tokio::test]
async fn testing_an_instance_that_is_there_mends_its_connection_and_tells_how_it_stands() {
    let (service, fake, elsewhere) = (service().await, FakeRadarr::start(), FakeRadarr::start());
    let before = ask(&service, "POST", "/instances/test", radarr("movies", &fake.url())).await;
    assert!(before.json["webhook"].is_null() && fake.connections().is_empty(), "{}", before.text);
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    for body in [json!({"name": "movies"}), radarr("movies", &fake.url())] {
        fake.forget_connections();
        let tested = ask(&service, "POST", "/instances/test", body).await;
        assert_eq!((&tested.json["ok"], &tested.json["webhook"]["status"]), (&json!(true), &json!("ok")));
        assert_eq!((leads_to(&fake), stored(&service)[0].status), (vec!["movies".to_owned()], ConnectionStatus::Ok));
    }
    let moved = ask(&service, "POST", "/instances/test", radarr("movies", &elsewhere.url())).await;
    assert!(moved.json["webhook"].is_null() && elsewhere.connections().is_empty(), "{}", moved.text);

    let nameless = crate::testing::app(&[("PULSARR_AUTH", "disabled")]);
    ask(&nameless, "POST", "/instances", radarr("movies", &fake.url())).await;
    let tested = ask(&nameless, "POST", "/instances/test", json!({"name": "movies"})).await;
    let webhook = &tested.json["webhook"];
    assert_eq!((&tested.json["ok"], &webhook["status"]), (&json!(true), &json!("unknown")), "{}", tested.text);
    assert!(webhook["advice"].as_str().unwrap().contains("set PULSARR_BASE_URL"), "{}", tested.text);
}

#[tokio::test]
async fn an_arr_that_is_down_is_not_settled_and_without_an_address_of_our_own_everything_is() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    fake.set_starting_up(true);
    assert!(!keeper::look(Arc::clone(&service.app), "movies".to_owned()).await);
    fake.set_starting_up(false);
    assert!(keeper::look(Arc::clone(&service.app), "movies".to_owned()).await);
    assert_eq!(leads_to(&fake), ["movies"]);

    let nameless = crate::testing::app(&[("PULSARR_AUTH", "disabled")]);
    ask(&nameless, "POST", "/instances", radarr("movies", &fake.url())).await;
    assert!(keeper::look(Arc::clone(&nameless.app), "movies".to_owned()).await);
}

#[tokio::test(start_paused = true)]
async fn one_whose_look_dies_is_looked_at_again_soon_and_the_others_stay_as_they_were() {
    let instance = |name: &str| {
        format!(
            "  - name: {name}\n    kind: radarr\n    url: http://{name}:7878\n    api_key: {KEY}\n    default: {}\n",
            name == "a"
        )
    };
    let settings = format!("instances:\n{}{}", instance("a"), instance("b"));
    let service = crate::testing::app_with_settings(&[("PULSARR_AUTH", "disabled")], &settings);
    let looks = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&looks);
    let look = move |_, name: String| {
        let looks = Arc::clone(&seen);
        async move {
            let first = !looks.lock().unwrap().contains(&name);
            looks.lock().unwrap().push(name.clone());
            assert!(name != "a" || !first, "a mistake");
            true
        }
    };
    let keeper = tokio::spawn(keeper::keep_each(Arc::clone(&service.app), look));
    until("the one that died is looked at again", || looks.lock().unwrap().len() > 2).await;
    assert_eq!(*looks.lock().unwrap(), ["a", "b", "a"]);
    end(&service, keeper).await;
}

#[tokio::test]
async fn one_that_is_removed_while_it_is_being_connected_is_left_with_nothing() {
    for slow in ["GET", "POST"] {
        let (service, fake) = (service().await, FakeRadarr::start());
        ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
        fake.inject(Fault::on(slow, "/api/v3/notification").times(1).latency_ms(300));
        let app = Arc::clone(&service.app);
        let fixing = tokio::spawn(async move { fix(&app, "movies", None).await });
        until("it is being asked", || !fake.journal().is_empty()).await;
        ask(&service, "DELETE", "/instances/movies", Value::Null).await;
        assert_eq!(fixing.await.unwrap().unwrap(), None);
        assert!(fake.connections().is_empty(), "{:?}", fake.connections());
        assert!(stored(&service).is_empty());
    }
}

#[tokio::test]
async fn two_repairs_at_once_make_one_connection_that_is_well() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    // The same Radarr under another name.
    ask(&service, "POST", "/instances", radarr("again", &fake.url())).await;
    fake.inject(Fault::on("POST", "/api/v3/notification").times(1).latency_ms(200));
    let (one, two, three) = tokio::join!(
        fix(&service.app, "movies", None),
        fix(&service.app, "movies", None),
        fix(&service.app, "again", None)
    );
    for found in [one, two, three] {
        let found = found.unwrap().unwrap();
        assert_eq!(found.status, ConnectionStatus::Ok, "{}", found.advice);
    }
    assert_eq!(fake.connections().len(), 2);
    assert!(stored(&service).iter().all(|row| row.status == ConnectionStatus::Ok), "{:?}", stored(&service));
}

#[tokio::test]
async fn one_that_moves_leaves_nothing_in_its_old_place_which_is_trusted_no_more() {
    let (service, old, new) = (service().await, FakeRadarr::start(), FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &old.url())).await;
    let keeper = tokio::spawn(keep(Arc::clone(&service.app)));
    until("it is connected", || leads_to(&old) == ["movies"] && stored(&service)[0].status == ConnectionStatus::Ok)
        .await;
    let before = secret(&service, "movies");
    ask(&service, "PUT", "/instances/movies", radarr("movies", &new.url())).await;
    until("the new place is connected", || {
        new.connections().iter().any(|it| !it.events.is_empty()) && stored(&service)[0].status == ConnectionStatus::Ok
    })
    .await;
    assert!(old.connections().is_empty(), "{:?}", old.connections());
    let after = secret(&service, "movies");
    assert_ne!(before, after);
    assert!(!service.app.passwords.accept("movies", before.as_bytes()));
    assert!(service.app.passwords.accept("movies", after.as_bytes()));
    end(&service, keeper).await;
}

#[tokio::test]
async fn another_address_of_the_same_arr_ends_with_one_connection_there() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    let keeper = tokio::spawn(keep(Arc::clone(&service.app)));
    until("it is connected", || leads_to(&fake) == ["movies"] && stored(&service)[0].status == ConnectionStatus::Ok)
        .await;
    let before = secret(&service, "movies");
    ask(&service, "PUT", "/instances/movies", radarr("movies", &fake.url().replace("127.0.0.1", "localhost"))).await;
    until("it has the new password", || {
        let connections = fake.connections();
        connections.len() == 1 && !connections[0].events.is_empty() && connections[0].password != before
    })
    .await;
    assert_eq!(fake.connections()[0].password, secret(&service, "movies"));
    end(&service, keeper).await;
}

#[tokio::test]
async fn one_that_went_from_the_settings_while_nobody_looked_is_forgotten_and_spoken_of_once() {
    let service = service().await;
    let store = Store::open(service.folder.path(), false).unwrap();
    let found = Connection {
        status: ConnectionStatus::Ok,
        advice: "well".to_owned(),
        arr_id: Some(3),
        url: Some("http://pulsarr:3003/webhook/films?from=0a1b2c3d".to_owned()),
    };
    let at = "http://radarr:7878";
    password::given(&store, &service.app.configuration.vault, "films", at, KEY.into()).unwrap();
    store.write(|db| db.set_connection_status("films", &found, 5)).unwrap();
    let row = stored(&service).remove(0);
    assert_eq!(
        farewell(&row, Some("http://radarr:7878"), "0a1b2c3d"),
        "`films` at http://radarr:7878 is in the settings no more, and its key went with it: pulsarr's webhook connection, `pulsarr \
         (0a1b2c3d)` unless somebody renamed it, which leads to http://pulsarr:3003/webhook/films, may be left behind there. Remove it \
         under Settings → Connect; what it still sends is refused."
    );
    remember_passwords(&service.app).await.unwrap();
    assert!(stored(&service).is_empty());
}

#[tokio::test]
async fn a_repair_and_a_removal_are_brought_to_their_end_when_their_askers_go_away() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    fake.inject(Fault::on("POST", "/api/v3/notification").times(1).latency_ms(200));
    let posted = |fake: &FakeRadarr| fake.journal().iter().any(|seen| seen.method == "POST");
    tokio::select! {
        _ = ask(&service, "POST", "/webhooks/movies/fix", Value::Null) => panic!("it was answered"),
        () = until("it is being created", || posted(&fake)) => {}
    }
    until("it is well", || stored(&service).iter().any(|row| row.status == ConnectionStatus::Ok)).await;
    assert_eq!(leads_to(&fake), ["movies"]);

    fake.clear_journal();
    fake.inject(Fault::on("GET", "/api/v3/notification").times(1).latency_ms(200));
    tokio::select! {
        _ = ask(&service, "DELETE", "/instances/movies", Value::Null) => panic!("it was answered"),
        () = until("it is being asked", || !fake.journal().is_empty()) => {}
    }
    until("it is taken away", || fake.connections().is_empty()).await;
    let audit = service.ask(HOME, "GET", "/audit", &[], None).await;
    let entries = audit.json["entries"].as_array().unwrap();
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["instance.removed", "webhook.fixed", "instance.added"]);
}

#[tokio::test]
async fn a_repair_is_in_the_audit_log_when_something_was_made_or_mended_and_not_otherwise() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    let repairs = async || {
        let audit = service.ask(HOME, "GET", "/audit", &[], None).await;
        let entries = audit.json["entries"].as_array().unwrap().clone();
        entries.iter().filter(|entry| entry["action"] == "webhook.fixed" && entry["target"] == "movies").count()
    };
    let test = async || ask(&service, "POST", "/instances/test", json!({"name": "movies"})).await;
    let fix = async || ask(&service, "POST", "/webhooks/movies/fix", Value::Null).await;

    // One that does not take what it is given has nothing.
    fake.inject(Fault::on("POST", "/api/v3/notification").times(1).status(400));
    fix().await;
    assert_eq!((repairs().await, fake.connections().len()), (0, 0));
    assert_eq!(test().await.json["webhook"]["status"], "ok");
    assert_eq!((repairs().await, fake.connections().len()), (1, 1), "it is made");
    test().await;
    fix().await;
    assert_eq!(repairs().await, 1, "nothing had to be done");

    fake.reconnect(1, &json!({"onGrab": false}));
    test().await;
    assert_eq!(repairs().await, 2, "it is mended");
    fake.forget_connections();
    fix().await;
    assert_eq!(repairs().await, 3, "it is made again");
    // Nobody asked for what the service does by itself.
    let found = super::fix(&service.app, "movies", None).await.unwrap().unwrap();
    assert_eq!((found.status, repairs().await), (ConnectionStatus::Ok, 3));
}

#[tokio::test]
async fn the_test_that_an_arr_sends_while_our_own_call_is_open_is_taken_by_the_real_route() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    let found = fix(&service.app, "movies", None).await.unwrap().unwrap();
    assert_eq!(found.status, ConnectionStatus::Ok, "{}", found.advice);
    let sent: Vec<_> = fake.deliveries().into_iter().map(|sent| (sent.event, sent.status)).collect();
    assert!(!sent.is_empty() && sent.iter().all(|it| *it == ("Test".to_owned(), 200)), "{sent:?}");
}

#[tokio::test]
async fn the_address_that_an_arr_is_told_is_below_the_base_path_once() {
    for base_url in ["http://pulsarr:3003", "http://pulsarr:3003/media/pulsarr"] {
        let vars = [("PULSARR_BASE_PATH", "/media/pulsarr"), ("PULSARR_BASE_URL", base_url)];
        let settings = format!(
            "instances:\n- {{name: movies, kind: radarr, url: 'http://127.0.0.1:9', api_key: {KEY}, default: true}}\n"
        );
        let service = crate::testing::app_with_settings(&vars, &settings);
        let config = service.app.config();
        let wanted = wanted(&service.app, &config, &config.settings.instances[0], KEY.into()).await.unwrap();
        assert_eq!(wanted.address().as_deref(), Some("http://pulsarr:3003/media/pulsarr/webhook/movies"));
    }
}

#[tokio::test]
async fn the_history_of_an_instance_tells_when_it_was_not_well_and_why() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    let look = || async { keeper::look(Arc::clone(&service.app), "movies".to_owned()).await };
    let told = || async {
        let answered = ask(&service, "GET", "/instances/movies/history", Value::Null).await;
        answered.json["outages"].as_array().unwrap().clone()
    };
    assert!(look().await);
    assert_eq!(told().await, Vec::<Value>::new(), "it was always well");

    fake.set_starting_up(true);
    assert!(!look().await && !look().await);
    let tested = ask(&service, "POST", "/instances/test", json!({"name": "movies"})).await;
    assert_eq!(tested.json["ok"], false, "{}", tested.text);
    // What the test has found is noted in its turn.
    service.app.database.write(|_| Ok(())).await.unwrap();
    let outage = &told().await[0];
    assert_eq!(
        (&outage["reason"], &outage["looks"], &outage["ended_at_ms"]),
        (&json!("unreachable"), &json!(3), &Value::Null)
    );
    assert!(!outage["message"].as_str().unwrap().is_empty());

    fake.set_starting_up(false);
    fake.inject(Fault::on("GET", "/api/v3/notification").times(1).status(401));
    assert!(!look().await);
    let two = told().await;
    assert_eq!((&two[0]["reason"], two.len()), (&json!("refused"), 2), "{two:?}");
    assert!(two[1]["ended_at_ms"].is_i64(), "{two:?}");

    assert!(look().await);
    let over = told().await;
    assert!(over.iter().all(|it| it["ended_at_ms"].is_i64()) && over.len() == 2, "{over:?}");
    let one = ask(&service, "GET", "/instances/movies/history?limit=1", Value::Null).await;
    assert_eq!(one.json["outages"].as_array().unwrap().len(), 1);
    ask(&service, "DELETE", "/instances/movies", Value::Null).await;
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    assert_eq!(told().await, Vec::<Value>::new(), "another one of the same name has a history of its own");
}

#[tokio::test]
async fn webhooks_that_were_refused_are_in_the_history_once_the_connection_was_looked_at() {
    let (service, fake) = (service().await, FakeRadarr::start());
    ask(&service, "POST", "/instances", radarr("movies", &fake.url())).await;
    for _ in 0..3 {
        let sent = warp::test::request().method("POST").path("/webhook/movies").body("{}");
        assert_eq!(sent.reply(&crate::routes::all(&service.app)).await.status(), 401);
    }
    assert!(keeper::look(Arc::clone(&service.app), "movies".to_owned()).await);
    let told = ask(&service, "GET", "/instances/movies/history", Value::Null).await;
    let outage = &told.json["outages"][0];
    assert_eq!((&outage["reason"], &outage["refused_webhooks"]), (&json!("webhook"), &json!(3)), "{}", told.text);
    assert!(outage["ended_at_ms"].is_i64(), "{}", told.text);
}
