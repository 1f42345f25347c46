//! The parts of the events, one a month: made ahead, and dropped when nothing is left in them.

use super::session::Session;
use super::transaction::WriteTx;
use crate::Result;

/// The parts of months that have been over for a whole month. (An event with a moment before that finds its place in the
/// part for all others when its own is not there.)
const OVER: &str = "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid \
     WHERE inhparent = 'events'::regclass AND CASE WHEN part.relname ~ '^events_[0-9]{4}_[0-9]{2}$' \
     THEN to_date(right(part.relname, 7), 'YYYY_MM') <= date_trunc('month', now() AT TIME ZONE 'UTC') - interval '2 months' END \
     ORDER BY part.relname";

/// How long it may take to see whether a part is empty, and to be alone with the events, in milliseconds: others wait
/// meanwhile who write, and there is time for it later.
const PATIENCE_MS: u32 = 100;

/// Makes the parts of the present month and of the two that come next, where they are not there yet. What lies in
/// `events_other` of such a month is moved into its part. Anybody may run it in a transaction.
pub(super) const PREPARE: &str = include_str!("partitions.sql");

pub(super) async fn prepare(tx: &WriteTx) -> Result<()> {
    tx.session.simply(PREPARE).await?;
    Ok(())
}

/// Those parts of months long over that are seen to be empty at once. It is asked before anybody has to wait.
pub(super) async fn emptied(session: &Session) -> Result<Vec<String>> {
    let mut emptied = Vec::new();
    for row in session.rows(OVER, &[]).await? {
        let part: String = row.try_get(0)?;
        // One that was deleted from and not vacuumed yet takes long, and another look later does not.
        let looked = session.simply(&patiently(&is_empty(&part))).await;
        if looked.is_ok_and(|answer| answer.as_deref() == Some("t")) {
            emptied.push(part);
        }
    }
    Ok(emptied)
}

/// Drops a part that is still empty. Who has the turn to write keeps everybody else from writing to it meanwhile.
pub(super) async fn drop_emptied(tx: &WriteTx, part: &str) -> Result<()> {
    let session = &tx.session;
    let looked = session.simply(&patiently(&is_empty(part))).await?;
    if looked.as_deref() == Some("t") {
        session.simply(&format!("DROP TABLE {part}")).await?;
    }
    let usual = "SET LOCAL statement_timeout TO DEFAULT; SET LOCAL lock_timeout TO DEFAULT";
    session.simply(usual).await?;
    Ok(())
}

/// By the index, from the last on: what was deleted first is first in it.
fn is_empty(part: &str) -> String {
    format!("SELECT count(*) = 0 FROM (SELECT FROM {part} ORDER BY seq DESC LIMIT 1) AS one")
}

fn patiently(statement: &str) -> String {
    format!(
        "SET LOCAL statement_timeout = {PATIENCE_MS}; SET LOCAL lock_timeout = {PATIENCE_MS}; {statement}"
    )
}
