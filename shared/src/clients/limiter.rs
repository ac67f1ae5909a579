//! Being a polite guest: how many requests run at a time, the pauses between them, and one cool-down for everybody.
//!
//! Plex publishes no limits. Tools that read page after page at full speed were throttled for minutes, and a Plex developer
//! asked third-party tools in December 2025 for pages of 100 with random pauses between them. Owns those waits; refuses to know
//! what is asked, and never waits past the run's [`Stop`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::stop::Stop;

/// The longest cool-down we choose ourselves, when the upstream named none.
const LONGEST_OWN_COOL_DOWN: Duration = Duration::from_secs(60);
/// How much longer each further refusal makes the cool-down we choose.
const COOL_DOWN_GROWTH: f64 = 1.5;
/// No list is so long that its pages follow without any pause: a page waits at least the page pause divided by this.
const SHORTEST_PART_OF_PAUSE: u32 = 20;
/// A single small request waits the page pause divided by this, up to three times that.
const ITEM_PART_OF_PAUSE: u32 = 10;
/// The longest that an upstream is left alone at a time, whatever it asks for: an answer that names years, by mistake or by a proxy's,
/// must not silence a service for good. One question a day is no burden to anybody. Farther away than any run lasts.
pub const LONGEST_COOL_DOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// Which pause a request takes before it goes out. `p` is [`LimiterSettings::page_pause`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A page of a long list.
    Page {
        /// Which one, from 1. The first waits like [`Pace::Item`], the n-th after it a random time from `p/n` to `3p/n`, never
        /// less than `p/20`: the longer the list, the shorter its pauses, so that 5,000 entries still fit into one run.
        nth: u32,
    },
    /// A small query or one title's metadata: a random time from `p/10` to `3p/10`.
    Item,
    /// Nothing at all.
    None,
}

/// How polite to be.
#[derive(Debug, Clone, Copy)]
pub struct LimiterSettings {
    /// Requests that may be under way at the same time; 0 counts as 1.
    pub concurrency: usize,
    /// The unit of [`Pace`]. Zero: no pauses.
    pub page_pause: Duration,
    /// The cool-down after a 429 without `Retry-After`; each further one lasts half as long again, up to a minute.
    pub first_cool_down: Duration,
}

impl LimiterSettings {
    /// For Plex: two requests at a time.
    #[must_use]
    pub const fn plex(page_pause: Duration) -> Self {
        Self { concurrency: 2, page_pause, first_cool_down: Duration::from_secs(2) }
    }

    /// For an arr in one's own house: four requests at a time, no pauses.
    #[must_use]
    pub const fn arr() -> Self {
        Self { concurrency: 4, page_pause: Duration::ZERO, first_cool_down: Duration::from_secs(2) }
    }

    /// For pictures, which others keep to be fetched: four at a time, no pauses.
    #[must_use]
    pub const fn pictures() -> Self {
        Self::arr()
    }

    /// For TMDB, which allows about forty requests a second: four at a time, each after a pause around a fifth of `pause`.
    #[must_use]
    pub const fn tmdb(pause: Duration) -> Self {
        Self { concurrency: 4, page_pause: pause, first_cool_down: Duration::from_secs(2) }
    }
}

/// The run was told to stop while we waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoppedWaiting;

/// One upstream's waiting room, shared by everybody who asks it.
#[derive(Debug)]
pub struct Limiter {
    settings: LimiterSettings,
    seats: Semaphore,
    cool_down: Mutex<CoolDown>,
    /// Told of every refusal.
    refused: Notify,
    stop: Stop,
}

#[derive(Debug)]
struct CoolDown {
    /// Nobody sends before this.
    until: Option<Instant>,
    /// Cool-downs without an answer in between.
    strikes: i32,
    /// Grows with each cool-down: a request sent before the latest one began is not a new offence.
    round: u64,
}

/// Leave to send; gives its seat back when dropped.
#[derive(Debug)]
pub struct Seat<'a> {
    _permit: SemaphorePermit<'a>,
}

/// The moment a request was sent, as the cool-down counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round(u64);

impl CoolDown {
    /// Lasts until `end` or longer, never shorter than before. Answers until when.
    fn lengthen(&mut self, end: Instant) -> Instant {
        let until = self.until.map_or(end, |until| until.max(end));
        self.until = Some(until);
        until
    }
}

impl Limiter {
    /// How much longer everybody has to wait, when it was asked for.
    #[must_use]
    pub fn cooling_for(&self) -> Option<Duration> {
        let until = self.lock().until?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// A waiting room whose waits end when `stop` is raised.
    #[must_use]
    pub fn new(settings: LimiterSettings, stop: Stop) -> Self {
        Self {
            seats: Semaphore::new(settings.concurrency.max(1)),
            cool_down: Mutex::new(CoolDown { until: None, strikes: 0, round: 0 }),
            refused: Notify::new(),
            settings,
            stop,
        }
    }

    /// Waits for a free seat and then for the pause that `pace` asks for.
    ///
    /// # Errors
    /// The run was told to stop.
    pub async fn take_seat(&self, pace: Pace) -> Result<Seat<'_>, StoppedWaiting> {
        let permit = tokio::select! {
            biased;
            _ = self.stop.wait() => return Err(StoppedWaiting),
            // The semaphore is never closed; if it were, nobody should send.
            permit = self.seats.acquire() => permit.map_err(|_| StoppedWaiting)?,
        };
        self.wait(self.pause(pace)).await?;
        Ok(Seat { _permit: permit })
    }

