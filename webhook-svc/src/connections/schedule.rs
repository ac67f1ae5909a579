//! When the connection of which instance is looked at: each on its own, so that none waits for another. Pure; time is what has passed
//! since the keeper began.

use std::collections::BTreeMap;
use std::time::Duration;

use pulsarr_shared::model::Instance;
use secrecy::ExposeSecret as _;

use crate::app::connections::host_of;

/// The first pause after an instance was not well; each further one doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// The longest of these.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// How often one that is well is looked at.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Every instance of the settings.
#[derive(Default)]
pub(super) struct Schedule(BTreeMap<String, Planned>);

struct Planned {
    instance: Instance,
    due: Duration,
    /// How often in a row it was not well.
    failures: u32,
    /// Tasks that are under way.
    working: u32,
    /// Something changed since the last one began.
    again: bool,
}

/// Instances as they were before a change.
#[derive(Default)]
pub(super) struct Left {
    /// Those that are in the settings no more.
    pub gone: Vec<Instance>,
    /// Those whose address leads to another host now. They are not looked at before [`Schedule::departed`].
    pub moved: Vec<Instance>,
}

impl Schedule {
    /// The settings are these now. What is new or changed is due at once.
    pub fn meet(&mut self, instances: &[Instance], now: Duration) -> Left {
        let mut left = Left::default();
        let gone: Vec<String> =
            self.0.keys().filter(|name| !instances.iter().any(|it| it.name == **name)).cloned().collect();
        left.gone.extend(gone.iter().filter_map(|name| self.0.remove(name)).map(|it| it.instance));
        for instance in instances {
            let Some(planned) = self.0.get_mut(&instance.name) else {
                let planned = Planned { instance: instance.clone(), due: now, failures: 0, working: 0, again: false };
                self.0.insert(instance.name.clone(), planned);
                continue;
            };
            let before = std::mem::replace(&mut planned.instance, instance.clone());
            if is_reached_alike(&before, instance) {
                continue;
            }
            (planned.due, planned.failures, planned.again) = (now, 0, planned.working > 0);
            if host_of(&before.url) != host_of(&instance.url) {
                (planned.working, planned.again) = (planned.working + 1, true);
                left.moved.push(before);
            }
        }
        left
    }

    /// This one is due at once; if it is being looked at, then once more.
    pub fn hurry(&mut self, name: &str, now: Duration) {
        if let Some(planned) = self.0.get_mut(name) {
            (planned.due, planned.failures, planned.again) = (now, 0, planned.working > 0);
        }
    }

    /// Those that are to be looked at now, each of which begins.
    pub fn begin(&mut self, now: Duration) -> Vec<String> {
        let due = self.0.iter_mut().filter(|(_, it)| it.working == 0 && it.due <= now);
        let begin = |(name, planned): (&String, &mut Planned)| {
            (planned.working, planned.again) = (1, false);
            name.clone()
        };
        due.map(begin).collect()
    }

    /// One was looked at, and is well or not.
    pub fn looked(&mut self, name: &str, well: bool, now: Duration) {
        let Some(planned) = self.0.get_mut(name) else { return };
        planned.working = planned.working.saturating_sub(1);
        if planned.again {
            return;
        }
        planned.failures = if well { 0 } else { planned.failures.saturating_add(1) };
        planned.due = now + if well { LOOK_AGAIN_AFTER } else { pause(planned.failures) };
    }

    /// Where one was before, nothing of ours is left, or nothing can be done about it.
    pub fn departed(&mut self, name: &str) {
        if let Some(planned) = self.0.get_mut(name) {
            planned.working = planned.working.saturating_sub(1);
        }
    }

    /// When the next is due; `None` while all are being looked at.
    pub fn next(&self) -> Option<Duration> {
        self.0.values().filter(|it| it.working == 0).map(|it| it.due).min()
    }
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

/// Whether whoever could ask the one can ask the other: how titles are added does not matter to a connection.
pub fn is_reached_alike(one: &Instance, other: &Instance) -> bool {
    let key = |it: &Instance| it.api_key.expose_secret().to_owned();
    one.url == other.url && one.kind() == other.kind() && key(one) == key(other)
}

#[cfg(test)]
mod tests {
    use super::super::testing::a_radarr;
    use super::*;

