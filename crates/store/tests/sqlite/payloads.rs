//! What submissions say in the data folder: sealed where it holds a secret, as it is elsewhere.

use std::path::Path;

use model::{Secret, SubmissionId};
use rusqlite::Connection;
use store::sqlite::FILE_NAME;
use store::submissions::SubmissionFilter;
use store::{KeySource, NewSubmission, Payload, SqliteStore, StoreError, Submissions, Submitted};

use crate::runtime;
use crate::secrets::assert_no_canary;
use crate::support::directory::tenant_id;
use crate::support::submissions::{mail, settle};

fn secret(text: &str) -> Payload {
    Payload::Secret(Secret::new(text))
}

/// Mail with credentials in it.
fn secret_mail(id: &str, text: &str) -> NewSubmission {
    let mut new = mail("acme", id, &["ada@example.org"]);
    new.payload = secret(text);
    new
}

async fn submit(store: &SqliteStore, new: NewSubmission) -> Submitted {
    store.submit(vec![new]).await.unwrap()[0]
}

/// What of the submission is read back by each of the ways that read it.
async fn read(store: &SqliteStore, id: SubmissionId, client_id: &str) -> [Box<str>; 3] {
    let acme = tenant_id("acme");
    let (submission, by_number) = store.payload(id).await.unwrap().unwrap();
    assert_eq!(submission.client_id.as_str(), client_id);
    let by_client_id = store.submission(&acme, &submission.client_id).await;
    let filter = SubmissionFilter {
        limit: 9,
        ..SubmissionFilter::default()
    };
    let mut listed = store.submissions(filter).await.unwrap().into_iter();
    let listed = listed.find(|listed| listed.submission.id == id).unwrap();
    [
        by_number,
        by_client_id.unwrap().unwrap().payload,
        listed.payload,
    ]
}

fn all(text: &str) -> [Box<str>; 3] {
    [text.into(), text.into(), text.into()]
}

/// How the payloads lie in the file, by number.
fn kept(folder: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(folder.join(FILE_NAME)).unwrap();
    let query = "SELECT typeof(payload), length(digest) FROM payloads ORDER BY submission";
    let mut statement = connection.prepare(query).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn a_payload_with_a_secret_is_nowhere_in_the_data_folder_and_read_back_by_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let (first, other) = (r#"{"token":"canary-1"}"#, r#"{"token":"canary-2"}"#);
    runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        settle(&store, "acme").await;
        let Submitted::New(id) = submit(&store, secret_mail("a", first)).await else {
            panic!("it is new")
        };
        assert_eq!(read(&store, id, "a").await, all(first));
        let again = submit(&store, secret_mail("a", first)).await;
        assert_eq!(again, Submitted::Known(id));
        // In place, and with other recipients.
        let replaced = submit(&store, secret_mail("a", other)).await;
        assert_eq!(replaced, Submitted::Replaced(id));
        assert_eq!(read(&store, id, "a").await, all(other));
        let mut moved = secret_mail("a", first);
        moved
            .recipients
            .push(model::Address::parse("b@example.org").unwrap());
        let Submitted::Replaced(id) = submit(&store, moved).await else {
            panic!("it is replaced")
        };
        assert_eq!(read(&store, id, "a").await, all(first));
        assert_no_canary(folder.path());
        drop(store);
        assert_no_canary(folder.path());
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        assert_eq!(read(&store, id, "a").await, all(first));
    });
}

#[test]
fn only_a_payload_with_a_secret_is_sealed_and_no_text_is_taken_for_a_sealed_one() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        settle(&store, "acme").await;
        let mut odd = mail("acme", "odd", &["ada@example.org"]);
        odd.payload = "ENC:aHVudGVyMg==".into();
        let Submitted::New(id) = submit(&store, odd).await else {
            panic!("it is new")
        };
        submit(&store, secret_mail("a", "{}")).await;
        assert_eq!(read(&store, id, "odd").await, all("ENC:aHVudGVyMg=="));
        let [text, blob] = [("text".to_owned(), 32), ("blob".to_owned(), 32)];
        assert_eq!(kept(folder.path()), [text, blob]);
    });
}

#[test]
fn the_digest_of_a_secret_cannot_be_tried_out_without_the_key() {
    let digest = |payload: Payload| {
        let folder = tempfile::tempdir().unwrap();
        runtime().block_on(async {
            let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
            settle(&store, "acme").await;
            let mut new = secret_mail("a", "");
            new.payload = payload;
            submit(&store, new).await;
            let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
            let digest = connection.query_row("SELECT digest FROM payloads", [], |row| row.get(0));
            digest.unwrap()
        })
    };
    let digests: [Vec<u8>; 3] = [secret("{}"), secret("{}"), "{}".into()].map(digest);
    assert!(digests[0] != digests[1] && digests[1] != digests[2]);
    assert_eq!(digests[2], digest("{}".into()));
}

#[test]
fn a_sealed_payload_opens_in_its_own_row_only() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        settle(&store, "acme").await;
        let Submitted::New(stolen) = submit(&store, secret_mail("a", "canary")).await else {
            panic!("it is new")
        };
        let Submitted::New(own) = submit(&store, secret_mail("b", "{}")).await else {
            panic!("it is new")
        };
        let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let copy = "UPDATE payloads SET payload = (SELECT payload FROM payloads WHERE submission = ?1) \
                    WHERE submission = ?2";
        connection
            .execute(copy, [stolen.0.get(), own.0.get()])
            .unwrap();
        let error = store.payload(own).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
        assert!(!error.to_string().contains("canary"), "{error}");
    });
}

#[test]
fn without_the_key_a_secret_payload_is_closed_and_another_is_not() {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = SqliteStore::open_with_key(folder.path(), &KeySource::File).unwrap();
        settle(&store, "acme").await;
        let Submitted::New(sealed) = submit(&store, secret_mail("a", "{}")).await else {
            panic!("it is new")
        };
        drop(store);
        let store = SqliteStore::open(folder.path()).unwrap();
        let written = store.submit(vec![secret_mail("b", "{}")]).await;
        let read = store.payload(sealed).await;
        for error in [written.unwrap_err(), read.unwrap_err()] {
            assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        }
        let open = submit(&store, mail("acme", "c", &["ada@example.org"])).await;
        assert!(matches!(open, Submitted::New(_)), "{open:?}");
    });
}
