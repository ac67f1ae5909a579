//! Containers that are killed in the middle. What a power cut takes besides is another test's: here the kernel and its cache live on.

use crate::place::ended;
use crate::story;

/// The TMDB id of the movie.
const MOVIE: &str = "900002";

#[test]
fn a_job_that_is_killed_while_radarr_adds_is_taken_up_by_the_next_one() {
    story(async |place| {
        place.order("/keep-the-answer").await;
        let job = place.start(&["sync"]).await;
        place.until("Radarr has the movie", |world| world["movies"][0] == 900_002).await;
        place.kill(&job).await;
        assert_eq!(ended(&job).await, 137);
        place.order("/clear").await;

        place.sync_well().await;

        let world = place.world().await;
        assert_eq!((world["movies"].to_string(), world["shows"].to_string()), ("[900002]".into(), "[800001]".into()));
        assert_eq!(world["asked"], 2, "once each");
        let story = place.explain("Salt Ledger").await;
        assert!(story.contains("an earlier attempt to add it never got its answer"), "{story}");
    });
}

#[test]
fn a_service_that_is_killed_before_it_reads_a_webhook_learns_from_the_history_what_it_missed() {
    story(async |place| {
        let service = place.serve_connected().await;
        place.sync_well().await;
        place.order(&format!("/grab/{MOVIE}")).await;
        place.until("the grab was reported", |world| world["told"].to_string().contains("[\"Grab\",200]")).await;

        // Its kernel takes the webhook, and nobody reads it.
        service.pause().await.unwrap();
        place.order(&format!("/import/{MOVIE}")).await;
        place.until("the webhook is on its way", |world| world["history"] == 2 && world["open"] == 1).await;
        place.kill(&service).await;
        place.until("it is lost", |world| world["told"].to_string().contains("[\"Download\",0]")).await;
        drop(service);

        let _service = place.serve_connected().await;
        crate::place::wait_until("it is available all the same", async || {
            place.explain("Salt Ledger").await.contains("available")
        })
        .await;
    });
}

#[test]
fn a_service_that_is_killed_amid_webhooks_acts_on_all_that_it_acknowledged() {
    story(async |place| {
        let acknowledged = |world: &serde_json::Value| {
            world["told"].as_array().unwrap().iter().filter(|sent| sent[1] == 200).count() as u64
        };
        let service = place.serve_connected().await;
        place.sync_well().await;
        place.order(&format!("/storm/{MOVIE}")).await;
        // What is answered waits for its turn behind what is taken in, so whenever it comes the end is between the two for some.
        place.until("there is a storm", |world| acknowledged(world) >= 300).await;
        place.kill(&service).await;
        place.until("nobody answers", |world| world["told"].to_string().contains("[\"Grab\",0]")).await;
        drop(service);
        let of_old = acknowledged(&place.world().await);

        let service = place.serve().await;
        crate::place::wait_until("nothing waits", async || place.metric(&service, "pulsarr_inbox_pending").await == 0)
            .await;

        // More by those that were stored when their answer was not sent yet.
        let ended = place.metric(&service, "pulsarr_inbox_ended_total").await;
        assert!(ended >= of_old, "{of_old} were acknowledged, and {ended} acted on");
        assert_eq!(place.metric(&service, "pulsarr_inbox_given_up_total").await, 0);
    });
}

#[test]
fn when_the_node_is_lost_all_start_again_on_the_same_volume() {
    story(async |place| {
        let service = place.serve_connected().await;
        place.order("/keep-the-answer").await;
        let job = place.start(&["sync"]).await;
        place.until("Radarr has the movie", |world| world["movies"][0] == 900_002).await;
        tokio::join!(place.kill(&service), place.kill(&job));
        drop((service, job));
        place.order("/clear").await;

        let _service = place.serve_connected().await;
        place.sync_well().await;

        let world = place.world().await;
        assert_eq!((world["movies"].to_string(), world["shows"].to_string()), ("[900002]".into(), "[800001]".into()));
        assert_eq!(world["asked"], 2, "once each");
        place.order(&format!("/import/{MOVIE}")).await;
        place.until("webhooks arrive", |world| world["told"].to_string().contains("[\"Download\",200]")).await;
    });
}
