-- A webhook that cannot be acted on is tried again ever more rarely, and given up in the end. What a state may be is a condition of the
-- table, so that the table is made anew; what a program that does not know this migration reads and writes stays as it is.
CREATE TABLE inbox_with_retries (
    id             INTEGER PRIMARY KEY,      -- in the order in which they came
    instance       TEXT    NOT NULL,         -- whose address it came to
    received_at_ms INTEGER NOT NULL,
    event          TEXT    NOT NULL,         -- eventType as sent
    body           TEXT    NOT NULL,         -- JSON as received
    state          TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'ignored', 'given_up')),
    detail         TEXT,                     -- what came of it, or why nothing has yet, as a sentence
    done_at_ms     INTEGER,
    attempts       INTEGER NOT NULL DEFAULT 0,  -- how often it could not be acted on
    retry_at_ms    INTEGER,                  -- when it is tried again; none: at once
    CHECK ((state = 'pending') = (done_at_ms IS NULL))
) STRICT;
INSERT INTO inbox_with_retries (id, instance, received_at_ms, event, body, state, detail, done_at_ms)
    SELECT id, instance, received_at_ms, event, body, state, detail, done_at_ms FROM inbox;
DROP TABLE inbox;
ALTER TABLE inbox_with_retries RENAME TO inbox;
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';
-- Those that were given up are kept longer than others.
CREATE INDEX inbox_given_up ON inbox (id) WHERE state = 'given_up';
