//! A draft made into the message as it is sent: everything but the first line, which names the recipient's copy.
//!
//! - `parcel`: what goes along with it, fetched and encoded, or links to it
//! - `ahead`: the same as a draft of which nothing has to be fetched any more
//! - `memory`: how much of that may be there at once
//! - `page`: header fields, bodies and parcel as one text

mod ahead;
mod memory;
mod page;
mod parcel;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::{Address, Clock, MessageId, Timestamp};

use crate::digest::Sha256;
use crate::draft::Draft;
use crate::fetch::Fetcher;
use crate::fetch::error::FetchError;
use crate::fetch::tenant::TenantSource;
use crate::flight::Flights;
use crate::large::policy::LargeFilePolicy;
use crate::large::{LargeFileError, LargeFiles};
use crate::recent::Recent;
pub use memory::{Memory, Share};
use page::Page;
use parcel::Parcel;

/// The most memory for parcels that were packed before, in bytes.
const KEPT_BYTES_MAX: u64 = 64 << 20;
/// What a kept parcel counts for at least, in bytes: so there are 64 at most.
const KEPT_BYTES_MIN: u64 = 1 << 20;
/// How long a parcel is kept. No link in it ends sooner.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// From this size on, work is not done between the tasks of others, in bytes.
pub const LONG_WORK_BYTES: usize = 256 << 10;

/// Makes messages of drafts.
pub struct Workshop {
    fetcher: Fetcher,
    large_files: LargeFiles,
    clock: Clock,
    kept: Mutex<Recent<Sha256, Arc<Parcel>>>,
    packings: Flights<Result<Arc<Parcel>, Unmakeable>>,
}

/// A message, but for its first line.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where bounces go, which is the envelope's sender; `None` is the null sender.
    pub sender: Option<Address>,
    /// What follows the line `X-Genro-Mail-ID: …`: all further header fields and the body.
    pub bytes: Bytes,
}

/// Why there is no message. The texts name the attachment and hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmakeable {
    /// It fails the same way for ever.
    #[error("{0}")]
    Never(String),
    /// The same may succeed later: a server was not reached or was busy.
    #[error("{0}")]
    Later(String),
}

// === impl Workshop ===

impl Workshop {
    /// A workshop whose attachments come through `fetcher`, and go to `large_files` where a tenant wants that.
    pub fn new(fetcher: Fetcher, large_files: LargeFiles, clock: Clock) -> Self {
        Self {
            fetcher,
            large_files,
            clock,
            kept: Mutex::new(Recent::new(KEPT_BYTES_MAX, KEPT_FOR)),
            packings: Flights::default(),
        }
    }

    /// Makes the message of a draft.
    ///
    /// `id` is the submission's, the same for each of its recipients; `at` is the moment that the message is dated
    /// by. Draft, id and moment being the same, so are the bytes, as long as its attachments are. Attachments for
    /// several recipients, and links to large files, are got once for all tries that follow soon after each other.
    pub async fn make(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        draft: &Draft,
        id: MessageId,
        at: Timestamp,
    ) -> Result<Made, Unmakeable> {
        let parcel = self.parcel(tenant, policy, draft, id).await?;
        Ok(Made {
            sender: draft.sender().cloned(),
            bytes: Page::new(draft, parcel, id, at).written().await?,
        })
    }

    async fn parcel(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        draft: &Draft,
        id: MessageId,
    ) -> Result<Arc<Parcel>, Unmakeable> {
        let requests = draft.attachments();
        if requests.is_empty() {
            return Ok(Arc::default());
        }
        let is_shared = draft.has_several_recipients();
        if !is_shared && !policy.is_some_and(LargeFilePolicy::may_link) {
            return self.packed(tenant, policy, requests).await;
        }
        let key = parcel::key(tenant, requests, id).await;
        let packing = async {
            if let Some(kept) = self.kept().get(&key, self.clock.now()) {
                return Ok(kept);
            }
            let parcel = self.packed(tenant, policy, requests).await?;
            if is_shared || parcel.has_links() {
                self.keep(key, &parcel);
            }
            Ok(parcel)
        };
        self.packings.run(key, packing).await
    }

    fn keep(&self, key: Sha256, parcel: &Arc<Parcel>) {
        let bytes = (parcel.bytes() as u64).max(KEPT_BYTES_MIN);
        let now = self.clock.now();
        self.kept().put(key, Arc::clone(parcel), bytes, now);
    }

    fn kept(&self) -> MutexGuard<'_, Recent<Sha256, Arc<Parcel>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Unmakeable ===

impl Unmakeable {
    fn new(text: String, is_temporary: bool) -> Self {
        match is_temporary {
            true => Self::Later(text),
            false => Self::Never(text),
        }
    }

    /// A thread for long work was stopped.
    fn interrupted() -> Self {
        Self::Later("interrupted before the message was written".to_owned())
    }
}

impl From<FetchError> for Unmakeable {
    fn from(error: FetchError) -> Self {
        Self::new(error.to_string(), error.is_temporary())
    }
}

impl From<LargeFileError> for Unmakeable {
    fn from(error: LargeFileError) -> Self {
        Self::new(error.to_string(), error.is_temporary())
    }
}
