//! A bounded look for submissions: the walk gives them in order, and what is asked for is picked from them here.

use std::collections::HashSet;

use super::read;
use super::walk::Walk;
use crate::postgres::row::storable;
use crate::postgres::session::Session;
use crate::submissions::look::{Fit, Look};
use crate::submissions::walk::Walked;
use crate::submissions::{FindSubmissions, FoundSubmissions};
use crate::{Result, Submission};

/// Submissions that are come to at once: what a look that ends early reads too much is little, and one that goes on asks
/// seldom.
const AT_ONCE: usize = 500;

pub(super) async fn find(
    session: &Session,
    tag: u32,
    query: &FindSubmissions,
) -> Result<FoundSubmissions> {
    let mut walk = Walk::begin(session, &Walked::looked_at(query)).await?;
    let (mut look, mut found) = (Look::new(query), Vec::new());
    while found.len() < query.limit {
        let window = look.window(found.len()).min(AT_ONCE);
        let next = walk.next(session, window).await?;
        let (fits, goes_on) = look_at(session, tag, &mut look, &next).await?;
        found.extend(fits.into_iter().take(query.limit - found.len()));
        if !goes_on || next.is_empty() {
            break;
        }
    }
    let looked_to = look.looked_to(found.len());
    Ok(FoundSubmissions {
        // They come in the order of acceptance, whatever that of the look was.
        submissions: read::listed(session, tag, &found).await?,
        looked_to,
    })
}

/// Those of the next submissions that are asked for, in the order of the look; and whether more may be looked at.
async fn look_at(
    session: &Session,
    tag: u32,
    look: &mut Look<'_>,
    next: &[i64],
) -> Result<(Vec<i64>, bool)> {
    let mut submissions = read::alone(session, tag, next).await?;
    if next.first() > next.last() {
        submissions.reverse();
    }
    let (mut picked, mut by_address) = (Vec::new(), Vec::new());
    let mut goes_on = true;
    for submission in &submissions {
        goes_on = look.goes_on();
        if !goes_on {
            break;
        }
        look.comes_to(submission.id);
        match look.at(submission) {
            Fit::Fits => picked.push((submission.id.0.get(), true)),
            Fit::Differs => {}
            Fit::ByAddress => {
                picked.push((submission.id.0.get(), false));
                by_address.push(submission);
            }
        }
    }
    let having = having(session, &by_address, look.part()).await?;
    picked.retain(|(id, fits)| *fits || having.contains(id));
    Ok((picked.into_iter().map(|(id, _)| id).collect(), goes_on))
}

/// Those of the submissions that have a text in lower case in an address.
async fn having(
    session: &Session,
    submissions: &[&Submission],
    part: &str,
) -> Result<HashSet<i64>> {
    if submissions.is_empty() {
        return Ok(HashSet::new());
    }
    let (ids, counts): (Vec<i64>, Vec<i64>) = submissions
        .iter()
        .map(|submission| (submission.id.0.get(), i64::from(submission.recipients)))
        .unzip();
    let rows = session
        .rows(
            "SELECT s.id FROM unnest($1::bigint[], $2::bigint[]) AS s (id, count) \
             CROSS JOIN LATERAL (SELECT FROM messages WHERE seq >= s.id AND seq < s.id + s.count \
                 AND strpos(coalesce(folded, address), $3) > 0 ORDER BY seq LIMIT 1) AS one",
            &[&ids, &counts, &storable(part)],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
