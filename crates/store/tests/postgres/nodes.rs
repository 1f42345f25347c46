//! The processes that share a database, as they tell of themselves.

use std::time::Duration;

use model::Timestamp;
use store::nodes::{DOING_BYTES_MAX, SILENT_MAX};
use store::{NewNode, Node, Nodes, PostgresStore, StoreError};

use crate::cluster::{Cluster, Database};
use crate::runtime;

async fn open(database: &Database<'_>) -> PostgresStore {
    crate::open(database.address()).await.unwrap()
}

fn node(doing: &str) -> NewNode {
    NewNode {
        host: "mail1".to_owned(),
        process: std::process::id(),
        roles: "api, deliver".to_owned(),
        version: "1.2.3".to_owned(),
        address: Some("10.0.0.1:8000".to_owned()),
        doing: doing.to_owned(),
        started_at: Timestamp::from_millis(1_795_355_000_000),
    }
}

/// What each of them does, by id.
fn doing(nodes: &[Node]) -> Vec<&str> {
    assert!(nodes.is_sorted_by_key(|node| &node.id));
    let mut doing: Vec<&str> = nodes.iter().map(|node| &*node.about.doing).collect();
    doing.sort_unstable();
    doing
}

#[test]
fn each_sees_those_that_were_heard_of_lately() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (first, second) = (open(&database).await, open(&database).await);
        let alone = first.beat(node("one")).await.unwrap();
        assert_eq!(doing(&alone), ["one"]);
        assert!(alone[0].is_this);
        assert_eq!(alone[0].about, node("one"));
        let both = second.beat(node("two")).await.unwrap();
        assert_eq!(doing(&both), ["one", "two"]);
        let other = both.iter().find(|node| !node.is_this).unwrap();
        assert_eq!(other.id, alone[0].id);
        assert!(other.silent_for < SILENT_MAX, "{other:?}");
        // The last word counts.
        let both = first.beat(node("three")).await.unwrap();
        assert_eq!(doing(&both), ["three", "two"]);
        second.leave().await.unwrap();
        assert_eq!(doing(&first.beat(node("one")).await.unwrap()), ["one"]);
        first.close().await;
        assert_eq!(database.sql("SELECT count(*) FROM nodes"), "0");
    });
}

#[test]
fn the_silent_are_left_out_and_cleared_away_later() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let (first, second) = (open(&database).await, open(&database).await);
        let age = |seconds| {
            let statement =
                format!("UPDATE nodes SET seen_at = now() - interval '{seconds} seconds'");
            database.sql(&statement);
        };
        first.beat(node("one")).await.unwrap();
        age(5);
        let both = second.beat(node("two")).await.unwrap();
        let silent = both.iter().find(|node| !node.is_this).unwrap();
        assert!(silent.silent_for >= Duration::from_secs(5), "{silent:?}");
        age(11);
        assert_eq!(doing(&second.beat(node("two")).await.unwrap()), ["two"]);
        assert_eq!(database.sql("SELECT count(*) FROM nodes"), "2");
        age(3_601);
        assert_eq!(doing(&second.beat(node("two")).await.unwrap()), ["two"]);
        assert_eq!(database.sql("SELECT count(*) FROM nodes"), "1");
        // Whoever was silent so long and lives is back with its next word.
        assert_eq!(
            doing(&first.beat(node("one")).await.unwrap()),
            ["one", "two"]
        );
    });
}

#[test]
fn a_node_that_tells_too_much_is_refused() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        let refused = store.beat(node(&"x".repeat(DOING_BYTES_MAX + 1))).await;
        assert!(
            matches!(refused, Err(StoreError::Invalid(_))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_database_that_takes_no_writes_or_has_another_schema_is_told() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        store.check().await.unwrap();
        database.sql("INSERT INTO schema_versions (version, oldest) VALUES (98, 1)");
        store.check().await.unwrap();
        database.sql("INSERT INTO schema_versions (version, oldest) VALUES (99, 99)");
        let newer = store.check().await.unwrap_err();
        assert!(
            matches!(newer, StoreError::Newer { found: 99, .. }),
            "{newer:?}"
        );
        database.sql("DELETE FROM schema_versions");
        let older = store.check().await.unwrap_err();
        assert!(
            matches!(older, StoreError::Older { found: 0, .. }),
            "{older:?}"
        );
    });
    // As a standby has it, for every session that begins.
    let standby = Cluster::shared().database();
    let name = standby.sql("SELECT current_database()");
    runtime().block_on(async {
        let store = open(&standby).await;
        standby.sql(&format!(
            "ALTER DATABASE \"{}\" SET default_transaction_read_only = on",
            name.trim()
        ));
        standby.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        let asked = std::time::Instant::now();
        let error = loop {
            match store.check().await {
                Err(error) if error.to_string().contains("takes no writes") => break error,
                answer => assert!(asked.elapsed() < Duration::from_secs(20), "{answer:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(matches!(error, StoreError::Backend(_)), "{error:?}");
    });
}
