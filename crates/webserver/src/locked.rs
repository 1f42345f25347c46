//! Routes for people that open with one token: a page's address, its cookie, or a bearer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use model::Secret;
use tokio::time::Instant;

use crate::client::Peer;
use crate::refusal::Refusal;
use crate::token::{Entry, Lock};

/// Puts every route, and every address that is none, behind a token. `port` is the server's: it tells the cookie from
/// those of other servers on the same host. This is for a part of a server's routes; [`Access`](crate::Access) with a
/// token puts all of them behind it.
pub fn locked(router: Router, token: &Secret, port: u16) -> Router {
    let lock = Arc::new(Lock::new(token, port));
    router.layer(middleware::from_fn_with_state(lock, enter))
}

async fn enter(State(lock): State<Arc<Lock>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match admit(&lock, &head) {
        Ok(Entry::Granted) => next.run(Request::from_parts(head, body)).await,
        Ok(Entry::SignedIn(response)) => *response,
        Err(refusal) => refusal.into_response(),
    }
}

fn admit(lock: &Lock, head: &Parts) -> Result<Entry, Refusal> {
    let peer = Peer::of(head)?;
    lock.admit(peer.client(), head, Instant::now())
}
