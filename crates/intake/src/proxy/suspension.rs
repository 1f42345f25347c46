//! Holding a tenant's mail back, and letting it go on.

use axum::extract::State;
use axum::http::Method;
use axum::routing::{get, post};
use model::{BatchCode, FieldError, Suspension, TenantId};
use serde_json::{Value, json};
use store::StoreError;
use store::directory::Change;

use super::answer::{Answer, Json, without_nulls};
use super::object::Object;
use super::problem::Problem;
use super::scope::Scoped;
use super::{App, Route, accounts};

/// Submissions that are held back, or let go on, in one step.
const STEP: usize = 1_000;
/// What stands for all batches.
const ALL: &str = "*";

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_tenant(Method::POST, "/commands/suspend", || post(suspend)),
    Route::of_tenant(Method::POST, "/commands/activate", || post(activate)),
    Route::of_tenant(Method::POST, "/tenants/suspend_batch", || post(suspend)),
    Route::of_tenant(Method::POST, "/tenants/activate_batch", || post(activate)),
    Route::of_tenant(Method::GET, "/tenants/get_suspended_batches", || {
        get(suspended)
    }),
];

pub(super) async fn suspend(State(app): State<App>, scoped: Scoped) -> Answer {
    let batch = batch(&scoped.input)?;
    let wanted = batch.clone();
    let change = move |suspension: &mut Suspension| suspension.suspend(wanted);
    let suspension = changed(&app, &scoped.tenant, change).await?;
    // What was read ahead is not begun once the answer is out.
    app.sending.recall().await?;
    answer(&app, &scoped.tenant, batch.as_ref(), &suspension).await
}

pub(super) async fn activate(State(app): State<App>, scoped: Scoped) -> Answer {
    let batch = batch(&scoped.input)?;
    let wanted = batch.clone();
    let change = move |suspension: &mut Suspension| suspension.activate(wanted.as_ref());
    let suspension = changed(&app, &scoped.tenant, change).await?;
    accounts::look_at_mail(&app, &scoped.tenant).await?;
    answer(&app, &scoped.tenant, batch.as_ref(), &suspension).await
}

async fn suspended(State(app): State<App>, scoped: Scoped) -> Answer {
    let tenant = app.directory.tenant(&scoped.tenant).await?;
    let tenant = tenant.ok_or(Problem::NotFound("tenant"))?;
    Ok(Json(json!({
        "ok": true,
        "tenant_id": scoped.tenant.as_str(),
        "suspended_batches": words(&tenant.suspension),
    })))
}

/// The batch that is meant; `None` for all.
fn batch(input: &Object) -> Result<Option<BatchCode>, Problem> {
    match input.text("batch_code")? {
        Some(ALL) => Ok(None),
        _ => input.parsed("batch_code", BatchCode::parse),
    }
}

/// Changes what is held back, and brings the queue in line with it.
async fn changed(
    app: &App,
    tenant: &TenantId,
    change: impl FnOnce(&mut Suspension) -> Result<(), FieldError> + Send + 'static,
) -> Result<Suspension, Problem> {
    let change: Change<model::Tenant> = Box::new(move |tenant| change(&mut tenant.suspension));
    let changed = app.directory.change_tenant(tenant, change, app.clock.now());
    let changed = changed.await.map_err(refused)?;
    let changed = changed.ok_or(Problem::NotFound("tenant"))?;
    // It ends: each step takes some of what is not in line, and what comes meanwhile comes in line.
    while app.submissions.align_suspension(tenant, STEP).await? > 0 {}
    Ok(changed.suspension)
}

/// What does not go together with what is held back already is no fault of a field.
fn refused(error: StoreError) -> Problem {
    match error {
        StoreError::Refused(error) => Problem::Refused(error.problem),
        other => other.into(),
    }
}

async fn answer(
    app: &App,
    tenant: &TenantId,
    batch: Option<&BatchCode>,
    suspension: &Suspension,
) -> Answer {
    let pending = app.submissions.pending(tenant, batch).await?;
    Ok(Json(without_nulls(json!({
        "ok": true,
        "tenant_id": tenant.as_str(),
        "batch_code": batch.map(BatchCode::as_str),
        "suspended_batches": words(suspension),
        "pending_messages": pending,
    }))))
}

fn words(suspension: &Suspension) -> Vec<Value> {
    match suspension.is_all() {
        true => vec![json!(ALL)],
        false => suspension
            .batches()
            .map(|batch| json!(batch.as_str()))
            .collect(),
    }
}
