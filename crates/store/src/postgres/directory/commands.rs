//! The log of commands.

use model::{TenantId, Timestamp};

use crate::Result;
use crate::directory::rows::command::{check, to_command};
use crate::directory::{COMMANDS_MAX, Command, CommandFilter, CommandPage, NewCommand};
use crate::postgres::row::{at_most, storable, touched};
use crate::postgres::session::{Session, Values};
use crate::postgres::transaction::WriteTx;

/// What `to_command` reads.
const COLUMNS: &str = "id, at, tenant, response_status, endpoint, payload, response";

pub(super) async fn log(tx: &WriteTx, command: &NewCommand) -> Result<i64> {
    check(command)?;
    let row = tx
        .session
        .row(
            "INSERT INTO commands (at, tenant, response_status, endpoint, payload, response) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            &[
                &command.at.as_millis(),
                &command.tenant.as_ref().map(TenantId::as_str),
                &i64::from(command.response_status),
                &storable(&command.endpoint),
                &storable(&command.payload),
                &command.response.as_deref().map(storable),
            ],
        )
        .await?;
    let id: i64 = row.try_get(0)?;
    // No number is given twice, so this keeps so many at most.
    tx.session
        .execute(
            "DELETE FROM commands WHERE id <= $1",
            &[&(id - i64::from(COMMANDS_MAX))],
        )
        .await?;
    Ok(id)
}

pub(super) async fn get(session: &Session, id: i64) -> Result<Option<Command>> {
    let row = session
        .row_if_any(
            &format!("SELECT {COLUMNS} FROM commands WHERE id = $1"),
            &[&id],
        )
        .await?;
    row.as_ref().map(to_command).transpose()
}

pub(super) async fn list(session: &Session, filter: &CommandFilter) -> Result<CommandPage> {
    let of_tenant = match filter.tenant {
        Some(_) => "tenant = $1",
        None => "$1::text IS NULL",
    };
    // By the order of bytes a letter's other case is known of ASCII alone, as elsewhere.
    let wanted = format!(
        "FROM commands WHERE {of_tenant} AND at BETWEEN $2 AND $3 AND ($4::text IS NULL \
         OR strpos(lower(endpoint COLLATE \"C\"), lower($4 COLLATE \"C\")) > 0)"
    );
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let until = filter.until.map_or(i64::MAX, Timestamp::as_millis);
    let endpoint = filter.endpoint.as_deref().map(storable);
    let (limit, offset) = (at_most(filter.limit), at_most(filter.offset));
    let values: Values<'_> = &[&tenant, &since, &until, &endpoint, &limit, &offset];
    let count = session
        .row(&format!("SELECT count(*) {wanted}"), &values[..4])
        .await?;
    let rows = session
        .rows(
            &format!("SELECT {COLUMNS} {wanted} ORDER BY id LIMIT $5 OFFSET $6"),
            values,
        )
        .await?;
    let total: i64 = count.try_get(0)?;
    Ok(CommandPage {
        commands: rows.iter().map(to_command).collect::<Result<_>>()?,
        total: u32::try_from(total).unwrap_or(u32::MAX),
    })
}

pub(super) async fn purge(tx: &WriteTx, before: Timestamp) -> Result<usize> {
    let purged = tx
        .session
        .execute("DELETE FROM commands WHERE at < $1", &[&before.as_millis()])
        .await?;
    Ok(touched(purged))
}
