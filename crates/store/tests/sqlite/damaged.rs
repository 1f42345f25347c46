//! Damage that only a file lets happen: see the contract for that which costs one message, not its lane.

use std::collections::HashSet;

use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::{SqliteStore, Store, StoreError};

use crate::runtime;
use crate::support::{accept, begin, second};

#[test]
fn a_run_without_its_template_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        accept(&store, &campaign, "ada", 3).await;
        let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM contents")
            .unwrap();
        let due = store.due(&lease, second(9), 9, &HashSet::new()).await;
        assert!(matches!(due, Err(StoreError::Damaged(_))), "{due:?}");
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 3);
    });
}
