//! Drafts that were prepared ahead: they make the same messages, and nothing is fetched for them any more.

use model::StorageProtocol;
use prepare::{Draft, LargeFilePolicy, Made, Memory, Share, TenantSource, Unmakeable};
use serde_json::{Value, json};

use crate::seen::Seen;
use crate::support::{Reply, Server, mount, tenant, tenant_at};
use crate::workshop::{AT, MEGABYTE, Place, contents, id, place};

/// Longer than anything here.
const LONG: usize = 16 * MEGABYTE;

fn message(attachments: &[Value]) -> Value {
    json!({"id": "m1", "from": "Ada <ada@example.org>", "to": "bob@example.net", "subject": "Files",
        "body": "Hello\n", "headers": {"X-Note": "n"}, "attachments": attachments})
}

fn at(path: &str) -> Value {
    json!({"filename": "a.bin", "storage_path": path})
}

/// Of memory for everything here.
fn share() -> Share {
    Memory::new(64 * MEGABYTE).share()
}

async fn make(place: &Place, tenant: &TenantSource, message: &Value) -> Made {
    let draft = Draft::read(message).unwrap();
    let made = place.workshop.make(tenant, None, &draft, id(1), AT).await;
    made.unwrap()
}

async fn prepare(
    place: &Place,
    tenant: &TenantSource,
    policy: Option<&LargeFilePolicy>,
    message: &Value,
) -> Value {
    let workshop = &place.workshop;
    let prepared = workshop
        .prepare(tenant, policy, message.clone(), (&share(), LONG))
        .await;
    serde_json::from_str(&prepared.unwrap().unwrap()).unwrap()
}

#[tokio::test]
async fn a_prepared_draft_makes_the_same_bytes_and_asks_nobody() {
    let place = place();
    let server = Server::start(Reply::ok(b"a")).await;
    let mut source = tenant_at(&server, "t");
    let config = json!({"base_path": place.folder.path()});
    mount(&mut source, "docs", StorageProtocol::Local, &config);
    let path = place.file("file", MEGABYTE);
    let url = server.url("/x?key=s3cret");
    let message = message(&[
        json!({"filename": "r_{MD5:0cc175b9c0f1b6a831c399e269772661}.pdf", "storage_path": url}),
        json!({"filename": "x", "storage_path": "doc_id=7", "mime_type": "text/plain",
            "auth": {"method": "bearer", "token": "s3cret"},
            "content_md5": "0cc175b9c0f1b6a831c399e269772661"}),
        at(&path),
        at("docs:file"),
        at("base64:aGk="),
        json!({"filename": "i", "storage_path": "aGk=", "fetch_mode": "base64"}),
    ]);
    let fresh = make(&place, &source, &message).await;
    let prepared = prepare(&place, &source, None, &message).await;
    assert!(Draft::read(&prepared).unwrap().is_whole());
    assert!(
        !prepared.to_string().contains("s3cret"),
        "it is needed no more"
    );
    // Where nothing can be reached: no endpoint, no storage, no folder.
    let bare = tenant("t");
    let made = make(&crate::workshop::place(), &bare, &prepared).await;
    assert_eq!(made.bytes, fresh.bytes);
    assert_eq!(made.sender, fresh.sender);
    let again = prepare(&crate::workshop::place(), &bare, None, &prepared).await;
    assert_eq!(again, prepared, "it is prepared already");
}

#[tokio::test]
async fn a_draft_is_whole_when_nothing_has_to_be_fetched() {
    let whole = |attachments: &[Value]| Draft::read(&message(attachments)).unwrap().is_whole();
    assert!(whole(&[]));
    assert!(whole(&[
        at("base64:"),
        json!({"filename": "x", "storage_path": "aGk=", "fetch_mode": "base64"})
    ]));
    for path in ["https://h/x", "/tmp/x", "docs:x", "doc_id=1", "Base64:aGk="] {
        assert!(!whole(&[at("base64:"), at(path)]), "{path}");
    }
    let endpoint = json!({"filename": "x", "storage_path": "base64:x", "fetch_mode": "endpoint"});
    assert!(!whole(&[endpoint]), "what it says counts");
}

