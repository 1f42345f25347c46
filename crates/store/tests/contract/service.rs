//! What the checks of submissions use: tenants with an account each, and mail for them.

use std::collections::HashSet;
use std::sync::Arc;

use model::account::AccountPk;
use model::{
    Address, EventKind, Line, Message, Priority, Seq, SubmissionId, Suspension, TenantId, Timestamp,
};
use store::submissions::{ClientId, Followed};
use store::{
    Directory, Due, LaneKey, Lease, NewEvent, NewSubmission, Store, Submissions, Submitted,
};

use crate::support::directory::{account, account_id, tenant, tenant_id};
use crate::support::{START, second};

/// Everything that a backend can do.
pub trait Service: Store + Directory + Submissions {}

impl<T: Store + Directory + Submissions> Service for T {}

/// A tenant that holds nothing back, with an account `main`; gives the account.
pub async fn settle(service: &dyn Service, owner: &str) -> AccountPk {
    let mut tenant = tenant(owner);
    tenant.suspension = Suspension::default();
    service.put_tenant(tenant).await.unwrap();
    service.put_account(account(owner, "main")).await.unwrap()
}

pub fn client_id(text: &str) -> ClientId {
    Line::parse("id", text).unwrap()
}

/// Mail of a tenant through its account `main`, due at once.
pub fn mail(owner: &str, id: &str, recipients: &[&str]) -> NewSubmission {
    let address = |text: &&str| Address::parse(text).unwrap();
    NewSubmission {
        tenant: tenant_id(owner),
        client_id: client_id(id),
        account: account_id("main"),
        priority: Priority::default(),
        batch: None,
        deferred_until: None,
        payload: format!(r#"{{"subject":"{id}"}}"#).into(),
        recipients: recipients.iter().map(address).collect(),
        at: START,
    }
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
