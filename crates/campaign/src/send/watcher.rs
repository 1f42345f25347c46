//! Who watches a run from its beginning: a dashboard.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use store::Campaign;

use super::desk::Desk;
use crate::error::CampaignError;

/// Somebody who watches runs from their beginning.
#[async_trait]
pub trait Watcher: Send + Sync {
    /// The run exists, or is taken up again, and nothing is sent yet; sending begins when this returns. An error ends
    /// the run before that.
    async fn begun(&self, run: &Campaign, desk: Arc<Desk>) -> Result<(), CampaignError>;

    /// The run came to an end, also early: the last figures are to be shown. Called again at the end of a run that
    /// went on after its end.
    async fn ended(&self);

    /// How long after its end the run is still watched.
    fn linger(&self) -> Duration;
}