#[tokio::test]
async fn large_files_are_linked_once_and_for_all_tries() {
    let place = place();
    let path = place.file("file", 2 * MEGABYTE);
    let (policy, source) = (place.rewrite(), tenant("t"));
    let bodies = [
        json!({"body": "Hello\n"}),
        json!({"body": "<body>Hello</body>\n", "content_type": "html"}),
        json!({"body_html": "<body>Hello</body>\n"}),
        json!({"body_text": "Hello\n", "body_html": "<body>Hello</body>\n"}),
        json!({}),
    ];
    for (count, body) in (1..).zip(bodies) {
        let mut message = message(&[at(&path), at("base64:aGk=")]);
        let fields = message.as_object_mut().unwrap();
        fields.remove("body");
        fields.extend(body.as_object().unwrap().clone());
        let prepared = prepare(&place, &source, Some(&policy), &message).await;
        assert_eq!(place.files_on_shelf(), 2 * count - 1);
        let draft = Draft::read(&prepared).unwrap();
        let workshop = &place.workshop;
        let making = || workshop.make(&source, Some(&policy), &draft, id(1), AT);
        let (made, again) = (making().await.unwrap(), making().await.unwrap());
        assert_eq!(made.bytes, again.bytes);
        assert_eq!(
            place.files_on_shelf(),
            2 * count - 1,
            "nothing is put there again"
        );
        let fresh = Draft::read(&message).unwrap();
        let number = i64::try_from(10 + count).unwrap();
        let fresh = workshop.make(&source, Some(&policy), &fresh, id(number), AT);
        let (made, fresh) = (Seen::of(&made.bytes), Seen::of(&fresh.await.unwrap().bytes));
        assert_eq!(place.files_on_shelf(), 2 * count);
        let without_link = |body: Option<String>| {
            let body = body?;
            let (before, rest) = body.split_once("https://files.example/download/")?;
            let rest = rest.find(['"', '\r']).map_or("", |end| &rest[end..]);
            Some(format!("{before}…{rest}"))
        };
        assert_eq!(without_link(made.text), without_link(fresh.text));
        assert_eq!(without_link(made.html), without_link(fresh.html));
        assert_eq!(made.attachments, fresh.attachments);
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_fails_as_it_does_when_it_is_sent() {
    let place = place();
    let missing = Server::start(Reply::status(404)).await;
    let busy = Server::start(Reply::status(503)).await;
    let large = place.file("file", 2 * MEGABYTE);
    let reject = place.policy(json!({"action": "reject"}));
    for path in [
        &missing.url("/x"),
        &busy.url("/x"),
        "base64:%",
        "/etc/hostname",
        &large,
    ] {
        let (source, message) = (tenant("t"), message(&[at(path)]));
        let draft = Draft::read(&message).unwrap();
        let (workshop, policy) = (&place.workshop, Some(&reject));
        let ahead = workshop
            .prepare(&source, policy, message, (&share(), LONG))
            .await;
        let then = workshop.make(&source, policy, &draft, id(1), AT).await;
        assert_eq!(ahead.unwrap_err(), then.unwrap_err(), "{path}");
    }
    let unreadable = place
        .workshop
        .prepare(&tenant("t"), None, json!({}), (&share(), LONG))
        .await;
    assert!(
        matches!(unreadable, Err(Unmakeable::Never(_))),
        "{unreadable:?}"
    );
}

#[tokio::test]
async fn what_would_be_too_long_stays_as_it_is() {
    let place = place();
    let path = place.file("file", MEGABYTE);
    let (source, message) = (tenant("t"), message(&[at(&path), at("base64:aGk=")]));
    let whole = prepare(&place, &source, None, &message).await.to_string();
    for (bytes_max, fits) in [(whole.len(), true), (whole.len() - 1, false), (1000, false)] {
        let share = share();
        let prepared = place
            .workshop
            .prepare(&source, None, message.clone(), (&share, bytes_max));
        assert_eq!(prepared.await.unwrap().is_some(), fits, "{bytes_max}");
    }
    let made = make(&place, &source, &serde_json::from_str(&whole).unwrap()).await;
    assert_eq!(contents(&made), [vec![0; MEGABYTE], b"hi".to_vec()]);
    // A body has its own limit, that of a link in it as well.
    let large = place.file("large", 2 * MEGABYTE);
    let mut full = self::message(&[at(&large)]);
    full["body"] = "x".repeat(25 << 20).into();
    let policy = place.rewrite();
    let share = share();
    let prepared = place
        .workshop
        .prepare(&source, Some(&policy), full, (&share, 64 << 20));
    assert_eq!(prepared.await.unwrap(), None);
}

#[tokio::test]
async fn what_was_fetched_has_its_memory_until_it_is_handed_over_and_a_linked_file_only_until_it_is_put()
 {
    let place = place();
    let (one, two) = (place.file("one", MEGABYTE), place.file("two", 2 * MEGABYTE));
    let (source, policy) = (tenant("t"), place.rewrite());
    let memory = Memory::new(3 * MEGABYTE);
    let prepare = async |path: &str, policy, share: &Share| {
        let message = message(&[at(path)]);
        let prepared = place
            .workshop
            .prepare(&source, policy, message, (share, LONG));
        prepared.await.map(|text| assert!(text.is_some()))
    };
    let (first, second) = (memory.share(), memory.share());
    prepare(&two, None, &first).await.unwrap();
    let full = prepare(&two, None, &second).await.unwrap_err();
    assert!(matches!(full, Unmakeable::Later(_)), "{full:?}");
    prepare(&one, None, &second).await.unwrap();
    drop(first);
    prepare(&two, Some(&policy), &second).await.unwrap();
    prepare(&two, None, &second).await.unwrap();
    let full = prepare(&one, None, &memory.share()).await;
    assert!(full.is_err(), "{full:?}");
}
