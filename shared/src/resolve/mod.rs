//! Finds what deciding needs and a list does not tell: the id by which an arr knows the title, and the facts that an enabled rule
//! looks at. Nobody is asked for what no rule needs. The cheapest source comes first: Plex's metadata, then an arr's lookup, which
//! also translates other ids, then TMDB, then the household's Plex server; each once per title, for what it told is kept.
//!
//! A title that stays without its id is looked at again: by the next runs at first, because new titles get their ids within
//! minutes, then with growing pauses. While a source as a whole does not answer, what needs it waits. A title about which it cannot
//! answer is decided with that fact unknown.

mod arr;
mod asking;
mod disks;
mod needs;
mod plex;
mod plex_server;
mod tmdb;

pub use disks::disks;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::clients::plex::{Plex, PlexError};
use crate::clock::{UnixMs, has_passed, millis};
use crate::model::{Facts, KnownFacts, Title, User, UserId};
use crate::report::Problem;
use crate::retry;
use crate::routing::{FactSource, Field, Sheet};
use crate::run::Run;
use crate::store::{Db, StoreError, TitleId, TitleLooks, Undecided};
use crate::upstreams::{ServerAccess, Upstreams};
use needs::Needs;

/// The first looks follow at the next run; from then on each pause is longer.
const QUICK_LOOKS: u32 = 3;

/// Questions about one title that fail in a row, while the same source answers others, until it is decided without an answer.
const PATIENCE: u32 = 12;

/// How long the Plex server's word about a title counts. It may get the title at any time.
const IN_PLEX_FOR: Duration = Duration::from_secs(60 * 60);

/// How far into the run's time questions are asked. Without an end to it, a long first list, or a Plex that does not answer, would
/// keep what is known already from ever being added.
const SHARE_OF_RUN: f64 = 0.8;

/// The part of the time that is left which one source may take while somebody waits for another one only. One that never answers
/// would otherwise keep those waiting too.
const SHARE_OF_REST: f64 = 0.75;

/// What resolving came to.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Titles about which nothing can be decided in this run, because a question was not answered.
    pub undecidable: HashSet<TitleId>,
    /// The first failure of Plex, for the report.
    pub failure: Option<PlexError>,
    /// Failures of everybody else who was to tell something.
    pub problems: Vec<Problem>,
}

/// What all questions of one run have in common.
struct Asking<'a> {
    run: &'a Run<'a>,
    needs: Needs<'a>,
    /// When asking ends.
    until: Instant,
}

/// A title that waits for a decision.
struct Wanted<'a> {
    id: TitleId,
    /// As far as it is known by now; without its facts once it is settled.
    title: Title,
    /// Those who want it and wait for a decision; at least one.
    users: Vec<&'a User>,
    /// On how many watchlists it is; only where a rule looks at that.
    wanted_by: Option<u32>,
    looks: TitleLooks,
    /// Who has to answer before anything can be decided.
    waits_for: Option<FactSource>,
    /// Nobody can tell more that is needed.
    settled: bool,
}

impl Wanted<'_> {
    /// What is known, once for each of those who want it.
    fn sheets(&self) -> impl Iterator<Item = Sheet<'_>> {
        let sheet = |user| Sheet { title: &self.title, user, wanted_by: self.wanted_by, free_space: None };
        self.users.iter().copied().map(sheet)
    }
}

/// Resolves the titles of `undecided`. With `plex_refuses_us` Plex is not asked, and what needs its answer waits.
///
/// # Errors
/// [`StoreError`] when the store fails. Failures of upstreams are in the answer.
pub async fn resolve(
    run: &Run<'_>,
    plex: &Plex,
    upstreams: &Upstreams<'_>,
    undecided: &[Undecided],
    plex_refuses_us: bool,
) -> Result<Resolved, StoreError> {
    let mut resolved = Resolved::default();
    let named = |user| run.config.settings.users.named(user);
    let users: Vec<User> = run.store.read().users()?.into_iter().map(named).collect();
    let until = Instant::now() + run.time_until(SHARE_OF_RUN);
    let asking = Asking { run, needs: Needs::of(run.config.policy()), until };
    let mut wanted = asking.wanted(undecided, &users)?;
    plex::ask(&asking, plex, &mut wanted, plex_refuses_us, &mut resolved).await?;
    arr::ask(&asking, upstreams, &mut wanted, &mut resolved).await?;
    if let Some(tmdb) = &upstreams.tmdb {
        tmdb::ask(&asking, tmdb, &mut wanted, &mut resolved).await?;
    }
    match &upstreams.plex_server(plex, run.store.read())? {
        ServerAccess::Open(server) => plex_server::ask(&asking, server, &mut wanted, &mut resolved).await?,
        ServerAccess::NoToken => plex_server::wait(&asking, &mut wanted, &mut resolved),
        ServerAccess::NotSet => {}
    }
    let waiting: Vec<(TitleId, String)> =
        wanted.iter().filter_map(|wanted| Some((wanted.id, asking.needs.in_words(wanted)?))).collect();
    if !waiting.is_empty() {
        run.store
            .write(|db| waiting.iter().try_for_each(|(id, reason)| db.say_what_new_entries_wait_for(*id, reason)))?;
    }
    resolved.undecidable.extend(waiting.into_iter().map(|(id, _)| id));
    Ok(resolved)
}

