//! Tenants and their keys.

use aws_lc_rs::rand;
use axum::extract::State;
use axum::http::Method;
use axum::routing::{delete, get, post, put};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Secret, Tenant, TenantId, Timestamp};
use serde_json::{Value, json};
use store::StoreError;
use store::directory::{KeyHash, Put};

use super::answer::{Answer, Json, without_nulls};
use super::object::Object;
use super::problem::Problem;
use super::scope::{AdminOnly, Anyone};
use super::wire::tenant::{self, TenantChange};
use super::wire::time;
use super::{App, Proxy, Route, accounts};

/// Random bytes of a key; as text it has 43 characters.
const KEY_BYTES: usize = 32;
/// Tenants of one answer.
const TENANTS_MAX: usize = 10_000;
/// Tenants that are read at once.
const PAGE: usize = 500;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_admin(Method::POST, "/tenant", || post(add)),
    Route::of_admin(Method::GET, "/tenants", || get(list)),
    Route::of_tenant(Method::GET, "/tenant/{tenant_id}", || get(one)),
    Route::of_tenant(Method::PUT, "/tenant/{tenant_id}", || put(change)),
    Route::of_admin(Method::DELETE, "/tenant/{tenant_id}", || delete(remove)),
    Route::of_admin(Method::POST, "/tenant/{tenant_id}/api-key", || {
        post(create_key)
    }),
    Route::of_admin(Method::DELETE, "/tenant/{tenant_id}/api-key", || {
        delete(revoke_keys)
    }),
    Route::of_admin(Method::POST, "/tenants/add", || post(rpc_add)),
    Route::of_tenant(Method::GET, "/tenants/get", || get(rpc_get)),
    Route::of_admin(Method::GET, "/tenants/list", || get(rpc_list)),
    Route::of_tenant(Method::POST, "/tenants/update", || post(rpc_update)),
    Route::of_admin(Method::POST, "/tenants/delete", || post(rpc_delete)),
    Route::of_admin(Method::POST, "/tenants/create_api_key", || {
        post(rpc_create_key)
    }),
    Route::of_admin(Method::POST, "/tenants/revoke_api_key", || {
        post(rpc_revoke_keys)
    }),
];

// === the documented routes ===

async fn add(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let added = add_or_change(&app, &input).await?;
    let key = added.key.as_ref().map(Secret::expose);
    Ok(Json(without_nulls(json!({ "ok": true, "api_key": key }))))
}

async fn list(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let page = page(&app, &input).await?;
    let tenants: Vec<Value> = page
        .tenants
        .iter()
        .map(tenant::show)
        .map(without_nulls)
        .collect();
    let answer = json!({ "ok": true, "tenants": tenants, "next": page.next });
    Ok(Json(without_nulls(answer)))
}

async fn one(State(app): State<App>, asked: Anyone) -> Answer {
    Ok(Json(without_nulls(tenant::show(
        &known(&app, &asked).await?,
    ))))
}

async fn change(State(app): State<App>, asked: Anyone) -> Answer {
    change_known(&app, &asked).await?;
    Ok(ok())
}

async fn remove(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    forget(&app, &tenant::id(&input)?).await?;
    Ok(ok())
}

async fn create_key(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let key = key_of(&app, &input).await?.1;
    Ok(Json(json!({ "ok": true, "api_key": key.expose() })))
}

async fn revoke_keys(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    revoke(&app, &input).await?;
    Ok(ok())
}

// === their other names ===

async fn rpc_add(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let added = add_or_change(&app, &input).await?;
    let mut shown = tenant::show(&added.tenant);
    if let Some(key) = added.key {
        shown["api_key"] = json!(key.expose());
    }
    Ok(Json(shown))
}

async fn rpc_get(State(app): State<App>, asked: Anyone) -> Answer {
    Ok(Json(tenant::show(&known(&app, &asked).await?)))
}

async fn rpc_list(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let page = page(&app, &input).await?;
    Ok(Json(page.tenants.iter().map(tenant::show).collect()))
}

async fn rpc_update(State(app): State<App>, asked: Anyone) -> Answer {
    Ok(Json(tenant::show(&change_known(&app, &asked).await?)))
}

async fn rpc_delete(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    forget(&app, &tenant::id(&input)?).await?;
    Ok(Json(json!(true)))
}

async fn rpc_create_key(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let (tenant, key) = key_of(&app, &input).await?;
    Ok(Json(json!({
        "ok": true,
        "tenant_id": tenant.as_str(),
        "api_key": key.expose(),
        "message": "Keep this key: it is not shown again.",
    })))
}

async fn rpc_revoke_keys(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let tenant = revoke(&app, &input).await?;
    let message = "Every key of the tenant was revoked.";
    Ok(Json(
        json!({ "ok": true, "tenant_id": tenant.as_str(), "message": message }),
    ))
}

// === what they do ===

/// A tenant that was added, or changed.
struct Added {
    tenant: Tenant,
    /// The key of a new one.
    key: Option<Secret>,
}

/// Some of the tenants by id.
struct Page {
    tenants: Vec<Tenant>,
    /// After which one it goes on, where there are more.
    next: Option<String>,
}

/// What there is to say when all went well.
pub(super) fn ok() -> Json {
    Json(json!({ "ok": true }))
}

/// What the store says of a tenant that went away in the meantime is not its fault.
pub(super) fn gone(error: StoreError) -> Problem {
    match error {
        StoreError::Missing(_) => Problem::NotFound("tenant"),
        other => other.into(),
    }
}

