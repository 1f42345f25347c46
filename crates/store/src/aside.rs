//! Rows that cannot be read, set aside: what every backend makes of them.

use std::sync::Arc;

use model::{EventKind, Message, Seq, Timestamp};

use crate::{Lease, NewEvent, Result, StoreError};

/// How a message ends whose row could not be read.
pub(crate) fn dropped(message: Message, what: &str, at: Timestamp) -> NewEvent {
    let reason = format!("damaged: {what}");
    NewEvent::end(Arc::new(message), EventKind::Dropped, at, reason)
}

/// What is left to do after a damaged row's message was to be dropped: nothing, or to leave it alone for a while, for this
/// reason. `dropped` says what was wrong, where it was.
pub(crate) fn cause_to_park(
    lease: &Lease,
    dropped: Result<Option<String>>,
) -> Result<Option<StoreError>> {
    let lane = &lease.key;
    match dropped {
        Ok(None) => Ok(None),
        Ok(Some(what)) => {
            tracing::error!(%lane, %what, "a damaged row was set aside: its message is dropped");
            Ok(None)
        }
        Err(error @ (StoreError::LeaseLost { .. } | StoreError::Closed)) => Err(error),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => Ok(Some(error)),
    }
}

/// Says that a message is left alone.
pub(crate) fn say_parked(lease: &Lease, seq: Seq, cause: &StoreError) {
    let lane = &lease.key;
    tracing::error!(%lane, message_seq = seq.get(), error = %cause, "a damaged row is left alone for an hour");
}
