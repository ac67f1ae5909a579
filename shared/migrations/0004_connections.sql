-- The webhook connection that pulsarr keeps in each Sonarr and Radarr. Times are unix milliseconds, UTC.

-- One row per instance of the settings that was ever to have a connection.
CREATE TABLE connections (
    instance       TEXT    PRIMARY KEY,      -- its name in the settings
    secret         TEXT    NOT NULL CHECK (length(secret) = 32),  -- the password the instance shows us: 32 hex characters, made here
    url            TEXT,                     -- the address last given to the instance
    arr_id         INTEGER,                  -- the instance's number for the connection
    status         TEXT    NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('ok', 'not_working', 'wrong_address', 'wrong_secret', 'missing', 'unknown')),
    detail         TEXT,                     -- a sentence that ends with what to do
    checked_at_ms  INTEGER                   -- when that was found; NULL: never
) STRICT;
