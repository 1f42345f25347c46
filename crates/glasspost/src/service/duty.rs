//! Duties: what one process does for all that share a store, and another takes up when that one ends.
//!
//! Whoever holds a duty's lane does it. The lane is leased like any other, so that a process which dies, stops or cannot
//! reach the store loses it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::{LaneKey, Lease, Store, StoreError};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

/// The duty of telling tenants' applications what happened.
pub const REPORTS: &str = "reports";
/// The duty of reading mailboxes.
pub const MAILBOXES: &str = "mailboxes";
/// The duty of sending campaigns whose time has come.
pub const SCHEDULES: &str = "schedules";
/// The duty of archiving events.
pub const ARCHIVE: &str = "archive";
/// The duty of counting what happened.
pub const STATISTICS: &str = "statistics";
/// The duty of forgetting what is old, and of exposing the figures of all.
pub const HOUSEKEEPING: &str = "housekeeping";
/// How soon a duty is asked for again that another process has.
const HELD_AGAIN: Duration = Duration::from_secs(2);
/// How soon after the store failed.
const FAILED_AGAIN: Duration = Duration::from_secs(1);
/// How soon after its work broke off: another process that can do it has it by then.
const BROKEN_AGAIN: Duration = Duration::from_secs(5);
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

    /// Whether it is among them.
    pub fn has(&self, duty: &str) -> bool {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.contains(duty)
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
        W: Future<Output = ()> + Send + 'static,
        F: Fn(CancellationToken) -> W + Send + Sync,
    {
        self.perform_until(duty, self.stop.clone(), work)
    }

    /// The same for work that takes its time to end: it is asked to before the others are.
    pub fn perform_until<W, F>(
        &self,
        duty: &'static str,
        stop: CancellationToken,
        work: F,
    ) -> impl Future<Output = ()> + Send + use<W, F>
    where
        W: Future<Output = ()> + Send + 'static,
        F: Fn(CancellationToken) -> W + Send + Sync,
    {
        let (store, held) = (Arc::clone(&self.store), self.held.clone());
        perform(store, held, duty, stop, work)
    }
}

async fn perform<W: Future<Output = ()> + Send + 'static>(
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
                let done = take_turn(&*store, duty, lease, &stop, &work).await;
                held.set(duty, false);
                match done {
                    Ok(()) => HELD_AGAIN,
                    Err(error) => {
                        tracing::error!(duty, %error, "a duty's work broke off, it is taken up again");
                        BROKEN_AGAIN
                    }
                }
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

/// Does the work once; an error where it broke off.
async fn take_turn<W: Future<Output = ()> + Send + 'static>(
    store: &dyn Store,
    duty: &'static str,
    lease: Lease,
    stop: &CancellationToken,
    work: &(impl Fn(CancellationToken) -> W + Send + Sync),
) -> Result<(), JoinError> {
    tracing::debug!(duty, "this process has the duty");
    let turn = stop.child_token();
    let watching = async {
        while store.holds(&lease) && !turn.is_cancelled() {
            tokio::time::sleep(LOOK).await;
        }
        turn.cancel();
    };
    let working = async {
        // On its own: what breaks off there does not keep the duty from being given back.
        let done = tokio::spawn(work(turn.clone())).await;
        turn.cancel();
        done
    };
    let ((), done) = tokio::join!(watching, working);
    if let Err(error) = store.release(lease).await {
        tracing::debug!(duty, %error, "a duty could not be given back, it falls to others by itself");
    }
    done
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use store::{KeySource, SqliteStore};

    use super::*;

    #[tokio::test]
    async fn a_duty_whose_work_panics_is_given_back_and_taken_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let source = KeySource::File;
        let store = Arc::new(SqliteStore::open_with_key(folder.path(), &source).unwrap());
        let duties = Duties {
            store: Arc::clone(&store) as Arc<dyn Store>,
            held: Held::default(),
            stop: CancellationToken::new(),
        };
        let turns = Arc::<AtomicUsize>::default();
        let (counted, ends) = (Arc::clone(&turns), duties.stop.clone());
        let work = move |_| {
            let (turn, ends) = (counted.fetch_add(1, Ordering::Relaxed), ends.clone());
            async move {
                assert!(turn > 0, "the first turn breaks off");
                ends.cancel();
            }
        };
        let performing = tokio::spawn(duties.perform(REPORTS, work));
        let is_free = async {
            while turns.load(Ordering::Relaxed) == 0 || duties.held.has(REPORTS) {
                tokio::time::sleep(LOOK / 10).await;
            }
            let lease = store.lease(LaneKey::duty(REPORTS)).await.unwrap();
            store.release(lease).await.unwrap();
        };
        let patience = 4 * BROKEN_AGAIN;
        tokio::time::timeout(patience, is_free).await.unwrap();
        tokio::time::timeout(patience, performing)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(turns.load(Ordering::Relaxed), 2);
    }
}
