//! The right to send a run: how it is taken, and how a run that lost sight of the store finds out whether it still has it.
//!
//! In one data folder a holder lives or is dead, and that shows at once. In a database a lane is held for some seconds at a
//! time: a holder that died still seems to hold it until they are over, and one that could not reach the database does not
//! know whether somebody took it meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{LaneKey, Lease, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::ledger::Run;
use super::{Tools, patience};

/// How soon a lane is asked for again that may be a dead process's.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// By how much a lease must last longer than it did to count as moved on, whatever time the questions took.
const MOVED_ON: Duration = Duration::from_secs(1);
/// How soon it is asked again whether the lease is ours for certain.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Who has the right, and lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its process id.
    pub process: u32,
    /// Where that is.
    pub machine: Machine,
}

/// Where a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Here.
    This,
    /// Wherever the database is reached from.
    Any,
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = match self.machine {
            Machine::This => "",
            Machine::Any => " of this or another machine",
        };
        write!(f, "process {}{at}", self.process)
    }
}

/// What came of asking for a lane.
pub(super) enum Asked {
    Taken(Lease),
    Held(Rival),
}

/// Takes a lane. Where its holder may be dead, that is waited for: until its time is over, or it shows that it lives.
pub(super) async fn take(
    store: &dyn Store,
    lane: LaneKey,
    stop: &CancellationToken,
) -> Result<Asked, StoreError> {
    let mut ends: Option<Instant> = None;
    loop {
        let (process, left) = match store.lease(lane.clone()).await {
            Ok(lease) => return Ok(Asked::Taken(lease)),
            Err(StoreError::LaneHeld { holder, expires_in }) => (holder, expires_in),
            Err(error) => return Err(error),
        };
        let Some(left) = left else {
            let machine = Machine::This;
            return Ok(Asked::Held(Rival { process, machine }));
        };
        let now = Instant::now();
        if stop.is_cancelled() || ends.is_some_and(|ends| now + left > ends + MOVED_ON) {
            let machine = Machine::Any;
            return Ok(Asked::Held(Rival { process, machine }));
        }
        if ends.is_none() {
            ends = Some(now + left);
            tracing::info!(
                "process {process} sends this run, or died a moment ago: that shows within {} s",
                left.as_secs() + 1
            );
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(left.min(ASK_AGAIN)) => {}
        }
    }
}

/// The right to send a run, while it is sent.
pub(super) struct Tenure {
    store: Arc<dyn Store>,
    lease: Lease,
    stop: CancellationToken,
}

impl Tenure {
    pub(super) fn new(run: &Run, tools: &Tools) -> Self {
        Self {
            store: Arc::clone(&tools.store),
            lease: run.lease.clone(),
            stop: tools.stop.clone(),
        }
    }

    /// Waits until the right is ours for certain. While the store is away nobody knows; the error says that somebody else
    /// has it.
    pub(super) async fn certain(&self) -> Result<(), StoreError> {
        while !self.store.holds(&self.lease) {
            // Who records nothing is told whether he might have.
            let asking = || self.store.record(&self.lease, Vec::new());
            patience::ask(&self.stop, asking).await?;
            if self.store.holds(&self.lease) {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use store::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn a_rival_that_is_known_to_live_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let (lane, stop) = (LaneKey::campaign("x"), CancellationToken::new());
        let Asked::Taken(lease) = take(&store, lane.clone(), &stop).await.unwrap() else {
            panic!("it is free");
        };
        let Asked::Held(rival) = take(&store, lane.clone(), &stop).await.unwrap() else {
            panic!("it is held");
        };
        assert_eq!(rival.to_string(), format!("process {}", std::process::id()));
        store.release(lease).await.unwrap();
        let again = take(&store, lane, &stop).await.unwrap();
        assert!(matches!(again, Asked::Taken(_)));
    }
}
