//! Looks through the directory and the backlog now and then: who is called, what waits, what is too old.

use std::collections::HashSet;
use std::sync::Arc;

use model::{Clock, Tenant, TenantId};
use store::submissions::Channel;
use store::{Directory, Store, StoreError, Submissions};

use super::board::Board;
use super::call::saved_quiet;
use super::{ReportSettings, Target};

/// Tenants read at once.
const TENANTS: usize = 500;
/// Reports given up at once, and the most of such batches in one look.
const EXPIRED: usize = 1_000;
const EXPIRED_BATCHES_MAX: usize = 100;

/// Keeps the board in line with the directory and the backlog.
pub(super) struct Look {
    pub submissions: Arc<dyn Submissions>,
    pub directory: Arc<dyn Directory>,
    pub store: Arc<dyn Store>,
    pub settings: ReportSettings,
    pub clock: Clock,
    pub board: Arc<Board>,
}

impl Look {
    /// Looks until the store is closed.
    pub async fn run(self) {
        let mut is_in_trouble = false;
        loop {
            match self.look().await {
                Ok(()) => is_in_trouble = false,
                Err(StoreError::Closed) => return,
                Err(error) => {
                    if !std::mem::replace(&mut is_in_trouble, true) {
                        tracing::warn!(%error, "the backlog of delivery reports cannot be looked at; it goes on trying");
                    }
                }
            }
            tokio::time::sleep(self.settings.look).await;
        }
    }

    async fn look(&self) -> store::Result<()> {
        self.look_at_tenants().await?;
        self.expire().await?;
        let backlog = self.submissions.report_backlog().await?;
        self.board.set_backlog(backlog);
        Ok(())
    }

    async fn look_at_tenants(&self) -> store::Result<()> {
        let mut seen = HashSet::new();
        let mut last: Option<TenantId> = None;
        // The tenants without a URL share an application: one of them is enough for its heartbeat.
        let mut has_shared = self.settings.fallback.is_none();
        loop {
            let page = self.directory.tenants(last.as_ref(), TENANTS).await?;
            let count = page.len();
            for tenant in page {
                let is_own = Target::own(&tenant).is_some();
                let is_called = tenant.is_active && (is_own || !has_shared);
                has_shared |= is_called && !is_own;
                self.look_at(&tenant, is_called).await?;
                if tenant.is_active && tenant.webhook.is_some() {
                    self.board.open_webhook(&tenant.id);
                    seen.insert((tenant.id.clone(), Channel::Webhook));
                }
                last = Some(tenant.id.clone());
                seen.insert((tenant.id, Channel::Sync));
            }
            if count < TENANTS {
                break;
            }
        }
        self.board.retain(|way| seen.contains(way));
        Ok(())
    }

    async fn look_at(&self, tenant: &Tenant, is_called: bool) -> store::Result<()> {
        if is_called && !self.board.is_loaded(&tenant.id) {
            let quiet_until = saved_quiet(&*self.store, &tenant.id).await?;
            self.board.load(&tenant.id, quiet_until);
        }
        let target = Target::of(tenant, self.settings.fallback.as_ref());
        self.board.set_target(&tenant.id, target.is_some());
        self.board.set_heartbeat(&tenant.id, is_called);
        Ok(())
    }

    async fn expire(&self) -> store::Result<()> {
        let before = self.clock.now() - self.settings.retention;
        let mut expired = 0;
        for _ in 0..EXPIRED_BATCHES_MAX {
            let count = self.submissions.expire_reports(before, EXPIRED).await?;
            expired += count;
            if count < EXPIRED {
                break;
            }
        }
        if expired > 0 {
            self.board.count_expired(expired);
            let retention_s = self.settings.retention.as_secs();
            tracing::warn!(
                expired,
                retention_s,
                "delivery reports that nobody took were given up"
            );
        }
        Ok(())
    }
}
