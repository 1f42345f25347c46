//! How the server finds rows: by an index, also where it plans while a table is small enough to be gone through. It keeps its
//! plans until it has counted the rows anew, and meanwhile a table may have grown by a million.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use model::{EventKind, Seq};
use store::postgres::Settings;
use store::{Campaign, PostgresStore, Store, Submissions};

use crate::cluster::{Cluster, Database};
use crate::support::directory::given_key;
use crate::support::submissions::{mail, settle};
use crate::support::{accept, begin, event, second, stored, whole_log};
use crate::{TOLD_MAX, open, open_with_key, runtime, until_all_is_told};

/// How often tables were gone through that grow with the mail, and how often an index of them was looked into.
fn looks(database: &Database<'_>) -> (u64, u64) {
    let told = database.sql(
        "SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_user_tables \
         WHERE relname IN ('messages', 'troubled', 'contents', 'books') OR relname LIKE 'events%'",
    );
    let (whole, by_index) = told.trim().split_once('|').unwrap();
    (whole.parse().unwrap(), by_index.parse().unwrap())
}

#[test]
fn mail_is_looked_for_by_index_though_there_is_little_of_it() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        accept(&store, &campaign, "first", 3).await;
        database.sql("VACUUM ANALYZE");
        let (before, _) = looks(&database);
        for round in 0..10 {
            let seqs = accept(&store, &campaign, &format!("round{round}-"), 3).await;
            let kinds = [
                EventKind::Delivered,
                EventKind::Deferred,
                EventKind::Bounced,
            ];
            let mut batch = Vec::new();
            for (&seq, kind) in seqs.iter().zip(kinds) {
                batch.push(event(&stored(&store, seq).await, kind));
            }
            assert_eq!(store.record(&lease, batch).await.unwrap(), 0);
            let again = store.retry_failed(&lease, Seq::new(i64::MAX), 9, second(2));
            assert_eq!(again.await.unwrap(), 1);
            let due = store.due(&lease, second(9), 2, &HashSet::new()).await;
            assert_eq!(due.unwrap().messages.len(), 2);
            store.queued(campaign.lane, Seq::START, 9).await.unwrap();
            store.messages(campaign.lane, Seq::START, 9).await.unwrap();
            let part = store.events_after(Seq::START, Some(campaign.lane), 9).await;
            assert_eq!(part.unwrap().len(), 9);
            whole_log(&store).await;
        }
        drop((store, lease));
        let asked = Instant::now();
        loop {
            let (whole, by_index) = looks(&database);
            assert_eq!(whole, before, "a table was gone through");
            if by_index > 500 {
                break;
            }
            assert!(asked.elapsed() < TOLD_MAX, "{by_index} looks");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

/// How many rows of a table were fetched by an index, as far as sessions have told it.
fn fetched(database: &Database<'_>, table: &str) -> u64 {
    let told = database.sql(&format!(
        "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = '{table}'"
    ));
    told.trim().parse().unwrap()
}

#[test]
fn a_list_that_is_read_again_is_looked_up_address_by_address() {
    const ALL: usize = 10_000;
    const BATCH: usize = 500;
    let database = Cluster::shared().database();
    let all = async |store: &dyn Store, campaign: &Campaign| {
        for batch in 0..ALL / BATCH {
            accept(store, campaign, &format!("batch{batch}-"), BATCH).await;
        }
    };
    runtime().block_on(async {
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        all(&store, &campaign).await;
        // With plans of an empty table, and with those of a full one.
        all(&store, &campaign).await;
        drop(store);
        database.sql("VACUUM ANALYZE");
        let store = open(database.address()).await.unwrap();
        all(&store, &campaign).await;
        drop(store);
    });
    let (asked, expected) = (Instant::now(), 2 * ALL as u64);
    while fetched(&database, "messages") < expected {
        assert!(asked.elapsed() < TOLD_MAX, "it is not told");
        std::thread::sleep(Duration::from_millis(50));
    }
    let looked_at = fetched(&database, "messages");
    assert!(looked_at <= 2 * expected, "{looked_at} rows");
}

#[test]
fn a_submission_is_looked_up_by_its_id_however_many_its_tenant_has() {
    const ALL: usize = 5_000;
    const LOOKS: u64 = 20;
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open_with_key(&database, &given_key(), Settings::default()).await;
        settle(&store, "shop").await;
        // What is planned while there is little is kept.
        for number in ALL..ALL + 9 {
            let few = mail("shop", &format!("m{number}"), &["ada@reed.example"]);
            store.submit(vec![few]).await.unwrap();
        }
        database.sql("VACUUM ANALYZE");
        for number in 0..9 {
            ask(&store, number).await;
        }
        let all = (0..ALL).map(|number| mail("shop", &format!("m{number}"), &["ada@reed.example"]));
        for batch in all.collect::<Vec<_>>().chunks(500) {
            store.submit(batch.to_vec()).await.unwrap();
        }
        for number in 0..LOOKS {
            ask(&store, number).await;
        }
        drop(store);
    });
    until_all_is_told(&database);
    let looked_at = fetched(&database, "submissions");
    assert!(looked_at >= 2 * LOOKS, "nothing was looked up");
    assert!(looked_at <= 20 * LOOKS, "{looked_at} rows");
}

/// Hands a submission over again, asks whether it is open, and takes it back.
async fn ask(store: &PostgresStore, number: u64) {
    let again = mail("shop", &format!("m{number}"), &["ada@reed.example"]);
    let (tenant, id) = (again.tenant.clone(), again.client_id.clone());
    store.submit(vec![again]).await.unwrap();
    let open = store.open_numbers(&tenant, vec![id.clone()]).await;
    assert!(open.unwrap()[0].is_some());
    let removed = store.remove(&tenant, vec![id], second(9)).await;
    assert_eq!(removed.unwrap(), [true]);
}
