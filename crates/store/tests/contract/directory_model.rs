//! Random operations on the directory, compared with a model that is a few maps.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use model::account::AccountPk;
use model::storage::StorageName;
use model::{BatchCode, Secret, Tenant, Timestamp};
use proptest::prelude::*;
use store::directory::Put;
use store::{Directory, StoreError};

use crate::api_keys::hash;
use crate::support::directory::{account, account_id, storage, tenant, tenant_id};
use crate::support::second;
use crate::{Place, backends, on_random_values};

const CASES: u32 = 150;
/// Tenants; the things of one tenant have the same names.
const NAMES: [&str; 3] = ["a", "b", "a.b"];

/// Which tenant, and which of its things, by number.
type Which = (usize, usize);

#[derive(Clone, Debug)]
enum Operation {
    PutTenant(usize),
    DeleteTenant(usize),
    Suspend(usize, u8),
    PutAccount(Which, u8),
    DeleteAccount(Which),
    PutStorage(Which, u8),
    DeleteStorage(Which),
    /// A key by number, and when it expires.
    AddKey(usize, u8, Option<u64>),
    /// In the name of a tenant, the key that was added so many keys ago, whosever it is.
    RevokeKey(usize, usize),
    RevokeKeys(usize),
    /// The process ends and another begins.
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let tenant = || 0..NAMES.len();
    let which = || (0..NAMES.len(), 0..NAMES.len());
    prop_oneof![
        4 => tenant().prop_map(Operation::PutTenant),
        1 => tenant().prop_map(Operation::DeleteTenant),
        2 => (tenant(), 0..3_u8).prop_map(|(tenant, code)| Operation::Suspend(tenant, code)),
        4 => (which(), any::<u8>()).prop_map(|(which, word)| Operation::PutAccount(which, word)),
        2 => which().prop_map(Operation::DeleteAccount),
        3 => (which(), any::<u8>()).prop_map(|(which, word)| Operation::PutStorage(which, word)),
        1 => which().prop_map(Operation::DeleteStorage),
        4 => (tenant(), 0..6_u8, prop::option::of(3..30_u64))
            .prop_map(|(tenant, key, expires)| Operation::AddKey(tenant, key, expires)),
        2 => (tenant(), 0..4_usize).prop_map(|(tenant, back)| Operation::RevokeKey(tenant, back)),
        1 => tenant().prop_map(Operation::RevokeKeys),
        1 => Just(Operation::Reopen),
    ]
}

#[test]
fn the_directory_behaves_as_a_few_maps() {
    for (name, new_place) in backends() {
        let operations = prop::collection::vec(operation(), 1..40);
        on_random_values(name, CASES, operations, async |operations| {
            run(&*new_place(), operations).await;
        });
    }
}

async fn run(place: &dyn Place, operations: Vec<Operation>) {
    let mut world = World {
        directory: place.directory().await,
        tenants: BTreeMap::new(),
        accounts: BTreeMap::new(),
        storages: BTreeMap::new(),
        keys: Vec::new(),
        added: Vec::new(),
        numbers: HashSet::new(),
    };
    for (at, operation) in operations.into_iter().enumerate() {
        // A second each, so that keys expire on the way.
        let now = second(at as u64);
        match operation {
            Operation::PutTenant(which) => world.put_tenant(which).await,
            Operation::DeleteTenant(which) => world.delete_tenant(which).await,
            Operation::Suspend(which, code) => world.suspend(which, code, now).await,
            Operation::PutAccount(which, word) => world.put_account(which, word).await,
            Operation::DeleteAccount(which) => world.delete_account(which).await,
            Operation::PutStorage(which, word) => world.put_storage(which, word).await,
            Operation::DeleteStorage(which) => world.delete_storage(which).await,
            Operation::AddKey(which, key, expires) => {
                world.add_key(which, key, expires.map(second), now).await;
            }
            Operation::RevokeKey(which, back) => world.revoke_key(which, back).await,
            Operation::RevokeKeys(which) => world.revoke_keys(which).await,
            Operation::Reopen => world.directory = place.directory().await,
        }
        world.compare(now).await;
    }
}

