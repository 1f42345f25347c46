//! Submissions listed in the order of acceptance, with all that they say.

use std::sync::Arc;

use super::read;
use super::walk::Walk;
use crate::Result;
use crate::postgres::row::touched;
use crate::postgres::session::Session;
use crate::submissions::page::Page;
use crate::submissions::walk::Walked;
use crate::submissions::{Followed, SubmissionFilter};
use crate::vault::Vault;

pub(super) async fn list(
    session: &Session,
    tag: u32,
    vault: Option<&Arc<Vault>>,
    filter: &SubmissionFilter,
) -> Result<Vec<Followed>> {
    let mut walk = Walk::begin(session, &Walked::listed(filter)).await?;
    let (mut page, mut submissions) = (Page::default(), Vec::new());
    while page.has_room(filter.limit) {
        let next = walk.next(session, page.room(filter.limit)).await?;
        if next.is_empty() {
            break;
        }
        let fitting = fitting(session, &mut page, filter.limit, &next).await?;
        submissions.extend(read::followed(session, tag, vault, &fitting).await?);
    }
    Ok(submissions)
}

/// Those of the next submissions that are there and that the page has room for.
async fn fitting(
    session: &Session,
    page: &mut Page,
    limit: usize,
    next: &[i64],
) -> Result<Vec<i64>> {
    // How long a text is, is known without it.
    let rows = session
        .rows(
            "SELECT s.id, s.messages, octet_length(p.payload)::bigint \
             FROM submissions s JOIN payloads p ON p.submission = s.id WHERE s.id = ANY ($1) ORDER BY s.id",
            &[&next],
        )
        .await?;
    let mut fitting = Vec::new();
    for row in &rows {
        if !page.has_room(limit) {
            break;
        }
        let (messages, bytes): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        page.add(
            touched(messages.unsigned_abs()),
            touched(bytes.unsigned_abs()),
        );
        fitting.push(row.try_get(0)?);
    }
    Ok(fitting)
}
