//! Hours counted anew from what the log holds and from what was forgotten of it.
//!
//! It has a connection of its own. All is read in one statement, without a lock that anybody else could wait for, and only what
//! differs is kept, in the database; then the differences are added in one short transaction. What is counted in between
//! adds to the same rows, so that it does not matter which comes first.

use tokio_postgres::Client;

use super::OWNERS;
use crate::Result;
use crate::postgres::address::Address;
use crate::postgres::connect;
use crate::statistics::{Hours, Rebuilt, hour_of, under_way};

/// As long as it takes, with one process of the server, and no longer than somebody waits for it.
const GENTLY: &str = "SET statement_timeout = 0; SET max_parallel_workers_per_gather = 0; SET jit = off; \
     SET client_connection_check_interval = '2s'";
/// Keeps others from counting anew, and from forgetting counts, as long as the session lasts; says whether it may.
const TAKE_TURN: &str = "SELECT pg_try_advisory_lock('statistics_progress'::regclass::bigint)";
/// Lets others. What ended otherwise ends with the session.
const GIVE_TURN: &str = "SELECT pg_advisory_unlock('statistics_progress'::regclass::bigint)";
/// The same as [`TAKE_TURN`] until a transaction's end.
pub(super) const TRY_TURN: &str =
    "SELECT pg_try_advisory_xact_lock('statistics_progress'::regclass::bigint)";
/// Where the differences are kept, as long as the session lasts.
const MAKE_CORRECTIONS: &str = "CREATE TEMPORARY TABLE corrections (hour BIGINT, tenant TEXT COLLATE \"C\", \
     account TEXT COLLATE \"C\", kind BIGINT, difference BIGINT)";

/// Adds the differences.
const CORRECT: &str = "INSERT INTO statistics (hour, tenant, account, kind, count) \
     SELECT hour, tenant, account, kind, difference FROM corrections \
     ON CONFLICT (hour, tenant, account, kind) DO UPDATE SET count = statistics.count + excluded.count; \
     DELETE FROM statistics s USING corrections c \
     WHERE (s.hour, s.tenant, s.account, s.kind) = (c.hour, c.tenant, c.account, c.kind) AND s.count = 0";

pub(super) async fn rebuild(address: &Address, hours: Hours) -> Result<Rebuilt> {
    let (client, _task) = connect::open(address).await?;
    client.batch_execute(GENTLY).await?;
    if !client
        .query_one(TAKE_TURN, &[])
        .await?
        .try_get::<_, bool>(0)?
    {
        return Err(under_way());
    }
    client.batch_execute(MAKE_CORRECTIONS).await?;
    let rebuilt = compare(&client, hours).await?;
    if rebuilt.corrected > 0 {
        let correct = format!("{}; {CORRECT}; COMMIT", super::BEGIN);
        client.batch_execute(&correct).await?;
    }
    client.batch_execute(GIVE_TURN).await?;
    Ok(rebuilt)
}

/// Counts the hours, and keeps what differs from the counts that there are. What of the log is not counted yet is little: it is
/// read as it lies, and not by its places.
async fn compare(client: &Client, hours: Hours) -> Result<Rebuilt> {
    let statement = format!(
        "WITH counted AS (SELECT coalesce((SELECT upto FROM statistics_progress), 0) AS upto), \
         logged AS MATERIALIZED (\
             SELECT {accepted} AS hour, lane, CAST(0 AS BIGINT) AS kind, count(*) AS count FROM messages \
             WHERE accepted_at >= $1 AND accepted_at < $2 AND submission IS NOT NULL \
             AND seq + 0 <= (SELECT upto FROM counted) GROUP BY 1, 2 \
             UNION ALL SELECT {happened}, lane, kind, count(*) FROM events \
             WHERE at >= $1 AND at < $2 AND seq + 0 <= (SELECT upto FROM counted) GROUP BY 1, 2, 3), \
         compared AS (\
             SELECT hour, tenant, account, kind, CAST(sum(truth) AS BIGINT) AS truth, CAST(sum(known) AS BIGINT) AS known \
             FROM (SELECT logged.hour, owner.tenant, owner.account, logged.kind, logged.count AS truth, 0 AS known \
                   FROM logged {OWNERS} \
                   UNION ALL SELECT hour, tenant, account, kind, count, 0 FROM forgotten_events \
                   WHERE hour >= $1 AND hour < $2 AND seq <= (SELECT upto FROM counted) \
                   UNION ALL SELECT hour, tenant, account, kind, 0, count FROM statistics \
                   WHERE hour >= $1 AND hour < $2) AS both_sides \
             GROUP BY hour, tenant, account, kind), \
         corrected AS (\
             INSERT INTO corrections SELECT hour, tenant, account, kind, truth - known FROM compared \
             WHERE truth <> known RETURNING 1) \
         SELECT coalesce((SELECT CAST(sum(truth) AS BIGINT) FROM compared), 0), (SELECT count(*) FROM corrected)",
        accepted = hour_of("accepted_at"),
        happened = hour_of("at"),
    );
    let row = client
        .query_one(&statement, &[&hours.from, &hours.until])
        .await?;
    let number = |place| row.try_get::<_, i64>(place).map(i64::unsigned_abs);
    Ok(Rebuilt {
        counted: number(0)?,
        corrected: number(1)?,
    })
}
