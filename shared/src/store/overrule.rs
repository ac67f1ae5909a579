//! A person's word about one entry, over what the rules say: decide it anew, send it there, keep it out.

use rusqlite::{OptionalExtension, params};

use super::error::unknown_word;
use super::{Db, StoreError, Verdict};
use crate::clock::UnixMs;
use crate::model::{Approval, ApprovalId, ApprovalTrigger, Destination, EntryId, EntryState, Outcome};

/// What came of wanting an entry decided otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    /// It is done, or the next run does it.
    Held,
    /// There is no such entry.
    Unknown,
    /// It stands where no new decision changes anything.
    Settled(EntryState),
    /// An instance was asked to add it, and nobody knows yet whether it did.
    UnderWay,
}

impl Db<'_> {
    /// Puts an open entry that waits, is kept out or was refused back to `held`, so that the next run decides anew.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn decide_anew(self, entry: EntryId, reason: &str, now_ms: UnixMs) -> Result<Anew, StoreError> {
        let stands = self.how_it_stands(entry)?;
        // The next run decides about it in any case.
        let stands = if stands == Ok(EntryState::New) { Err(Anew::Settled(EntryState::New)) } else { stands };
        if let Err(why_not) = stands {
            return Ok(why_not);
        }
        self.set_entry_state(entry, EntryState::Held, Some(reason), now_ms)?;
        Ok(Anew::Held)
    }

    /// The request that a person makes and answers: as it would be if somebody had been asked about the entry, whose last decision
    /// says what was proposed. Nothing is stored.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn request_of_a_person(self, entry: EntryId, now_ms: UnixMs) -> Result<Approval, StoreError> {
        if let Some(approval) = self.approval_of(entry)? {
            return Ok(approval);
        }
        let proposed = match self.last_decision(entry)?.map(|decision| decision.outcome) {
            Some(Outcome::Route { destinations, .. } | Outcome::Hold { destinations, .. }) => destinations,
            _ => Vec::new(),
        };
        Ok(Approval::unasked(ApprovalId(0), entry, proposed, now_ms))
    }

    /// Sends an entry where a person wants it: the next run adds it there, whatever rules say. What an arr has already stays there.
    /// Kept as a request that the person answered, with a place in the quotas.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn send_to(
        self,
        entry: EntryId,
        to: Vec<Destination>,
        by: &str,
        note: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<Anew, StoreError> {
        let verdict = Verdict::Approve { edited: Some(to) };
        self.overrule(entry, &verdict, "a person says where it goes", by, note, now_ms)
    }

    /// Keeps an entry out because a person wants it: `rejected`, whatever rules say.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be written.
    pub fn keep_out(self, entry: EntryId, by: &str, note: Option<&str>, now_ms: UnixMs) -> Result<Anew, StoreError> {
        self.overrule(entry, &Verdict::Reject, "a person keeps it out", by, note, now_ms)
    }

    fn overrule(
        self,
        entry: EntryId,
        verdict: &Verdict,
        reason: &str,
        by: &str,
        note: Option<&str>,
        now_ms: UnixMs,
    ) -> Result<Anew, StoreError> {
        if let Err(why_not) = self.how_it_stands(entry)? {
            return Ok(why_not);
        }
        let proposed = self.request_of_a_person(entry, now_ms)?.proposed;
        // A request that waits is the one that is answered.
        self.ask(entry, ApprovalTrigger::User, reason, &proposed, now_ms)?;
        if let Some(request) = self.approval_of(entry)? {
            self.decide_approvals(&[request.id], verdict, by, note, now_ms)?;
        }
        Ok(Anew::Held)
    }

    /// Where the entry stands, when a person may still say something about it.
    fn how_it_stands(self, entry: EntryId) -> Result<Result<EntryState, Anew>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.how_settled\n\
             SELECT e.state, EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = e.id AND p.state IN ('queued', 'failed')),\n\
                 EXISTS (SELECT 1 FROM placements p WHERE p.entry_id = e.id AND p.attempt_at_ms IS NOT NULL)\n\
             FROM entries e WHERE e.id = ?1",
        )?;
        let found = query.query_row(params![entry.0], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)));
        let Some((word, is_queued, is_under_way)): Option<(String, bool, bool)> = found.optional()? else {
            return Ok(Err(Anew::Unknown));
        };
        let state = EntryState::from_word(&word).ok_or_else(|| unknown_word("entries.state", &word))?;
        let waits = match state {
            EntryState::New
            | EntryState::Held
            | EntryState::Unresolvable
            | EntryState::Excluded
            | EntryState::Rejected
            | EntryState::Failed => true,
            EntryState::Requested => is_queued,
            EntryState::Grabbed | EntryState::Available | EntryState::Closed => false,
        };
        Ok(match (waits, is_under_way) {
            (false, _) => Err(Anew::Settled(state)),
            (true, true) => Err(Anew::UnderWay),
            (true, false) => Ok(state),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApprovalState, ListedTitle, MediaType, PlexId, Relation, UserUuid};
    use crate::store::{EntryFilter, Store};

    struct Listed {
        store: Store,
        entry: EntryId,
        _folder: tempfile::TempDir,
    }

    impl Listed {
        /// One film on one list.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), false).unwrap();
            let uuid = UserUuid::parse("5be07c1d2a94f036").unwrap();
            let listed = ListedTitle {
                plex_id: PlexId::parse("650c77e1aa10b4001f5d2e90").unwrap(),
                media_type: MediaType::Movie,
                title: "Salt Ledger".to_owned(),
                year: Some(2025),
                ids: None,
                poster_url: None,
            };
            let filled = store.write(|db| {
                let user = db.upsert_user(&uuid, "ana", "Ana", Relation::Owner, 1)?;
                db.open_entry(user, db.upsert_listed_title(&listed)?, 1)
            });
            filled.unwrap();
            let entry = store.read().entry_page(&EntryFilter::default(), None, 1).unwrap()[0].id;
            Self { entry, store, _folder: folder }
        }

        fn set(&self, state: EntryState) {
            self.store.write(|db| db.set_entry_state(self.entry, state, None, 5)).unwrap();
        }

        fn stands(&self) -> (EntryState, String) {
            let row = self.store.read().entry(self.entry).unwrap().unwrap();
            (row.state, row.reason.unwrap_or_default())
        }
    }

    #[test]
    fn only_what_waits_is_decided_anew() {
        let listed = Listed::new();
        let anew = |id| listed.store.write(|db| db.decide_anew(id, "ana wants it decided anew", 9)).unwrap();
        for (state, expected) in [
            (EntryState::New, Anew::Settled(EntryState::New)),
            (EntryState::Excluded, Anew::Held),
            (EntryState::Failed, Anew::Held),
            (EntryState::Rejected, Anew::Held),
            (EntryState::Requested, Anew::Settled(EntryState::Requested)),
            (EntryState::Available, Anew::Settled(EntryState::Available)),
        ] {
            listed.set(state);
            assert_eq!(anew(listed.entry), expected, "{state}");
        }
        listed.store.write(|db| db.close_entry(listed.entry, 9)).unwrap();
        assert_eq!(anew(listed.entry), Anew::Settled(EntryState::Closed));
        assert_eq!(anew(EntryId(77)), Anew::Unknown);
    }

    #[test]
    fn a_person_keeps_an_entry_out_and_may_change_their_mind() {
        let listed = Listed::new();
        let store = &listed.store;
        let kept_out = store.write(|db| db.keep_out(listed.entry, "mirela", Some("not for children"), 9)).unwrap();
        assert_eq!(kept_out, Anew::Held);
        assert_eq!(listed.stands(), (EntryState::Rejected, "rejected by mirela: not for children".to_owned()));
        let sent = store.write(|db| db.send_to(listed.entry, Vec::new(), "tomas", None, 10)).unwrap();
        assert_eq!(sent, Anew::Held);
        assert_eq!(listed.stands(), (EntryState::Held, "approved by tomas; the next run adds it".to_owned()));
        let request = store.read().approval_of(listed.entry).unwrap().unwrap();
        assert_eq!((request.state, request.edited), (ApprovalState::Approved, Some(Vec::new())));
        let events = store.read().approval_events(request.id).unwrap();
        let events: Vec<_> = events.iter().map(|event| event.what.as_str()).collect();
        assert_eq!(events, ["asked", "rejected", "asked", "approved"]);
    }

    #[test]
    fn what_an_arr_has_stays_as_it_is() {
        let listed = Listed::new();
        listed.set(EntryState::Grabbed);
        let kept_out = listed.store.write(|db| db.keep_out(listed.entry, "mirela", None, 9)).unwrap();
        assert_eq!(kept_out, Anew::Settled(EntryState::Grabbed));
        assert_eq!(listed.stands().0, EntryState::Grabbed);
        assert_eq!(listed.store.read().approval_of(listed.entry).unwrap(), None);
    }
}
