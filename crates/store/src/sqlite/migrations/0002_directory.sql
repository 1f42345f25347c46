-- The directory: tenants, accounts, storages, API keys, the instance's settings, the log of commands.
--
-- What may hold a secret is sealed: the text `ENC:` and base64, bound to its table, row and column. Only hashes of keys
-- are kept.

-- `suspension` is NULL for nothing, `*` for everything, or a JSON list of batch codes.
CREATE TABLE tenants (
    id                     TEXT NOT NULL PRIMARY KEY,
    name                   TEXT,
    client_auth            TEXT,
    client_base_url        TEXT,
    client_sync_path       TEXT NOT NULL,
    client_attachment_path TEXT NOT NULL,
    limit_per_hour         INTEGER,
    limit_per_day          INTEGER,
    large_files            TEXT,
    is_active              INTEGER NOT NULL,
    suspension             TEXT,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL
);

-- AUTOINCREMENT: the number of a deleted account is never given again.
CREATE TABLE accounts (
    pk               INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant           TEXT NOT NULL REFERENCES tenants(id),
    id               TEXT NOT NULL,
    host             TEXT NOT NULL,
    port             INTEGER NOT NULL,
    user             TEXT,
    password         TEXT,
    use_tls          INTEGER,
    ttl_s            INTEGER NOT NULL,
    batch_size       INTEGER,
    limit_per_minute INTEGER,
    limit_per_hour   INTEGER,
    limit_per_day    INTEGER,
    limit_behavior   TEXT NOT NULL,
    is_pec           INTEGER NOT NULL,
    imap_host        TEXT,
    imap_port        INTEGER,
    imap_user        TEXT,
    imap_password    TEXT,
    imap_folder      TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    UNIQUE (tenant, id)
);

CREATE TABLE storages (
    tenant     TEXT NOT NULL REFERENCES tenants(id),
    name       TEXT NOT NULL,
    protocol   TEXT NOT NULL,
    config     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- `hash` is the key's SHA-256.
CREATE TABLE api_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT NOT NULL REFERENCES tenants(id),
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE INDEX api_keys_by_tenant ON api_keys(tenant);

-- One row, once something was set.
CREATE TABLE instance (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    name       TEXT,
    api_token  BLOB,
    bounce     TEXT,
    updated_at INTEGER NOT NULL
);

-- It outlives the tenants it is about. What is looked through stands before what is long, which a row keeps on pages
-- of its own.
CREATE TABLE commands (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    at              INTEGER NOT NULL,
    tenant          TEXT,
    response_status INTEGER NOT NULL,
    endpoint        TEXT NOT NULL,
    payload         TEXT NOT NULL,
    response        TEXT
);
CREATE INDEX commands_by_tenant ON commands(tenant);
