//! Which route answers what, and what all of them share.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::http::Method;
use axum::http::request::Parts;
use axum::routing::{MethodRouter, get, post};
use deliver::Letters;
use model::{Clock, Live, MessageId, Timestamp};
use observe::monitor::Monitor;
use store::{Campaign, Store, Timeline};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::controls::{self, Controls};
use crate::problem::Problem;
use crate::stream::{self, Stream, Watched};
use crate::{
    assets, campaigns, content, domains, health, messages, metrics, page, recipients, stats,
};

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

/// A place where a console answers.
pub struct Route {
    /// The method that it takes; whoever takes GET takes HEAD as well.
    pub method: Method,
    /// Its path; `{job}` and `{id}` stand for the ids of a run and of a message in it.
    pub path: &'static str,
    answer: fn() -> MethodRouter<App>,
}

/// Every route beside the page and what it is made of: there is no other way into a router.
pub static ROUTES: [Route; 17] = [
    read("/api/console", || get(health::console)),
    read("/api/stats", || get(stats::stats)),
    read("/api/status", || get(stats::status)),
    read("/api/recipients", || get(recipients::recipients)),
    read("/api/stream", || get(stream::follow)),
    read("/api/domains", || get(domains::domains)),
    read("/api/campaigns", || get(campaigns::list)),
    read("/api/campaigns/{job}", || get(campaigns::one)),
    Route {
        method: Method::POST,
        path: "/api/campaigns/{job}/controls",
        answer: || post(controls::act),
    },
    read("/api/campaigns/{job}/messages", || get(messages::page)),
    read("/api/campaigns/{job}/messages/{id}", || {
        get(messages::timeline)
    }),
    read("/api/campaigns/{job}/messages/{id}/content", || {
        get(content::parts)
    }),
    read("/api/campaigns/{job}/messages/{id}/content/html", || {
        get(content::html)
    }),
    read("/api/campaigns/{job}/messages/{id}/content/raw", || {
        get(content::raw)
    }),
    read("/metrics", || get(metrics::metrics)),
    read("/health", || get(health::health)),
    read("/ready", || get(health::ready)),
];

/// A route that only says something.
const fn read(path: &'static str, answer: fn() -> MethodRouter<App>) -> Route {
    Route {
        method: Method::GET,
        path,
        answer,
    }
}

/// What all routes share.
pub(crate) struct Shared {
    pub(crate) console: Console,
    /// The watched run as it was when the console opened: its id and names never change.
    pub(crate) run: Campaign,
    pub(crate) stream: Arc<Stream<Watched>>,
    pub(crate) letters: Arc<Letters>,
    pub(crate) opened_at: Timestamp,
    /// Who may list all recipients, look for some of them, or hold a rendered message, at the same moment.
    pub(crate) listings: Arc<Semaphore>,
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) renderings: Arc<Semaphore>,
}

/// What handlers get as their state.
pub(crate) type App = Arc<Shared>;

/// Every route of a console. Starts the task that makes the updates, so it is called within a runtime.
pub fn router(console: Console) -> Router {
    let stream = stream::start(&console);
    let app = Arc::new(Shared {
        run: console.monitor.figures().campaign,
        stream,
        letters: Arc::new(Letters::new(Arc::clone(&console.store))),
        opened_at: console.clock.now(),
        listings: Arc::new(Semaphore::new(recipients::LISTINGS_MAX)),
        searches: Arc::new(Semaphore::new(page::SEARCHES_MAX)),
        renderings: Arc::new(Semaphore::new(content::RENDERINGS_MAX)),
        console,
    });
    let router = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, (route.answer)())
    });
    router
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
            .filter(|timeline| timeline.message.id == id && timeline.message.lane == run.lane)
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
