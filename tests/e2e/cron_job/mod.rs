//! The CronJob as Kubernetes plays it: ticks that meet an overrun, jobs made by hand, missed ticks, deadlines, pods that fail, and a
//! machine that is gone. The controllers are the driver's, with a clock that the story moves; the shipped manifest says what they decide
//! by, and the program, its lock and its store are the real ones.

mod controller;
mod spec;

use std::process::Command;

use pulsarr_tests::fakes::{Fault, Title};
use pulsarr_tests::household::{Household, wait_until};

use super::{HARBOUR_NINE, SALT_LEDGER, adds, library, wanting_two};
use controller::{Controller, Outcome};
use spec::{Policy, Spec};

/// A tick of the shipped schedule, in seconds.
const TICK_S: i64 = 300;

/// Everything that was wanted is there, and was asked for once.
fn everything_is_there_once(household: &Household) {
    assert_eq!((library(&household.radarr), library(&household.sonarr)), (vec![SALT_LEDGER], vec![HARBOUR_NINE]));
    assert_eq!((adds(&household.radarr), adds(&household.sonarr)), (1, 1));
}

/// The next add in Radarr keeps its run for so long.
fn hold_an_add(household: &Household, ms: u64) {
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).latency_ms(ms).after_effect());
}

fn an_add_is_under_way(household: &Household) {
    wait_until("an add is under way", || adds(&household.radarr) == 1);
}

/// The next run hangs at Plex.
fn hang_at_plex(household: &Household) {
    household.plex.inject(Fault::on("GET", "/watchlist/all").times(1).never());
}

fn it_hangs(household: &Household) {
    wait_until("it hangs at Plex", || household.plex.requests_to("/watchlist/all") == 1);
}

#[test]
fn every_tick_of_a_quiet_day_is_a_job_that_completes() {
    let household = wanting_two();
    let mut cluster = Controller::apply(&household, Spec::shipped());
    for tick in 1..=3 {
        cluster.advance_to(tick * TICK_S);
        assert_eq!(cluster.finish(cluster.jobs.len() - 1), Outcome::Complete);
    }
    let ticks: Vec<_> = cluster.jobs.iter().map(|job| job.tick_s.unwrap()).collect();
    assert_eq!((ticks, cluster.events.len()), (vec![TICK_S, 2 * TICK_S, 3 * TICK_S], 0));
    everything_is_there_once(&household);
}

#[test]
fn replace_starts_the_next_run_beside_an_overrun_and_it_waits_for_the_lock() {
    let household = wanting_two();
    let mut spec = Spec::shipped();
    assert_eq!(spec.policy, Policy::Replace, "this is what is shipped");
    // With the shipped deadline no run is left for the next tick to meet.
    assert!(spec.active_deadline_s < spec.period_s);
    spec.active_deadline_s = 2 * TICK_S;
    let mut cluster = Controller::apply(&household, spec);
    hold_an_add(&household, 3_000);
    cluster.advance_to(TICK_S);
    an_add_is_under_way(&household);

    cluster.advance_to(2 * TICK_S);
    assert_eq!(cluster.processes(), 2, "the old one is told to end, and the new one does not wait for that");
    cluster.until("the new one waits for the lock", |cluster| {
        cluster.jobs[1].pods[0].log().contains("another sync is running")
    });
    assert_eq!(cluster.processes(), 2);

    assert_eq!((cluster.finish(0), cluster.finish(1)), (Outcome::Deleted, Outcome::Complete));
    assert_eq!((cluster.jobs[0].codes(), cluster.jobs[1].codes()), (vec![Some(143)], vec![Some(0)]));
    everything_is_there_once(&household);
    assert!(household.status().contains("interrupted"), "{}", household.status());
}

