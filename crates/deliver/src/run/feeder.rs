//! Reads due messages of the lane into the work queue, no more than it has room for.

use std::sync::Arc;
use std::time::Duration;

use store::Due;

use super::work::{WORK_LOW, WORK_MAX};
use super::{DeliverError, Halt, Shared};
use crate::plan::pace::Pace;

/// How long the feeder sleeps at most when it knows of nothing to wait for: another process may have changed
/// the lane.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Feeds until the lane is empty and the supply complete (`true`), or until the delivery halts (`false`). While the
/// gate is closed it does nothing.
pub(super) async fn run(shared: Arc<Shared>) -> bool {
    let mut pace = shared.delivery.settings.per_second_max.map(Pace::new);
    loop {
        let step = tokio::select! {
            biased;
            () = shared.halt.cancelled() => return false,
            step = async {
                shared.delivery.gate.opened().await;
                feed(&shared, &mut pace).await
            } => step,
        };
        match step {
            Ok(Step::GoOn) => {}
            Ok(Step::Drained) => return true,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the queue cannot be read, trying again");
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(error) => {
                shared.halt(Halt::Broken(DeliverError::Store(error)));
                return false;
            }
        }
    }
}

enum Step {
    GoOn,
    Drained,
}

/// One look at the lane: adds what is due, or waits for what comes next.
async fn feed(shared: &Shared, pace: &mut Option<Pace>) -> Result<Step, store::StoreError> {
    let delivery = &shared.delivery;
    if shared.work.len() > WORK_LOW {
        shared.work.low().await;
        return Ok(Step::GoOn);
    }
    // Asked before the lane is read: what is accepted after that will be news.
    let complete = delivery.supply.is_complete();
    let mut room = WORK_MAX - WORK_LOW;
    if let Some(pace) = pace {
        let (allowed, wait) = pace.take(delivery.clock.now(), room.min(WORK_LOW));
        if allowed == 0 {
            tokio::time::sleep(wait).await;
            return Ok(Step::GoOn);
        }
        room = allowed;
    }
    let in_flight = shared.recorder.in_flight();
    let now = delivery.clock.now();
    let Due { messages, next_at } = delivery
        .store
        .due(&delivery.lease, now, room, &in_flight)
        .await?;
    if messages.is_empty() {
        if complete && next_at.is_none() && in_flight.is_empty() {
            return Ok(Step::Drained);
        }
        let pause = next_at
            .map_or(LOOK_AGAIN, |at| at.since(now))
            .clamp(MOMENT, LOOK_AGAIN);
        wait_for_change(shared, pause).await;
        return Ok(Step::GoOn);
    }
    shared
        .recorder
        .take_off(messages.iter().map(|message| message.seq));
    shared.work.extend(messages.into_iter().map(Arc::new));
    Ok(Step::GoOn)
}

/// The shortest pause, so that rounding never makes a busy loop.
const MOMENT: Duration = Duration::from_millis(1);

/// Waits for more supply, a recorded outcome (it may be due again, or the last), or the pause.
async fn wait_for_change(shared: &Shared, pause: Duration) {
    tokio::select! {
        () = shared.delivery.supply.news() => {}
        () = shared.recorder.recorded() => {}
        () = tokio::time::sleep(pause) => {}
    }
}
