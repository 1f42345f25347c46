//! Where a run takes interventions: each is written down with who and when before its effect, one after another.

use std::sync::Arc;

use deliver::{Ended, Gate, Supply};
use model::{Clock, Control, ControlAction, Live, Stage};
use store::{Campaign, Lease, NewControl, Store, StoreError};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;

use super::ledger::Run;
use super::possible::{not_now, possible};
use super::{Tools, patience};

/// Failed messages that are made anew in one commit.
pub(super) const RETRY_ROWS: usize = 1_000;

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
    /// Nothing failed that was not tried again already. Nothing was written down.
    #[error("no failed message is left that was not tried again")]
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
    /// Whether the run is at an end. Whoever waits looks at it, so that no old wake-up counts at a later end.
    at_an_end: watch::Sender<bool>,
    /// Whether a retry is being carried out; sent anew with each of its commits.
    repeating: watch::Sender<bool>,
    /// Held over a whole retry: the second finds what the first one left.
    retry: Mutex<()>,
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
            at_an_end: watch::Sender::default(),
            repeating: watch::Sender::default(),
            retry: Mutex::default(),
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
        let acting = tokio::spawn(async move {
            match action {
                ControlAction::RetryFailed => inner.retry(by).await,
                ControlAction::Pause | ControlAction::Resume | ControlAction::Cancel => {
                    inner.act(action, by).await
                }
            }
        });
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
        self.0.set_stage(stage);
    }

    /// Whether messages came in while the delivery was ending, so that it has to go on. A retry is waited for.
    /// Otherwise nobody intervenes any more until the end is reached.
    pub(super) async fn goes_on(&self, ended: &Ended) -> Result<bool, StoreError> {
        let mut repeating = self.0.repeating.subscribe();
        loop {
            let state = self.0.state.lock().await;
            if matches!(ended, Ended::Drained) && state.cancelled_by.is_none() {
                let ask = || self.0.store.books(self.0.campaign.lane);
                let books = patience::ask(&self.0.stop, ask).await?;
                if books.queued > 0 {
                    return Ok(true);
                }
            }
            if !*repeating.borrow_and_update() {
                self.0.set_stage(Stage::Stopping);
                return Ok(false);
            }
            drop(state);
            // It fails only when the sender is gone, and that is ours.
            let _ = repeating.changed().await;
        }
    }

    /// Who cancelled the run.
    pub(super) async fn cancelled_by(&self) -> Option<Box<str>> {
        self.0.state.lock().await.cancelled_by.clone()
    }

    /// Waits until the run goes on after its end.
    pub(super) async fn reopened(&self) {
        // It fails only when the sender is gone, and that is ours.
        let _ = self.0.at_an_end.subscribe().wait_for(|is| !is).await;
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
        self.check(action, &state)?;
        let control = self.write_down(action, by).await?;
        match action {
            ControlAction::Pause => {
                self.gate.close();
                self.set_stage(Stage::Paused);
            }
            ControlAction::Resume => {
                self.set_stage(Stage::Sending);
                self.gate.open();
            }
            ControlAction::Cancel => {
                state.cancelled_by = Some(control.by.clone());
                self.set_stage(Stage::Stopping);
                state.pass.stop.cancel();
            }
            ControlAction::RetryFailed => {}
        }
        Ok(control)
    }

    /// Makes a new message for each that had failed when the intervention was written down.
    async fn retry(&self, by: Box<str>) -> Result<Control, DeskError> {
        let _alone = self.retry.lock().await;
        let mut state = self.state.lock().await;
        self.check(ControlAction::RetryFailed, &state)?;
        if !self.store.has_repeatable(self.campaign.lane).await? {
            return Err(DeskError::NothingFailed);
        }
        let control = self.write_down(ControlAction::RetryFailed, by).await?;
        let repeating = Repeating::begin(&self.repeating);
        while self.repeat(&control).await? > 0 {
            if self.live.stage().is_end() {
                self.reopen(&mut state);
            }
            state.pass.supply.added();
            repeating.committed();
            // Between two commits others have their turn, in the order in which they came.
            drop(state);
            state = self.state.lock().await;
            if self.is_cut_short(&state) {
                break;
            }
        }
        Ok(control)
    }

    /// Refuses what is not possible as the run stands.
    fn check(&self, action: ControlAction, state: &MutexGuard<'_, State>) -> Result<(), DeskError> {
        let stage = self.live.stage();
        // Whether anything is left to be tried again is asked after this.
        match !state.is_closed && possible(stage, 1).contains(&action) {
            true => Ok(()),
            false => Err(DeskError::NotNow { action, stage }),
        }
    }

    async fn write_down(&self, action: ControlAction, by: Box<str>) -> Result<Control, StoreError> {
        let new = NewControl {
            lane: self.campaign.lane,
            at: self.clock.now(),
            action,
            by,
        };
        let control = self.store.control(new).await?;
        let (job_id, by, word) = (&self.campaign.job_id, &control.by, action.as_str());
        tracing::info!(job_id, %by, "somebody intervened: {word}");
        Ok(control)
    }

    async fn repeat(&self, control: &Control) -> Result<usize, StoreError> {
        let now = self.clock.now();
        self.store
            .retry_failed(&self.lease, control.seq, RETRY_ROWS, now)
            .await
    }

    /// Whether what is made anew now would not be sent any more by this run.
    fn is_cut_short(&self, state: &State) -> bool {
        let is_stopped = self.stop.is_cancelled() || state.cancelled_by.is_some();
        is_stopped || self.live.stage().is_end()
    }

    /// Only under the lock of the state.
    fn set_stage(&self, stage: Stage) {
        self.live.set_stage(stage);
        self.at_an_end.send_replace(stage.is_end());
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
        self.set_stage(Stage::Sending);
    }
}

/// A retry that is being carried out, for as long as this lives.
struct Repeating<'a>(&'a watch::Sender<bool>);

impl<'a> Repeating<'a> {
    fn begin(sender: &'a watch::Sender<bool>) -> Self {
        sender.send_replace(true);
        Self(sender)
    }

    /// Tells those who wait that more messages are queued.
    fn committed(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for Repeating<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}
