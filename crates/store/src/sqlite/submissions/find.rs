//! A bounded look for submissions: the walk gives them in order, and what is asked for is picked from them here.

use model::SubmissionId;
use rusqlite::{Connection, params};

use super::read;
use super::walk::{Walk, Walked};
use crate::find::From;
use crate::sqlite::row;
use crate::submissions::{FindSubmissions, FoundSubmissions, SubmissionState};
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
    let walked = Walked {
        tenant: query.tenant.as_ref(),
        account: query.account,
        is_open: query.state == Some(SubmissionState::Pending),
        from: query.from,
    };
    let mut walk = Walk::begin(connection, &walked)?;
    let part = query.part.as_deref().map(str::to_lowercase);
    let (mut found, mut looked_to, mut looked_at) = (FoundSubmissions::default(), None, 0);
    while found.submissions.len() < query.limit
        && let Some(id) = walk.next()?
    {
        if looked_to.is_some() && looked_at >= query.look_at_max {
            found.looked_to = looked_to;
            break;
        }
        looked_to = Some(id);
        looked_at += 1;
        let Some(submission) = read::alone(connection, tag, id)? else {
            continue;
        };
        let fits_state = query.state.is_none_or(|state| state == submission.state());
        let fits_part = match &part {
            Some(part) if fits_state => {
                looked_at += submission.recipients as usize;
                has(connection, &submission, part)?
            }
            _ => true,
        };
        if fits_state && fits_part {
            found
                .submissions
                .extend(read::listed(connection, tag, submission)?);
        }
    }
    Ok(found)
}

/// Whether a text in lower case is in the id, or in an address, of a submission.
fn has(connection: &Connection, submission: &Submission, part: &str) -> Result<bool> {
    if submission.client_id.as_str().to_lowercase().contains(part) {
        return Ok(true);
    }
    let SubmissionId(first) = submission.id;
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
