//! What clients handed over lately, so that the messages of one submission read it once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::SubmissionId;
use store::{StoreError, Submission, Submissions};
use tokio::time::Instant;

use super::supply::Supply;

/// Submissions kept: messages that follow one another are of few.
const KEPT_MAX: usize = 4;
/// The longest text kept, in bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// How long one is kept: nobody here is told what another process replaces.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// The latest submissions of a lane that have several recipients.
#[derive(Debug, Default)]
pub struct Recent {
    supply: Arc<Supply>,
    kept: Mutex<VecDeque<Kept>>,
}

/// A submission with what it says.
#[derive(Debug)]
pub struct Said {
    /// The submission as it was when it was read: what does not change of it holds.
    pub submission: Submission,
    /// What it says.
    pub payload: Box<str>,
}

#[derive(Debug)]
struct Kept {
    id: SubmissionId,
    /// How many recalls there had been before it was read.
    recalls: u64,
    read_at: Instant,
    said: Arc<Said>,
}

impl Recent {
    /// Nothing kept yet. What is recalled by `supply` is read again.
    pub fn new(supply: Arc<Supply>) -> Self {
        Self {
            supply,
            kept: Mutex::default(),
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
        let Some((submission, payload)) = submissions.payload(id).await? else {
            return Ok(None);
        };
        let said = Arc::new(Said {
            submission,
            payload,
        });
        self.keep(Kept {
            id,
            recalls,
            read_at,
            said: Arc::clone(&said),
        });
        Ok(Some(said))
    }

    fn find(&self, id: SubmissionId, recalls: u64) -> Option<Arc<Said>> {
        let mut kept = self.kept();
        kept.retain(|one| one.recalls == recalls && one.read_at.elapsed() < KEPT_FOR);
        let found = kept.iter().find(|one| one.id == id);
        found.map(|one| Arc::clone(&one.said))
    }

    fn keep(&self, new: Kept) {
        let said = &new.said;
        if said.submission.recipients < 2 || said.payload.len() > KEPT_BYTES_MAX {
            return;
        }
        let mut kept = self.kept();
        kept.retain(|one| one.id != new.id);
        kept.truncate(KEPT_MAX - 1);
        kept.push_front(new);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