    /// Waits until no cool-down is on. To be called directly before each sending, repeats included.
    ///
    /// # Errors
    /// The run was told to stop first.
    pub async fn wait_until_cool(&self) -> Result<Round, StoppedWaiting> {
        loop {
            let (until, round) = {
                let cool_down = self.lock();
                (cool_down.until, Round(cool_down.round))
            };
            match until {
                Some(until) if until > Instant::now() => self.wait_until(until).await?,
                _ if self.stop.reason().is_some() => return Err(StoppedWaiting),
                _ => return Ok(round),
            }
        }
    }

    /// Notes a 429 to a request sent in `sent`, and returns for how long nobody will send now. `retry_after` is what the
    /// upstream asked for; it is obeyed for up to [`LONGEST_COOL_DOWN`]. Several requests refused at once count as one offence.
    pub fn cool_down(&self, sent: Round, retry_after: Option<Duration>) -> Duration {
        let mut cool_down = self.lock();
        let now = Instant::now();
        let fresh = sent.0 == cool_down.round;
        let wait = match retry_after {
            Some(asked) => asked.min(LONGEST_COOL_DOWN),
            None if fresh => {
                let grown = self.settings.first_cool_down.mul_f64(COOL_DOWN_GROWTH.powi(cool_down.strikes.min(20)));
                grown.min(LONGEST_OWN_COOL_DOWN)
            }
            None => Duration::ZERO,
        };
        if fresh {
            cool_down.round += 1;
            cool_down.strikes += 1;
        }
        let until = cool_down.lengthen(now + wait);
        self.refused.notify_one();
        until.saturating_duration_since(now)
    }

    /// Waits until the upstream refuses somebody, unless it has done so since this was asked last.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }

    /// Nobody sends for so long from now on: somebody else was told to wait.
    pub fn leave_alone(&self, wait: Duration) {
        self.lock().lengthen(Instant::now() + wait.min(LONGEST_COOL_DOWN));
    }

    /// Notes that the upstream answers again: the next cool-down we choose is a short one.
    pub fn answered(&self, sent: Round) {
        let mut cool_down = self.lock();
        if sent.0 == cool_down.round {
            cool_down.strikes = 0;
        }
    }

    /// Waits for `duration`.
    ///
    /// # Errors
    /// The run was told to stop first.
    pub async fn wait(&self, duration: Duration) -> Result<(), StoppedWaiting> {
        if duration.is_zero() {
            return if self.stop.reason().is_some() { Err(StoppedWaiting) } else { Ok(()) };
        }
        self.wait_until(Instant::now() + duration.min(LONGEST_COOL_DOWN)).await
    }

    async fn wait_until(&self, until: Instant) -> Result<(), StoppedWaiting> {
        tokio::select! {
            biased;
            _ = self.stop.wait() => Err(StoppedWaiting),
            () = tokio::time::sleep_until(until) => Ok(()),
        }
    }

    fn pause(&self, pace: Pace) -> Duration {
        let (low, high) = bounds(pace, self.settings.page_pause);
        low + (high - low).mul_f64(fastrand::f64())
    }

