//! What happened to mail by hours, days and months: a tenant's own, or for the administrator everybody's.

use axum::extract::State;
use axum::http::Method;
use axum::routing::get;
use model::{AccountId, TenantId};
use observe::statistics::{self, Asked};
use serde_json::json;
use store::StoreError;

use super::answer::{Answer, Json};
use super::object::Object;
use super::problem::Problem;
use super::scope::{Anyone, Scope};
use super::wire::time;
use super::{App, Route};

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[Route::of_tenant(Method::GET, "/statistics", || get(tell))];

async fn tell(State(app): State<App>, Anyone { scope, input }: Anyone) -> Answer {
    let asked = Asked {
        from: time::read(&input, "from")?,
        until: time::read(&input, "until")?,
        by: input.parsed("by", statistics::span)?,
        each: input.parsed("each", statistics::each)?,
        tenant: whose(&scope, &input)?,
        account: input.parsed("account_id", AccountId::parse)?,
    };
    let told = statistics::tell(&*app.statistics, asked, app.clock.now()).await;
    let mut told = told.map_err(|error| match error {
        StoreError::Refused(error) => input.wrong(error.field, error.problem),
        other => Problem::from(other),
    })?;
    told["ok"] = json!(true);
    Ok(Json(told))
}

/// The tenant whose mail is meant; `None` for everybody's. One that is gone has its statistics still.
fn whose(scope: &Scope, input: &Object) -> Result<Option<TenantId>, Problem> {
    match scope.is_admin() && input.value("tenant_id").is_none() {
        true => Ok(None),
        false => scope.tenant(input).map(Some),
    }
}
