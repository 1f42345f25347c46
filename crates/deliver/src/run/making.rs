//! Making messages' bytes. A message that takes long is made beside the connections, which go on with others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use model::Envelope;
use store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pool::{SMALL, Share};
use super::recorder::Outcome;
use super::work::Work;
use super::{Halt, PanicHalts, Shared};
use crate::maker::Unmade;

/// Messages of a lane that are made beside its connections, or wait made, at most.
const BESIDE_MAX: usize = 16;
/// How long a connection waits for its next message to be made.
const QUICK: Duration = Duration::from_millis(100);
/// How long a message in hand waits for another's envelope to ride along.
const QUICK_RIDER: Duration = Duration::from_millis(10);
/// How long a connection waits for memory before it looks at its work anew.
const MEMORY_PAUSE: Duration = Duration::from_millis(200);
/// The pause before a store that cannot be read is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// What the sender of a message is told whose making panicked.
const PANICKED: &str = "making the message failed by a fault of the program; its log says where";

/// A message's bytes.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
    /// Its seat while it waits, when it was made beside.
    _seat: Option<OwnedSemaphorePermit>,
    /// The right to its memory.
    _share: Share,
}

/// A message that can be sent.
pub(super) struct Prepared {
    pub(super) work: Work,
    pub(super) made: Made,
}

/// Where messages are made beside the connections.
pub(super) struct Bench {
    seats: Arc<Semaphore>,
    /// The size of the latest message, in bytes: what is expected of the next.
    latest: AtomicUsize,
}

/// Who waits for a message to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// A connection that has nothing else to do.
    Line,
    /// A message in hand, for another to ride along.
    Rider,
}

type Making = Pin<Box<dyn Future<Output = (Result<Envelope, Unmade>, Vec<u8>)> + Send>>;

impl Default for Bench {
    /// An empty one.
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(BESIDE_MAX)),
            latest: AtomicUsize::new(0),
        }
    }
}

impl Prepared {
    /// The work with what was made of it; a large message is made anew, so that none waits for long with its bytes.
    pub(super) fn into_work(mut self) -> Work {
        self.work.size = self.made.bytes.len();
        if self.work.size <= SMALL {
            self.work.made = Some(Box::new(self.made));
        }
        self.work
    }
}

impl Shared {
    /// Makes a message's bytes; `None` when it is made beside, cannot be made, or nothing new may be begun. `spare` is a
    /// buffer to use.
    pub(super) async fn prepare(
        self: &Arc<Self>,
        mut work: Work,
        spare: &mut Vec<u8>,
        waiting: Waiting,
    ) -> Option<Prepared> {
        if let Some(made) = work.made.take() {
            return Some(Prepared { work, made: *made });
        }
        let Some(share) = self.share_for(&work, waiting).await else {
            self.work.hand_back(work);
            return None;
        };
        let mut making = self.begin_making(&work, std::mem::take(spare));
        let patience = match waiting {
            Waiting::Line => QUICK,
            Waiting::Rider => QUICK_RIDER,
        };
        let (made, bytes) = match tokio::time::timeout(patience, &mut making).await {
            Ok(made) => made,
            Err(_) => {
                let seat = Arc::clone(&self.bench.seats).try_acquire_owned().ok();
                match (seat, waiting) {
                    (Some(seat), _) => {
                        let held = (seat, share);
                        tokio::spawn(beside(Arc::clone(self), work, making, held));
                        return None;
                    }
                    (None, Waiting::Rider) => {
                        self.work.hand_back(work);
                        return None;
                    }
                    (None, Waiting::Line) => tokio::select! {
                        biased;
                        () = self.hold() => {
                            self.work.hand_back(work);
                            return None;
                        }
                        made = making => made,
                    },
                }
            }
        };
        match made {
            Ok(envelope) => {
                let made = self.keep(&mut work, envelope, bytes, (None, share));
                if made.is_none() {
                    self.work.hand_back(work);
                    return None;
                }
                made.map(|made| Prepared { work, made })
            }
            Err(unmade) => {
                *spare = bytes;
                self.unmade(work, unmade).await;
                None
            }
        }
    }

