//! What happened by hours, days and months, as the page shows it.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use model::{AccountId, FieldError, TenantId, Timestamp};
use observe::statistics::{self, Asked};
use store::StoreError;
use webserver::Caller;

use super::router::{App, scope};
use crate::problem::Problem;
use crate::query::Query;

/// What can be asked for.
const PARAMETERS: [&str; 6] = ["by", "each", "from", "until", "tenant", "account"];

/// `GET /api/statistics`
pub(super) async fn statistics(
    caller: Caller,
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &PARAMETERS)?;
    let asked = Asked {
        from: parsed(&query, "from", moment)?,
        until: parsed(&query, "until", moment)?,
        by: parsed(&query, "by", statistics::span)?,
        each: parsed(&query, "each", statistics::each)?,
        tenant: whose(&caller, &query)?,
        account: parsed(&query, "account", AccountId::parse)?,
    };
    let service = &app.service;
    let told = statistics::tell(&*service.statistics, asked, service.clock.now()).await;
    let told = told.map_err(|error| match error {
        StoreError::Refused(error) => Problem::parameter(error.field, error.problem),
        other => Problem::Store(other),
    })?;
    Ok(Json(told).into_response())
}

/// The tenant whose mail is meant; `None` for everybody's. One that is gone has its statistics still.
fn whose(caller: &Caller, query: &Query) -> Result<Option<TenantId>, Problem> {
    let named = parsed(query, "tenant", TenantId::parse)?;
    match (scope(caller), named) {
        (None, named) => Ok(named),
        (Some(own), Some(named)) if named != *own => Err(Problem::NotFound("tenant")),
        (Some(own), _) => Ok(Some(own.clone())),
    }
}

/// A parameter, where it is given.
fn parsed<T>(
    query: &Query,
    name: &'static str,
    parse: impl FnOnce(&str) -> Result<T, FieldError>,
) -> Result<Option<T>, Problem> {
    let value = query.text(name).map(parse).transpose();
    value.map_err(|error| Problem::parameter(name, error.problem))
}

/// A moment as RFC 3339 has it.
fn moment(text: &str) -> Result<Timestamp, FieldError> {
    let at = text.parse::<jiff::Timestamp>();
    let at = at.map_err(|_| {
        FieldError::new(
            "from",
            "expected a time in UTC, such as 2026-01-31T12:00:00Z",
        )
    })?;
    Ok(Timestamp::from_millis(at.as_millisecond()))
}
