//! The controllers of CronJobs and Jobs, as far as they decide when `pulsarr sync` is started, told to end and killed. Their clock is
//! the story's; the programs, their lock and their store are real.
//!
//! The rules are those of Kubernetes 1.36, `pkg/controller/cronjob` and `pkg/controller/job`. A job is over only when none of its
//! pods is left ending, and one that is created by hand belongs to the CronJob without being one of its active jobs.

use pulsarr_tests::household::{Done, Household, Running, wait_until};

use super::spec::{Policy, Spec};

/// The pause before a pod's first successor; it doubles with each.
const BACK_OFF_S: i64 = 10;

/// How a job ended, in the words of its condition's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    DeadlineExceeded,
    BackoffLimitExceeded,
    PodFailurePolicy,
    /// Another took its place: nothing of it is left in the cluster.
    Deleted,
}

/// One job; the newest is the last of [`Controller::jobs`].
pub(super) struct Job {
    started_s: i64,
    /// The tick it was made for; none for one made by hand.
    pub(super) tick_s: Option<i64>,
    /// Whether it is in the CronJob's `status.active`.
    active: bool,
    pub(super) pods: Vec<Pod>,
    /// Decided, but not over before its pods are.
    ending: Option<Outcome>,
    pub(super) outcome: Option<Outcome>,
}

/// One start of the program.
pub(super) struct Pod {
    running: Option<Running>,
    pub(super) done: Option<Done>,
    ended_s: i64,
    /// When it was told to end.
    told_s: Option<i64>,
    /// Its machine is gone, and nobody will ever report its end.
    lost: bool,
    /// The cluster itself ends it: its condition `DisruptionTarget`.
    disrupted: bool,
}

/// A CronJob in a cluster.
pub(super) struct Controller<'a> {
    household: &'a Household,
    pub(super) spec: Spec,
    /// Seconds since the CronJob was applied, at a full hour.
    now_s: i64,
    last_tick_s: i64,
    pub(super) jobs: Vec<Job>,
    /// Ticks that were left out because a job was active, or come after very many that were missed: the reason of the event.
    pub(super) events: Vec<(i64, &'static str)>,
}

impl<'a> Controller<'a> {
    pub(super) fn apply(household: &'a Household, spec: Spec) -> Self {
        Self { household, spec, now_s: 0, last_tick_s: 0, jobs: Vec::new(), events: Vec::new() }
    }

    /// The clock goes on to this second; the controllers look every second on the way.
    pub(super) fn advance_to(&mut self, second: i64) {
        while self.now_s < second {
            self.now_s += 1;
            self.look();
        }
    }

    /// The clock goes on to this second, and no controller looks before: the control plane is down.
    pub(super) fn sleep_until(&mut self, second: i64) {
        self.now_s = second;
        self.look();
    }

    /// `kubectl create job --from=cronjob/pulsarr-sync`. Answers the job's place in [`jobs`](Self::jobs).
    pub(super) fn create_by_hand(&mut self) -> usize {
        self.create(None)
    }

    /// The clock stands still until the job is over.
    pub(super) fn finish(&mut self, job: usize) -> Outcome {
        self.until("the job is over", |controller| controller.jobs[job].outcome.is_some());
        self.jobs[job].outcome.unwrap()
    }

    /// The clock stands still until this holds.
    pub(super) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        wait_until(what, || {
            self.look();
            condition(self)
        });
    }

    /// The machine of the job's pod loses its power.
    pub(super) fn lose_the_node_of(&mut self, job: usize) {
        for pod in &mut self.jobs[job].pods {
            if let Some(running) = pod.running.take() {
                running.kill();
                pod.lost = true;
            }
        }
    }

    /// The newest pod of the job has to leave its machine, which lives on: a drain, or the descheduler.
    pub(super) fn evict(&mut self, job: usize) {
        let pod = self.jobs[job].pods.last_mut().unwrap();
        pod.disrupted = true;
        pod.tell_to_end(self.now_s);
    }

    /// How many processes are running.
    pub(super) fn processes(&self) -> usize {
        self.jobs.iter().flat_map(|job| &job.pods).filter(|pod| pod.running.is_some()).count()
    }

    fn look(&mut self) {
        for job in &mut self.jobs {
            job.look(self.household, &self.spec, self.now_s);
        }
        self.tick();
    }

    /// Starts what is due: of all ticks that were missed, the newest. One that is too late is passed over without a word.
    fn tick(&mut self) {
        let Spec { period_s, starting_deadline_s, .. } = self.spec;
        let too_late_s = starting_deadline_s.map_or(0, |late_s| self.now_s - late_s);
        let earliest_s = self.last_tick_s.max(too_late_s);
        let missed = self.now_s / period_s - earliest_s / period_s;
        if self.spec.suspend || missed == 0 {
            return;
        }
        let tick_s = self.now_s / period_s * period_s;
        if missed > 100 {
            // Before 1.21 that was the end of it.
            self.tell(tick_s, "TooManyMissedTimes");
        }
        if self.spec.policy == Policy::Forbid && self.jobs.iter().any(Job::is_active) {
            // Not made up for yet: as soon as the job is over, this tick is due, if it is not too late then.
            return self.tell(tick_s, "JobAlreadyActive");
        }
        for job in self.jobs.iter_mut().filter(|job| job.is_active()) {
            job.active = false;
            job.end(Outcome::Deleted, self.now_s);
        }
        self.last_tick_s = tick_s;
        self.create(Some(tick_s));
    }

    fn create(&mut self, tick_s: Option<i64>) -> usize {
        let pods = vec![Pod::start(self.household, &self.spec)];
        let active = tick_s.is_some();
        self.jobs.push(Job { started_s: self.now_s, tick_s, active, pods, ending: None, outcome: None });
        self.jobs.len() - 1
    }

    fn tell(&mut self, tick_s: i64, reason: &'static str) {
        if !self.events.contains(&(tick_s, reason)) {
            self.events.push((tick_s, reason));
        }
    }
}

