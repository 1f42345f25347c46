//! The queue read in the order of delivery.

use std::collections::HashSet;

use model::{LaneId, Message, Priority, Seq, Timestamp};

use tokio_postgres::Row;

use super::row::{self, MESSAGE_COLUMNS, to_message};
use super::session::Session;
use crate::{Due, Queued, Result, StoreError};

/// What is due, and the due messages whose rows cannot be read.
pub(super) async fn due(
    session: &Session,
    tag: u32,
    lane: LaneId,
    now: Timestamp,
    limit: usize,
    in_flight: &HashSet<Seq>,
) -> Result<(Due, Vec<Seq>)> {
    // Those in flight are still queued in the database. The index alone tells them apart, without their rows.
    let window = limit.saturating_add(in_flight.len());
    let waiting = waiting(session, lane, now, window).await?;
    let next_at = waiting
        .iter()
        .map(|(due_at, _)| *due_at)
        .filter(|due_at| *due_at > now)
        .min();
    let seqs: Vec<Seq> = waiting
        .into_iter()
        .filter(|(due_at, seq)| *due_at <= now && !in_flight.contains(seq))
        .map(|(_, seq)| seq)
        .collect();
    let (messages, damaged) = first_of(session, tag, &seqs, limit).await?;
    Ok((Due { messages, next_at }, damaged))
}

/// What waits in a lane: of each priority the first that is not due yet, and then so many that are due, in the order of
/// delivery. (One look over all priorities at once would go through all that is not due yet.)
async fn waiting(
    session: &Session,
    lane: LaneId,
    now: Timestamp,
    window: usize,
) -> Result<Vec<(Timestamp, Seq)>> {
    let priorities = Priority::ALL.map(Priority::code);
    let rows = session
        .rows(
            "SELECT one.due_at, one.seq FROM unnest($4::bigint[]) AS p (priority), LATERAL ( \
                 (SELECT due_at, seq FROM messages m \
                  WHERE lane = $1 AND m.priority = p.priority AND state = 0 AND NOT held AND due_at <= $2 \
                  ORDER BY due_at, seq LIMIT $3) \
                 UNION ALL \
                 (SELECT due_at, seq FROM messages m \
                  WHERE lane = $1 AND m.priority = p.priority AND state = 0 AND NOT held AND due_at > $2 \
                  ORDER BY due_at, seq LIMIT 1) \
             ) AS one ORDER BY one.due_at > $2 DESC, p.priority, one.due_at, one.seq LIMIT $5",
            &[
                &lane.0,
                &now.as_millis(),
                &row::at_most(window),
                &priorities.as_slice(),
                &row::at_most(window.saturating_add(priorities.len())),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let due_at = Timestamp::from_millis(row.try_get(0)?);
            Ok((due_at, Seq::new(row.try_get(1)?)))
        })
        .collect()
}

/// The first messages of those that can be read, and those before them that cannot.
async fn first_of(
    session: &Session,
    tag: u32,
    seqs: &[Seq],
    limit: usize,
) -> Result<(Vec<Message>, Vec<Seq>)> {
    let (mut messages, mut damaged) = (Vec::new(), Vec::new());
    let mut rest = seqs;
    while messages.len() < limit && !rest.is_empty() {
        let (page, later) = rest.split_at(rest.len().min(limit - messages.len()));
        for (seq, found) in read(session, tag, page).await? {
            match found {
                Ok(message) => messages.push(message),
                Err(StoreError::Damaged(_)) => damaged.push(seq),
                Err(error) => return Err(error),
            }
        }
        rest = later;
    }
    Ok((messages, damaged))
}

/// Those of the messages that are still to be delivered, in the same order, each as far as it can be read.
async fn read(session: &Session, tag: u32, seqs: &[Seq]) -> Result<Vec<(Seq, Result<Message>)>> {
    match rows(session, seqs).await {
        // The server does not say which of them it cannot read.
        Err(StoreError::Damaged(_)) => Ok(read_each(session, tag, seqs).await),
        rows => rows?
            .iter()
            .map(|row| Ok((Seq::new(row.try_get(0)?), to_message(row, tag))))
            .collect(),
    }
}

async fn read_each(session: &Session, tag: u32, seqs: &[Seq]) -> Vec<(Seq, Result<Message>)> {
    let mut found = Vec::with_capacity(seqs.len());
    for &seq in seqs {
        match rows(session, &[seq]).await {
            Ok(rows) => found.extend(rows.first().map(|row| (seq, to_message(row, tag)))),
            Err(error) => found.push((seq, Err(error))),
        }
    }
    found
}

async fn rows(session: &Session, seqs: &[Seq]) -> Result<Vec<Row>> {
    let seqs: Vec<i64> = seqs.iter().map(|seq| seq.get()).collect();
    let query = format!(
        "SELECT {MESSAGE_COLUMNS} FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (seq, place) \
         CROSS JOIN LATERAL (SELECT * FROM messages m WHERE m.seq = asked.seq LIMIT 1) m \
         LEFT JOIN contents c ON c.id = m.content \
         WHERE m.state = 0 AND NOT m.held ORDER BY asked.place"
    );
    session.rows(&query, &[&seqs]).await
}

/// Queued messages of a lane, in the log's order.
pub(super) async fn queued(
    session: &Session,
    lane: LaneId,
    cursor: Seq,
    limit: usize,
) -> Result<Vec<Queued>> {
    let rows = session
        .rows(
            "SELECT m.seq, CASE WHEN m.retry_of IS NULL THEN m.seq ELSE ( \
                 SELECT f.seq FROM messages f \
                 WHERE f.lane = m.lane AND f.retry_of IS NULL AND f.submission IS NULL \
                 AND coalesce(f.folded, f.address) = coalesce(m.folded, m.address)) END \
             FROM messages m WHERE (m.lane, m.seq) > ($2, $1) AND m.lane <= $2 AND m.state = 0 \
             ORDER BY m.lane, m.seq LIMIT $3",
            &[&cursor.get(), &lane.0, &row::at_most(limit)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Queued {
                seq: Seq::new(row.try_get(0)?),
                first: Seq::new(row.try_get(1)?),
            })
        })
        .collect()
}
