//! Whether the service lives, whether it can do its work, and how it stands.

use std::path::PathBuf;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::StoreError;
use store::submissions::AccountCounts;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use webserver::Caller;

use super::router::{App, Shared, scope};
use super::source::{DELIVERS, FiguresSource, NodeNow, TAKES_MAIL};
use super::traffic::{QueueRow, queue_rows};
use crate::problem::Problem;

/// How long the store, or the disk, may take for an answer, so that `/ready` answers within a second whatever they do.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long an answer serves all who ask: a look may write to the store, and anybody may ask.
const LOOKED_FOR: Duration = Duration::from_secs(1);
const OK: &str = "ok";
const FAILED: &str = "failed";
const NO_ANSWER: &str = "no answer";
const UNKNOWN: &str = "unknown";
const STOPPED: &str = "stopped";
/// The name under which a look writes.
const READER: &str = "readiness";
/// Bytes that the data's disk has to have left.
const ROOM_MIN: u64 = 64 * 1024 * 1024;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The last look at what this process needs.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Needs)>>);

/// What a process needs, each with a word; `ok` is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Needs {
    /// Whether it answers and takes writes.
    store: &'static str,
    /// Whether its schema is one that this program can work with.
    migrations: &'static str,
    disk: &'static str,
}

/// What it needs, and how it stands itself.
#[derive(Serialize)]
struct Checks {
    #[serde(flatten)]
    needs: Needs,
    /// Whether it is ending.
    draining: &'static str,
    /// Of a process that delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    dispatcher: Option<&'static str>,
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
    /// How much waits at each stage, to the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<Vec<QueueRow>>,
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
    let (pending, queues) = match scope(&caller) {
        Some(tenant) => (submissions.pending(tenant, None).await?, None),
        None => {
            let counts = submissions.account_counts().await?;
            let queues = app.sources.queues(&app.sources.backlog().await?).await?;
            (
                counts.iter().map(AccountCounts::pending).sum(),
                Some(queue_rows(&queues, app.service.clock.now())),
            )
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
        queues,
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

/// `GET /ready`: 503 while this process cannot do what it is there for, or is ending.
pub(super) async fn ready(State(app): State<App>) -> impl IntoResponse {
    let figures = &app.service.figures;
    let this = figures.nodes().into_iter().find(|node| node.is_this);
    let this = this.unwrap_or_default();
    let checks = Checks {
        needs: app.readiness.now(&app, &this).await,
        draining: match this.is_draining {
            true => "yes",
            false => "no",
        },
        dispatcher: this.has(DELIVERS).then(|| dispatcher(&**figures)),
    };
    let (code, status) = match checks.are_good() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(Ready { status, checks }))
}

fn dispatcher(figures: &dyn FiguresSource) -> &'static str {
    match (figures.is_running(), figures.is_active()) {
        (true, true) => "running",
        (true, false) => "suspended",
        (false, _) => STOPPED,
    }
}

impl Checks {
    fn are_good(&self) -> bool {
        let is_running = self.dispatcher != Some(STOPPED);
        self.needs.are_there() && self.draining == "no" && is_running
    }
}

impl Readiness {
    /// Looks, unless somebody has done so just now.
    async fn now(&self, app: &Shared, this: &NodeNow) -> Needs {
        let mut last = self.0.lock().await;
        if let Some((at, needs)) = *last
            && at.elapsed() < LOOKED_FOR
        {
            return needs;
        }
        let needs = Needs::look(app, this).await;
        *last = Some((Instant::now(), needs));
        needs
    }
}

impl Needs {
    async fn look(app: &Shared, this: &NodeNow) -> Self {
        let ((store, migrations), disk) =
            tokio::join!(store(app, this), disk(app.service.folder.clone()));
        Self {
            store,
            migrations,
            disk,
        }
    }

    fn are_there(self) -> bool {
        [self.store, self.migrations, self.disk] == [OK; 3]
    }
}

/// Whether the store takes what is written, and whether its schema fits. A process that takes mail writes; the others, who
/// may be many on one database, only ask.
async fn store(app: &Shared, this: &NodeNow) -> (&'static str, &'static str) {
    let now = app.service.clock.now().as_millis().to_string();
    let written = async {
        match this.has(TAKES_MAIL) {
            true => app.service.store.save_cursor(READER, &now).await,
            false => Ok(()),
        }
    };
    let asked = async { tokio::try_join!(app.service.nodes.check(), written) };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => (OK, OK),
        Ok(Err(StoreError::Newer { .. })) => (OK, "newer"),
        Ok(Err(StoreError::Older { .. })) => (OK, "older"),
        Ok(Err(error)) if error.is_transient() => (NO_ANSWER, UNKNOWN),
        Ok(Err(_)) => (FAILED, UNKNOWN),
        Err(_) => (NO_ANSWER, UNKNOWN),
    }
}

/// Whether the disk has room.
async fn disk(folder: Option<PathBuf>) -> &'static str {
    let Some(folder) = folder else {
        return OK;
    };
    // A network's file system may not answer for long.
    let asked = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&folder));
    match timeout(PATIENCE, asked).await {
        Ok(Ok(Ok(disk))) if disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM_MIN => OK,
        Ok(Ok(Ok(_))) => "full",
        Ok(_) => FAILED,
        Err(_) => NO_ANSWER,
    }
}
