//! What the log has gained is added to the counts, and what is too old leaves them. The rows never leave the database.

use model::{Seq, Timestamp};

use super::OWNERS;
use super::rebuild::TRY_TURN;
use crate::Result;
use crate::postgres::history::no_end;
use crate::postgres::row::at_most;
use crate::postgres::session::Session;
use crate::statistics::{FOLDED_MAX, PLACES_MAX, RolledUp, hour_of};

/// How far the log was counted, and its end.
const PLACES: &str =
    "SELECT coalesce((SELECT upto FROM statistics_progress), 0), (SELECT max(last) FROM log)";

/// Sums up notes of what was forgotten, of so many places at most: those that were counted need none of their own any more.
const FOLD: &str = "WITH gone AS (DELETE FROM forgotten_events WHERE seq > 0 AND seq <= (\
         SELECT max(seq) FROM (SELECT seq FROM forgotten_events WHERE seq > 0 AND seq <= $1 ORDER BY seq LIMIT $2) AS first) \
         RETURNING hour, tenant, account, kind, count) \
     INSERT INTO forgotten_events (seq, hour, tenant, account, kind, count) \
     SELECT 0, hour, tenant, account, kind, CAST(sum(count) AS BIGINT) FROM gone GROUP BY hour, tenant, account, kind \
     ON CONFLICT (hour, tenant, account, kind) WHERE seq = 0 \
     DO UPDATE SET count = forgotten_events.count + excluded.count";

/// Forgets counts from before a moment.
const EXPIRE: &str = "DELETE FROM statistics s USING \
     (SELECT * FROM statistics WHERE hour < $1 ORDER BY hour LIMIT $2) AS old \
     WHERE (s.hour, s.tenant, s.account, s.kind) = (old.hour, old.tenant, old.account, old.kind)";
/// The same for the notes that they could be counted from anew.
const EXPIRE_FORGOTTEN: &str = "DELETE FROM forgotten_events f USING \
     (SELECT * FROM forgotten_events WHERE hour < $1 AND seq = 0 ORDER BY hour LIMIT $2) AS old \
     WHERE f.seq = 0 AND (f.hour, f.tenant, f.account, f.kind) = (old.hour, old.tenant, old.account, old.kind)";

pub(super) async fn roll_up(session: &Session, limit: u32) -> Result<RolledUp> {
    let row = session.row(PLACES, &[]).await?;
    let (upto, end): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
    let end = end.ok_or_else(no_end)?;
    let to = end.min(upto.saturating_add(limit.min(PLACES_MAX).into()));
    if to > upto {
        session.execute(&gain(), &[&upto, &to]).await?;
    }
    session.execute(FOLD, &[&to, &FOLDED_MAX]).await?;
    Ok(RolledUp {
        to: Seq::new(to),
        is_behind: to < end,
    })
}

/// Adds what happened after one place and up to another. It is one statement, so that whatever is forgotten meanwhile is seen
/// either in the log or among what was forgotten.
fn gain() -> String {
    format!(
        "WITH logged AS MATERIALIZED (\
             SELECT {accepted} AS hour, lane, CAST(0 AS BIGINT) AS kind, count(*) AS count, max(accepted_at) AS latest \
             FROM messages WHERE seq > $1 AND seq <= $2 AND submission IS NOT NULL GROUP BY 1, 2 \
             UNION ALL SELECT {happened}, lane, kind, count(*), max(at) \
             FROM events WHERE seq > $1 AND seq <= $2 GROUP BY 1, 2, 3), \
         gained AS (\
             SELECT logged.hour, owner.tenant, owner.account, logged.kind, logged.count, logged.latest \
             FROM logged {OWNERS} \
             UNION ALL SELECT hour, tenant, account, kind, count, hour \
             FROM forgotten_events WHERE seq > 0 AND seq > $1 AND seq <= $2), \
         summed AS (\
             INSERT INTO statistics (hour, tenant, account, kind, count) \
             SELECT hour, tenant, account, kind, CAST(sum(count) AS BIGINT) FROM gained GROUP BY 1, 2, 3, 4 \
             ON CONFLICT (hour, tenant, account, kind) DO UPDATE SET count = statistics.count + excluded.count) \
         INSERT INTO statistics_progress (id, upto, at) SELECT 1, $2, max(latest) FROM gained \
         ON CONFLICT (id) DO UPDATE SET upto = excluded.upto, at = coalesce(excluded.at, statistics_progress.at)",
        accepted = hour_of("accepted_at"),
        happened = hour_of("at"),
    )
}

/// While hours are counted anew none is forgotten: what is corrected would be added to nothing.
pub(super) async fn expire(session: &Session, before: Timestamp, limit: usize) -> Result<usize> {
    if !session.row(TRY_TURN, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let (before, limit) = (before.as_millis(), at_most(limit));
    let counts = session.execute(EXPIRE, &[&before, &limit]).await?;
    let notes = session
        .execute(EXPIRE_FORGOTTEN, &[&before, &limit])
        .await?;
    Ok(usize::try_from(counts.max(notes)).unwrap_or(usize::MAX))
}
