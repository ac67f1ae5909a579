-- What is counted for ever, although the rows it is counted from are pruned.

-- Runs that have ended.
CREATE TABLE run_totals (
    result         TEXT    NOT NULL,         -- as in runs
    trigger        TEXT    NOT NULL,
    count          INTEGER NOT NULL,
    PRIMARY KEY (result, trigger)
) STRICT, WITHOUT ROWID;
INSERT INTO run_totals (result, trigger, count)
SELECT result, trigger, count(*) FROM runs WHERE result <> 'running' GROUP BY result, trigger;

-- Requests that runs have sent.
CREATE TABLE request_totals (
    service        TEXT    NOT NULL,         -- plex, tmdb, plex server, or an instance's name
    outcome        TEXT    NOT NULL,         -- answered, not_modified, throttled
    count          INTEGER NOT NULL,
    PRIMARY KEY (service, outcome)
) STRICT, WITHOUT ROWID;
