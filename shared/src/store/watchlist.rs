//! `entries`, page by page: what people look through.

use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use super::error::unknown_word;
use super::placements::placement_state;
use super::{Db, StoreError, letters};
use crate::clock::UnixMs;
use crate::model::{
    EntryId, EntryState, ExternalIds, ImdbId, MediaType, PlacementState, PlexId, TmdbId, TvdbId, UserId,
};

/// Which entries a page shows; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// On whose list.
    pub user: Option<UserId>,
    /// Where they stand.
    pub state: Option<EntryState>,
    /// What kind of title.
    pub media_type: Option<MediaType>,
    /// With a placement in this instance, whatever came of it.
    pub instance: Option<String>,
    /// The name contains this; letters in any case, of any script.
    pub text: Option<String>,
}

/// One entry, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLine {
    /// The entry.
    pub id: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// Its key in Plex.
    pub plex_id: PlexId,
    /// What it is called.
    pub title: String,
    /// Year of first release.
    pub year: Option<u16>,
    /// Movie or show.
    pub media_type: MediaType,
    /// Ids elsewhere.
    pub ids: ExternalIds,
    /// When we first saw it.
    pub appeared_at_ms: UnixMs,
    /// Where it stands.
    pub state: EntryState,
    /// Since when.
    pub state_at_ms: UnixMs,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// Its ways into instances, in the order in which they were queued.
    pub placements: Vec<PlacementLine>,
}

/// One entry's way into one instance, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementLine {
    /// Into which instance.
    pub instance: String,
    /// Where it stands.
    pub state: PlacementState,
    /// What the arr said.
    pub answer: Option<String>,
}

/// Another entry of the same title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherWish {
    /// The entry.
    pub id: EntryId,
    /// Whose list it is on.
    pub user: UserId,
    /// Where it stands.
    pub state: EntryState,
    /// Since when.
    pub state_at_ms: UnixMs,
}

/// The entries of an entry's title; `entries_by_title` finds them in the order that is wanted.
const OTHER_WISHES: &str = "-- entries.other_wishes\n\
    SELECT id, user_id, state, state_at_ms FROM entries\n\
    WHERE title_id = (SELECT title_id FROM entries WHERE id = ?1) AND id <> ?1 ORDER BY id DESC LIMIT ?2";

/// Titles whose name contains what is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// These.
    Few(Vec<i64>),
    /// So many that a walk through the entries soon meets enough of them.
    Many,
}

/// From so many titles on, a page looks at the names of its entries one by one: of 50,000 titles every fiftieth fits.
const MANY: usize = 1_000;

/// Up to so many entries in a state are looked at one by one whether an instance has them. To walk through all that it has takes longer.
const FEW: u32 = 2_000;

