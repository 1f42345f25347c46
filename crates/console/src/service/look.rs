//! Looks at the service: the counts of its store, and what goes on at the moment.

use std::sync::Arc;

use model::{Clock, TenantId};
use store::Submissions;

use super::source::FiguresSource;
use super::traffic::{Facts, Traffic};

/// Where traffic is seen.
#[derive(Clone)]
pub(super) struct Sources {
    pub(super) submissions: Arc<dyn Submissions>,
    pub(super) figures: Arc<dyn FiguresSource>,
    pub(super) clock: Clock,
}

impl Sources {
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
        let mut backlog = self.submissions.report_backlog().await?;
        self.figures.retain_awaited(&mut backlog);
        Ok(Facts {
            counts: self.submissions.account_counts().await?,
            backlog,
            lanes: self.figures.lanes(),
            reporting: self.figures.reporting(),
            is_active: self.figures.is_active(),
            at: self.clock.now(),
        })
    }
}
