//! TMDB against a stand-in with state.

use pulsarr_tests::fakes::{FakeTmdb, Fault, TmdbTitle};

use super::*;
use crate::clients::testing::http;

fn tmdb(fake: &FakeTmdb) -> Tmdb {
    Tmdb::new(http(), fake.url(), SecretString::from(fake.token()), "us")
}

fn ids(imdb: Option<&str>, tmdb: Option<u32>, tvdb: Option<u32>) -> ExternalIds {
    ExternalIds { imdb: imdb.map(|id| ImdbId(id.to_owned())), tmdb: tmdb.map(TmdbId), tvdb: tvdb.map(TvdbId) }
}

fn known() -> FakeTmdb {
    let fake = FakeTmdb::start();
    fake.know(TmdbTitle::movie(603).imdb("tt0133093").language("ja").offered("US", "flatrate", 8, "Netflix"));
    fake.know(TmdbTitle::show(1_396).tvdb(81_189).keyword("harbour").offered("DE", "ads", 73, "Tubi TV"));
    fake
}

#[tokio::test]
async fn one_request_tells_services_keywords_and_the_rest() {
    let fake = known();
    let movie = tmdb(&fake).facts(MediaType::Movie, &ids(None, Some(603), None)).await.unwrap();
    assert_eq!(movie.streaming_services, Some(vec!["Netflix".to_owned(), "8".to_owned()]));
    assert_eq!((movie.original_language.as_deref(), movie.runtime_min), (Some("Japanese"), Some(117)));
    let show = tmdb(&fake).facts(MediaType::Show, &ids(None, Some(1_396), None)).await.unwrap();
    assert_eq!((show.keywords, show.streaming_services), (Some(vec!["harbour".to_owned()]), Some(vec![])));
    assert_eq!(fake.requests_to(""), 2);
}

#[tokio::test]
async fn a_title_without_tmdbs_own_id_is_found_by_another() {
    let fake = known();
    let show = tmdb(&fake).facts(MediaType::Show, &ids(None, None, Some(81_189))).await.unwrap();
    assert_eq!(show.season_count, Some(2));
    let movie = tmdb(&fake).facts(MediaType::Movie, &ids(Some("tt0133093"), None, Some(81_189))).await.unwrap();
    assert_eq!(movie.original_language.as_deref(), Some("Japanese"), "a movie's TVDB id is not asked about");
    assert_eq!(fake.requests_to("/3/find/"), 2);
    for unknown in [ids(None, None, None), ids(Some("tt1"), None, None), ids(None, Some(7), None)] {
        assert_eq!(tmdb(&fake).facts(MediaType::Movie, &unknown).await, Ok(Facts::default()), "{unknown}");
    }
}

#[tokio::test]
async fn the_token_travels_in_a_header_and_nowhere_else() {
    let fake = known();
    let client = tmdb(&fake);
    client.facts(MediaType::Movie, &ids(None, Some(603), None)).await.unwrap();
    let seen = fake.journal().pop().unwrap();
    assert_eq!(seen.token.as_deref(), Some(fake.token().as_str()));
    assert!(seen.query.iter().all(|(_, value)| !value.contains(&fake.token())));
    assert!(!format!("{client:?}").contains(&fake.token()));
}

#[tokio::test]
async fn a_key_of_the_old_kind_is_never_sent() {
    let fake = known();
    let old = Tmdb::new(http(), fake.url(), SecretString::from("0123456789abcdef0123456789ABCDEF"), "US");
    assert_eq!(old.facts(MediaType::Movie, &ids(None, Some(603), None)).await, Err(TmdbError::OldKey));
    assert_eq!(fake.requests_to(""), 0);
}

#[tokio::test]
async fn failures_of_tmdb_and_of_the_token_are_told_apart_from_those_of_a_title() {
    let fake = known();
    let wrong = Tmdb::new(http(), fake.url(), SecretString::from("wrong"), "US");
    let title = ids(None, Some(603), None);
    assert!(wrong.facts(MediaType::Movie, &title).await.unwrap_err().is_unauthorized());
    for (status, about_the_title) in [(500, false), (429, false), (422, true)] {
        fake.inject(Fault::on("GET", "/3/movie/").status(status));
        let error = tmdb(&fake).facts(MediaType::Movie, &title).await.unwrap_err();
        assert_eq!(error.is_about_the_thing(), about_the_title, "{error}");
        fake.clear_faults();
    }
}
