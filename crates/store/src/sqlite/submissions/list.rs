//! Submissions listed in the order of acceptance, with all that they say.

use std::sync::Arc;

use model::Seq;
use rusqlite::Connection;

use super::read;
use super::walk::{Walk, Walked};
use crate::Result;
use crate::find::From;
use crate::submissions::{Followed, PAGE_MAX, SubmissionFilter};
use crate::vault::Vault;

/// Messages on one page, unless one submission alone has more.
const PAGE_MESSAGES_MAX: usize = 10_000;
/// What those of one page say, in bytes, unless one submission alone says more.
const PAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

pub(super) fn list(
    connection: &Connection,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    filter: &SubmissionFilter,
) -> Result<Vec<Followed>> {
    let walked = Walked {
        tenant: filter.tenant.as_ref(),
        account: filter.account,
        is_open: filter.is_open,
        from: From::After(filter.after.map_or(Seq::START, |id| id.0)),
    };
    let mut walk = Walk::begin(connection, &walked)?;
    let mut page = Page::default();
    while page.has_room(filter.limit)
        && let Some(id) = walk.next()?
    {
        page.add(read::followed(connection, tag, vault, id)?);
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
