//! Tenants with an account each, and mail for them.

use model::account::AccountPk;
use model::{Address, Line, Priority, Suspension};
use store::{Directory, NewSubmission, Parts, Statistics, Store, Submissions};

use super::START;
use super::directory::{account, account_id, tenant, tenant_id};

/// Everything that a backend can do.
pub trait Service: Store + Directory + Submissions + Statistics {}

impl<T: Store + Directory + Submissions + Statistics> Service for T {}

/// A tenant that holds nothing back, with an account `main`; gives the account.
pub async fn settle(service: &dyn Service, owner: &str) -> AccountPk {
    let mut tenant = tenant(owner);
    tenant.suspension = Suspension::default();
    tenant.webhook = None;
    service.put_tenant(tenant).await.unwrap();
    service.put_account(account(owner, "main")).await.unwrap()
}

/// Mail of a tenant through its account `main`, due at once.
pub fn mail(owner: &str, id: &str, recipients: &[&str]) -> NewSubmission {
    let address = |text: &&str| Address::parse(text).unwrap();
    NewSubmission {
        tenant: tenant_id(owner),
        client_id: Line::parse("id", id).unwrap(),
        account: account_id("main"),
        priority: Priority::default(),
        batch: None,
        deferred_until: None,
        payload: format!(r#"{{"subject":"{id}"}}"#).into(),
        parts: Parts::Inside,
        recipients: recipients.iter().map(address).collect(),
        at: START,
    }
}
