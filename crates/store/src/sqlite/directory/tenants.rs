//! Tenants.

use std::num::NonZeroU32;

use model::{
    BaseUrl, BatchCode, Client, ClientAuth, FieldError, Line, Secret, Suspension, Tenant, TenantId,
    TenantLimits, Timestamp, UrlPath, Webhook,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{accounts, check_length, damaged};
use crate::directory::{Change, Put};
use crate::sqlite::row::at_most;
use crate::sqlite::transaction::WriteTx;
use crate::vault::{Place, Vault};
use crate::{Result, StoreError};

/// What stands for everything in `suspension`.
const ALL: &str = "*";

/// How a tenant's credentials are written before they are sealed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
enum StoredAuth<'a> {
    Bearer { token: &'a str },
    Basic { user: &'a str, password: &'a str },
}

pub(super) fn put(tx: &WriteTx<'_>, vault: &Vault, tenant: &Tenant) -> Result<Put> {
    let put = match is_there(tx.connection, &tenant.id)? {
        true => Put::Replaced,
        false => Put::Created,
    };
    let auth = to_auth_text(&tenant.id, &tenant.client.auth)?;
    let large_files = tenant.large_files.as_ref().map(|json| json.to_string());
    let webhook = tenant.webhook.as_ref().map(to_webhook_text);
    check_length("large_file_config", large_files.as_deref().unwrap_or(""))?;
    tx.connection
        .prepare_cached(
            "INSERT INTO tenants (id, name, client_auth, client_base_url, client_sync_path, \
             client_attachment_path, limit_per_hour, limit_per_day, large_files, is_active, suspension, \
             created_at, updated_at, webhook) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, client_auth = excluded.client_auth, \
             client_base_url = excluded.client_base_url, client_sync_path = excluded.client_sync_path, \
             client_attachment_path = excluded.client_attachment_path, \
             limit_per_hour = excluded.limit_per_hour, limit_per_day = excluded.limit_per_day, \
             large_files = excluded.large_files, is_active = excluded.is_active, \
             suspension = excluded.suspension, updated_at = excluded.updated_at, webhook = excluded.webhook",
        )?
        .execute(params![
            tenant.id.as_str(),
            tenant.name.as_ref().map(Line::as_str),
            seal(vault, &tenant.id, "client_auth", auth)?,
            tenant.client.base_url.as_ref().map(BaseUrl::as_str),
            tenant.client.sync_path.as_str(),
            tenant.client.attachment_path.as_str(),
            tenant.limits.per_hour.map(NonZeroU32::get),
            tenant.limits.per_day.map(NonZeroU32::get),
            seal(vault, &tenant.id, "large_files", large_files)?,
            tenant.is_active,
            to_suspension_text(&tenant.id, &tenant.suspension)?,
            tenant.created_at.as_millis(),
            tenant.updated_at.as_millis(),
            seal(vault, &tenant.id, "webhook", webhook)?,
        ])?;
    Ok(put)
}

pub(super) fn change(
    tx: &WriteTx<'_>,
    vault: &Vault,
    id: &TenantId,
    change: Change<Tenant>,
    at: Timestamp,
) -> Result<Option<Tenant>> {
    let Some(mut tenant) = get(tx.connection, vault, id)? else {
        return Ok(None);
    };
    let created_at = tenant.created_at;
    change(&mut tenant).map_err(StoreError::Refused)?;
    tenant.id = id.clone();
    tenant.created_at = created_at;
    tenant.updated_at = at;
    put(tx, vault, &tenant)?;
    Ok(Some(tenant))
}

pub(super) fn get(connection: &Connection, vault: &Vault, id: &TenantId) -> Result<Option<Tenant>> {
    let mut statement = connection.prepare_cached("SELECT * FROM tenants WHERE id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(|row| to_tenant(row, vault)).transpose()
}

pub(super) fn list(
    connection: &Connection,
    vault: &Vault,
    after: Option<&TenantId>,
    limit: usize,
) -> Result<Vec<Tenant>> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM tenants WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    // No id is empty.
    let after = after.map_or("", TenantId::as_str);
    let mut rows = statement.query(params![after, at_most(limit)])?;
    let mut tenants = Vec::new();
    while let Some(row) = rows.next()? {
        tenants.push(to_tenant(row, vault)?);
    }
    Ok(tenants)
}

pub(super) fn delete(tx: &mut WriteTx<'_>, tag: u32, id: &TenantId) -> Result<bool> {
    for account in accounts::of_tenant(tx.connection, id)? {
        accounts::delete_by_pk(tx, tag, account)?;
    }
    for statement in [
        "DELETE FROM report_counts WHERE tenant = ?1",
        "DELETE FROM storages WHERE tenant = ?1",
        "DELETE FROM api_keys WHERE tenant = ?1",
    ] {
        tx.connection
            .prepare_cached(statement)?
            .execute([id.as_str()])?;
    }
    let deleted = tx
        .connection
        .prepare_cached("DELETE FROM tenants WHERE id = ?1")?
        .execute([id.as_str()])?;
    Ok(deleted == 1)
}

/// What a tenant holds back; `None` when there is none such.
pub(in crate::sqlite) fn suspension(
    connection: &Connection,
    id: &TenantId,
) -> Result<Option<Suspension>> {
    Ok(standing(connection, id)?.map(|(_, suspension)| suspension))
}

/// The same of a tenant that is active.
pub(in crate::sqlite) fn suspension_of_active(
    connection: &Connection,
    id: &TenantId,
) -> Result<Option<Suspension>> {
    let active = standing(connection, id)?.filter(|(is_active, _)| *is_active);
    Ok(active.map(|(_, suspension)| suspension))
}

/// Whether a tenant is active, and what it holds back.
fn standing(connection: &Connection, id: &TenantId) -> Result<Option<(bool, Suspension)>> {
    let mut statement =
        connection.prepare_cached("SELECT is_active, suspension FROM tenants WHERE id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some((row.get(0)?, to_suspension(id, row.get(1)?)?))),
        None => Ok(None),
    }
}

/// Refuses what is about a tenant that is not there.
pub(super) fn check(connection: &Connection, id: &TenantId) -> Result<()> {
    match is_there(connection, id)? {
        true => Ok(()),
        false => Err(StoreError::Missing(format!("tenant {id}"))),
    }
}

fn is_there(connection: &Connection, id: &TenantId) -> Result<bool> {
    let found = connection
        .prepare_cached("SELECT 1 FROM tenants WHERE id = ?1")?
        .query_row([id.as_str()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

fn place<'a>(id: &'a TenantId, column: &'static str) -> Place<'a> {
    Place {
        table: "tenants",
        row: id.as_str(),
        column,
    }
}

fn seal(
    vault: &Vault,
    id: &TenantId,
    column: &'static str,
    text: Option<String>,
) -> Result<Option<String>> {
    text.map(|text| vault.seal(place(id, column), &Secret::new(text)))
        .transpose()
}

fn to_tenant(row: &Row<'_>, vault: &Vault) -> Result<Tenant> {
    let text: String = row.get("id")?;
    let wrong = |error: FieldError| damaged(&format_args!("tenant {text}"), &error);
    let id = TenantId::parse(&text).map_err(wrong)?;
    let open = |column: &'static str| -> Result<Option<Secret>> {
        let sealed: Option<String> = row.get(column)?;
        sealed
            .map(|sealed| vault.open(place(&id, column), &sealed))
            .transpose()
    };
    let (auth, large_files) = (open("client_auth")?, open("large_files")?);
    let webhook = open("webhook")?
        .map(|text| to_webhook(&id, &text))
        .transpose()?;
    let limit = |column: &str| -> Result<Option<NonZeroU32>> {
        Ok(row.get::<_, Option<u32>>(column)?.and_then(NonZeroU32::new))
    };
    let name: Option<String> = row.get("name")?;
    Ok(Tenant {
        name: name
            .map(|name| Line::parse("name", &name))
            .transpose()
            .map_err(wrong)?,
        client: to_client(row, to_auth(&id, auth)?)?.map_err(wrong)?,
        webhook,
        limits: TenantLimits {
            per_hour: limit("limit_per_hour")?,
            per_day: limit("limit_per_day")?,
        },
        large_files: large_files
            .map(|json| serde_json::from_str(json.expose()))
            .transpose()
            .map_err(|_| damaged(&format_args!("tenant {id}"), &"its large_files are no JSON"))?,
        is_active: row.get("is_active")?,
        suspension: to_suspension(&id, row.get("suspension")?)?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        updated_at: Timestamp::from_millis(row.get("updated_at")?),
        id,
    })
}

fn to_client(
    row: &Row<'_>,
    auth: ClientAuth,
) -> rusqlite::Result<std::result::Result<Client, FieldError>> {
    let base_url: Option<String> = row.get("client_base_url")?;
    let sync_path: String = row.get("client_sync_path")?;
    let attachment_path: String = row.get("client_attachment_path")?;
    let parse = || {
        Ok(Client {
            base_url: base_url.as_deref().map(BaseUrl::parse).transpose()?,
            sync_path: UrlPath::parse("client_sync_path", &sync_path)?,
            attachment_path: UrlPath::parse("client_attachment_path", &attachment_path)?,
            auth,
        })
    };
    Ok(parse())
}

fn to_auth_text(id: &TenantId, auth: &ClientAuth) -> Result<Option<String>> {
    let stored = match auth {
        ClientAuth::None => return Ok(None),
        ClientAuth::Bearer(token) => StoredAuth::Bearer {
            token: token.expose(),
        },
        ClientAuth::Basic { user, password } => StoredAuth::Basic {
            user: user.as_str(),
            password: password.expose(),
        },
    };
    serde_json::to_string(&stored)
        .map(Some)
        .map_err(|_| unwritable(id, "client_auth"))
}

fn to_auth(id: &TenantId, opened: Option<Secret>) -> Result<ClientAuth> {
    let Some(opened) = opened else {
        return Ok(ClientAuth::None);
    };
    // No error of the parser is shown: it may repeat a piece of the secret.
    let wrong = || {
        damaged(
            &format_args!("tenant {id}"),
            &"its client_auth is no such thing",
        )
    };
    // A value with an escape in it cannot be borrowed from the text, so it is read as an owned one first.
    let value: serde_json::Value = serde_json::from_str(opened.expose()).map_err(|_| wrong())?;
    let auth = match StoredAuth::deserialize(&value).map_err(|_| wrong())? {
        StoredAuth::Bearer { token } => ClientAuth::bearer(token),
        StoredAuth::Basic { user, password } => ClientAuth::basic(user, password),
    };
    auth.map_err(|_| wrong())
}

/// The URL and its secret are sealed as one, so that neither is ever used with another: no URL has a line break.
fn to_webhook_text(webhook: &Webhook) -> String {
    format!("{}\n{}", webhook.url(), webhook.secret().expose())
}

fn to_webhook(id: &TenantId, opened: &Secret) -> Result<Webhook> {
    let parts = opened.expose().split_once('\n');
    let webhook = parts.and_then(|(url, secret)| Webhook::new(url, secret).ok());
    let problem = "its webhook is no such thing";
    webhook.ok_or_else(|| damaged(&format_args!("tenant {id}"), &problem))
}

fn to_suspension_text(id: &TenantId, suspension: &Suspension) -> Result<Option<String>> {
    if suspension.is_all() {
        return Ok(Some(ALL.to_owned()));
    }
    let codes: Vec<&str> = suspension.batches().map(BatchCode::as_str).collect();
    if codes.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&codes)
        .map(Some)
        .map_err(|_| unwritable(id, "suspension"))
}

fn to_suspension(id: &TenantId, text: Option<String>) -> Result<Suspension> {
    let text = match text.as_deref() {
        None => return Ok(Suspension::default()),
        Some(ALL) => return Ok(Suspension::all()),
        Some(text) => text,
    };
    let row = format_args!("tenant {id}");
    let codes: Vec<String> = serde_json::from_str(text).map_err(|error| damaged(&row, &error))?;
    let mut suspension = Suspension::default();
    for code in codes {
        let suspended = BatchCode::parse(&code).and_then(|code| suspension.suspend(Some(code)));
        suspended.map_err(|error| damaged(&row, &error))?;
    }
    Ok(suspension)
}

fn unwritable(id: &TenantId, column: &str) -> StoreError {
    StoreError::Backend(format!("tenant {id}: its {column} cannot be written"))
}
