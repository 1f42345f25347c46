//! The row of a command.

use model::{FieldError, TenantId};

use super::{damaged, to_time};
use crate::columns::Columns;
use crate::directory::{COMMAND_BYTES_MAX, Command, NewCommand};
use crate::{Result, StoreError};

/// Refuses a command that is longer than it may be.
pub(crate) fn check(command: &NewCommand) -> Result<()> {
    let texts = [
        ("endpoint", Some(&command.endpoint)),
        ("payload", Some(&command.payload)),
        ("response", command.response.as_ref()),
    ];
    for (name, text) in texts {
        if text.is_some_and(|text| text.len() > COMMAND_BYTES_MAX) {
            return Err(StoreError::Invalid(format!(
                "a command whose {name} has more than {COMMAND_BYTES_MAX} bytes"
            )));
        }
    }
    Ok(())
}

/// A command read back.
pub(crate) fn to_command(row: &impl Columns) -> Result<Command> {
    let id: i64 = row.column("id")?;
    let tenant: Option<String> = row.column("tenant")?;
    let wrong = |error: FieldError| damaged(&format_args!("command {id}"), &error);
    let status: i64 = row.column("response_status")?;
    let response: Option<String> = row.column("response")?;
    Ok(Command {
        id,
        at: to_time(row, "at")?,
        endpoint: row.column::<String>("endpoint")?.into(),
        tenant: tenant
            .map(|tenant| TenantId::parse(&tenant))
            .transpose()
            .map_err(wrong)?,
        payload: row.column::<String>("payload")?.into(),
        response_status: u16::try_from(status)
            .map_err(|error| damaged(&format_args!("command {id}"), &error))?,
        response: response.map(String::into_boxed_str),
    })
}
