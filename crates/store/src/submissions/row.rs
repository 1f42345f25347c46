//! A submission's row, as every backend keeps it.

use std::fmt::Display;
use std::sync::Arc;

use model::account::{AccountId, AccountPk};
use model::{
    BatchCode, EventKind, FieldError, Line, MessageId, Priority, Seq, SubmissionId, TenantId,
    Timestamp,
};

use super::{FollowedMessage, Submission};
use crate::columns::{Columns, Value};
use crate::{Logged, Result, StoreError};

/// How many columns [`to_submission`] reads: id, tenant, client's id, number and id of the account, priority, batch, until
/// when it is deferred, messages, open ones, failed ones, whether it is held, when it was created and when updated.
pub(crate) const WIDTH: usize = 14;

/// The submission whose columns begin at `first`. One that does not hold what it must is [`StoreError::Damaged`],
/// whatever is wrong with it.
pub(crate) fn to_submission(row: &impl Columns, first: usize, tag: u32) -> Result<Submission> {
    let id = Seq::new(row.column(first)?);
    let wrong = |error: FieldError| damaged(id, &error);
    let text = |place: usize| column::<String>(row, first + place, id);
    let time = |place: usize| column(row, first + place, id).map(Timestamp::from_millis);
    let count = |place: usize| {
        let count: i64 = column(row, first + place, id)?;
        u32::try_from(count).map_err(|error| damaged(id, &error))
    };
    let batch: Option<String> = column(row, first + 6, id)?;
    let deferred_until: Option<i64> = column(row, first + 7, id)?;
    let created_at = time(12)?;
    Ok(Submission {
        id: SubmissionId(id),
        message_id: MessageId::new(created_at, tag, id),
        tenant: TenantId::parse(&text(1)?).map_err(wrong)?,
        client_id: Line::parse("id", &text(2)?).map_err(wrong)?,
        account: AccountPk(column(row, first + 3, id)?),
        account_id: AccountId::parse(&text(4)?).map_err(wrong)?,
        priority: Priority::clamped(column(row, first + 5, id)?),
        batch: batch
            .map(|batch| BatchCode::parse(&batch))
            .transpose()
            .map_err(wrong)?,
        deferred_until: deferred_until.map(Timestamp::from_millis),
        recipients: count(8)?,
        open: count(9)?,
        failed: count(10)?,
        is_held: column(row, first + 11, id)?,
        created_at,
        updated_at: time(13)?,
    })
}

fn column<T: Value>(row: &impl Columns, place: usize, id: Seq) -> Result<T> {
    row.column(place).map_err(|error| damaged(id, &error))
}

/// The error of a submission's row that does not hold what it must.
pub(crate) fn damaged(id: Seq, error: &dyn Display) -> StoreError {
    StoreError::Damaged(format!("submission {}: {error}", id.get()))
}

impl FollowedMessage {
    /// A message with its latest event, by when its row says it is due.
    pub(crate) fn of(logged: Logged, due_at: Option<i64>) -> Self {
        // What waits for a limit keeps its place in the queue; until when it waits is in the event.
        let limited_until = logged
            .event
            .due_at
            .filter(|_| logged.event.kind == EventKind::RateLimited);
        Self {
            message: Arc::unwrap_or_clone(logged.message),
            due_at: due_at.map(Timestamp::from_millis).max(limited_until),
            last: logged.event,
        }
    }
}
