//! Secrets that are words to look for, everywhere that the directory keeps one; and what it does when somebody moves them.

use model::account::AccountPk;
use model::{ClientAuth, Secret, Tenant};
use store::directory::{Instance, KeyHash};
use store::{Directory, KeySource, StoreError};

use crate::support::directory::{account, storage, tenant, tenant_id};
use crate::support::{START, second};

/// The base64 of 32 other bytes.
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

/// Copies of sealed values to where they do not belong, and how the place is called in the error.
pub const SWAPS: [(&str, &str); 9] = [
    (
        "UPDATE accounts SET password = (SELECT password FROM accounts WHERE tenant = 'other') \
         WHERE tenant = 'acme'",
        "password",
    ),
    (
        "UPDATE accounts SET password = imap_password WHERE tenant = 'acme'",
        "password",
    ),
    (
        "UPDATE accounts SET imap_password = password WHERE tenant = 'acme'",
        "imap_password",
    ),
    (
        "UPDATE accounts SET tenant = 'other', id = 'stolen' WHERE tenant = 'acme'",
        "password",
    ),
    (
        "UPDATE tenants SET client_auth = (SELECT client_auth FROM tenants WHERE id = 'other') \
         WHERE id = 'acme'",
        "client_auth",
    ),
    (
        "UPDATE tenants SET large_files = client_auth WHERE id = 'acme'",
        "large_files",
    ),
    (
        "UPDATE storages SET config = (SELECT config FROM storages WHERE tenant = 'other') \
         WHERE tenant = 'acme'",
        "config",
    ),
    (
        "UPDATE instance SET bounce = (SELECT config FROM storages WHERE tenant = 'other')",
        "bounce",
    ),
    ("UPDATE accounts SET password = 'canary-plain'", "password"),
];

/// Another key than the tests' own.
pub fn other_key() -> KeySource {
    KeySource::Given(Secret::new(OTHER_KEY))
}

/// Keeps every secret that the directory knows, and a key.
pub async fn fill(directory: &dyn Directory) -> AccountPk {
    for id in ["acme", "other"] {
        directory.put_tenant(tenant(id)).await.unwrap();
        directory.put_storage(storage(id, "files")).await.unwrap();
        directory.put_account(account(id, "smtp")).await.unwrap();
    }
    let token = |tenant: &mut Tenant| {
        tenant.client.auth = ClientAuth::bearer("canary-token")?;
        Ok(())
    };
    let other = tenant_id("other");
    let changed = directory.change_tenant(&other, Box::new(token), second(2));
    changed.await.unwrap().unwrap();
    let bounce = |instance: &mut Instance| {
        instance.api_token = Some(KeyHash::of(&Secret::new("canary-admin")));
        instance.bounce = Some(Secret::new(r#"{"password":"canary-bounce"}"#));
        Ok(())
    };
    let changed = directory.change_instance(Box::new(bounce), second(2));
    changed.await.unwrap();
    let hash = KeyHash::of(&Secret::new("canary-key"));
    let acme = tenant_id("acme");
    let added = directory.add_key(&acme, hash, None, START);
    added.await.unwrap();
    directory
        .put_account(account("acme", "smtp"))
        .await
        .unwrap()
}

/// What reading each of acme's secrets, and the instance's, gives of errors.
pub async fn read_all(directory: &dyn Directory, pk: AccountPk) -> Vec<StoreError> {
    let acme = tenant_id("acme");
    let outcomes = [
        directory.tenant(&acme).await.map(|_| ()),
        directory.account_by_pk(pk).await.map(|_| ()),
        directory.storages(&acme).await.map(|_| ()),
        directory.instance().await.map(|_| ()),
    ];
    outcomes.into_iter().filter_map(Result::err).collect()
}

/// Reads every secret after a swap: what was moved is refused, by its place and without being shown.
pub async fn assert_refused(directory: &dyn Directory, pk: AccountPk, swap: &str, column: &str) {
    let errors = read_all(directory, pk).await;
    assert!(!errors.is_empty(), "{swap}");
    for error in errors {
        let text = error.to_string();
        assert!(matches!(error, StoreError::Damaged(_)), "{text}");
        assert!(
            text.contains(&format!("its {column} was not sealed")),
            "{text}"
        );
        assert!(!text.contains("canary"), "{text}");
    }
}
