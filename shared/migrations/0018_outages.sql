-- When an instance was not well, and why. Times are unix milliseconds, UTC.

-- One row per time that an instance was not well for one reason. Told to people only; nothing is decided by it.
CREATE TABLE outages (
    id                INTEGER PRIMARY KEY,
    instance          TEXT    NOT NULL,            -- its name in the settings
    reason            TEXT    NOT NULL,            -- unreachable, refused, unfit: the instance itself; webhook: its way back to us
    detail            TEXT    NOT NULL,            -- what it answered last, and what to do
    began_at_ms       INTEGER NOT NULL,            -- when it was found like that first
    seen_at_ms        INTEGER NOT NULL,            -- and last
    ended_at_ms       INTEGER,                     -- when it was found otherwise; NULL: it goes on
    runs              INTEGER NOT NULL DEFAULT 0 CHECK (runs >= 0),               -- runs that met it
    looks             INTEGER NOT NULL DEFAULT 0 CHECK (looks >= 0),              -- looks of the service that met it
    refused_webhooks  INTEGER NOT NULL DEFAULT 0 CHECK (refused_webhooks >= 0)    -- webhooks that we refused meanwhile
) STRICT;
-- One at a time for the instance itself, and one for its webhook.
CREATE UNIQUE INDEX outages_going_on ON outages (instance, reason = 'webhook') WHERE ended_at_ms IS NULL;
CREATE INDEX outages_by_instance ON outages (instance, began_at_ms);
