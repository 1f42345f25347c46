-- What happened to service mail in each hour, counted from the log and beside it: nobody who writes mail writes here, or
-- waits for who does. Whoever counts holds the advisory lock of this table's number until the commit. `hour` is when it begins;
-- tenant and account are their ids, which outlive them.
CREATE TABLE statistics (
    hour    BIGINT NOT NULL,
    tenant  TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    kind    BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    PRIMARY KEY (hour, tenant, account, kind)
) WITH (fillfactor = 80);
CREATE INDEX statistics_by_tenant ON statistics (tenant, hour);

-- How far the log was counted, and the latest time of what was counted last: one row, once something was.
CREATE TABLE statistics_progress (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    upto BIGINT NOT NULL,
    at   BIGINT
);

-- What the log holds no more: a message's acceptance and its events, with their place where that may not have been counted
-- yet, or else with one up to which everything was. Whoever forgets only adds to it. Summed up it has the place 0, which none has.
CREATE TABLE forgotten_events (
    seq     BIGINT NOT NULL,
    hour    BIGINT NOT NULL,
    tenant  TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    kind    BIGINT NOT NULL,
    count   BIGINT NOT NULL
);
CREATE INDEX forgotten_events_by_seq ON forgotten_events (seq) WHERE seq > 0;
CREATE UNIQUE INDEX forgotten_events_by_hour ON forgotten_events (hour, tenant, account, kind) WHERE seq = 0;
