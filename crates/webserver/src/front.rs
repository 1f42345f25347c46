//! What happens to one request: guard, token, body, handler, headers.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tokio::time::{Instant, timeout};

use crate::access::Access;
use crate::answer;
use crate::client::Peer;
use crate::guard;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::token::{Entry, Lock};

/// Everything that stands between a connection and the routes.
#[derive(Debug)]
pub struct Front {
    access: Access,
    lock: Option<Lock>,
    router: TowerToHyperService<Router>,
    pub limits: Limits,
}

impl Front {
    pub fn new(router: Router, access: Access, limits: Limits, port: u16) -> Self {
        Self {
            lock: access.token.as_ref().map(|token| Lock::new(token, port)),
            access,
            // Resolves the routes' state once instead of at every request.
            router: TowerToHyperService::new(router.with_state(())),
            limits,
        }
    }

    /// Answers one request, whatever it is.
    pub async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let answer = match self.admit(peer, &head) {
            Ok(Entry::Granted) => self.handled(peer, head, body).await,
            Ok(Entry::SignedIn(response)) => *response,
            Err(refusal) => refusal.into_response(),
        };
        answer::completed(answer).await
    }

    fn admit(&self, peer: Peer, head: &Parts) -> Result<Entry, Refusal> {
        guard::check(&self.access, head)?;
        match &self.lock {
            Some(lock) => lock.admit(peer.client(), head, Instant::now()),
            None => Ok(Entry::Granted),
        }
    }

    async fn handled(&self, peer: Peer, head: Parts, body: Incoming) -> Response {
        let body = match whole(body, &self.limits).await {
            Ok(body) => body,
            Err(refusal) => return closing(refusal),
        };
        let mut request = Request::from_parts(head, Body::from(body));
        request.extensions_mut().insert(peer);
        match AssertUnwindSafe(self.router.call(request))
            .catch_unwind()
            .await
        {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(panic) => panicked(panic.as_ref()),
        }
    }
}

/// The body, read to its end before any handler waits for it.
async fn whole(body: Incoming, limits: &Limits) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let too_long = || {
        let message = format!("the body is longer than {} bytes", limits.body_bytes_max);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    if body.size_hint().lower() > limits.body_bytes_max as u64 {
        return Err(too_long());
    }
    let body = Limited::new(body, limits.body_bytes_max).collect();
    match timeout(limits.body_timeout, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_long()),
        Ok(Err(_)) => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the body ended too early",
        )),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "the body took longer than {} s",
                limits.body_timeout.as_secs_f32()
            ),
        )),
    }
}

/// A refusal after which the rest of the body is of no interest.
fn closing(refusal: Refusal) -> Response {
    let mut response = refusal.into_response();
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
