//! What the checks of submissions use: mail handed over, read back and recorded.

use std::collections::HashSet;
use std::sync::Arc;

use model::account::AccountPk;
use model::{EventKind, Line, Message, Seq, SubmissionId, TenantId, Timestamp};
use store::submissions::{ClientId, Followed};
use store::{Due, LaneKey, Lease, NewEvent, NewSubmission, Submitted};

use crate::support::second;
pub use crate::support::submissions::{Service, mail, settle};

pub fn client_id(text: &str) -> ClientId {
    Line::parse("id", text).unwrap()
}

/// Hands over one submission that is new.
pub async fn submit(service: &dyn Service, new: NewSubmission) -> SubmissionId {
    match service.submit(vec![new]).await.unwrap()[..] {
        [Submitted::New(id)] => id,
        ref other => panic!("it is new, but {other:?}"),
    }
}

/// A submission that is there.
pub async fn followed(service: &dyn Service, owner: &TenantId, id: &str) -> Followed {
    let found = service.submission(owner, &client_id(id)).await.unwrap();
    found.expect("it is there")
}

pub async fn lease(service: &dyn Service, account: AccountPk) -> Lease {
    service.lease(LaneKey::account(account)).await.unwrap()
}

/// What is due, whatever is in flight.
pub async fn due(service: &dyn Service, lease: &Lease, now: Timestamp, limit: usize) -> Due {
    let nobody = HashSet::new();
    let due = service.due(lease, now, limit, &nobody);
    due.await.unwrap()
}

pub fn seqs(messages: &[Message]) -> Vec<Seq> {
    messages.iter().map(|message| message.seq).collect()
}

/// Records one event of one message, with the attempt that it was.
pub async fn record(
    service: &dyn Service,
    lease: &Lease,
    message: Seq,
    kind: EventKind,
    at: u64,
) -> usize {
    let message = Arc::new(service.message(message).await.unwrap().unwrap());
    let new = outcome(&message, kind, at);
    service.record(lease, vec![new]).await.unwrap()
}

/// An event of a message.
pub fn outcome(message: &Arc<Message>, kind: EventKind, at: u64) -> NewEvent {
    let is_attempt = !matches!(kind, EventKind::RateLimited | EventKind::Cancelled);
    NewEvent {
        message: Arc::clone(message),
        kind,
        at: second(at),
        attempts: message.attempts + u32::from(is_attempt),
        due_at: None,
        attempt: None,
        reason: None,
    }
}
