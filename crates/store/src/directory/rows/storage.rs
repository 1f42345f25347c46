//! A storage's row.

use model::storage::{Storage, StorageName, StorageProtocol};
use model::{FieldError, TenantId};

use super::{check_length, damaged, to_time};
use crate::columns::Columns;
use crate::directory::STORAGES_MAX;
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

/// A storage as it is written.
pub(crate) struct StorageRow<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) name: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) config: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl<'a> StorageRow<'a> {
    pub(crate) fn of(storage: &'a Storage, vault: &Vault) -> Result<Self> {
        check_length("config", storage.config.expose())?;
        let row = place_row(&storage.tenant, &storage.name);
        Ok(Self {
            tenant: storage.tenant.as_str(),
            name: storage.name.as_str(),
            protocol: storage.protocol.as_str(),
            config: vault.seal(place(&row), &storage.config)?,
            created_at: storage.created_at.as_millis(),
            updated_at: storage.updated_at.as_millis(),
        })
    }
}

fn place_row(tenant: &TenantId, name: &StorageName) -> String {
    format!("{tenant}/{name}")
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "storages",
        row,
        column: "config",
    }
}

/// Refuses one more storage for a tenant that has so many.
pub(crate) fn check_room(count: i64) -> Result<()> {
    if count < i64::from(STORAGES_MAX) {
        return Ok(());
    }
    let problem = format!("the tenant has {STORAGES_MAX} storages, which is the most: delete one");
    Err(StoreError::Refused(FieldError::new("name", problem)))
}

/// A storage read back.
pub(crate) fn to_storage(row: &impl Columns, vault: &Vault) -> Result<Storage> {
    let (tenant, name): (String, String) = (row.column("tenant")?, row.column("name")?);
    let wrong = |error: FieldError| damaged(&format_args!("storage {tenant}/{name}"), &error);
    let protocol: String = row.column("protocol")?;
    let sealed: String = row.column("config")?;
    let (owner, own_name) = (
        TenantId::parse(&tenant).map_err(wrong)?,
        StorageName::parse(&name).map_err(wrong)?,
    );
    let place_row = place_row(&owner, &own_name);
    Ok(Storage {
        tenant: owner,
        name: own_name,
        protocol: StorageProtocol::parse(&protocol).map_err(wrong)?,
        config: vault.open(place(&place_row), &sealed)?,
        created_at: to_time(row, "created_at")?,
        updated_at: to_time(row, "updated_at")?,
    })
}
