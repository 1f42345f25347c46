//! The directory: tenants, their keys, accounts and storages, the instance's settings, and the log of commands.
//!
//! What is kept of a tenant is asked for by its id, so that nothing of another tenant can be meant by accident; only
//! the operations that say so look across tenants.

mod api_key;
mod command;
mod instance;
pub(crate) mod rows;

use async_trait::async_trait;
use model::account::{Account, AccountId, AccountPk};
use model::storage::{Storage, StorageName};
use model::{FieldError, Tenant, TenantId, Timestamp};

use crate::Result;
pub use api_key::{ApiKey, KEYS_MAX, KeyHash};
pub use command::{
    COMMAND_BYTES_MAX, COMMANDS_MAX, Command, CommandFilter, CommandPage, NewCommand,
};
pub use instance::Instance;

/// Storages of one tenant.
pub const STORAGES_MAX: u32 = 100;
/// Submissions that an account may have left when it is deleted. More are removed before, in parts.
pub const REMOVED_WITH_ACCOUNT_MAX: usize = 1_000;
/// The longest settings of one storage, of a tenant's large files, or of the bounces, in bytes of JSON.
pub const SETTINGS_BYTES_MAX: usize = 64 * 1024;

/// A change to what is kept, made in the transaction that writes it. What it refuses is not written.
pub type Change<T> = Box<dyn FnOnce(&mut T) -> std::result::Result<(), FieldError> + Send>;

/// What a put did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// There was none before.
    Created,
    /// There was one, and it is this one now.
    Replaced,
}

/// An account with its number.
#[derive(Clone, Debug)]
pub struct KnownAccount {
    /// Its number.
    pub pk: AccountPk,
    /// The account.
    pub account: Account,
}

/// What every backend can do. All of it is durable when it answers. Secrets are encrypted at rest, bound to their
/// place; the backend is opened with the key.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// Keeps a tenant, whole. One that is there stays as old as it is. For a part of one there is
    /// [`Directory::change_tenant`].
    async fn put_tenant(&self, tenant: Tenant) -> Result<Put>;

    /// Keeps a tenant where there is none at all; `false` when there are some, whoever was faster.
    async fn put_first_tenant(&self, tenant: Tenant) -> Result<bool>;

    /// Changes a tenant, so that of two changes at once neither is lost; `None` when there is none such. Its id and
    /// `created_at` stay as they are.
    async fn change_tenant(
        &self,
        id: &TenantId,
        change: Change<Tenant>,
        at: Timestamp,
    ) -> Result<Option<Tenant>>;

    /// One tenant.
    async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>>;

    /// The tenants by id, from after that one, `limit` at most.
    async fn tenants(&self, after: Option<&TenantId>, limit: usize) -> Result<Vec<Tenant>>;

    /// Deletes a tenant with its accounts, keys and storages; `false` when there is none such. It is refused like
    /// [`Directory::delete_account`], as a whole.
    async fn delete_tenant(&self, id: &TenantId) -> Result<bool>;

    /// Keeps an account, whole, under its tenant and id. One that is there keeps its number and its age.
    async fn put_account(&self, account: Account) -> Result<AccountPk>;

    /// One account of a tenant.
    async fn account(&self, tenant: &TenantId, id: &AccountId) -> Result<Option<KnownAccount>>;

    /// One account by its number, whosever it is.
    async fn account_by_pk(&self, pk: AccountPk) -> Result<Option<KnownAccount>>;

    /// The accounts by number, from after that one, `limit` at most; without `tenant`, those of all tenants.
    async fn accounts(
        &self,
        tenant: Option<&TenantId>,
        after: Option<AccountPk>,
        limit: usize,
    ) -> Result<Vec<KnownAccount>>;

    /// Deletes an account with its counts and what was handed over to it; `false` when there is none such. Its number is
    /// not given again. It is refused while more than [`REMOVED_WITH_ACCOUNT_MAX`] submissions are left: they are removed
    /// first, by `Submissions::remove_of_account` until that finds none.
    async fn delete_account(&self, tenant: &TenantId, id: &AccountId) -> Result<bool>;

    /// Keeps a storage, whole, under its tenant and name; [`STORAGES_MAX`] a tenant.
    async fn put_storage(&self, storage: Storage) -> Result<Put>;

    /// One storage of a tenant.
    async fn storage(&self, tenant: &TenantId, name: &StorageName) -> Result<Option<Storage>>;

    /// The storages of a tenant by name.
    async fn storages(&self, tenant: &TenantId) -> Result<Vec<Storage>>;

    /// Deletes a storage; `false` when there is none such.
    async fn delete_storage(&self, tenant: &TenantId, name: &StorageName) -> Result<bool>;

    /// Adds a key to those of a tenant, [`KEYS_MAX`] at most; gives its number. Expired ones are cleared away.
    async fn add_key(
        &self,
        tenant: &TenantId,
        hash: KeyHash,
        expires_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<i64>;

    /// The keys of a tenant, oldest first, expired ones as well.
    async fn keys(&self, tenant: &TenantId) -> Result<Vec<ApiKey>>;

    /// Revokes one key of a tenant by its number; `false` when there is none such.
    async fn revoke_key(&self, tenant: &TenantId, id: i64) -> Result<bool>;

    /// Revokes every key of a tenant; gives how many it were.
    async fn revoke_keys(&self, tenant: &TenantId) -> Result<usize>;

    /// Whose key it is; `None` for one that is unknown, revoked or expired. Whether the tenant is active is in the
    /// tenant.
    async fn key_owner(&self, hash: &KeyHash, now: Timestamp) -> Result<Option<TenantId>>;

    /// The instance's settings.
    async fn instance(&self) -> Result<Instance>;

    /// Changes the instance's settings; gives them as they are now.
    async fn change_instance(&self, change: Change<Instance>, at: Timestamp) -> Result<Instance>;

    /// Writes down a command, redacted by the caller; gives its number. The oldest beyond [`COMMANDS_MAX`] go.
    async fn log_command(&self, command: NewCommand) -> Result<i64>;

    /// One command by its number.
    async fn command(&self, id: i64) -> Result<Option<Command>>;

    /// The commands that a filter lets through, in the order of the log, with their number in all.
    async fn commands(&self, filter: CommandFilter) -> Result<CommandPage>;

    /// Deletes the commands from before a moment; gives how many it were.
    async fn purge_commands(&self, before: Timestamp) -> Result<usize>;
}
