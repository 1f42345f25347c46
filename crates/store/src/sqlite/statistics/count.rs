//! What the log has gained is added to the counts, and what is too old leaves them.

use model::{Seq, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::tally::{Key, Part, Tally};
use crate::Result;
use crate::sqlite::history::end_of_log;
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;
use crate::statistics::{FOLDED_MAX, PLACES_MAX, RolledUp};

/// What the log has gained.
pub(super) struct Gain {
    /// Since that place,
    from: i64,
    /// and up to that one.
    to: i64,
    is_behind: bool,
    tally: Tally,
}

impl Gain {
    /// Whether there is nothing to add.
    pub(super) fn is_empty(&self) -> bool {
        self.to == self.from
    }

    /// How far the log was counted, once this is added.
    pub(super) fn rolled_up(&self) -> RolledUp {
        RolledUp {
            to: Seq::new(self.to),
            is_behind: self.is_behind,
        }
    }
}

/// How far the log was counted.
pub(super) fn upto(connection: &Connection) -> Result<i64> {
    let upto = connection
        .prepare_cached("SELECT upto FROM statistics_progress")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(upto.unwrap_or(0))
}

/// Counts what the log has gained since it was counted last. All of it is of one moment, so that what is forgotten meanwhile is
/// either in the log or among what was forgotten.
pub(super) fn gain(connection: &Connection, limit: u32) -> Result<Gain> {
    let (from, end) = (upto(connection)?, end_of_log(connection)?.get());
    let to = end.min(from.saturating_add(limit.min(PLACES_MAX).into()));
    let part = Part {
        after: from,
        upto: to,
        hours: i64::MIN..i64::MAX,
    };
    Ok(Gain {
        from,
        to,
        is_behind: to < end,
        tally: Tally::of(connection, &part)?,
    })
}

/// Adds a gain, unless somebody else added it meanwhile.
pub(super) fn add(tx: &WriteTx<'_>, gain: &Gain) -> Result<RolledUp> {
    let upto = upto(tx.connection)?;
    if upto != gain.from {
        return Ok(RolledUp {
            to: Seq::new(upto),
            is_behind: true,
        });
    }
    for (key, count) in &gain.tally.counts {
        change(tx, key, *count)?;
    }
    tx.connection
        .prepare_cached(
            "INSERT INTO statistics_progress (id, upto, at) VALUES (1, ?1, ?2) ON CONFLICT (id) \
             DO UPDATE SET upto = excluded.upto, at = ifnull(excluded.at, at)",
        )?
        .execute(params![gain.to, gain.tally.latest])?;
    fold(tx, gain.to)?;
    Ok(gain.rolled_up())
}

/// Adds to a count, or takes from it.
pub(super) fn change(tx: &WriteTx<'_>, key: &Key, difference: i64) -> Result<()> {
    tx.connection
        .prepare_cached(
            "INSERT INTO statistics (hour, tenant, account, kind, count) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![key.hour, key.tenant, key.account, key.kind, difference])?;
    Ok(())
}

/// Sums up notes of what was forgotten, some at a time: those that were counted need no places of their own any more.
fn fold(tx: &WriteTx<'_>, upto: i64) -> Result<()> {
    let last: Option<i64> = tx
        .connection
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq FROM forgotten_events WHERE seq > 0 AND seq <= ?1 ORDER BY seq LIMIT ?2)",
        )?
        .query_row([upto, FOLDED_MAX], |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(());
    };
    tx.connection
        .prepare_cached(
            "INSERT INTO forgotten_events (seq, hour, tenant, account, kind, count) \
             SELECT 0, hour, tenant, account, kind, sum(count) FROM forgotten_events WHERE seq > 0 AND seq <= ?1 \
             GROUP BY hour, tenant, account, kind \
             ON CONFLICT (hour, tenant, account, kind) WHERE seq = 0 DO UPDATE SET count = count + excluded.count",
        )?
        .execute([last])?;
    tx.connection
        .prepare_cached("DELETE FROM forgotten_events WHERE seq > 0 AND seq <= ?1")?
        .execute([last])?;
    Ok(())
}

pub(super) fn expire(tx: &WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let values = [before.as_millis(), at_most(limit)];
    let counts = tx
        .connection
        .prepare_cached(
            "DELETE FROM statistics WHERE (hour, tenant, account, kind) IN \
             (SELECT hour, tenant, account, kind FROM statistics WHERE hour < ?1 ORDER BY hour LIMIT ?2)",
        )?
        .execute(values)?;
    // They could be counted anew from these.
    let notes = tx
        .connection
        .prepare_cached(
            "DELETE FROM forgotten_events WHERE rowid IN \
             (SELECT rowid FROM forgotten_events WHERE seq = 0 AND hour < ?1 ORDER BY hour LIMIT ?2)",
        )?
        .execute(values)?;
    Ok(counts.max(notes))
}
