//! Plex against a stand-in with state.

use pulsarr_tests::fakes::{FakePlex, Fault, FeedMode, PlexResource, Title};

use super::*;
use crate::clients::testing::{Scripted, answer, http, http_with, quick};
use crate::model::{MediaType, PlexId};
use crate::stop::Stop;

fn urls(fake: &FakePlex) -> PlexUrls {
    PlexUrls { plex_tv: fake.plex_tv_url(), discover: fake.discover_url(), community: fake.community_url() }
}

fn plex(fake: &FakePlex) -> Plex {
    Plex::new(http(), urls(fake), SecretString::from(fake.owner_token()), "installation-1".to_owned())
}

fn page(outcome: Result<OwnPage, PlexError>) -> OwnWatchlistPage {
    match outcome {
        Ok(OwnPage::Page(page)) => page,
        other => panic!("{other:?}"),
    }
}

fn uuid(text: &str) -> UserUuid {
    UserUuid::parse(text).unwrap()
}

#[tokio::test]
async fn every_service_gets_the_token_in_a_header_and_the_same_identifier() {
    let fake = FakePlex::start();
    let plex = plex(&fake);
    plex.account().await.unwrap();
    plex.own_watchlist_page(0, 1, None).await.unwrap();
    plex.friends().await.unwrap();
    let journal = fake.journal();
    assert_eq!(journal.len(), 3);
    for seen in journal {
        assert_eq!(seen.token.as_deref(), Some(fake.owner_token().as_str()), "{}", seen.route);
        assert_eq!(seen.query_value("X-Plex-Token"), None);
        assert_eq!(seen.client_identifier.as_deref(), Some("installation-1"));
        assert_eq!(seen.accept.as_deref(), Some("application/json"));
    }
    assert!(!format!("{plex:?}").contains(&fake.owner_token()));
}

#[tokio::test]
async fn the_account_decides_about_the_token() {
    let fake = FakePlex::start();
    let plex = plex(&fake);
    let account = plex.account().await.unwrap();
    assert_eq!((account.uuid.as_str(), account.username.as_str()), (fake.owner_uuid().as_str(), "mirela_q"));
    fake.revoke_token();
    assert_eq!(plex.account().await, Err(PlexError::unauthorized()));
    fake.restore_token();
    fake.inject(Fault::on("GET", "/api/v2/user").status(503));
    assert!(!plex.account().await.unwrap_err().is_unauthorized());
}

#[test]
fn other_refusals_of_a_token_are_known() {
    let rejected = |status, body: &str| as_refusal(FetchError::Rejected { status, body: body.to_owned() });
    assert_eq!(rejected(498, ""), FetchError::Unauthorized);
    assert_eq!(rejected(422, "Invalid token."), FetchError::Unauthorized);
    assert_ne!(rejected(422, "Something else"), FetchError::Unauthorized);
}

#[test]
fn a_token_mark_is_a_hash() {
    let plex = |token: &str| Plex::new(http(), urls(&FakePlex::start()), SecretString::from(token), String::new());
    // The beginning of the SHA-256 of `abc`, from FIPS 180-2.
    assert_eq!(plex("abc").token_mark(), "ba7816bf8f01cfea");
    assert_ne!(plex("abd").token_mark(), plex("abc").token_mark());
}

#[tokio::test]
async fn the_own_list_comes_page_by_page_with_ids_newest_first() {
    let fake = FakePlex::start();
    for n in 0..130 {
        fake.watch(&fake.owner_uuid(), Title::numbered_movie(n));
    }
    let plex = plex(&fake);
    let first = page(plex.own_watchlist_page(0, 1, None).await);
    assert_eq!((first.received, first.skipped, first.total), (100, 0, Some(130)));
    assert_eq!(first.items[0].ids.as_ref().unwrap().tmdb, Some(crate::model::TmdbId(2_000_129)));
    assert_eq!(first.items[0].media_type, MediaType::Movie);
    let second = page(plex.own_watchlist_page(first.received, 2, None).await);
    assert_eq!(second.received, 30);
    let third = page(plex.own_watchlist_page(130, 3, None).await);
    assert_eq!((third.received, third.items.len(), third.total), (0, 0, Some(130)));
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let fake = FakePlex::start();
    fake.watch(&fake.owner_uuid(), Title::movie("Salt Ledger"));
    let plex = plex(&fake);
    let etag = page(plex.own_watchlist_page(0, 1, None).await).etag;
    assert_eq!(plex.own_watchlist_page(0, 1, etag.as_deref()).await, Ok(OwnPage::NotModified));
    assert_eq!(plex.counters().not_modified, 1);
    fake.watch(&fake.owner_uuid(), Title::movie("Paper Tide"));
    assert_eq!(page(plex.own_watchlist_page(0, 1, etag.as_deref()).await).received, 2);
}

