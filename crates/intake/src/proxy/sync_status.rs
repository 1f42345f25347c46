//! How reporting to the tenants' applications stands.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::Method;
use axum::routing::get;
use model::{BaseUrl, Line, Tenant, TenantId, Timestamp};
use observe::reports::SyncStatus;
use serde_json::{Value, json};

use super::answer::{Answer, Json, without_nulls};
use super::scope::AdminOnly;
use super::tenants::tenants;
use super::{App, Route};

/// Tenants of one answer.
const TENANTS_MAX: usize = 10_000;

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_admin(Method::GET, "/tenants/sync-status", || get(status)),
    Route::of_admin(Method::GET, "/instance/get_sync_status", || get(status)),
];

async fn status(State(app): State<App>, AdminOnly { input }: AdminOnly) -> Answer {
    let after = input.parsed("after", TenantId::parse)?;
    let tenants = tenants(&app, after, TENANTS_MAX).await?;
    let known = app.reports.status().into_iter();
    let known: HashMap<TenantId, SyncStatus> = known
        .map(|status| (status.tenant.clone(), status))
        .collect();
    let now = app.clock.now();
    let shown: Vec<Value> = tenants
        .iter()
        .map(|tenant| show(tenant, known.get(&tenant.id), now))
        .collect();
    Ok(Json(json!({
        "ok": true,
        "sync_interval_seconds": app.settings.sync_interval_s,
        "tenants": shown,
    })))
}

/// One tenant. Without an application, or while it is not active, nothing is ever due.
fn show(tenant: &Tenant, status: Option<&SyncStatus>, now: Timestamp) -> Value {
    let next_at = status.and_then(|status| status.next_sync_at);
    let is_called = tenant.is_active && tenant.client.base_url.is_some();
    let in_dnd = status.is_some_and(|status| status.in_dnd);
    let last_at = status.and_then(|status| status.last_sync_at);
    without_nulls(json!({
        "id": tenant.id.as_str(),
        "name": tenant.name.as_ref().map(Line::as_str),
        "active": tenant.is_active,
        "client_base_url": tenant.client.base_url.as_ref().map(BaseUrl::as_str),
        "last_sync_ts": last_at.map(Timestamp::as_secs),
        "next_sync_ts": next_at.map(Timestamp::as_secs),
        "next_sync_due": is_called && next_at.is_none_or(|at| at <= now),
        "in_dnd": in_dnd,
        "failures": status.map_or(0, |status| status.failures),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_an_application_is_ever_due() {
        let id = TenantId::parse("acme").unwrap();
        let at = Timestamp::from_millis;
        let mut tenant = Tenant::new(id.clone(), at(0));
        let status = SyncStatus {
            tenant: id,
            last_sync_at: Some(at(5_000)),
            next_sync_at: Some(at(305_000)),
            in_dnd: true,
            failures: 2,
        };
        let due = |tenant: &Tenant, status, now| show(tenant, status, now)["next_sync_due"].clone();
        assert_eq!(due(&tenant, None, at(0)), false);
        tenant.client.base_url = Some(BaseUrl::parse("http://localhost").unwrap());
        assert_eq!(due(&tenant, None, at(0)), true);
        assert_eq!(due(&tenant, Some(&status), at(304_999)), false);
        assert_eq!(due(&tenant, Some(&status), at(305_000)), true);
        let shown = show(&tenant, Some(&status), at(0));
        assert_eq!(shown["last_sync_ts"], 5);
        assert_eq!(shown["in_dnd"], true);
        tenant.is_active = false;
        assert_eq!(due(&tenant, Some(&status), at(305_000)), false);
    }
}
