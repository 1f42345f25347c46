//! Operations that were answered too late: who asked does so again, and nothing happens twice.

use model::EventKind;
use store::Store;

use crate::cluster::Cluster;
use crate::support::{accept, begin, event, facts, stored, whole_log};
use crate::{open, runtime};

#[test]
fn outcomes_that_are_recorded_again_count_once() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&store, &campaign, "ada", 3).await;
        let mut batch = Vec::new();
        for (&seq, kind) in seqs.iter().zip([EventKind::Delivered, EventKind::Deferred]) {
            batch.push(event(&stored(&store, seq).await, kind));
        }
        assert_eq!(store.record(&lease, batch.clone()).await.unwrap(), 0);
        let log = facts(&whole_log(&store).await);
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!(store.record(&lease, batch.clone()).await.unwrap(), 2);
        assert_eq!(facts(&whole_log(&store).await), log);
        assert_eq!(store.books(campaign.lane).await.unwrap(), books);

        // Beside what is new, and for the next attempt.
        batch.push(event(&stored(&store, seqs[2]).await, EventKind::Bounced));
        batch.push(event(&stored(&store, seqs[1]).await, EventKind::Deferred));
        assert_eq!(store.record(&lease, batch).await.unwrap(), 2);
        assert_eq!(stored(&store, seqs[1]).await.attempts, 2);
        let kinds: Vec<EventKind> = facts(&whole_log(&store).await)[log.len()..]
            .iter()
            .map(|fact| fact.2)
            .collect();
        assert_eq!(kinds, [EventKind::Bounced, EventKind::Deferred]);
    });
}
