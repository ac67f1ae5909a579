//! TMDb: details, what is appended to them, and titles found by other ids.

use serde_json::json;

use super::Call;
use crate::fakes::{FakeTmdb, TmdbTitle};

fn get(tmdb: &FakeTmdb, path: &str) -> Call {
    Call::new("GET", &format!("{}{path}", tmdb.url())).header("Authorization", &format!("Bearer {}", tmdb.token()))
}

#[test]
fn details_have_only_what_was_asked_for_with_them() {
    let tmdb = FakeTmdb::start();
    tmdb.know(
        TmdbTitle::movie(603)
            .keyword("harbour")
            .offered("US", "flatrate", 8, "Netflix")
            .offered("US", "ads", 73, "Tubi TV"),
    );
    let plain = get(&tmdb, "/3/movie/603").send().json();
    assert_eq!((&plain["id"], plain.get("keywords"), plain.get("watch/providers")), (&json!(603), None, None));
    let both = get(&tmdb, "/3/movie/603?append_to_response=watch/providers,keywords").send().json();
    assert_eq!(both["keywords"]["keywords"], json!([{ "id": 1, "name": "harbour" }]));
    assert_eq!(both["watch/providers"]["results"]["US"]["ads"][0]["provider_name"], "Tubi TV");
    assert_eq!(get(&tmdb, "/3/tv/603").send().status, 404, "a movie is no show");
}

#[test]
fn a_title_is_found_by_its_other_ids_under_its_own_type() {
    let tmdb = FakeTmdb::start();
    tmdb.know(TmdbTitle::show(1_396).tvdb(81_189).imdb("tt0903747"));
    for path in ["/3/find/81189?external_source=tvdb_id", "/3/find/tt0903747?external_source=imdb_id"] {
        let found = get(&tmdb, path).send().json();
        assert_eq!((&found["tv_results"][0]["id"], &found["movie_results"]), (&json!(1_396), &json!([])), "{path}");
    }
}

#[test]
fn only_the_token_in_the_header_opens_it() {
    let tmdb = FakeTmdb::start();
    let by_query = Call::new("GET", &format!("{}/3/movie/603?api_key={}", tmdb.url(), tmdb.token())).send();
    assert_eq!((by_query.status, &by_query.json()["status_code"]), (401, &json!(7)));
    assert_eq!(get(&tmdb, "/3/movie/603").send().status, 404);
    assert_eq!(tmdb.journal()[1].token.as_deref(), Some(tmdb.token().as_str()));
}
