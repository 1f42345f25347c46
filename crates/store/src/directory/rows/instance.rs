//! The row of the instance's settings.

use model::{FieldError, Line, Secret};

use super::{check_length, damaged, to_time};
use crate::columns::Columns;
use crate::directory::{Instance, KeyHash};
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

const BOUNCE: Place<'_> = Place {
    table: "instance",
    row: "1",
    column: "bounce",
};

/// The settings as they are written.
pub(crate) struct InstanceRow<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) api_token: Option<&'a [u8]>,
    pub(crate) bounce: Option<String>,
}

impl<'a> InstanceRow<'a> {
    pub(crate) fn of(instance: &'a Instance, vault: &Vault) -> Result<Self> {
        let bounce = instance.bounce.as_ref();
        check_length("bounce", bounce.map_or("", Secret::expose))?;
        Ok(Self {
            name: instance.name.as_ref().map(Line::as_str),
            api_token: instance.api_token.as_ref().map(KeyHash::as_bytes),
            bounce: bounce
                .map(|bounce| vault.seal(BOUNCE, bounce))
                .transpose()?,
        })
    }
}

/// The settings read back.
pub(crate) fn to_instance(row: &impl Columns, vault: &Vault) -> Result<Instance> {
    let (name, bounce): (Option<String>, Option<String>) =
        (row.column("name")?, row.column("bounce")?);
    let api_token = row.column::<Option<Vec<u8>>>("api_token")?;
    let api_token = api_token.map(|hash| <[u8; 32]>::try_from(hash.as_slice()));
    Ok(Instance {
        name: name
            .map(|name| Line::parse("name", &name))
            .transpose()
            .map_err(|error: FieldError| wrong(&error))?,
        api_token: api_token
            .transpose()
            .map_err(|error| wrong(&error))?
            .map(KeyHash::from_bytes),
        bounce: bounce
            .map(|sealed| vault.open(BOUNCE, &sealed))
            .transpose()?,
        updated_at: Some(to_time(row, "updated_at")?),
    })
}

fn wrong(error: &dyn std::fmt::Display) -> StoreError {
    damaged(&"the instance's settings", error)
}