impl Asking<'_> {
    /// The titles of `undecided` about which somebody has to be asked, each once.
    fn wanted<'u>(&self, undecided: &[Undecided], users: &'u [User]) -> Result<Vec<Wanted<'u>>, StoreError> {
        let (db, now_ms) = (self.run.store.read(), self.now_ms());
        let users: HashMap<UserId, &User> = users.iter().map(|user| (user.id, user)).collect();
        let counts_wishes = self.needs.policy().fields().has(Field::WantedBy);
        let mut places: HashMap<TitleId, usize> = HashMap::new();
        let mut wishes: Vec<(TitleId, Vec<&User>)> = Vec::new();
        for Undecided { title: id, user, .. } in undecided {
            let Some(user) = users.get(user).copied() else { continue };
            let at = *places.entry(*id).or_insert(wishes.len());
            match wishes.get_mut(at) {
                Some((_, users)) => users.push(user),
                None => wishes.push((*id, vec![user])),
            }
        }
        drop(places);
        let mut wanted = Vec::new();
        for (id, users) in wishes {
            let wanted_by = if counts_wishes { Some(db.wanted_by(id)?) } else { None };
            let (mut title, mut looks) = (db.title(id)?, db.title_looks(id)?);
            // A time from the future was written by a clock that has since been put back.
            looks.asked_at_ms = looks.asked_at_ms.filter(|at| *at <= now_ms);
            if looks.in_plex_at_ms.is_none_or(|at| has_passed(at, IN_PLEX_FOR, now_ms)) {
                title.facts.in_plex = None;
            }
            let it = Wanted { id, title, users, wanted_by, looks, waits_for: None, settled: false };
            if self.needs.anything(&it) {
                wanted.push(it);
            }
        }
        Ok(wanted)
    }

    /// Lets go of the facts of a title that lacks nothing any more: they are stored, and there may be thousands.
    fn let_go_if_settled(&self, wanted: &mut Wanted<'_>) {
        if wanted.waits_for.is_none() && !self.needs.anything(wanted) {
            wanted.settled = true;
            wanted.title.facts = KnownFacts::default();
        }
    }

    fn now_ms(&self) -> UnixMs {
        self.run.clock.now_ms()
    }

    /// When the questions to one source end, whose own titles are marked as waiting for it. `later` are those asked after it.
    fn end(&self, wanted: &[Wanted<'_>], later: &[FactSource]) -> Instant {
        let waits_for_later = |it: &Wanted<'_>| later.iter().any(|source| self.needs.facts(it, *source));
        if !wanted.iter().any(|it| it.waits_for.is_none() && waits_for_later(it)) {
            return self.until;
        }
        let now = Instant::now();
        now + self.until.saturating_duration_since(now).mul_f64(SHARE_OF_REST)
    }

    /// A look that brought no id: decided as unresolvable, and looked at again after a pause that grows.
    fn in_vain(&self, db: Db<'_>, id: TitleId) -> Result<(), StoreError> {
        let looks = db.title_looks(id)?.in_vain;
        let pause = looks.checked_sub(QUICK_LOOKS).map_or(0, |later| millis(retry::placement_pause(later + 1)));
        db.look_again(id, self.now_ms().saturating_add(pause))
    }

    /// Counts the questions in `failed`, positions in `wanted`, that `source` left unanswered while it answered others. Where it has
    /// been asked often enough, it has nothing to tell.
    fn count_failed(&self, wanted: &mut [Wanted<'_>], failed: &[usize], source: FactSource) -> Result<(), StoreError> {
        if failed.is_empty() {
            return Ok(());
        }
        self.run.store.write(|db| {
            for at in failed {
                let wanted = &mut wanted[*at];
                if !self.needs.facts(wanted, source) {
                    continue;
                }
                db.count_fact_look(wanted.id)?;
                wanted.looks.fact_looks += 1;
                if wanted.looks.fact_looks < PATIENCE {
                    continue;
                }
                self.store_nothing(db, wanted, source)?;
                if !self.needs.id(wanted) {
                    wanted.waits_for = None;
                }
            }
            Ok(())
        })
    }

    /// Stores that `source` was asked and has told no facts.
    fn store_nothing(&self, db: Db<'_>, wanted: &mut Wanted<'_>, source: FactSource) -> Result<(), StoreError> {
        let Wanted { id, title, looks, .. } = wanted;
        match source {
            FactSource::Plex => {
                title.facts.plex = Some(Facts::default());
                db.set_metadata(*id, title, self.now_ms())?;
            }
            FactSource::Arr => db.set_arr_facts(*id, title.facts.arr.insert(Facts::default()))?,
            FactSource::Tmdb => db.set_tmdb_facts(*id, title.facts.tmdb.insert(Facts::default()))?,
            // Whether the server has it stays unknown: the count of failures says that it is not asked again.
            _ => return Ok(()),
        }
        looks.fact_looks = 0;
        Ok(())
    }
}
