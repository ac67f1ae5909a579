-- What rules look at, approvals, and quotas. Times are unix milliseconds, UTC.

-- What each source told stands by itself, so that every fact has a source. `facts` is what Plex's catalogue told.
ALTER TABLE titles ADD COLUMN arr_facts TEXT;            -- JSON: what an arr's lookup told; NULL: not asked yet
ALTER TABLE titles ADD COLUMN tmdb_facts TEXT;           -- JSON: what TMDB told; NULL: not asked yet
ALTER TABLE titles ADD COLUMN in_plex INTEGER CHECK (in_plex IN (0, 1));  -- whether the household's Plex server has it
ALTER TABLE titles ADD COLUMN in_plex_at_ms INTEGER;     -- when the server told
ALTER TABLE titles ADD COLUMN fact_looks INTEGER NOT NULL DEFAULT 0;  -- questions that failed while others were answered, in a row
-- What Plex told earlier lacks most of what rules ask for: it is asked again where an undecided title needs it.
UPDATE titles SET metadata_at_ms = NULL;

-- Requests that somebody has to say yes to. One per entry, for ever.
CREATE TABLE approvals (
    id             INTEGER PRIMARY KEY,
    entry_id       INTEGER NOT NULL UNIQUE REFERENCES entries (id),
    state          TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'expired', 'auto_approved')),
    trigger        TEXT    NOT NULL CHECK (trigger IN ('rule', 'user', 'quota')),
    reason         TEXT    NOT NULL,         -- why somebody is asked, as a sentence
    proposed       TEXT    NOT NULL,         -- JSON: where it would go
    edited         TEXT,                     -- JSON: where a person wants it to go instead
    follows        INTEGER REFERENCES approvals (id),  -- another user's pending approval of the same title
    asked_at_ms    INTEGER NOT NULL,
    decided_at_ms  INTEGER,
    decided_by     TEXT,                     -- a person's name, a rule, or pulsarr
    note           TEXT,
    CHECK ((state = 'pending') = (decided_at_ms IS NULL))
) STRICT;
CREATE INDEX approvals_pending ON approvals (asked_at_ms, id) WHERE state = 'pending';
CREATE INDEX approvals_followers ON approvals (follows) WHERE follows IS NOT NULL;

-- Everything that ever happened to an approval.
CREATE TABLE approval_events (
    id             INTEGER PRIMARY KEY,
    approval_id    INTEGER NOT NULL REFERENCES approvals (id),
    at_ms          INTEGER NOT NULL,
    what           TEXT    NOT NULL,         -- asked, proposed_anew, wanted_too, stands_alone, approved, rejected, expired, auto_approved
    who            TEXT    NOT NULL,
    detail         TEXT
) STRICT;
CREATE INDEX approval_events_by_approval ON approval_events (approval_id, id);

-- The place an entry takes in its user's quotas. Stored for every routed entry, whether there is a quota or not.
CREATE TABLE quota_uses (
    entry_id       INTEGER PRIMARY KEY REFERENCES entries (id),
    user_id        INTEGER NOT NULL REFERENCES users (id),
    media_type     TEXT    NOT NULL CHECK (media_type IN ('movie', 'show')),
    used_at_ms     INTEGER NOT NULL,
    granted        TEXT    NOT NULL CHECK (granted IN ('room', 'approval', 'bypass')),
    released_at_ms INTEGER                   -- given back: it was there already, or no arr took it
) STRICT;
CREATE INDEX quota_uses_taken ON quota_uses (user_id, media_type, used_at_ms) WHERE released_at_ms IS NULL;
-- What was added, or is on its way, since before there were quotas counts as well.
INSERT INTO quota_uses (entry_id, user_id, media_type, used_at_ms, granted)
SELECT e.id, e.user_id, t.media_type, min(p.queued_at_ms), 'room'
FROM placements p JOIN entries e ON e.id = p.entry_id JOIN titles t ON t.id = e.title_id
WHERE p.state = 'added' OR (p.state = 'queued' AND e.closed_at_ms IS NULL) GROUP BY e.id;
