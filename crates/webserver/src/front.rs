//! What happens to one request: guard, token, handler with its body, headers.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::access::Access;
use crate::answer;
use crate::body::{self, Pool, Reading};
use crate::client::Peer;
use crate::guard;
use crate::limits::Limits;
use crate::locked::locked;
use crate::refusal::Refusal;

/// Everything that stands between a connection and the routes.
#[derive(Debug)]
pub struct Front {
    access: Access,
    router: TowerToHyperService<Router>,
    pool: Arc<Pool>,
    pub limits: Limits,
}

impl Front {
    pub fn new(router: Router, access: Access, limits: Limits, port: u16) -> Self {
        let router = match &access.token {
            Some(token) => locked(router, token, port),
            None => router,
        };
        // The bound of these limits is the only one.
        let router = router.layer(DefaultBodyLimit::disable());
        Self {
            access,
            // Resolves the routes' state once instead of at every request.
            router: TowerToHyperService::new(router.with_state(())),
            pool: Arc::new(Pool::new(limits.buffered_bytes_max)),
            limits,
        }
    }

    /// Answers one request, whatever it is.
    pub async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let answer = match guard::check(&self.access, &head) {
            Ok(()) => self.handled(peer, head, body).await,
            Err(refusal) => refusal.into_response(),
        };
        answer::completed(answer).await
    }

    async fn handled(&self, peer: Peer, mut head: Parts, body: Incoming) -> Response {
        head.extensions.insert(peer);
        let reading = Reading::new(Arc::clone(&self.pool));
        let body = body::whole(body, &self.limits, Arc::clone(&reading));
        let answer = self.router.call(Request::from_parts(head, body));
        let answer = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(panic) => panicked(panic.as_ref()),
        };
        match reading.failure() {
            Some(refusal) => unread(refusal.clone(), &answer),
            None => answer,
        }
    }
}

/// What is answered instead, when a handler could not have the body: nobody waits for the rest of it.
fn unread(refusal: Refusal, instead_of: &Response) -> Response {
    let dialect = instead_of.extensions().get().copied();
    let mut response = refusal.response(dialect.unwrap_or_default());
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(
        panic = text.unwrap_or("no text"),
        "a request's handler panicked"
    );
    let message = "an error in this program: the log has more";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
}
