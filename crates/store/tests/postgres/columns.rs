//! What a program reads goes on while a later one's schema adds columns, or an administrator changes one.

use std::collections::HashSet;

use model::{EventKind, Seq};
use store::directory::{CommandFilter, NewCommand};
use store::postgres::{Address, Settings};
use store::submissions::{Channel, FindSubmissions, SubmissionFilter};
use store::{
    Directory, LaneKey, NewNode, Nodes, PostgresStore, Store, StoreError, Submissions, Submitted,
};

use crate::cluster::{Cluster, Database};
use crate::runtime;
use crate::support::directory::{account_id, given_key, storage, tenant_id};
use crate::support::submissions::{mail, settle};
use crate::support::{event, second, stored, whole_log};

/// Adds a column to each table.
const LATER_SCHEMA: &str = "DO $$ DECLARE name TEXT; BEGIN \
     FOR name IN SELECT oid::regclass FROM pg_class \
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition LOOP \
         EXECUTE format('ALTER TABLE %s ADD COLUMN later BIGINT NOT NULL DEFAULT 7', name); \
     END LOOP; END $$";

/// A service that has a row of everything.
async fn service(database: &Database<'_>) -> (PostgresStore, Seq) {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::parse(database.address()).unwrap();
    let (key, settings) = (given_key(), Settings::default());
    let store = PostgresStore::open_with_key(&address, folder.path(), &key, settings).await;
    let store = store.unwrap();
    let account = settle(&store, "acme").await;
    store.put_storage(storage("acme", "files")).await.unwrap();
    let set = store.change_instance(Box::new(|_| Ok(())), second(1)).await;
    set.unwrap();
    let command = NewCommand {
        at: second(1),
        endpoint: "POST /tenant".into(),
        tenant: Some(tenant_id("acme")),
        payload: "{}".into(),
        response_status: 200,
        response: None,
    };
    store.log_command(command).await.unwrap();
    let new = mail("acme", "one", &["ada@example.org", "bob@example.org"]);
    let submitted = store.submit(vec![new]).await.unwrap();
    let Submitted::New(id) = submitted[0] else {
        panic!("{submitted:?}");
    };
    let lease = store.lease(LaneKey::account(account)).await.unwrap();
    let sent = event(&stored(&store, id.0).await, EventKind::Delivered);
    store.record(&lease, vec![sent]).await.unwrap();
    store.release(lease).await.unwrap();
    (store, id.0)
}

/// Reads all that there is, and says what it found.
async fn read(store: &PostgresStore, message: Seq) -> String {
    let acme = tenant_id("acme");
    let mut found = Vec::new();
    let mut note = |what: &dyn std::fmt::Debug| found.push(format!("{what:?}"));
    note(&store.tenant(&acme).await.unwrap());
    note(&store.tenants(None, 9).await.unwrap());
    let account = store.account(&acme, &account_id("main")).await.unwrap();
    note(&account);
    let account = account.unwrap().pk;
    note(&store.account_by_pk(account).await.unwrap());
    note(&store.accounts(Some(&acme), None, 9).await.unwrap());
    note(&store.accounts(None, None, 9).await.unwrap());
    note(&store.storages(&acme).await.unwrap());
    note(&store.instance().await.unwrap());
    note(&store.command(1).await.unwrap());
    let commands = CommandFilter {
        limit: 9,
        ..CommandFilter::default()
    };
    note(&store.commands(commands).await.unwrap());
    let all = SubmissionFilter {
        limit: 9,
        ..SubmissionFilter::default()
    };
    note(&store.submissions(all).await.unwrap());
    let any = FindSubmissions {
        limit: 9,
        look_at_max: 9,
        ..FindSubmissions::default()
    };
    note(&store.find_submissions(any).await.unwrap());
    note(
        &store
            .reports(&acme, Channel::Sync, Seq::START, 9)
            .await
            .unwrap(),
    );
    note(&store.account_counts().await.unwrap());
    note(&store.message(message).await.unwrap());
    note(&store.timeline(message).await.unwrap());
    note(&whole_log(store).await);
    let lease = store.lease(LaneKey::account(account)).await.unwrap();
    note(&store.books(lease.lane).await.unwrap());
    note(&store.messages(lease.lane, Seq::START, 9).await.unwrap());
    note(
        &store
            .due(&lease, second(9), 9, &HashSet::new())
            .await
            .unwrap(),
    );
    store.release(lease).await.unwrap();
    found.join("\n")
}

#[test]
fn a_program_reads_on_when_a_later_schema_has_more_columns() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, message) = service(&database).await;
        let node = || NewNode {
            host: "mail1".to_owned(),
            process: 1,
            roles: "api".to_owned(),
            version: "1.0.0".to_owned(),
            address: None,
            doing: "{}".to_owned(),
            started_at: second(1),
        };
        store.beat(node()).await.unwrap();
        let before = read(&store, message).await;
        database.sql(LATER_SCHEMA);
        assert_eq!(read(&store, message).await, before);
        assert_eq!(store.beat(node()).await.unwrap().len(), 1);
    });
}

/// A statement that was prepared before answers with columns of other types than it said it would.
#[test]
fn a_column_of_another_type_costs_one_look_and_not_every_other_one_after_it() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (store, _) = service(&database).await;
        let command = store.command(1).await.unwrap();
        database.sql("ALTER TABLE commands ALTER endpoint TYPE varchar");
        let refused = store.command(1).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert_eq!(store.command(1).await.unwrap(), command);
    });
}
