//! Submissions listed in the order of acceptance, with all that they say.

use std::sync::Arc;

use rusqlite::Connection;

use super::read;
use super::walk::Walk;
use crate::Result;
use crate::submissions::page::Page;
use crate::submissions::walk::Walked;
use crate::submissions::{Followed, SubmissionFilter};
use crate::vault::Vault;

pub(super) fn list(
    connection: &Connection,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    filter: &SubmissionFilter,
) -> Result<Vec<Followed>> {
    let mut walk = Walk::begin(connection, &Walked::listed(filter))?;
    let (mut page, mut submissions) = (Page::default(), Vec::new());
    while page.has_room(filter.limit)
        && let Some(id) = walk.next()?
    {
        if let Some(found) = read::followed(connection, tag, vault, id)? {
            page.add(found.messages.len(), found.payload.len());
            submissions.push(found);
        }
    }
    Ok(submissions)
}