#[tokio::test]
async fn a_list_that_has_moved_is_no_empty_list() {
    let fake = FakePlex::start();
    let moved = PlexUrls { discover: fake.metadata_url(), ..urls(&fake) };
    let plex = Plex::new(http(), moved, SecretString::from(fake.owner_token()), "installation-1".to_owned());
    let error = plex.own_watchlist_page(0, 1, None).await.unwrap_err();
    assert_eq!(error, PlexError::fetch("read the own watchlist", FetchError::NotFound));
}

#[tokio::test]
async fn accidents_are_errors_and_never_empty_lists() {
    let fake = FakePlex::start();
    let friend = uuid(&fake.add_friend("tomas.r"));
    let plex = plex(&fake);
    let accidents: [fn(Fault) -> Fault; 6] = [
        |fault| fault.html(),
        |fault| fault.truncated(),
        |fault| fault.reset(),
        |fault| fault.status(500),
        |fault| fault.status(404),
        |fault| fault.status(400),
    ];
    for accident in accidents {
        fake.inject(accident(Fault::on("ANY", "")));
        assert!(plex.own_watchlist_page(0, 1, None).await.is_err());
        assert!(matches!(plex.friends().await, Err(PlexError::Fetch { .. } | PlexError::SchemaChanged { .. })));
        let read = plex.friend_watchlist_page(&friend, 1, None).await;
        assert!(matches!(read, Err(PlexError::Fetch { .. } | PlexError::SchemaChanged { .. })), "{read:?}");
        fake.clear_faults();
    }
}

#[tokio::test]
async fn friends_are_known_by_uuid() {
    let fake = FakePlex::start();
    let plex = plex(&fake);
    assert_eq!(plex.friends().await, Ok(Friends { friends: Vec::new(), skipped: 0 }));
    let tomas = fake.add_friend("tomas.r");
    fake.rename_friend(&tomas, "tomas.new");
    let friends = plex.friends().await.unwrap().friends;
    assert_eq!((friends[0].uuid.as_str(), friends[0].username.as_str()), (tomas.as_str(), "tomas.new"));
}

#[tokio::test]
async fn a_friends_list_comes_by_cursor_without_ids() {
    let fake = FakePlex::start();
    let tomas = fake.add_friend("tomas.r");
    for n in 0..101 {
        fake.watch(&tomas, Title::numbered_show(n));
    }
    let (plex, tomas) = (plex(&fake), uuid(&tomas));
    let first = plex.friend_watchlist_page(&tomas, 1, None).await.unwrap();
    assert_eq!((first.received, first.skipped, first.has_next_page), (100, 0, true));
    assert_eq!((first.items[0].media_type, &first.items[0].ids), (MediaType::Show, &None));
    let second = plex.friend_watchlist_page(&tomas, 2, first.end_cursor.as_deref()).await.unwrap();
    assert_eq!((second.received, second.has_next_page), (1, false));
}

#[tokio::test]
async fn an_empty_list_of_a_friend_is_empty_and_has_no_cursor() {
    let fake = FakePlex::start();
    let tomas = uuid(&fake.add_friend("tomas.r"));
    let empty = plex(&fake).friend_watchlist_page(&tomas, 1, None).await.unwrap();
    assert_eq!((empty.received, empty.end_cursor, empty.has_next_page), (0, None, false));
}

