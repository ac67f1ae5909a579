-- The passwords of webhooks are kept sealed (`sealed:` and base64) with the key beside the store. What a password may look like is a
-- condition of the table, so that the table is made anew, and the old one is overwritten: its pages, also what they had given free, hold
-- passwords in clear. A program that does not know this migration takes a sealed text for the password itself and tells it to the instance.
PRAGMA secure_delete = ON;
CREATE TABLE connections_sealed (
    instance       TEXT    PRIMARY KEY,      -- its name in the settings
    -- The password the instance shows us, sealed; 32 hex characters: in clear, from before, until the service seals it.
    secret         TEXT    NOT NULL CHECK (secret GLOB 'sealed:*' OR length(secret) = 32),
    url            TEXT,                     -- the address last given to the instance
    arr_id         INTEGER,                  -- the instance's number for the connection
    status         TEXT    NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('ok', 'not_working', 'wrong_address', 'wrong_secret', 'missing', 'unknown')),
    detail         TEXT,                     -- a sentence that ends with what to do
    checked_at_ms  INTEGER                   -- when that was found; NULL: never
) STRICT;
INSERT INTO connections_sealed (instance, secret, url, arr_id, status, detail, checked_at_ms)
    SELECT instance, secret, url, arr_id, status, detail, checked_at_ms FROM connections;
DROP TABLE connections;
ALTER TABLE connections_sealed RENAME TO connections;
PRAGMA secure_delete = OFF;
