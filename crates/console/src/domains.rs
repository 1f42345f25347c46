//! What became of the messages of each domain and provider.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
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

#[derive(Serialize)]
struct DomainJson {
    domain: Option<Box<str>>,
    #[serde(flatten)]
    group: Group,
}

/// One group's share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Group {
    provider: &'static str,
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
            group: Group::new(row.provider.as_str(), row.counts),
        }
    }
}

impl From<&ProviderRow> for Group {
    fn from(row: &ProviderRow) -> Self {
        Self::new(row.provider.as_str(), row.counts)
    }
}

impl Group {
    fn new(provider: &'static str, counts: GroupCounts) -> Self {
        Self {
            provider,
            total: counts.total(),
            sent: counts.sent,
            failed: counts.failed,
            deferred: counts.deferred,
            mean_ms: rounded(counts.mean_ms()),
        }
    }
}
