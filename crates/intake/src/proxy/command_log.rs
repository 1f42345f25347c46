//! Who asked for what: the log of the requests that change something, and the layer that writes it.
//!
//! What changes the installation is written down before it is answered. What is about mail is written down a moment
//! later, many at once, so that the log costs the road of the mail no commit of its own: of that, a process that is
//! killed may miss the last [`DELAY`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::future::join_all;
use model::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::Directory;
use store::directory::{CommandPage, NewCommand};
use url::form_urlencoded;
use webserver::Caller;

use super::answer::{Answer, Json};
use super::object::Object;
use super::problem::Problem;
use super::scope::AdminOnly;
use super::wire::command::{self, Page};
use super::wire::redacted::{About, redacted};
use super::wire::time;
use super::{App, Proxy, Route};

/// How long a command about mail waits for others, to be written together with them.
const DELAY: Duration = Duration::from_millis(100);
/// Commands that wait; who brings one more writes them.
const WAITING_MAX: usize = 256;
/// The longest path that is kept, in bytes.
const PATH_BYTES_MAX: usize = 512;
/// Where requests about mail go.
const ABOUT_MAIL: [&str; 2] = ["/commands/", "/messages/"];
/// Where mail is handed over.
const HAND_OVER: [&str; 3] = [
    "/commands/add-messages",
    "/messages/add",
    "/messages/add_batch",
];
/// Where storages are looked after.
const STORAGES: &str = "/storages/";
/// Where the id in a request is that of a tenant.
const ADD_TENANT: [&str; 2] = ["/tenant", "/tenants/add"];
/// Before the id of a tenant in a path.
const TENANT_PATH: &str = "/tenant/";

/// Where it answers.
pub(super) static ROUTES: &[Route] = &[
    Route::of_admin(Method::GET, "/command-log", || get(list)),
    Route::of_admin(Method::GET, "/command-log/export", || get(export)),
    Route::of_admin(Method::GET, "/command_log/list", || get(rpc_list)),
    Route::of_admin(Method::GET, "/command_log/get", || get(rpc_get)),
    Route::of_admin(Method::GET, "/command_log/export", || get(rpc_export)),
    Route::of_admin(Method::POST, "/command_log/purge", || post(purge)),
];

type Shared = Extension<Arc<Log>>;

async fn list(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    let page = looked_through(&app, &log, &input, Page::Some).await?;
    let commands: Vec<Value> = page.commands.iter().map(command::show).collect();
    Ok(Json(
        json!({ "ok": true, "commands": commands, "total": page.total }),
    ))
}

async fn export(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    let page = looked_through(&app, &log, &input, Page::Most).await?;
    let commands: Vec<Value> = page.commands.iter().map(command::for_replay).collect();
    Ok(Json(
        json!({ "ok": true, "commands": commands, "total": page.total }),
    ))
}

async fn rpc_list(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    let page = looked_through(&app, &log, &input, Page::Some).await?;
    Ok(Json(page.commands.iter().map(command::show).collect()))
}

async fn rpc_export(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    let page = looked_through(&app, &log, &input, Page::Most).await?;
    Ok(Json(
        page.commands.iter().map(command::for_replay).collect(),
    ))
}

/// A page of the log, with everything that was asked before this.
async fn looked_through(
    app: &App,
    log: &Log,
    input: &Object,
    page: Page,
) -> Result<CommandPage, Problem> {
    log.settle().await;
    let filter = command::filter(input, page)?;
    Ok(app.directory.commands(filter).await?)
}

async fn rpc_get(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    let id = input.integer("command_id", 0..=i64::MAX)?;
    let id = input.needed("command_id", id)?;
    log.settle().await;
    let command = app.directory.command(id).await?;
    let command = command.ok_or(Problem::NotFound("command"))?;
    Ok(Json(command::show(&command)))
}

async fn purge(
    State(app): State<App>,
    Extension(log): Shared,
    AdminOnly { input }: AdminOnly,
) -> Answer {
    input.only(&["threshold_ts"])?;
    let before = input.needed("threshold_ts", time::read(&input, "threshold_ts")?)?;
    log.settle().await;
    let deleted = app.directory.purge_commands(before).await?;
    Ok(Json(json!({ "ok": true, "deleted": deleted })))
}

