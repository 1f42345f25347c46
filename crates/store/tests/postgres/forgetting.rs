//! What is old is forgotten as it is then, not as it was when it was looked for.

use std::sync::Arc;
use std::time::Duration;

use store::postgres::Settings;
use store::{Store, Submissions, Submitted};

use crate::cluster::Cluster;
use crate::support::directory::given_key;
use crate::support::second;
use crate::support::submissions::{mail, settle};
use crate::{another_hand, open_with_key, runtime};

/// Something happens to old mail between the look for it and the turn in which it is forgotten.
#[test]
fn what_happened_while_a_turn_was_waited_for_is_not_forgotten() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open_with_key(&database, &given_key(), Settings::default()).await;
        let store = Arc::new(store);
        settle(&*store, "acme").await;
        let handed_over = store.submit(vec![mail("acme", "old", &["ada@example.org"])]);
        let [Submitted::New(id)] = handed_over.await.unwrap()[..] else {
            panic!("it is new")
        };
        database.sql("UPDATE submissions SET open = 0, finished_at = 1");
        let end = store.end_of_log().await.unwrap();
        let holding = another_hand(&database).await;
        let lock = "BEGIN; SELECT pg_advisory_xact_lock('log'::regclass::bigint)";
        holding.batch_execute(lock).await.unwrap();
        let cleaning = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.clean_up_to(end, second(100), 9).await.unwrap() }
        });
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while database.sql(waiting) == "0" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let late = format!("UPDATE messages SET last_event = {} + 1; COMMIT", end.get());
        holding.batch_execute(&late).await.unwrap();
        assert_eq!(cleaning.await.unwrap(), 0);
        assert_eq!(store.summaries(vec![id]).await.unwrap().len(), 1);
        let then = store.clean_up_to(end.next(), second(100), 9);
        assert_eq!(then.await.unwrap(), 1);
    });
}
