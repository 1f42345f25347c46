//! A tenant's row.

use model::{
    BaseUrl, BatchCode, Client, ClientAuth, FieldError, Line, Secret, Suspension, Tenant, TenantId,
    TenantLimits, Timestamp, UrlPath, Webhook,
};
use serde::{Deserialize, Serialize};

use super::{check_length, damaged, from_limit, to_limit, to_time};
use crate::columns::Columns;
use crate::directory::Change;
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

/// A tenant as it is written.
pub(crate) struct TenantRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) client_auth: Option<String>,
    pub(crate) client_base_url: Option<&'a str>,
    pub(crate) client_sync_path: &'a str,
    pub(crate) client_attachment_path: &'a str,
    pub(crate) webhook: Option<String>,
    pub(crate) limit_per_hour: Option<i64>,
    pub(crate) limit_per_day: Option<i64>,
    pub(crate) large_files: Option<String>,
    pub(crate) is_active: bool,
    pub(crate) suspension: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

impl<'a> TenantRow<'a> {
    pub(crate) fn of(tenant: &'a Tenant, vault: &Vault) -> Result<Self> {
        let seal = |column, text: Option<String>| {
            text.map(|text| vault.seal(place(&tenant.id, column), &Secret::new(text)))
                .transpose()
        };
        let (client, limits) = (&tenant.client, &tenant.limits);
        let auth = to_auth_text(&tenant.id, &client.auth)?;
        let webhook = tenant.webhook.as_ref().map(to_webhook_text);
        let large_files = tenant.large_files.as_ref().map(|json| json.to_string());
        check_length("large_file_config", large_files.as_deref().unwrap_or(""))?;
        Ok(Self {
            id: tenant.id.as_str(),
            name: tenant.name.as_ref().map(Line::as_str),
            client_auth: seal("client_auth", auth)?,
            client_base_url: client.base_url.as_ref().map(BaseUrl::as_str),
            client_sync_path: client.sync_path.as_str(),
            client_attachment_path: client.attachment_path.as_str(),
            webhook: seal("webhook", webhook)?,
            limit_per_hour: from_limit(limits.per_hour),
            limit_per_day: from_limit(limits.per_day),
            large_files: seal("large_files", large_files)?,
            is_active: tenant.is_active,
            suspension: to_suspension_text(&tenant.id, &tenant.suspension)?,
            created_at: tenant.created_at.as_millis(),
            updated_at: tenant.updated_at.as_millis(),
        })
    }
}

fn place<'a>(id: &'a TenantId, column: &'static str) -> Place<'a> {
    Place {
        table: "tenants",
        row: id.as_str(),
        column,
    }
}

/// Changes a tenant; its id and its age stay as they are.
pub(crate) fn apply(tenant: &mut Tenant, change: Change<Tenant>, at: Timestamp) -> Result<()> {
    let (id, created_at) = (tenant.id.clone(), tenant.created_at);
    change(tenant).map_err(StoreError::Refused)?;
    tenant.id = id;
    tenant.created_at = created_at;
    tenant.updated_at = at;
    Ok(())
}

/// A tenant read back.
pub(crate) fn to_tenant(row: &impl Columns, vault: &Vault) -> Result<Tenant> {
    let text: String = row.column("id")?;
    let wrong = |error: FieldError| damaged(&format_args!("tenant {text}"), &error);
    let id = TenantId::parse(&text).map_err(wrong)?;
    let open = |column: &'static str| -> Result<Option<Secret>> {
        let sealed: Option<String> = row.column(column)?;
        sealed
            .map(|sealed| vault.open(place(&id, column), &sealed))
            .transpose()
    };
    let (auth, large_files) = (open("client_auth")?, open("large_files")?);
    let webhook = open("webhook")?
        .map(|text| to_webhook(&id, &text))
        .transpose()?;
    let name: Option<String> = row.column("name")?;
    Ok(Tenant {
        name: name
            .map(|name| Line::parse("name", &name))
            .transpose()
            .map_err(wrong)?,
        client: to_client(row, to_auth(&id, auth)?)?.map_err(wrong)?,
        webhook,
        limits: TenantLimits {
            per_hour: to_limit(row, "limit_per_hour")?,
            per_day: to_limit(row, "limit_per_day")?,
        },
        large_files: large_files
            .map(|json| serde_json::from_str(json.expose()))
            .transpose()
            .map_err(|_| damaged(&format_args!("tenant {id}"), &"its large_files are no JSON"))?,
        is_active: row.column("is_active")?,
        suspension: to_suspension(&id, row.column("suspension")?)?,
        created_at: to_time(row, "created_at")?,
        updated_at: to_time(row, "updated_at")?,
        id,
    })
}

fn to_client(
    row: &impl Columns,
    auth: ClientAuth,
) -> Result<std::result::Result<Client, FieldError>> {
    let base_url: Option<String> = row.column("client_base_url")?;
    let sync_path: String = row.column("client_sync_path")?;
    let attachment_path: String = row.column("client_attachment_path")?;
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

/// What a tenant holds back, by the text that is kept of it.
pub(crate) fn to_suspension(id: &TenantId, text: Option<String>) -> Result<Suspension> {
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