#[tokio::test]
async fn the_head_changes_with_the_newest_entries() {
    let fake = FakePlex::start();
    let tomas = fake.add_friend("tomas.r");
    let (plex, uuid) = (plex(&fake), uuid(&tomas));
    let empty = plex.friend_head(&uuid).await.unwrap();
    assert_eq!(plex.friend_head(&uuid).await.unwrap(), empty);
    let titles = ["One", "Two", "Three"].map(Title::movie);
    let mut marks = vec![empty];
    for title in &titles {
        fake.watch(&tomas, title);
        marks.push(plex.friend_head(&uuid).await.unwrap());
    }
    fake.unwatch(&tomas, &titles[2]);
    marks.push(plex.friend_head(&uuid).await.unwrap());
    assert_eq!(marks.pop(), Some(marks[2].clone()), "taking the newest off brings the former head back");
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), 4);
}

#[tokio::test]
async fn a_private_list_is_not_shared_and_no_error_of_the_network() {
    let fake = FakePlex::start();
    let tomas = fake.add_friend("tomas.r");
    fake.watch(&tomas, Title::movie("Salt Ledger"));
    fake.set_private(&tomas, true);
    let (plex, uuid) = (plex(&fake), uuid(&tomas));
    let error = plex.friend_watchlist_page(&uuid, 1, None).await.unwrap_err();
    assert!(matches!(error, PlexError::NotShared { .. }), "{error:?}");
    assert!(!error.to_string().contains(uuid.as_str()));
    assert!(matches!(plex.friend_head(&uuid).await, Err(PlexError::NotShared { .. })));
}

#[tokio::test]
async fn metadata_brings_ids_and_facts_and_a_missing_title_is_not_found() {
    let fake = FakePlex::start();
    let film =
        Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002").genre("Drama").certification("R");
    let gone = Title::movie("Gone").missing_from_catalogue();
    let (film, gone) = (fake.add_title(film), fake.add_title(gone));
    let plex = plex(&fake);
    let metadata = plex.metadata(&PlexId::parse(&film).unwrap()).await.unwrap();
    assert_eq!((metadata.title.as_str(), metadata.year), ("Salt Ledger", Some(2025)));
    assert_eq!(metadata.ids.to_string(), "imdb tt90000002, tmdb 900002");
    assert_eq!(metadata.facts.genres, Some(vec!["Drama".to_owned()]));
    assert_eq!(metadata.facts.certification.as_deref(), Some("R"));
    let error = plex.metadata(&PlexId::parse(&gone).unwrap()).await.unwrap_err();
    assert!(matches!(error, PlexError::Fetch { source: FetchError::NotFound, .. }));
}

