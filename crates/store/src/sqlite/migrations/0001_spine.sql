-- The spine: content, campaigns, lanes, messages, trouble, events, controls, books, cursors, jobs.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value
) WITHOUT ROWID;

-- What many messages share, once.
CREATE TABLE contents (
    id    INTEGER PRIMARY KEY,
    hash  BLOB NOT NULL UNIQUE,
    bytes BLOB NOT NULL
);

-- One row a run, known by the lane that its messages wait in. `identity` is the same for every run of one campaign.
CREATE TABLE campaigns (
    lane        INTEGER PRIMARY KEY REFERENCES lanes(id),
    job_id      TEXT NOT NULL UNIQUE,
    identity    TEXT NOT NULL,
    name        TEXT,
    content     INTEGER NOT NULL REFERENCES contents(id),
    settings    TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    listed_at   INTEGER,
    finished_at INTEGER
);
CREATE INDEX campaigns_by_identity ON campaigns(identity, lane);

-- The unit of ownership. `holder` names a lock file beside the data file; nobody holds it when NULL.
CREATE TABLE lanes (
    id     INTEGER PRIMARY KEY,
    key    TEXT NOT NULL UNIQUE,
    holder TEXT,
    token  INTEGER NOT NULL DEFAULT 0
);

-- One row a message, and its own `accepted` event: `seq` is its place in the log, shared with `events` and
-- `controls`. `code` is the reply code of its latest attempt: 0 for one without an answer, NULL before the first.
-- A message that repeats a failed one says which in `retry_of`.
CREATE TABLE messages (
    seq         INTEGER PRIMARY KEY,
    lane        INTEGER NOT NULL,
    content     INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    due_at      INTEGER,
    attempts    INTEGER NOT NULL,
    last_event  INTEGER,
    code        INTEGER,
    accepted_at INTEGER NOT NULL,
    retry_of    INTEGER,
    folded      TEXT,
    address     TEXT NOT NULL,
    data        TEXT NOT NULL
);
-- The ledger: an address is in a run once, whatever its case, and again only to repeat what failed. `folded` is the
-- address in lower case, where that is another text: SQLite itself knows the case of ASCII only.
CREATE UNIQUE INDEX ledger ON messages(lane, ifnull(folded, address)) WHERE retry_of IS NULL;
-- A run read in the log's order: without it each page would sort the whole run. An index ends in the row's `seq`
-- by itself.
CREATE INDEX messages_by_lane ON messages(lane);
-- The queue.
CREATE INDEX due ON messages(lane, due_at) WHERE state = 0;

-- The messages that did not go well at once: failed, taken back, or tried and still queued; with their state, and
-- with the message that repeats a failed one. What is delivered at its first attempt never enters it, and so costs
-- nothing, which an index of `messages` would.
CREATE TABLE troubled (
    lane       INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    retried_as INTEGER,
    PRIMARY KEY (lane, message)
) WITHOUT ROWID;
-- What can be repeated: failed (bounced, expired, dropped), and not repeated yet.
CREATE INDEX repeatable ON troubled(lane, message) WHERE state BETWEEN 3 AND 5 AND retried_as IS NULL;

-- What happened after acceptance. `previous` leads back to the message's event before this one, so a timeline
-- needs no index of its own.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY,
    message  INTEGER NOT NULL,
    lane     INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    previous INTEGER,
    detail   TEXT
);

-- Interventions by hand. They are few: their order is all the index that they need.
CREATE TABLE controls (
    seq      INTEGER PRIMARY KEY,
    lane     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    action   INTEGER NOT NULL,
    by       TEXT NOT NULL
);

-- Counters, changed in the transaction that changes what they count.
CREATE TABLE books (
    lane  INTEGER NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (lane, state)
) WITHOUT ROWID;

-- Where each reader of the log stands.
CREATE TABLE cursors (
    reader TEXT PRIMARY KEY,
    place  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE jobs (
    id           TEXT PRIMARY KEY,
    request      TEXT NOT NULL,
    state        TEXT NOT NULL,
    next_run_at  INTEGER,
    cron         TEXT,
    interval_ms  INTEGER,
    attempts     INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    backoff_ms   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    last_run_at  INTEGER,
    last_error   TEXT
) WITHOUT ROWID;
