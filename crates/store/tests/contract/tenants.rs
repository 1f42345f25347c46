//! Tenants.

use model::tenant::SYNC_PATH;
use model::{BatchCode, ClientAuth, FieldError, Suspension, Tenant};
use store::directory::Put;
use store::{Directory, StoreError};

use crate::on_each_backend;
use crate::support::directory::{account, storage, tenant, tenant_id};
use crate::support::second;

/// Everything but the credentials, which have no `==`.
fn assert_same_tenant(found: &Tenant, expected: &Tenant) {
    assert_eq!((&found.id, &found.name), (&expected.id, &expected.name));
    assert_eq!(found.client.sync_url(), expected.client.sync_url());
    assert_eq!(
        found.client.attachment_url(),
        expected.client.attachment_url()
    );
    assert_eq!(found.limits, expected.limits);
    assert_eq!(found.large_files, expected.large_files);
    assert_eq!(found.is_active, expected.is_active);
    assert_eq!(found.suspension, expected.suspension);
    assert_eq!(
        (found.created_at, found.updated_at),
        (expected.created_at, expected.updated_at)
    );
}

fn ids(tenants: &[Tenant]) -> Vec<&str> {
    tenants.iter().map(|tenant| tenant.id.as_str()).collect()
}

#[test]
fn a_first_tenant_never_takes_the_place_of_one_that_is_there() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        assert!(directory.put_first_tenant(tenant("acme")).await.unwrap());
        let mut other = tenant("acme");
        other.is_active = !other.is_active;
        for late in [other, tenant("beta")] {
            assert!(!directory.put_first_tenant(late).await.unwrap());
        }
        let found = directory.tenants(None, 10).await.unwrap();
        assert_eq!(ids(&found), ["acme"]);
        assert_same_tenant(&found[0], &tenant("acme"));
    });
}

#[test]
fn a_tenant_comes_back_as_it_was_put() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let full = tenant("acme");
        assert_eq!(
            directory.put_tenant(full.clone()).await.unwrap(),
            Put::Created
        );
        let again = place.directory().await;
        let found = again.tenant(&full.id).await.unwrap().unwrap();
        assert_same_tenant(&found, &full);
        let ClientAuth::Basic { user, password } = found.client.auth else {
            panic!("{:?}", found.client.auth);
        };
        assert_eq!(user.as_str(), "acme");
        assert_eq!(password.expose(), "canary-client \\ \"quoted\"");

        let bare = Tenant::new(tenant_id("bare"), second(3));
        directory.put_tenant(bare.clone()).await.unwrap();
        let found = directory.tenant(&bare.id).await.unwrap().unwrap();
        assert_same_tenant(&found, &bare);
        assert!(matches!(found.client.auth, ClientAuth::None));
        assert_eq!(found.client.sync_path.as_str(), SYNC_PATH);
        let missing = directory.tenant(&tenant_id("Acme")).await.unwrap();
        assert!(missing.is_none(), "ids differ by their case");
    });
}

#[test]
fn a_tenant_that_is_put_again_is_replaced_and_stays_as_old_as_it_is() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let first = tenant("acme");
        directory.put_tenant(first.clone()).await.unwrap();
        let mut second_one = Tenant::new(first.id.clone(), second(9));
        second_one.suspension = Suspension::all();
        second_one.is_active = false;
        second_one.client.auth = ClientAuth::bearer("canary-token").unwrap();
        assert_eq!(
            directory.put_tenant(second_one.clone()).await.unwrap(),
            Put::Replaced
        );
        second_one.created_at = first.created_at;
        let found = directory.tenant(&first.id).await.unwrap().unwrap();
        assert_same_tenant(&found, &second_one);
        let ClientAuth::Bearer(token) = found.client.auth else {
            panic!("{:?}", found.client.auth);
        };
        assert_eq!(token.expose(), "canary-token");
    });
}

#[test]
fn tenants_are_listed_by_id_in_pages() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for id in ["c", "a", "b.2", "b", "B"] {
            directory.put_tenant(tenant(id)).await.unwrap();
        }
        let all = directory.tenants(None, 10).await.unwrap();
        assert_eq!(ids(&all), ["B", "a", "b", "b.2", "c"]);
        let mut after = None;
        let mut paged = Vec::new();
        loop {
            let page = directory.tenants(after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            paged.extend(page);
        }
        assert_eq!(ids(&paged), ids(&all));
    });
}

