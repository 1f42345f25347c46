//! What became of the messages of each domain and provider.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use observe::Provider;
use observe::monitor::view::{DomainRow, GroupCounts, ProviderRow};
use serde::Serialize;

use crate::problem::Problem;
use crate::query::Query;
use crate::router::App;
use crate::time::rounded;

/// Domains that are listed where no limit is given.
const LIMIT_DEFAULT: i64 = 100;
/// Most domains that are listed.
const LIMIT_MAX: i64 = 1_000;

#[derive(Serialize)]
struct Domains {
    domains: Vec<DomainJson>,
}

/// A domain's share. The rest together has neither a name nor a provider.
#[derive(Serialize)]
struct DomainJson {
    domain: Option<Box<str>>,
    provider: Option<&'static str>,
    #[serde(flatten)]
    group: Group,
}

/// A provider's share.
#[derive(Serialize)]
pub(crate) struct ProviderJson {
    provider: &'static str,
    #[serde(flatten)]
    group: Group,
}

/// One group's share.
#[derive(Serialize)]
struct Group {
    total: u64,
    sent: u64,
    failed: u64,
    deferred: u64,
    mean_ms: f64,
}

/// `GET /api/domains`
pub(crate) async fn domains(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["limit"])?;
    let limit = query
        .number("limit", 1..=LIMIT_MAX)?
        .unwrap_or(LIMIT_DEFAULT);
    let rows = app.console.monitor.domains(limit as usize);
    let domains = rows.into_iter().map(DomainJson::from).collect();
    Ok(Json(Domains { domains }).into_response())
}

impl From<DomainRow> for DomainJson {
    fn from(row: DomainRow) -> Self {
        Self {
            domain: row.domain,
            provider: row.provider.map(Provider::as_str),
            group: Group::from(&row.counts),
        }
    }
}

impl From<&ProviderRow> for ProviderJson {
    fn from(row: &ProviderRow) -> Self {
        Self {
            provider: row.provider.as_str(),
            group: Group::from(&row.counts),
        }
    }
}

impl From<&GroupCounts> for Group {
    fn from(counts: &GroupCounts) -> Self {
        Self {
            total: counts.total(),
            sent: counts.sent,
            failed: counts.failed,
            deferred: counts.deferred,
            mean_ms: rounded(counts.mean_ms()),
        }
    }
}
