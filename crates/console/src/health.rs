//! Whether the process lives, and whether it can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::Stage;
use serde::Serialize;

use crate::router::App;

/// How long the store may take for an answer.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Health {
    ok: bool,
    status: &'static str,
    version: &'static str,
    uptime_s: u64,
}

#[derive(Serialize)]
struct Console {
    kind: &'static str,
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    store: &'static str,
    stage: Stage,
}

/// `GET /health`: asks nothing of anybody else.
pub(crate) async fn health(State(app): State<App>) -> impl IntoResponse {
    Json(Health {
        ok: true,
        status: "healthy",
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: app.console.clock.now().since(app.opened_at).as_secs(),
    })
}

/// `GET /api/console`: which pages there are.
pub(crate) async fn console() -> impl IntoResponse {
    Json(Console { kind: "campaign" })
}

/// `GET /ready`: 503 while it cannot send, or show what was sent.
pub(crate) async fn ready(State(app): State<App>) -> impl IntoResponse {
    let asked = tokio::time::timeout(STORE_PATIENCE, app.console.store.books(app.run.lane));
    let store = match asked.await {
        Ok(Ok(_)) => "ok",
        Ok(Err(_)) => "failed",
        Err(_) => "no answer",
    };
    let stage = app.console.live.stage();
    let (code, status) = match store == "ok" && is_at_work(stage) {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let checks = Checks { store, stage };
    (code, Json(Readiness { status, checks }))
}

/// Whether a run at this stage does its work, or has done it.
fn is_at_work(stage: Stage) -> bool {
    match stage {
        Stage::Sending | Stage::Paused | Stage::Completed | Stage::Cancelled => true,
        Stage::Starting
        | Stage::Stopping
        | Stage::Interrupted
        | Stage::Unreachable
        | Stage::Failed => false,
    }
}
