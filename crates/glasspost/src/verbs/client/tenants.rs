//! `glasspost tenants` as requests.

use serde_json::{Value, json};

use super::call::{Ask, Call, Desk, fields};
use super::table::Shape;
use crate::cli::{AuthMethod, ClientAuth, LargeFileAction, TenantFields, TenantsVerb};
use crate::exit::Failure;

const COLUMNS: &[&str] = &[
    "id",
    "name",
    "active",
    "suspended_batches",
    "client_base_url",
    "updated_at",
];
const SYNC_COLUMNS: &[&str] = &[
    "id",
    "active",
    "in_dnd",
    "failures",
    "last_sync_ts",
    "next_sync_ts",
    "client_base_url",
];

impl Ask for TenantsVerb {
    fn call(self, desk: &Desk<'_>) -> Result<Call, Failure> {
        Ok(match self {
            Self::List(list) => Call::get("/tenants", &list)
                .about_service()
                .shown_as(Shape::List("tenants", COLUMNS)),
            Self::Get(tenant) => Call::get("/tenants/get", &tenant),
            Self::Add(added) => {
                let call = Call::post("/tenants/add", &added).about_service();
                described(call, &added.fields, desk)?
            }
            Self::Update(changed) => {
                let call = Call::post("/tenants/update", &changed);
                described(call, &changed.fields, desk)?
            }
            Self::Delete(tenant) => Call::post("/tenants/delete", &tenant).shown_as(DELETED),
            Self::Suspend(what) => Call::post("/commands/suspend", &what),
            Self::Activate(what) => Call::post("/commands/activate", &what),
            Self::CreateKey(key) => Call::post("/tenants/create_api_key", &key),
            Self::RevokeKeys(tenant) => Call::post("/tenants/revoke_api_key", &tenant),
            Self::SyncStatus(after) => Call::get("/tenants/sync-status", &after)
                .about_service()
                .shown_as(Shape::List("tenants", SYNC_COLUMNS)),
        })
    }
}

/// What is shown of something that is gone.
pub const DELETED: Shape = Shape::Told(|_| "deleted\n".to_owned());

/// A call with what flags say beside their own fields.
fn described(call: Call, said: &TenantFields, desk: &Desk<'_>) -> Result<Call, Failure> {
    let auth = client_auth(&said.client_auth, desk)?;
    let large_files = large_files(said);
    let webhook_secret = said.webhook_secret_file.as_deref();
    let webhook_secret = webhook_secret
        .map(|file| desk.stdin.secret(file))
        .transpose()?
        .map(|secret| Value::from(secret.expose()));
    Ok(call
        .with("webhook_secret", webhook_secret)
        .with("client_auth", auth)
        .with("large_file_config", large_files))
}

/// How we prove who we are, with its secret.
fn client_auth(said: &ClientAuth, desk: &Desk<'_>) -> Result<Option<Value>, Failure> {
    let Some(method) = said.method else {
        return Ok(None);
    };
    let secret_field = match method {
        AuthMethod::None => return Ok(Some(json!({ "method": "none" }))),
        AuthMethod::Bearer => "token",
        AuthMethod::Basic => "password",
    };
    let file = said.secret_file.as_deref();
    let secret = desk.stdin.secret_or_typed(file, secret_field)?;
    let secret = secret.ok_or_else(|| {
        let problem = "--client-auth needs its secret: give --client-secret-file FILE";
        Failure::Arguments(problem.to_owned())
    })?;
    let mut auth = fields(said);
    auth.insert(secret_field.to_owned(), secret.expose().into());
    Ok(Some(auth.into()))
}

/// The rule for large attachments, whole.
fn large_files(said: &TenantFields) -> Option<Value> {
    match said.large_file_config.action? {
        LargeFileAction::Off => Some(json!({ "enabled": false })),
        LargeFileAction::Warn | LargeFileAction::Reject | LargeFileAction::Rewrite => {
            let mut rule = fields(&said.large_file_config);
            rule.insert("enabled".to_owned(), true.into());
            Some(rule.into())
        }
    }
}
