//! A bounded look through a run's messages.
//!
//! The file gives the rows in the log's order, and what is asked for is picked from them here: a look reads so many
//! rows at most, whatever it is for.

use model::{LaneId, Seq};
use rusqlite::{Connection, Row, params};

use super::{history, row};
use crate::find::From;
use crate::{Find, Found, Result, Standing};

/// By how much a look at the troubled messages is shorter: they lie far apart, and each costs a page of the file.
const TROUBLED_COST: usize = 4;

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
    let (wanted, source) = (Wanted::new(query), Source::of(query));
    let look_at_max = source.look_at_max(query);
    let mut statement = connection.prepare_cached(&source.rows(query.from))?;
    // One more than may be looked at: whether there is any tells a look that ended from one that came to the end.
    let window = row::at_most(look_at_max.saturating_add(1));
    let mut rows = statement.query(params![lane.0, start(query.from), window])?;
    let (mut found, mut looked_to) = (Vec::new(), None);
    let mut looked_at = 0;
    while found.len() < query.limit
        && let Some(row) = rows.next()?
    {
        if looked_at == look_at_max {
            return Ok((in_log_order(found, query.from), looked_to));
        }
        let seq = Seq::new(row.get(0)?);
        looked_at += 1;
        looked_to = Some(seq);
        if wanted.fits(seq, row)? {
            found.push(seq);
        }
    }
    Ok((in_log_order(found, query.from), None))
}

fn start(from: From) -> i64 {
    match from {
        From::After(seq) | From::Before(Some(seq)) => seq.get(),
        From::Before(None) => i64::MAX,
    }
}

fn in_log_order(mut found: Vec<Seq>, from: From) -> Vec<Seq> {
    match from {
        From::After(_) => {}
        From::Before(_) => found.reverse(),
    }
    found
}

/// Where the messages to look at are listed.
#[derive(Clone, Copy)]
enum Source {
    /// All of the run.
    Run,
    /// Those of the run that did not go well at once.
    Troubled,
}

impl Source {
    fn of(query: &Find) -> Self {
        match query.standing {
            None | Some(Standing::Pending | Standing::Sent) => Self::Run,
            Some(Standing::Retrying | Standing::Failed | Standing::Cancelled) => Self::Troubled,
        }
    }

    /// At least one: a look at nothing could never be gone on from.
    fn look_at_max(self, query: &Find) -> usize {
        match self {
            Self::Run => query.look_at_max.max(1),
            Self::Troubled => (query.look_at_max / TROUBLED_COST).max(1),
        }
    }

    /// The statement for the rows to look at.
    fn rows(self, from: From) -> String {
        let (tables, run, place) = match self {
            Self::Run => ("messages m INDEXED BY messages_by_lane", "m.lane", "m.seq"),
            Self::Troubled => (
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
}

/// What is asked for, made ready to be compared with many rows.
struct Wanted<'q> {
    standing: Option<Standing>,
    /// In lower case.
    address_part: Option<String>,
    domain: Option<&'q str>,
    code: Option<u16>,
}

impl<'q> Wanted<'q> {
    fn new(query: &'q Find) -> Self {
        Self {
            standing: query.standing,
            address_part: query.address_part.as_deref().map(str::to_lowercase),
            domain: query.domain.as_deref(),
            code: query.code,
        }
    }

    fn fits(&self, seq: Seq, row: &Row<'_>) -> Result<bool> {
        Ok(self.fits_standing(seq, row)? && self.fits_code(row)? && self.fits_address(seq, row)?)
    }

    fn fits_standing(&self, seq: Seq, row: &Row<'_>) -> Result<bool> {
        let Some(standing) = self.standing else {
            return Ok(true);
        };
        let (state, attempts) = (row::state(seq, row.get(1)?)?, row.get(2)?);
        Ok(Standing::of(state, attempts) == standing)
    }

    fn fits_code(&self, row: &Row<'_>) -> Result<bool> {
        let Some(code) = self.code else {
            return Ok(true);
        };
        Ok(row.get::<_, Option<u16>>(3)? == Some(code))
    }

    fn fits_address(&self, seq: Seq, row: &Row<'_>) -> Result<bool> {
        if self.address_part.is_none() && self.domain.is_none() {
            return Ok(true);
        }
        // In lower case, and so is the domain.
        let key = row
            .get_ref(4)?
            .as_str()
            .map_err(|error| row::damaged(seq, &error))?;
        let fits_part = match &self.address_part {
            Some(part) => key.contains(part.as_str()),
            None => true,
        };
        let fits_domain = match self.domain {
            // A quoted local part may hold an `@`, a domain never does.
            Some(domain) => key.rsplit('@').next() == Some(domain),
            None => true,
        };
        Ok(fits_part && fits_domain)
    }
}