impl Db<'_> {
    /// The newest entries that fit, newest first: at most `limit`, and only those before the entry `before`. A page costs as much as
    /// it shows, however many there are; with a text also one walk through the names.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn entry_page(
        self,
        filter: &EntryFilter,
        before: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<EntryLine>, StoreError> {
        let named = filter.text.as_deref().map(|text| self.named(text)).transpose()?;
        if named.as_ref().is_some_and(|named| *named == Named::Few(Vec::new())) {
            return Ok(Vec::new());
        }
        let rare = match (filter.state, &filter.instance) {
            (Some(state), Some(_)) => self.is_rare(state)?,
            _ => false,
        };
        let (sql, values) = page_query(filter, named.as_ref(), rare, before, limit);
        let mut query = self.connection.prepare_cached(&sql)?;
        let mut rows = query.query(params_from_iter(values))?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let (media_type, state, plex_id): (String, String, String) = (row.get(4)?, row.get(9)?, row.get(12)?);
            lines.push(EntryLine {
                id: EntryId(row.get(0)?),
                user: UserId(row.get(1)?),
                title: row.get(2)?,
                year: row.get(3)?,
                media_type: MediaType::from_word(&media_type)
                    .ok_or_else(|| unknown_word("titles.media_type", &media_type))?,
                ids: ExternalIds {
                    imdb: row.get::<_, Option<String>>(5)?.map(ImdbId),
                    tmdb: row.get::<_, Option<u32>>(6)?.map(TmdbId),
                    tvdb: row.get::<_, Option<u32>>(7)?.map(TvdbId),
                },
                appeared_at_ms: row.get(8)?,
                state: EntryState::from_word(&state).ok_or_else(|| unknown_word("entries.state", &state))?,
                state_at_ms: row.get(10)?,
                reason: row.get(11)?,
                plex_id: PlexId::parse(&plex_id).ok_or_else(|| unknown_word("titles.plex_id", &plex_id))?,
                placements: Vec::new(),
            });
        }
        self.add_placements(&mut lines)?;
        Ok(lines)
    }

    /// The other entries of the same title, newest first, at most `limit`: of other people, or earlier ones of the same person.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn other_wishes(self, entry: EntryId, limit: u32) -> Result<Vec<OtherWish>, StoreError> {
        let mut query = self.connection.prepare_cached(OTHER_WISHES)?;
        let mut rows = query.query(params![entry.0, limit])?;
        let mut wishes = Vec::new();
        while let Some(row) = rows.next()? {
            let state: String = row.get(2)?;
            wishes.push(OtherWish {
                id: EntryId(row.get(0)?),
                user: UserId(row.get(1)?),
                state: EntryState::from_word(&state).ok_or_else(|| unknown_word("entries.state", &state))?,
                state_at_ms: row.get(3)?,
            });
        }
        Ok(wishes)
    }

    fn named(self, text: &str) -> Result<Named, StoreError> {
        let mut query = self.connection.prepare_cached(NAMED)?;
        let found = query.query_map(params![letters::folded(text), MANY as i64], |row| row.get(0))?;
        let found = found.collect::<Result<Vec<i64>, _>>()?;
        Ok(if found.len() < MANY { Named::Few(found) } else { Named::Many })
    }

    /// Whether few entries stand in this state.
    fn is_rare(self, state: EntryState) -> Result<bool, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- entries.few_in_state\nSELECT count(*) FROM (SELECT 1 FROM entries WHERE state = ?1 LIMIT ?2)",
        )?;
        let count: u32 = query.query_row(params![state.word(), FEW + 1], |row| row.get(0))?;
        Ok(count <= FEW)
    }

    /// `lines` are sorted by id, the highest first.
    fn add_placements(self, lines: &mut [EntryLine]) -> Result<(), StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- placements.of_page\nSELECT instance, state, answer FROM placements WHERE entry_id = ?1 ORDER BY id",
        )?;
        for line in lines {
            let mut rows = query.query([line.id.0])?;
            while let Some(row) = rows.next()? {
                let state = placement_state(&row.get::<_, String>(1)?)?;
                line.placements.push(PlacementLine { instance: row.get(0)?, state, answer: row.get(2)? });
            }
        }
        Ok(())
    }
}

const NAMED: &str = "-- titles.named\nSELECT id FROM titles WHERE contains_folded(title, ?1) LIMIT ?2";

