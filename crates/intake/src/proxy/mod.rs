//! The service's API: applications hand mail over and ask about it, an administrator looks after tenants and accounts.
//!
//! Promises:
//! - **What was answered with `ok` is on the disk** (promise: P-01).
//! - **A tenant sees and changes only what is its own**, by construction: a handler never gets a tenant's id from a
//!   request, it gets one that its asker may mean, from `scope`. What is another tenant's is answered as if it were
//!   not there.
//! - **What is begun is done whole**, also when its client does not wait for the answer.
//! - **An error names its field and repeats no value.** It is `{"detail": …}`, as the contract has it.
//! - **No secret comes back**, whoever asks.
//!
//! Does not know: connections and sending, which it reaches through [`Wakes`] and [`SyncControl`].
//!
//! # Layout
//! - [`Proxy`], [`router`], [`routes`]: what the API stands on, and where it answers
//! - [`keys`]: whose token it is
//! - `scope`, `object`: who asks for which tenant, and what was asked, read field by field; `weight`: what that takes
//! - `problem`, `answer`: what is said; `aside`: long work that holds up nobody; `whole`: work that nobody cuts off,
//!   and the room that there is for it
//! - `commands`, `incoming`: mail as it is handed over; `removal`: taken back; `suspension`: held back;
//!   `under_way`: being sent
//! - `messages`, `record`, `history`: mail as it stands, and what happened to it; `statistics`: how often
//! - `tenants`, `accounts`, `storages`, `instance`, `sync_status`: what an administrator looks after; `wire`: its JSON
//! - `command_log`: who asked for what, as a layer around all routes

mod accounts;
mod answer;
mod aside;
mod command_log;
mod commands;
mod history;
mod incoming;
mod instance;
pub mod keys;
mod messages;
mod object;
pub mod openapi;
mod problem;
mod record;
mod removal;
mod scope;
mod statistics;
mod storages;
mod suspension;
mod sync_status;
mod tenants;
mod under_way;
mod weight;
mod whole;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use model::account::AccountPk;
use model::{Clock, Priority, Seq, TenantId};
use observe::reports::SyncStatus;
use store::{Directory, Statistics, Store, Submissions};
use tokio::sync::Notify;
use webserver::{Caller, Gate};

use messages::Lists;
use problem::Problem;
use whole::Room;
pub use wire::bounce::BounceSettings;

/// Told when a route is there, for another method.
const OTHER_METHOD: &str =
    "this address does not take that method: the header Allow names those it takes";

/// What the API stands on.
pub struct Proxy {
    /// The mail.
    pub submissions: Arc<dyn Submissions>,
    /// Tenants and what belongs to them.
    pub directory: Arc<dyn Directory>,
    /// The rest of the data file.
    pub store: Arc<dyn Store>,
    /// What happened, by hours.
    pub statistics: Arc<dyn Statistics>,
    /// Who sends.
    pub sending: Arc<dyn Wakes>,
    /// Who reports.
    pub reports: Arc<dyn SyncControl>,
    /// Told when how bounces are read has changed, or is to be looked at again.
    pub bounces_changed: Arc<Notify>,
    /// Where tokens are shown.
    pub gate: Gate,
    /// The time.
    pub clock: Clock,
    /// What an operator may set.
    pub settings: ProxySettings,
}

/// What an operator may set of the API.
#[derive(Clone, Copy, Debug)]
pub struct ProxySettings {
    /// How urgent a message is that does not say so.
    pub default_priority: Priority,
    /// The longest body of a request, in bytes; what listens has a limit of its own before it.
    pub body_bytes_max: usize,
    /// What all requests under way may take together, in bytes: their bodies, and what was read of them.
    pub requests_bytes_max: usize,
    /// The longest message, in bytes of its JSON.
    pub message_bytes_max: usize,
    /// How often a tenant's application is called when there is nothing to report, in seconds.
    pub sync_interval_s: u32,
    /// How long what is final and reported is kept unless a request says otherwise, in seconds.
    pub retention_s: u32,
    /// How long the deletion of an account waits for its mail that is in the middle of a dialogue.
    pub dialogue_patience: Duration,
}

impl Default for ProxySettings {
    fn default() -> Self {
        Self {
            default_priority: Priority::default(),
            body_bytes_max: 32 * 1024 * 1024,
            requests_bytes_max: 256 * 1024 * 1024,
            message_bytes_max: 16 * 1024 * 1024,
            sync_interval_s: 300,
            retention_s: 7 * 24 * 3_600,
            dialogue_patience: Duration::from_secs(30),
        }
    }
}

/// Other processes that deliver did not say in time that they did what they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "processes that deliver did not answer in time: what was asked for is kept as far as it was written, and may not be \
     followed everywhere yet; ask for it again in a while"
)]
pub struct Unanswered;

