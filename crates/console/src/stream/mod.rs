//! The updates that a dashboard follows: server-sent events, a snapshot and then what changes.
//!
//! One task looks at the run four times a second and makes an update when something changed: once, for everybody.
//! The last ones are kept in one ring; each client has only its place in it, so a client that takes nothing costs
//! nothing, and one that comes back goes on where it was.
//!
//! - `maker`: looks, and makes an update when something changed
//! - `update`: what an update says
//! - `ring`: the last updates
//! - `client`: one who follows
//! - `seats`: how many may

mod client;
mod maker;
mod ring;
mod seats;
mod update;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::Live;
use observe::monitor::{Monitor, Seen};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use webserver::Peer;

use crate::campaigns::settings;
use crate::controls::Controls;
use crate::problem::Problem;
use crate::router::{App, Console};
use client::Client;
use maker::Maker;
use ring::{After, Ring};
use seats::{Full, SEATS_MAX, SEATS_OF_ONE_MAX, Seats};

/// Time between two updates at least.
const PERIOD: Duration = Duration::from_millis(250);
/// A snapshot serves further clients until so many updates were made after it: they get those as well.
const SNAPSHOT_AGE_MAX: u64 = 4;
/// Keeps a proxy from gathering the stream before it passes it on.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// What the task that makes updates and those who follow share.
pub(crate) struct Stream {
    monitor: Monitor,
    live: Arc<Live>,
    controls: Arc<dyn Controls>,
    made: Mutex<Made>,
    snapshot: Mutex<Option<(u64, Bytes)>>,
    /// The last update's id; closed when there will be no more.
    news: watch::Receiver<u64>,
    seats: Arc<Seats>,
    stalled: AtomicU64,
}

/// The updates so far.
struct Made {
    ring: Ring,
    /// What the last one ended with.
    seen: Seen,
}

/// Who follows now, and who did not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Followers {
    /// Clients that follow now.
    pub(crate) now: u64,
    /// Clients that were cut off since they did not take what they were sent.
    pub(crate) stalled: u64,
}

/// Begins to make updates, until the console is to stop, when a last one is made.
pub(crate) fn start(console: &Console) -> Arc<Stream> {
    // Updates are numbered from the milliseconds of the beginning on: never as fast as time goes, so an id of an
    // earlier process is never one of this one's.
    let first = u64::try_from(console.clock.now().as_millis()).unwrap_or(0);
    let (news, told) = watch::channel(first);
    let maker = Maker::new(console);
    let stream = Arc::new(Stream {
        monitor: console.monitor.clone(),
        live: Arc::clone(&console.live),
        controls: Arc::clone(&console.controls),
        made: Mutex::new(Made {
            ring: Ring::new(first),
            seen: maker.seen(),
        }),
        snapshot: Mutex::default(),
        news: told,
        seats: Arc::default(),
        stalled: AtomicU64::new(0),
    });
    let stop = console.stop.clone();
    tokio::spawn(make_updates(Arc::clone(&stream), maker, news, stop));
    stream
}

async fn make_updates(
    stream: Arc<Stream>,
    mut maker: Maker,
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
        if let Some(update) = maker.look(id) {
            let mut made = stream.made();
            made.ring.push(update);
            made.seen = maker.seen();
            drop(made);
            news.send_replace(id);
        }
    }
}

/// `GET /api/stream`
pub(crate) async fn follow(
    State(app): State<App>,
    Extension(Peer(ip)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seat = app.stream.seats.take(ip).map_err(|full| match full {
        Full::One => Problem::TooMany("streams from one address", SEATS_OF_ONE_MAX),
        Full::All => Problem::TooMany("streams", SEATS_MAX),
    })?;
    let last_event = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last_id = last_event.and_then(|id| id.parse().ok());
    let client = Client::new(Arc::clone(&app.stream), seat, last_id);
    let events = stream::unfold(client, Client::next).map(Ok::<Bytes, Infallible>);
    let kind = (CONTENT_TYPE, "text/event-stream");
    Ok(([kind, NO_BUFFERING], Body::from_stream(events)).into_response())
}

impl Stream {
    /// What comes after the update with this id.
    fn after(&self, id: u64) -> After {
        self.made().ring.after(id)
    }

    /// Everything, and the update after which the next ones follow.
    fn snapshot(&self) -> (u64, Bytes) {
        let mut kept = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, seen) = {
            let made = self.made();
            (made.ring.latest(), made.seen)
        };
        if let Some((id, bytes)) = &*kept
            && latest - id <= SNAPSHOT_AGE_MAX
            && !matches!(self.after(*id), After::Missed(_))
        {
            return (*id, bytes.clone());
        }
        let bytes = self.take_snapshot(latest, seen);
        *kept = Some((latest, bytes.clone()));
        (latest, bytes)
    }

    fn take_snapshot(&self, id: u64, seen: Seen) -> Bytes {
        let mut moment = self.monitor.moment(Seen::default());
        // The moment is a little later than the update: these lines come with the next one.
        moment.entries.retain(|entry| entry.number <= seen.entry);
        let recent = update::recent(&moment.recent, &self.live.messages_under_way());
        let settings = settings(&moment.figures.campaign);
        let possible = update::possible(&*self.controls, &moment.figures);
        update::snapshot(id, &moment, &recent, possible, settings)
    }

    /// Who follows, for the metrics.
    pub(crate) fn followers(&self) -> Followers {
        Followers {
            now: self.seats.count() as u64,
            stalled: self.stalled.load(Ordering::Relaxed),
        }
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
