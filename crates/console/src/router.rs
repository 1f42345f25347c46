//! Which route answers what, and what all of them share.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::routing::{get, post};
use deliver::Letters;
use model::{Clock, Live, MessageId, Timestamp};
use observe::monitor::Monitor;
use store::{Campaign, Store, Timeline};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::controls::{self, Controls};
use crate::problem::Problem;
use crate::stream::{self, Stream};
use crate::{assets, campaigns, content, domains, health, messages, metrics, recipients, stats};

/// What a console shows, and through what it intervenes.
pub struct Console {
    /// Where the messages of every run are.
    pub store: Arc<dyn Store>,
    /// The run that is watched.
    pub monitor: Monitor,
    /// What of it is under way.
    pub live: Arc<Live>,
    /// Who carries interventions out.
    pub controls: Arc<dyn Controls>,
    /// The time.
    pub clock: Clock,
    /// Ends the stream of updates, after a last one with the last figures.
    pub stop: CancellationToken,
}

/// What all routes share.
pub(crate) struct Shared {
    pub(crate) console: Console,
    /// The watched run as it was when the console opened: its id and names never change.
    pub(crate) run: Campaign,
    pub(crate) stream: Arc<Stream>,
    pub(crate) letters: Letters,
    pub(crate) opened_at: Timestamp,
    /// Who may list all recipients, or hold a rendered message, at the same moment.
    pub(crate) listings: Arc<Semaphore>,
    pub(crate) renderings: Arc<Semaphore>,
}

/// What handlers get as their state.
pub(crate) type App = Arc<Shared>;

/// Every route of a console. Starts the task that makes the updates, so it is called within a runtime.
pub fn router(console: Console) -> Router {
    let stop = console.stop.clone();
    let stream = stream::start(
        console.monitor.clone(),
        Arc::clone(&console.live),
        &console.clock,
        stop,
    );
    let app = Arc::new(Shared {
        run: console.monitor.figures().campaign,
        stream,
        letters: Letters::new(Arc::clone(&console.store)),
        opened_at: console.clock.now(),
        listings: Arc::new(Semaphore::new(recipients::LISTINGS_MAX)),
        renderings: Arc::new(Semaphore::new(content::RENDERINGS_MAX)),
        console,
    });
    Router::new()
        .route("/api/stats", get(stats::stats))
        .route("/api/status", get(stats::status))
        .route("/api/recipients", get(recipients::recipients))
        .route("/api/stream", get(stream::follow))
        .route("/api/domains", get(domains::domains))
        .route("/api/campaigns", get(campaigns::list))
        .route("/api/campaigns/{job}", get(campaigns::one))
        .route("/api/campaigns/{job}/controls", post(controls::act))
        .route("/api/campaigns/{job}/messages", get(messages::page))
        .route(
            "/api/campaigns/{job}/messages/{id}",
            get(messages::timeline),
        )
        .route(
            "/api/campaigns/{job}/messages/{id}/content",
            get(content::parts),
        )
        .route(
            "/api/campaigns/{job}/messages/{id}/content/html",
            get(content::html),
        )
        .route(
            "/api/campaigns/{job}/messages/{id}/content/raw",
            get(content::raw),
        )
        .route("/metrics", get(metrics::metrics))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(assets::serve)
        .method_not_allowed_fallback(async || Problem::Method)
        .with_state(app)
}

/// The run that a path names.
pub(crate) struct Named(pub(crate) Campaign);

/// The message of a run that a path names, with its history.
pub(crate) struct NamedMessage(pub(crate) Timeline);

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let names = names(parts, app).await?;
        let Some((_, job)) = names.first() else {
            return Err(Problem::NotFound("run"));
        };
        let run = app.console.store.campaign(job).await?;
        run.map(Self).ok_or(Problem::NotFound("run"))
    }
}

impl FromRequestParts<App> for NamedMessage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Named(run) = Named::from_request_parts(parts, app).await?;
        let names = names(parts, app).await?;
        let id = names
            .get(1)
            .and_then(|(_, id)| id.parse::<MessageId>().ok());
        let id = id.ok_or(Problem::NotFound("message"))?;
        let timeline = app.console.store.timeline(id.seq()).await?;
        // The place alone is not the id: it is the same in every store.
        timeline
            .filter(|timeline| timeline.message.id == id && timeline.message.campaign == run.id)
            .map(Self)
            .ok_or(Problem::NotFound("message"))
    }
}

/// The names in a path, in their order.
async fn names(parts: &mut Parts, app: &App) -> Result<Vec<(String, String)>, Problem> {
    let Path(names) = Path::from_request_parts(parts, app)
        .await
        .map_err(|_| Problem::NotFound("page"))?;
    Ok(names)
}
