//! Housekeeping: what is old enough is forgotten, a bounded piece at a time, so that nothing waits for it.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Timestamp};
use observe::archive::Place;
use prepare::Shelf;
use store::{Directory, Nodes, Statistics, Store, Submissions};
use tokio_util::sync::CancellationToken;

/// How often it looks for old things.
const EVERY: Duration = Duration::from_secs(60);
/// Submissions that are forgotten in one transaction.
const PIECE: usize = 500;
/// Counts of statistics that are forgotten in one transaction.
const COUNTS: usize = 5_000;
/// Tenants read at once.
const TENANTS_A_LOOK: usize = 100;
/// Submissions that are held back or let go in one transaction.
const ALIGNED_AT_ONCE: usize = 1_000;
/// The pause between two pieces, so that mail comes first.
const BREATH: Duration = Duration::from_millis(50);

/// What finished so long after the latest archived event is not looked at: a whole backlog would be, again and again.
/// Clocks do not differ by that much.
const AROUND: Duration = Duration::from_secs(3_600);

/// Forgets what is old.
#[derive(Clone)]
pub struct Keeper {
    /// Submissions that are final and reported.
    pub submissions: Arc<dyn Submissions>,
    /// Tenants, and what they hold back.
    pub directory: Arc<dyn Directory>,
    /// Whether what they hold back was not looked through yet.
    pub aligns: bool,
    /// What the store needs itself.
    pub nodes: Arc<dyn Nodes>,
    /// Files that messages link to.
    pub shelf: Option<Arc<Shelf>>,
    /// Who knows how far the archive has come, where there is one.
    pub archive: Option<Arc<dyn Store>>,
    /// How long things are kept.
    pub retention: Duration,
    /// What happened, by hours.
    pub statistics: Arc<dyn Statistics>,
    /// How long that is kept.
    pub statistics_retention: Duration,
    /// The time.
    pub clock: Clock,
}

impl Keeper {
    /// Keeps house until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
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

    async fn look(&mut self) {
        if self.aligns {
            match align_suspensions(&*self.directory, &*self.submissions).await {
                Ok(()) => self.aligns = false,
                Err(error) => {
                    tracing::warn!(%error, "what tenants hold back could not be looked through, it is tried again");
                }
            }
        }
        if let Err(error) = self.nodes.keep_house().await {
            tracing::warn!(%error, "the store's house could not be kept, it is tried again");
        }
        let before = self.clock.now() - self.retention;
        if let Err(error) = self.forget(before).await {
            tracing::warn!(%error, "what is old could not be forgotten, it is tried again");
        }
        let before = self.clock.now() - self.statistics_retention;
        if let Err(error) = self.forget_statistics(before).await {
            tracing::warn!(%error, "old statistics could not be forgotten, it is tried again");
        }
        if let Some(shelf) = self.shelf.clone() {
            let swept = tokio::task::spawn_blocking(move || shelf.sweep()).await;
            if let Ok(Err(error)) = swept {
                tracing::warn!(%error, "old linked files could not be deleted, it is tried again");
            }
        }
    }

    async fn forget(&self, before: Timestamp) -> store::Result<()> {
        let archived = match &self.archive {
            Some(store) => Some(archived(&**store, before).await?),
            None => None,
        };
        loop {
            let submissions = &self.submissions;
            let forgotten = match archived {
                None => submissions.clean_up(None, before, PIECE).await?,
                Some(place) => {
                    let before = before.min(place.at + AROUND);
                    submissions.clean_up_to(place.seq, before, PIECE).await?
                }
            };
            if forgotten < PIECE {
                return Ok(());
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    async fn forget_statistics(&self, before: Timestamp) -> store::Result<()> {
        while self.statistics.expire_statistics(before, COUNTS).await? >= COUNTS {
            tokio::time::sleep(BREATH).await;
        }
        Ok(())
    }
}

/// How far the archive has come. What it has not seen to is kept, however old.
async fn archived(store: &dyn Store, before: Timestamp) -> store::Result<Place> {
    let place = Place::read(store).await?;
    let behind = store.end_of_log().await?.get() - place.seq.get();
    if behind > 0 && place.at < before {
        tracing::warn!(
            behind,
            "old mail is not forgotten before its events are in the archive"
        );
    }
    Ok(place)
}

/// Brings queued mail into line with what its tenants hold back: a process that was killed may have left some of it.
pub async fn align_suspensions(
    directory: &dyn Directory,
    submissions: &dyn Submissions,
) -> store::Result<()> {
    let mut after = None;
    loop {
        let tenants = directory.tenants(after.as_ref(), TENANTS_A_LOOK).await?;
        for tenant in &tenants {
            while submissions
                .align_suspension(&tenant.id, ALIGNED_AT_ONCE)
                .await?
                > 0
            {}
        }
        match tenants.last() {
            Some(last) => after = Some(last.id.clone()),
            None => return Ok(()),
        }
    }
}
