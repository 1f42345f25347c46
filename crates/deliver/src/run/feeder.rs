//! Reads due messages of the lane into the work queue, no more than it has room for and no more than may be sent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::account::WhenOver;
use model::{Seq, Timestamp};
use store::{Due, StoreError};

use super::restraint::Restraint;
use super::{DeliverError, Halt, PanicHalts, Shared};
use crate::plan::limits::Room;
use crate::plan::pace::Pace;

/// How long the feeder sleeps when the queue could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// The shortest pause, so that rounding never makes a busy loop.
const MOMENT: Duration = Duration::from_millis(1);

/// What the feeder remembers from look to look.
pub(super) struct Feeder {
    pub(super) shared: Arc<Shared>,
    pace: Option<Pace>,
    /// The recalls it has followed.
    pub(super) recalls: u64,
    /// Set while the lane waits for a limit.
    pub(super) restraint: Option<Restraint>,
}

/// What to do with what was read.
enum Then {
    Queue,
    Refuse,
}

/// What a look came to.
pub(super) enum Step {
    GoOn,
    Drained,
}

/// Feeds until there is nothing left to do (`true`), or until the delivery halts (`false`). While the gate is closed it
/// does nothing.
pub(super) async fn run(shared: Arc<Shared>) -> bool {
    let _watch = PanicHalts(Arc::clone(&shared));
    let mut feeder = Feeder {
        pace: shared.delivery.settings.per_second_max.map(Pace::new),
        recalls: shared.delivery.supply.recalls(),
        restraint: None,
        shared: Arc::clone(&shared),
    };
    while shared.is_leased() {
        let step = tokio::select! {
            biased;
            () = shared.halt.cancelled() => return false,
            step = async {
                shared.delivery.gate.opened().await;
                feeder.feed().await
            } => step,
        };
        match step {
            Ok(Step::GoOn) => {}
            Ok(Step::Drained) => return true,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the queue cannot be read, trying again");
                tokio::time::sleep(READ_AGAIN).await;
            }
            Err(error) => {
                shared.halt(Halt::Broken(DeliverError::Store(error)));
                return false;
            }
        }
    }
    false
}

impl Feeder {
    /// One look at the lane: adds what is due, or waits for what comes next.
    async fn feed(&mut self) -> Result<Step, StoreError> {
        let shared = Arc::clone(&self.shared);
        self.follow_recalls();
        if let Some(until) = shared.held_until() {
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = shared.delivery.supply.news() => {}
            }
            return Ok(Step::GoOn);
        }
        if !self.has_to_read() {
            tokio::select! {
                () = shared.work.low() => {}
                () = shared.delivery.supply.news() => {}
            }
            return Ok(Step::GoOn);
        }
        if self.is_restrained() {
            return self.stay_restrained().await;
        }
        let now = shared.delivery.clock.now();
        match (shared.allowance.room(now), shared.allowance.when_over()) {
            (Room::Free(room), _) => match self.paced(room.min(shared.work.room()), now) {
                Ok(room) => return self.read(room, now, Then::Queue).await,
                Err(wait) => tokio::time::sleep(wait).await,
            },
            (Room::Busy, _) => self.wait_for_room().await,
            (Room::Over(over), WhenOver::Defer) => self.begin_restraint(over),
            (Room::Over(_), WhenOver::Reject) => {
                return self.read(shared.work.room(), now, Then::Refuse).await;
            }
        }
        Ok(Step::GoOn)
    }

    /// Takes out of the queue what was recalled.
    fn follow_recalls(&mut self) {
        let recalls = self.shared.delivery.supply.recalls();
        if recalls != self.recalls {
            self.recalls = recalls;
            let stale = self.shared.work.purge(recalls);
            self.shared.recorder.give_back(&stale);
        }
    }

    /// Whether the queue is low, or something is more urgent than what is in it.
    fn has_to_read(&self) -> bool {
        let (work, supply) = (&self.shared.work, &self.shared.delivery.supply);
        work.len() <= work.low_mark() || supply.has_more_urgent(work.least_urgent())
    }

    /// How many messages the pace lets through, or how long it lets none.
    fn paced(&mut self, room: usize, now: Timestamp) -> Result<usize, Duration> {
        let Some(pace) = &mut self.pace else {
            return Ok(room);
        };
        match pace.take(now, room) {
            (0, wait) => Err(wait),
            (allowed, _) => Ok(allowed),
        }
    }

    /// Reads what is due and queues it, or refuses it.
    async fn read(&self, room: usize, now: Timestamp, then: Then) -> Result<Step, StoreError> {
        let shared = Arc::clone(&self.shared);
        // Asked before the lane is read: what is accepted after that will be news.
        let complete = shared.delivery.supply.is_complete();
        let in_flight = shared.recorder.in_flight().clone();
        let Due { messages, next_at } = self.due(now, room, &in_flight).await?;
        if messages.is_empty() {
            let is_over = (complete && next_at.is_none()) || shared.may_rest();
            if is_over && in_flight.is_empty() {
                return Ok(Step::Drained);
            }
            self.wait_for_change(next_at, now).await;
            return Ok(Step::GoOn);
        }
        shared
            .recorder
            .take_off(messages.iter().map(|message| message.seq));
        match then {
            Then::Queue => {
                let displaced = shared.work.extend(messages, self.recalls);
                shared.recorder.give_back(&displaced);
            }
            Then::Refuse => shared.refuse(messages, self.recalls).await,
        }
        Ok(Step::GoOn)
    }

    /// The messages that may be tried now, without these.
    pub(super) async fn due(
        &self,
        now: Timestamp,
        limit: usize,
        without: &HashSet<Seq>,
    ) -> Result<Due, StoreError> {
        let delivery = &self.shared.delivery;
        delivery.supply.look();
        let store = &delivery.store;
        store.due(&delivery.lease, now, limit, without).await
    }

    /// What is read ahead may use a limit up. The least urgent of it makes room for what is more urgent; else its
    /// outcome decides.
    async fn wait_for_room(&self) {
        let shared = &self.shared;
        let supply = &shared.delivery.supply;
        if supply.has_more_urgent(shared.work.least_urgent())
            && let Some(displaced) = shared.work.displace()
        {
            shared.recorder.give_back(&[displaced]);
        } else {
            self.wait_for_change(None, shared.delivery.clock.now())
                .await;
        }
    }

    /// Waits for more supply, a recorded outcome (it may be due again, or the last), rest, or the pause until what comes
    /// next.
    pub(super) async fn wait_for_change(&self, next_at: Option<Timestamp>, now: Timestamp) {
        let shared = &self.shared;
        let look_again = shared.delivery.settings.look_again;
        let pause = next_at
            .map_or(look_again, |at| at.since(now))
            .clamp(MOMENT, look_again.max(MOMENT));
        tokio::select! {
            () = shared.delivery.supply.news() => {}
            () = shared.recorder.recorded() => {}
            () = shared.rest.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
