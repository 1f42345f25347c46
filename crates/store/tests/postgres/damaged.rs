//! Rows that another hand, or a failing disk, made unreadable: each costs one message, not its lane.

use std::collections::HashSet;

use model::account::AccountPk;
use model::{EventKind, MessageState, Seq, Timestamp};
use store::postgres::{Address, Settings};
use store::{Due, KeySource, LaneKey, Lease, PostgresStore, Store, StoreError, Submissions};

use crate::cluster::{Cluster, Database, Options};
use crate::support::directory::tenant_id;
use crate::support::submissions::{mail, settle};
use crate::support::{accept, begin, second, whole_log};
use crate::{open, runtime};

const HOUR_S: u64 = 60 * 60;

/// What makes the row of a message unreadable, and what is said of it.
const DAMAGES: [(&str, &str); 3] = [
    ("address = 'nobody'", "the address has no @"),
    ("attempts = -1", "out of range"),
    ("attempts = 5000000000", "out of range"),
];

fn damage(database: &Database<'_>, seq: Seq, change: &str) {
    let seq = seq.get();
    database.sql(&format!("UPDATE messages SET {change} WHERE seq = {seq}"));
}

async fn due(store: &PostgresStore, lease: &Lease, limit: usize) -> Result<Due, StoreError> {
    store.due(lease, second(9), limit, &HashSet::new()).await
}

fn seqs(due: &Due) -> Vec<Seq> {
    due.messages.iter().map(|message| message.seq).collect()
}

/// A service with an account that has one lane, and mail to so many people, in one submission each.
async fn service(
    database: &Database<'_>,
    count: usize,
) -> (PostgresStore, AccountPk, Lease, Vec<Seq>) {
    let settings = Settings {
        shards: 1,
        ..Settings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let address = Address::parse(database.address()).unwrap();
    let store =
        PostgresStore::open_with_key(&address, folder.path(), &KeySource::File, settings).await;
    let store = store.unwrap();
    let account = settle(&store, "acme").await;
    let batch = (0..count).map(|number| mail("acme", &format!("m{number}"), &["ada@example.org"]));
    store.submit(batch.collect()).await.unwrap();
    let lease = store.lease(LaneKey::account(account)).await.unwrap();
    let all = due(&store, &lease, count).await.unwrap();
    (store, account, lease, seqs(&all))
}

async fn assert_balanced(store: &PostgresStore, lease: &Lease) {
    let books = store.books(lease.lane).await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books, store.count_books(lease.lane).await.unwrap());
}

#[test]
fn a_damaged_row_costs_its_message_and_not_its_lane() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let count = DAMAGES.len() + 2;
        let (store, account, lease, all) = service(&database, count).await;
        for (seq, (change, _)) in all.iter().zip(DAMAGES) {
            damage(&database, *seq, change);
        }
        let sound = &all[DAMAGES.len()..];
        assert_eq!(seqs(&due(&store, &lease, count).await.unwrap()), sound);
        // Readers of the log stumble over none of them.
        let log = whole_log(&store).await;
        for (seq, (_, what)) in all.iter().zip(DAMAGES) {
            let last = log.iter().rfind(|logged| logged.event.message == *seq);
            let event = &last.unwrap().event;
            assert_eq!(event.kind, EventKind::Dropped);
            let reason = event.reason.as_deref().unwrap();
            let start = format!("damaged: message {}: ", seq.get());
            assert!(reason.starts_with(&start), "{reason}");
            assert!(reason.contains(what), "{reason} says {what}");
        }
        assert_balanced(&store, &lease).await;
        let books = store.books(lease.lane).await.unwrap();
        assert_eq!((books.dropped, books.queued), (3, 2));
        let counts = store.account_counts().await.unwrap();
        let counts = counts.iter().find(|one| one.account == account).unwrap();
        assert_eq!((counts.errors, counts.pending()), (3, 2));
        assert_eq!(store.pending(&tenant_id("acme"), None).await.unwrap(), 2);
    });
}

#[test]
fn what_is_behind_many_damaged_rows_is_due() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, _, lease, all) = service(&database, 20).await;
        for seq in &all[..17] {
            damage(&database, *seq, "address = ''");
        }
        for limit in [1, 2] {
            let found = seqs(&due(&store, &lease, limit).await.unwrap());
            assert_eq!(found, all[17..17 + limit]);
        }
        assert_eq!(store.books(lease.lane).await.unwrap().dropped, 17);
        assert_balanced(&store, &lease).await;
    });
}

/// A message that is of no submission any more: its end cannot be counted anywhere.
#[test]
fn a_row_that_nothing_can_be_recorded_of_is_left_alone_for_an_hour() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, _, lease, all) = service(&database, 3).await;
        damage(&database, all[0], "submission = NULL, address = 'x'");
        for _ in 0..2 {
            let found = due(&store, &lease, 3).await.unwrap();
            assert_eq!(seqs(&found), all[1..]);
            assert_eq!(found.next_at, Some(second(9 + HOUR_S)));
        }
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 3);
        assert_balanced(&store, &lease).await;
        // Until it can be read again.
        let change = format!("submission = {}, address = 'x@y.org'", all[0].get());
        damage(&database, all[0], &change);
        let later: Timestamp = second(9 + HOUR_S);
        let found = store.due(&lease, later, 3, &HashSet::new()).await.unwrap();
        assert_eq!(found.messages.len(), 3);
    });
}

#[test]
fn a_message_without_its_template_is_dropped() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&store, &campaign, "ada", 4).await;
        damage(&database, all[1], "content = 77");
        let found = due(&store, &lease, 9).await.unwrap();
        assert_eq!(seqs(&found), [all[0], all[2], all[3]]);
        let dropped = store.message(all[1]).await.unwrap().unwrap();
        assert_eq!(dropped.state, MessageState::Dropped);
        assert_balanced(&store, &lease).await;
    });
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
        damage(&database, all[2], "data = repeat('long', 2000)");
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
            let found = due(&store, &lease, limit).await.unwrap();
            let others = [all[0], all[1], all[3], all[4]];
            assert_eq!(seqs(&found), others[..limit.min(4)]);
        }
        let found = due(&store, &lease, 9).await.unwrap();
        assert_eq!(found.next_at, Some(second(9 + HOUR_S)));
        assert_eq!(store.books(lease.lane).await.unwrap().queued, 5);
    });
}
