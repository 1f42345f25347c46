//! Looks that nobody waits for any more.

use std::time::{Duration, Instant};

use store::{Directory, Store};

use crate::cluster::Cluster;
use crate::{another_hand, open, runtime};

/// How long a look waits that is given up.
const PATIENCE: Duration = Duration::from_millis(300);

/// As many as there are sessions to look with, and more.
const LOOKS: usize = 6;

#[test]
fn whoever_hangs_up_leaves_no_session_behind_that_is_busy() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let client = another_hand(&database).await;
        let lock = "BEGIN; LOCK TABLE commands IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await.unwrap();
        let looks = (0..LOOKS).map(|_| tokio::time::timeout(PATIENCE, store.command(1)));
        for look in futures_util::future::join_all(looks).await {
            assert!(look.is_err(), "{look:?}");
        }
        let asked = Instant::now();
        assert!(store.campaigns(None, 9).await.unwrap().is_empty());
        assert!(asked.elapsed() < Duration::from_secs(2));
        client.batch_execute("COMMIT").await.unwrap();
        assert_eq!(store.command(1).await.unwrap(), None);
    });
}
