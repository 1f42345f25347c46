//! A bounded look through a run's messages, as the file gives them.

use model::{LaneId, MessageState, Seq};
use rusqlite::{Connection, Row, params};

use super::{history, row};
use crate::find::From;
use crate::look::{Candidate, Look, Source};
use crate::{Find, Found, Result};

pub(super) fn find(connection: &Connection, tag: u32, lane: LaneId, query: &Find) -> Result<Found> {
    let (seqs, looked_to) = look(connection, lane, query)?;
    let mut messages = Vec::with_capacity(seqs.len());
    for seq in seqs {
        messages.extend(history::latest_of(connection, tag, seq)?);
    }
    Ok(Found {
        messages,
        looked_to,
    })
}

/// What fits, in the log's order, and where the look had to end.
fn look(connection: &Connection, lane: LaneId, query: &Find) -> Result<(Vec<Seq>, Option<Seq>)> {
    let mut look = Look::new(query);
    let mut statement = connection.prepare_cached(&statement(look.source(), query.from))?;
    let window = row::at_most(look.window());
    let mut rows = statement.query(params![lane.0, query.from.place(), window])?;
    while look.goes_on()
        && let Some(row) = rows.next()?
    {
        look.at(row)?;
    }
    Ok(look.end())
}

/// The statement for the rows to look at.
fn statement(source: Source, from: From) -> String {
    let (tables, run, place) = match source {
        Source::Run => ("messages m INDEXED BY messages_by_lane", "m.lane", "m.seq"),
        Source::Troubled => (
            "troubled t CROSS JOIN messages m ON m.seq = t.message",
            "t.lane",
            "t.message",
        ),
    };
    let (beyond, order) = match from {
        From::After(_) => (">", "ASC"),
        From::Before(_) => ("<", "DESC"),
    };
    format!(
        "SELECT m.seq, m.state, m.attempts, m.code, ifnull(m.folded, m.address) FROM {tables} \
         WHERE {run} = ?1 AND {place} {beyond} ?2 ORDER BY {place} {order} LIMIT ?3"
    )
}

impl Candidate for Row<'_> {
    fn seq(&self) -> Result<Seq> {
        Ok(Seq::new(self.get(0)?))
    }

    fn state(&self) -> Result<MessageState> {
        row::state(self.seq()?, self.get(1)?)
    }

    fn attempts(&self) -> Result<u32> {
        Ok(self.get(2)?)
    }

    fn code(&self) -> Result<Option<u16>> {
        Ok(self.get(3)?)
    }

    fn key(&self) -> Result<&str> {
        let key = self.get_ref(4)?.as_str();
        let seq = self.seq()?;
        key.map_err(|error| row::damaged(seq, &error))
    }
}
