//! Duties: what one process does for all that share a store, and another takes up when that one ends.
//!
//! Whoever holds a duty's lane does it. The lane is leased like any other, so that a process which dies, stops or cannot
//! reach the store loses it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::{LaneKey, Lease, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How soon a duty is asked for again that another process has.
const HELD_AGAIN: Duration = Duration::from_secs(2);
/// How soon after the store failed.
const FAILED_AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether a duty is still ours.
const LOOK: Duration = Duration::from_millis(500);

/// The duties that this process has, by name. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<BTreeSet<&'static str>>>);

/// What duties are performed with.
pub struct Duties {
    /// Who has which.
    pub store: Arc<dyn Store>,
    /// Those of this process.
    pub held: Held,
    /// Ends them.
    pub stop: CancellationToken,
}

impl Held {
    /// Their names.
    pub fn names(&self) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn set(&self, duty: &'static str, is_held: bool) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match is_held {
            true => names.insert(duty),
            false => names.remove(duty),
        };
    }
}

impl Duties {
    /// Does `work` whenever this process has the duty. The work ends when its token is cancelled.
    pub fn perform<W, F>(
        &self,
        duty: &'static str,
        work: F,
    ) -> impl Future<Output = ()> + Send + use<W, F>
    where
        W: Future<Output = ()> + Send,
        F: Fn(CancellationToken) -> W + Send + Sync,
    {
        let (store, held) = (Arc::clone(&self.store), self.held.clone());
        perform(store, held, duty, self.stop.clone(), work)
    }
}

async fn perform<W: Future<Output = ()> + Send>(
    store: Arc<dyn Store>,
    held: Held,
    duty: &'static str,
    stop: CancellationToken,
    work: impl Fn(CancellationToken) -> W + Send + Sync,
) {
    while !stop.is_cancelled() {
        let pause = match store.lease(LaneKey::duty(duty)).await {
            Ok(lease) => {
                held.set(duty, true);
                take_turn(&*store, duty, lease, &stop, &work).await;
                held.set(duty, false);
                HELD_AGAIN
            }
            Err(StoreError::LaneHeld { .. }) => HELD_AGAIN,
            Err(error) => {
                tracing::debug!(duty, %error, "a duty cannot be asked for, trying again");
                FAILED_AGAIN
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn take_turn<W: Future<Output = ()> + Send>(
    store: &dyn Store,
    duty: &'static str,
    lease: Lease,
    stop: &CancellationToken,
    work: &(impl Fn(CancellationToken) -> W + Send + Sync),
) {
    tracing::debug!(duty, "this process has the duty");
    let turn = stop.child_token();
    let watching = async {
        while store.holds(&lease) && !turn.is_cancelled() {
            tokio::time::sleep(LOOK).await;
        }
        turn.cancel();
    };
    let working = async {
        work(turn.clone()).await;
        turn.cancel();
    };
    tokio::join!(watching, working);
    if let Err(error) = store.release(lease).await {
        tracing::debug!(duty, %error, "a duty could not be given back, it falls to others by itself");
    }
}
