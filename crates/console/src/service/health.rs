//! Whether the service lives, whether it can do its work, and how it stands.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use webserver::Caller;

use super::router::{App, Shared, scope};
use crate::problem::Problem;

/// How long the store, or the disk, may take for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer serves all who ask: a look writes to the data file, and anybody may ask.
const LOOKED_FOR: Duration = Duration::from_secs(1);
/// The name under which a look writes.
const READER: &str = "readiness";
/// Bytes that the data's disk has to have left.
const ROOM_MIN: u64 = 64 * 1024 * 1024;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The last look at whether the service can work.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Checks)>>);

/// What it needs, each with a word; `ok`, `running` and `suspended` are good ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Checks {
    store: &'static str,
    disk: &'static str,
    dispatcher: &'static str,
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Health {
    ok: bool,
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
}

/// The answers of both of genro's versions, and more.
#[derive(Serialize)]
struct Status {
    ok: bool,
    active: bool,
    scheduler_active: bool,
    pending_messages: u64,
    uptime_seconds: u64,
    version: &'static str,
}

#[derive(Serialize)]
struct Console {
    kind: &'static str,
    version: &'static str,
    started_at: crate::time::Rfc3339,
}

/// `GET /health` and `GET /instance/health`: asks nothing of anybody else.
pub(super) async fn health(State(app): State<App>) -> impl IntoResponse {
    Json(Health {
        ok: true,
        status: "ok",
        version: VERSION,
        uptime_seconds: uptime_seconds(&app),
    })
}

/// `GET /status` and `GET /instance/status`: to a tenant, with how many of its own submissions wait.
pub(super) async fn status(caller: Caller, State(app): State<App>) -> Result<Response, Problem> {
    let submissions = &app.service.submissions;
    let pending = match scope(&caller) {
        Some(tenant) => submissions.pending(tenant, None).await?,
        None => {
            let counts = submissions.account_counts().await?;
            counts
                .iter()
                .map(store::submissions::AccountCounts::pending)
                .sum()
        }
    };
    let active = app.service.figures.is_active();
    Ok(Json(Status {
        ok: true,
        active,
        scheduler_active: active,
        pending_messages: pending,
        uptime_seconds: uptime_seconds(&app),
        version: VERSION,
    })
    .into_response())
}

/// `GET /api/console`: which pages there are.
pub(super) async fn console(_caller: Caller, State(app): State<App>) -> impl IntoResponse {
    Json(Console {
        kind: "service",
        version: VERSION,
        started_at: crate::time::Rfc3339(app.service.started_at),
    })
}

fn uptime_seconds(app: &Shared) -> u64 {
    let service = &app.service;
    service.clock.now().since(service.started_at).as_secs()
}

/// `GET /ready`: 503 while it cannot take mail, or nobody sends it.
pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    let checks = app.readiness.now(&app).await;
    let (code, status) = match checks.are_good() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(Ready { status, checks }))
}

impl Readiness {
    /// Looks, unless somebody has done so just now.
    async fn now(&self, app: &Shared) -> Checks {
        let mut last = self.0.lock().await;
        if let Some((at, checks)) = *last
            && at.elapsed() < LOOKED_FOR
        {
            return checks;
        }
        let checks = Checks::look(app).await;
        *last = Some((Instant::now(), checks));
        checks
    }
}

impl Checks {
    async fn look(app: &Shared) -> Self {
        let (store, disk) = tokio::join!(store(app), disk(app.service.folder.clone()));
        let figures = &app.service.figures;
        let dispatcher = match (figures.is_running(), figures.is_active()) {
            (true, true) => "running",
            (true, false) => "suspended",
            (false, _) => "stopped",
        };
        Self {
            store,
            disk,
            dispatcher,
        }
    }

    fn are_good(self) -> bool {
        self.store == "ok" && self.disk == "ok" && self.dispatcher != "stopped"
    }
}

/// Whether the store takes what is written.
async fn store(app: &Shared) -> &'static str {
    let now = app.service.clock.now().as_millis().to_string();
    match timeout(PATIENCE, app.service.store.save_cursor(READER, &now)).await {
        Ok(Ok(())) => "ok",
        Ok(Err(_)) => "failed",
        Err(_) => "no answer",
    }
}

/// Whether the disk has room.
async fn disk(folder: Option<PathBuf>) -> &'static str {
    let Some(folder) = folder else {
        return "ok";
    };
    // A network's file system may not answer for long.
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder));
    match timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(disk))) if disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM_MIN => "ok",
        Ok(Ok(Ok(_))) => "full",
        Ok(_) => "failed",
        Err(_) => "no answer",
    }
}
