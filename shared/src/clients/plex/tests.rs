//! Plex against a stand-in with state.

use pulsarr_tests::fakes::{FakePlex, Fault, Title};

use super::*;
use crate::clients::testing::{http, http_with, quick};
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
