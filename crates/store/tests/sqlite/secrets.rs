//! Secrets in the data folder: nowhere as plain text, bound to their places, and the key that opens them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use model::Secret;
use rusqlite::Connection;
use store::directory::{COMMANDS_MAX, CommandFilter, KeyHash, NewCommand};
use store::sqlite::FILE_NAME;
use store::vault::KEY_FILE_NAME;
use store::{Directory, KeyError, KeySource, SqliteStore, Store, StoreError};

use crate::canaries::{SWAPS, assert_refused, fill, other_key, read_all};
use crate::runtime;
use crate::support::directory::{given_key, tenant, tenant_id};
use crate::support::{START, second};

/// Looks through every file of the folder for the secrets; gives how many files it were.
pub fn assert_no_canary(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        let shows = bytes.windows(6).any(|window| window == b"canary");
        assert!(!shows, "{}", path.display());
    }
    files
}

#[test]
fn no_secret_is_anywhere_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        fill(&store).await;
        // The data file, its log and its index, and the key.
        assert_eq!(assert_no_canary(folder.path()), 4);
        let log = fs::metadata(folder.path().join(format!("{FILE_NAME}-wal")));
        assert!(
            log.unwrap().len() > 0,
            "what was looked through is all of it"
        );
        store.delete_tenant(&tenant_id("acme")).await.unwrap();
        drop(store);
        assert_no_canary(folder.path());
        let bytes = fs::read(folder.path().join(FILE_NAME)).unwrap();
        assert!(bytes.windows(4).any(|window| window == b"ENC:"));
    });
}

#[test]
fn a_sealed_value_in_another_row_or_column_is_refused() {
    for (swap, column) in SWAPS {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_with_key(folder.path(), &given_key()).unwrap();
        runtime().block_on(async {
            let pk = fill(&store).await;
            let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
            assert!(connection.execute(swap, []).unwrap() > 0);
            assert_refused(&store, pk, swap, column).await;
        });
    }
}

fn refusal(folder: &Path, source: &KeySource) -> KeyError {
    match SqliteStore::open_with_key(folder, source).err() {
        Some(StoreError::Key(error)) => {
            assert!(!error.to_string().contains("canary"), "{error}");
            error
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_key_is_refused_at_opening_and_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open_with_key(folder.path(), &given_key()).unwrap());
    let error = refusal(folder.path(), &other_key());
    assert_eq!(error, KeyError::Wrong(folder.path().to_owned()));
    assert_eq!(
        error.to_string(),
        format!(
            "the encryption key is not the one that the secrets of {} were encrypted with: give that one as \
             MAIL_PROXY_ENCRYPTION_KEY, or unset it if that one is in encryption.key there",
            folder.path().display()
        )
    );
    // No key is made where there are secrets already.
    let key_file = folder.path().join(KEY_FILE_NAME);
    let error = refusal(folder.path(), &KeySource::File);
    assert_eq!(error, KeyError::Missing(key_file.clone()));
    assert!(!key_file.exists());
    SqliteStore::open_with_key(folder.path(), &given_key()).unwrap();
}

#[test]
fn a_malformed_key_stops_the_start_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    for bad in ["", "canary", "Y2FuYXJ5"] {
        let malformed = KeySource::Given(Secret::new(bad));
        assert_eq!(refusal(folder.path(), &malformed), KeyError::Malformed);
    }
    SqliteStore::open_with_key(folder.path(), &given_key()).unwrap();
}

#[test]
fn a_key_file_is_made_once_for_its_owner_only_and_can_be_given_instead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY_FILE_NAME);
    let pk = runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        fill(&store).await
    });
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    let given = KeySource::Given(Secret::new(text.clone()));
    for source in [KeySource::File, given] {
        let store = SqliteStore::open_with_key(folder.path(), &source).unwrap();
        let errors = runtime().block_on(read_all(&store, pk));
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let error = refusal(folder.path(), &KeySource::File);
    assert_eq!(error, KeyError::Exposed(path.clone()));
    assert!(error.to_string().contains("chmod 600"), "{error}");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "canary").unwrap();
    let error = refusal(folder.path(), &KeySource::File);
    assert_eq!(error, KeyError::MalformedFile(path.clone()));
    fs::write(&path, text).unwrap();
    SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
}

#[test]
fn a_key_file_that_a_killed_start_made_is_the_key() {
    let (folder, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap());
    // It ended between the key file and its commit.
    let [key_file, left] = [folder.path(), killed.path()].map(|place| place.join(KEY_FILE_NAME));
    fs::copy(&key_file, &left).unwrap();
    drop(SqliteStore::open_with_key(killed.path(), &KeySource::File).unwrap());
    let text = fs::read_to_string(&left).unwrap();
    assert_eq!(text, fs::read_to_string(&key_file).unwrap());
    let given = KeySource::Given(Secret::new(text));
    SqliteStore::open_with_key(killed.path(), &given).unwrap();
}

#[test]
fn those_who_open_a_new_folder_at_once_share_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
    let stores: Vec<SqliteStore> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    runtime().block_on(async {
        let pk = fill(&stores[0]).await;
        for store in &stores {
            assert!(read_all(store, pk).await.is_empty());
        }
    });
}

#[test]
fn without_the_key_only_the_secrets_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        drop(SqliteStore::open_with_key(folder.path(), &given_key()).unwrap());
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        assert!(store.campaigns(None, 9).await.unwrap().is_empty());
        let error = store.put_tenant(tenant("acme")).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        let hash = KeyHash::of(&Secret::new("canary-key"));
        assert_eq!(store.key_owner(&hash, START).await.unwrap(), None);
    });
}

#[test]
fn the_oldest_commands_go_when_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let new = |at: u64| NewCommand {
        at: second(at),
        endpoint: "POST /tenant".into(),
        tenant: None,
        payload: "{}".into(),
        response_status: 200,
        response: None,
    };
    runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let first = store.log_command(new(1)).await.unwrap();
        let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let fill = "WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ?1) \
                    INSERT INTO commands (at, response_status, endpoint, payload) \
                    SELECT 0, 200, 'POST /tenant', '{}' FROM counter";
        connection.execute(fill, [COMMANDS_MAX - 1]).unwrap();
        let all = || store.commands(CommandFilter::default());
        assert_eq!(all().await.unwrap().total, COMMANDS_MAX);
        assert!(store.command(first).await.unwrap().is_some());
        for at in 2..5 {
            store.log_command(new(at)).await.unwrap();
            assert_eq!(all().await.unwrap().total, COMMANDS_MAX);
        }
        assert!(store.command(first + 2).await.unwrap().is_none());
        assert!(store.command(first + 3).await.unwrap().is_some());
    });
}
