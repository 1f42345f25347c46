//! Statistics of a data file: one that has none yet, and two processes on one.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use model::{EventKind, Timestamp};
use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::statistics::{Each, KindCounts, Rebuilt, Span};
use store::{
    LaneKey, SqliteStore, Statistics, StatisticsQuery, Store, StoreError, Submissions, Submitted,
};

use crate::support::directory::given_key;
use crate::support::submissions::{mail, settle};
use crate::support::{START, event, fast_folder, runtime, second, stored};

const NEVER: Timestamp = Timestamp::from_millis(0);
const ALWAYS: Timestamp = Timestamp::from_millis(i64::MAX);

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open_with_key(folder, &given_key()).unwrap()
}

/// Three messages, of which one is delivered and one taken back.
async fn fill(store: &SqliteStore) {
    let pk = settle(store, "acme").await;
    let new = |id: &str| mail("acme", id, &["ada@example.org"]);
    let answers = store.submit(["1", "2", "3"].map(new).to_vec()).await;
    let Submitted::New(first) = answers.unwrap()[0] else {
        panic!("it is new");
    };
    let lease = store.lease(LaneKey::account(pk)).await.unwrap();
    for (seq, kind) in [
        (first.0, EventKind::Delivered),
        (first.0.next(), EventKind::Cancelled),
    ] {
        let message = stored(store, seq).await;
        let recorded = store.record(&lease, vec![event(&message, kind)]).await;
        assert_eq!(recorded.unwrap(), 0);
    }
    store.release(lease).await.unwrap();
}

fn everything() -> StatisticsQuery {
    StatisticsQuery {
        from: NEVER,
        until: ALWAYS,
        by: Span::Month,
        tenant: None,
        account: None,
        each: Each::Total,
    }
}

async fn total(store: &SqliteStore) -> KindCounts {
    let rows = store.statistics(everything()).await.unwrap();
    rows.first().map(|row| row.counts).unwrap_or_default()
}

#[test]
fn of_a_file_from_before_everything_is_counted_that_its_log_holds() {
    let folder = fast_folder();
    runtime().block_on(async {
        fill(&open(folder.path())).await;
        let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        file.execute_batch(
            "DROP TABLE statistics; DROP TABLE statistics_progress; DROP TABLE forgotten_events; \
             PRAGMA user_version = 3",
        )
        .unwrap();
        drop(file);
        let store = open(folder.path());
        assert_eq!(total(&store).await, KindCounts::default());
        assert!(store.counted_to().await.unwrap().is_behind());
        assert!(!store.roll_up(100).await.unwrap().is_behind);
        let total = total(&store).await;
        let counted = [
            EventKind::Accepted,
            EventKind::Delivered,
            EventKind::Cancelled,
        ];
        assert_eq!(counted.map(|kind| total.of(kind)), [3, 1, 1]);
    });
}

#[test]
fn hours_that_another_process_counts_anew_are_left_to_it() {
    let folder = fast_folder();
    runtime().block_on(async {
        let store = open(folder.path());
        fill(&store).await;
        store.roll_up(100).await.unwrap();
        let other = File::create(folder.path().join("statistics.lock")).unwrap();
        other.lock().unwrap();
        let refused = store.rebuild(NEVER, ALWAYS).await;
        assert!(
            matches!(refused, Err(StoreError::Refused(_))),
            "{refused:?}"
        );
        assert_eq!(store.expire_statistics(ALWAYS, 9).await.unwrap(), 0);
        // Everything else goes on.
        let new = mail("acme", "4", &["ada@example.org"]);
        store.submit(vec![new]).await.unwrap();
        assert!(!store.roll_up(100).await.unwrap().is_behind);
        assert_eq!(total(&store).await.of(EventKind::Accepted), 4);
        drop(other);
        let all = Rebuilt {
            counted: 6,
            corrected: 0,
        };
        assert_eq!(store.rebuild(NEVER, ALWAYS).await.unwrap(), all);
        assert_eq!(store.expire_statistics(second(9), 9).await.unwrap(), 3);
    });
}

/// One row that holds what it must not keeps nothing else from being counted.
#[test]
fn a_damaged_row_counts_in_the_first_hour_of_all() {
    let folder = fast_folder();
    runtime().block_on(async {
        let store = open(folder.path());
        fill(&store).await;
        let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let damage = "UPDATE messages SET accepted_at = 'today' WHERE seq = 1; \
                      UPDATE events SET at = 'now' WHERE seq = 4";
        file.execute_batch(damage).unwrap();
        store.roll_up(100).await.unwrap();
        let from = StatisticsQuery {
            from: START - Duration::from_secs(3_600),
            ..everything()
        };
        let right = store.statistics(from).await.unwrap();
        assert_eq!(right[0].counts.of(EventKind::Accepted), 2);
        assert_eq!(right[0].counts.of(EventKind::Delivered), 0);
        let all = store.statistics(everything()).await.unwrap();
        assert_eq!(all[0].from, NEVER);
        assert_eq!(all[0].counts.of(EventKind::Accepted), 1);
        assert_eq!(all[0].counts.of(EventKind::Delivered), 1);
        assert_eq!(store.rebuild(NEVER, ALWAYS).await.unwrap().corrected, 0);
    });
}
