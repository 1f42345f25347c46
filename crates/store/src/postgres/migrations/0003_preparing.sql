-- What of submissions has to be fetched is fetched ahead, by processes that do not deliver.

-- Submissions that wait for it. `due_at` is when their messages would be due without it: they are due later, unless the
-- row goes before that. `holder` is at it until `claimed_until`, by the database's clock.
CREATE TABLE unprepared (
    submission    BIGINT PRIMARY KEY,
    tenant        TEXT COLLATE "C" NOT NULL,
    priority      BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    holder        TEXT COLLATE "C",
    claimed_until TIMESTAMPTZ
);
CREATE INDEX unprepared_by_tenant ON unprepared (tenant, priority, due_at, submission);
CREATE INDEX unprepared_by_age ON unprepared (due_at);

-- What messages are made from in place of what their client handed over, as long as that has this digest. `bytes` is the
-- length of the text, or a little more; with it in the index, the sum is a look at the index alone.
CREATE TABLE prepared (
    submission  BIGINT NOT NULL,
    digest      BYTEA NOT NULL,
    prepared_at BIGINT NOT NULL,
    bytes       BIGINT NOT NULL,
    is_sealed   BOOLEAN NOT NULL,
    payload     TEXT NOT NULL,
    PRIMARY KEY (submission) INCLUDE (bytes)
);
-- Files in base64 are not made shorter by the compression that there is.
ALTER TABLE prepared ALTER COLUMN payload SET STORAGE EXTERNAL;