#[tokio::test]
async fn no_more_than_two_requests_run_at_once() {
    let fake = FakePlex::start();
    fake.inject(Fault::on("GET", "/user").latency_ms(5));
    let http = http_with(quick(), &Stop::default());
    let plex = Plex::new(http, urls(&fake), SecretString::from(fake.owner_token()), "installation-1".to_owned());
    let all: Vec<_> = (0..8)
        .map(|_| {
            let plex = plex.clone();
            tokio::spawn(async move { plex.account().await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert!(fake.max_in_flight() <= 2);
}

#[tokio::test]
async fn metadata_tells_what_rules_look_at() {
    let fake = FakePlex::start();
    let title = Title::show("Harbour Nine")
        .seasons(3)
        .duration_min(45)
        .studio("Tidal")
        .network("Harbour TV")
        .country("Portugal");
    let title =
        title.imdb_rating(7.9, 5_120).tmdb_rating(8.2).rotten_tomatoes(9.3, 6.4).certification("TV-MA").genre("Anime");
    let key = PlexId::parse(&fake.add_title(title)).unwrap();
    let facts = plex(&fake).metadata(&key).await.unwrap().facts;
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    assert_eq!((facts.season_count, facts.runtime_min, facts.imdb_votes), (Some(3), Some(45), Some(5_120)));
    assert_eq!((facts.imdb_rating, facts.tmdb_rating), (Some(7.9), Some(8.2)));
    assert_eq!((facts.rt_critic, facts.rt_audience), (Some(93.0), Some(64.0)));
    assert_eq!((facts.genres, facts.countries), (list(&["Anime"]), list(&["Portugal"])));
    assert_eq!((facts.studios, facts.certification.as_deref()), (list(&["Tidal", "Harbour TV"]), Some("TV-MA")));
    assert_eq!((facts.original_language, facts.keywords), (None, None), "Plex does not tell these");
}

#[tokio::test]
async fn the_plex_server_says_what_it_has() {
    let fake = FakePlex::start();
    let (here, missing) = (Title::movie("Salt Ledger"), Title::movie("Paper Tide"));
    fake.own(&here);
    let server = plex(&fake).server(http(), fake.server_url());
    let has = async |title: &Title| server.has(MediaType::Movie, &PlexId::parse(&title.rating_key()).unwrap()).await;
    assert_eq!((has(&here).await, has(&missing).await), (Ok(true), Ok(false)));
    let seen = fake.journal().pop().unwrap();
    assert_eq!(seen.token.as_deref(), Some(fake.owner_token().as_str()));
    assert_eq!(seen.query.len(), 1, "{:?}", seen.query);
    fake.inject(Fault::on("GET", "/library/all").html());
    assert!(has(&missing).await.is_err(), "a login page says nothing");
}

fn sign_in(fake: &FakePlex) -> PlexSignIn {
    PlexSignIn::new(http(), fake.plex_tv_url())
}

#[tokio::test]
async fn a_pin_is_asked_for_without_a_token_and_becomes_one() {
    let fake = FakePlex::start();
    let sign_in = sign_in(&fake);
    let pin = sign_in.create_pin("pulsarr-1", 1_000).await.unwrap();
    assert_eq!((pin.code.len(), pin.expires_at_ms, pin.client_identifier.as_str()), (4, 901_000, "pulsarr-1"));
    assert!(matches!(sign_in.poll_pin(&pin).await, Ok(PinState::Waiting)));
    fake.claim_pin(&pin.code);
    let Ok(PinState::Linked(token)) = sign_in.poll_pin(&pin).await else { panic!("a token") };
    assert_eq!(token.expose_secret(), fake.owner_token());
    for seen in fake.journal() {
        assert_eq!((seen.token, seen.client_identifier.as_deref()), (None, Some("pulsarr-1")), "{}", seen.route);
        assert_eq!(seen.body, "");
    }
    let other = sign_in.create_pin("pulsarr-2", 1_000).await.unwrap();
    assert_ne!(other.code, pin.code);
    assert!(!format!("{pin:?}").contains("pulsarr-1"));
}

#[tokio::test]
async fn a_pin_that_plex_does_not_know_has_expired_and_a_failure_is_no_expiry() {
    let fake = FakePlex::start();
    let sign_in = sign_in(&fake);
    let pin = sign_in.create_pin("pulsarr-1", 0).await.unwrap();
    let stolen = Pin { client_identifier: "somebody-else".to_owned(), ..pin.clone() };
    assert!(matches!(sign_in.poll_pin(&stolen).await, Ok(PinState::Expired)));
    fake.inject(Fault::on("GET", "/api/v2/pins").status(503));
    assert!(sign_in.poll_pin(&pin).await.is_err());
    fake.clear_faults();
    fake.expire_pin(&pin.code);
    assert!(matches!(sign_in.poll_pin(&pin).await, Ok(PinState::Expired)));
}

#[tokio::test]
async fn a_ping_needs_a_pong_and_the_account_tells_of_its_pass() {
    let fake = FakePlex::start();
    let plex = plex(&fake);
    plex.ping().await.unwrap();
    assert!(plex.account().await.unwrap().plex_pass);
    fake.set_plex_pass(false);
    assert!(!plex.account().await.unwrap().plex_pass);
    fake.revoke_token();
    assert!(plex.ping().await.is_err());
}

#[tokio::test]
async fn servers_are_listed_with_their_addresses_in_the_order_to_try() {
    let fake = FakePlex::start();
    let attic = PlexResource::new("Attic", "aa11bb22cc33")
        .relay("https://198-51-100-4.h.plex.direct:8443")
        .remote("https://203-0-113-9.h.plex.direct:32400")
        .local("https://192-168-7-20.h.plex.direct:32400");
    let shared =
        PlexResource::new("Cellar", "dd44").shared().https_required().local("https://10-0-0-3.h.plex.direct:32400");
    fake.set_resources([attic, shared]);
    let servers = plex(&fake).servers().await.unwrap();
    let names: Vec<_> = servers.iter().map(|it| (it.name.as_str(), it.machine_identifier.as_str(), it.owned)).collect();
    assert_eq!(names, [("Attic", "aa11bb22cc33", true), ("Cellar", "dd44", false)], "a player is no server");
    let uris = |at: usize| servers[at].connections.iter().map(|it| it.uri.as_str()).collect::<Vec<_>>();
    assert_eq!(
        uris(0),
        [
            "https://192-168-7-20.h.plex.direct:32400",
            "http://192.168.7.20:32400",
            "https://203-0-113-9.h.plex.direct:32400",
            "https://198-51-100-4.h.plex.direct:8443",
        ]
    );
    assert_eq!(uris(1), ["https://10-0-0-3.h.plex.direct:32400"]);
    assert_eq!(servers[0].access_token.as_ref().unwrap().expose_secret(), "tok-server-aa11bb22cc33");
    assert!(!format!("{servers:?}").contains("tok-server"));
}

#[tokio::test]
async fn a_server_says_who_it_is_to_anybody_and_gets_no_token() {
    let fake = FakePlex::start();
    fake.revoke_token();
    let identity = plex(&fake).server(http(), fake.server_url()).identity().await.unwrap();
    assert_eq!(identity.machine_identifier, fake.machine_identifier());
    assert_eq!(fake.journal().pop().unwrap().token, None);
}

#[tokio::test]
async fn friend_requests_are_told_apart_by_who_asked() {
    let fake = FakePlex::start();
    let plex = plex(&fake);
    assert_eq!(plex.friend_requests().await, Ok(FriendRequests::default()));
    let (asked, asking) = (fake.send_friend_request("tomas.r"), fake.receive_friend_request("ines_vale"));
    let requests = plex.friend_requests().await.unwrap();
    assert_eq!(requests, FriendRequests { sent: vec![uuid(&asked)], received: vec![uuid(&asking)] });
    assert_eq!(plex.friends().await.unwrap().friends, []);
    fake.add_friend("tomas.r");
    assert_eq!(plex.friend_requests().await.unwrap().sent, []);
    fake.inject(Fault::on("POST", "/community/api").html());
    assert!(plex.friend_requests().await.is_err());
}

async fn feed_url(plex: &Plex, feed: Feed) -> SecretString {
    match plex.create_feed(feed).await.unwrap() {
        FeedCreated::Url(url) => url,
        FeedCreated::NoPass => panic!("the account has a pass"),
    }
}

/// An owner with one wish and a friend with sixty.
fn wishing() -> (FakePlex, String) {
    let fake = FakePlex::start();
    fake.watch(&fake.owner_uuid(), Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002"));
    let tomas = fake.add_friend("tomas.r");
    fake.fill_watchlist(&tomas, 0, 60);
    (fake, tomas)
}

fn items(answer: FeedAnswer) -> Vec<FeedItem> {
    match answer {
        FeedAnswer::Items(items) => items,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn feeds_are_read_in_every_way_plex_has_served_them_and_the_storage_never_sees_the_token() {
    let (fake, tomas) = wishing();
    let plex = plex(&fake);
    for mode in [FeedMode::OkJson, FeedMode::RedirectToS3, FeedMode::DeadJuly2026] {
        fake.set_feed_mode(mode);
        let own = items(plex.read_feed(&feed_url(&plex, Feed::Own).await).await.unwrap());
        assert_eq!(
            (own.len(), own[0].title.as_str(), own[0].media_type),
            (1, "Salt Ledger (2025)", Some(MediaType::Movie))
        );
        assert!(own[0].guids.contains(&"imdb://tt90000002".to_owned()), "{mode:?}: {:?}", own[0].guids);
        let at_ms = fake.feed(false)[0].at_ms;
        assert_eq!(own[0].pub_date_ms, Some(at_ms / 1000 * 1000), "{mode:?}");
        let friends = items(plex.read_feed(&feed_url(&plex, Feed::Friends).await).await.unwrap());
        assert_eq!(friends.len(), 50, "{mode:?}");
        assert!(friends.iter().all(|item| item.author == Some(uuid(&tomas))), "{mode:?}");
        let newest: Vec<_> = fake.feed(true).iter().map(|entry| Some(entry.at_ms / 1000 * 1000)).collect();
        assert_eq!(friends.iter().map(|item| item.pub_date_ms).collect::<Vec<_>>(), newest, "{mode:?}");
    }
    let at_storage = fake.journal_of("/s3/");
    assert_eq!(at_storage.len(), 4);
    for seen in at_storage.into_iter().chain(fake.journal_of("/rss/")).filter(|seen| !seen.route.contains("discover")) {
        assert_eq!((seen.token.as_deref(), seen.query_value("X-Plex-Token")), (None, None), "{}", seen.route);
        assert_eq!(seen.client_identifier, None, "{}", seen.route);
    }
}

#[tokio::test]
async fn no_pass_is_told_and_is_never_a_dead_token() {
    let (fake, _) = wishing();
    let plex = plex(&fake);
    let url = feed_url(&plex, Feed::Own).await;
    fake.set_plex_pass(false);
    assert!(matches!(plex.create_feed(Feed::Own).await, Ok(FeedCreated::NoPass)));
    assert_eq!(plex.read_feed(&url).await, Ok(FeedAnswer::NoPass));
    plex.account().await.unwrap();
    fake.set_plex_pass(true);
    fake.set_feed_mode(FeedMode::NoPass);
    assert!(matches!(plex.create_feed(Feed::Friends).await, Ok(FeedCreated::NoPass)));
}

#[tokio::test]
async fn a_feed_made_anew_is_gone_at_its_former_address() {
    let (fake, _) = wishing();
    let plex = plex(&fake);
    for mode in [FeedMode::OkJson, FeedMode::DeadJuly2026, FeedMode::RedirectToS3] {
        fake.set_feed_mode(mode);
        let url = feed_url(&plex, Feed::Own).await;
        fake.regenerate_feeds();
        fake.clear_journal();
        assert_eq!(plex.read_feed(&url).await, Ok(FeedAnswer::Gone), "{mode:?}");
        assert_eq!(fake.journal().len(), 2, "neither refusal is repeated");
    }
}

#[tokio::test]
async fn a_feed_that_is_broken_is_unreadable_and_one_that_cannot_be_reached_is_an_error() {
    let (fake, _) = wishing();
    let plex = plex(&fake);
    fake.set_feed_mode(FeedMode::InvalidJson);
    let url = feed_url(&plex, Feed::Own).await;
    assert_eq!(plex.read_feed(&url).await, Ok(FeedAnswer::Unreadable));
    fake.inject(Fault::on("GET", "/rss").status(500));
    let error = plex.read_feed(&url).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(feeds_secret(&url)), "{error:?}");
    fake.clear_faults();
    fake.inject(Fault::on("GET", "/rss").html());
    assert_eq!(plex.read_feed(&url).await, Ok(FeedAnswer::Unreadable));
}

/// The part of a feed's address that opens it.
fn feeds_secret(url: &SecretString) -> &str {
    url.expose_secret().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_stale_feed_tells_what_was_and_hides_nothing_else() {
    let (fake, tomas) = wishing();
    let plex = plex(&fake);
    fake.set_feed_mode(FeedMode::Stale);
    fake.watch(&tomas, Title::movie("Paper Tide"));
    let read = items(plex.read_feed(&feed_url(&plex, Feed::Friends).await).await.unwrap());
    assert!(read.iter().all(|item| !item.title.starts_with("Paper Tide")));
    fake.set_feed_mode(FeedMode::OkJson);
    let read = items(plex.read_feed(&feed_url(&plex, Feed::Friends).await).await.unwrap());
    assert!(read[0].title.starts_with("Paper Tide"));
}

#[tokio::test]
async fn a_second_redirect_is_not_followed() {
    let lead = |path: &str| answer("302 Found", &format!("location: {path}\r\n"), "");
    let scripted = Scripted::start(vec![lead("/one"), lead("/two")]);
    let plex = plex(&FakePlex::start());
    let url = SecretString::from(format!("{}/2d7f4c11-0b3e", scripted.url()));
    let urls = PlexUrls { discover: scripted.url(), ..plex.urls.clone() };
    let plex = Plex { urls, ..plex };
    assert_eq!(plex.read_feed(&url).await, Ok(FeedAnswer::Unreadable));
    let seen = scripted.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| !request.to_lowercase().contains("x-plex")), "{seen:?}");
}
