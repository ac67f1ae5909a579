//! Approvals as people look at them.

use rusqlite::{Row, params};

use super::{Db, StoreError, approval_from};
use crate::clock::UnixMs;
use crate::model::{Approval, ApprovalId, ApprovalState, Title};
use crate::store::titles::{title_columns, title_from};

/// An approval, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRow {
    /// The approval.
    pub approval: Approval,
    /// What is wanted.
    pub title: Title,
    /// The user name of who wants it.
    pub user: String,
    /// The user names of others whose requests for the same title follow this one.
    pub wanted_too: Vec<String>,
}

/// Something that happened to an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalEvent {
    /// When.
    pub at_ms: UnixMs,
    /// `asked`, `proposed_anew`, `wanted_too`, `stands_alone`, `approved`, `rejected`, `expired`, `auto_approved`.
    pub what: String,
    /// A person's name, a user's, a rule, or `pulsarr`.
    pub who: String,
    /// In plain words, when there is more to say.
    pub detail: Option<String>,
}

crate::model::words! {
    /// In which order requests are told, by when they were asked for.
    AskedOrder {
        /// As they wait.
        OldestFirst = "oldest",
        /// As people look back.
        NewestFirst = "newest",
    }
}

impl Db<'_> {
    /// The approvals in this state, or all of them: oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approvals(self, state: Option<ApprovalState>) -> Result<Vec<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.all\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a JOIN entries e ON e.id = a.entry_id JOIN titles t ON t.id = e.title_id\n\
                 JOIN users u ON u.id = e.user_id\n\
             WHERE ?1 IS NULL OR a.state = ?1 ORDER BY a.asked_at_ms, a.id",
        ))?;
        let mut rows = query.query([state.map(ApprovalState::word)])?;
        let mut approvals = Vec::new();
        while let Some(row) = rows.next()? {
            approvals.push(self.approval_row_from(row)?);
        }
        Ok(approvals)
    }

    /// A page of [`Db::approvals`] in this order: at most `limit`, and only those that come after the approval `after`. It costs as much
    /// as it shows.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval_page(
        self,
        state: Option<ApprovalState>,
        order: AskedOrder,
        after: Option<ApprovalId>,
        limit: u32,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(&page_query(state.is_some(), order, after.is_some()))?;
        let mut rows = query.query(params![state.map(ApprovalState::word), after.map(|after| after.0), limit])?;
        let mut approvals = Vec::new();
        while let Some(row) = rows.next()? {
            approvals.push(self.approval_row_from(row)?);
        }
        Ok(approvals)
    }

    /// One approval.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval(self, id: ApprovalId) -> Result<Option<ApprovalRow>, StoreError> {
        let mut query = self.connection.prepare_cached(concat!(
            "-- approvals.one\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a JOIN entries e ON e.id = a.entry_id JOIN titles t ON t.id = e.title_id\n\
                 JOIN users u ON u.id = e.user_id\n\
             WHERE a.id = ?1",
        ))?;
        let mut rows = query.query([id.0])?;
        rows.next()?.map(|row| self.approval_row_from(row)).transpose()
    }

    /// How many requests wait for somebody to decide.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn pending_approvals(self) -> Result<u32, StoreError> {
        let mut query = self
            .connection
            .prepare_cached("-- approvals.pending_count\nSELECT count(*) FROM approvals WHERE state = 'pending'")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }

    /// Everything that happened to an approval, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn approval_events(self, id: ApprovalId) -> Result<Vec<ApprovalEvent>, StoreError> {
        let mut query = self.connection.prepare_cached(
            "-- approval_events.of_approval\n\
             SELECT at_ms, what, who, detail FROM approval_events WHERE approval_id = ?1 ORDER BY id",
        )?;
        let rows = query.query_map([id.0], |row| {
            Ok(ApprovalEvent { at_ms: row.get(0)?, what: row.get(1)?, who: row.get(2)?, detail: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn approval_row_from(self, row: &Row<'_>) -> Result<ApprovalRow, StoreError> {
        let approval = approval_from(row)?;
        let mut query = self.connection.prepare_cached(
            "-- approvals.wanted_too\n\
             SELECT u.username FROM approvals a JOIN entries e ON e.id = a.entry_id JOIN users u ON u.id = e.user_id\n\
             WHERE a.follows = ?1 ORDER BY a.id",
        )?;
        let users = query.query_map([approval.id.0], |row| row.get(0))?;
        let wanted_too = users.collect::<Result<_, _>>()?;
        Ok(ApprovalRow { approval, user: row.get(12)?, title: title_from(row, 13)?, wanted_too })
    }
}

/// The query of a page: each is written out, because an index is only used for what a query is sure to ask for.
fn page_query(has_state: bool, order: AskedOrder, has_after: bool) -> String {
    let state = if has_state { "a.state = ?1" } else { "?1 IS NULL" };
    let (beyond, direction) = match order {
        AskedOrder::OldestFirst => (">", "ASC"),
        AskedOrder::NewestFirst => ("<", "DESC"),
    };
    let after = if has_after {
        format!("(a.asked_at_ms, a.id) {beyond} (SELECT b.asked_at_ms, b.id FROM approvals b WHERE b.id = ?2)")
    } else {
        "?2 IS NULL".to_owned()
    };
    format!(
        concat!(
            "-- approvals.page\nSELECT ",
            approval_columns!(),
            ", u.username,\n",
            title_columns!(),
            "\nFROM approvals a CROSS JOIN entries e ON e.id = a.entry_id CROSS JOIN titles t ON t.id = e.title_id\n\
                 CROSS JOIN users u ON u.id = e.user_id\n\
             WHERE {} AND {} ORDER BY a.asked_at_ms {}, a.id {} LIMIT ?3",
        ),
        state, after, direction, direction
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;
    use crate::store::Store;

    /// What makes a page cheap: no step of any plan sorts or walks through more than the page.
    #[test]
    fn no_page_of_requests_sorts_or_walks_the_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false).unwrap();
        let either = [true, false];
        let orders = AskedOrder::ALL.iter().flat_map(|order| either.map(|has_state| (order, has_state)));
        for (order, has_state, has_after) in
            orders.flat_map(|(order, has_state)| either.map(|has_after| (*order, has_state, has_after)))
        {
            let values = [Value::from("approved".to_owned()), Value::from(9), Value::from(30)];
            let steps = store.query_plan(&page_query(has_state, order, has_after), values.each_ref());
            assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
            let index = if has_state { "approvals_by_state" } else { "approvals_by_time" };
            let first = if has_state || has_after { "SEARCH" } else { "SCAN" };
            assert!(steps[0].starts_with(first) && steps[0].contains(index), "{steps:?}");
        }
    }
}
