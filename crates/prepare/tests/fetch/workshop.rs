//! Messages made with attachments: each mode, each failure, and what becomes of large files.

use std::fs::{self, File};
use std::sync::Arc;

use futures_util::future::join_all;
use model::{MessageId, Secret, Seq, StorageProtocol, Timestamp};
use prepare::{
    Draft, FetchLimits, LargeFilePolicy, LargeFiles, LinkKey, Made, OpenTo, Roots, Shelf,
    TenantSource, Unmakeable, Workshop,
};
use serde_json::{Value, json};

use crate::s3::tenant_with_bucket;
use crate::seen::Seen;
use crate::support::{Reply, Server, Wishes, mount, tenant, tenant_at, web};

pub const AT: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub const MEGABYTE: usize = 1 << 20;

pub fn id(number: i64) -> MessageId {
    MessageId::new(AT, 7, Seq::new(number))
}

/// A workshop, and the folder that is open to all tenants and has the shelf in it.
pub struct Place {
    pub workshop: Workshop,
    pub folder: tempfile::TempDir,
}

pub fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let shelf_folder = folder.path().join("shelf");
    fs::create_dir(&shelf_folder).unwrap();
    let mut roots = Roots::default();
    roots.open(folder.path(), OpenTo::Everyone).unwrap();
    let wishes = Wishes {
        roots,
        limits: FetchLimits {
            each_bytes_max: 32 << 20,
            ..Wishes::default().limits
        },
        ..Wishes::default()
    };
    let clock = wishes.clock.clone();
    let key = LinkKey::new(&Secret::new("0123456789abcdef".repeat(4))).unwrap();
    let shelf = Shelf::open(&shelf_folder, key, clock.clone()).unwrap();
    let files = LargeFiles::new(web(&["127.0.0.1"]), Some(Arc::new(shelf)), clock.clone());
    Place {
        workshop: Workshop::new(wishes.fetcher(), files, clock),
        folder,
    }
}

