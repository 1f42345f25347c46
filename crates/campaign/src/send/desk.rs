//! Where a run takes interventions: each is written down with who and when before its effect, one after another.

use std::sync::Arc;

use deliver::{Ended, Gate, Supply};
use model::{Clock, Control, ControlAction, Live, Stage};
use store::{Campaign, Lease, NewControl, Store, StoreError};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::Tools;
use super::ledger::Run;

/// Failed messages that are made anew in one commit.
const RETRY_ROWS: usize = 1_000;

/// Where a run takes interventions while it goes on, and while it is watched after its end.
pub struct Desk(Arc<Inner>);

/// Why an intervention did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// It makes no sense, or not any more, as the run stands. Nothing was written down.
    #[error("{}", not_now(*action, *stage))]
    NotNow {
        /// What was asked for.
        action: ControlAction,
        /// How far the run has come.
        stage: Stage,
    },
    /// Nothing failed, so nothing can be tried again. Nothing was written down.
    #[error("no message has failed for good: there is nothing to try again")]
    NothingFailed,
    /// The data file does not do its part. Of a retry, some may have happened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault of ours.
    #[error("the intervention broke off: {0}")]
    Task(String),
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Clock,
    live: Arc<Live>,
    campaign: Campaign,
    lease: Lease,
    gate: Arc<Gate>,
    /// Stops the process.
    stop: CancellationToken,
    /// The run goes on after an end.
    reopened: Notify,
    /// Held over every change of the stage, so that none comes between an intervention and its effect.
    state: Mutex<State>,
}

struct State {
    pass: Pass,
    cancelled_by: Option<Box<str>>,
    /// Nobody watches the run any more.
    is_closed: bool,
}

/// One delivery of the run's lane from its beginning until nothing is left, or it is stopped.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) supply: Arc<Supply>,
    pub(super) gate: Arc<Gate>,
    pub(super) stop: CancellationToken,
}

// === impl Desk ===

impl Desk {
    /// The desk of a run.
    pub(super) fn new(run: &Run, tools: &Tools) -> Self {
        let gate = Arc::new(Gate::default());
        let pass = Pass {
            supply: Arc::default(),
            gate: Arc::clone(&gate),
            stop: tools.stop.child_token(),
        };
        Self(Arc::new(Inner {
            store: Arc::clone(&tools.store),
            clock: tools.clock.clone(),
            live: Arc::clone(&tools.live),
            campaign: run.campaign.clone(),
            lease: run.lease.clone(),
            gate,
            stop: tools.stop.clone(),
            reopened: Notify::new(),
            state: Mutex::new(State {
                pass,
                cancelled_by: None,
                is_closed: false,
            }),
        }))
    }

    /// Intervenes in the run. `by` says who: a name, or where the request came from. A pause, a resumption and a
    /// cancelling have begun when this returns; what a retry makes is queued.
    pub async fn act(&self, action: ControlAction, by: &str) -> Result<Control, DeskError> {
        let (inner, by) = (Arc::clone(&self.0), Box::from(by));
        // As a task: whoever asked may go away, and what was begun is done all the same.
        let acting = tokio::spawn(async move { inner.act(action, by).await });
        acting
            .await
            .map_err(|error| DeskError::Task(error.to_string()))?
    }

    /// The delivery that is under way, or about to be.
    pub(super) async fn pass(&self) -> Pass {
        self.0.state.lock().await.pass.clone()
    }

    /// Says how far the run has come.
    pub(super) async fn set_stage(&self, stage: Stage) {
        let _state = self.0.state.lock().await;
        self.0.live.set_stage(stage);
    }

    /// Whether messages came in while the delivery was ending, so that it has to go on. Otherwise nobody intervenes
    /// any more until the end is reached.
    pub(super) async fn goes_on(&self, ended: &Ended) -> Result<bool, StoreError> {
        let state = self.0.state.lock().await;
        if matches!(ended, Ended::Drained) && state.cancelled_by.is_none() {
            let books = self.0.store.books(self.0.campaign.id).await?;
            if books.queued > 0 {
                return Ok(true);
            }
        }
        self.0.live.set_stage(Stage::Stopping);
        Ok(false)
    }

    /// Who cancelled the run.
    pub(super) async fn cancelled_by(&self) -> Option<Box<str>> {
        self.0.state.lock().await.cancelled_by.clone()
    }

    /// Waits until the run goes on after its end.
    pub(super) async fn reopened(&self) {
        self.0.reopened.notified().await;
    }

    /// Closes the desk, unless the run goes on after its end (`false`).
    pub(super) async fn close(&self) -> bool {
        let mut state = self.0.state.lock().await;
        state.is_closed = self.0.live.stage().is_end();
        state.is_closed
    }
}

// === impl Inner ===

