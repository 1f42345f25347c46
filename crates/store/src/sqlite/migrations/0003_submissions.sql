-- Mail that clients hand over: submissions beside campaigns, in the same queue and the same log.

-- `submission` is the first message of what was handed over under one id; NULL for a campaign's. `priority` is 0 (at
-- once) to 3. `held` is 1 while the message's tenant holds it back.
ALTER TABLE messages ADD COLUMN submission INTEGER;
ALTER TABLE messages ADD COLUMN priority INTEGER NOT NULL DEFAULT 2;
ALTER TABLE messages ADD COLUMN held INTEGER;
-- The ledger is the campaigns' alone: a client may write to one address as often as it likes.
DROP INDEX ledger;
CREATE UNIQUE INDEX ledger ON messages(lane, ifnull(folded, address)) WHERE retry_of IS NULL AND submission IS NULL;
DROP INDEX due;
CREATE INDEX due ON messages(lane, priority, due_at) WHERE state = 0 AND held IS NULL;

-- The account whose mail waits in a lane; NULL for other lanes.
ALTER TABLE lanes ADD COLUMN account INTEGER;
CREATE UNIQUE INDEX lanes_by_account ON lanes(account) WHERE account IS NOT NULL;

-- What was handed over under one id of its client's, known by its first message; its others follow that one without a
-- gap. The rows are short, since each outcome writes one anew. `open` are the messages that are not final, `failed`
-- those that are and were not delivered, `reports` those of its reports that did not arrive yet.
CREATE TABLE submissions (
    id             INTEGER PRIMARY KEY,
    tenant         TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    account        INTEGER NOT NULL,
    priority       INTEGER NOT NULL,
    batch          TEXT,
    deferred_until INTEGER,
    messages       INTEGER NOT NULL,
    open           INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    held           INTEGER,
    reports        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    finished_at    INTEGER
);
CREATE UNIQUE INDEX submissions_by_client_id ON submissions(tenant, client_id);
-- What is looked for is only ever a part: the indexes hold that part alone.
CREATE INDEX open_submissions ON submissions(account, held) WHERE open > 0;
CREATE INDEX going_batches ON submissions(tenant, batch) WHERE open > 0 AND held IS NULL AND batch IS NOT NULL;
CREATE INDEX held_submissions ON submissions(tenant, batch) WHERE open > 0 AND held IS NOT NULL;
CREATE INDEX forgettable ON submissions(account, finished_at) WHERE open = 0 AND reports = 0;

-- What a submission says, apart from what changes. `digest` is the SHA-256 of all that its client gave. Where that
-- holds a secret, `payload` is a blob, sealed, and `digest` is keyed.
CREATE TABLE payloads (
    submission INTEGER PRIMARY KEY,
    digest     BLOB NOT NULL,
    payload    TEXT NOT NULL
);

-- Submissions of each account, changed in the transaction that changes what they count.
CREATE TABLE account_counts (
    account      INTEGER PRIMARY KEY,
    accepted     INTEGER NOT NULL DEFAULT 0,
    sent         INTEGER NOT NULL DEFAULT 0,
    errors       INTEGER NOT NULL DEFAULT 0,
    cancelled    INTEGER NOT NULL DEFAULT 0,
    deferred     INTEGER NOT NULL DEFAULT 0,
    rate_limited INTEGER NOT NULL DEFAULT 0
);
INSERT INTO account_counts (account) SELECT pk FROM accounts;

-- The messages that an account's lane delivered in each second since 1970, of the last day.
CREATE TABLE sends (
    lane   INTEGER NOT NULL,
    second INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (lane, second)
) WITHOUT ROWID;

-- Where each event of a tenant is posted and what with it is signed, sealed; NULL for nowhere.
ALTER TABLE tenants ADD COLUMN webhook TEXT;

-- Events that a tenant's application is to be told, until it was; and how many they are. Each channel is told by itself:
-- 0 is `proxy_sync`, 1 the webhook of a tenant that has one.
CREATE TABLE reports (
    tenant     TEXT NOT NULL,
    channel    INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    submission INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (tenant, channel, seq)
) WITHOUT ROWID;
CREATE TABLE report_counts (
    tenant  TEXT NOT NULL,
    channel INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (tenant, channel)
) WITHOUT ROWID;

-- Delivered messages of which something was learned later: the latest such event, which leads back to the outcome, and
-- how many there were. The message itself stays as its outcome left it.
CREATE TABLE news (
    message    INTEGER PRIMARY KEY,
    last_event INTEGER NOT NULL,
    count      INTEGER NOT NULL
);

-- Messages that a certified mailbox (PEC) delivered, and when, until something is learned of them. It is a table, since
-- each message pays for an index of its own table.
CREATE TABLE unanswered (
    message INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    since   INTEGER NOT NULL
);
CREATE INDEX unanswered_by_account ON unanswered(account, since);

-- Final messages that are no longer kept, by state: what `books` counts and `messages` lacks.
CREATE TABLE forgotten (
    lane  INTEGER NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (lane, state)
) WITHOUT ROWID;