struct Key {
    id: i64,
    owner: usize,
    word: u8,
    expires_at: Option<Timestamp>,
}

struct World {
    directory: Arc<dyn Directory>,
    /// The suspended batches of each.
    tenants: BTreeMap<usize, BTreeSet<String>>,
    /// Number and password of each.
    accounts: BTreeMap<Which, (AccountPk, u8)>,
    /// The word in the settings of each.
    storages: BTreeMap<Which, u8>,
    keys: Vec<Key>,
    /// The number of every key there ever was.
    added: Vec<i64>,
    /// The number of every account there ever was.
    numbers: HashSet<AccountPk>,
}

fn put_of(is_known: bool) -> Put {
    match is_known {
        true => Put::Replaced,
        false => Put::Created,
    }
}

fn storage_name(which: Which) -> StorageName {
    StorageName::parse(NAMES[which.1]).unwrap()
}

impl World {
    async fn put_tenant(&mut self, which: usize) {
        let put = self.directory.put_tenant(tenant(NAMES[which])).await;
        assert_eq!(put.unwrap(), put_of(self.tenants.contains_key(&which)));
        let batches = tenant(NAMES[which]).suspension;
        let batches = batches.batches().map(|code| code.as_str().to_owned());
        self.tenants.insert(which, batches.collect());
    }

    async fn delete_tenant(&mut self, which: usize) {
        let deleted = self.directory.delete_tenant(&tenant_id(NAMES[which])).await;
        assert_eq!(deleted.unwrap(), self.tenants.remove(&which).is_some());
        self.accounts.retain(|&(owner, _), _| owner != which);
        self.storages.retain(|&(owner, _), _| owner != which);
        self.keys.retain(|key| key.owner != which);
    }

    async fn suspend(&mut self, which: usize, code: u8, now: Timestamp) {
        let code = format!("batch {code}");
        let batch = BatchCode::parse(&code).unwrap();
        let change = move |tenant: &mut Tenant| tenant.suspension.suspend(Some(batch));
        let id = tenant_id(NAMES[which]);
        let changed = self.directory.change_tenant(&id, Box::new(change), now);
        let changed = changed.await.unwrap();
        assert_eq!(changed.is_some(), self.tenants.contains_key(&which));
        if let Some(batches) = self.tenants.get_mut(&which) {
            batches.insert(code);
        }
    }

    async fn put_account(&mut self, which: Which, word: u8) {
        let mut wished = account(NAMES[which.0], NAMES[which.1]);
        wished.password = Some(Secret::new(word.to_string()));
        let put = self.directory.put_account(wished).await;
        if !self.tenants.contains_key(&which.0) {
            assert!(matches!(put.unwrap_err(), StoreError::Missing(_)));
            return;
        }
        let pk = put.unwrap();
        match self.accounts.insert(which, (pk, word)) {
            Some((known, _)) => assert_eq!(pk, known),
            None => assert!(self.numbers.insert(pk), "{pk:?} was another's"),
        }
    }

    async fn delete_account(&mut self, which: Which) {
        let (owner, id) = (tenant_id(NAMES[which.0]), account_id(NAMES[which.1]));
        let deleted = self.directory.delete_account(&owner, &id).await.unwrap();
        assert_eq!(deleted, self.accounts.remove(&which).is_some());
    }

    async fn put_storage(&mut self, which: Which, word: u8) {
        let mut wished = storage(NAMES[which.0], NAMES[which.1]);
        wished.config = Secret::new(word.to_string());
        let put = self.directory.put_storage(wished).await;
        if !self.tenants.contains_key(&which.0) {
            assert!(matches!(put.unwrap_err(), StoreError::Missing(_)));
            return;
        }
        let known = self.storages.insert(which, word);
        assert_eq!(put.unwrap(), put_of(known.is_some()));
    }

