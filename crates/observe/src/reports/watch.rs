//! Sees by the log who has something to be told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{EventKind, LaneId, TenantId};
use store::{Directory, LogBatch, Submissions, Tail};

use super::board::Board;

/// Lanes whose tenant is kept in memory. With more, all are looked up again.
const LANES_MAX: usize = 10_000;

/// Wakes the tenants whose messages change. It never slows what it follows: what it misses is found by the next look.
pub(super) struct Watch {
    submissions: Arc<dyn Submissions>,
    directory: Arc<dyn Directory>,
    tail: Tail,
    board: Arc<Board>,
    /// Whose a lane is; `None` for a campaign's.
    tenants: HashMap<LaneId, Option<TenantId>>,
}

impl Watch {
    pub fn new(
        submissions: Arc<dyn Submissions>,
        directory: Arc<dyn Directory>,
        tail: Tail,
        board: Arc<Board>,
    ) -> Self {
        Self {
            submissions,
            directory,
            tail,
            board,
            tenants: HashMap::new(),
        }
    }

    /// Watches until the store is closed.
    pub async fn run(mut self) {
        let board = Arc::clone(&self.board);
        while let Some(batch) = self.tail.next().await {
            for lane in changed_lanes(&batch) {
                if let Some(tenant) = self.tenant(lane).await {
                    board.wake(tenant);
                }
            }
        }
    }

    async fn tenant(&mut self, lane: LaneId) -> Option<&TenantId> {
        if !self.tenants.contains_key(&lane) {
            let tenant = match self.look_up(lane).await {
                Ok(tenant) => tenant,
                Err(error) => {
                    tracing::debug!(lane = lane.0, %error, "whose lane it is could not be looked up");
                    return None;
                }
            };
            if self.tenants.len() >= LANES_MAX {
                self.tenants.clear();
            }
            self.tenants.insert(lane, tenant);
        }
        self.tenants.get(&lane)?.as_ref()
    }

    async fn look_up(&self, lane: LaneId) -> store::Result<Option<TenantId>> {
        let Some(pk) = self.submissions.lane_account(lane).await? else {
            return Ok(None);
        };
        let known = self.directory.account_by_pk(pk).await?;
        Ok(known.map(|known| known.account.tenant))
    }
}

/// The lanes of submissions that something happened to, each once.
fn changed_lanes(batch: &LogBatch) -> HashSet<LaneId> {
    let mut lanes = HashSet::new();
    let mut last = None;
    for logged in &batch.events {
        let lane = logged.event.lane;
        let is_news = logged.event.kind != EventKind::Accepted && last != Some(lane);
        if is_news && logged.message.content.submission().is_some() {
            lanes.insert(lane);
            last = Some(lane);
        }
    }
    lanes
}