#[test]
fn forbid_leaves_a_tick_out_and_makes_up_for_it_unless_it_is_late() {
    for (ends_s, made_up) in [(2 * TICK_S + 60, true), (2 * TICK_S + 200, false)] {
        let mut household = wanting_two();
        household.set("PULSARR_RUN_LIMIT_S", "2");
        let mut spec = Spec::shipped().with(Policy::Forbid);
        spec.active_deadline_s = 3 * TICK_S;
        let mut cluster = Controller::apply(&household, spec);
        hang_at_plex(&household);
        cluster.advance_to(TICK_S);
        it_hangs(&household);

        cluster.advance_to(ends_s);
        assert_eq!(cluster.events, [(2 * TICK_S, "JobAlreadyActive")]);
        // By its own clock it leaves the rest to the next.
        assert_eq!(cluster.finish(0), Outcome::Complete);
        cluster.advance_to(ends_s + 1);

        let last = cluster.jobs.len() - 1;
        assert_eq!(last, usize::from(made_up), "{:?}", cluster.events);
        assert_eq!(cluster.finish(last), Outcome::Complete);
        cluster.advance_to(3 * TICK_S);
        assert_eq!(cluster.finish(last + 1), Outcome::Complete);
        everything_is_there_once(&household);
    }
}

#[test]
fn a_job_by_hand_and_a_scheduled_one_at_once_take_turns() {
    for policy in [Policy::Replace, Policy::Forbid] {
        let household = wanting_two();
        let mut cluster = Controller::apply(&household, Spec::shipped().with(policy));
        hold_an_add(&household, 2_000);
        cluster.advance_to(TICK_S - 1);
        let by_hand = cluster.create_by_hand();
        an_add_is_under_way(&household);

        cluster.advance_to(TICK_S);
        assert_eq!((cluster.processes(), cluster.events.len()), (2, 0), "the CronJob does not see it: {policy:?}");
        cluster.until("the scheduled one waits for the lock", |cluster| {
            cluster.jobs[1].pods[0].log().contains("another sync is running")
        });
        assert_eq!((cluster.finish(by_hand), cluster.finish(1)), (Outcome::Complete, Outcome::Complete));
        assert_eq!((cluster.jobs[0].codes(), cluster.jobs[1].codes()), (vec![Some(0)], vec![Some(0)]));
        everything_is_there_once(&household);
    }
}

#[test]
fn a_job_by_hand_that_goes_on_and_on_costs_scheduled_ones_neither_failure_nor_retry() {
    let household = wanting_two();
    let mut spec = Spec::shipped();
    spec.active_deadline_s = 2 * TICK_S;
    // As shipped it waits for half a minute.
    let patience = spec.arguments.iter_mut().find(|argument| *argument == "30s").unwrap();
    *patience = "0s".to_owned();
    let mut cluster = Controller::apply(&household, spec);
    hang_at_plex(&household);
    cluster.advance_to(TICK_S - 1);
    let by_hand = cluster.create_by_hand();
    it_hangs(&household);

    cluster.advance_to(TICK_S);
    assert_eq!((cluster.finish(1), cluster.jobs[1].codes()), (Outcome::Complete, vec![Some(0)]));
    cluster.advance_to(2 * TICK_S);
    assert_eq!((cluster.finish(2), cluster.jobs[2].codes()), (Outcome::Complete, vec![Some(0)]));
    assert_eq!(cluster.processes(), 1, "whom nobody scheduled nobody replaces");

    assert_eq!(adds(&household.radarr), 0);
    cluster.advance_to(3 * TICK_S - 1);
    assert_eq!((cluster.finish(by_hand), cluster.jobs[by_hand].codes()), (Outcome::DeadlineExceeded, vec![Some(143)]));
    cluster.advance_to(3 * TICK_S);
    assert_eq!(cluster.finish(3), Outcome::Complete);
    everything_is_there_once(&household);
}

#[test]
fn a_job_by_hand_works_while_the_schedule_is_suspended() {
    let household = wanting_two();
    let mut spec = Spec::shipped();
    spec.suspend = true;
    let mut cluster = Controller::apply(&household, spec);
    cluster.advance_to(4 * TICK_S);
    assert_eq!(cluster.jobs.len(), 0);
    let by_hand = cluster.create_by_hand();
    assert_eq!(cluster.finish(by_hand), Outcome::Complete);
    everything_is_there_once(&household);
}

