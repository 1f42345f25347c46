//! The data file and its folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use model::{EventKind, Seq};
use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::{SqliteStore, Store, StoreError};

use crate::runtime;
use crate::support::{Child, accept, begin, event, facts, player, second, stored, whole_log};

/// A user who owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let first = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&first, "spring").await;
        let lease = first.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&first, &campaign, "ada", 5).await;
        let message = stored(&first, seqs[2]).await;
        first
            .record(&lease, vec![event(&message, EventKind::Delivered)])
            .await
            .unwrap();
        first.save_cursor("account", "7").await.unwrap();
        let before = (
            whole_log(&first).await,
            first.campaigns(None, 9).await.unwrap(),
            first.books(campaign.lane).await.unwrap(),
        );
        drop(first);
        // The file alone is the whole: its log was folded into it.
        let copy = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join(FILE_NAME), copy.path().join(FILE_NAME)).unwrap();
        for place in [folder.path(), copy.path()] {
            let again = SqliteStore::open(place).unwrap();
            let log = whole_log(&again).await;
            assert_eq!(facts(&log), facts(&before.0));
            assert_eq!(log[5].message, before.0[5].message);
            assert_eq!(again.campaigns(None, 9).await.unwrap(), before.1);
            assert_eq!(again.books(campaign.lane).await.unwrap(), before.2);
            assert_eq!(again.cursor("account").await.unwrap().as_deref(), Some("7"));
            assert_eq!(
                again.content(campaign.content).await.unwrap(),
                b"Hello from spring"
            );
            let next = accept(&again, &campaign, "bob", 1).await[0];
            assert_eq!(
                next,
                log[5].event.seq.next(),
                "the log goes on where it ended"
            );
        }
    });
}

#[test]
fn a_new_file_is_made_to_give_space_back_and_to_log_ahead() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let setting = |name: &str| -> rusqlite::types::Value {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    assert_eq!(setting("auto_vacuum"), 2_i64.into(), "incremental");
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
}

#[test]
fn the_events_of_a_message_lead_back_one_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let seq = runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&store, &campaign, "ada", 3).await;
        for kind in [
            EventKind::Deferred,
            EventKind::Deferred,
            EventKind::Delivered,
        ] {
            for &seq in &seqs {
                let message = stored(&store, seq).await;
                store
                    .record(&lease, vec![event(&message, kind)])
                    .await
                    .unwrap();
            }
        }
        seqs[1]
    });
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let mut statement = connection
        .prepare(
            "WITH RECURSIVE back(seq, kind, previous, message) AS ( \
             SELECT e.seq, e.kind, e.previous, e.message FROM events e \
             JOIN messages m ON m.last_event = e.seq WHERE m.seq = ?1 \
             UNION ALL SELECT e.seq, e.kind, e.previous, e.message FROM events e \
             JOIN back b ON e.seq = b.previous) SELECT kind, message FROM back",
        )
        .unwrap();
    let rows = statement
        .query_map([seq.get()], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let back: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>().unwrap();
    let kinds = [
        EventKind::Delivered,
        EventKind::Deferred,
        EventKind::Deferred,
    ];
    assert_eq!(back, kinds.map(|kind| (kind.code(), seq.get())));
}

#[test]
fn only_what_did_not_go_well_at_once_is_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let seqs = runtime().block_on(async {
        let store = SqliteStore::open(folder.path()).unwrap();
        let campaign = begin(&store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&store, &campaign, "ada", 9).await;
        let deferred = [2, 7, 8].map(|number| (number, EventKind::Deferred));
        let rest = [
            (1, EventKind::Delivered),
            (3, EventKind::Bounced),
            (4, EventKind::Expired),
            (5, EventKind::Dropped),
            (6, EventKind::Cancelled),
            (7, EventKind::Delivered),
            (8, EventKind::Bounced),
        ];
        let mut up_to = Seq::START;
        for (number, kind) in deferred.into_iter().chain(rest) {
            if number == 5 {
                up_to = store.end_of_log().await.unwrap();
            }
            let message = stored(&store, seqs[number]).await;
            let new = event(&message, kind);
            store.record(&lease, vec![new]).await.unwrap();
        }
        let retry = store.retry_failed(&lease, up_to, 9, second(60));
        assert_eq!(retry.await.unwrap(), 2);
        seqs
    });
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.message, r.retry_of IS NOT NULL FROM troubled t \
             JOIN messages m ON m.seq = t.message AND m.state = t.state AND m.lane = t.lane \
             LEFT JOIN messages r ON r.seq = t.retried_as AND r.retry_of = t.message \
             ORDER BY t.message",
        )
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let rows: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>().unwrap();
    let expected = [
        (2, false),
        (3, true),
        (4, true),
        (5, false),
        (6, false),
        (8, false),
    ];
    assert_eq!(
        rows,
        expected.map(|(number, is_repeated)| (seqs[number].get(), is_repeated))
    );
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let known: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(folder.path()).err().unwrap();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "the store has schema version 99, this program knows up to {known}: use a newer glasspost"
        )
    );
    connection
        .pragma_update(None, "user_version", known)
        .unwrap();
    SqliteStore::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    assert_names(&file.join("data"));

    let crossed = place.path().join("crossed");
    fs::create_dir_all(crossed.join(FILE_NAME)).unwrap();
    assert_names(&crossed);

    let foreign = place.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(
        foreign.join(FILE_NAME),
        "Dear Ada, this is no database. ".repeat(100),
    )
    .unwrap();
    let error = assert_names(&foreign);
    assert!(error.contains("not a database"), "{error}");
}

fn assert_names(folder: &Path) -> String {
    let error = SqliteStore::open(folder).err().expect("it cannot be used");
    assert!(matches!(error, StoreError::Folder { .. }), "{error:?}");
    let start = format!("cannot use the data folder {}: ", folder.display());
    assert!(error.to_string().starts_with(&start), "{error}");
    error.to_string()
}

#[test]
fn a_folder_without_permission_is_named() {
    let place = tempfile::tempdir().unwrap();
    let readable = fs::Permissions::from_mode(0o555);
    let (existing, missing) = (place.path().join("existing"), place.path().join("missing"));
    fs::create_dir(&existing).unwrap();
    for folder in [&existing, place.path()] {
        fs::set_permissions(folder, readable.clone()).unwrap();
    }
    for folder in [existing, missing] {
        let mut command = player(&["open", folder.to_str().unwrap()]);
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            // To root nothing is forbidden.
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        let error = Child::start(command).hear().expect("it says the error");
        let start = format!("cannot use the data folder {}: ", folder.display());
        assert!(error.starts_with(&start), "{error}");
    }
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
}