    /// The memory that a message is expected to need; `None` when there is none now.
    async fn share_for(&self, work: &Work, waiting: Waiting) -> Option<Share> {
        let expected = match work.size {
            0 => self.bench.latest.load(Ordering::Relaxed),
            known => known,
        };
        if let Some(share) = self.pool.fit(None, expected) {
            return Some(share);
        }
        if waiting == Waiting::Rider {
            return None;
        }
        tokio::select! {
            biased;
            () = self.hold() => None,
            share = self.pool.share(expected) => share,
            // What less urgent messages hold here may be what is lacking; and others may wait for this connection.
            () = tokio::time::sleep(MEMORY_PAUSE) => {
                self.work.unmake_large();
                None
            }
        }
    }

    /// A message that was made, when there is memory for it; else its size is known from now on.
    fn keep(
        &self,
        work: &mut Work,
        envelope: Envelope,
        bytes: Vec<u8>,
        (seat, share): (Option<OwnedSemaphorePermit>, Share),
    ) -> Option<Made> {
        work.size = bytes.len();
        self.bench.latest.store(work.size, Ordering::Relaxed);
        Some(Made {
            envelope,
            _share: self.pool.fit(Some(share), bytes.len())?,
            bytes,
            _seat: seat,
        })
    }

    fn begin_making(&self, work: &Work, mut bytes: Vec<u8>) -> Making {
        let (maker, message) = (Arc::clone(&self.delivery.maker), Arc::clone(&work.message));
        let recent = Arc::clone(&self.recent);
        bytes.clear();
        Box::pin(async move {
            let envelope = caught(maker.make(&message, &recent, &mut bytes)).await;
            (envelope, bytes)
        })
    }
}

/// A making that panics costs its own message only. What it was at is dropped with it, and nobody else's.
async fn caught(
    mut making: impl Future<Output = Result<Envelope, Unmade>> + Unpin,
) -> Result<Envelope, Unmade> {
    std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut making).poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(Unmade::Never(PANICKED.to_owned()))))
    })
    .await
}

/// Makes a message to its end and brings it back to the queue, made.
async fn beside(
    shared: Arc<Shared>,
    mut work: Work,
    making: Making,
    (seat, share): (OwnedSemaphorePermit, Share),
) {
    let _watch = PanicHalts(Arc::clone(&shared));
    let (made, bytes) = tokio::select! {
        biased;
        // It stays queued in the store.
        () = shared.halt.cancelled() => return,
        made = making => made,
    };
    match made {
        Ok(envelope) => {
            let made = shared.keep(&mut work, envelope, bytes, (Some(seat), share));
            work.made = made.map(Box::new);
            shared.work.hand_back(work);
        }
        Err(unmade) => shared.unmade(work, unmade).await,
    }
}

impl Shared {
    /// A message could not be made. That costs nobody else anything, unless nothing can be made.
    async fn unmade(&self, work: Work, unmade: Unmade) {
        let recalls = work.recalls;
        match unmade {
            Unmade::Never(reason) => {
                let event = self.refused_by_us(work, reason.into());
                let outcome = Outcome::without_dialogue(event, recalls);
                self.recorder.record(outcome).await;
            }
            Unmade::Later(reason) => {
                let event = self.not_made_yet(work, reason.into());
                let outcome = Outcome::without_dialogue(event, recalls);
                self.recorder.record(outcome).await;
            }
            Unmade::Store(error) if error.is_transient() => {
                tracing::warn!(%error, "a message cannot be made, trying again");
                tokio::time::sleep(STORE_PAUSE).await;
                self.work.hand_back(work);
            }
            // What a campaign's messages are made from is for all of them; what was handed over is for its own.
            Unmade::Store(error @ StoreError::Damaged(_))
                if work.message.content.submission().is_some() =>
            {
                tracing::error!(message_seq = work.message.seq.get(), %error, "a message cannot be read and is put off");
                let event = self.not_made_yet(work, error.to_string().into());
                let outcome = Outcome::without_dialogue(event, recalls);
                self.recorder.record(outcome).await;
            }
            error @ (Unmade::Store(_) | Unmade::Letter(_)) => self.halt(Halt::Broken(error.into())),
        }
    }
}
