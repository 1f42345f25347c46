//! The schema's versions: who brings a database to which, and who refuses one.

use store::postgres::{Address, Migrated, migrate};
use store::{Store, StoreError};

use crate::cluster::{Cluster, Database};
use crate::support::{accept, begin};
use crate::{open, runtime};

/// Those who migrate one database at once.
const MIGRATIONS_AT_ONCE: usize = 4;

fn address(database: &Database<'_>) -> Address {
    Address::parse(database.address()).unwrap()
}

#[test]
fn a_database_without_the_schema_is_refused_with_the_remedy() {
    let database = Cluster::shared().empty_database();
    runtime().block_on(async {
        let error = open(database.address()).await.err().unwrap();
        assert!(
            matches!(error, StoreError::Older { found: 0, .. }),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("run `glasspost migrate`"),
            "{error}"
        );
        // Looking changed nothing.
        assert_eq!(
            database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
            "0"
        );
    });
}

#[test]
fn a_database_that_is_migrated_again_stays_as_it_is() {
    let database = Cluster::shared().empty_database();
    runtime().block_on(async {
        let first = migrate(&address(&database)).await.unwrap();
        assert_eq!(first.from, 0);
        let tag = database.sql("SELECT value FROM meta WHERE key = 'tag'");
        let store = open(database.address()).await.unwrap();
        let campaign = begin(&store, "spring").await;
        accept(&store, &campaign, "ada", 3).await;
        // Others may be at work.
        let second = migrate(&address(&database)).await.unwrap();
        assert_eq!(
            second,
            Migrated {
                from: first.to,
                to: first.to
            }
        );
        assert_eq!(
            database.sql("SELECT value FROM meta WHERE key = 'tag'"),
            tag
        );
        assert_eq!(store.books(campaign.lane).await.unwrap().queued, 3);
        accept(&store, &campaign, "bob", 3).await;
    });
}

#[test]
fn of_those_who_migrate_at_once_one_does() {
    let database = Cluster::shared().empty_database();
    runtime().block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..MIGRATIONS_AT_ONCE {
            let address = address(&database);
            tasks.push(tokio::spawn(async move { migrate(&address).await }));
        }
        let mut from = Vec::new();
        let mut to = Vec::new();
        for task in tasks {
            let migrated = task.await.unwrap().unwrap();
            from.push(migrated.from);
            to.push(migrated.to);
        }
        to.dedup();
        assert_eq!(to.len(), 1, "{to:?}");
        from.sort_unstable();
        let mut expected = vec![to[0]; MIGRATIONS_AT_ONCE];
        expected[0] = 0;
        assert_eq!(from, expected);
        assert_eq!(
            database.sql("SELECT count(*) FROM schema_versions"),
            to[0].to_string()
        );
        assert_eq!(database.sql("SELECT max(last) FROM log"), "0");
        open(database.address()).await.unwrap();
    });
}

#[test]
fn a_newer_database_is_refused_unless_it_says_that_we_may() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        database.sql("INSERT INTO schema_versions (version, oldest) VALUES (90, 1)");
        open(database.address()).await.unwrap();
        let migrated = migrate(&address(&database)).await.unwrap();
        assert_eq!(migrated, Migrated { from: 90, to: 90 });
        database.sql("INSERT INTO schema_versions (version, oldest) VALUES (91, 90)");
        let opened = open(database.address()).await.err().unwrap();
        let migrated = migrate(&address(&database)).await.unwrap_err();
        for error in [opened, migrated] {
            assert!(
                matches!(error, StoreError::Newer { found: 91, .. }),
                "{error:?}"
            );
            assert!(
                error.to_string().contains("use a newer glasspost"),
                "{error}"
            );
        }
        assert_eq!(
            database.sql("SELECT max(version) FROM schema_versions"),
            "91"
        );
    });
}
