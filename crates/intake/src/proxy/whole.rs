//! What is asked for is done whole, whatever becomes of who asked: a client that goes away leaves nothing half done.

use std::panic::resume_unwind;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::StoreError;
use tokio::task::JoinError;
use tracing::Instrument;

use super::problem::Problem;

/// Brings a request that changes something to its end in a task of its own, which nobody drops.
pub(super) async fn whole(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let work = async move { next.run(request).await };
    let done = tokio::spawn(work.in_current_span()).await;
    done.unwrap_or_else(|error| given_up(error).into_response())
}

/// What is said of work that did not come to its end: only when everything ends. A panic goes on.
pub(super) fn given_up(error: JoinError) -> Problem {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Problem::Store(StoreError::Closed),
    }
}
