//! Posters come through the service: fetched once, kept, and never from anywhere that Plex has no posters at.

use std::fs;

use pulsarr_tests::fakes::Title;
use pulsarr_tests::household::Household;

const PNG: &[u8] = b"\x89PNG";

#[test]
fn a_poster_is_fetched_once_and_kept_while_there_is_room() {
    let mut household = Household::new();
    let film = Title::movie("Salt Ledger");
    household.plex.watch(&household.plex.owner_uuid(), &film);
    household.set("PULSARR_AUTH", "required_except_local");
    household.set("PULSARR_FAST_LANE", "false");
    assert_eq!(household.pulsarr(&["sync"]).code, Some(0));
    let service = household.serve();
    let poster = format!("/posters/{}", film.rating_key());
    let fetched = || household.plex.journal().iter().filter(|it| it.route.starts_with("/pictures/")).count();

    let first = service.get(&poster);
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.head.contains("content-type: image/png"), "{}", first.head);
    assert_eq!(service.get(&poster).status, 200);
    assert_eq!(fetched(), 1);
    let kept: Vec<_> = fs::read_dir(household.data_dir().join("posters")).unwrap().collect();
    assert_eq!(kept.len(), 1);
    assert!(fs::read(kept[0].as_ref().unwrap().path()).unwrap().starts_with(PNG));

    for nowhere in ["/posters/ffffffffffffffffffffffff", "/posters/..%2f..%2fdb%2fpulsarr.db"] {
        assert_eq!(service.get(nowhere).status, 404, "{nowhere}");
    }
    assert_eq!(fetched(), 1);
    // Nobody else sees what the household watches.
    let forwarded = service.ask("GET", &poster, &[("X-Forwarded-For", "203.0.113.9")], b"");
    assert_ne!(forwarded.status, 200, "{forwarded:?}");
}
