//! Looks at the service: the counts of its store, and what goes on at the moment.

use std::sync::Arc;

use model::metrics::service::Queue;
use model::{Clock, TenantId};
use observe::metrics::service::QueueFigures;
use store::submissions::ReportBacklog;
use store::{Preparation, Submissions};

use super::awaited::Awaited;
use super::router::Service;
use super::source::{FiguresSource, Making, NodeNow, lanes_of_all};
use super::traffic::{Facts, Traffic};

/// Where traffic is seen.
#[derive(Clone)]
pub(super) struct Sources {
    submissions: Arc<dyn Submissions>,
    preparation: Option<Arc<dyn Preparation>>,
    figures: Arc<dyn FiguresSource>,
    awaited: Arc<Awaited>,
    clock: Clock,
}

impl Sources {
    pub(super) fn new(service: &Service) -> Self {
        let (directory, figures) = (&service.directory, &service.figures);
        Self {
            submissions: Arc::clone(&service.submissions),
            preparation: service.preparation.clone(),
            figures: Arc::clone(figures),
            awaited: Arc::new(Awaited::new(Arc::clone(directory), Arc::clone(figures))),
            clock: service.clock.clone(),
        }
    }

    /// The traffic of one tenant, or of all.
    pub(super) async fn look(&self, tenant: Option<&TenantId>) -> store::Result<Traffic> {
        let mut facts = self.facts().await?;
        if let Some(tenant) = tenant {
            facts.only(tenant);
        }
        Ok(Traffic::of(&facts))
    }

    /// What there is to be seen.
    pub(super) async fn facts(&self) -> store::Result<Facts> {
        let backlog = self.backlog().await?;
        let nodes = self.figures.nodes();
        Ok(Facts {
            counts: self.submissions.account_counts().await?,
            queues: self.queues_with(&nodes, &backlog).await?,
            backlog,
            lanes: lanes_of_all(&nodes),
            reporting: self.figures.reporting(),
            is_active: self.figures.is_active(),
            is_delivering: nodes.iter().any(NodeNow::delivers),
            at: self.clock.now(),
        })
    }

    /// The reports that somebody waits for.
    pub(super) async fn backlog(&self) -> store::Result<Vec<ReportBacklog>> {
        let mut backlog = self.submissions.report_backlog().await?;
        self.awaited.retain(&mut backlog).await?;
        Ok(backlog)
    }

    /// How much waits in each queue of the installation.
    pub(super) async fn queues(
        &self,
        backlog: &[ReportBacklog],
    ) -> store::Result<Vec<QueueFigures>> {
        self.queues_with(&self.figures.nodes(), backlog).await
    }

    async fn queues_with(
        &self,
        nodes: &[NodeNow],
        backlog: &[ReportBacklog],
    ) -> store::Result<Vec<QueueFigures>> {
        let making = match &self.preparation {
            Some(preparation) => {
                let unprepared = preparation.waiting_unprepared(self.clock.now()).await?;
                Making {
                    count: unprepared.count,
                    oldest_at: unprepared.first_due_at,
                }
            }
            // Where nobody prepares ahead, it is what is being made at the moment.
            None => {
                let making = nodes.iter().map(|node| node.making);
                making.fold(Making::default(), Making::and)
            }
        };
        let waiting = self.submissions.waiting().await?;
        Ok(vec![
            QueueFigures {
                queue: Queue::Process,
                depth: making.count,
                oldest_at: making.oldest_at,
            },
            QueueFigures {
                queue: Queue::Deliver,
                depth: waiting.count,
                oldest_at: waiting.first_due_at,
            },
            QueueFigures {
                queue: Queue::Webhook,
                depth: backlog.iter().map(|of| of.count).sum(),
                oldest_at: backlog.iter().map(|of| of.oldest_at).min(),
            },
        ])
    }
}
