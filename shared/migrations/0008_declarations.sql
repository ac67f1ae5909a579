-- What people set up through the service, in the words of the settings file. Times are unix milliseconds, UTC.

CREATE TABLE declarations (
    section        TEXT    NOT NULL,         -- `rules`, `plex`, `users.defaults`
    name           TEXT    NOT NULL,         -- in lower case where the file does not mind the case; empty for what there is one of
    position       INTEGER NOT NULL,         -- order within a list
    body           TEXT    NOT NULL CHECK (json_valid(body)),  -- as the file says it; secrets are sealed
    version        INTEGER NOT NULL,         -- no two states of the table share one
    updated_at_ms  INTEGER NOT NULL,
    PRIMARY KEY (section, name)
) STRICT, WITHOUT ROWID;
