//! A backup moves to another volume.

use crate::story;

#[test]
fn a_backup_is_restored_into_a_fresh_volume_and_the_next_sync_adds_nothing_twice() {
    story(async |place| {
        place.sync_well().await;
        let made = place.run(&["backup", "--report", "json"]).await;
        assert_eq!(made.code, 0, "{made:?}");
        let file = made.report()["file"].as_str().unwrap().replace("/app/data", "/old");

        let restored = place.run_on_fresh_volume(&["restore", &file]).await;
        assert_eq!(restored.code, 0, "{restored:?}");

        let told = place.run_on_fresh_volume(&["explain", "Salt Ledger"]).await;
        assert!(told.stdout.contains("`movies`: added"), "{told:?}");
        let sync = place.run_on_fresh_volume(&["sync", "--report", "json"]).await;
        assert_eq!((sync.code, &sync.report()["placements"]["added"]), (0, &0.into()), "{sync:?}");
        assert_eq!(place.world().await["asked"], 2);
    });
}
