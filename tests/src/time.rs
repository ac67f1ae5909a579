//! Time that passes. The programs keep the machine's time; what moves here is what is on record.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::household::Household;

/// The time it is, as the arrs write it: `2026-11-01T10:00:00Z`.
///
/// # Panics
/// When SQLite does not know.
#[must_use]
pub fn rfc3339_now() -> String {
    let now = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";
    let memory = Connection::open_in_memory().expect("there is room for nothing");
    memory.query_row(now, [], |row| row.get(0)).expect("there is a clock")
}

impl Household {
    /// Makes everything on record older by so many minutes, as if they had passed since. A negative number makes it younger: as if
    /// the clock had been ahead when it was recorded, and was put back since.
    ///
    /// # Panics
    /// When the store is not there, or is used by somebody who does not let go of it.
    pub fn let_pass(&self, minutes: i64) {
        let mut store = Connection::open(self.database()).expect("the store is there");
        // Whoever writes at the moment is waited for, on a busy machine too.
        store.busy_timeout(Duration::from_secs(30)).expect("a connection has options");
        let whole = store.transaction_with_behavior(TransactionBehavior::Immediate).expect("the store can be written");
        let columns: Vec<(String, String)> = {
            let query = "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c\n\
                         WHERE t.type = 'table' AND c.name LIKE '%\\_ms' ESCAPE '\\'";
            let mut query = whole.prepare(query).expect("tables have columns");
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("tables have columns");
            rows.map(|row| row.expect("a column has a name")).collect()
        };
        assert!(columns.len() > 10, "times are in columns that end in _ms: {columns:?}");
        let ms = minutes * 60_000;
        for (table, column) in columns {
            let update = format!("UPDATE {table} SET {column} = {column} - ?1");
            whole.execute(&update, [ms]).expect("times are numbers");
        }
        let account = "UPDATE settings SET value = json_set(value, '$.confirmed_at_ms', json_extract(value, '$.confirmed_at_ms') - ?1)\n\
                       WHERE key = 'plex.account'";
        whole.execute(account, [ms]).expect("the account is JSON");
        whole.commit().expect("the store can be written");
    }
}
