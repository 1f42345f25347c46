//! The updates that a dashboard follows: server-sent events, a snapshot and then what changes.
//!
//! One task looks at what is followed four times a second and makes an update when something changed: once, for
//! everybody. The last ones are kept in one ring; each client has only its place in it, so a client that takes nothing
//! costs nothing, and one that comes back goes on where it was.
//!
//! - `ring`: the last updates
//! - `client`: one who follows
//! - `seats`: how many may
//! - `run`: the watched run as it is followed; `maker` looks at it, `update` is what it says

mod client;
mod maker;
mod ring;
mod run;
mod seats;
mod update;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::Clock;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;
use client::Client;
use ring::{After, Ring};
pub(crate) use run::{Watched, follow, start};
use seats::{Full, SEATS_MAX, SEATS_OF_ONE_MAX, Seats};

/// Time between two updates at least.
pub(crate) const PERIOD: Duration = Duration::from_millis(250);
/// A snapshot serves further clients until so many updates were made after it: they get those as well.
const SNAPSHOT_AGE_MAX: u64 = 4;
/// Keeps a proxy from gathering the stream before it passes it on.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// What is followed.
pub(crate) trait Subject: Send + Sync + 'static {
    /// What an update ended with.
    type Seen: Clone + Send + Sync;

    /// Everything as it was when the update with this id ended, as it goes to a client.
    fn snapshot(&self, id: u64, seen: &Self::Seen) -> Bytes;
}

/// Who makes the updates.
#[async_trait]
pub(crate) trait Look: Send + 'static {
    /// What an update ended with.
    type Seen;

    /// What the updates so far have said.
    fn seen(&self) -> Self::Seen;

    /// Looks, and makes the update with this id when there is something to say.
    async fn look(&mut self, id: u64) -> Option<Bytes>;
}

/// What the task that makes updates and those who follow share.
pub(crate) struct Stream<S: Subject> {
    subject: S,
    made: Mutex<Made<S::Seen>>,
    snapshot: Mutex<Option<(u64, Bytes)>>,
    /// The last update's id; closed when there will be no more.
    news: watch::Receiver<u64>,
    seats: Arc<Seats>,
    stalled: AtomicU64,
}

/// The updates so far.
struct Made<T> {
    ring: Ring,
    /// What the last one ended with.
    seen: T,
}

/// Who follows now, and who did not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followers {
    /// Clients that follow now.
    pub(crate) now: u64,
    /// Clients that were cut off since they did not take what they were sent.
    pub(crate) stalled: u64,
}

impl<S: Subject> Stream<S> {
    /// Begins to make updates, until it is to stop, when a last one is made.
    pub(crate) fn start(
        subject: S,
        maker: impl Look<Seen = S::Seen>,
        clock: &Clock,
        stop: CancellationToken,
    ) -> Arc<Self> {
        // Updates are numbered from the milliseconds of the beginning on: never as fast as time goes, so an id of an
        // earlier process is never one of this one's.
        let first = u64::try_from(clock.now().as_millis()).unwrap_or(0);
        let (news, told) = watch::channel(first);
        let stream = Arc::new(Self {
            subject,
            made: Mutex::new(Made {
                ring: Ring::new(first),
                seen: maker.seen(),
            }),
            snapshot: Mutex::default(),
            news: told,
            seats: Arc::default(),
            stalled: AtomicU64::new(0),
        });
        tokio::spawn(make_updates(Arc::clone(&stream), maker, news, stop));
        stream
    }

    /// Lets a client at this address follow, from where it was before if it says so.
    pub(crate) fn answer(
        self: &Arc<Self>,
        ip: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let seat = self.seats.take(ip).map_err(|full| match full {
            Full::One => Problem::TooMany("streams from one address", SEATS_OF_ONE_MAX),
            Full::All => Problem::TooMany("streams", SEATS_MAX),
        })?;
        let last_event = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let last_id = last_event.and_then(|id| id.parse().ok());
        let client = Client::new(Arc::clone(self), seat, last_id);
        let events = stream::unfold(client, Client::next).map(Ok::<Bytes, Infallible>);
        let kind = (CONTENT_TYPE, "text/event-stream");
        Ok(([kind, NO_BUFFERING], Body::from_stream(events)).into_response())
    }

    /// What comes after the update with this id.
    fn after(&self, id: u64) -> After {
        self.made().ring.after(id)
    }

    /// Everything, and the update after which the next ones follow.
    fn snapshot(&self) -> (u64, Bytes) {
        let mut kept = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, seen) = {
            let made = self.made();
            (made.ring.latest(), made.seen.clone())
        };
        if let Some((id, bytes)) = &*kept
            && latest - id <= SNAPSHOT_AGE_MAX
            && !matches!(self.after(*id), After::Missed(_))
        {
            return (*id, bytes.clone());
        }
        let bytes = self.subject.snapshot(latest, &seen);
        *kept = Some((latest, bytes.clone()));
        (latest, bytes)
    }

    /// Who follows, for the metrics.
    pub(crate) fn followers(&self) -> Followers {
        Followers {
            now: self.seats.count() as u64,
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }

    fn made(&self) -> MutexGuard<'_, Made<S::Seen>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn make_updates<S: Subject>(
    stream: Arc<Stream<S>>,
    mut maker: impl Look<Seen = S::Seen>,
    news: watch::Sender<u64>,
    stop: CancellationToken,
) {
    let mut looks = tokio::time::interval(PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_last = false;
    while !is_last {
        tokio::select! {
            biased;
            () = stop.cancelled() => is_last = true,
            _ = looks.tick() => {}
        }
        let id = stream.made().ring.latest() + 1;
        if let Some(update) = maker.look(id).await {
            let mut made = stream.made();
            made.ring.push(update);
            made.seen = maker.seen();
            drop(made);
            news.send_replace(id);
        }
    }
}

/// One event of the stream (HTML, "Server-sent events"). JSON has no line breaks, so it is one line.
pub(crate) fn event(id: u64, update: &impl Serialize) -> Bytes {
    let mut text = format!("id: {id}\ndata: ").into_bytes();
    // Writing into memory cannot fail.
    let _ = serde_json::to_writer(&mut text, update);
    text.extend_from_slice(b"\n\n");
    text.into()
}
