-- Requests, page by page: those in one state or all of them, in the order in which they were asked.
CREATE INDEX approvals_by_state ON approvals (state, asked_at_ms, id);
CREATE INDEX approvals_by_time ON approvals (asked_at_ms, id);
