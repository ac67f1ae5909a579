//! A crowd: the month of a [`Lively`] household many times over, so that there are as many people and entries as anybody has. Every row
//! is the copy of one that really came about, some days older, so that whatever is told of it is as long and as true as the first.

use rusqlite::{Connection, TransactionBehavior};
use serde_json::json;

use crate::household::wait_until;
use crate::lively::Lively;
use crate::service::Service;

/// More than any table of a lively household has rows, and apart from all its external ids.
const STRIDE: i64 = 10_000_000;

/// Days over which the copies are spread.
const DAYS: i64 = 300;

/// So many times there are a household's people.
const HOUSEHOLDS: i64 = 7;

/// Rules besides those of the household.
const RULES: usize = 30;

/// What is copied, the tables that others refer to first.
const TABLES: [&str; 11] = [
    "users",
    "titles",
    "runs",
    "entries",
    "decisions",
    "placements",
    "approvals",
    "approval_events",
    "quota_uses",
    "imports",
    "audit",
];

impl Lively {
    /// Grows to at least so many entries on the lists of some 50 people, with `RULES` more rules, and starts the service anew. It looks
    /// at no lists any more, so that nothing but what is asked of it is done.
    ///
    /// # Panics
    /// When the store is used by somebody who does not let go of it.
    pub fn crowd(&mut self, entries: i64) {
        for number in 0..RULES {
            let rule = json!({
                "name": format!("the {number}. of many"), "priority": 30 - number,
                "when": {"all": [
                    {"type": "movie"}, {"year": {"between": [1900 + number, 1905 + number]}},
                    {"any": [{"genre": {"contains": "Western"}}, {"imdb_rating": {"<": 4.5}}]},
                ]},
                "route": [{"to": "movies-4k"}],
            });
            let answer = self.session.ask(&self.service, "POST", "/rules", &rule);
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        self.stop();
        let have = self.numbers("SELECT count(*) FROM entries")[0];
        let mut store = Connection::open(self.household.database()).expect("the store is there");
        let whole = store.transaction_with_behavior(TransactionBehavior::Immediate).expect("the store can be written");
        let copies = entries / have;
        for table in TABLES {
            let copies = if table == "users" { HOUSEHOLDS - 1 } else { copies };
            let (names, values) = copied(&whole, table, copies);
            let copy = format!(
                "WITH RECURSIVE copies (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copies WHERE k < {copies})\n\
                 INSERT INTO {table} ({names}) SELECT {values} FROM copies CROSS JOIN (SELECT * FROM {table})"
            );
            whole.execute(&copy, []).unwrap_or_else(|error| panic!("{table} can be copied: {error}\n{copy}"));
        }
        whole.commit().expect("the store can be written");
        self.household.set("PULSARR_FAST_LANE", "false");
        self.start();
    }

    /// Puts so many titles that nobody has decided about yet on the lists of everybody, as after the first reading of long lists.
    ///
    /// # Panics
    /// When the store is used by somebody who does not let go of it.
    pub fn put_undecided(&self, titles: i64) {
        let store = Connection::open(self.household.database()).expect("the store is there");
        let put = format!(
            "BEGIN IMMEDIATE;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {titles})
             INSERT INTO titles (id, plex_id, media_type, title, year, tmdb_id, tvdb_id, facts, metadata_at_ms)
             SELECT -i, printf('%024x', 1000000000000 + i), media_type, title || ' again ' || i, year, 500000000 + i, 500000000 + i, facts,
                 metadata_at_ms
             FROM n JOIN (SELECT row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS places, * FROM titles
                          WHERE id < {STRIDE} AND coalesce(tmdb_id, tvdb_id) > 0) ON place = 1 + i % places;
             INSERT INTO entries (user_id, title_id, appeared_at_ms, state, state_at_ms)
             SELECT u.id, t.id, unixepoch() * 1000, 'new', unixepoch() * 1000
             FROM titles t JOIN (SELECT row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS places, id FROM users
                                 WHERE relation <> 'former_friend') u ON u.place = 1 - t.id % u.places
             WHERE t.id < 0;
             COMMIT;"
        );
        store.execute_batch(&put).expect("the store can be written");
    }

    fn stop(&mut self) {
        self.service.running.terminate();
        wait_until("the service ends", || self.service.running.has_ended());
    }

    fn start(&mut self) {
        self.service = Service::of(self.household.start_service());
    }
}

/// The columns of a table, and what each is in the `k`-th of so many copies.
fn copied(store: &Connection, table: &str, copies: i64) -> (String, String) {
    let columns = "SELECT name, type FROM pragma_table_info(?1)";
    let mut columns = store.prepare(columns).expect("tables have columns");
    let columns = columns.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).expect("tables have columns");
    let columns: Vec<(String, String)> = columns.map(|column| column.expect("a column has a name")).collect();
    let value = |(name, kind): &(String, String)| match (table, name.as_str(), kind.as_str()) {
        (_, "user_id", _) => format!("user_id + k % {HOUSEHOLDS} * {STRIDE}"),
        ("users", "uuid", _) => format!("printf('%016x', id + k * {STRIDE})"),
        ("users", "username" | "display_name", _) => format!("{name} || '-' || k"),
        ("users", "relation", _) => "CASE relation WHEN 'owner' THEN 'friend' ELSE relation END".to_owned(),
        ("titles", "plex_id", _) => format!("printf('%024x', id + k * {STRIDE})"),
        ("titles", "title", _) => "title || ' ' || k".to_owned(),
        ("titles", "imdb_id", _) => format!("'tt' || (id + k * {STRIDE})"),
        ("runs", "id", _) | (_, "run_id", _) => format!("{name} || '-' || k"),
        (_, "id" | "entry_id" | "title_id" | "approval_id" | "follows" | "tmdb_id" | "tvdb_id" | "external_id", _) => {
            format!("{name} + k * {STRIDE}")
        }
        // The newest copies are those that are numbered highest, as with all that comes about.
        (_, name, "INTEGER") if name.ends_with("_ms") => {
            format!("{name} - ({copies} - k) * {DAYS} * 86400000 / {copies}")
        }
        _ => name.clone(),
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = columns.iter().map(value).collect();
    (names.join(", "), values.join(", "))
}
