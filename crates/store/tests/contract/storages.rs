//! Storages.

use model::storage::{StorageName, StorageProtocol};
use model::{Secret, Timestamp};
use store::StoreError;
use store::directory::{Put, SETTINGS_BYTES_MAX, STORAGES_MAX};

use crate::on_each_backend;
use crate::support::directory::{storage, tenant, tenant_id};
use crate::support::second;

#[test]
fn a_storage_comes_back_as_it_was_put_and_is_replaced() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let (acme, first) = (tenant_id("acme"), storage("acme", "files"));
        assert_eq!(
            directory.put_storage(first.clone()).await.unwrap(),
            Put::Created
        );
        let mut other = first.clone();
        other.protocol = StorageProtocol::Local;
        other.config = Secret::new(r#"{"root":"/srv"}"#);
        (other.created_at, other.updated_at) = (second(8), second(9));
        for (wished, put) in [(first.clone(), Put::Replaced), (other, Put::Replaced)] {
            assert_eq!(directory.put_storage(wished.clone()).await.unwrap(), put);
            let again = place.directory().await;
            let found = again.storage(&acme, &first.name).await.unwrap().unwrap();
            assert_eq!(
                (found.tenant, found.name),
                (acme.clone(), first.name.clone())
            );
            assert_eq!(found.protocol, wished.protocol);
            assert_eq!(found.config.expose(), wished.config.expose());
            let times: [Timestamp; 2] = [found.created_at, found.updated_at];
            assert_eq!(times, [first.created_at, wished.updated_at]);
        }
        assert!(directory.delete_storage(&acme, &first.name).await.unwrap());
        assert!(!directory.delete_storage(&acme, &first.name).await.unwrap());
        assert!(directory.storages(&acme).await.unwrap().is_empty());
    });
}

#[test]
fn a_tenant_has_storages_up_to_a_bound_listed_by_name() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        for number in (0..STORAGES_MAX).rev() {
            let new = storage("acme", &format!("s{number:03}"));
            directory.put_storage(new).await.unwrap();
        }
        let error = directory.put_storage(storage("acme", "one-more")).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "name: the tenant has 100 storages, which is the most: delete one"
        );
        let put = directory.put_storage(storage("acme", "s007")).await;
        assert_eq!(put.unwrap(), Put::Replaced);
        let all = directory.storages(&tenant_id("acme")).await.unwrap();
        let names: Vec<&str> = all.iter().map(|storage| storage.name.as_str()).collect();
        assert_eq!(names.len(), STORAGES_MAX as usize);
        assert!(names.is_sorted());
    });
}

#[test]
fn a_storage_of_nobody_and_one_that_is_too_long_are_refused() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let error = directory.put_storage(storage("nobody", "files")).await;
        assert!(matches!(error.unwrap_err(), StoreError::Missing(_)));
        directory.put_tenant(tenant("acme")).await.unwrap();
        let mut long = storage("acme", "files");
        long.config = Secret::new("canary".repeat(SETTINGS_BYTES_MAX));
        let error = directory.put_storage(long).await.unwrap_err();
        assert_eq!(error.to_string(), "config: is longer than 65536 bytes");
        let name = StorageName::parse("files").unwrap();
        let found = directory.storage(&tenant_id("acme"), &name).await.unwrap();
        assert!(found.is_none());
    });
}
