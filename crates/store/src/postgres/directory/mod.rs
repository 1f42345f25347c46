//! The directory in PostgreSQL, one file a table. Deliveries and requests read it, so its reads are short; only the log of
//! commands is for people who look.

pub(super) mod accounts;
mod api_keys;
mod commands;
mod instance;
mod storages;
pub(super) mod tenants;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use model::account::{Account, AccountId, AccountPk};
use model::storage::{Storage, StorageName};
use model::{Tenant, TenantId, Timestamp};

use super::PostgresStore;
use crate::Result;
use crate::directory::{
    ApiKey, Change, Command, CommandFilter, CommandPage, Directory, Instance, KeyHash,
    KnownAccount, NewCommand, Put,
};
use crate::vault::{Vault, needed};

impl PostgresStore {
    fn vault(&self) -> Result<Arc<Vault>> {
        needed(self.vault.as_ref()).cloned()
    }
}

#[async_trait]
impl Directory for PostgresStore {
    async fn put_tenant(&self, tenant: Tenant) -> Result<Put> {
        let vault = self.vault()?;
        self.writer
            .write(move |tx| async move { tenants::put(tx, &vault, &tenant).await }.boxed())
            .await
    }

    async fn put_first_tenant(&self, tenant: Tenant) -> Result<bool> {
        let vault = self.vault()?;
        self.writer
            .write(move |tx| async move { tenants::put_first(tx, &vault, &tenant).await }.boxed())
            .await
    }

    async fn change_tenant(
        &self,
        id: &TenantId,
        change: Change<Tenant>,
        at: Timestamp,
    ) -> Result<Option<Tenant>> {
        let (vault, id) = (self.vault()?, id.clone());
        self.writer
            .write(move |tx| {
                async move { tenants::change(tx, &vault, &id, change, at).await }.boxed()
            })
            .await
    }

    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>> {
        let (vault, id) = (self.vault()?, id.clone());
        self.delivering
            .read(move |session| async move { tenants::get(session, &vault, &id).await }.boxed())
            .await
    }

    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<Tenant>> {
        let (vault, after) = (self.vault()?, after.cloned());
        self.delivering
            .read(move |session| {
                async move { tenants::list(session, &vault, after.as_ref(), limit).await }.boxed()
            })
            .await
    }

    async fn delete_tenant(&self, id: &TenantId) -> Result<bool> {
        let (tag, id) = (self.tag, id.clone());
        self.writer
            .write(move |tx| async move { tenants::delete(tx, tag, &id).await }.boxed())
            .await
    }

    async fn put_account(&self, account: Account) -> Result<AccountPk> {
        let vault = self.vault()?;
        self.writer
            .write(move |tx| async move { accounts::put(tx, &vault, &account).await }.boxed())
            .await
    }

    async fn account(&self, tenant: &TenantId, id: &AccountId) -> Result<Option<KnownAccount>> {
        let (vault, tenant, id) = (self.vault()?, tenant.clone(), id.clone());
        self.delivering
            .read(move |session| {
                async move { accounts::get(session, &vault, &tenant, &id).await }.boxed()
            })
            .await
    }

    async fn account_by_pk(&self, pk: AccountPk) -> Result<Option<KnownAccount>> {
        let vault = self.vault()?;
        self.delivering
            .read(move |session| async move { accounts::by_pk(session, &vault, pk).await }.boxed())
            .await
    }

    async fn accounts(
        &self,
        tenant: Option<&TenantId>,
        after: Option<AccountPk>,
        limit: usize,
    ) -> Result<Vec<KnownAccount>> {
        let (vault, tenant) = (self.vault()?, tenant.cloned());
        self.delivering
            .read(move |session| {
                async move { accounts::list(session, &vault, tenant.as_ref(), after, limit).await }
                    .boxed()
            })
            .await
    }

    async fn delete_account(&self, tenant: &TenantId, id: &AccountId) -> Result<bool> {
        let (tag, tenant, id) = (self.tag, tenant.clone(), id.clone());
        self.writer
            .write(move |tx| async move { accounts::delete(tx, tag, &tenant, &id).await }.boxed())
            .await
    }

    async fn put_storage(&self, storage: Storage) -> Result<Put> {
        let vault = self.vault()?;
        self.writer
            .write(move |tx| async move { storages::put(tx, &vault, &storage).await }.boxed())
            .await
    }

    async fn storage(&self, tenant: &TenantId, name: &StorageName) -> Result<Option<Storage>> {
        let (vault, tenant, name) = (self.vault()?, tenant.clone(), name.clone());
        self.delivering
            .read(move |session| {
                async move { storages::get(session, &vault, &tenant, &name).await }.boxed()
            })
            .await
    }

    async fn storages(&self, tenant: &TenantId) -> Result<Vec<Storage>> {
        let (vault, tenant) = (self.vault()?, tenant.clone());
        self.delivering
            .read(move |session| {
                async move { storages::list(session, &vault, &tenant).await }.boxed()
            })
            .await
    }

    async fn delete_storage(&self, tenant: &TenantId, name: &StorageName) -> Result<bool> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.writer
            .write(move |tx| async move { storages::delete(tx, &tenant, &name).await }.boxed())
            .await
    }

    async fn add_key(
        &self,
        tenant: &TenantId,
        hash: KeyHash,
        expires_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<i64> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| {
                async move { api_keys::add(tx, &tenant, &hash, expires_at, at).await }.boxed()
            })
            .await
    }

    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>> {
        let tenant = tenant.clone();
        self.delivering
            .read(move |session| async move { api_keys::list(session, &tenant).await }.boxed())
            .await
    }

    async fn revoke_key(&self, tenant: &TenantId, id: i64) -> Result<bool> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| async move { api_keys::revoke(tx, &tenant, id).await }.boxed())
            .await
    }

    async fn revoke_keys(&self, tenant: &TenantId) -> Result<usize> {
        let tenant = tenant.clone();
        self.writer
            .write(move |tx| async move { api_keys::revoke_all(tx, &tenant).await }.boxed())
            .await
    }

    async fn key_owner(&self, hash: &KeyHash, now: Timestamp) -> Result<Option<TenantId>> {
        let hash = hash.clone();
        self.delivering
            .read(move |session| async move { api_keys::owner(session, &hash, now).await }.boxed())
            .await
    }

    async fn instance(&self) -> Result<Instance> {
        let vault = self.vault()?;
        self.delivering
            .read(move |session| async move { instance::get(session, &vault).await }.boxed())
            .await
    }

    async fn change_instance(&self, change: Change<Instance>, at: Timestamp) -> Result<Instance> {
        let vault = self.vault()?;
        self.writer
            .write(move |tx| async move { instance::change(tx, &vault, change, at).await }.boxed())
            .await
    }

    async fn log_command(&self, command: NewCommand) -> Result<i64> {
        self.writer
            .write(move |tx| async move { commands::log(tx, &command).await }.boxed())
            .await
    }

    async fn command(&self, id: i64) -> Result<Option<Command>> {
        self.looking
            .read(move |session| async move { commands::get(session, id).await }.boxed())
            .await
    }

    async fn commands(&self, filter: CommandFilter) -> Result<CommandPage> {
        self.looking
            .read(move |session| async move { commands::list(session, &filter).await }.boxed())
            .await
    }

    async fn purge_commands(&self, before: Timestamp) -> Result<usize> {
        self.writer
            .write(move |tx| async move { commands::purge(tx, before).await }.boxed())
            .await
    }
}
