//! Which route answers what to whom, and what all of them share.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use model::{Clock, Secret, TenantId, Timestamp};
use observe::metrics::service::Names;
use store::{Directory, Nodes, Preparation, Statistics, Store, Submissions};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use webserver::{Caller, Gate, authenticated, locked};

use super::look::Sources;
use super::source::FiguresSource;
use super::stream::{self, Watched};
use super::{health, metrics, nodes, statistics, submission, submissions, traffic};
use crate::assets;
use crate::problem::Problem;
use crate::stream::Stream;

/// The header by which a program shows its token; a browser's page never sends it.
const API_TOKEN: &str = "x-api-token";

/// What the service's console shows.
pub struct Service {
    /// What clients handed over, and its counts.
    pub submissions: Arc<dyn Submissions>,
    /// The accounts.
    pub directory: Arc<dyn Directory>,
    /// The messages, and whether the store can be written to.
    pub store: Arc<dyn Store>,
    /// What happened, by hours.
    pub statistics: Arc<dyn Statistics>,
    /// Whether the store is such that this program can work with it.
    pub nodes: Arc<dyn Nodes>,
    /// What waits to be fetched ahead, where processes share the store.
    pub preparation: Option<Arc<dyn Preparation>>,
    /// What goes on at the moment.
    pub figures: Arc<dyn FiguresSource>,
    /// The data folder, whose disk has to have room; `None` where the data is on another machine.
    pub folder: Option<PathBuf>,
    /// The time.
    pub clock: Clock,
    /// When the service started.
    pub started_at: Timestamp,
    /// Ends the stream of updates, after a last one with the last figures.
    pub stop: CancellationToken,
}

/// How people and programs are let in.
pub struct Door {
    /// What opens the page, once in its address and from then on by a cookie: the operator's token.
    pub token: Secret,
    /// The server's port, which tells its cookie from those of other servers on the same host.
    pub port: u16,
    /// Where programs show their tokens.
    pub gate: Gate,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Anybody,
    /// Whoever shows a token of the API.
    Program,
    /// The operator at the page, and whoever shows a token of the API; a tenant for itself.
    Viewer,
}

/// A place where the service's console answers GET and HEAD.
pub struct Route {
    /// Its path; `{pk}` stands for the id of a submission.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    answer: fn() -> MethodRouter<App>,
}

/// Every route beside the page and what it is made of.
pub static ROUTES: [Route; 13] = [
    route("/health", Who::Anybody, || get(health::health)),
    route("/ready", Who::Anybody, || get(health::ready)),
    route("/metrics", Who::Anybody, || get(metrics::metrics)),
    route("/status", Who::Program, || get(health::status)),
    route("/instance/status", Who::Program, || get(health::status)),
    route("/instance/health", Who::Program, || get(health::health)),
    route("/api/console", Who::Viewer, || get(health::console)),
    route("/api/traffic", Who::Viewer, || get(traffic::traffic)),
    route("/api/traffic/stream", Who::Viewer, || get(stream::follow)),
    route("/api/statistics", Who::Viewer, || {
        get(statistics::statistics)
    }),
    route("/api/nodes", Who::Viewer, || get(nodes::nodes)),
    route("/api/submissions", Who::Viewer, || get(submissions::page)),
    route("/api/submissions/{pk}", Who::Viewer, || {
        get(submission::one)
    }),
];

const fn route(path: &'static str, who: Who, answer: fn() -> MethodRouter<App>) -> Route {
    Route { path, who, answer }
}

/// What all routes share.
pub(super) struct Shared {
    pub(super) service: Service,
    pub(super) sources: Sources,
    pub(super) stream: Arc<Stream<Watched>>,
    pub(super) readiness: health::Readiness,
    /// Who has metrics of its own.
    pub(super) names: Arc<Names>,
    /// What the accounts are called that processes deliver for.
    pub(super) account_names: nodes::AccountNames,
    /// Who may look for some of the submissions, or hold one as a whole, at the same moment.
    pub(super) searches: Arc<Semaphore>,
    pub(super) stories: Arc<Semaphore>,
}

/// What handlers get as their state.
pub(super) type App = Arc<Shared>;

/// Every route of the service's console, and the page at every address that is none: no other router that it is merged
/// with can have a fallback. Starts the task that makes the updates, so it is called within a runtime.
pub fn router(service: Service, door: Door) -> Router {
    let sources = Sources::new(&service);
    let app = Arc::new(Shared {
        stream: stream::start(&service, sources.clone()),
        sources,
        readiness: health::Readiness::default(),
        names: Arc::default(),
        account_names: nodes::AccountNames::default(),
        searches: Arc::new(Semaphore::new(submissions::SEARCHES_MAX)),
        stories: Arc::new(Semaphore::new(submission::STORIES_MAX)),
        service,
    });
    let programs = authenticated(routes(&app, Who::Program), &door.gate);
    let inner = Inner {
        page: page(&app, &door),
        viewers: authenticated(routes(&app, Who::Viewer), &door.gate)
            .fallback(async || Problem::NotFound("page")),
    };
    routes(&app, Who::Anybody)
        .merge(programs)
        .merge(Router::new().fallback(by_token).with_state(inner))
}

/// What viewers get: the page with its cookie, or an answer to a program's token.
#[derive(Clone)]
struct Inner {
    page: Router,
    viewers: Router,
}

/// The routes as the page asks them, and the page itself at every address that is none.
fn page(app: &App, door: &Door) -> Router {
    let page = routes(app, Who::Viewer)
        .fallback(assets::serve)
        .method_not_allowed_fallback(async || Problem::Method)
        .layer(Extension(Caller::Admin));
    locked(page, &door.token, door.port)
}

fn routes(app: &App, who: Who) -> Router {
    let own = ROUTES.iter().filter(|route| route.who == who);
    own.fold(Router::new(), |router, route| {
        router.route(route.path, (route.answer)())
    })
    .with_state(Arc::clone(app))
}

/// A program comes by its token, a person by the page's.
async fn by_token(State(inner): State<Inner>, request: Request) -> Response {
    let router = match request.headers().contains_key(API_TOKEN) {
        true => inner.viewers,
        false => inner.page,
    };
    match router.oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

/// Whose things a caller may see; `None` for everybody's.
pub(super) fn scope(caller: &Caller) -> Option<&TenantId> {
    match caller {
        Caller::Admin => None,
        Caller::Tenant(tenant) => Some(tenant),
    }
}
