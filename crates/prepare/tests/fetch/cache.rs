//! The cache and the shared fetch: by tenant and MD5, verified, for a time.

use std::sync::Arc;
use std::time::Duration;

use model::Clock;
use prepare::{FetchError, Fetched, Fetcher, Problem, TenantSource};
use serde_json::json;

use crate::support::{Reply, Server, Wishes, request, tenant, tenant_at};

/// The MD5 of "content".
const CONTENT: &str = "9a0364b9e99bb480dd25e1f0284c8555";

async fn fetch(
    fetcher: &Fetcher,
    tenant: &TenantSource,
    path: &str,
    md5: &str,
) -> Result<Fetched, FetchError> {
    let json = json!({"filename": "x.pdf", "storage_path": path, "content_md5": md5});
    fetcher.fetch(tenant, &request(json)).await
}

struct Setup {
    server: Server,
    fetcher: Fetcher,
    tenant: TenantSource,
    clock: Clock,
}

async fn setup(content: &[u8], wishes: Wishes) -> Setup {
    let server = Server::start(Reply::ok(content)).await;
    Setup {
        tenant: tenant_at(&server, "t"),
        clock: wishes.clock.clone(),
        fetcher: wishes.fetcher(),
        server,
    }
}

impl Setup {
    fn wait(&self, seconds: u64) {
        self.clock
            .set(self.clock.now() + Duration::from_secs(seconds));
    }

    async fn ask(&self, md5: &str) -> Fetched {
        fetch(&self.fetcher, &self.tenant, "x", md5).await.unwrap()
    }
}

#[tokio::test]
async fn a_small_attachment_is_fetched_once_in_five_minutes() {
    let setup = setup(b"content", Wishes::default()).await;
    for _ in 0..3 {
        assert_eq!(setup.ask(CONTENT).await.bytes, "content");
    }
    assert_eq!(setup.server.count(), 1);
    setup.wait(299);
    setup.ask(CONTENT).await;
    assert_eq!(setup.server.count(), 1);
    setup.wait(1);
    setup.ask(CONTENT).await;
    assert_eq!(setup.server.count(), 2);
}

#[tokio::test]
async fn a_large_attachment_is_kept_on_the_disk_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let mut wishes = Wishes::default();
    wishes.cache.small_bytes_max = 1000;
    wishes.cache.disk_folder = Some(folder.path().join("cache"));
    let content = vec![b'x'; 1000];
    let md5 = prepare::Md5::of(&content).to_string();
    let setup = setup(&content, wishes).await;
    setup.ask(&md5).await;
    setup.wait(3599);
    assert_eq!(setup.ask(&md5).await.bytes, content);
    assert_eq!(setup.server.count(), 1);
    setup.wait(1);
    setup.ask(&md5).await;
    assert_eq!(setup.server.count(), 2);
}

#[tokio::test]
async fn a_file_of_the_cache_that_was_tampered_with_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut wishes = Wishes::default();
    wishes.cache.small_bytes_max = 0;
    wishes.cache.disk_folder = Some(folder.path().to_owned());
    let setup = setup(b"content", wishes).await;
    setup.ask(CONTENT).await;
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    std::fs::write(file.path(), "CONTENT").unwrap();
    assert_eq!(setup.ask(CONTENT).await.bytes, "content");
    assert_eq!(setup.server.count(), 2);
}

#[tokio::test]
async fn a_cache_that_cannot_write_only_costs_another_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("cache");
    let mut wishes = Wishes::default();
    wishes.cache.small_bytes_max = 0;
    wishes.cache.disk_folder = Some(inner.clone());
    let setup = setup(b"content", wishes).await;
    std::fs::remove_dir(&inner).unwrap();
    for _ in 0..2 {
        assert_eq!(setup.ask(CONTENT).await.bytes, "content");
    }
    assert_eq!(setup.server.count(), 2);
    std::fs::create_dir(&inner).unwrap();
    setup.ask(CONTENT).await;
    setup.ask(CONTENT).await;
    assert_eq!(setup.server.count(), 3);
}