    fn lock(&self) -> MutexGuard<'_, CoolDown> {
        // Every state of these three numbers is a usable one, also after a panic.
        self.cool_down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shortest and the longest pause for `pace` when a page pause is `p`.
fn bounds(pace: Pace, p: Duration) -> (Duration, Duration) {
    match pace {
        Pace::None => (Duration::ZERO, Duration::ZERO),
        Pace::Item | Pace::Page { nth: 0 | 1 } => (p / ITEM_PART_OF_PAUSE, p * 3 / ITEM_PART_OF_PAUSE),
        Pace::Page { nth } => {
            let (before, floor) = (nth - 1, p / SHORTEST_PART_OF_PAUSE);
            ((p / before).max(floor), (p * 3 / before).max(floor))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::StopReason;

    fn limiter(stop: &Stop) -> Limiter {
        Limiter::new(LimiterSettings::plex(Duration::ZERO), stop.clone())
    }

    /// The moment of a request sent now, without waiting for a cool-down to end.
    fn sent_now(limiter: &Limiter) -> Round {
        Round(limiter.lock().round)
    }

    /// Whether `future` has an outcome without any waiting.
    async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            outcome = future => Some(outcome),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn one_refusal_pauses_every_caller() {
        let limiter = limiter(&Stop::default());
        let sent = at_once(limiter.wait_until_cool()).await.unwrap().unwrap();
        assert_eq!(limiter.cool_down(sent, Some(Duration::from_secs(3_600))), Duration::from_secs(3_600));
        for _ in 0..5 {
            assert!(at_once(limiter.wait_until_cool()).await.is_none());
        }
        limiter.lock().until = Some(Instant::now());
        assert!(at_once(limiter.wait_until_cool()).await.is_some());
    }

    #[tokio::test]
    async fn a_later_refusal_lengthens_the_wait_and_never_shortens_it() {
        let limiter = limiter(&Stop::default());
        let sent = sent_now(&limiter);
        limiter.cool_down(sent, Some(Duration::from_secs(60)));
        assert!(limiter.cool_down(sent, Some(Duration::from_secs(3_600))) > Duration::from_secs(3_000));
        assert!(limiter.cool_down(sent, Some(Duration::from_secs(1))) > Duration::from_secs(3_000));
    }

    #[tokio::test]
    async fn what_somebody_else_was_told_holds_here_too_and_shortens_nothing() {
        let limiter = limiter(&Stop::default());
        limiter.leave_alone(Duration::from_secs(3_600));
        assert!(at_once(limiter.wait_until_cool()).await.is_none());
        limiter.leave_alone(Duration::from_secs(1));
        assert!(limiter.cooling_for().unwrap() > Duration::from_secs(3_000));
    }

    #[tokio::test]
    async fn a_wish_for_years_is_obeyed_for_a_day() {
        let limiter = limiter(&Stop::default());
        let wait = limiter.cool_down(sent_now(&limiter), Some(Duration::from_secs(365 * 86_400)));
        assert_eq!(wait, Duration::from_secs(86_400));
    }

    #[tokio::test]
    async fn a_refusal_is_told_to_whoever_waits_for_one_also_when_it_came_before() {
        let limiter = limiter(&Stop::default());
        assert!(at_once(limiter.refused()).await.is_none());
        limiter.cool_down(sent_now(&limiter), None);
        assert!(at_once(limiter.refused()).await.is_some());
        assert!(at_once(limiter.refused()).await.is_none());
    }

    #[tokio::test]
    async fn without_a_wish_the_cool_down_grows_until_an_answer_comes() {
        let limiter = limiter(&Stop::default());
        let next = |limiter: &Limiter| {
            limiter.lock().until = None;
            limiter.cool_down(sent_now(limiter), None).as_millis()
        };
        assert_eq!([next(&limiter), next(&limiter), next(&limiter)], [2_000, 3_000, 4_500]);
        limiter.answered(sent_now(&limiter));
        assert_eq!(next(&limiter), 2_000);
        (0..100).for_each(|_| assert!(next(&limiter) <= 60_000));
    }

    #[tokio::test]
    async fn requests_refused_together_are_one_offence() {
        let limiter = limiter(&Stop::default());
        let together = sent_now(&limiter);
        limiter.cool_down(together, None);
        limiter.cool_down(together, None);
        assert_eq!(limiter.lock().strikes, 1);
        // An answer to a request from before the refusal does not undo it.
        limiter.answered(together);
        assert_eq!(limiter.lock().strikes, 1);
    }

    #[tokio::test]
    async fn a_cool_down_longer_than_the_run_ends_with_the_run() {
        let stop = Stop::default();
        let limiter = limiter(&stop);
        limiter.cool_down(sent_now(&limiter), Some(Duration::MAX));
        let waiting = limiter.wait_until_cool();
        let stopping = async { stop.request(StopReason::TimeLimit) };
        assert_eq!(tokio::join!(waiting, stopping).0, Err(StoppedWaiting));
        assert!(limiter.take_seat(Pace::None).await.is_err());
        assert!(limiter.wait(Duration::ZERO).await.is_err());
    }

    #[tokio::test]
    async fn only_so_many_have_a_seat() {
        let stop = Stop::default();
        let limiter = limiter(&stop);
        let first = limiter.take_seat(Pace::None).await.unwrap();
        let _second = limiter.take_seat(Pace::None).await.unwrap();
        assert_eq!(limiter.seats.available_permits(), 0);
        drop(first);
        assert_eq!(limiter.seats.available_permits(), 1);
    }

    #[test]
    fn pauses_shrink_along_a_list_and_never_vanish() {
        let p = Duration::from_secs(5);
        let ms = |pace| {
            let (low, high) = bounds(pace, p);
            (low.as_millis(), high.as_millis())
        };
        assert_eq!(ms(Pace::None), (0, 0));
        assert_eq!(ms(Pace::Item), (500, 1_500));
        assert_eq!(ms(Pace::Page { nth: 1 }), (500, 1_500));
        assert_eq!(ms(Pace::Page { nth: 2 }), (5_000, 15_000));
        assert_eq!(ms(Pace::Page { nth: 6 }), (1_000, 3_000));
        assert_eq!(ms(Pace::Page { nth: 51 }), (250, 300));
        assert_eq!(ms(Pace::Page { nth: u32::MAX }), (250, 250));
        assert_eq!(bounds(Pace::Page { nth: 2 }, Duration::ZERO), (Duration::ZERO, Duration::ZERO));
        let longest: u128 = (1..=50).map(|nth| ms(Pace::Page { nth }).1).sum();
        assert!(longest < 90_000, "5,000 entries take up to {longest} ms of pauses");
    }
}
