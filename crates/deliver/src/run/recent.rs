//! What clients handed over lately, so that the messages of one submission read it once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::SubmissionId;
use store::{StoreError, Submission, Submissions};
use tokio::time::Instant;

use super::pool::{Pool, SMALL, Share};
use super::supply::Supply;

/// Submissions kept: messages that follow one another are of few.
const KEPT_MAX: usize = 4;
/// How long one is kept: nobody here is told what another process replaces.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// The latest submissions of a lane that have several recipients.
#[derive(Debug)]
pub struct Recent {
    supply: Arc<Supply>,
    pool: Arc<Pool>,
    kept: Arc<Mutex<VecDeque<Kept>>>,
}

/// A submission with what it says.
#[derive(Debug)]
pub struct Said {
    /// The submission as it was when it was read: what does not change of it holds.
    pub submission: Submission,
    /// What its messages are made from: what it says, or that with what was fetched ahead.
    pub payload: Box<str>,
}

#[derive(Debug)]
struct Kept {
    id: SubmissionId,
    /// How many recalls there had been before it was read.
    recalls: u64,
    read_at: Instant,
    said: Arc<Said>,
    /// The right to the memory of a large one.
    _share: Share,
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() < KEPT_FOR
    }
}

impl Recent {
    /// Nothing kept yet. What is recalled by `supply` is read again; large texts are kept while `pool` has memory for them.
    pub fn new(supply: Arc<Supply>, pool: Arc<Pool>) -> Self {
        Self {
            supply,
            pool,
            kept: Arc::default(),
        }
    }

    /// What a submission says; `None` when it is gone.
    pub async fn said(
        &self,
        submissions: &dyn Submissions,
        id: SubmissionId,
    ) -> Result<Option<Arc<Said>>, StoreError> {
        // Asked before the text is read: what is recalled from now on may be what was read.
        let recalls = self.supply.recalls();
        if let Some(said) = self.find(id, recalls) {
            return Ok(Some(said));
        }
        let read_at = Instant::now();
        let Some((submission, payload)) = submissions.source(id).await? else {
            return Ok(None);
        };
        let said = Arc::new(Said {
            submission,
            payload,
        });
        if said.submission.recipients > 1
            && let Some(share) = self.pool.fit(None, said.payload.len())
        {
            self.keep(Kept {
                id,
                recalls,
                read_at,
                said: Arc::clone(&said),
                _share: share,
            });
        }
        Ok(Some(said))
    }

    fn find(&self, id: SubmissionId, recalls: u64) -> Option<Arc<Said>> {
        let mut kept = locked(&self.kept);
        kept.retain(|one| one.recalls == recalls && one.is_fresh());
        let found = kept.iter().find(|one| one.id == id);
        found.map(|one| Arc::clone(&one.said))
    }

    fn keep(&self, new: Kept) {
        if new.said.payload.len() > SMALL {
            // Others may need its memory, also when nobody looks here any more.
            let kept = Arc::clone(&self.kept);
            tokio::spawn(async move {
                tokio::time::sleep(KEPT_FOR).await;
                locked(&kept).retain(Kept::is_fresh);
            });
        }
        let mut kept = locked(&self.kept);
        kept.retain(|one| one.id != new.id);
        kept.truncate(KEPT_MAX - 1);
        kept.push_front(new);
    }
}

fn locked(kept: &Mutex<VecDeque<Kept>>) -> MutexGuard<'_, VecDeque<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
