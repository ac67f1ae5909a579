-- The tables of the sync job. Times are unix milliseconds, UTC. A shipped migration is never edited: add the next number.

-- People with a watchlist. Nobody is ever deleted: a friend who leaves becomes a former friend, with everything decided.
CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    uuid           TEXT    NOT NULL UNIQUE,  -- Plex's key, 16 hex characters; names change, this does not
    username       TEXT    NOT NULL,
    display_name   TEXT    NOT NULL,
    relation       TEXT    NOT NULL CHECK (relation IN ('owner', 'friend', 'former_friend')),
    first_seen_at_ms INTEGER NOT NULL,
    synced         INTEGER NOT NULL DEFAULT 1 CHECK (synced IN (0, 1)),  -- 0: nothing of this user's is read, decided or added
    read_at_ms     INTEGER,                  -- the last look at the list, whatever came of it
    read_outcome   TEXT,                     -- complete, newest, not_modified, not_shared, unknown
    read_detail    TEXT,                     -- in plain words, when there is something to say
    complete_at_ms INTEGER,                  -- the last look that saw every page
    list_mark      TEXT,                     -- own list: the ETag of its first page; a friend's: the fingerprint of its head
    resume         TEXT,                     -- where the next look goes on, when the last one ran out of time; opaque
    too_long       INTEGER NOT NULL DEFAULT 0 CHECK (too_long IN (0, 1)),  -- 1: the last whole look did not fit into one run
    confirm_at_ms  INTEGER                   -- when a complete look may confirm that missing entries are gone
) STRICT;

-- One row per title of Plex's catalogue.
CREATE TABLE titles (
    id             INTEGER PRIMARY KEY,
    plex_id        TEXT    NOT NULL UNIQUE,  -- ratingKey, 24 hex characters
    media_type     TEXT    NOT NULL CHECK (media_type IN ('movie', 'show')),
    title          TEXT    NOT NULL,
    year           INTEGER,
    imdb_id        TEXT,
    tmdb_id        INTEGER CHECK (tmdb_id > 0),
    tvdb_id        INTEGER CHECK (tvdb_id > 0),
    facts          TEXT    NOT NULL DEFAULT '{}',  -- JSON: what rules look at
    metadata_at_ms INTEGER,                  -- when Plex last told the title's metadata
    asked_at_ms    INTEGER,                  -- when it was last asked, whatever came of it: the longest ago is next
    looks          INTEGER NOT NULL DEFAULT 0,     -- looks that did not bring what deciding needs
    look_again_at_ms INTEGER                 -- when the next such look is due
) STRICT;

-- One title on one list, from the time it appeared until it is gone.
CREATE TABLE entries (
    id             INTEGER PRIMARY KEY,
    user_id        INTEGER NOT NULL REFERENCES users (id),
    title_id       INTEGER NOT NULL REFERENCES titles (id),
    appeared_at_ms INTEGER NOT NULL,         -- when we first saw it; Plex does not tell when it was added
    state          TEXT    NOT NULL CHECK (state IN ('new', 'unresolvable', 'held', 'rejected', 'excluded', 'requested',
                                                     'grabbed', 'available', 'failed', 'closed')),
    state_at_ms    INTEGER NOT NULL,
    reason         TEXT,                     -- why it is in this state, as a sentence
    missing_since_ms INTEGER,                -- the first complete look that did not see it; NULL: it is there
    gone_after_ms  INTEGER,                  -- from when on another complete look confirms that it is gone
    closed_at_ms   INTEGER,                  -- NULL: open
    CHECK ((missing_since_ms IS NULL) = (gone_after_ms IS NULL)),
    CHECK ((state = 'closed') = (closed_at_ms IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX entries_open ON entries (user_id, title_id) WHERE closed_at_ms IS NULL;
CREATE INDEX entries_by_title ON entries (title_id);
CREATE INDEX entries_undecided ON entries (state) WHERE state IN ('new', 'held', 'unresolvable');

-- Every decision that was ever made, with its reasons.
CREATE TABLE decisions (
    id             INTEGER PRIMARY KEY,
    entry_id       INTEGER NOT NULL REFERENCES entries (id),
    run_id         TEXT    NOT NULL,
    decided_at_ms  INTEGER NOT NULL,
    outcome        TEXT    NOT NULL CHECK (outcome IN ('route', 'hold', 'exclude', 'unresolvable')),
    decision       TEXT    NOT NULL          -- JSON: outcome and trace
) STRICT;
CREATE INDEX decisions_by_entry ON decisions (entry_id, id);
CREATE INDEX decisions_by_run ON decisions (run_id);

-- One entry's way into one instance; the queued ones are the durable queue.
CREATE TABLE placements (
    id             INTEGER PRIMARY KEY,
    entry_id       INTEGER NOT NULL REFERENCES entries (id),
    title_id       INTEGER NOT NULL REFERENCES titles (id),
    instance       TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('queued', 'added', 'present', 'excluded', 'failed', 'removed')),
    options        TEXT    NOT NULL,         -- JSON: how it is to be added
    queued_at_ms   INTEGER NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,     -- how often the arr was asked to add it
    refusals       INTEGER NOT NULL DEFAULT 0,     -- how often it said no; the pauses grow with these alone
    asked_at_ms    INTEGER,                  -- when the instance was last asked about it: the longest ago is next
    attempt_at_ms  INTEGER,                  -- set before the arr is asked to add it, cleared by its answer
    payload        TEXT,                     -- JSON: the body last sent
    answer         TEXT,                     -- what the arr said, in its own words
    retry_at_ms    INTEGER,                  -- failed: when to try again; NULL: never again by itself
    done_at_ms     INTEGER,                  -- when it reached added, present, excluded or removed
    arr_id         INTEGER,                  -- the arr's own number for it
    UNIQUE (entry_id, instance)
) STRICT;
CREATE INDEX placements_open ON placements (instance, id) WHERE state IN ('queued', 'failed');
CREATE INDEX placements_by_title ON placements (title_id, instance);

-- Every run, whichever process it ran in.
CREATE TABLE runs (
    id             TEXT    PRIMARY KEY,
    trigger        TEXT    NOT NULL,
    holder         TEXT    NOT NULL,         -- host and process, for people
    started_at_ms  INTEGER NOT NULL,
    ended_at_ms    INTEGER,
    result         TEXT    NOT NULL,         -- running, ok, partial, failed, not_set_up, interrupted, crashed
    report         TEXT                      -- JSON: the report, when there was time to make one
) STRICT;

-- How far a run has come: one row per stage, so that any process can show it.
CREATE TABLE run_progress (
    run_id         TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    stage          TEXT    NOT NULL,         -- observe, resolve, decide, act
    done           INTEGER NOT NULL,
    total          INTEGER NOT NULL,
    at_ms          INTEGER NOT NULL,
    PRIMARY KEY (run_id, stage)
) STRICT, WITHOUT ROWID;

-- Small facts about this installation.
CREATE TABLE settings (
    key            TEXT    PRIMARY KEY,
    value          TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
