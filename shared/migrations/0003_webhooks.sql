-- What Sonarr and Radarr tell by themselves, and what follows from it. Times are unix milliseconds, UTC.

-- Webhooks as they came. Stored first and acted on later, so that the arr gets its answer at once.
CREATE TABLE inbox (
    id             INTEGER PRIMARY KEY,      -- in the order in which they came
    instance       TEXT    NOT NULL,         -- whose address it came to
    received_at_ms INTEGER NOT NULL,
    event          TEXT    NOT NULL,         -- eventType as sent
    body           TEXT    NOT NULL,         -- JSON as received
    state          TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'ignored')),
    detail         TEXT,                     -- what came of it, as a sentence
    done_at_ms     INTEGER,
    CHECK ((state = 'pending') = (done_at_ms IS NULL))
) STRICT;
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';

-- What each arr has imported, whoever wanted it: a title nobody knows yet is matched when its placement comes.
CREATE TABLE imports (
    instance       TEXT    NOT NULL,
    external_id    INTEGER NOT NULL CHECK (external_id > 0),  -- TMDB's number in Radarr, TVDB's in Sonarr
    season         INTEGER NOT NULL,         -- a movie has season 0 and episode 0
    episode        INTEGER NOT NULL,
    imported_at_ms INTEGER NOT NULL,         -- the first time; after a removal, the first time since
    upgrades       INTEGER NOT NULL DEFAULT 0,     -- how often a better file was told of
    removed_at_ms  INTEGER,                  -- its file was deleted, and no other has come since
    PRIMARY KEY (instance, external_id, season, episode)
) STRICT, WITHOUT ROWID;

-- What is on its way: the episodes that a download is to bring.
CREATE TABLE grabs (
    instance       TEXT    NOT NULL,
    download_id    TEXT    NOT NULL,         -- the download client's; empty: it has none
    external_id    INTEGER NOT NULL CHECK (external_id > 0),
    season         INTEGER NOT NULL,
    episode        INTEGER NOT NULL,
    grabbed_at_ms  INTEGER NOT NULL,
    PRIMARY KEY (instance, download_id, external_id, season, episode)
) STRICT, WITHOUT ROWID;
CREATE INDEX grabs_by_title ON grabs (instance, external_id);

-- Seasons of which episodes are gathered into one message.
CREATE TABLE batches (
    instance       TEXT    NOT NULL,
    external_id    INTEGER NOT NULL CHECK (external_id > 0),
    season         INTEGER NOT NULL,
    opened_at_ms   INTEGER NOT NULL,
    due_at_ms      INTEGER NOT NULL,         -- when it is told of, complete or not
    episodes       TEXT    NOT NULL,         -- JSON: their numbers, ascending
    PRIMARY KEY (instance, external_id, season)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_due ON batches (due_at_ms);

-- Messages to deliver. Stored with the change they tell of; delivery follows, and may repeat.
CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY,
    kind           TEXT    NOT NULL,         -- available
    dedupe         TEXT    NOT NULL UNIQUE,  -- the same thing is told once
    made_at_ms     INTEGER NOT NULL,
    payload        TEXT    NOT NULL,         -- JSON: what there is to tell, and whom it concerns
    state          TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'failed'))
) STRICT;
CREATE INDEX outbox_pending ON outbox (id) WHERE state = 'pending';

ALTER TABLE placements ADD COLUMN grabbed_at_ms INTEGER;    -- when the arr told that it found a release
ALTER TABLE placements ADD COLUMN available_at_ms INTEGER;  -- when it told of the first import; a show's first episode counts
-- The number by which an arr names a title.
CREATE INDEX titles_by_external_id ON titles (media_type, (CASE media_type WHEN 'movie' THEN tmdb_id ELSE tvdb_id END));