    async fn delete_storage(&mut self, which: Which) {
        let (owner, name) = (tenant_id(NAMES[which.0]), storage_name(which));
        let deleted = self.directory.delete_storage(&owner, &name);
        assert_eq!(
            deleted.await.unwrap(),
            self.storages.remove(&which).is_some()
        );
    }

    async fn add_key(
        &mut self,
        owner: usize,
        word: u8,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let id = tenant_id(NAMES[owner]);
        let key = hash(&word.to_string());
        let added = self.directory.add_key(&id, key, expires_at, now).await;
        if !self.tenants.contains_key(&owner) {
            assert!(matches!(added.unwrap_err(), StoreError::Missing(_)));
            return;
        }
        if self.keys.iter().any(|key| {
            key.word == word && !(key.owner == owner && key.expires_at.is_some_and(|at| at <= now))
        }) {
            assert!(matches!(added.unwrap_err(), StoreError::Refused(_)));
            return;
        }
        self.keys
            .retain(|key| key.owner != owner || key.expires_at.is_none_or(|at| at > now));
        let id = added.unwrap();
        assert!(!self.added.contains(&id), "key {id} was another's");
        self.added.push(id);
        self.keys.push(Key {
            id,
            owner,
            word,
            expires_at,
        });
    }

    async fn revoke_key(&mut self, owner: usize, back: usize) {
        let Some(&id) = self.added.iter().rev().nth(back) else {
            return;
        };
        let tenant = tenant_id(NAMES[owner]);
        let revoked = self.directory.revoke_key(&tenant, id).await.unwrap();
        let before = self.keys.len();
        self.keys.retain(|key| key.id != id || key.owner != owner);
        assert_eq!(revoked, self.keys.len() < before);
    }

    async fn revoke_keys(&mut self, owner: usize) {
        let revoked = self.directory.revoke_keys(&tenant_id(NAMES[owner])).await;
        let before = self.keys.len();
        self.keys.retain(|key| key.owner != owner);
        assert_eq!(revoked.unwrap(), before - self.keys.len());
    }

    async fn compare(&self, now: Timestamp) {
        for (owner, name) in NAMES.into_iter().enumerate() {
            let id = tenant_id(name);
            let found = self.directory.tenant(&id).await.unwrap();
            let batches = found.map(|tenant| -> BTreeSet<String> {
                let codes = tenant.suspension.batches();
                codes.map(|code| code.as_str().to_owned()).collect()
            });
            assert_eq!(batches.as_ref(), self.tenants.get(&owner));
            let keys = self.directory.keys(&id).await.unwrap();
            let ids: Vec<i64> = keys.iter().map(|key| key.id).collect();
            let own = self.keys.iter().filter(|key| key.owner == owner);
            assert_eq!(ids, own.map(|key| key.id).collect::<Vec<_>>());
            for thing in 0..NAMES.len() {
                self.compare_things((owner, thing)).await;
            }
        }
        let all = self.directory.accounts(None, None, 100).await.unwrap();
        assert_eq!(all.len(), self.accounts.len());
        for word in 0..6_u8 {
            let hash = hash(&word.to_string());
            let found = self.directory.key_owner(&hash, now);
            let counts = |key: &&Key| key.word == word && key.expires_at.is_none_or(|at| at > now);
            let owner = self.keys.iter().find(counts).map(|key| NAMES[key.owner]);
            assert_eq!(found.await.unwrap(), owner.map(tenant_id));
        }
    }

    async fn compare_things(&self, which: Which) {
        let (owner, id) = (tenant_id(NAMES[which.0]), account_id(NAMES[which.1]));
        let found = self.directory.account(&owner, &id).await.unwrap();
        let found = found.map(|known| (known.pk, known.account.password.unwrap()));
        assert_eq!(
            found.map(|(pk, password)| (pk, password.expose().to_owned())),
            self.accounts
                .get(&which)
                .map(|(pk, word)| (*pk, word.to_string()))
        );
        let found = self.directory.storage(&owner, &storage_name(which)).await;
        assert_eq!(
            found
                .unwrap()
                .map(|storage| storage.config.expose().to_owned()),
            self.storages.get(&which).map(u8::to_string)
        );
    }
}
