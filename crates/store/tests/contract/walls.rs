//! The walls between tenants: nothing of another one by any id.

use std::fmt::Debug;

use model::account::AccountId;
use model::storage::StorageName;
use model::{Secret, Tenant, TenantId};
use store::Directory;
use store::directory::KnownAccount;

use crate::on_each_backend;
use crate::support::directory::{account, account_id, storage, tenant, tenant_id};
use crate::support::second;

/// Ids that two tenants share, and ids that look like another tenant's place.
const NAMES: [&str; 4] = ["main", "a", "b", "a.main"];

/// All of one tenant, as one text with its secrets.
async fn all_of(directory: &dyn Directory, tenant: &TenantId) -> String {
    let mut text = String::new();
    let mut add = |what: &dyn Debug| text.push_str(&format!("{what:?}\n"));
    add(&directory.tenant(tenant).await.unwrap());
    for known in directory.accounts(Some(tenant), None, 100).await.unwrap() {
        let KnownAccount { pk, account } = known;
        add(&(pk, &account, account.password.as_ref().map(Secret::expose)));
    }
    for storage in directory.storages(tenant).await.unwrap() {
        add(&(&storage, storage.config.expose()));
    }
    for key in directory.keys(tenant).await.unwrap() {
        add(&key);
    }
    text
}

async fn fill(directory: &dyn Directory, owner: &str) {
    directory.put_tenant(tenant(owner)).await.unwrap();
    let tenant = tenant_id(owner);
    for name in NAMES {
        let mut account = account(owner, name);
        account.password = Some(Secret::new(format!("canary-{owner}-{name}")));
        directory.put_account(account).await.unwrap();
        let mut storage = storage(owner, name);
        storage.config = Secret::new(format!("canary-{owner}-{name}"));
        directory.put_storage(storage).await.unwrap();
        let hash = crate::api_keys::hash(&format!("{owner}-{name}"));
        let added = directory.add_key(&tenant, hash, None, second(1));
        added.await.unwrap();
    }
}

#[test]
fn each_tenant_sees_its_own_under_the_ids_that_others_use() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for owner in NAMES {
            fill(&*directory, owner).await;
        }
        for owner in NAMES {
            let tenant = tenant_id(owner);
            for name in NAMES {
                let canary = format!("canary-{owner}-{name}");
                let found = directory.account(&tenant, &account_id(name)).await;
                let account = found.unwrap().unwrap().account;
                assert_eq!(account.tenant, tenant);
                assert_eq!(account.password.unwrap().expose(), canary);
                let name = StorageName::parse(name).unwrap();
                let found = directory.storage(&tenant, &name).await;
                assert_eq!(found.unwrap().unwrap().config.expose(), canary);
            }
            let whole = all_of(&*directory, &tenant).await;
            for other in NAMES.into_iter().filter(|&other| other != owner) {
                assert!(!whole.contains(&format!("canary-{other}-")), "{owner}");
            }
        }
    });
}

#[test]
fn nothing_that_is_done_in_a_tenant_s_name_touches_another() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for owner in ["a", "b"] {
            fill(&*directory, owner).await;
        }
        let (a, b) = (tenant_id("a"), tenant_id("b"));
        let before = all_of(&*directory, &b).await;
        let foreign_keys = directory.keys(&b).await.unwrap();
        for key in &foreign_keys {
            assert!(!directory.revoke_key(&a, key.id).await.unwrap());
        }
        for name in NAMES {
            let account: AccountId = account_id(name);
            assert!(directory.delete_account(&a, &account).await.unwrap());
            assert!(!directory.delete_account(&a, &account).await.unwrap());
            let storage = StorageName::parse(name).unwrap();
            assert!(directory.delete_storage(&a, &storage).await.unwrap());
            assert!(!directory.delete_storage(&a, &storage).await.unwrap());
        }
        assert_eq!(directory.revoke_keys(&a).await.unwrap(), NAMES.len());
        let suspend = |tenant: &mut Tenant| tenant.suspension.suspend(None);
        let changed = directory.change_tenant(&a, Box::new(suspend), second(2));
        assert!(changed.await.unwrap().unwrap().suspension.is_all());
        assert_eq!(all_of(&*directory, &b).await, before);
        fill(&*directory, "a").await;
        assert!(directory.delete_tenant(&a).await.unwrap());
        assert_eq!(all_of(&*directory, &b).await, before);
        for name in NAMES {
            let hash = crate::api_keys::hash(&format!("b-{name}"));
            let owner = directory.key_owner(&hash, second(3)).await.unwrap();
            assert_eq!(owner.as_ref(), Some(&b));
        }
    });
}