/// Who sends, as far as the API moves it.
#[async_trait]
pub trait Wakes: Send + Sync + 'static {
    /// Something new waits.
    fn wake(&self);

    /// Mail of one account may be due earlier than it was.
    fn look_at(&self, account: AccountPk);

    /// Puts back what was read ahead and not begun. When it has, what the store holds back is not begun any more, and what
    /// is in a transaction is known, wherever that is.
    async fn recall(&self) -> Result<(), Unanswered>;

    /// Learns what is in a transaction in other processes; of this one that is always known.
    async fn look_around(&self) -> Result<(), Unanswered>;

    /// Begins nothing of some accounts until they are let go, for some seconds at most. When it has, whatever of them is in a
    /// transaction is known, wherever that is.
    async fn hold(&self, accounts: &[AccountPk]) -> Result<(), Unanswered>;

    /// Goes on with accounts that were to be held.
    fn let_go(&self, accounts: &[AccountPk]);

    /// Whether a message is in a transaction at this moment: here, and in other processes as they last told.
    fn is_sending(&self, message: Seq) -> bool;

    /// Whether a message of an account is.
    fn is_sending_of(&self, account: AccountPk) -> bool;

    /// Goes on sending.
    async fn activate(&self) -> store::Result<()>;

    /// Begins no more: here from its return on, in other processes from the next recall on. What was begun is brought to
    /// its end.
    async fn suspend(&self) -> store::Result<()>;

    /// Whether it sends.
    fn is_active(&self) -> bool;

    /// An account is not what it was, or is gone.
    fn account_changed(&self, account: AccountPk);
}

/// Who reports to the tenants' applications, as far as the API moves it.
pub trait SyncControl: Send + Sync + 'static {
    /// Reports at once. With a tenant, its wish not to be disturbed is forgotten; without one, it is respected.
    fn run_now(&self, tenant: Option<TenantId>);

    /// How reporting stands, tenant by tenant.
    fn status(&self) -> Vec<SyncStatus>;
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A tenant for itself, and the administrator for any.
    Tenant,
    /// The administrator.
    Admin,
}

/// A place where the API answers.
pub struct Route {
    /// The method that it takes.
    pub method: Method,
    /// Its path; `{tenant_id}` and the like stand for ids.
    pub path: &'static str,
    /// Who may use it.
    pub who: Who,
    answer: fn() -> MethodRouter<App>,
}

/// What handlers get as their state.
type App = Arc<Proxy>;

/// The routes, file by file.
static TABLES: [&[Route]; 11] = [
    commands::ROUTES,
    removal::ROUTES,
    messages::ROUTES,
    statistics::ROUTES,
    suspension::ROUTES,
    tenants::ROUTES,
    accounts::ROUTES,
    storages::ROUTES,
    sync_status::ROUTES,
    instance::ROUTES,
    command_log::ROUTES,
];

/// Every route: there is no other way into the router.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    TABLES.into_iter().flatten()
}

/// The whole API, behind its keys.
pub fn router(proxy: Proxy) -> Router {
    let (gate, bytes_max) = (proxy.gate.clone(), proxy.settings.body_bytes_max);
    let room = Room::new(&proxy.settings);
    let router = routes().fold(Router::new(), |router, route| {
        router.route(route.path, route.guarded())
    });
    let router = router
        .method_not_allowed_fallback(async || Problem::Method(OTHER_METHOD))
        .layer(DefaultBodyLimit::max(bytes_max))
        .layer(Extension(Lists::new()));
    let router = command_log::logged(router, &proxy).with_state(Arc::new(proxy));
    // Around the log as well: what was done is written down, also when nobody waits for the answer.
    let router = router.layer(middleware::from_fn_with_state(room, whole::whole));
    webserver::authenticated(router, &gate)
}

/// The wall before the administrator's routes, whatever their handlers take.
async fn admins_only(caller: Caller, request: Request, next: Next) -> Response {
    match caller {
        Caller::Admin => next.run(request).await,
        Caller::Tenant(_) => Problem::AdminOnly.into_response(),
    }
}

impl Route {
    /// A route for tenants.
    const fn of_tenant(
        method: Method,
        path: &'static str,
        answer: fn() -> MethodRouter<App>,
    ) -> Self {
        Self::new(method, path, Who::Tenant, answer)
    }

    /// What answers there, behind the wall that its asker has to pass.
    fn guarded(&self) -> MethodRouter<App> {
        let answer = (self.answer)();
        match self.who {
            Who::Tenant => answer,
            Who::Admin => answer.route_layer(middleware::from_fn(admins_only)),
        }
    }

    /// A route for the administrator alone.
    const fn of_admin(
        method: Method,
        path: &'static str,
        answer: fn() -> MethodRouter<App>,
    ) -> Self {
        Self::new(method, path, Who::Admin, answer)
    }

    const fn new(
        method: Method,
        path: &'static str,
        who: Who,
        answer: fn() -> MethodRouter<App>,
    ) -> Self {
        Self {
            method,
            path,
            who,
            answer,
        }
    }
}
