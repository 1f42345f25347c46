//! A campaign's run to measure.

use model::Timestamp;
use store::{Campaign, LaneKey, NewCampaign, SqliteStore, Store};

use crate::support::Outcome;

/// A new run.
pub async fn begin(store: &SqliteStore) -> Outcome<Campaign> {
    let content = store.put_content(vec![b'x'; 4096]).await?;
    let new = NewCampaign {
        job_id: "cost".to_owned(),
        identity: "cost".to_owned(),
        name: None,
        content,
        settings: "{}".to_owned(),
        at: Timestamp::from_millis(1_795_355_000_000),
    };
    let lease = store.lease(LaneKey::beginning(&new.identity)).await?;
    Ok(store.begin_campaign(&lease, new).await?)
}
