//! The log read back: events with the messages they are about.

use model::{LaneId, Seq};

use super::row::{EVENT_COLUMNS, MESSAGE_COLUMNS, at_most, to_logged};
use super::session::{Session, Values};
use crate::{Logged, Result, StoreError};

/// The template of a message, looked for by its number and in no other way.
const TEMPLATE: &str =
    "LEFT JOIN LATERAL (SELECT hash FROM contents c WHERE c.id = m.content LIMIT 1) c ON TRUE";

/// The log from after `cursor`: messages as their own `accepted` events, and the events, merged in order. It is one
/// statement, so that both are of one moment.
pub(super) async fn after(
    session: &Session,
    tag: u32,
    cursor: Seq,
    lane: Option<LaneId>,
    limit: usize,
) -> Result<Vec<Logged>> {
    let (cursor, limit) = (cursor.get(), at_most(limit));
    match lane {
        None => {
            let query = merged("one.seq > $1 ORDER BY one.seq");
            collect(session, tag, &query, &[&cursor, &limit]).await
        }
        Some(LaneId(lane)) => {
            let query = merged(OF_LANE);
            collect(session, tag, &query, &[&cursor, &limit, &lane]).await
        }
    }
}

/// The rows of lane `$3` from after place `$1`. It could be said in simpler words, in which the server would sometimes
/// take the rows of all lanes in their order, and look for the lane's among them.
const OF_LANE: &str =
    "(one.lane, one.seq) > ($3, $1) AND one.lane <= $3 ORDER BY one.lane, one.seq";

/// Each part ends at the limit before anything is joined to it, and the joins are looks into an index whatever the server
/// thinks of their number: a page costs what it gives.
fn merged(part: &str) -> String {
    format!(
        "(SELECT {MESSAGE_COLUMNS}, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::text, m.seq AS place \
          FROM (SELECT * FROM messages one WHERE {part} LIMIT $2) m {TEMPLATE}) \
         UNION ALL \
         (SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS}, e.seq \
          FROM (SELECT * FROM events one WHERE {part} LIMIT $2) e \
          CROSS JOIN LATERAL (SELECT * FROM messages m WHERE m.seq = e.message LIMIT 1) m {TEMPLATE}) \
         ORDER BY place LIMIT $2"
    )
}

/// The messages of a run, each with its latest event.
pub(super) async fn latest(
    session: &Session,
    tag: u32,
    lane: LaneId,
    cursor: Seq,
    limit: usize,
) -> Result<Vec<Logged>> {
    let query = format!(
        "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS} \
         FROM (SELECT * FROM messages one WHERE {OF_LANE} LIMIT $2) m {TEMPLATE} \
         LEFT JOIN LATERAL (SELECT * FROM events e \
             WHERE e.seq = m.last_event AND e.at = m.last_event_at LIMIT 1) e ON TRUE \
         ORDER BY m.seq"
    );
    let values: Values<'_> = &[&cursor.get(), &at_most(limit), &lane.0];
    collect(session, tag, &query, values).await
}

/// The log's last place, as a row of it.
pub(super) const END_OF_LOG: &str = "SELECT max(last) FROM log";

/// Clears away ends of commits that are not the last, some at a time: few come to be in a minute, and where nobody did it
/// for long, each statement still ends soon.
pub(super) const CLEAR_ENDS: &str = "DELETE FROM log WHERE last IN (\
     SELECT last FROM log WHERE last < (SELECT max(last) FROM log) ORDER BY last LIMIT 50000)";

/// The log's last place.
pub(super) async fn end_of_log(session: &Session) -> Result<Seq> {
    let row = session.row(END_OF_LOG, &[]).await?;
    let last: Option<i64> = row.try_get(0)?;
    last.map(Seq::new).ok_or_else(no_end)
}

/// The error of a log without an end.
pub(super) fn no_end() -> StoreError {
    StoreError::Damaged("the log's end is not there".to_owned())
}

async fn collect(
    session: &Session,
    tag: u32,
    query: &str,
    values: Values<'_>,
) -> Result<Vec<Logged>> {
    let rows = session.rows(query, values).await?;
    rows.iter().map(|row| to_logged(row, tag)).collect()
}
