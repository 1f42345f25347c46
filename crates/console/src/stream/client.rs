//! One who follows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::ring::After;
use super::seats::Seat;
use super::{Stream, Subject};

/// Silence after which the client is told that the stream is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A comment (HTML, "Server-sent events").
const HEARTBEAT_EVENT: &[u8] = b":\n\n";
/// After how long a browser comes back when the connection is lost, in milliseconds.
const RETRY_EVENT: &[u8] = b"retry: 2000\n\n";
/// How long one connection follows; then the client is asked to come again at once, and goes on where it was. Of a
/// client that takes nothing, its own system may keep what comes for hours: it shows by not coming again.
const FOLLOWED_FOR: Duration = Duration::from_mins(10);
/// So that clients that came together do not all come again together.
const FOLLOWED_LONGER_MAX: Duration = Duration::from_mins(2);
/// Asks the client to come again at once.
const COME_AGAIN_EVENT: &[u8] = b"retry: 50\n\n";
/// Updates that a client may be behind when it goes away without being counted as one that did not keep up: two
/// seconds' worth. The connection itself holds some on their way.
const BEHIND_MAX: u64 = 8;

/// One client's place in the stream.
pub(super) struct Client<S: Subject> {
    stream: Arc<Stream<S>>,
    news: watch::Receiver<u64>,
    next: Next,
    ends_at: Instant,
    /// Given back when the client is gone.
    _seat: Seat,
}

/// What the client gets next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The beginning; it names the last update that it had.
    Greeting(Option<u64>),
    /// Everything.
    Snapshot,
    /// What comes after this update.
    After(u64),
    /// Nothing more.
    End,
}

impl<S: Subject> Client<S> {
    /// A client that had the update `last_id` before, if it had any.
    pub(super) fn new(stream: Arc<Stream<S>>, seat: Seat, last_id: Option<u64>) -> Self {
        Self {
            news: stream.news.clone(),
            stream,
            next: Next::Greeting(last_id),
            ends_at: Instant::now() + FOLLOWED_FOR + FOLLOWED_LONGER_MAX.mul_f64(fastrand::f64()),
            _seat: seat,
        }
    }

    /// The next event, as soon as there is one; `None` when there will be no more.
    pub(super) async fn next(mut self) -> Option<(Bytes, Self)> {
        let event = match self.next {
            Next::Greeting(last_id) => self.greet(last_id),
            Next::Snapshot => self.snapshot(),
            Next::After(_) if Instant::now() >= self.ends_at => self.take_leave(),
            Next::After(id) => self.follow(id).await?,
            Next::End => return None,
        };
        Some((event, self))
    }

    fn greet(&mut self, last_id: Option<u64>) -> Bytes {
        let known = last_id.filter(|id| !matches!(self.stream.after(*id), After::Missed(_)));
        self.next = known.map_or(Next::Snapshot, Next::After);
        Bytes::from_static(RETRY_EVENT)
    }

    fn snapshot(&mut self) -> Bytes {
        let (id, event) = self.stream.snapshot();
        self.next = Next::After(id);
        event
    }

    fn take_leave(&mut self) -> Bytes {
        self.next = Next::End;
        Bytes::from_static(COME_AGAIN_EVENT)
    }

    async fn follow(&mut self, id: u64) -> Option<Bytes> {
        loop {
            match self.stream.after(id) {
                After::Update(id, event) => {
                    self.next = Next::After(id);
                    return Some(event);
                }
                After::Missed(count) => {
                    self.next = Next::Snapshot;
                    return Some(gap(count));
                }
                After::Nothing => {}
            }
            match timeout(HEARTBEAT, self.news.changed()).await {
                Ok(Ok(())) => {}
                // The updates have come to their end, and this client has had all of them.
                Ok(Err(_)) => return None,
                Err(_) => return Some(Bytes::from_static(HEARTBEAT_EVENT)),
            }
        }
    }
}

/// Says that updates were missed.
fn gap(count: u64) -> Bytes {
    format!("data: {{\"kind\":\"gap\",\"missed\":{count}}}\n\n").into()
}

impl<S: Subject> Drop for Client<S> {
    fn drop(&mut self) {
        let Next::After(id) = self.next else { return };
        let latest = self.stream.made().ring.latest();
        if latest.saturating_sub(id) > BEHIND_MAX {
            self.stream.stalled.fetch_add(1, Ordering::Relaxed);
        }
    }
}
