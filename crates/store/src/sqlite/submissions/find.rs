//! A bounded look for submissions: the walk gives them in order, and what is asked for is picked from them here.

use rusqlite::{Connection, params};

use super::read;
use super::walk::Walk;
use crate::find::From;
use crate::sqlite::row;
use crate::submissions::look::{Fit, Look};
use crate::submissions::walk::Walked;
use crate::submissions::{FindSubmissions, FoundSubmissions};
use crate::{Result, Submission};

pub(super) fn find(
    connection: &Connection,
    tag: u32,
    query: &FindSubmissions,
) -> Result<FoundSubmissions> {
    let mut found = look(connection, tag, query)?;
    if let From::Before(_) = query.from {
        found.submissions.reverse();
    }
    Ok(found)
}

/// What fits, in the order of the look.
fn look(connection: &Connection, tag: u32, query: &FindSubmissions) -> Result<FoundSubmissions> {
    let mut walk = Walk::begin(connection, &Walked::looked_at(query))?;
    let (mut look, mut found) = (Look::new(query), Vec::new());
    while found.len() < query.limit
        && let Some(id) = walk.next()?
        && look.goes_on()
    {
        look.comes_to(id);
        let Some(submission) = read::alone(connection, tag, id)? else {
            continue;
        };
        let fits = match look.at(&submission) {
            Fit::Fits => true,
            Fit::Differs => false,
            Fit::ByAddress => has(connection, &submission, look.part())?,
        };
        if fits {
            found.extend(read::listed(connection, tag, submission)?);
        }
    }
    Ok(FoundSubmissions {
        looked_to: look.looked_to(found.len()),
        submissions: found,
    })
}

/// Whether a text in lower case is in an address of a submission.
fn has(connection: &Connection, submission: &Submission, part: &str) -> Result<bool> {
    let first = submission.id.0;
    let mut statement = connection.prepare_cached(
        "SELECT ifnull(folded, address) FROM messages WHERE seq >= ?1 AND seq < ?1 + ?2",
    )?;
    let mut rows = statement.query(params![first.get(), submission.recipients])?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_str();
        if key
            .map_err(|error| row::damaged(first, &error))?
            .contains(part)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
