//! The runs in the store.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use store::{Books, Campaign};

use crate::problem::Problem;
use crate::router::{App, Named};
use crate::time::Rfc3339;

/// Runs that are listed, the newest.
const RUNS_MAX: u32 = 100;

#[derive(Serialize)]
struct Runs {
    campaigns: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    job_id: String,
    name: Option<String>,
    started_at: Rfc3339,
    listed_at: Option<Rfc3339>,
    finished_at: Option<Rfc3339>,
    watched: bool,
    settings: Value,
    books: Books,
}

/// `GET /api/campaigns`
pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let mut campaigns = Vec::new();
    for run in app.console.store.campaigns(None, RUNS_MAX).await? {
        campaigns.push(with_books(&app, run).await?);
    }
    Ok(Json(Runs { campaigns }).into_response())
}

/// `GET /api/campaigns/{job}`
pub(crate) async fn one(Named(run): Named, State(app): State<App>) -> Result<Response, Problem> {
    Ok(Json(with_books(&app, run).await?).into_response())
}

async fn with_books(app: &App, run: Campaign) -> Result<Run, Problem> {
    let books = app.console.store.books(run.lane).await?;
    Ok(Run {
        watched: run.lane == app.run.lane,
        settings: settings(&run),
        job_id: run.job_id,
        name: run.name,
        started_at: Rfc3339(run.started_at),
        listed_at: run.listed_at.map(Rfc3339),
        finished_at: run.finished_at.map(Rfc3339),
        books,
    })
}

/// How a run was started: a JSON object; an empty one for a run that was started without saying.
pub(crate) fn settings(run: &Campaign) -> Value {
    match serde_json::from_str(&run.settings) {
        Ok(settings @ Value::Object(_)) => settings,
        Ok(_) | Err(_) => Value::Object(serde_json::Map::new()),
    }
}
