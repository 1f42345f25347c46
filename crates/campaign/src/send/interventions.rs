//! What was written down about interventions in a run.

use model::{Control, ControlAction, LaneId, Seq};
use store::{Store, StoreError};

/// Interventions read at once.
const PAGE: usize = 1_000;

/// The latest intervention of a kind.
pub(super) async fn latest(
    store: &dyn Store,
    campaign: LaneId,
    action: ControlAction,
) -> Result<Option<Control>, StoreError> {
    let (mut cursor, mut latest) = (Seq::START, None);
    loop {
        let page = store.controls_after(cursor, campaign, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(latest);
        };
        cursor = last.seq;
        let mut from_the_end = page.into_iter().rev();
        latest = from_the_end
            .find(|control| control.action == action)
            .or(latest);
    }
}
