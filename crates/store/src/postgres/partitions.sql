-- A part is filled before it is attached, since PostgreSQL refuses one whose rows are in the part for all others; and
-- attached rather than made as a part, since that shuts nobody out who reads or writes other parts.
DO $$
DECLARE
    months_ahead CONSTANT INTEGER := 2;
    waiting CONSTANT TEXT := current_setting('lock_timeout');
    part  TEXT;
    first TIMESTAMP;
    since BIGINT;
    until BIGINT;
BEGIN
    FOR ahead IN 0 .. months_ahead LOOP
        first := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
        part := 'events_' || to_char(first, 'YYYY_MM');
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        -- Nobody writes meanwhile; and of two who came here, the second looks again.
        PERFORM pg_advisory_xact_lock('log'::regclass::bigint);
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        since := extract(epoch FROM first) * 1000;
        until := extract(epoch FROM first + interval '1 month') * 1000;
        EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
        EXECUTE format(
            'WITH moved AS (DELETE FROM events_other WHERE at >= $1 AND at < $2 RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', part) USING since, until;
        -- Somebody may be reading what it locks for a moment, and everybody who writes waits meanwhile: there is time for it
        -- later.
        PERFORM set_config('lock_timeout', '200ms', true);
        EXECUTE format(
            'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', part, since, until);
        PERFORM set_config('lock_timeout', waiting, true);
    END LOOP;
END
$$;
