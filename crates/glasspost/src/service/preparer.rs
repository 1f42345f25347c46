//! Prepares ahead, where processes share the work: fetches what submissions need before those who deliver are at them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use deliver::dispatch::Dispatch;
use model::{Clock, Secret, SubmissionId, TenantId};
use prepare::{Memory, Share, Unmakeable, Workshop};
use serde_json::Value;
use store::preparation::{Claim, Claimed, Claims, PREPARED_BYTES_MAX, Unprepared};
use store::{Payload, Preparation, Store, Tail};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::making::Bench;
use super::tenants::{TenantError, Tenants};

/// Submissions that a process prepares at once. How many fetches that makes is bounded by who fetches.
const AT_ONCE: usize = 32;
/// Places, and how many a tenant may have under way that gets one of them. The second half is only for those that have nothing
/// under way, so that some tenants whose files come slowly do not hold up the others.
const PLACES: [(usize, usize); 2] = [(AT_ONCE / 2, 4), (AT_ONCE, 1)];
/// Bytes that were fetched for submissions and are not handed over, those of all together. For a moment each is there about
/// three times: as it came, in base64, and in the text.
pub const FETCHED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// How often it is looked for submissions at least, and at most while there is news.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long one may take, less than its claim holds. After that it is for those who deliver, who have more patience.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often one is handed over at most while the store is away, and the pause between.
const HAND_OVERS_MAX: usize = 10;
const HAND_OVER_AGAIN: Duration = Duration::from_secs(1);
/// How long those may go on at the end that are under way.
const DRAIN: Duration = Duration::from_secs(3);

/// Prepares submissions for all who deliver.
#[derive(Clone)]
pub struct Preparer {
    /// What waits.
    pub preparation: Arc<dyn Preparation>,
    /// Whose log says that more may wait.
    pub store: Arc<dyn Store>,
    /// Whose it is.
    pub tenants: Arc<Tenants>,
    /// Who fetches.
    pub workshop: Arc<Workshop>,
    /// Where what was fetched is until it is handed over.
    pub memory: Memory,
    /// Who delivers in this process: the others are told by the store.
    pub dispatch: Dispatch,
    /// Where it is seen what is being made.
    pub bench: Bench,
    /// The time.
    pub clock: Clock,
}

/// What a process has claimed.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    claimed: HashMap<Id, Claimed>,
}

/// Why nothing was prepared. Who delivers finds it out again, and says it.
#[derive(Debug, thiserror::Error)]
enum Unprepareable {
    #[error(transparent)]
    Tenant(#[from] TenantError),
    #[error("what was handed over is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Unmakeable(#[from] Unmakeable),
    #[error("it took too long")]
    TooSlow,
}

impl Preparer {
    /// Prepares until `stop`, then lets others have what is not done.
    pub async fn run(self, stop: CancellationToken) {
        let mut tail = Some(self.store.tail());
        let mut under_way = UnderWay::default();
        while !stop.is_cancelled() {
            self.begin(&mut under_way, &stop).await;
            let has_room = under_way.tasks.len() < AT_ONCE;
            tokio::select! {
                () = stop.cancelled() => {}
                () = under_way.one_done() => {}
                () = until_news(&mut tail), if has_room => {}
            }
        }
        let left = under_way.end().await;
        if !left.is_empty()
            && let Err(error) = self.preparation.let_go(left).await
        {
            tracing::debug!(%error, "what was claimed could not be let go, others have it later");
        }
    }

