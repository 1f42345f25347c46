//! The order of acceptance, in either direction. Each account's submissions are in that order by an index, so those of
//! several accounts are walked in step, and a page costs what it shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::{Seq, SubmissionId, TenantId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::Result;
use crate::submissions::walk::{Direction, Walked};

/// Several lists, each with its next submission.
pub(super) struct Walk<'c> {
    connection: &'c Connection,
    direction: Direction,
    sources: Vec<Source>,
    /// The next submission of each source that has one, by the source's place; the nearest is the least.
    next: BinaryHeap<Reverse<(i64, usize)>>,
}

/// A list that is in order by itself.
enum Source {
    /// All submissions.
    All,
    /// Those of a lane: the first message of each is its number, so the queue itself lists them.
    Lane(i64),
    /// Those of an account that are not final, held back or not.
    Open { account: i64, held: Option<i64> },
}

impl<'c> Walk<'c> {
    pub(super) fn begin(connection: &'c Connection, walked: &Walked<'_>) -> Result<Self> {
        let (direction, from) = walked.start();
        let mut walk = Self {
            connection,
            direction,
            sources: sources(connection, walked)?,
            next: BinaryHeap::new(),
        };
        for place in 0..walk.sources.len() {
            walk.advance(place, from)?;
        }
        Ok(walk)
    }

    /// The next submission.
    pub(super) fn next(&mut self) -> Result<Option<SubmissionId>> {
        let Some(Reverse((key, place))) = self.next.pop() else {
            return Ok(None);
        };
        let id = self.direction.signed(key);
        self.advance(place, id)?;
        Ok(Some(SubmissionId(Seq::new(id))))
    }

    fn advance(&mut self, place: usize, from: i64) -> Result<()> {
        let found = self.sources[place].next(self.connection, self.direction, from)?;
        let direction = self.direction;
        self.next
            .extend(found.map(|id| Reverse((direction.signed(id), place))));
        Ok(())
    }
}

impl Source {
    fn next(
        &self,
        connection: &Connection,
        direction: Direction,
        from: i64,
    ) -> Result<Option<i64>> {
        let (beyond, order) = match direction {
            Direction::Forwards => (">", "ASC"),
            Direction::Backwards => ("<", "DESC"),
        };
        let first = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            let sql = format!("{sql} {beyond} ?1 ORDER BY 1 {order} LIMIT 1");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_row(values, |row| row.get(0)).optional()
        };
        let found = match self {
            Self::All => first("SELECT id FROM submissions WHERE id", &[&from]),
            Self::Lane(lane) => first(
                "SELECT seq FROM messages INDEXED BY messages_by_lane \
                 WHERE lane = ?2 AND submission = seq AND seq",
                &[&from, lane],
            ),
            Self::Open { account, held } => first(
                "SELECT id FROM submissions INDEXED BY open_submissions \
                 WHERE account = ?2 AND open > 0 AND held IS ?3 AND id",
                &[&from, account, held],
            ),
        };
        Ok(found?)
    }
}

fn sources(connection: &Connection, walked: &Walked<'_>) -> Result<Vec<Source>> {
    let condition = match (walked.tenant, walked.account) {
        (None, None) if !walked.is_open => return Ok(vec![Source::All]),
        (None, None) => "?1 IS NULL AND ?2 IS NULL",
        (Some(_), None) => "a.tenant = ?1 AND ?2 IS NULL",
        (None, Some(_)) => "?1 IS NULL AND a.pk = ?2",
        (Some(_), Some(_)) => "a.tenant = ?1 AND a.pk = ?2",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT a.pk, l.id FROM accounts a JOIN lanes l ON l.account = a.pk WHERE {condition}"
    ))?;
    let tenant = walked.tenant.map(TenantId::as_str);
    let mut rows = statement.query(params![tenant, walked.account.map(|pk| pk.0)])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let (account, lane) = (row.get(0)?, row.get(1)?);
        match walked.is_open {
            true => sources.extend([None, Some(1)].map(|held| Source::Open { account, held })),
            false => sources.push(Source::Lane(lane)),
        }
    }
    Ok(sources)
}