impl Job {
    fn is_active(&self) -> bool {
        self.active && self.outcome.is_none()
    }

    /// The exit code of each pod that has ended; none where a signal ended it.
    pub(super) fn codes(&self) -> Vec<Option<i32>> {
        self.pods.iter().filter_map(|pod| pod.done.as_ref()).map(|done| done.code).collect()
    }

    fn end(&mut self, outcome: Outcome, now_s: i64) {
        self.ending.get_or_insert(outcome);
        for pod in &mut self.pods {
            pod.tell_to_end(now_s);
        }
    }

    fn look(&mut self, household: &Household, spec: &Spec, now_s: i64) {
        if self.outcome.is_some() {
            return;
        }
        for pod in &mut self.pods {
            pod.look(spec, now_s);
        }
        if self.ending.is_none() && now_s - self.started_s >= spec.active_deadline_s {
            self.end(Outcome::DeadlineExceeded, now_s);
        }
        if self.pods.iter().any(Pod::is_there) {
            return;
        }
        self.outcome = self.ending;
        let (Some(last), None) = (self.pods.last(), self.outcome) else { return };
        let code = last.done.as_ref().and_then(|done| done.code);
        let forgiven = |pod: &&Pod| pod.disrupted && spec.forgives_disruption;
        let failed = self.pods.len() - self.pods.iter().filter(forgiven).count();
        if code == Some(0) {
            self.outcome = Some(Outcome::Complete);
        } else if forgiven(&last) {
            self.pods.push(Pod::start(household, spec));
        } else if code.is_some_and(|code| spec.hopeless.contains(&code.into())) {
            self.outcome = Some(Outcome::PodFailurePolicy);
        } else if failed > spec.backoff_limit {
            self.outcome = Some(Outcome::BackoffLimitExceeded);
        } else if now_s >= last.ended_s + (BACK_OFF_S << (failed - 1)) {
            self.pods.push(Pod::start(household, spec));
        }
    }
}

impl Pod {
    fn start(household: &Household, spec: &Spec) -> Self {
        let arguments: Vec<&str> = spec.arguments.iter().map(String::as_str).collect();
        let mut command = household.command(&arguments);
        // Where things are is the story's own.
        command.envs(spec.vars.iter().filter(|(name, _)| !household.vars.contains_key(name)).cloned());
        Self {
            running: Some(Running::start(command)),
            done: None,
            ended_s: 0,
            told_s: None,
            lost: false,
            disrupted: false,
        }
    }

    /// Whether the cluster takes it for running or ending.
    fn is_there(&self) -> bool {
        self.lost || self.running.is_some()
    }

    /// Standard error so far, of one that runs.
    pub(super) fn log(&self) -> String {
        self.running.as_ref().map(Running::stderr).unwrap_or_default()
    }

    /// The number of the process, of one that runs.
    pub(super) fn process(&self) -> u32 {
        self.running.as_ref().unwrap().id()
    }

    fn tell_to_end(&mut self, now_s: i64) {
        if let Some(running) = &self.running
            && self.told_s.is_none()
        {
            running.terminate();
        }
        self.told_s.get_or_insert(now_s);
    }

    fn look(&mut self, spec: &Spec, now_s: i64) {
        let Some(mut running) = self.running.take() else { return };
        if running.has_ended() || self.told_s.is_some_and(|told_s| now_s - told_s >= spec.grace_s) {
            self.ended_s = now_s;
            self.done = Some(running.kill());
        } else {
            self.running = Some(running);
        }
    }
}
