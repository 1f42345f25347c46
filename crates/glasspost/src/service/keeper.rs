//! Housekeeping: what is old enough is forgotten, a bounded piece at a time, so that nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Timestamp};
use prepare::Shelf;
use store::{Nodes, Submissions};
use tokio_util::sync::CancellationToken;

/// How often it looks for old things.
const EVERY: Duration = Duration::from_secs(60);
/// Submissions that are forgotten in one transaction.
const PIECE: usize = 500;
/// The pause between two pieces, so that mail comes first.
const BREATH: Duration = Duration::from_millis(50);

/// Forgets what is old.
#[derive(Clone)]
pub struct Keeper {
    /// Submissions that are final and reported.
    pub submissions: Arc<dyn Submissions>,
    /// What the store needs itself.
    pub nodes: Arc<dyn Nodes>,
    /// Files that messages link to.
    pub shelf: Option<Arc<Shelf>>,
    /// How long things are kept.
    pub retention: Duration,
    /// The time.
    pub clock: Clock,
}

impl Keeper {
    /// Keeps house until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let work = async {
            loop {
                self.look().await;
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    async fn look(&self) {
        if let Err(error) = self.nodes.keep_house().await {
            tracing::warn!(%error, "the store's house could not be kept, it is tried again");
        }
        let before = self.clock.now() - self.retention;
        if let Err(error) = self.forget(before).await {
            tracing::warn!(%error, "what is old could not be forgotten, it is tried again");
        }
        if let Some(shelf) = self.shelf.clone() {
            let swept = tokio::task::spawn_blocking(move || shelf.sweep()).await;
            if let Ok(Err(error)) = swept {
                tracing::warn!(%error, "old linked files could not be deleted, it is tried again");
            }
        }
    }

    async fn forget(&self, before: Timestamp) -> store::Result<()> {
        while self.submissions.clean_up(None, before, PIECE).await? >= PIECE {
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }
}
