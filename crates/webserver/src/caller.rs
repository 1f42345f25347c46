//! Routes for programs: who asks is known by a token in a header, before a byte of the body is read.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use model::{Secret, TenantId};
use tokio::time::Instant;

use crate::client::Peer;
use crate::fingerprint::Fingerprint;
use crate::known::Known;
use crate::misses::Misses;
use crate::refusal::{Dialect, Refusal};
use crate::token::bearer;

/// The header that holds a program's token; `Authorization: Bearer` does as well.
pub const API_TOKEN: HeaderName = HeaderName::from_static("x-api-token");
/// When a client may try again whose token could not be looked up.
const RETRY_AFTER_S: u64 = 5;

/// Who asks. As an extractor it is a wall: a route that takes it is never reached without a good token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The operator, for every tenant.
    Admin,
    /// One tenant, for itself.
    Tenant(TenantId),
}

/// Where tokens are looked up.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// Whose token it is; `None` if it is nobody's (any more). An implementation compares hashes, never tokens.
    async fn caller(&self, token: &Secret) -> Result<Option<Caller>, Unavailable>;
}

/// Why a token could not be looked up at the moment: words for the client, which is told to try again.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Puts routes behind [`Keys`]. A token is in `X-API-Token`, or else in `Authorization: Bearer`; each request gets
/// its [`Caller`]. Refusals say `{"detail":…}`: 401 without a good token, 503 when that cannot be known, and 429 to an
/// address that showed ten wrong ones within a minute, at whichever of the gate's routers. Such an address is heard on
/// with the tokens that were right there before, so that a client does not suffer from its neighbours behind one
/// proxy, and a guess tells nothing.
///
/// The router has to have a route. An address that is no route, or a method that its route has not, asks for no token.
pub fn authenticated(router: Router, gate: &Gate) -> Router {
    router.route_layer(middleware::from_fn_with_state(gate.clone(), enter))
}

/// Where programs show their tokens. What is behind it may be several routers: wrong tokens are counted once for all.
#[derive(Clone)]
pub struct Gate {
    keys: Arc<dyn Keys>,
    tries: Arc<Mutex<Tries>>,
}

#[derive(Default)]
struct Tries {
    misses: Misses,
    known: Known,
}

async fn enter(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let mut answer = match gate.admit(&head).await {
        Ok(caller) => {
            head.extensions.insert(caller);
            next.run(Request::from_parts(head, body)).await
        }
        Err(refusal) => refused(refusal),
    };
    answer.extensions_mut().insert(Dialect::Detail);
    answer
}

impl Gate {
    /// A gate at which nobody showed a token yet.
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self {
            keys,
            tries: Arc::default(),
        }
    }

    async fn admit(&self, head: &Parts) -> Result<Caller, Refusal> {
        let token = shown(&head.headers).ok_or_else(unauthorized)?;
        let (client, print) = (Peer::of(head)?.client(), Fingerprint::of(token));
        self.hear(client, &print, Instant::now())?;
        let found = self.keys.caller(&Secret::new(token)).await;
        let found = found.map_err(|error| Refusal::not_now(error.0, RETRY_AFTER_S))?;
        let mut tries = self.tries();
        let Some(caller) = found else {
            tries.known.forget(client, &print);
            tries.misses.note(client, Instant::now());
            return Err(unauthorized());
        };
        tries.known.note(client, &print, Instant::now());
        Ok(caller)
    }

    /// Whether the token is looked up at all. Guesses that are under way at once are looked up all the same; a client
    /// has not more of them than connections.
    fn hear(&self, client: IpAddr, token: &Fingerprint, now: Instant) -> Result<(), Refusal> {
        let tries = self.tries();
        match tries.misses.wait(client, now) {
            Some(wait) if !tries.known.has(client, token) => {
                let message = "Too many wrong API tokens came from your address: wait, then use the right one";
                Err(Refusal::too_many(message, wait.as_secs() + 1))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one token that a request shows.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(API_TOKEN).iter();
    let token = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        (None, _) => bearer(headers),
        (Some(_), Some(_)) => None,
    };
    token.map(str::trim).filter(|token| !token.is_empty())
}

fn unauthorized() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "Invalid or missing API token")
}

fn refused(refusal: Refusal) -> Response {
    let status = refusal.status();
    let mut answer = refusal.response(Dialect::Detail);
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §11.6.1: a 401 names a way to authenticate.
        let bearer = HeaderValue::from_static("Bearer");
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, bearer);
    }
    answer
}

/// Why there is no caller: the route is not behind [`authenticated`], so nobody is let in.
#[derive(Debug)]
pub struct NoCaller;

impl IntoResponse for NoCaller {
    fn into_response(self) -> Response {
        refused(unauthorized())
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = NoCaller;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, NoCaller> {
        head.extensions.get().cloned().ok_or(NoCaller)
    }
}