impl Inner {
    async fn act(&self, action: ControlAction, by: Box<str>) -> Result<Control, DeskError> {
        let mut state = self.state.lock().await;
        let stage = self.live.stage();
        if state.is_closed || !is_possible(action, stage) {
            return Err(DeskError::NotNow { action, stage });
        }
        if action == ControlAction::RetryFailed {
            self.check_failed().await?;
        }
        let new = NewControl {
            campaign: self.campaign.id,
            at: self.clock.now(),
            action,
            by,
        };
        let control = self.store.control(new).await?;
        let (job_id, by, word) = (&self.campaign.job_id, &control.by, action.as_str());
        tracing::info!(job_id, %by, "somebody intervened: {word}");
        match action {
            ControlAction::Pause => {
                self.gate.close();
                self.live.set_stage(Stage::Paused);
            }
            ControlAction::Resume => {
                self.live.set_stage(Stage::Sending);
                self.gate.open();
            }
            ControlAction::Cancel => {
                state.cancelled_by = Some(control.by.clone());
                self.live.set_stage(Stage::Stopping);
                state.pass.stop.cancel();
            }
            ControlAction::RetryFailed => self.retry(&mut state, &control).await?,
        }
        Ok(control)
    }

    async fn check_failed(&self) -> Result<(), DeskError> {
        match self.store.books(self.campaign.id).await?.failed() {
            0 => Err(DeskError::NothingFailed),
            _ => Ok(()),
        }
    }

    /// Makes a new message for each that had failed when the intervention was written down.
    async fn retry(&self, state: &mut State, control: &Control) -> Result<(), StoreError> {
        while !self.stop.is_cancelled() {
            let (id, now) = (self.campaign.id, self.clock.now());
            let made = self
                .store
                .retry_failed(&self.lease, id, control.seq, RETRY_ROWS, now)
                .await?;
            if made == 0 {
                break;
            }
            if self.live.stage().is_end() {
                self.reopen(state);
            }
            state.pass.supply.added();
        }
        Ok(())
    }

    /// Lets the run go on after its end with another delivery. Its list was read long ago.
    fn reopen(&self, state: &mut State) {
        let supply = Arc::new(Supply::default());
        supply.complete();
        self.gate.open();
        state.pass = Pass {
            supply,
            gate: Arc::clone(&self.gate),
            stop: self.stop.child_token(),
        };
        self.live.set_stage(Stage::Sending);
        self.reopened.notify_one();
    }
}

// === what is possible when ===

fn is_possible(action: ControlAction, stage: Stage) -> bool {
    match action {
        ControlAction::Pause => stage == Stage::Sending,
        ControlAction::Resume => stage == Stage::Paused,
        ControlAction::Cancel => matches!(stage, Stage::Sending | Stage::Paused),
        // Not after a cancelling, which was to end it, and not after a fault, which would come again.
        ControlAction::RetryFailed => matches!(
            stage,
            Stage::Sending | Stage::Paused | Stage::Completed | Stage::Unreachable
        ),
    }
}

/// Why an action is not possible, in words for people.
fn not_now(action: ControlAction, stage: Stage) -> String {
    let so = match action {
        ControlAction::Pause => "there is nothing to pause",
        ControlAction::Resume => "there is nothing to resume",
        ControlAction::Cancel => "there is nothing to cancel",
        ControlAction::RetryFailed => "nothing is tried again",
    };
    let is = match stage {
        Stage::Starting => return "the run is only starting: ask again in a moment".to_owned(),
        Stage::Sending => "the run is not paused",
        Stage::Paused => return "the run is paused already".to_owned(),
        Stage::Stopping => "the run is coming to its end",
        Stage::Completed => "the run is completed",
        Stage::Interrupted => "the run was interrupted",
        Stage::Unreachable => "the run has ended because the relay cannot be reached",
        Stage::Cancelled => "the run was cancelled",
        Stage::Failed => "the run broke off",
    };
    format!("{is}: {so}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_possible_is_said_in_plain_words() {
        let said = |action, stage| DeskError::NotNow { action, stage }.to_string();
        let words = [
            (
                said(ControlAction::Pause, Stage::Completed),
                "the run is completed: there is nothing to pause",
            ),
            (
                said(ControlAction::Pause, Stage::Paused),
                "the run is paused already",
            ),
            (
                said(ControlAction::Resume, Stage::Sending),
                "the run is not paused: there is nothing to resume",
            ),
            (
                said(ControlAction::RetryFailed, Stage::Cancelled),
                "the run was cancelled: nothing is tried again",
            ),
        ];
        for (said, expected) in words {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn nothing_is_possible_while_a_run_starts_or_stops() {
        for action in ControlAction::ALL {
            for stage in [Stage::Starting, Stage::Stopping, Stage::Interrupted] {
                assert!(!is_possible(action, stage), "{action:?} {stage:?}");
            }
        }
    }
}