/// Writes down what is asked of a router.
pub(super) fn logged(router: Router<App>, app: &Proxy) -> Router<App> {
    let log = Log {
        directory: Arc::clone(&app.directory),
        clock: app.clock.clone(),
        body_bytes_max: app.settings.body_bytes_max,
        waiting: Mutex::default(),
        writing: tokio::sync::Mutex::default(),
    };
    // Around the routes only: who has no token, or asks for no route, is not written down.
    router.route_layer(middleware::from_fn_with_state(Arc::new(log), note))
}

/// The log of what is asked.
struct Log {
    directory: Arc<dyn Directory>,
    clock: model::Clock,
    body_bytes_max: usize,
    /// What is not written yet.
    waiting: Mutex<Vec<NewCommand>>,
    /// Who writes it.
    writing: tokio::sync::Mutex<()>,
}

/// Lets a request through, and writes it down when it changes something.
async fn note(State(log): State<Arc<Log>>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Arc::clone(&log));
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let at = log.clock.now();
    let (head, body) = request.into_parts();
    // It comes whole, so this copies nothing.
    let Ok(body) = to_bytes(body, log.body_bytes_max).await else {
        let message = format!("the body is longer than {} bytes", log.body_bytes_max);
        return Problem::TooLarge(message.into()).into_response();
    };
    let asked = Parts::clone(&head);
    let request = Request::from_parts(head, Body::from(body.clone()));
    let response = next.run(request).await;
    let command = command(at, &asked, &body, response.status());
    match ABOUT_MAIL
        .iter()
        .any(|start| asked.uri.path().starts_with(start))
    {
        true => log.add(command).await,
        false => log.write(vec![command]).await,
    }
    response
}

impl Log {
    /// Writes a command down together with others that come in a moment.
    async fn add(self: &Arc<Self>, command: NewCommand) {
        let count = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(command);
            waiting.len()
        };
        if count == 1 {
            let log = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(DELAY).await;
                log.settle().await;
            });
        }
        if count >= WAITING_MAX {
            self.settle().await;
        }
    }

    /// Writes what waits. When it returns, all that was added before is written.
    async fn settle(&self) {
        let _writing = self.writing.lock().await;
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        self.write(waiting).await;
    }

    /// Writes commands, all in one commit where the store is free.
    async fn write(&self, commands: Vec<NewCommand>) {
        let written = commands
            .into_iter()
            .map(|command| self.directory.log_command(command));
        let mut failed = join_all(written).await.into_iter().filter_map(Result::err);
        if let Some(error) = failed.next() {
            let missed = failed.count() + 1;
            tracing::warn!(missed, %error, "the log of commands misses some");
        }
    }
}

/// What is written down of a request.
fn command(at: Timestamp, head: &Parts, body: &Bytes, status: StatusCode) -> NewCommand {
    let path = head.uri.path();
    let path = &path[..path.floor_char_boundary(PATH_BYTES_MAX)];
    let read = match (body.is_empty(), head.uri.query()) {
        (true, Some(query)) => redacted(parameters(query).to_string().as_bytes(), about(path)),
        _ => redacted(body, about(path)),
    };
    let added = read.id.as_deref().filter(|_| ADD_TENANT.contains(&path));
    let named = tenant_in(path).or(read.tenant.as_deref()).or(added);
    let named = named.and_then(|name| TenantId::parse(name).ok());
    let tenant = match head.extensions.get::<Caller>() {
        Some(Caller::Tenant(own)) => Some(own.clone()),
        Some(Caller::Admin) | None => named.or_else(|| tenant_of(head.uri.query())),
    };
    NewCommand {
        at,
        endpoint: format!("{} {path}", head.method).into(),
        tenant,
        payload: read.payload.into(),
        response_status: status.as_u16(),
        response: None,
    }
}

fn about(path: &str) -> About {
    match path {
        _ if HAND_OVER.contains(&path) => About::Mail,
        _ if path.starts_with(STORAGES) => About::Storage,
        _ => About::Other,
    }
}

/// The id in a path that is about one tenant.
fn tenant_in(path: &str) -> Option<&str> {
    path.strip_prefix(TENANT_PATH)?.split('/').next()
}

/// The tenant that is named behind the question mark.
fn tenant_of(query: Option<&str>) -> Option<TenantId> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    let (_, named) = pairs.find(|(name, _)| name == "tenant_id")?;
    TenantId::parse(&named).ok()
}

/// What is behind the question mark, as an object.
fn parameters(query: &str) -> Value {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}