#[tokio::test]
async fn without_an_md5_nothing_is_cached() {
    let setup = setup(b"content", Wishes::default()).await;
    for _ in 0..2 {
        let fetched = crate::support::fetch(&setup.fetcher, &setup.tenant, "x").await;
        assert_eq!(fetched.unwrap().bytes, "content");
    }
    assert_eq!(setup.server.count(), 2);
}

#[tokio::test]
async fn other_bytes_than_announced_are_an_error_that_names_both_and_are_not_cached() {
    let setup = setup(b"something else", Wishes::default()).await;
    for count in 1..=2 {
        let error = fetch(&setup.fetcher, &setup.tenant, "x", CONTENT)
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(CONTENT), "{text}");
        assert!(
            text.contains(&prepare::Md5::of(b"something else").to_string()),
            "{text}"
        );
        assert!(!error.is_temporary());
        assert_eq!(setup.server.count(), count);
    }
    let error = fetch(&setup.fetcher, &setup.tenant, "base64:aGk=", CONTENT)
        .await
        .unwrap_err();
    assert!(matches!(*error.problem, Problem::Md5 { .. }), "{error}");
}

#[tokio::test]
async fn a_tenant_never_gets_what_another_fetched() {
    let setup = setup(b"content", Wishes::default()).await;
    setup.ask(CONTENT).await;
    let poor = Server::start(Reply::status(404)).await;
    let thief = tenant_at(&poor, "thief");
    let error = fetch(&setup.fetcher, &thief, "x", CONTENT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    assert_eq!(poor.count(), 1);
}

#[tokio::test]
async fn those_who_want_the_same_at_once_share_one_fetch() {
    let server = Server::closed(Reply::ok(b"content")).await;
    let fetcher = Arc::new(Wishes::default().fetcher());
    let ask = |tenant: &'static str| {
        let (fetcher, tenant) = (Arc::clone(&fetcher), tenant_at(&server, tenant));
        tokio::spawn(async move { fetch(&fetcher, &tenant, "x", CONTENT).await })
    };
    let mut asked: Vec<_> = (0..20).map(|_| ask("t")).collect();
    asked.push(ask("other"));
    server.wait_for_requests(2).await;
    server.open();
    for one in asked {
        assert_eq!(one.await.unwrap().unwrap().bytes, "content");
    }
    assert_eq!(server.count(), 2, "one a tenant");
}

#[tokio::test]
async fn a_shared_fetch_that_fails_fails_for_all_at_once() {
    let server = Server::closed(Reply::status(503)).await;
    let fetcher = Arc::new(Wishes::default().fetcher());
    let ask = || {
        let (fetcher, tenant) = (Arc::clone(&fetcher), tenant_at(&server, "t"));
        tokio::spawn(async move { fetch(&fetcher, &tenant, "x", CONTENT).await })
    };
    let asked: Vec<_> = (0..10).map(|_| ask()).collect();
    server.wait_for_requests(1).await;
    server.open();
    for one in asked {
        assert!(one.await.unwrap().unwrap_err().is_temporary());
    }
    assert!(server.count() <= 2, "{}", server.count());
}

#[tokio::test]
async fn a_wrong_place_does_not_spoil_the_right_one_with_the_same_md5() {
    let good = Server::closed(Reply::ok(b"content")).await;
    let bad = Server::start(Reply::status(404)).await;
    let fetcher = Arc::new(Wishes::default().fetcher());
    let (asking, url) = (Arc::clone(&fetcher), good.url("/"));
    let right = tokio::spawn(async move { fetch(&asking, &tenant("t"), &url, CONTENT).await });
    good.wait_for_requests(1).await;
    let tenant = tenant("t");
    fetch(&fetcher, &tenant, &bad.url("/"), CONTENT)
        .await
        .unwrap_err();
    good.open();
    assert!(right.await.unwrap().is_ok());
    // Once it is there, it is there for the tenant under its MD5, whatever the place.
    assert!(
        fetch(&fetcher, &tenant, &bad.url("/"), CONTENT)
            .await
            .is_ok()
    );
}
