//! Where tenants' attachments lie.

use axum::extract::State;
use axum::http::Method;
use axum::routing::{get, post};
use model::StorageName;
use serde_json::json;

use super::answer::{Answer, Json};
use super::problem::Problem;
use super::scope::Scoped;
use super::tenants::gone;
use super::wire::storage;
use super::{App, Route};

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::POST, "/storages/add", || post(add)),
    Route::of_tenant(Method::GET, "/storages/get", || get(one)),
    Route::of_tenant(Method::GET, "/storages/list", || get(list)),
    Route::of_tenant(Method::POST, "/storages/delete", || post(remove)),
];

async fn add(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let mut storage = storage::read(&input, tenant, app.clock.now())?;
    let known = app
        .directory
        .storage(&storage.tenant, &storage.name)
        .await?;
    storage.created_at = known.map_or(storage.created_at, |known| known.created_at);
    let shown = storage::show(&storage);
    app.directory.put_storage(storage).await.map_err(gone)?;
    Ok(Json(shown))
}

async fn one(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let name = input.needed_parsed("name", StorageName::parse)?;
    let known = app.directory.storage(&tenant, &name).await?;
    let known = known.ok_or(Problem::NotFound("storage"))?;
    Ok(Json(storage::show(&known)))
}

async fn list(State(app): State<App>, Scoped { tenant, .. }: Scoped) -> Answer {
    let storages = app.directory.storages(&tenant).await?;
    Ok(Json(storages.iter().map(storage::show).collect()))
}

async fn remove(State(app): State<App>, Scoped { tenant, input }: Scoped) -> Answer {
    let name = input.needed_parsed("name", StorageName::parse)?;
    match app.directory.delete_storage(&tenant, &name).await? {
        true => Ok(Json(json!({
            "ok": true,
            "tenant_id": tenant.as_str(),
            "name": name.as_str(),
        }))),
        false => Err(Problem::NotFound("storage")),
    }
}
