//! Damage that only a server lets happen: see the contract for that which costs one message, not its lane.

use std::collections::HashSet;

use model::Seq;
use store::{Due, Lease, PostgresStore, Store};

use crate::cluster::{Cluster, Options};
use crate::support::{accept, begin, second};
use crate::{open, runtime};

const HOUR_S: u64 = 60 * 60;

async fn due(store: &PostgresStore, lease: &Lease, limit: usize) -> Due {
    let due = store.due(lease, second(9), limit, &HashSet::new()).await;
    due.unwrap()
}

/// What the server answers then is of no row: it refuses the whole look.
#[test]
fn a_row_whose_blocks_are_gone_is_left_alone_and_the_others_are_due() {
    let cluster = Cluster::with(Options::default());
    let database = cluster.database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let all = accept(&store, &campaign, "ada", 5).await;
        drop(store);
        // It is kept in a table of its own, which loses its blocks while the server is away.
        database.sql("ALTER TABLE messages ALTER data SET STORAGE EXTERNAL");
        let seq = all[2].get();
        database.sql(&format!("UPDATE messages SET data = repeat('long', 2000) WHERE seq = {seq}"));
        database.sql("CHECKPOINT");
        database.sql(
            "DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat >&- <&-; truncate -s 0 ' \
             || pg_relation_filepath(reltoastrelid)) FROM pg_class WHERE oid = 'messages'::regclass; END $$",
        );
        cluster.stop();
        cluster.start();

        let store = open(database.address()).await.unwrap();
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        for limit in [2, 9] {
            let found = due(&store, &lease, limit).await;
            let others = [all[0], all[1], all[3], all[4]];
            let seqs: Vec<Seq> = found.messages.iter().map(|message| message.seq).collect();
            assert_eq!(seqs, others[..limit.min(4)]);
        }
        let found = due(&store, &lease, 9).await;
        assert_eq!(found.next_at, Some(second(9 + HOUR_S)));
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 5);
    });
}