impl Place {
    /// A file of so many bytes, by its path.
    pub fn file(&self, name: &str, bytes: usize) -> String {
        let path = self.folder.path().join(name);
        File::create(&path).unwrap().set_len(bytes as u64).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn files_on_shelf(&self) -> usize {
        fs::read_dir(self.folder.path().join("shelf"))
            .unwrap()
            .count()
    }

    /// The policy with more fields than that it is enabled and its limit is 1 MB.
    pub fn policy(&self, more: Value) -> LargeFilePolicy {
        let mut config = json!({"enabled": true, "max_size_mb": 1});
        let fields = config.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        LargeFilePolicy::read(config).unwrap()
    }

    pub fn rewrite(&self) -> LargeFilePolicy {
        let shelf = self.folder.path().join("shelf");
        self.policy(
            json!({"action": "rewrite", "public_base_url": "https://files.example",
            "storage_url": format!("file://{}", shelf.display())}),
        )
    }

    async fn make(
        &self,
        tenant: &TenantSource,
        policy: Option<&LargeFilePolicy>,
        draft: &Draft,
    ) -> Result<Made, Unmakeable> {
        self.workshop.make(tenant, policy, draft, id(1), AT).await
    }
}

/// A draft to so many recipients with attachments from these places.
fn draft(recipients: usize, paths: &[&str]) -> Draft {
    let to: Vec<_> = (0..recipients)
        .map(|index| format!("r{index}@example.net"))
        .collect();
    let attachments: Vec<_> = paths
        .iter()
        .enumerate()
        .map(|(index, path)| json!({"filename": format!("f{index}.bin"), "storage_path": path}))
        .collect();
    Draft::read(
        &json!({"from": "ada@example.org", "to": to, "subject": "Files",
        "body": "Hello\n", "body_html": "<body>Hello</body>\n", "attachments": attachments}),
    )
    .unwrap()
}

pub fn contents(made: &Made) -> Vec<Vec<u8>> {
    let attachments = Seen::of(&made.bytes).attachments.into_iter();
    attachments.map(|(_, _, content)| content).collect()
}

async fn problem(tenant: &TenantSource, path: &str) -> Unmakeable {
    let made = place().make(tenant, None, &draft(1, &[path])).await;
    made.unwrap_err()
}

#[tokio::test]
async fn attachments_of_each_mode_go_along_in_their_order() {
    let place = place();
    let server = Server::closed(Reply::ok(b"from the web")).await;
    let mut tenant = tenant_at(&server, "t");
    let config = json!({"base_path": place.folder.path()});
    mount(&mut tenant, "docs", StorageProtocol::Local, &config);
    let path = place.file("file", 3);
    let url = server.url("/x");
    let paths = [
        &url,
        "doc_id=7",
        "base64:aGk=",
        &path,
        "docs:file",
        "base64:",
        "base64:eA==",
    ];
    let draft = draft(1, &paths);
    let making = place.make(&tenant, None, &draft);
    let opening = async {
        server.wait_for_requests(2).await;
        server.open();
    };
    let (made, ()) = tokio::join!(making, opening);
    let web = b"from the web".as_slice();
    let expected = [web, web, b"hi", &[0; 3], &[0; 3], b"", b"x"];
    let made = made.unwrap();
    assert_eq!(contents(&made), expected);
    let names = Seen::of(&made.bytes).attachments;
    assert!(
        names
            .iter()
            .enumerate()
            .all(|(index, (name, _, _))| *name == format!("f{index}.bin"))
    );
}

#[tokio::test]
async fn what_waiting_cannot_change_is_told_apart_from_what_may_pass() {
    let never = |error: Unmakeable| match error {
        Unmakeable::Never(text) => text,
        Unmakeable::Later(text) => panic!("later: {text}"),
    };
    let missing = Server::start(Reply::status(404)).await;
    let busy = Server::start(Reply::status(503)).await;
    let plain = tenant("t");
    for path in [
        missing.url("/x").as_str(),
        "base64:%",
        "/etc/hostname",
        "http://10.0.0.1/x",
        "nowhere:x",
        "doc_id=1",
    ] {
        let text = never(problem(&plain, path).await);
        assert!(
            text.starts_with("Attachment fetch failed for f0.bin: "),
            "{text}"
        );
    }
    let later = problem(&plain, &busy.url("/x")).await;
    assert!(matches!(later, Unmakeable::Later(_)), "{later}");
    let announced = json!({"filename": "a_{MD5:0cc175b9c0f1b6a831c399e269772661}.txt",
        "storage_path": "base64:aGk="});
    let draft = Draft::read(&json!({"from": "a@x.org", "to": "b@x.org", "subject": "",
        "attachments": [announced]}))
    .unwrap();
    let text = never(place().make(&plain, None, &draft).await.unwrap_err());
    assert!(
        text.starts_with("Attachment fetch failed for a.txt: its content has the MD5"),
        "{text}"
    );
}

#[tokio::test]
async fn the_first_attachment_in_order_that_fails_is_named() {
    let error = place()
        .make(
            &tenant("t"),
            None,
            &draft(1, &["base64:", "base64:%", "base64:="]),
        )
        .await;
    assert!(error.unwrap_err().to_string().contains("for f1.bin: "));
}

#[tokio::test]
async fn attachments_for_many_recipients_are_fetched_once() {
    let place = place();
    let server = Server::start(Reply::ok(b"content")).await;
    let tenant = tenant("t");
    let draft = draft(20, &[&server.url("/x")]);
    let makes = (0..20).map(|_| place.make(&tenant, None, &draft));
    let made = join_all(makes).await;
    assert_eq!(server.count(), 1);
    let bytes: Vec<_> = made.into_iter().map(|made| made.unwrap().bytes).collect();
    assert!(bytes.iter().all(|one| *one == bytes[0]));
    place.make(&tenant, None, &draft).await.unwrap();
    assert_eq!(server.count(), 1, "kept for a later try");
}

#[tokio::test]
async fn what_was_fetched_for_one_message_is_not_taken_for_another() {
    let place = place();
    let server = Server::start(Reply::ok(b"content")).await;
    let (one, other) = (tenant("one"), tenant("other"));
    let workshop = &place.workshop;
    let (first, second) = (
        draft(2, &[&server.url("/1")]),
        draft(2, &[&server.url("/2")]),
    );
    workshop.make(&one, None, &first, id(1), AT).await.unwrap();
    workshop.make(&one, None, &first, id(2), AT).await.unwrap();
    assert_eq!(server.count(), 2, "another message");
    workshop
        .make(&other, None, &first, id(1), AT)
        .await
        .unwrap();
    assert_eq!(server.count(), 3, "another tenant");
    workshop.make(&one, None, &second, id(1), AT).await.unwrap();
    assert_eq!(server.count(), 4, "the message was replaced");
    let alone = draft(1, &[&server.url("/1")]);
    workshop.make(&one, None, &alone, id(3), AT).await.unwrap();
    workshop.make(&one, None, &alone, id(3), AT).await.unwrap();
    assert_eq!(server.count(), 6, "nothing is kept for one recipient");
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_the_last_used_stay() {
    let place = place();
    let server = Server::start(Reply::ok(b"content")).await;
    let (tenant, draft) = (tenant("t"), draft(2, &[&server.url("/x")]));
    for number in 0..65 {
        let made = place.workshop.make(&tenant, None, &draft, id(number), AT);
        made.await.unwrap();
    }
    for (number, fetched) in [(64, 65), (0, 66)] {
        let made = place.workshop.make(&tenant, None, &draft, id(number), AT);
        made.await.unwrap();
        assert_eq!(server.count(), fetched);
    }
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let place = place();
    let server = Server::start(Reply::status(503)).await;
    let draft = draft(2, &[&server.url("/x")]);
    for count in 1..3 {
        let error = place.make(&tenant("t"), None, &draft).await.unwrap_err();
        assert!(matches!(error, Unmakeable::Later(_)));
        assert_eq!(server.count(), count);
    }
}

#[tokio::test]
async fn attachments_have_a_limit_together() {
    let place = place();
    let path = place.file("file", 24 * MEGABYTE);
    let (tenant, draft) = (tenant("t"), draft(1, &[&*path; 3]));
    let error = place.make(&tenant, None, &draft).await;
    let expected = "Attachments are larger than the allowed 45 MB together";
    assert_eq!(error.unwrap_err(), Unmakeable::Never(expected.to_owned()));
    let linked = place.make(&tenant, Some(&place.rewrite()), &draft).await;
    assert!(linked.is_ok(), "links do not count");
}

#[tokio::test]
async fn a_large_file_goes_with_a_warning_or_not_at_all() {
    let place = place();
    let path = place.file("file", 2 * MEGABYTE);
    let draft = draft(1, &["base64:aGk=", &path]);
    let warn = place.policy(json!({"action": "warn"}));
    let made = place.make(&tenant("t"), Some(&warn), &draft).await.unwrap();
    assert_eq!(contents(&made), [b"hi".to_vec(), vec![0; 2 * MEGABYTE]]);
    let reject = place.policy(json!({"action": "reject"}));
    let error = place
        .make(&tenant("t"), Some(&reject), &draft)
        .await
        .unwrap_err();
    let expected = "Attachment 'f1.bin' (2.0 MB) exceeds limit (1 MB)";
    assert_eq!(error, Unmakeable::Never(expected.to_owned()));
}

#[tokio::test]
async fn a_large_file_becomes_one_link_in_both_bodies_at_every_try() {
    let place = place();
    let path = place.file("file", 2 * MEGABYTE);
    let (policy, draft) = (place.rewrite(), draft(1, &[&path, "base64:aGk="]));
    let tenant = tenant("t");
    let made = place.make(&tenant, Some(&policy), &draft).await.unwrap();
    let seen = Seen::of(&made.bytes);
    assert_eq!(contents(&made), [b"hi"], "the small one goes along");
    let (text, html) = (seen.text.unwrap(), seen.html.unwrap());
    let start = "Hello\r\n\r\nFiles for download:\r\n- f0.bin (2.0 MB, until 2027-02-14)\r\n  \
        https://files.example/download/";
    assert!(text.starts_with(start), "{text}");
    assert!(
        html.starts_with("<body>Hello<hr><p>Files for download:</p>"),
        "{html}"
    );
    assert!(
        html.contains(">f0.bin</a> (2.0 MB, until 2027-02-14)"),
        "{html}"
    );
    let again = place.make(&tenant, Some(&policy), &draft).await.unwrap();
    assert_eq!(again.bytes, made.bytes);
    assert_eq!(place.files_on_shelf(), 1);
}

#[tokio::test]
async fn a_large_file_without_a_body_is_linked_to_in_a_text() {
    let place = place();
    let path = place.file("file", 2 * MEGABYTE);
    let draft = Draft::read(&json!({"from": "a@x.org", "to": "b@x.org", "subject": "",
        "attachments": [{"filename": "x", "storage_path": path}]}))
    .unwrap();
    let made = place
        .make(&tenant("t"), Some(&place.rewrite()), &draft)
        .await
        .unwrap();
    let seen = Seen::of(&made.bytes);
    assert!(seen.text.unwrap().contains("- x (2.0 MB"));
    assert_eq!((seen.html, seen.attachments.len()), (None, 0));
}

#[tokio::test]
async fn a_bucket_that_is_busy_may_take_the_file_later() {
    let place = place();
    let path = place.file("file", 2 * MEGABYTE);
    let busy = Server::start(Reply::status(503)).await;
    let policy = place.policy(json!({"action": "rewrite", "storage_url": "s3://files/large"}));
    let error = place
        .make(
            &tenant_with_bucket(&busy),
            Some(&policy),
            &draft(1, &[&path]),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Unmakeable::Later(text)
        if text.starts_with("Attachment upload failed for f0.bin: ")),
        "{error}"
    );
    let stranger = place
        .make(&tenant("t"), Some(&policy), &draft(1, &[&path]))
        .await;
    assert!(matches!(stranger, Err(Unmakeable::Never(_))));
}

#[test]
fn making_can_go_on_in_a_task() {
    fn is_send<T: Send>(_: T) {}
    let (place, tenant, draft) = (place(), tenant("t"), draft(1, &[]));
    is_send(place.make(&tenant, None, &draft));
}