#[test]
fn missed_ticks_are_one_run_that_does_what_all_of_them_would_have_done() {
    let household = wanting_two();
    let mut cluster = Controller::apply(&household, Spec::shipped());
    cluster.advance_to(TICK_S);
    assert_eq!(cluster.finish(0), Outcome::Complete);
    let owner = household.plex.owner_uuid();
    (0..5).for_each(|n| household.plex.watch(&owner, Title::numbered_movie(n)));

    // Ten hours without a control plane. Back three minutes after a tick it is too late for that one, too.
    cluster.sleep_until(121 * TICK_S + 180);
    assert_eq!((cluster.jobs.len(), cluster.events.len()), (1, 0), "of which nothing is told");
    cluster.advance_to(122 * TICK_S);
    assert_eq!(cluster.finish(1), Outcome::Complete);
    assert_eq!((library(&household.radarr).len(), adds(&household.radarr)), (6, 6));

    household.plex.watch(&owner, Title::numbered_movie(5));
    cluster.sleep_until(242 * TICK_S + 60);
    assert_eq!((cluster.jobs.len(), cluster.jobs[2].tick_s), (3, Some(242 * TICK_S)), "and one minute is made up for");
    assert_eq!(cluster.finish(2), Outcome::Complete);
    assert_eq!((library(&household.radarr).len(), adds(&household.radarr)), (7, 7));
}

#[test]
fn without_a_starting_deadline_a_hundred_missed_ticks_would_be_a_warning_and_with_it_there_is_never_more_than_one() {
    for (starting_deadline_s, told) in [(None, true), (Spec::shipped().starting_deadline_s, false)] {
        let household = wanting_two();
        let mut spec = Spec::shipped();
        spec.starting_deadline_s = starting_deadline_s;
        let mut cluster = Controller::apply(&household, spec);
        cluster.sleep_until(101 * TICK_S + 60);
        assert_eq!(cluster.events.contains(&(101 * TICK_S, "TooManyMissedTimes")), told, "{:?}", cluster.events);
        assert_eq!(cluster.finish(0), Outcome::Complete);
        everything_is_there_once(&household);
    }
}

#[test]
fn a_run_that_has_to_leave_its_machine_has_not_failed_and_its_successor_goes_on() {
    let household = wanting_two();
    let mut cluster = Controller::apply(&household, Spec::shipped());
    hold_an_add(&household, 1_000);
    cluster.advance_to(TICK_S);
    an_add_is_under_way(&household);
    // Oftener than pods may fail.
    cluster.evict(0);
    cluster.until("there is a second pod", |cluster| cluster.jobs[0].pods.len() == 2);
    cluster.evict(0);
    cluster.until("there is a third pod", |cluster| cluster.jobs[0].pods.len() == 3);
    assert_eq!(cluster.spec.backoff_limit, 1);
    assert_eq!((cluster.finish(0), cluster.jobs[0].codes().last()), (Outcome::Complete, Some(&Some(0))));
    everything_is_there_once(&household);
}

#[test]
fn a_run_beyond_its_deadline_says_so_itself_and_the_next_tick_goes_on() {
    let household = wanting_two();
    let mut cluster = Controller::apply(&household, Spec::shipped());
    hang_at_plex(&household);
    cluster.advance_to(TICK_S);
    it_hangs(&household);

    cluster.advance_to(TICK_S + cluster.spec.active_deadline_s);
    assert_eq!((cluster.finish(0), cluster.jobs[0].codes()), (Outcome::DeadlineExceeded, vec![Some(143)]), "once");
    assert!(household.status().contains("interrupted"), "{}", household.status());

    cluster.advance_to(2 * TICK_S);
    assert_eq!(cluster.finish(1), Outcome::Complete);
    everything_is_there_once(&household);
}

