//! Syncs as containers.

use crate::place::{ended, wait_until};
use crate::story;

#[test]
fn a_sync_is_a_container_that_runs_to_its_end() {
    story(async |place| {
        let report = place.sync_well().await;
        assert_eq!(report["placements"]["added"], 2, "{report:#}");
        let world = place.world().await;
        assert_eq!((world["movies"].to_string(), world["shows"].to_string()), ("[900002]".into(), "[800001]".into()));

        // The next one finds on the volume what the first one wrote.
        let report = place.sync_well().await;
        assert_eq!(report["placements"]["added"], 0, "{report:#}");
        assert_eq!(place.world().await["asked"], 2);
        assert!(place.explain("Salt Ledger").await.contains("`movies`: added"));
    });
}

#[test]
fn of_a_scheduled_job_and_one_by_hand_at_once_one_works_and_the_other_waits() {
    story(async |place| {
        // The first one asks Plex, and there it is kept.
        place.freeze_plex().await;
        let scheduled = place.start(&["sync", "--lock-wait", "30s", "--report", "json"]).await;
        wait_until("the first one is at work", async || place.run(&["status"]).await.stdout.contains("running")).await;
        let refused = place.run(&["sync", "--fail-if-busy", "--lock-wait", "0s"]).await;
        assert_eq!(refused.code, 75, "{refused:?}");
        let by_hand = place.start(&["sync", "--lock-wait", "30s", "--report", "json"]).await;
        wait_until("the second one waits", async || {
            let said = by_hand.stderr_to_vec().await.unwrap();
            String::from_utf8_lossy(&said).contains("waiting for it")
        })
        .await;
        assert!(scheduled.is_running().await.unwrap());
        place.thaw_plex().await;

        assert_eq!((ended(&scheduled).await, ended(&by_hand).await), (0, 0));
        let report = |bytes: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        let first = report(scheduled.stdout_to_vec().await.unwrap());
        let second = report(by_hand.stdout_to_vec().await.unwrap());
        assert_eq!((&first["placements"]["added"], &second["placements"]["added"]), (&2.into(), &0.into()));
        assert_eq!(place.world().await["asked"], 2, "nothing twice");
    });
}
