//! Which reports wait for somebody, by the directory: it is the same in every process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::TenantId;
use store::Directory;
use store::submissions::{Channel, ReportBacklog};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::source::FiguresSource;

/// How long it is kept who has an application.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// Tenants read at once.
const TENANTS: usize = 500;

/// Knows for a while who has an application.
pub(super) struct Awaited {
    directory: Arc<dyn Directory>,
    figures: Arc<dyn FiguresSource>,
    known: Mutex<Option<(Instant, Ways)>>,
}

/// On which channels the reports of each tenant wait for somebody.
type Ways = HashMap<TenantId, Vec<Channel>>;

impl Awaited {
    pub(super) fn new(directory: Arc<dyn Directory>, figures: Arc<dyn FiguresSource>) -> Self {
        Self {
            directory,
            figures,
            known: Mutex::default(),
        }
    }

    /// Leaves of a backlog only the reports that wait for somebody.
    pub(super) async fn retain(&self, backlog: &mut Vec<ReportBacklog>) -> store::Result<()> {
        if backlog.is_empty() {
            return Ok(());
        }
        let mut known = self.known.lock().await;
        let ways = match known.take() {
            Some((at, ways)) if at.elapsed() < KEPT_FOR && has_all(&ways, backlog) => (at, ways),
            _ => (Instant::now(), self.look().await?),
        };
        let (_, ways) = known.insert(ways);
        backlog.retain(|of| {
            let channels = ways.get(&of.tenant);
            channels.is_some_and(|channels| channels.contains(&of.channel))
        });
        Ok(())
    }

    async fn look(&self) -> store::Result<Ways> {
        let mut ways = Ways::new();
        let mut last: Option<TenantId> = None;
        loop {
            let page = self.directory.tenants(last.as_ref(), TENANTS).await?;
            for tenant in &page {
                let mut channels = vec![Channel::Sync, Channel::Webhook];
                channels.retain(|channel| self.figures.are_awaited(tenant, *channel));
                ways.insert(tenant.id.clone(), channels);
            }
            match page.into_iter().next_back() {
                Some(tenant) => last = Some(tenant.id),
                None => return Ok(ways),
            }
        }
    }
}

fn has_all(ways: &Ways, backlog: &[ReportBacklog]) -> bool {
    backlog.iter().all(|of| ways.contains_key(&of.tenant))
}
