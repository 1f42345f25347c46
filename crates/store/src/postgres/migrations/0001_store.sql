-- What every process of an installation shares. Times are milliseconds since 1970, states and kinds the codes of the
-- model; texts are compared byte by byte. The tables are SQLite's with a few columns more: see its migrations for the
-- reasons that are the same.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- Where each of the latest commits ended: the log's end is the greatest. Whoever writes holds the advisory lock of this
-- table's number until the commit: one process at a time, so that places in the log come in the order of the commits,
-- without gaps, and no two writers wait for each other in a circle. No row is ever updated: as long as anybody looks at
-- what was before (a dump does for hours), all its dead versions would be gone through at each commit.
CREATE TABLE log (
    last BIGINT PRIMARY KEY
);
INSERT INTO log (last) VALUES (0);

CREATE TABLE contents (
    id    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash  BYTEA NOT NULL UNIQUE,
    bytes BYTEA NOT NULL
);

-- `holder` is the node that delivers from the lane until `expires_at`, by the database's clock; nobody when NULL. An
-- account's lane is one of its shards.
CREATE TABLE lanes (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        TEXT COLLATE "C" NOT NULL UNIQUE,
    account    BIGINT,
    shard      BIGINT NOT NULL DEFAULT 0,
    holder     TEXT,
    process    BIGINT,
    token      BIGINT NOT NULL DEFAULT 0,
    expires_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX lanes_by_account ON lanes (account, shard) WHERE account IS NOT NULL;
CREATE INDEX lanes_by_holder ON lanes (holder) WHERE holder IS NOT NULL;

CREATE TABLE campaigns (
    lane        BIGINT PRIMARY KEY REFERENCES lanes (id),
    job_id      TEXT COLLATE "C" NOT NULL UNIQUE,
    identity    TEXT COLLATE "C" NOT NULL,
    name        TEXT,
    content     BIGINT NOT NULL REFERENCES contents (id),
    settings    TEXT NOT NULL,
    started_at  BIGINT NOT NULL,
    listed_at   BIGINT,
    finished_at BIGINT
);
CREATE INDEX campaigns_by_identity ON campaigns (identity, lane);

-- `last_event_at` is when the message's latest event happened, and with it in which part of `events` it is.
CREATE TABLE messages (
    seq           BIGINT PRIMARY KEY,
    lane          BIGINT NOT NULL,
    content       BIGINT NOT NULL,
    due_at        BIGINT,
    last_event    BIGINT,
    last_event_at BIGINT,
    accepted_at   BIGINT NOT NULL,
    retry_of      BIGINT,
    submission    BIGINT,
    attempts      BIGINT NOT NULL,
    state         BIGINT NOT NULL,
    code          BIGINT,
    priority      BIGINT NOT NULL DEFAULT 2,
    held          BOOLEAN NOT NULL DEFAULT FALSE,
    folded        TEXT COLLATE "C",
    address       TEXT COLLATE "C" NOT NULL,
    data          TEXT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE UNIQUE INDEX ledger ON messages (lane, coalesce(folded, address))
    WHERE retry_of IS NULL AND submission IS NULL;
CREATE INDEX messages_by_lane ON messages (lane, seq);
CREATE INDEX due ON messages (lane, priority, due_at, seq) WHERE state = 0 AND NOT held;

CREATE TABLE troubled (
    lane       BIGINT NOT NULL,
    message    BIGINT NOT NULL,
    state      BIGINT NOT NULL,
    retried_as BIGINT,
    PRIMARY KEY (lane, message)
);
CREATE INDEX repeatable ON troubled (lane, message) WHERE state BETWEEN 3 AND 5 AND retried_as IS NULL;

-- In parts by month. What falls in none is in the last, which is empty while the parts are made in time.
CREATE TABLE events (
    seq         BIGINT NOT NULL,
    message     BIGINT NOT NULL,
    lane        BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    previous    BIGINT,
    previous_at BIGINT,
    attempts    BIGINT NOT NULL,
    kind        BIGINT NOT NULL,
    detail      TEXT,
    PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);
CREATE INDEX events_by_lane ON events (lane, seq);
CREATE TABLE events_other PARTITION OF events DEFAULT;

CREATE TABLE controls (
    seq    BIGINT PRIMARY KEY,
    lane   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    action BIGINT NOT NULL,
    by     TEXT NOT NULL
);

CREATE TABLE books (
    lane  BIGINT NOT NULL,
    state BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (lane, state)
) WITH (fillfactor = 50);

CREATE TABLE forgotten (
    lane  BIGINT NOT NULL,
    state BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (lane, state)
) WITH (fillfactor = 50);

CREATE TABLE cursors (
    reader TEXT COLLATE "C" PRIMARY KEY,
    place  TEXT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE jobs (
    id           TEXT COLLATE "C" PRIMARY KEY,
    request      TEXT NOT NULL,
    state        TEXT NOT NULL,
    next_run_at  BIGINT,
    cron         TEXT,
    interval_ms  BIGINT,
    attempts     BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    backoff_ms   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    last_run_at  BIGINT,
    last_error   TEXT
);

-- The directory. What may hold a secret is sealed.

CREATE TABLE tenants (
    id                     TEXT COLLATE "C" PRIMARY KEY,
    name                   TEXT,
    client_auth            TEXT,
    client_base_url        TEXT,
    client_sync_path       TEXT NOT NULL,
    client_attachment_path TEXT NOT NULL,
    webhook                TEXT,
    limit_per_hour         BIGINT,
    limit_per_day          BIGINT,
    large_files            TEXT,
    is_active              BOOLEAN NOT NULL,
    suspension             TEXT,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);

CREATE TABLE accounts (
    pk               BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant           TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id               TEXT COLLATE "C" NOT NULL,
    host             TEXT NOT NULL,
    port             BIGINT NOT NULL,
    "user"           TEXT,
    password         TEXT,
    use_tls          BOOLEAN,
    ttl_s            BIGINT NOT NULL,
    batch_size       BIGINT,
    limit_per_minute BIGINT,
    limit_per_hour   BIGINT,
    limit_per_day    BIGINT,
    limit_behavior   TEXT NOT NULL,
    is_pec           BOOLEAN NOT NULL,
    imap_host        TEXT,
    imap_port        BIGINT,
    imap_user        TEXT,
    imap_password    TEXT,
    imap_folder      TEXT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    UNIQUE (tenant, id)
);

CREATE TABLE storages (
    tenant     TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    protocol   TEXT NOT NULL,
    config     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE api_keys (
    id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant     TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    hash       BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant);

CREATE TABLE instance (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    name       TEXT,
    api_token  BYTEA,
    bounce     TEXT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE commands (
    id              BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    at              BIGINT NOT NULL,
    tenant          TEXT COLLATE "C",
    response_status BIGINT NOT NULL,
    endpoint        TEXT NOT NULL,
    payload         TEXT NOT NULL,
    response        TEXT
);
CREATE INDEX commands_by_tenant ON commands (tenant, id);

-- What clients hand over.

CREATE TABLE submissions (
    id             BIGINT PRIMARY KEY,
    account        BIGINT NOT NULL,
    deferred_until BIGINT,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    finished_at    BIGINT,
    messages       BIGINT NOT NULL,
    open           BIGINT NOT NULL,
    failed         BIGINT NOT NULL,
    reports        BIGINT NOT NULL,
    priority       BIGINT NOT NULL,
    held           BOOLEAN NOT NULL,
    tenant         TEXT COLLATE "C" NOT NULL,
    client_id      TEXT COLLATE "C" NOT NULL,
    batch          TEXT COLLATE "C"
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE UNIQUE INDEX submissions_by_client_id ON submissions (tenant, client_id);
CREATE INDEX open_submissions ON submissions (account, held, id) WHERE open > 0;
CREATE INDEX going_batches ON submissions (tenant, batch) WHERE open > 0 AND NOT held AND batch IS NOT NULL;
CREATE INDEX held_submissions ON submissions (tenant, batch) WHERE open > 0 AND held;
CREATE INDEX forgettable ON submissions (account, finished_at) WHERE open = 0 AND reports = 0;

-- `is_sealed`: `payload` is sealed, and `digest` is keyed.
CREATE TABLE payloads (
    submission BIGINT PRIMARY KEY,
    digest     BYTEA NOT NULL,
    is_sealed  BOOLEAN NOT NULL,
    payload    TEXT NOT NULL
);
-- It costs a third of what the other compression does. A server that was built without it compresses none.
DO $$ BEGIN
    ALTER TABLE payloads ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    ALTER TABLE payloads ALTER COLUMN payload SET STORAGE EXTERNAL;
END $$;

CREATE TABLE account_counts (
    account      BIGINT PRIMARY KEY,
    accepted     BIGINT NOT NULL DEFAULT 0,
    sent         BIGINT NOT NULL DEFAULT 0,
    errors       BIGINT NOT NULL DEFAULT 0,
    cancelled    BIGINT NOT NULL DEFAULT 0,
    deferred     BIGINT NOT NULL DEFAULT 0,
    rate_limited BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- What an account delivered in each second, from all of its lanes.
CREATE TABLE sends (
    account BIGINT NOT NULL,
    second  BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (account, second)
) WITH (fillfactor = 50);

CREATE TABLE reports (
    tenant     TEXT COLLATE "C" NOT NULL,
    channel    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    submission BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (tenant, channel, seq)
);
CREATE TABLE report_counts (
    tenant  TEXT COLLATE "C" NOT NULL,
    channel BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (tenant, channel)
) WITH (fillfactor = 50);

CREATE TABLE news (
    message       BIGINT PRIMARY KEY,
    last_event    BIGINT NOT NULL,
    last_event_at BIGINT NOT NULL,
    count         BIGINT NOT NULL
);

CREATE TABLE unanswered (
    message BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    since   BIGINT NOT NULL
);
CREATE INDEX unanswered_by_account ON unanswered (account, since, message);

-- The processes of the installation, and what each is doing, as it last said.
CREATE TABLE nodes (
    id         TEXT COLLATE "C" PRIMARY KEY,
    host       TEXT NOT NULL,
    process    BIGINT NOT NULL,
    roles      TEXT NOT NULL,
    version    TEXT NOT NULL,
    address    TEXT,
    doing      TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    TIMESTAMPTZ NOT NULL
) WITH (fillfactor = 50);

-- What processes ask of each other is numbered.
CREATE SEQUENCE orders;
