//! What is asked for is done whole, whatever becomes of who asked: a client that goes away leaves nothing half done. And
//! what all requests take together, with their bodies read, has a bound, since those that nobody waits for go on.

use std::panic::resume_unwind;
use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tracing::Instrument;

use super::ProxySettings;
use super::aside::{BYTES_AT_ONCE, aside};
use super::problem::Problem;
use super::weight::{TooMuch, weigh};

/// What a request takes at least, in bytes.
const REQUEST_BYTES: usize = 16 * 1024;
/// Said when there is no room.
const NO_ROOM: &str = "nothing was done: the requests under way take all the memory there is for them; try again in a while";

/// Whether a request's body may be read, as told from its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed(pub(super) Result<(), TooMuch>);

/// The room that all requests share.
#[derive(Clone)]
pub(super) struct Room {
    bytes_max: usize,
    free: Arc<Semaphore>,
    body_bytes_max: usize,
}

impl Room {
    pub(super) fn new(settings: &ProxySettings) -> Self {
        let bytes_max = settings.requests_bytes_max.min(Semaphore::MAX_PERMITS);
        Self {
            bytes_max,
            free: Arc::new(Semaphore::new(bytes_max)),
            body_bytes_max: settings.body_bytes_max,
        }
    }

    /// Room for so many bytes, where there is some.
    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        // What alone is more has all of it.
        let bytes = u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.free).try_acquire_many_owned(bytes);
        place.map_err(|_| Problem::Busy(NO_ROOM))
    }
}

/// Brings a request to its end in a task of its own, which nobody drops. One that neither changes something nor has a body
/// ends with its client.
pub(super) async fn whole(State(room): State<Room>, request: Request, next: Next) -> Response {
    if request.method().is_safe() && request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (request, place) = match weighed(&room, request).await {
        Ok(weighed) => weighed,
        Err(problem) => return problem.into_response(),
    };
    let work = async move {
        let response = next.run(request).await;
        drop(place);
        response
    };
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|error| given_up(error).into_response())
}

/// A request with its body, and the room that it takes.
async fn weighed(
    room: &Room,
    request: Request,
) -> Result<(Request, OwnedSemaphorePermit), Problem> {
    let (mut head, body) = request.into_parts();
    let body = to_bytes(body, room.body_bytes_max).await;
    let body = body.map_err(|_| Problem::TooLarge("the body is too long".into()))?;
    let weight = weight(&body).await?;
    head.extensions.insert(Weighed(weight.map(|_| ())));
    let bytes = REQUEST_BYTES + body.len() + weight.unwrap_or_default();
    let place = room.take(bytes)?;
    Ok((Request::from_parts(head, Body::from(body)), place))
}

async fn weight(body: &Bytes) -> Result<Result<usize, TooMuch>, Problem> {
    match body.len() {
        ..=BYTES_AT_ONCE => Ok(weigh(body)),
        _ => {
            let body = Bytes::clone(body);
            aside(move || weigh(&body)).await
        }
    }
}

/// What is said of work that did not come to its end: only when everything ends. A panic goes on.
pub(super) fn given_up(error: JoinError) -> Problem {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Problem::Store(StoreError::Closed),
    }
}