    const START: Duration = Duration::ZERO;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn names(instances: &[Instance]) -> Vec<&str> {
        instances.iter().map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn what_is_not_well_is_tried_soon_and_then_ever_more_rarely_and_what_is_well_daily() {
        let mut schedule = Schedule::default();
        schedule.meet(&[a_radarr("movies", "http://one:1")], START);
        let (mut now, mut pauses) = (START, Vec::new());
        for _ in 0..8 {
            assert_eq!(schedule.begin(now), ["movies"]);
            assert_eq!(schedule.next(), None);
            schedule.looked("movies", false, now);
            let next = schedule.next().unwrap();
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
        schedule.begin(now);
        schedule.looked("movies", true, now);
        assert_eq!(schedule.next(), Some(now + LOOK_AGAIN_AFTER));
        now += LOOK_AGAIN_AFTER;
        schedule.begin(now);
        schedule.looked("movies", false, now);
        assert_eq!(schedule.next(), Some(now + FIRST_PAUSE), "it was well meanwhile");
    }

    #[test]
    fn one_that_hangs_or_is_not_well_leaves_the_others_alone() {
        let mut schedule = Schedule::default();
        schedule.meet(&["a", "b", "c"].map(|name| a_radarr(name, "http://one:1")), START);
        assert_eq!(schedule.begin(START), ["a", "b", "c"]);
        schedule.looked("b", false, START);
        schedule.looked("c", true, START);
        assert_eq!(schedule.begin(at(9)), [""; 0]);
        assert_eq!(schedule.begin(at(10)), ["b"]);
        schedule.looked("b", false, at(10));
        assert_eq!(schedule.begin(at(3_600)), ["b"], "the one is still being asked, the other is well");
    }

    #[test]
    fn a_change_is_followed_at_once_for_what_is_new_or_reached_in_another_way_and_for_nothing_else() {
        let mut schedule = Schedule::default();
        let (a, b) = (a_radarr("a", "http://one:1"), a_radarr("b", "http://two:2"));
        schedule.meet(&[a.clone(), b.clone()], START);
        for name in schedule.begin(START) {
            schedule.looked(&name, true, START);
        }
        let mut rarely = b.clone();
        rarely.options.search_on_add = !b.options.search_on_add;
        let left = schedule.meet(&[a.clone(), rarely.clone(), a_radarr("c", "http://three:3")], at(5));
        assert!(left.gone.is_empty() && left.moved.is_empty());
        assert_eq!(schedule.begin(at(5)), ["c"]);
        // Another key, while it is being asked with the old one.
        let mut other_key = a_radarr("c", "http://three:3");
        other_key.api_key = "ffffffffffffffffffffffffffffffff".into();
        let left = schedule.meet(&[a, rarely, other_key], at(6));
        assert!(left.gone.is_empty() && left.moved.is_empty());
        assert_eq!(schedule.begin(at(6)), [""; 0]);
        schedule.looked("c", true, at(7));
        assert_eq!(schedule.begin(at(7)), ["c"]);
    }

    #[test]
    fn what_was_saved_is_looked_at_at_once_and_once_more_if_it_is_being_looked_at() {
        let mut schedule = Schedule::default();
        schedule.meet(&[a_radarr("a", "http://one:1")], START);
        schedule.begin(START);
        schedule.looked("a", true, START);
        assert_eq!(schedule.begin(at(5)), [""; 0]);
        schedule.hurry("a", at(5));
        schedule.hurry("nobody", at(5));
        assert_eq!(schedule.begin(at(5)), ["a"]);
        schedule.hurry("a", at(6));
        assert_eq!(schedule.begin(at(6)), [""; 0]);
        schedule.looked("a", true, at(7));
        assert_eq!(schedule.begin(at(7)), ["a"]);
        schedule.looked("a", true, at(8));
        assert_eq!(schedule.next(), Some(at(8) + LOOK_AGAIN_AFTER));
    }

    #[test]
    fn what_moves_is_looked_at_when_its_old_place_is_left_and_what_is_gone_never_more() {
        let mut schedule = Schedule::default();
        schedule.meet(&[a_radarr("a", "http://one:1"), a_radarr("b", "http://two:2/base")], START);
        assert_eq!(schedule.begin(START), ["a", "b"]);
        let left = schedule.meet(&[a_radarr("b", "http://elsewhere:2/base")], at(1));
        assert_eq!((names(&left.gone), names(&left.moved)), (vec!["a"], vec!["b"]));
        assert_eq!(left.moved[0].url, "http://two:2/base");
        schedule.looked("a", false, at(2));
        schedule.looked("b", true, at(2));
        assert_eq!(schedule.begin(at(2)), [""; 0]);
        schedule.departed("b");
        assert_eq!(schedule.begin(at(3)), ["b"]);
        schedule.looked("b", true, at(3));
        // Another base path on the same host is no other place.
        let left = schedule.meet(&[a_radarr("b", "http://elsewhere:2")], at(4));
        assert!(left.moved.is_empty());
        assert_eq!(schedule.begin(at(4)), ["b"]);
    }
}
