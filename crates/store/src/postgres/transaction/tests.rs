//! Operations that go on after an error as if there was none: nothing is answered well that did not happen.

#[expect(dead_code, reason = "other tests stop, freeze and kill it")]
#[path = "../../../../../tests/postgres/cluster.rs"]
mod cluster;

use cluster::{Cluster, Database};

use super::*;
use crate::postgres::Address;
use crate::postgres::session::Sessions;
use crate::postgres::writer::Writer;

fn sessions(database: &Database<'_>) -> Sessions {
    Sessions::new(&Address::parse(database.address()).unwrap(), 1).unwrap()
}

async fn begin(database: &Database<'_>) -> WriteTx {
    let session = sessions(database).session().await.unwrap();
    WriteTx::begin(session, false).await.unwrap()
}

/// Writes a row under this name.
async fn write(tx: &mut WriteTx, name: &str) -> Result<()> {
    let statement = "INSERT INTO meta (key, value) VALUES ($1, '')";
    tx.session.execute(statement, &[&name]).await?;
    Ok(())
}

/// Writes a row, and takes no notice of what fails then.
async fn swallow(tx: &mut WriteTx, name: &str) -> Result<()> {
    write(tx, name).await?;
    let _ = tx.session.simply("SELECT 1 / 0").await;
    Ok(())
}

fn written(database: &Database<'_>) -> String {
    database.sql("SELECT string_agg(key, ' ' ORDER BY key) FROM meta WHERE key <> 'tag'")
}

#[tokio::test]
async fn an_operation_that_swallows_an_error_is_refused() {
    let database = Cluster::shared().database();
    let writer = Writer::start(sessions(&database), "node");
    let swallowed = writer.write(|tx| swallow(tx, "lost").boxed()).await;
    assert!(swallowed.is_err(), "{swallowed:?}");
    assert_eq!(written(&database), "");
    let logged = writer.write(|tx| {
        async {
            swallow(tx, "lost").await?;
            tx.last = tx.last.next();
            Ok(())
        }
        .boxed()
    });
    assert!(logged.await.is_err());
    assert_eq!(written(&database), "");
    // Whoever comes next has a transaction of its own.
    let next = writer.write(|tx| write(tx, "next").boxed()).await;
    next.unwrap();
    assert_eq!(written(&database), "next");
}

#[tokio::test]
async fn nobody_is_told_that_it_went_well_beside_one_who_swallows_an_error() {
    let database = Cluster::shared().database();
    let mut tx = begin(&database).await;
    let before = tx.run(false, |tx| write(tx, "before").boxed()).await;
    before.unwrap();
    let swallowed = tx.run(false, |tx| swallow(tx, "lost").boxed()).await;
    assert!(swallowed.is_err(), "{swallowed:?}");
    let after = tx.run(false, |tx| write(tx, "after").boxed()).await;
    assert!(
        matches!(after, Err(StoreError::Unavailable(_))),
        "{after:?}"
    );
    // Those before it learn by the commit's fate that they may ask again.
    let committed = tx.commit("node", None).await.map(|batch| batch.last);
    assert!(
        matches!(committed, Err(StoreError::Unavailable(_))),
        "{committed:?}"
    );
    assert_eq!(written(&database), "");
}

#[tokio::test]
async fn an_error_that_is_given_costs_the_others_nothing() {
    let database = Cluster::shared().database();
    let mut tx = begin(&database).await;
    let before = tx.run(false, |tx| write(tx, "before").boxed()).await;
    before.unwrap();
    let refused = tx.run(false, |tx| {
        async {
            write(tx, "lost").await?;
            tx.session.simply("SELECT 1 / 0").await.map(drop)
        }
        .boxed()
    });
    assert!(refused.await.is_err());
    let after = tx.run(false, |tx| write(tx, "after").boxed()).await;
    after.unwrap();
    tx.commit("node", None).await.unwrap();
    assert_eq!(written(&database), "after before");
}
