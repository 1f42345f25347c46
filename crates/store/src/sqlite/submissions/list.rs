//! Submissions listed in the order of acceptance. Each account's are in that order by an index, so those of several
//! accounts are walked in step, and a page costs what it shows.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::{Seq, SubmissionId, TenantId};
use rusqlite::{Connection, OptionalExtension, params};

use super::read;
use crate::Result;
use crate::submissions::{Followed, PAGE_MAX, SubmissionFilter};

/// Messages on one page, unless one submission alone has more.
const PAGE_MESSAGES_MAX: usize = 10_000;
/// What those of one page say, in bytes, unless one submission alone says more.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

pub(super) fn list(
    connection: &Connection,
    tag: u32,
    filter: &SubmissionFilter,
) -> Result<Vec<Followed>> {
    let mut walk = Walk::begin(connection, filter)?;
    let mut page = Page::default();
    while page.has_room(filter.limit)
        && let Some(id) = walk.next()?
    {
        page.add(read::followed(connection, tag, id)?);
    }
    Ok(page.submissions)
}

/// What was found so far.
#[derive(Default)]
struct Page {
    submissions: Vec<Followed>,
    messages: usize,
    bytes: usize,
}

impl Page {
    fn has_room(&self, limit: usize) -> bool {
        self.submissions.len() < limit.min(PAGE_MAX)
            && self.messages < PAGE_MESSAGES_MAX
            && self.bytes < PAGE_BYTES_MAX
    }

    fn add(&mut self, found: Option<Followed>) {
        if let Some(found) = found {
            self.messages += found.messages.len();
            self.bytes += found.payload.len();
            self.submissions.push(found);
        }
    }
}

/// The accounts of a filter, each with its next submission.
struct Walk<'c> {
    connection: &'c Connection,
    is_open: bool,
    sources: Vec<Source>,
    /// The next submission of each source that has one, by the source's place.
    next: BinaryHeap<Reverse<(i64, usize)>>,
}

/// An account and the lane of its mail.
struct Source {
    account: i64,
    lane: i64,
}

impl<'c> Walk<'c> {
    fn begin(connection: &'c Connection, filter: &SubmissionFilter) -> Result<Self> {
        let mut walk = Self {
            connection,
            is_open: filter.is_open,
            sources: sources(connection, filter)?,
            next: BinaryHeap::new(),
        };
        let after = filter.after.map_or(0, |id| id.0.get());
        for place in 0..walk.sources.len() {
            walk.advance(place, after)?;
        }
        Ok(walk)
    }

    fn next(&mut self) -> Result<Option<SubmissionId>> {
        let Some(Reverse((id, place))) = self.next.pop() else {
            return Ok(None);
        };
        self.advance(place, id)?;
        Ok(Some(SubmissionId(Seq::new(id))))
    }

    fn advance(&mut self, place: usize, after: i64) -> Result<()> {
        let source = &self.sources[place];
        let found = match self.is_open {
            true => next_open(self.connection, source, after)?,
            false => next_of_all(self.connection, source, after)?,
        };
        self.next.extend(found.map(|id| Reverse((id, place))));
        Ok(())
    }
}

fn sources(connection: &Connection, filter: &SubmissionFilter) -> Result<Vec<Source>> {
    let condition = match (&filter.tenant, filter.account) {
        (None, None) => "?1 IS NULL AND ?2 IS NULL",
        (Some(_), None) => "a.tenant = ?1 AND ?2 IS NULL",
        (None, Some(_)) => "?1 IS NULL AND a.pk = ?2",
        (Some(_), Some(_)) => "a.tenant = ?1 AND a.pk = ?2",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT a.pk, l.id FROM accounts a JOIN lanes l ON l.account = a.pk WHERE {condition}"
    ))?;
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let rows = statement.query_map(params![tenant, filter.account.map(|pk| pk.0)], |row| {
        Ok(Source {
            account: row.get(0)?,
            lane: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The first message of a submission is its number, so the queue itself lists them.
fn next_of_all(connection: &Connection, source: &Source, after: i64) -> Result<Option<i64>> {
    let found = connection
        .prepare_cached(
            "SELECT seq FROM messages INDEXED BY messages_by_lane \
             WHERE lane = ?1 AND seq > ?2 AND submission = seq ORDER BY seq LIMIT 1",
        )?
        .query_row([source.lane, after], |row| row.get(0))
        .optional()?;
    Ok(found)
}

fn next_open(connection: &Connection, source: &Source, after: i64) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM submissions INDEXED BY open_submissions \
         WHERE account = ?1 AND open > 0 AND held IS ?3 AND id > ?2 ORDER BY id LIMIT 1",
    )?;
    let mut next = |held: Option<i64>| {
        statement
            .query_row(params![source.account, after, held], |row| {
                row.get::<_, i64>(0)
            })
            .optional()
    };
    let (going, held) = (next(None)?, next(Some(1))?);
    Ok(going.into_iter().chain(held).min())
}