/// The text depends on which filters there are, so that each finds the index that serves it. `rare`: few entries are in the state.
fn page_query(
    filter: &EntryFilter,
    named: Option<&Named>,
    rare: bool,
    before: Option<EntryId>,
    limit: u32,
) -> (String, Vec<Value>) {
    let EntryFilter { user, state, media_type, instance, text } = filter;
    let (mut conditions, mut values) = (Vec::new(), Vec::new());
    let (mut tables, mut id) = ("entries e", "e.id");
    if let (Some(instance), true) = (instance, rare) {
        conditions.push("EXISTS (SELECT 1 FROM placements w WHERE w.entry_id = e.id AND w.instance = ?)".to_owned());
        values.push(Value::from(instance.clone()));
    } else if let Some(instance) = instance {
        // CROSS: in this order. An instance's placements come sorted by entry.
        (tables, id) = ("placements w CROSS JOIN entries e ON e.id = w.entry_id", "w.entry_id");
        conditions.push("w.instance = ?".to_owned());
        values.push(Value::from(instance.clone()));
    }
    if let Some(before) = before {
        conditions.push(format!("{id} < ?"));
        values.push(Value::from(before.0));
    }
    if let Some(user) = user {
        conditions.push("e.user_id = ?".to_owned());
        values.push(Value::from(user.0));
    }
    if let Some(state) = state {
        conditions.push("e.state = ?".to_owned());
        values.push(Value::from(state.word().to_owned()));
    }
    if let Some(media_type) = media_type {
        conditions.push("t.media_type = ?".to_owned());
        values.push(Value::from(media_type.word().to_owned()));
    }
    match (named, text) {
        (Some(Named::Few(ids)), _) => {
            // The plus: the page still comes in its order.
            conditions.push("+e.title_id IN (SELECT value FROM json_each(?))".to_owned());
            values.push(Value::from(serde_json::Value::from(ids.clone()).to_string()));
        }
        (Some(Named::Many), Some(text)) => {
            conditions.push("contains_folded(t.title, ?)".to_owned());
            values.push(Value::from(letters::folded(text)));
        }
        _ => {}
    }
    values.push(Value::from(limit));
    let conditions =
        if conditions.is_empty() { String::new() } else { format!("WHERE {}\n", conditions.join(" AND ")) };
    let sql = format!(
        "-- entries.page\n\
         SELECT e.id, e.user_id, t.title, t.year, t.media_type, t.imdb_id, t.tmdb_id, t.tvdb_id, e.appeared_at_ms, e.state,\n\
             e.state_at_ms, e.reason, t.plex_id\n\
         FROM {tables} CROSS JOIN titles t ON t.id = e.title_id\n{conditions}ORDER BY {id} DESC LIMIT ?"
    );
    (sql, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ListedTitle, Relation, UserUuid};
    use crate::store::Store;

    /// `count` titles on the one list there is; each a second later than the one before.
    fn fill(store: &Store, from: u32, count: u32) -> UserId {
        let uuid = UserUuid::parse("5be07c1d2a94f036").unwrap();
        let fill = |db: Db<'_>| {
            let user = db.upsert_user(&uuid, "ana", "Ana", Relation::Owner, 1)?;
            for number in from..from + count {
                let title = db.upsert_listed_title(&ListedTitle {
                    plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                    media_type: if number % 3 == 0 { MediaType::Show } else { MediaType::Movie },
                    title: format!("Salt Ledger {number}"),
                    year: Some(2025),
                    ids: None,
                    poster_url: None,
                })?;
                db.open_entry(user, title, i64::from(number) * 1_000)?;
            }
            Ok(user)
        };
        store.write(fill).unwrap()
    }

    #[test]
    fn pages_have_neither_repeats_nor_gaps_while_new_entries_appear() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        fill(&store, 1, 1_000);
        let (mut seen, mut before, mut next) = (Vec::new(), None, 1_001);
        loop {
            let page = store.read().entry_page(&EntryFilter::default(), before, 70).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen.extend(page.iter().map(|line| line.title.clone()));
            fill(&store, next, 5);
            next += 5;
        }
        let expected: Vec<String> = (1..=1_000).rev().map(|number| format!("Salt Ledger {number}")).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn filters_hold_together_and_find_only_what_fits() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let user = fill(&store, 1, 30);
        let found = |filter: EntryFilter| {
            let page = store.read().entry_page(&filter, None, 100).unwrap();
            page.into_iter().map(|line| line.title).collect::<Vec<_>>()
        };
        let shows = EntryFilter { media_type: Some(MediaType::Show), ..EntryFilter::default() };
        assert_eq!(found(shows.clone()).len(), 10);
        let text = Some("LEDGER 2".to_owned());
        assert_eq!(found(EntryFilter { text, ..shows }), ["Salt Ledger 27", "Salt Ledger 24", "Salt Ledger 21"]);
        let new = EntryFilter { user: Some(user), state: Some(EntryState::New), ..EntryFilter::default() };
        assert_eq!(found(new.clone()).len(), 30);
        assert!(found(EntryFilter { user: Some(UserId(user.0 + 1)), ..new }).is_empty());
        assert!(found(EntryFilter { instance: Some("movies".into()), ..EntryFilter::default() }).is_empty());
    }

    /// What makes a page cheap: no step of any plan sorts, and only the one through the names walks a whole index.
    #[test]
    fn no_page_sorts_or_walks_a_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let all = EntryFilter {
            user: Some(UserId(1)),
            state: Some(EntryState::Held),
            media_type: Some(MediaType::Movie),
            instance: Some("movies".into()),
            text: Some("salt".into()),
        };
        let none = EntryFilter::default;
        let filters = [
            none(),
            EntryFilter { user: all.user, ..none() },
            EntryFilter { state: all.state, ..none() },
            EntryFilter { media_type: all.media_type, ..none() },
            EntryFilter { instance: all.instance.clone(), ..none() },
            EntryFilter { text: all.text.clone(), ..none() },
            all,
        ];
        let steps = |sql: &str, values: Vec<Value>| store.query_plan(sql, params_from_iter(values));
        for filter in filters {
            let rare = filter.state.is_some();
            for (named, rare) in [(Named::Few(vec![3, 4]), false), (Named::Many, false), (Named::Many, rare)] {
                let named = filter.text.is_some().then_some(&named);
                let (sql, values) = page_query(&filter, named, rare, Some(EntryId(9)), 100);
                for step in steps(&sql, values) {
                    assert!(!step.contains("TEMP B-TREE"), "{filter:?}: {step}");
                    let walks = step.starts_with("SCAN") && !step.contains("json_each");
                    assert!(!walks, "{filter:?}: {step}");
                }
            }
        }
        for step in steps(OTHER_WISHES, vec![Value::from(9), Value::from(20)]) {
            assert!(!step.starts_with("SCAN ") && !step.contains("TEMP B-TREE"), "{step}");
        }
        let found = steps(NAMED, vec![Value::from("salt".to_owned()), Value::from(9)]);
        assert!(found.len() == 1 && found[0].contains("COVERING INDEX titles_by_name"), "{found:?}");
    }

    #[test]
    fn rare_and_common_names_are_found_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let user = fill(&store, 1, 1_100);
        let named = |db: Db<'_>, name: &str, number: u32| {
            let title = db.upsert_listed_title(&ListedTitle {
                plex_id: PlexId::parse(&format!("{number:024x}")).unwrap(),
                media_type: MediaType::Movie,
                title: name.to_owned(),
                year: None,
                ids: None,
                poster_url: None,
            })?;
            db.open_entry(user, title, 9)
        };
        store.write(|db| named(db, "Über den Fluss", 2_001).and_then(|_| named(db, "Uber", 2_002))).unwrap();
        let found = |text: &str| {
            let filter = EntryFilter { text: Some(text.to_owned()), ..EntryFilter::default() };
            let page = store.read().entry_page(&filter, None, 3).unwrap();
            page.into_iter().map(|line| line.title).collect::<Vec<_>>()
        };
        assert_eq!(found("über"), ["Über den Fluss"]);
        assert_eq!(found("ÜBER DEN"), ["Über den Fluss"]);
        assert_eq!(found("SALT"), ["Salt Ledger 1100", "Salt Ledger 1099", "Salt Ledger 1098"]);
        assert_eq!(found("e"), ["Uber", "Über den Fluss", "Salt Ledger 1100"]);
        assert!(found("zander").is_empty());
    }
}
