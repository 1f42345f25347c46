-- Statistics: what happened to service mail in each hour, counted from the log and beside it.

-- `hour` is when it begins; tenant and account are their ids, which outlive them.
CREATE TABLE statistics (
    hour    INTEGER NOT NULL,
    tenant  TEXT NOT NULL,
    account TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (hour, tenant, account, kind)
) WITHOUT ROWID;
CREATE INDEX statistics_by_tenant ON statistics(tenant, hour);

-- How far the log was counted, and the latest time of what was counted last: one row, once something was.
CREATE TABLE statistics_progress (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    upto INTEGER NOT NULL,
    at   INTEGER
);

-- What the log holds no more: a message's acceptance and its events. What may not have been counted yet has its place; the rest
-- is summed up under the place 0, which none has.
CREATE TABLE forgotten_events (
    seq     INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    tenant  TEXT NOT NULL,
    account TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    count   INTEGER NOT NULL
);
CREATE INDEX forgotten_events_by_seq ON forgotten_events(seq) WHERE seq > 0;
CREATE UNIQUE INDEX forgotten_events_by_hour ON forgotten_events(hour, tenant, account, kind) WHERE seq = 0;
