//! Secrets in the database: nowhere as plain text, bound to their places, and the key that every machine needs.

use std::fs;
use std::path::Path;

use model::Secret;
use store::postgres::{Address, Settings};
use store::vault::KEY_FILE_NAME;
use store::{Directory, KeyError, KeySource, PostgresStore, StoreError};

use crate::canaries::{SWAPS, assert_refused, fill, other_key, read_all};
use crate::cluster::{Cluster, Database};
use crate::runtime;
use crate::support::directory::{given_key, tenant_id};

/// Opens a database on the machine that has this folder.
async fn open(
    database: &Database<'_>,
    folder: &Path,
    source: &KeySource,
) -> Result<PostgresStore, StoreError> {
    let address = Address::parse(database.address()).unwrap();
    PostgresStore::open_with_key(&address, folder, source, Settings::default()).await
}

async fn refusal(database: &Database<'_>, folder: &Path, source: &KeySource) -> KeyError {
    match open(database, folder, source).await.err() {
        Some(StoreError::Key(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// All that is in the database.
fn dump(database: &Database<'_>) -> String {
    let tables = database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let rows = tables
        .lines()
        .map(|table| database.sql(&format!("SELECT t::text FROM {table} t")));
    rows.collect()
}

#[test]
fn no_secret_is_anywhere_in_the_database() {
    let database = Cluster::shared().database();
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = open(&database, folder.path(), &KeySource::File)
            .await
            .unwrap();
        fill(&store).await;
        let all = dump(&database);
        assert!(all.contains("ENC:") && all.contains("acme"), "it is all");
        assert!(!all.contains("canary"), "{all}");
        store.delete_tenant(&tenant_id("acme")).await.unwrap();
        assert!(!dump(&database).contains("canary"));
    });
}

#[test]
fn a_sealed_value_in_another_row_or_column_is_refused() {
    for (swap, column) in SWAPS {
        let database = Cluster::shared().database();
        runtime().block_on(async {
            let store = open(&database, Path::new("/"), &given_key()).await.unwrap();
            let pk = fill(&store).await;
            database.sql(swap);
            assert_refused(&store, pk, swap, column).await;
        });
    }
}

#[test]
fn a_machine_without_the_key_or_with_another_is_told_that_all_need_the_same() {
    let database = Cluster::shared().database();
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [key, missing] = [&first, &second].map(|folder| folder.path().join(KEY_FILE_NAME));
    runtime().block_on(async {
        let store = open(&database, first.path(), &KeySource::File)
            .await
            .unwrap();
        let pk = fill(&store).await;
        let without = refusal(&database, second.path(), &KeySource::File).await;
        assert_eq!(without, KeyError::MissingHere(missing.clone()));
        assert!(
            !missing.exists(),
            "no key is made where there are secrets already"
        );
        let wrong = refusal(&database, second.path(), &other_key()).await;
        assert_eq!(wrong, KeyError::WrongHere(second.path().to_owned()));
        for error in [without, wrong] {
            let text = error.to_string();
            let place = second.path().to_str().unwrap();
            assert!(
                text.contains("every machine of the installation needs the same"),
                "{text}"
            );
            assert!(
                text.contains(place) && text.contains(KEY_FILE_NAME),
                "{text}"
            );
        }
        let given = KeySource::Given(Secret::new(fs::read_to_string(&key).unwrap()));
        fs::copy(&key, &missing).unwrap();
        for source in [KeySource::File, given] {
            let store = open(&database, second.path(), &source).await.unwrap();
            assert!(read_all(&store, pk).await.is_empty());
        }
    });
}

#[test]
fn those_who_open_a_new_database_at_once_share_one_key() {
    let database = Cluster::shared().database();
    let base = tempfile::tempdir().unwrap();
    // It is made with the key.
    let folder = base.path().join("data").join("glasspost");
    runtime().block_on(async {
        let opening = (0..8).map(|_| open(&database, &folder, &KeySource::File));
        let stores: Vec<_> = futures_util::future::try_join_all(opening).await.unwrap();
        let pk = fill(&stores[0]).await;
        for store in &stores {
            assert!(read_all(store, pk).await.is_empty());
        }
    });
}

#[test]
fn of_two_machines_that_open_a_new_database_at_once_one_makes_the_key() {
    let database = Cluster::shared().database();
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    runtime().block_on(async {
        let opening = folders
            .iter()
            .map(|folder| open(&database, folder.path(), &KeySource::File));
        let opened = futures_util::future::join_all(opening).await;
        let (opened, refused): (Vec<_>, Vec<_>) =
            opened.into_iter().partition(|opened| opened.is_ok());
        assert_eq!(opened.len(), 1);
        let error = refused.into_iter().find_map(Result::err).unwrap();
        assert!(
            matches!(error, StoreError::Key(KeyError::MissingHere(_))),
            "{error}"
        );
    });
}

#[test]
fn a_key_file_that_a_killed_start_made_is_the_key() {
    let (left, database) = (Cluster::shared().database(), Cluster::shared().database());
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let opened = open(&left, folder.path(), &KeySource::File).await;
        drop(opened.unwrap());
        // As if it had ended between the key file and its commit.
        let key = folder.path().join(KEY_FILE_NAME);
        let text = fs::read_to_string(&key).unwrap();
        let opened = open(&database, folder.path(), &KeySource::File).await;
        drop(opened.unwrap());
        assert_eq!(fs::read_to_string(&key).unwrap(), text);
    });
}