    /// Begins with some that wait. While the store is away there are none.
    async fn begin(&self, under_way: &mut UnderWay, stop: &CancellationToken) {
        for (places, tenant_limit) in PLACES {
            let limit = places.saturating_sub(under_way.tasks.len());
            if limit == 0 {
                continue;
            }
            let claim = Claim {
                limit,
                tenant_limit,
                under_way: under_way.by_tenant(),
            };
            let claimed = self.claim(claim, stop).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "what waits to be prepared cannot be claimed, trying again");
                Vec::new()
            });
            let is_all = claimed.len() < limit;
            self.begin_with(claimed, under_way);
            if is_all {
                return;
            }
        }
    }

    /// What is claimed. While there is no room for what would be made of it, mail goes on as it is.
    async fn claim(&self, claim: Claim, stop: &CancellationToken) -> store::Result<Vec<Claimed>> {
        while !stop.is_cancelled() {
            match self
                .preparation
                .claim(claim.clone(), self.clock.now())
                .await?
            {
                Claims::Claimed(claimed) => return Ok(claimed),
                Claims::HandedOver(accounts) => {
                    accounts
                        .into_iter()
                        .for_each(|account| self.dispatch.look_at(account));
                }
            }
        }
        Ok(Vec::new())
    }

    fn begin_with(&self, claimed: Vec<Claimed>, under_way: &mut UnderWay) {
        for claimed in claimed {
            let (preparer, id) = (self.clone(), claimed.id);
            let task = under_way.tasks.spawn(async move {
                if let Err(error) = preparer.see_to(id).await {
                    let submission = id.0.get();
                    tracing::debug!(submission, %error, "a submission could not be handed over, it is by itself");
                }
            });
            under_way.claimed.insert(task.id(), claimed);
        }
    }

    async fn see_to(&self, id: SubmissionId) -> store::Result<()> {
        let _place = self.bench.begin(self.clock.now());
        let Some(unprepared) = self.preparation.unprepared(id).await? else {
            return Ok(());
        };
        let share = self.memory.share();
        let prepared = tokio::time::timeout(PATIENCE, self.prepared(&unprepared, &share)).await;
        let prepared = match prepared.unwrap_or(Err(Unprepareable::TooSlow)) {
            Ok(prepared) => prepared,
            Err(error) => {
                let submission = id.0.get();
                tracing::debug!(submission, %error, "a submission is handed over as it is");
                None
            }
        };
        self.hand_over(&unprepared, prepared.map(Arc::new)).await?;
        // Also where that was done by a call that got no answer.
        self.dispatch.look_at(unprepared.submission.account);
        Ok(())
    }

    /// What its messages are to be made from; `None` when that would be too long.
    async fn prepared(
        &self,
        unprepared: &Unprepared,
        share: &Share,
    ) -> Result<Option<Payload>, Unprepareable> {
        let tenant = self.tenants.get(&unprepared.submission.tenant).await?;
        let message: Value = serde_json::from_str(unprepared.payload.expose())?;
        let policy = tenant.policy.as_deref();
        let room = (share, PREPARED_BYTES_MAX);
        let preparing = self.workshop.prepare(&tenant.source, policy, message, room);
        Ok(preparing.await?.map(|text| match unprepared.payload {
            Payload::Open(_) => Payload::Open(text.into()),
            Payload::Secret(_) => Payload::Secret(Secret::new(text)),
        }))
    }

    /// Hands over what was claimed, unless it is not ours any more; again while the store is away.
    async fn hand_over(
        &self,
        unprepared: &Unprepared,
        prepared: Option<Arc<Payload>>,
    ) -> store::Result<()> {
        let again = || {
            let (prepared, now) = (prepared.clone(), self.clock.now());
            self.preparation.hand_over(unprepared, prepared, now)
        };
        for _ in 1..HAND_OVERS_MAX {
            match again().await {
                Err(error) if error.is_transient() => tokio::time::sleep(HAND_OVER_AGAIN).await,
                handed => return handed.map(drop),
            }
        }
        again().await.map(drop)
    }
}

impl UnderWay {
    /// How many there are of each tenant.
    fn by_tenant(&self) -> Vec<(TenantId, usize)> {
        let mut counts = BTreeMap::new();
        for claimed in self.claimed.values() {
            *counts.entry(claimed.tenant.clone()).or_default() += 1;
        }
        counts.into_iter().collect()
    }

    /// Waits until one is done; for ever when there is none.
    async fn one_done(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(done) => self.done(done),
            None => std::future::pending().await,
        }
    }

    fn done(&mut self, done: Result<(Id, ()), JoinError>) {
        let id = match done {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "preparing a submission broke off");
                error.id()
            }
        };
        self.claimed.remove(&id);
    }

    /// Waits a while for those under way; gives what is not done then.
    async fn end(mut self) -> Vec<SubmissionId> {
        let ending = async {
            while let Some(done) = self.tasks.join_next_with_id().await {
                self.done(done);
            }
        };
        let _ = tokio::time::timeout(DRAIN, ending).await;
        self.tasks.shutdown().await;
        self.claimed
            .into_values()
            .map(|claimed| claimed.id)
            .collect()
    }
}

/// Waits until more may wait to be prepared, or it is time to look.
async fn until_news(tail: &mut Option<Tail>) {
    let news = async {
        tokio::time::sleep(LOOK_AGAIN).await;
        match tail {
            Some(open) => {
                if open.next().await.is_none() {
                    *tail = None;
                }
            }
            None => std::future::pending().await,
        }
    };
    let _ = tokio::time::timeout(LOOK_EVERY, news).await;
}
