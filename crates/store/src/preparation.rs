//! Preparing ahead: what of submissions has to be fetched is fetched before they are sent, by processes that do not deliver.
//!
//! It is for stores that processes share. A submission waits to be prepared, is claimed by one process for a while, and is
//! handed over to those who deliver, with what was made of it or as it is. That is help, and nothing rests on it: what
//! nobody prepared within [`PREPARED_WITHIN`] is handed over by itself, and what could not be fetched is fetched again by
//! who delivers, who records why it could not be.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::account::AccountPk;
use model::{SubmissionId, TenantId, Timestamp};

use crate::submissions::Waiting;
use crate::{Payload, Result, Submission};

/// How long a submission whose time has come waits to be prepared.
pub const PREPARED_WITHIN: Duration = Duration::from_secs(120);
/// How long a claim holds, by the store's clock: one who died has the submission no longer.
pub const CLAIMED_FOR: Duration = Duration::from_secs(45);
/// How long what was prepared is used: links in it have to work for whoever gets it.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest text that is kept of one submission, in bytes. Who delivers reads it in one piece, in a bounded time.
pub const PREPARED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// All that is kept of submissions at once, about, in bytes. While there is more, nothing is prepared.
pub(crate) const KEPT_BYTES_MAX: i64 = 8 * 1024 * 1024 * 1024;
/// What a text counts for at least, in bytes, so that the number of them is bounded as well.
pub(crate) const KEPT_BYTES_MIN: i64 = 64 * 1024;

/// Where the parts of what something says are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// All of them are in it.
    #[default]
    Inside,
    /// Some have to be fetched.
    Outside,
}

/// Who claims, and how much.
#[derive(Clone, Debug)]
pub struct Claim {
    /// So many at most.
    pub limit: usize,
    /// Of one tenant so many at most, with those that were claimed before: one whose files come slowly does not hold up
    /// the others.
    pub tenant_limit: usize,
    /// How many of each tenant were claimed before and are not handed over.
    pub under_way: Vec<(TenantId, usize)>,
}

/// What was claimed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The submission.
    pub id: SubmissionId,
    /// Whose it is.
    pub tenant: TenantId,
}

/// What came of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// These are the claimer's for a while; none when nothing waits that it may have.
    Claimed(Vec<Claimed>),
    /// There is no room for what would be made of them: they were handed over as they are, mail of these accounts. More may
    /// wait.
    HandedOver(Vec<AccountPk>),
}

/// A submission that was claimed.
#[derive(Clone, Debug)]
pub struct Unprepared {
    /// The submission.
    pub submission: Submission,
    /// What it says.
    pub payload: Payload,
    /// Tells what it says from what it may say later.
    pub(crate) digest: [u8; 32],
}

/// What a store that is shared does for those who prepare.
#[async_trait]
pub trait Preparation: Send + Sync + 'static {
    /// Claims submissions that wait to be prepared and whose time has come: the more urgent before all others, and of one
    /// priority those of tenants that have less under way, of those the oldest due first. Nobody else gets them for [`CLAIMED_FOR`]. It waits for nobody who writes, and nobody
    /// for it.
    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Claims>;

    /// A claimed submission; `None` when it is gone.
    async fn unprepared(&self, id: SubmissionId) -> Result<Option<Unprepared>>;

    /// Hands a claimed submission over to those who deliver: with what its messages are to be made from, or as it is.
    /// `false`, and nothing is changed, when the claim was lost, or the submission is gone or says something else now. A
    /// text of more than [`PREPARED_BYTES_MAX`] is not kept.
    async fn hand_over(
        &self,
        unprepared: &Unprepared,
        prepared: Option<Arc<Payload>>,
        now: Timestamp,
    ) -> Result<bool>;

    /// Lets others have what was claimed here.
    async fn let_go(&self, ids: Vec<SubmissionId>) -> Result<()>;

    /// How many submissions wait to be prepared whose time has come, claimed ones as well, and since when.
    async fn waiting_unprepared(&self, now: Timestamp) -> Result<Waiting>;
}
