//! What is not copied, and that nothing is left of the attempt.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use store::copy::{CopyError, copy};
use store::sqlite::FILE_NAME;
use store::{Directory, StoreError};
use tempfile::TempDir;

use super::{address, installation, number, open, run};
use crate::cluster::{Cluster, Database};
use crate::runtime;
use crate::support::directory::tenant;
use crate::support::fast_folder;

/// What says that a database holds nothing.
const ROWS: &str = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM events) + (SELECT count(*) FROM tenants) \
     + (SELECT count(*) FROM lanes) + (SELECT max(last) FROM log) \
     + (SELECT count(*) FROM pg_inherits WHERE inhrelid::regclass::text = 'events_2023_11')";

async fn made() -> TempDir {
    let folder = fast_folder();
    installation::make(folder.path()).await;
    folder
}

async fn refusal(folder: &Path, database: &Database<'_>) -> CopyError {
    match run(folder, database).await {
        Err(StoreError::Copy(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn write(folder: &Path, statement: &str) {
    let connection = Connection::open(folder.join(FILE_NAME)).unwrap();
    connection.execute_batch(statement).unwrap();
}

#[test]
fn a_file_that_somebody_works_with() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let folder = made().await;
        let service = installation::open(folder.path());
        let error = refusal(folder.path(), &database).await;
        assert_eq!(error, CopyError::Held(std::process::id()));
        assert!(error.to_string().contains("stop it first"), "{error}");
        drop(service);
        run(folder.path(), &database).await.unwrap();
    });
}

#[test]
fn no_file_and_one_of_another_version() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let empty = fast_folder();
        let error = refusal(empty.path(), &database).await;
        assert_eq!(error, CopyError::NoFile(empty.path().join(FILE_NAME)));
        assert_eq!(
            fs::read_dir(empty.path()).unwrap().count(),
            0,
            "none is made"
        );
        let folder = made().await;
        write(folder.path(), "PRAGMA user_version = 2");
        let error = refusal(folder.path(), &database).await;
        assert!(
            matches!(error, CopyError::OldFile { found: 2, .. }),
            "{error}"
        );
        write(folder.path(), "PRAGMA user_version = 99");
        let error = run(folder.path(), &database).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
        fs::write(folder.path().join(FILE_NAME), "no database").unwrap();
        let error = run(folder.path(), &database).await.unwrap_err();
        assert!(matches!(error, StoreError::Folder { .. }), "{error}");
    });
    assert_eq!(number(&database, ROWS), 0);
}

#[test]
fn a_row_that_does_not_hold_what_it_must() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let folder = made().await;
        write(
            folder.path(),
            "UPDATE messages SET data = x'00' WHERE seq = 7",
        );
        let error = run(folder.path(), &database).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("messages 7: its data"), "{text}");
    });
    assert_eq!(number(&database, ROWS), 0);
}

#[test]
fn a_database_without_a_schema_or_with_something_in_it() {
    let cluster = Cluster::shared();
    let (bare, opened, filled) = (
        cluster.empty_database(),
        cluster.database(),
        cluster.database(),
    );
    let used = cluster.database();
    runtime().block_on(async {
        let folder = made().await;
        let error = refusal(folder.path(), &bare).await;
        assert!(
            matches!(error, CopyError::NotMigrated { found: 0, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("glasspost migrate"), "{error}");

        filled.sql("INSERT INTO cursors (reader, place) VALUES ('a', '1')");
        let error = refusal(folder.path(), &filled).await;
        assert_eq!(error, CopyError::NotEmpty("cursors"));

        // A service was started there once: its secrets have a key, perhaps another one.
        opened.sql("INSERT INTO meta (key, value) VALUES ('vault', 'ENC:')");
        let error = refusal(folder.path(), &opened).await;
        assert!(matches!(error, CopyError::NotEmpty(_)), "{error}");

        let store = open(&used).await;
        store.put_tenant(tenant("acme")).await.unwrap();
        let error = refusal(folder.path(), &used).await;
        assert!(matches!(error, CopyError::InUse(1..)), "{error}");
    });
    assert_eq!(number(&used, "SELECT count(*) FROM tenants"), 1);
}

#[test]
fn the_same_file_a_second_time() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let folder = made().await;
        let copied = run(folder.path(), &database).await.unwrap();
        // The first one's session may not have ended yet.
        let error = loop {
            match refusal(folder.path(), &database).await {
                CopyError::InUse(_) => tokio::task::yield_now().await,
                other => break other,
            }
        };
        assert!(matches!(error, CopyError::NotEmpty(_)), "{error}");
        let accepted = "SELECT sum(count) FROM books WHERE state = -1";
        assert_eq!(
            number(&database, accepted),
            copied.file.accepted.cast_signed()
        );
    });
}

#[test]
fn a_file_that_was_written_to_meanwhile() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let folder = made().await;
        let mut is_written = false;
        let address = address(&database);
        let copying = copy(folder.path(), &address, |progress| {
            if progress.table == "events" && !is_written {
                write(folder.path(), "UPDATE books SET count = count + 1");
                is_written = true;
            }
        });
        let error = copying.await.unwrap_err();
        assert!(
            matches!(error, StoreError::Copy(CopyError::Changed)),
            "{error}"
        );
    });
    assert_eq!(number(&database, ROWS), 0);
}

#[test]
fn a_copy_that_is_not_what_was_read() {
    let database = Cluster::shared().database();
    database.sql(
        "CREATE FUNCTION miscount() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN NEW.count := NEW.count + 1; RETURN NEW; END'; \
         CREATE TRIGGER miscount BEFORE INSERT ON books FOR EACH ROW EXECUTE FUNCTION miscount()",
    );
    runtime().block_on(async {
        let folder = made().await;
        match refusal(folder.path(), &database).await {
            CopyError::Differs {
                what,
                file,
                database,
            } => {
                assert_eq!(what, "the books");
                assert_ne!(file, database);
            }
            other => panic!("{other}"),
        }
    });
    assert_eq!(number(&database, ROWS), 0);
}