#[test]
fn a_run_that_no_longer_listens_is_killed_and_its_lock_is_free() {
    let household = wanting_two();
    let mut cluster = Controller::apply(&household, Spec::shipped());
    household.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).never().after_effect());
    cluster.advance_to(TICK_S);
    an_add_is_under_way(&household);
    let stop = format!("kill -STOP {}", cluster.jobs[0].pods[0].process());
    assert!(Command::new("sh").args(["-c", &stop]).status().unwrap().success());

    cluster.advance_to(TICK_S + cluster.spec.active_deadline_s);
    assert_eq!(cluster.processes(), 1, "it has half a minute");
    cluster.advance_to(TICK_S + cluster.spec.active_deadline_s + cluster.spec.grace_s);
    assert_eq!((cluster.jobs[0].outcome, cluster.jobs[0].codes()), (Some(Outcome::DeadlineExceeded), vec![None]));

    cluster.advance_to(2 * TICK_S);
    assert_eq!(cluster.finish(1), Outcome::Complete);
    everything_is_there_once(&household);
    assert!(household.status().contains("crashed"), "{}", household.status());
}

#[test]
fn an_arr_that_is_down_is_tried_once_more_and_then_left_to_the_next_tick() {
    let household = wanting_two();
    household.radarr.set_starting_up(true);
    let mut cluster = Controller::apply(&household, Spec::shipped());
    cluster.advance_to(TICK_S);
    cluster.until("the first pod has failed", |cluster| cluster.jobs[0].codes().len() == 1);
    assert_eq!(cluster.jobs[0].outcome, None);
    cluster.advance_to(TICK_S + 10);
    assert_eq!(cluster.finish(0), Outcome::BackoffLimitExceeded);
    assert_eq!(cluster.jobs[0].codes(), [Some(69), Some(69)]);
    assert_eq!(library(&household.sonarr), [HARBOUR_NINE], "the other one is served");

    household.radarr.set_starting_up(false);
    cluster.advance_to(2 * TICK_S);
    assert_eq!((cluster.finish(1), cluster.jobs[1].codes()), (Outcome::Complete, vec![Some(0)]));
    everything_is_there_once(&household);
}

#[test]
fn what_trying_again_does_not_mend_is_not_tried_again() {
    let mut household = wanting_two();
    let one_job = |household: &Household| {
        let mut cluster = Controller::apply(household, Spec::shipped());
        cluster.advance_to(TICK_S);
        (cluster.finish(0), cluster.jobs[0].codes())
    };
    household.plex.revoke_token();
    assert_eq!(one_job(&household), (Outcome::PodFailurePolicy, vec![Some(77)]));
    household.plex.restore_token();
    household.set("PULSARR_PLEX_TV_URL", "no address");
    assert_eq!(one_job(&household), (Outcome::PodFailurePolicy, vec![Some(78)]));
    assert_eq!(adds(&household.radarr), 0);
}

#[test]
fn a_job_on_a_machine_that_is_gone_blocks_forbid_for_ever_and_replace_not_at_all() {
    for policy in [Policy::Forbid, Policy::Replace] {
        let household = wanting_two();
        let mut cluster = Controller::apply(&household, Spec::shipped().with(policy));
        household.radarr.inject(Fault::on("POST", "/api/v3/movie").times(1).never().after_effect());
        cluster.advance_to(TICK_S);
        an_add_is_under_way(&household);
        cluster.lose_the_node_of(0);

        cluster.advance_to(10 * TICK_S);
        if policy == Policy::Forbid {
            assert_eq!((cluster.jobs.len(), cluster.jobs[0].outcome), (1, None));
            assert_eq!(cluster.events.iter().filter(|(_, reason)| *reason == "JobAlreadyActive").count(), 9);
            continue;
        }
        assert_eq!(cluster.jobs.len(), 10);
        for job in 1..10 {
            cluster.finish(job);
        }
        assert_eq!(cluster.jobs[9].outcome, Some(Outcome::Complete));
        everything_is_there_once(&household);
    }
}
