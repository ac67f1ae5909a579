//! The arrs are cut off the network.

use crate::story;

#[test]
fn while_the_arrs_are_cut_off_titles_wait_and_then_they_arrive_once() {
    story(async |place| {
        let service = place.serve_connected().await;
        place.cut_off_arrs().await;

        let cut = place.run(&["sync", "--report", "json"]).await;
        assert_eq!(cut.code, 69, "{cut:?}");
        assert_eq!(cut.report()["placements"]["waiting"], 2, "{cut:?}");
        assert!(service.is_running().await.unwrap(), "the service lives on");

        place.reconnect_arrs().await;
        place.sync_well().await;
        let world = place.world().await;
        assert_eq!((world["movies"].to_string(), world["shows"].to_string()), ("[900002]".into(), "[800001]".into()));
        assert_eq!(world["asked"], 2);
        place.order("/import/900002").await;
        place.until("webhooks find their way", |world| world["told"].to_string().contains("[\"Download\",200]")).await;
    });
}
