//! A bounded look through a run's messages, in pages of rows.

use model::{LaneId, MessageState, Seq};
use tokio_postgres::Row;

use super::row::{self, EVENT_COLUMNS, MESSAGE_COLUMNS, to_logged};
use super::session::Session;
use crate::find::From;
use crate::look::{Candidate, Look, Source};
use crate::{Find, Found, Logged, Result};

/// Rows of one page: what a look that ends early reads too much is little, and one that goes on asks seldom.
const PAGE: usize = 1_000;

pub(super) async fn find(session: &Session, tag: u32, lane: LaneId, query: &Find) -> Result<Found> {
    let mut look = Look::new(query);
    while look.goes_on() && look_at_page(session, lane, &mut look).await? {}
    let (seqs, looked_to) = look.end();
    Ok(Found {
        messages: latest_of(session, tag, &seqs).await?,
        looked_to,
    })
}

/// Shows the next page to a look; whether more may come.
async fn look_at_page(session: &Session, lane: LaneId, look: &mut Look<'_>) -> Result<bool> {
    let from = look.from();
    let wanted = look.window().min(PAGE);
    let rows = session
        .rows(
            &statement(look.source(), from),
            &[&lane.0, &from.place(), &row::at_most(wanted)],
        )
        .await?;
    for row in &rows {
        if look.goes_on() {
            look.at(row)?;
        }
    }
    Ok(rows.len() == wanted)
}

/// The statement for the rows to look at. Lane and place are compared and ordered as one, so that only the index of both
/// can serve it: by the index of the places alone, another run's messages would be looked at as well.
fn statement(source: Source, from: From) -> String {
    let (tables, run, place) = match source {
        Source::Run => ("messages m", "m.lane", "m.seq"),
        Source::Troubled => (
            "troubled t JOIN messages m ON m.seq = t.message",
            "t.lane",
            "t.message",
        ),
    };
    let (beyond, within, order) = match from {
        From::After(_) => (">", "<=", "ASC"),
        From::Before(_) => ("<", ">=", "DESC"),
    };
    format!(
        "SELECT m.seq, m.state, m.attempts, m.code, coalesce(m.folded, m.address) FROM {tables} \
         WHERE ({run}, {place}) {beyond} ($1, $2) AND {run} {within} $1 \
         ORDER BY {run} {order}, {place} {order} LIMIT $3"
    )
}

/// Messages in the log's order, each with its latest event.
async fn latest_of(session: &Session, tag: u32, messages: &[Seq]) -> Result<Vec<Logged>> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let messages: Vec<i64> = messages.iter().map(|seq| seq.get()).collect();
    let rows = session
        .rows(
            &format!(
                "SELECT {MESSAGE_COLUMNS}, {EVENT_COLUMNS} FROM messages m LEFT JOIN contents c ON c.id = m.content \
                 LEFT JOIN events e ON e.seq = m.last_event AND e.at = m.last_event_at \
                 WHERE m.seq = ANY ($1) ORDER BY m.seq"
            ),
            &[&messages],
        )
        .await?;
    rows.iter().map(|row| to_logged(row, tag)).collect()
}

impl Candidate for Row {
    fn seq(&self) -> Result<Seq> {
        Ok(Seq::new(self.try_get(0)?))
    }

    fn state(&self) -> Result<MessageState> {
        row::state(self.seq()?, self.try_get(1)?)
    }

    fn attempts(&self) -> Result<u32> {
        let attempts: i64 = self.try_get(2)?;
        let seq = self.seq()?;
        u32::try_from(attempts).map_err(|error| row::damaged(seq, &error))
    }

    fn code(&self) -> Result<Option<u16>> {
        let code: Option<i64> = self.try_get(3)?;
        Ok(code.and_then(|code| u16::try_from(code).ok()))
    }

    fn key(&self) -> Result<&str> {
        Ok(self.try_get(4)?)
    }
}
