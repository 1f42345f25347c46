//! What happens while a limit of the account is used up: the lane waits and its senders are told, or what is too much is
//! refused.

use model::{Message, Timestamp};
use store::StoreError;

use super::Shared;
use super::feeder::{Feeder, Step};
use super::recorder::Outcome;
use crate::plan::limits::Over;

/// Messages whose senders are told in one pause. The others wait untold.
const TOLD_MAX: usize = 512;

/// One pause.
pub(super) struct Restraint {
    began_at: Timestamp,
    over: Over,
}

impl Feeder {
    /// From now on the lane waits.
    pub(super) fn begin_restraint(&mut self, over: Over) {
        self.shared.allowance.limit_until(Some(over.until));
        tracing::warn!(lane = %self.shared.delivery.lease.key, limit = over.limit, "a limit is used up");
        self.restraint = Some(Restraint {
            began_at: self.shared.delivery.clock.now(),
            over,
        });
    }

    /// Whether the lane waits; at the end of the pause it does no more.
    pub(super) fn is_restrained(&mut self) -> bool {
        let now = self.shared.delivery.clock.now();
        // When the clock was set back, the limits say anew how long it is.
        let is_over = |one: &Restraint| one.over.until <= now || now < one.began_at;
        if self.restraint.as_ref().is_some_and(is_over) {
            self.restraint = None;
            self.shared.allowance.limit_until(None);
        }
        self.restraint.is_some()
    }

    /// Tells those who were not told; then waits for the end of the pause, or news.
    pub(super) async fn stay_restrained(&mut self) -> Result<Step, StoreError> {
        if self.tell().await? == 0
            && let Some(restraint) = &self.restraint
        {
            let now = self.shared.delivery.clock.now();
            self.wait_for_change(Some(restraint.over.until), now).await;
        }
        Ok(Step::GoOn)
    }

    async fn tell(&self) -> Result<usize, StoreError> {
        let Some(Restraint { over, .. }) = &self.restraint else {
            return Ok(0);
        };
        let shared = &self.shared;
        let mut without = shared.allowance.told(over.until);
        let budget = TOLD_MAX.saturating_sub(without.len());
        if budget == 0 {
            return Ok(0);
        }
        without.extend(shared.recorder.in_flight().iter());
        let now = shared.delivery.clock.now();
        let untold = self.due(now, budget, &without).await?.messages;
        let count = untold.len();
        for message in &untold {
            let event = shared.limited(message.clone().into(), over);
            let outcome = Outcome::without_dialogue(event, self.recalls);
            shared.recorder.record(outcome).await;
        }
        let told = untold.iter().map(|message| message.seq);
        shared.allowance.tell(over.until, told);
        Ok(count)
    }
}

impl Shared {
    /// Records messages as one too many that were read after so many recalls.
    pub(super) async fn refuse(&self, messages: Vec<Message>, recalls: u64) {
        for message in messages {
            let event = self.one_too_many(message.into());
            let outcome = Outcome::without_dialogue(event, recalls);
            self.recorder.record(outcome).await;
        }
    }
}
