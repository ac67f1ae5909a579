//! Stories in containers: the image as it is shipped, in containers as the manifests make them, and the stand-ins in containers of their
//! own, on a private network. What one kernel and one volume under two containers mean is tried here; what a cluster adds is not.
//!
//! `PULSARR_IMAGE` names the image (`.ci/image` makes it). Without it, or where no engine answers, every story is skipped and says so;
//! `PULSARR_REQUIRE_CONTAINERS=1` makes it fail instead.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod backups;
mod confinement;
mod crashes;
mod engine;
mod jobs;
mod network;
mod place;

use std::io::Write as _;
use std::process::Command;

use engine::Relay;
use place::Place;

/// Set in the process that tells a story.
const WITHIN: &str = "PULSARR_WITHIN_STORY";

/// Tells a story in a place of its own, and in a process of its own: testcontainers looks for the engine in the environment.
fn story<F: AsyncFnOnce(&Place)>(body: F) {
    let name = test_around::<F>();
    let Ok(image) = std::env::var("PULSARR_IMAGE") else {
        return skipped(name, "PULSARR_IMAGE names no image; .ci/image makes one");
    };
    if std::env::var_os(WITHIN).is_some() {
        return play(&image, body);
    }
    let relay = match Relay::start() {
        Ok(relay) => relay,
        Err(why) => return skipped(name, &why),
    };
    let done = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(WITHIN, "1")
        .env("DOCKER_HOST", relay.address())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    // None would have passed as well.
    let told = done.status.success() && stdout.contains("1 passed");
    assert!(told, "{name}:\n{stdout}\n{stderr}");
}

fn play<F: AsyncFnOnce(&Place)>(image: &str, body: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let place = Place::new(image).await;
        body(&place).await;
    });
}

/// The name by which the harness knows the test that a closure stands in: `jobs::two_at_once`.
fn test_around<F>() -> &'static str {
    let path = std::any::type_name::<F>();
    let path = path.split_once("::").map_or(path, |(_, path)| path);
    path.trim_end_matches("::{{closure}}")
}

/// One line per story, which `.ci/run` counts.
fn skipped(story: &str, why: &str) {
    let required = std::env::var("PULSARR_REQUIRE_CONTAINERS").is_ok_and(|value| value == "1");
    assert!(!required, "PULSARR_REQUIRE_CONTAINERS=1, and {why}");
    // Past the test harness, which would swallow it.
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: the story {story} in containers, because {why}");
}
