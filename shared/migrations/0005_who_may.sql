-- Who may use the service, and what they did with it. Times are unix milliseconds, UTC. No secret is stored so that it can be read:
-- passwords as Argon2id, everything random as SHA-256.

-- Who signs in with a password.
CREATE TABLE admins (
    id             INTEGER PRIMARY KEY,
    username       TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    password_hash  TEXT    NOT NULL,         -- a PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$hash
    created_at_ms  INTEGER NOT NULL,
    password_set_at_ms INTEGER NOT NULL
) STRICT;

-- Browsers that are signed in.
CREATE TABLE web_sessions (
    token_hash     BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),  -- of the 32 random bytes in the cookie
    admin_id       INTEGER NOT NULL REFERENCES admins (id),
    created_at_ms  INTEGER NOT NULL,
    seen_at_ms     INTEGER NOT NULL,         -- the last request, to the minute
    address        TEXT                      -- where it was signed in from
) STRICT;

-- Programs that may ask.
CREATE TABLE api_keys (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: the audit log names keys by it
    name           TEXT    NOT NULL UNIQUE,
    prefix         TEXT    NOT NULL,         -- how the key begins, for people to tell keys apart
    key_hash       BLOB    NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    scope          TEXT    NOT NULL CHECK (scope IN ('read', 'write')),
    created_at_ms  INTEGER NOT NULL,
    created_by     TEXT    NOT NULL,
    used_at_ms     INTEGER                   -- the last request, to the minute
) STRICT;

-- Every change that somebody asked the service for, and every attempt to sign in.
CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms          INTEGER NOT NULL,
    who            TEXT    NOT NULL,
    address        TEXT,                     -- the client's, as far as it can be believed
    action         TEXT    NOT NULL,         -- session.started, session.refused, api_key.made, …
    target         TEXT    NOT NULL,         -- what was acted on; empty where the action says it all
    detail         TEXT    NOT NULL          -- JSON without secrets
) STRICT;
CREATE INDEX audit_refused ON audit (id) WHERE action = 'session.refused';
