//! Commits outcomes in groups while the connections go on, and bounds how many are unrecorded.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::live::Sending;
use model::{EventKind, Seq, Timestamp};
use store::{NewEvent, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::allowance::Allowance;
use super::gate::Gate;
use super::pauses::Pauses;
use super::pool::Permit;
use super::{DeliverError, Halt, PanicHalts, Shared};

/// Outcomes in one commit.
const GROUP_MAX: usize = 64;
/// So many are a group that waits for nobody: the sync is shared well enough, and connections wait for its end.
const GROUP_ENOUGH: usize = 16;
/// How long the first outcome of a group waits for others to share its commit.
const LINGER: Duration = Duration::from_millis(1);

/// The way to the recorder, and the set of messages that are not back in the store yet.
pub(super) struct Recorder {
    /// Taken away when the delivery ends, so that the recorder sees the end.
    outcomes: Mutex<Option<mpsc::Sender<Outcome>>>,
    in_flight: Mutex<HashSet<Seq>>,
    /// What in flight counts against.
    allowance: Arc<Allowance>,
    recorded: Notify,
    /// Closed while outcomes cannot be recorded.
    recording: Gate,
}

/// An outcome on its way to its commit.
pub(super) struct Outcome {
    event: NewEvent,
    /// How many recalls there had been when its message was read; `None` where that does not matter any more.
    recalls: Option<u64>,
    /// What it holds until then, to be let go by its drop.
    _held: Held,
}

/// What an outcome holds until its commit, to be let go by its drop.
#[derive(Default)]
pub(super) struct Held {
    /// The right to be unrecorded.
    pub(super) _permit: Option<Permit>,
    /// Its message is shown as being sent.
    pub(super) _sending: Option<Sending>,
}

/// A recorder with room for `outcomes_max` outcomes.
pub(super) fn channel(
    outcomes_max: usize,
    allowance: Arc<Allowance>,
) -> (Recorder, mpsc::Receiver<Outcome>) {
    let (outcomes, receiver) = mpsc::channel(outcomes_max);
    let recorder = Recorder {
        outcomes: Mutex::new(Some(outcomes)),
        in_flight: Mutex::default(),
        allowance,
        recorded: Notify::new(),
        recording: Gate::default(),
    };
    (recorder, receiver)
}

impl Outcome {
    /// An outcome of a dialogue with a server: it happened, whatever became of the message meanwhile.
    pub(super) fn of_dialogue(event: NewEvent, held: Held) -> Self {
        Self {
            event,
            recalls: None,
            _held: held,
        }
    }

    /// An outcome without a dialogue, of a message that was read after so many recalls. When it was recalled since, it
    /// is not what it was, and nothing is recorded: it is read again.
    pub(super) fn without_dialogue(event: NewEvent, recalls: u64) -> Self {
        Self {
            event,
            recalls: Some(recalls),
            _held: Held::default(),
        }
    }

    fn is_recalled(&self, recalls: u64) -> bool {
        self.recalls.is_some_and(|read_after| read_after != recalls)
    }
}

impl Recorder {
    /// Hands an outcome over.
    pub(super) async fn record(&self, outcome: Outcome) {
        let sender = self
            .outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(sender) = sender {
            // The receiver goes only after a failure that has halted the delivery; the store then still has
            // the message queued.
            let _ = sender.send(outcome).await;
        }
    }

    /// Nothing more will be handed over.
    pub(super) fn close(&self) {
        self.outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// Notes messages as under way.
    pub(super) fn take_off(&self, messages: impl Iterator<Item = Seq>) {
        let mut in_flight = self.in_flight();
        let before = in_flight.len();
        in_flight.extend(messages);
        self.allowance.take(in_flight.len() - before);
    }

    /// Notes messages as not under way any more: nothing was begun with them, and they are read again.
    pub(super) fn give_back(&self, messages: &[Seq]) {
        if messages.is_empty() {
            return;
        }
        self.land(messages.iter().map(|seq| (*seq, None)));
    }

    /// Messages that were taken from the store and whose outcome is not back in it.
    pub(super) fn in_flight(&self) -> MutexGuard<'_, HashSet<Seq>> {
        self.in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether outcomes can be recorded, as far as is known.
    pub(super) fn is_recording(&self) -> bool {
        self.recording.is_open()
    }

    /// Waits until outcomes can be recorded.
    pub(super) async fn until_recording(&self) {
        self.recording.opened().await;
    }

    /// Waits until something was recorded.
    pub(super) async fn recorded(&self) {
        self.recorded.notified().await;
    }

    /// Messages are not under way any more; of those that were delivered it says when.
    fn land(&self, messages: impl Iterator<Item = (Seq, Option<Timestamp>)>) {
        let mut in_flight = self.in_flight();
        for (seq, delivered) in messages {
            if in_flight.remove(&seq) {
                self.allowance.settle(delivered);
            }
        }
        drop(in_flight);
        self.recorded.notify_one();
    }
}

/// Which message an outcome is about, and when it was delivered, if it was.
fn landing(event: &NewEvent) -> (Seq, Option<Timestamp>) {
    let delivered = (event.kind == EventKind::Delivered).then_some(event.at);
    (event.message.seq, delivered)
}

/// Commits groups until nothing more is handed over.
pub(super) async fn run(shared: Arc<Shared>, mut outcomes: mpsc::Receiver<Outcome>) {
    let _watch = PanicHalts(Arc::clone(&shared));
    let mut group = Vec::with_capacity(GROUP_MAX);
    while outcomes.recv_many(&mut group, GROUP_MAX).await > 0 {
        if group.len() < GROUP_ENOUGH && !outcomes.is_closed() {
            tokio::time::sleep(LINGER).await;
            while group.len() < GROUP_MAX {
                match outcomes.try_recv() {
                    Ok(outcome) => group.push(outcome),
                    Err(_) => break,
                }
            }
        }
        if let Err(error) = commit(&shared, &mut group).await {
            if let DeliverError::Store(StoreError::LeaseLost { lane }) = &error {
                tracing::warn!(%lane, outcomes = group.len(), "the lane was taken over, what came of its messages here is not recorded");
            }
            shared.halt(Halt::Broken(error));
            return;
        }
        let landed: Vec<(Seq, Option<Timestamp>)> =
            group.iter().map(|one| landing(&one.event)).collect();
        // What is held goes before the messages may be taken up again, so that a next try is not hidden by this one's
        // end.
        group.clear();
        shared.recorder.land(landed.into_iter());
    }
}

/// Takes those out of a group that were recalled: what is said of them holds of what they were.
fn give_back_recalled(shared: &Shared, group: &mut Vec<Outcome>) {
    let recalls = shared.delivery.supply.recalls();
    let stale: Vec<Seq> = group
        .extract_if(.., |one| one.is_recalled(recalls))
        .map(|one| one.event.message.seq)
        .collect();
    shared.recorder.give_back(&stale);
}

/// Commits one group, without what was recalled. While the store is away or has no room it is asked again and again, and
/// nothing new begins. After a stop that ends with the grace time (promise: P-06); what is not recorded by then is sent
/// again.
async fn commit(shared: &Shared, group: &mut Vec<Outcome>) -> Result<(), DeliverError> {
    let delivery = &shared.delivery;
    let mut ends: Option<Instant> = None;
    let mut pauses = Pauses::default();
    let recording = &shared.recorder.recording;
    loop {
        give_back_recalled(shared, group);
        let batch = group.iter().map(|one| one.event.clone()).collect();
        match delivery.store.record(&delivery.lease, batch).await {
            Ok(_already_final) => {
                if !recording.is_open() {
                    recording.open();
                    shared.troubles.with_store(None);
                }
                return Ok(());
            }
            Err(error) if error.is_transient() && !is_over(shared, &mut ends) => {
                tracing::error!(%error, "outcomes cannot be recorded, sending waits for the store");
                recording.close();
                let trouble = format!("outcomes cannot be recorded, sending waits: {error}");
                shared.troubles.with_store(Some(trouble));
                tokio::time::sleep(pauses.next()).await;
            }
            Err(error) => {
                if !recording.is_open() {
                    shared.troubles.with_store(None);
                }
                return Err(error.into());
            }
        }
    }
}

/// Whether the grace time after the last call is over; it ends at `ends` once it has begun.
fn is_over(shared: &Shared, ends: &mut Option<Instant>) -> bool {
    if !shared.last_call().is_cancelled() {
        return false;
    }
    let now = Instant::now();
    now >= *ends.get_or_insert(now + shared.delivery.settings.stop_grace)
}
