//! API keys.

use model::Secret;
use store::StoreError;
use store::directory::{ApiKey, KEYS_MAX, KeyHash};

use crate::on_each_backend;
use crate::support::directory::{tenant, tenant_id};
use crate::support::second;

pub fn hash(key: &str) -> KeyHash {
    KeyHash::of(&Secret::new(key))
}

#[test]
fn each_of_several_keys_leads_to_its_tenant() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for (owner, key) in [("acme", "a"), ("acme", "b"), ("other", "c")] {
            directory.put_tenant(tenant(owner)).await.unwrap();
            let owner = tenant_id(owner);
            let added = directory.add_key(&owner, hash(key), None, second(1));
            added.await.unwrap();
        }
        let again = place.directory().await;
        for (owner, key) in [("acme", "a"), ("acme", "b"), ("other", "c")] {
            let found = again.key_owner(&hash(key), second(1)).await.unwrap();
            assert_eq!(found, Some(tenant_id(owner)));
        }
        let unknown = again.key_owner(&hash("d"), second(1)).await.unwrap();
        assert_eq!(unknown, None);
    });
}

#[test]
fn a_key_counts_until_the_moment_it_expires() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let acme = tenant_id("acme");
        let add = |key, expires_at| directory.add_key(&acme, hash(key), expires_at, second(1));
        let first = add("a", Some(second(10))).await.unwrap();
        let owner = async |key, at| directory.key_owner(&hash(key), second(at)).await.unwrap();
        assert_eq!(owner("a", 9).await, Some(acme.clone()));
        assert_eq!(owner("a", 10).await, None);
        assert_eq!(owner("a", 11).await, None);
        let expected = ApiKey {
            id: first,
            created_at: second(1),
            expires_at: Some(second(10)),
        };
        assert_eq!(directory.keys(&acme).await.unwrap(), [expected]);
        let next = directory.add_key(&acme, hash("b"), None, second(10));
        let next = next.await.unwrap();
        let ids: Vec<i64> = directory
            .keys(&acme)
            .await
            .unwrap()
            .iter()
            .map(|key| key.id)
            .collect();
        assert_eq!(ids, [next], "expired ones are cleared away");
    });
}

#[test]
fn a_revoked_key_counts_no_more() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let acme = tenant_id("acme");
        let mut ids = Vec::new();
        for key in ["a", "b", "c"] {
            let added = directory.add_key(&acme, hash(key), None, second(1));
            ids.push(added.await.unwrap());
        }
        let owner = async |key| directory.key_owner(&hash(key), second(2)).await.unwrap();
        assert!(directory.revoke_key(&acme, ids[1]).await.unwrap());
        assert!(!directory.revoke_key(&acme, ids[1]).await.unwrap());
        assert_eq!(owner("b").await, None);
        assert_eq!(owner("a").await, Some(acme.clone()));
        assert_eq!(directory.revoke_keys(&acme).await.unwrap(), 2);
        assert_eq!(directory.revoke_keys(&acme).await.unwrap(), 0);
        for key in ["a", "c"] {
            assert_eq!(owner(key).await, None);
        }
    });
}

#[test]
fn a_key_is_of_one_tenant_and_a_tenant_has_keys_up_to_a_bound() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        for id in ["acme", "other"] {
            directory.put_tenant(tenant(id)).await.unwrap();
        }
        let (acme, other) = (tenant_id("acme"), tenant_id("other"));
        for number in 0..KEYS_MAX {
            let key = hash(&number.to_string());
            directory
                .add_key(&acme, key, None, second(1))
                .await
                .unwrap();
        }
        let refused = [
            (&other, "7", "api_key: is in use already: make another one"),
            (
                &acme,
                "one more",
                "api_key: the tenant has 100 keys, which is the most: revoke one",
            ),
        ];
        for (tenant, key, problem) in refused {
            let error = directory.add_key(tenant, hash(key), None, second(1)).await;
            assert_eq!(error.unwrap_err().to_string(), problem);
        }
        let owner = directory.key_owner(&hash("7"), second(1)).await.unwrap();
        assert_eq!(owner, Some(acme));
        let nobody = tenant_id("nobody");
        let error = directory.add_key(&nobody, hash("x"), None, second(1)).await;
        assert!(matches!(error.unwrap_err(), StoreError::Missing(_)));
    });
}
