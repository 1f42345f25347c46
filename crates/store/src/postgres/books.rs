//! The counters of a lane, changed in the transaction that changes what they count.

use model::{LaneId, MessageState};

use super::session::Session;
use super::transaction::WriteTx;
use crate::books::ACCEPTED;
use crate::{Books, Result};

/// Counts messages that were accepted: they are queued.
pub(super) async fn add(tx: &WriteTx, lane: LaneId, count: i64) -> Result<()> {
    change(
        tx,
        lane,
        &[(ACCEPTED, count), (MessageState::Queued.code(), count)],
    )
    .await
}

/// Moves messages from queued to final states: how many to which.
pub(super) async fn finish(
    tx: &WriteTx,
    lane: LaneId,
    moved: &[(MessageState, i64)],
) -> Result<()> {
    let sum: i64 = moved.iter().map(|(_, count)| count).sum();
    let mut changes = vec![(MessageState::Queued.code(), -sum)];
    changes.extend(moved.iter().map(|(state, count)| (state.code(), *count)));
    change(tx, lane, &changes).await
}

/// Notes that final messages are kept no longer: the counters go on counting them.
pub(super) async fn forget(
    tx: &WriteTx,
    lane: LaneId,
    state: MessageState,
    count: i64,
) -> Result<()> {
    tx.session
        .execute(
            "INSERT INTO forgotten (lane, state, count) VALUES ($1, $2, $3) \
             ON CONFLICT (lane, state) DO UPDATE SET count = forgotten.count + excluded.count",
            &[&lane.0, &state.code(), &count],
        )
        .await?;
    Ok(())
}

async fn change(tx: &WriteTx, lane: LaneId, changes: &[(i64, i64)]) -> Result<()> {
    let (states, counts): (Vec<i64>, Vec<i64>) = changes
        .iter()
        .filter(|(_, count)| *count != 0)
        .copied()
        .unzip();
    if states.is_empty() {
        return Ok(());
    }
    tx.session
        .execute(
            "INSERT INTO books (lane, state, count) SELECT $1, state, count FROM unnest($2::bigint[], $3::bigint[]) \
             AS change (state, count) ON CONFLICT (lane, state) DO UPDATE SET count = books.count + excluded.count",
            &[&lane.0, &states, &counts],
        )
        .await?;
    Ok(())
}

/// The counters.
pub(super) async fn read(session: &Session, lane: LaneId) -> Result<Books> {
    let rows = session
        .rows("SELECT state, count FROM books WHERE lane = $1", &[&lane.0])
        .await?;
    let mut books = Books::default();
    for row in rows {
        let count = row.try_get::<_, i64>(1)?.unsigned_abs();
        match MessageState::from_code(row.try_get(0)?) {
            Some(state) => *books.count_mut(state) = count,
            None => books.accepted = count,
        }
    }
    Ok(books)
}

/// The same figures from the messages themselves, and from the note of those that are kept no longer.
pub(super) async fn count(session: &Session, lane: LaneId) -> Result<Books> {
    let rows = session
        .rows(
            "SELECT state, count(*) FROM messages WHERE lane = $1 GROUP BY state \
             UNION ALL SELECT state, count FROM forgotten WHERE lane = $1",
            &[&lane.0],
        )
        .await?;
    let mut books = Books::default();
    for row in rows {
        let count = row.try_get::<_, i64>(1)?.unsigned_abs();
        books.accepted += count;
        if let Some(state) = MessageState::from_code(row.try_get(0)?) {
            *books.count_mut(state) += count;
        }
    }
    Ok(books)
}