#[test]
fn a_deleted_tenant_takes_all_that_is_its_own_along() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for id in ["acme", "other"] {
            directory.put_tenant(tenant(id)).await.unwrap();
            directory.put_account(account(id, "smtp")).await.unwrap();
            directory.put_storage(storage(id, "files")).await.unwrap();
            let hash = crate::api_keys::hash(id);
            let owner = tenant_id(id);
            let added = directory.add_key(&owner, hash, None, second(1));
            added.await.unwrap();
        }
        let acme = tenant_id("acme");
        assert!(directory.delete_tenant(&acme).await.unwrap());
        assert!(!directory.delete_tenant(&acme).await.unwrap());
        assert_eq!(counts(&*directory, "acme").await, (0, 0, 0));
        assert_eq!(counts(&*directory, "other").await, (1, 1, 1));
        let hash = crate::api_keys::hash("acme");
        assert_eq!(directory.key_owner(&hash, second(2)).await.unwrap(), None);
        // One of the same id is another tenant.
        directory.put_tenant(tenant("acme")).await.unwrap();
        assert_eq!(counts(&*directory, "acme").await, (0, 0, 0));
    });
}

/// Accounts, storages and keys of a tenant.
async fn counts(directory: &dyn Directory, tenant: &str) -> (usize, usize, usize) {
    let tenant = tenant_id(tenant);
    let accounts = directory.accounts(Some(&tenant), None, 100).await.unwrap();
    let storages = directory.storages(&tenant).await.unwrap();
    let keys = directory.keys(&tenant).await.unwrap();
    (accounts.len(), storages.len(), keys.len())
}

#[test]
fn of_changes_at_once_none_is_lost() {
    on_each_backend(async |place| {
        let directories = [place.directory().await, place.directory().await];
        let acme = tenant_id("acme");
        let bare = Tenant::new(acme.clone(), second(0));
        directories[0].put_tenant(bare).await.unwrap();
        let mut changes = tokio::task::JoinSet::new();
        for number in 0..40 {
            let (directory, acme) = (directories[number % 2].clone(), acme.clone());
            changes.spawn(async move {
                let change = move |tenant: &mut Tenant| {
                    let code = BatchCode::parse(&format!("batch-{number:02}"))?;
                    tenant.suspension.suspend(Some(code))
                };
                let changed = directory.change_tenant(&acme, Box::new(change), second(1));
                changed.await.unwrap().unwrap();
            });
        }
        changes.join_all().await;
        let found = directories[0].tenant(&acme).await.unwrap().unwrap();
        assert_eq!(found.suspension.batches().count(), 40);
    });
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let full = tenant("acme");
        directory.put_tenant(full.clone()).await.unwrap();
        let change = |tenant: &mut Tenant| {
            tenant.is_active = false;
            Err(FieldError::new("batch_code", "is not to be"))
        };
        let error = directory
            .change_tenant(&full.id, Box::new(change), second(5))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        assert_eq!(error.to_string(), "batch_code: is not to be");
        let found = directory.tenant(&full.id).await.unwrap().unwrap();
        assert_same_tenant(&found, &full);
    });
}

#[test]
fn a_change_cannot_make_another_tenant_of_one() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for id in ["acme", "other"] {
            directory.put_tenant(tenant(id)).await.unwrap();
        }
        let change = |tenant: &mut Tenant| {
            tenant.id = tenant_id("other");
            tenant.created_at = second(77);
            tenant.is_active = false;
            Ok(())
        };
        let acme = tenant_id("acme");
        let changed = directory.change_tenant(&acme, Box::new(change), second(5));
        let changed = changed.await.unwrap().unwrap();
        let mut expected = tenant("acme");
        (expected.is_active, expected.updated_at) = (false, second(5));
        assert_same_tenant(&changed, &expected);
        let found = directory.tenant(&acme).await.unwrap().unwrap();
        assert_same_tenant(&found, &expected);
        let other = tenant_id("other");
        let found = directory.tenant(&other).await.unwrap().unwrap();
        assert_same_tenant(&found, &tenant("other"));
        let nobody = tenant_id("nobody");
        let changed = directory.change_tenant(&nobody, Box::new(|_| Ok(())), second(5));
        assert!(changed.await.unwrap().is_none());
    });
}

#[test]
fn every_suspension_comes_back() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let mut batches = Suspension::default();
        for number in 0..model::suspension::SUSPENDED_BATCHES_MAX {
            // As long as a code can be.
            let code = BatchCode::parse(&format!("{number:0>64}")).unwrap();
            batches.suspend(Some(code)).unwrap();
        }
        for suspension in [Suspension::all(), batches, Suspension::default()] {
            let mut suspended = tenant("acme");
            suspended.suspension = suspension.clone();
            directory.put_tenant(suspended).await.unwrap();
            let found = directory.tenant(&tenant_id("acme")).await.unwrap();
            assert_eq!(found.unwrap().suspension, suspension);
        }
    });
}

#[test]
fn settings_that_are_too_long_are_refused_by_their_name() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let mut long = tenant("acme");
        long.large_files = Some("x".repeat(store::directory::SETTINGS_BYTES_MAX).into());
        let error = directory.put_tenant(long).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "large_file_config: is longer than 65536 bytes"
        );
        assert!(directory.tenants(None, 9).await.unwrap().is_empty());
    });
}
