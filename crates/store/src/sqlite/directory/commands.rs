//! The log of commands.

use model::{TenantId, Timestamp};
use rusqlite::{Connection, ToSql, params};

use crate::Result;
use crate::directory::rows::command::{check, to_command};
use crate::directory::{COMMANDS_MAX, Command, CommandFilter, CommandPage, NewCommand};
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;

pub(super) fn log(tx: &WriteTx<'_>, command: &NewCommand) -> Result<i64> {
    check(command)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO commands (at, tenant, response_status, endpoint, payload, response) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            command.at.as_millis(),
            command.tenant.as_ref().map(TenantId::as_str),
            command.response_status,
            command.endpoint,
            command.payload,
            command.response,
        ])?;
    let id = tx.connection.last_insert_rowid();
    // Numbers have no gaps but where something was purged, so this keeps so many at most.
    tx.connection
        .prepare_cached("DELETE FROM commands WHERE id <= ?1")?
        .execute([id - i64::from(COMMANDS_MAX)])?;
    Ok(id)
}

pub(super) fn get(connection: &Connection, id: i64) -> Result<Option<Command>> {
    let mut statement = connection.prepare_cached("SELECT * FROM commands WHERE id = ?1")?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(to_command).transpose()
}

pub(super) fn list(connection: &Connection, filter: &CommandFilter) -> Result<CommandPage> {
    let of_tenant = match filter.tenant {
        Some(_) => "tenant = ?1",
        None => "?1 IS NULL",
    };
    let wanted = format!(
        "FROM commands WHERE {of_tenant} AND at BETWEEN ?2 AND ?3 \
         AND (?4 IS NULL OR instr(lower(endpoint), lower(?4)) > 0)"
    );
    let tenant = filter.tenant.as_ref().map(TenantId::as_str);
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let until = filter.until.map_or(i64::MAX, Timestamp::as_millis);
    let (limit, offset) = (at_most(filter.limit), at_most(filter.offset));
    let values: [&dyn ToSql; 6] = [&tenant, &since, &until, &filter.endpoint, &limit, &offset];
    let total = connection
        .prepare_cached(&format!("SELECT count(*) {wanted}"))?
        .query_row(&values[..4], |row| row.get(0))?;
    let mut statement =
        connection.prepare_cached(&format!("SELECT * {wanted} ORDER BY id LIMIT ?5 OFFSET ?6"))?;
    let mut rows = statement.query(&values[..])?;
    let mut commands = Vec::new();
    while let Some(row) = rows.next()? {
        commands.push(to_command(row)?);
    }
    Ok(CommandPage { commands, total })
}

pub(super) fn purge(tx: &WriteTx<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx
        .connection
        .prepare_cached("DELETE FROM commands WHERE at < ?1")?
        .execute([before.as_millis()])?)
}
