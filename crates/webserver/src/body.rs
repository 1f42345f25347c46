//! The body of a request: read whole when its handler takes it, within a time, a size, and what all bodies may hold.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;
use crate::refusal::Refusal;

/// What is set aside for a body whose length is known; it grows with what really comes.
const FIRST_BYTES_MAX: usize = 16 * 1024;
/// When a client that was put off may try again: bodies come and go within seconds.
const RETRY_AFTER_S: u64 = 2;

/// What the bodies of all requests hold together.
#[derive(Debug)]
pub struct Pool {
    bytes_held: AtomicUsize,
    bytes_max: usize,
}

impl Pool {
    pub fn new(bytes_max: usize) -> Self {
        let bytes_held = AtomicUsize::new(0);
        Self {
            bytes_held,
            bytes_max,
        }
    }

    fn take(&self, bytes: usize) -> Result<(), Refusal> {
        let more = |held: usize| {
            let held = held.checked_add(bytes)?;
            (held <= self.bytes_max).then_some(held)
        };
        let taken = self.bytes_held.fetch_update(Relaxed, Relaxed, more);
        let message =
            "other requests fill the memory for bodies: try again, or send smaller batches";
        taken
            .map(|_| ())
            .map_err(|_| Refusal::not_now(message, RETRY_AFTER_S))
    }
}

/// What became of one request's body. It gives back the place in the pool when the request is over.
#[derive(Debug)]
pub struct Reading {
    pool: Arc<Pool>,
    bytes_held: AtomicUsize,
    /// Why it could not be read. A handler only sees that it could not, so this is the better answer.
    failure: OnceLock<Refusal>,
}

impl Reading {
    pub fn new(pool: Arc<Pool>) -> Arc<Self> {
        Arc::new(Self {
            pool,
            bytes_held: AtomicUsize::new(0),
            failure: OnceLock::new(),
        })
    }

    pub fn failure(&self) -> Option<&Refusal> {
        self.failure.get()
    }

    fn hold(&self, bytes: usize) -> Result<(), Refusal> {
        self.pool.take(bytes)?;
        self.bytes_held.fetch_add(bytes, Relaxed);
        Ok(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let bytes = *self.bytes_held.get_mut();
        self.pool.bytes_held.fetch_sub(bytes, Relaxed);
    }
}

/// A body for a handler: nothing is read before it is asked for, and then it comes in one piece or not at all. Its
/// time begins now.
pub fn whole(body: Incoming, limits: &Limits, reading: Arc<Reading>) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let (limits, deadline) = (limits.clone(), Instant::now() + limits.body_timeout);
    Body::from_stream(stream::once(async move {
        let read = timeout_at(deadline, read(body, limits.body_bytes_max, &reading)).await;
        let read = read.unwrap_or_else(|_| Err(too_slow(&limits)));
        read.inspect_err(|refusal| {
            // There is one reader, so it is the first failure.
            let _ = reading.failure.set(refusal.clone());
        })
    }))
}

async fn read(mut body: Incoming, bytes_max: usize, reading: &Reading) -> Result<Vec<u8>, Refusal> {
    let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if length > bytes_max {
        return Err(too_long(bytes_max));
    }
    let mut bytes = Vec::with_capacity(length.min(FIRST_BYTES_MAX));
    while let Some(frame) = body.frame().await {
        // Trailers are of no interest.
        let Ok(data) = frame.map_err(|_| ended_early())?.into_data() else {
            continue;
        };
        if data.len() > bytes_max - bytes.len() {
            return Err(too_long(bytes_max));
        }
        reading.hold(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn too_long(bytes_max: usize) -> Refusal {
    let message = format!("the body is longer than {bytes_max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn too_slow(limits: &Limits) -> Refusal {
    let seconds = limits.body_timeout.as_secs_f32();
    let message = format!("the body took longer than {seconds} s");
    Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
}

fn ended_early() -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "the body ended too early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_holds_its_place_until_its_request_is_over() {
        let pool = Arc::new(Pool::new(100));
        let first = Reading::new(Arc::clone(&pool));
        first.hold(40).unwrap();
        first.hold(40).unwrap();
        let second = Reading::new(Arc::clone(&pool));
        let refusal = second.hold(21).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::SERVICE_UNAVAILABLE);
        second.hold(20).unwrap();
        assert!(second.hold(usize::MAX).is_err());
        drop(first);
        second.hold(80).unwrap();
        drop(second);
        assert_eq!(pool.bytes_held.load(Relaxed), 0);
    }
}
