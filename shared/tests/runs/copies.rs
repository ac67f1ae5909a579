//! A library copied to another instance: what is missing is added there, once, with its own settings.

use std::sync::Arc;

use pulsarr_shared::clients::Transport;
use pulsarr_shared::clock::Clock;
use pulsarr_shared::copy::{self, Copied, Mode};
use pulsarr_shared::lock::{self, Acquired, Holder};
use pulsarr_shared::report::ProblemKind;
use pulsarr_shared::run::Position;
use pulsarr_shared::stop::{Stop, StopReason};
use pulsarr_shared::upstreams::Upstreams;
use pulsarr_tests::fakes::FakeRadarr;
use pulsarr_tests::household::SETTINGS;

use crate::world::Story;

/// A household with a second Radarr.
struct Two {
    story: Story,
    second: FakeRadarr,
}

impl Two {
    fn new() -> Self {
        let mut story = Story::new();
        let second = FakeRadarr::start();
        story.set("SECOND_API_KEY", &second.api_key());
        let url = second.url();
        story.write_settings(&format!(
            "{SETTINGS}  - name: second\n    kind: radarr\n    url: {url}\n    api_key: ${{SECOND_API_KEY}}\n    \
             quality_profile: Ultra-HD\n    tags: [copied]\n"
        ));
        for n in 0..4 {
            story.radarr.add_movie(910_000 + n, &format!("Film {n}"));
        }
        Self { story, second }
    }

    async fn copy(&self, dry_run: bool) -> Copied {
        self.copy_until(dry_run, u32::MAX).await
    }

    /// A copy that is told to stop after so many titles.
    async fn copy_until(&self, dry_run: bool, titles: u32) -> Copied {
        let config = self.story.config();
        drop(self.story.store());
        let holder = Holder { host: "test".into(), pid: 1, run_id: "copy".into(), since_ms: 0 };
        let Acquired::Ours(guard) = lock::try_acquire(&self.story.data_dir(), &holder).unwrap() else {
            panic!("the lock is free")
        };
        let (clock, stop): (Arc<dyn Clock>, _) = (self.story.clock.clone(), Stop::default());
        let upstreams = Upstreams::new(&config, &Transport::trusting(None).unwrap(), &clock, &stop);
        let pair = copy::pair(&config.settings.instances, "movies", "second").unwrap();
        let mode = if dry_run { Mode::DryRun } else { Mode::Real(&guard) };
        let show = |position: Position| {
            if position.done == titles {
                stop.request(StopReason::Terminated);
            }
        };
        copy::copy(&upstreams, pair, &mode, &stop, &show).await
    }

    /// What the second Radarr has.
    fn there(&self) -> Vec<i64> {
        self.second.library().iter().map(|item| item.external_id).collect()
    }
}

#[tokio::test]
async fn what_is_missing_is_added_with_the_others_own_settings() {
    let two = Two::new();
    two.second.add_movie(910_001, "Film 1");
    two.second.exclude(910_002, "Film 2");
    let copied = two.copy(false).await;
    assert_eq!((copied.titles, copied.present, copied.excluded, copied.added, copied.left), (4, 1, 1, 2, 0));
    assert_eq!(two.there(), [910_001, 910_000, 910_003]);
    let item = two.second.item(910_000).unwrap();
    assert_eq!(item.quality_profile_id, 6);
    assert_eq!(two.second.tags(), ["copied"]);
    assert_eq!(copied.summary(), "`movies` to `second`, 4 titles: 2 added, 1 there already, 1 excluded there");
    assert_eq!(two.story.radarr.requests("POST", ""), 0, "what is copied from is only read");
}

#[tokio::test]
async fn a_dry_run_names_what_would_be_added_and_adds_nothing() {
    let two = Two::new();
    two.second.add_movie(910_001, "Film 1");
    let copied = two.copy(true).await;
    let listed: Vec<&str> = copied.listed.iter().map(|title| &title[..6]).collect();
    assert_eq!((listed, copied.left, copied.added), (vec!["Film 0", "Film 2", "Film 3"], 3, 0));
    assert_eq!(two.second.requests("POST", ""), 0);
    assert!(copied.summary().ends_with("1 there already, 3 would be added (dry run: nothing was changed)"));
}

#[tokio::test]
async fn a_copy_that_was_stopped_is_taken_up_by_another() {
    let two = Two::new();
    let copied = two.copy_until(false, 2).await;
    assert_eq!((copied.added, copied.left, copied.stopped), (2, 2, Some("terminated")));
    let copied = two.copy(false).await;
    assert_eq!((copied.present, copied.added, copied.left), (2, 2, 0));
    assert_eq!((two.there().len(), two.second.requests("POST", "/api/v3/movie")), (4, 4));
    assert_eq!(two.copy(false).await.summary(), "`movies` to `second`, 4 titles: 4 there already");
}

#[tokio::test]
async fn a_refused_title_is_told_in_the_instances_words_and_the_others_go_on() {
    let two = Two::new();
    two.second.unknown_id(910_001);
    let copied = two.copy(false).await;
    assert_eq!((copied.added, copied.failed, copied.left), (3, 1, 0));
    assert!(
        copied.failures[0].title.starts_with("Film 1") && !copied.failures[0].answer.is_empty(),
        "{:?}",
        copied.failures
    );
}

#[tokio::test]
async fn an_instance_that_is_down_ends_the_copy_with_advice() {
    let two = Two::new();
    two.second.set_starting_up(true);
    let copied = two.copy(false).await;
    let problem = copied.problem.unwrap();
    assert_eq!((problem.upstream.as_str(), problem.kind), ("second", ProblemKind::Down));
    assert!(problem.message.contains("starting up"), "{}", problem.message);
}

#[tokio::test]
async fn settings_that_the_other_cannot_meet_are_named_before_anything_is_added() {
    let two = Two::new();
    let settings = std::fs::read_to_string(two.story.folder().join("pulsarr.yaml")).unwrap();
    two.story.write_settings(&settings.replace("Ultra-HD", "Imax"));
    let problem = two.copy(true).await.problem.unwrap();
    assert_eq!(problem.kind, ProblemKind::Configuration);
    assert!(problem.message.contains("it has no quality profile `Imax`"), "{}", problem.message);
}
