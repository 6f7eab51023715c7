-- Times are microseconds since the Unix epoch, UTC. Secrets are kept as their SHA-256 only.
CREATE TABLE organisations (
    organisation_id TEXT    NOT NULL PRIMARY KEY,
    name            TEXT    NOT NULL,
    created_at      INTEGER NOT NULL
);

CREATE TABLE stores (
    store_id        TEXT    NOT NULL PRIMARY KEY,
    organisation_id TEXT    NOT NULL REFERENCES organisations (organisation_id),
    name            TEXT    NOT NULL,
    currency        TEXT    NOT NULL,
    timezone        TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    -- When the first events were let in; from then on currency and timezone are fixed.
    sealed_at       INTEGER
);

CREATE TABLE keys (
    key_id     TEXT    NOT NULL PRIMARY KEY,
    store_id   TEXT    NOT NULL REFERENCES stores (store_id),
    kind       TEXT    NOT NULL CHECK (kind IN ('write', 'read')),
    digest     BLOB    NOT NULL UNIQUE,
    last_four  TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
);

CREATE INDEX keys_by_store ON keys (store_id);

CREATE TABLE sessions (
    digest     BLOB    NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

CREATE TABLE imports (
    store_id    TEXT    NOT NULL REFERENCES stores (store_id),
    fingerprint TEXT    NOT NULL,
    format      TEXT    NOT NULL,
    file_name   TEXT    NOT NULL,
    lines       INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    rejected    INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    PRIMARY KEY (store_id, fingerprint)
);
