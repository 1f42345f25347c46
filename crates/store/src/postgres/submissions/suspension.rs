//! What a tenant holds back: its queued mail brought to what its suspension says, some at a time.
//!
//! New mail is held, or not, in the transaction that accepts it; so what does not stand as the suspension says is older
//! than its last change, and it leaves the index that it is found by when it is brought into line.

use model::{BatchCode, LaneId, Priority, Suspension, TenantId};

use crate::Result;
use crate::directory::rows::tenant::to_suspension;
use crate::postgres::row::at_most;
use crate::postgres::session::{Session, Values};
use crate::postgres::transaction::WriteTx;

/// A tenant's submissions that go.
const HOLD_ALL: &str = "UPDATE submissions SET held = TRUE WHERE id IN (SELECT s.id \
     FROM accounts a JOIN submissions s ON s.account = a.pk AND s.open > 0 AND NOT s.held \
     WHERE a.tenant = $1 LIMIT $2) RETURNING id, messages";
/// Some batches' that go.
const HOLD_BATCHES: &str = "UPDATE submissions SET held = TRUE WHERE id IN (SELECT id FROM submissions \
     WHERE tenant = $1 AND batch = ANY ($3) AND open > 0 AND NOT held LIMIT $2) RETURNING id, messages";
/// Some batches' that are held.
const RELEASE_BATCHES: &str = "UPDATE submissions SET held = FALSE WHERE id IN (SELECT id FROM submissions \
     WHERE tenant = $1 AND batch = ANY ($3) AND open > 0 AND held LIMIT $2) RETURNING id, messages";
/// Those that are held without a batch.
const RELEASE_OTHERS: &str = "UPDATE submissions SET held = FALSE WHERE id IN (SELECT id FROM submissions \
     WHERE tenant = $1 AND batch IS NULL AND open > 0 AND held LIMIT $2) RETURNING id, messages";

pub(super) async fn align(tx: &mut WriteTx, tenant: &TenantId, limit: usize) -> Result<usize> {
    let Some(suspension) = suspension(&tx.session, tenant).await? else {
        return Ok(0);
    };
    let name = tenant.as_str();
    if suspension.is_all() {
        let going = change(&tx.session, HOLD_ALL, &[&name, &at_most(limit)]).await?;
        set_held(&tx.session, &going.messages).await?;
        return Ok(going.submissions);
    }
    let codes: Vec<&str> = suspension.batches().map(BatchCode::as_str).collect();
    let values: Values<'_> = &[&name, &at_most(limit), &codes];
    let going = change(&tx.session, HOLD_BATCHES, values).await?;
    set_held(&tx.session, &going.messages).await?;
    let mut changed = going.submissions;
    let codes = released_batches(&tx.session, tenant, &suspension).await?;
    let values: Values<'_> = &[&name, &at_most(limit - changed), &codes];
    changed += release(tx, RELEASE_BATCHES, values).await?;
    let values: Values<'_> = &[&name, &at_most(limit - changed)];
    changed += release(tx, RELEASE_OTHERS, values).await?;
    Ok(changed)
}

async fn suspension(session: &Session, tenant: &TenantId) -> Result<Option<Suspension>> {
    let row = session
        .row_if_any(
            "SELECT suspension FROM tenants WHERE id = $1",
            &[&tenant.as_str()],
        )
        .await?;
    row.map(|row| to_suspension(tenant, row.try_get(0)?))
        .transpose()
}

/// The batches that something is held of, and that are suspended no more.
async fn released_batches(
    session: &Session,
    tenant: &TenantId,
    suspension: &Suspension,
) -> Result<Vec<String>> {
    let mut released = Vec::new();
    // No code is empty, so that is before the first.
    let mut place = String::new();
    // One look a batch, however much is held of it.
    while let Some(row) = session
        .row_if_any(
            "SELECT batch FROM submissions \
             WHERE tenant = $1 AND batch > $2 AND open > 0 AND held ORDER BY batch LIMIT 1",
            &[&tenant.as_str(), &place],
        )
        .await?
    {
        place = row.try_get(0)?;
        // A code that is none any more is no batch that could be suspended.
        if !BatchCode::parse(&place).is_ok_and(|code| suspension.holds(Some(&code))) {
            released.push(place.clone());
        }
    }
    Ok(released)
}

/// Submissions that were changed.
struct Changed {
    submissions: usize,
    /// The numbers of their messages.
    messages: Vec<i64>,
}

/// Changes submissions; a statement gives the number of each and how many messages it has.
async fn change(session: &Session, statement: &str, values: Values<'_>) -> Result<Changed> {
    let rows = session.rows(statement, values).await?;
    let mut messages = Vec::new();
    for row in &rows {
        let (id, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        messages.extend(id..id + count);
    }
    Ok(Changed {
        submissions: rows.len(),
        messages,
    })
}

async fn set_held(session: &Session, messages: &[i64]) -> Result<()> {
    session
        .execute(
            "UPDATE messages SET held = TRUE WHERE seq = ANY ($1) AND state = 0",
            &[&messages],
        )
        .await?;
    Ok(())
}

/// Lets submissions go on; who delivers them is told.
async fn release(tx: &mut WriteTx, statement: &str, values: Values<'_>) -> Result<usize> {
    let going = change(&tx.session, statement, values).await?;
    let rows = tx
        .session
        .rows(
            "WITH released AS (UPDATE messages SET held = FALSE WHERE seq = ANY ($1) AND state = 0 \
             RETURNING lane, priority) SELECT lane, min(priority) FROM released GROUP BY lane",
            &[&going.messages],
        )
        .await?;
    for row in &rows {
        let priority = Priority::clamped(row.try_get(1)?);
        tx.has_mail(LaneId(row.try_get(0)?), priority);
    }
    Ok(going.submissions)
}
