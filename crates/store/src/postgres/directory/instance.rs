//! The instance's settings: one row, once something was set.

use model::Timestamp;

use crate::directory::rows::instance::{InstanceRow, to_instance};
use crate::directory::{Change, Instance};
use crate::postgres::session::Session;
use crate::postgres::transaction::WriteTx;
use crate::vault::Vault;
use crate::{Result, StoreError};

pub(super) async fn get(session: &Session, vault: &Vault) -> Result<Instance> {
    let row = session
        .row_if_any(
            "SELECT name, api_token, bounce, updated_at FROM instance WHERE id = 1",
            &[],
        )
        .await?;
    row.map_or(Ok(Instance::default()), |row| to_instance(&row, vault))
}

pub(super) async fn change(
    tx: &WriteTx,
    vault: &Vault,
    change: Change<Instance>,
    at: Timestamp,
) -> Result<Instance> {
    let mut instance = get(&tx.session, vault).await?;
    change(&mut instance).map_err(StoreError::Refused)?;
    instance.updated_at = Some(at);
    let row = InstanceRow::of(&instance, vault)?;
    tx.session
        .execute(
            "INSERT INTO instance (id, name, api_token, bounce, updated_at) VALUES (1, $1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, api_token = excluded.api_token, \
             bounce = excluded.bounce, updated_at = excluded.updated_at",
            &[&row.name, &row.api_token, &row.bounce, &at.as_millis()],
        )
        .await?;
    Ok(instance)
}