/// The tenants after the one that is named, within a bound.
pub(super) async fn tenants(
    app: &Proxy,
    after: Option<TenantId>,
    count_max: usize,
) -> Result<Vec<Tenant>, Problem> {
    let mut tenants: Vec<Tenant> = Vec::new();
    while tenants.len() < count_max {
        let limit = PAGE.min(count_max - tenants.len());
        let last = tenants
            .last()
            .map(|tenant| tenant.id.clone())
            .or(after.clone());
        let more = app.directory.tenants(last.as_ref(), limit).await?;
        let is_end = more.len() < limit;
        tenants.extend(more);
        if is_end {
            break;
        }
    }
    Ok(tenants)
}

async fn page(app: &Proxy, input: &Object) -> Result<Page, Problem> {
    let active_only = input.flag("active_only")?.unwrap_or(false);
    let after = input.parsed("after", TenantId::parse)?;
    let mut tenants = tenants(app, after, TENANTS_MAX).await?;
    let is_full = tenants.len() == TENANTS_MAX;
    let next = tenants
        .last()
        .filter(|_| is_full)
        .map(|last| last.id.to_string());
    tenants.retain(|tenant| tenant.is_active || !active_only);
    Ok(Page { tenants, next })
}

async fn known(app: &Proxy, asked: &Anyone) -> Result<Tenant, Problem> {
    let id = asked.scope.tenant(&asked.input)?;
    let tenant = app.directory.tenant(&id).await?;
    tenant.ok_or(Problem::NotFound("tenant"))
}

async fn add_or_change(app: &Proxy, input: &Object) -> Result<Added, Problem> {
    let id = tenant::id(input)?;
    let change = TenantChange::read(input)?;
    if let Some(tenant) = apply(app, &id, change.clone()).await? {
        return Ok(Added { tenant, key: None });
    }
    let mut tenant = Tenant::new(id, app.clock.now());
    change.apply(&mut tenant);
    let key = match app.directory.put_tenant(tenant.clone()).await? {
        Put::Created => Some(new_key(app, &tenant.id, None).await?),
        Put::Replaced => None,
    };
    Ok(Added { tenant, key })
}

async fn change_known(app: &Proxy, asked: &Anyone) -> Result<Tenant, Problem> {
    let input = &asked.input;
    let id = asked.scope.tenant(input)?;
    if input
        .value("id")
        .is_some_and(|named| named.as_str() != Some(id.as_str()))
    {
        return Err(input.wrong("id", "a tenant's id never changes"));
    }
    let change = match asked.scope.is_admin() {
        true => TenantChange::read(input)?,
        false => TenantChange::read_own(input)?,
    };
    let changed = apply(app, &id, change).await?;
    changed.ok_or(Problem::NotFound("tenant"))
}

/// Changes a tenant that is there.
async fn apply(
    app: &Proxy,
    id: &TenantId,
    change: TenantChange,
) -> Result<Option<Tenant>, Problem> {
    let says_active = change.says_active();
    let change = Box::new(move |tenant: &mut Tenant| {
        change.apply(tenant);
        Ok(())
    });
    let at = app.clock.now();
    let changed = app.directory.change_tenant(id, change, at).await?;
    if says_active && changed.is_some() {
        tell_accounts(app, id).await?;
    }
    Ok(changed)
}

/// Tells who sends that a tenant's mail may go, or may not any more: then what was read ahead is not begun.
async fn tell_accounts(app: &Proxy, id: &TenantId) -> Result<(), Problem> {
    for account in accounts::all(app, Some(id), None, usize::MAX).await? {
        app.sending.account_changed(account.pk);
    }
    app.sending.recall().await?;
    accounts::look_at_mail(app, id).await
}

/// Deletes a tenant with all that is its own. It is closed first, so that nothing comes after; one that was closed and
/// not deleted, since the process ended, is deleted by asking again.
async fn forget(app: &App, id: &TenantId) -> Result<(), Problem> {
    let close = TenantChange::closing();
    if apply(app, id, close).await?.is_none() {
        return Err(Problem::NotFound("tenant"));
    }
    let owned = accounts::all(app, Some(id), None, usize::MAX).await?;
    for account in &owned {
        accounts::take_back(app, account).await?;
    }
    app.directory.delete_tenant(id).await?;
    for account in &owned {
        app.sending.account_changed(account.pk);
    }
    Ok(())
}

/// One more key for the tenant that a request names.
async fn key_of(app: &Proxy, input: &Object) -> Result<(TenantId, Secret), Problem> {
    input.only(&["tenant_id", "expires_at"])?;
    let id = tenant::id(input)?;
    let expires_at = time::read(input, "expires_at")?;
    if expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(input.wrong("expires_at", "lies in the past"));
    }
    let key = new_key(app, &id, expires_at).await?;
    Ok((id, key))
}

/// Makes a key of a tenant. Only its hash is kept.
async fn new_key(
    app: &Proxy,
    id: &TenantId,
    expires_at: Option<Timestamp>,
) -> Result<Secret, Problem> {
    let key = random_key()?;
    let hash = KeyHash::of(&key);
    let added = app.directory.add_key(id, hash, expires_at, app.clock.now());
    added.await.map_err(gone)?;
    Ok(key)
}

fn random_key() -> Result<Secret, Problem> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).map_err(|_| {
        let problem = "a key cannot be made: the system gives no random numbers";
        Problem::from(StoreError::Backend(problem.to_owned()))
    })?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

async fn revoke(app: &Proxy, input: &Object) -> Result<TenantId, Problem> {
    let id = tenant::id(input)?;
    if app.directory.tenant(&id).await?.is_none() {
        return Err(Problem::NotFound("tenant"));
    }
    app.directory.revoke_keys(&id).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_random_and_safe_in_a_header() {
        let keys = [random_key().unwrap(), random_key().unwrap()];
        assert_ne!(keys[0].expose(), keys[1].expose());
        for key in &keys {
            let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            assert!(key.expose().len() == 43 && key.expose().chars().all(is_safe));
        }
    }
}
