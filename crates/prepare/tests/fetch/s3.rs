//! Buckets: reading through a storage, with a server that looks at the requests.

use model::StorageProtocol;
use prepare::{Mount, TenantSource};
use serde_json::json;

use crate::support::{Reply, Server, Wishes, fetch, mount, tenant};

pub fn tenant_with_bucket(server: &Server) -> TenantSource {
    let mut tenant = tenant("t");
    let config = json!({"bucket": "files", "prefix": "in/", "endpoint_url": server.url(""),
        "aws_access_key_id": "AK", "aws_secret_access_key": "hunter2"});
    mount(&mut tenant, "S3", StorageProtocol::S3, &config);
    tenant
}

#[tokio::test]
async fn an_object_is_read_with_a_signed_request() {
    let server = Server::start(Reply::ok(b"content")).await;
    let fetcher = Wishes::default().fetcher();
    let tenant = tenant_with_bucket(&server);
    let fetched = fetch(&fetcher, &tenant, "S3:2026/Grüße 1.pdf")
        .await
        .unwrap();
    assert_eq!(fetched.bytes, "content");
    let sent = &server.requests()[0];
    let line = "GET /files/in/2026/Gr%C3%BC%C3%9Fe%201.pdf HTTP/1.1\r\n";
    assert!(sent.starts_with(line), "{sent}");
    let scope = "Credential=AK/20270115/us-east-1/s3/aws4_request,SignedHeaders=host;";
    assert!(sent.contains(scope), "{sent}");
    assert!(sent.contains("x-amz-date: 20270115T080000Z\r\n"), "{sent}");
    assert!(!sent.contains("hunter2"), "{sent}");
}

#[tokio::test]
async fn a_bucket_is_under_the_same_guard_as_every_address() {
    let server = Server::start(Reply::ok(b"content")).await;
    let wishes = Wishes {
        allowed: Vec::new(),
        ..Wishes::default()
    };
    let fetcher = wishes.fetcher();
    let tenant = tenant_with_bucket(&server);
    let error = fetch(&fetcher, &tenant, "S3:x").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("GLASSPOST_ALLOW_PRIVATE_TARGETS"),
        "{error}"
    );
    assert_eq!(server.count(), 0);
    for path in ["S3:../other-bucket/x", "S3:a/../../x"] {
        let error = fetch(&fetcher, &tenant, path).await.unwrap_err();
        assert!(error.to_string().contains(".."), "{error}");
    }
}

#[tokio::test]
async fn what_a_bucket_lacks_never_comes_and_what_it_holds_back_may() {
    for (status, temporary) in [(404, false), (403, false), (307, false), (503, true)] {
        let server = Server::start(Reply::status(status)).await;
        let fetcher = Wishes::default().fetcher();
        let error = fetch(&fetcher, &tenant_with_bucket(&server), "S3:x")
            .await
            .unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{error}");
    }
}

#[test]
fn a_bucket_with_a_strange_name_is_refused_by_field() {
    let problem = |field: &str, value: &str| {
        let mut config = json!({"bucket": "files", "aws_access_key_id": "AK",
            "aws_secret_access_key": "x"});
        config[field] = value.into();
        Mount::read(StorageProtocol::S3, config)
            .unwrap_err()
            .to_string()
    };
    for (field, value) in [
        ("bucket", "../x"),
        ("bucket", ""),
        ("bucket", ".."),
        ("region", "x.evil.example/"),
        ("aws_access_key_id", "a\r\nb"),
        ("prefix", "../x"),
        ("endpoint_url", "file:///x"),
        ("endpoint_url", "https://user:word@h.example"),
    ] {
        let text = problem(field, value);
        assert!(text.starts_with(&format!("config.{field}: ")), "{text}");
    }
}
