//! URLs and endpoints: what is sent, what is refused, and what may be tried again.

use std::time::{Duration, Instant};

use model::ClientAuth;
use prepare::{FetchError, Problem};
use serde_json::json;

use crate::support::{Reply, Server, Wishes, fetch, request, tenant, tenant_at};

#[tokio::test]
async fn base64_is_its_own_content() {
    let fetcher = Wishes::default().fetcher();
    let json = json!({"filename": "note_{MD5:49f68a5c8493ec2c0bf489821c21fc3b}.txt",
        "storage_path": "base64:aGk="});
    let fetched = fetcher.fetch(&tenant("t"), &request(json)).await.unwrap();
    assert_eq!(fetched.file_name.as_str(), "note.txt");
    assert_eq!(fetched.media_type.as_str(), "text/plain");
    assert_eq!(fetched.bytes, "hi");
    let attachment = compose::mime::Attachment::from(fetched);
    assert_eq!(attachment.bytes, b"hi");
}

#[tokio::test]
async fn a_url_is_got_with_the_credentials_of_the_request() {
    let server = Server::start(Reply::ok(b"content")).await;
    let fetcher = Wishes::default().fetcher();
    let mut tenant = tenant_at(&server, "t");
    tenant.client.auth = ClientAuth::bearer("tenants-own").unwrap();
    let mut json = json!({"filename": "x.pdf", "storage_path": server.url("/x?y=1")});
    let fetched = fetcher
        .fetch(&tenant, &request(json.clone()))
        .await
        .unwrap();
    assert_eq!(fetched.bytes, "content");
    json["auth"] = json!({"method": "basic", "user": "u", "password": "p"});
    fetcher.fetch(&tenant, &request(json)).await.unwrap();
    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /x?y=1 HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(!requests[0].contains("authorization"), "{}", requests[0]);
    assert!(
        requests[1].contains("authorization: Basic dTpw\r\n"),
        "{}",
        requests[1]
    );
}

#[tokio::test]
async fn an_endpoint_is_asked_for_the_path_with_the_tenants_credentials() {
    let server = Server::start(Reply::ok(b"content")).await;
    let fetcher = Wishes::default().fetcher();
    let mut tenant = tenant_at(&server, "t");
    tenant.client.auth = ClientAuth::bearer("tenants-own").unwrap();
    let fetched = fetch(&fetcher, &tenant, "doc_id=1&x=\"").await.unwrap();
    assert_eq!(fetched.bytes, "content");
    let sent = &server.requests()[0];
    assert!(
        sent.starts_with("POST /mail-proxy/attachments HTTP/1.1\r\n"),
        "{sent}"
    );
    assert!(
        sent.contains("authorization: Bearer tenants-own\r\n"),
        "{sent}"
    );
    assert!(
        sent.contains("content-type: application/json\r\n"),
        "{sent}"
    );
    assert!(
        sent.ends_with(r#"{"storage_path":"doc_id=1&x=\""}"#),
        "{sent}"
    );
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let stranger = Server::start(Reply::ok(b"content")).await;
    let server = Server::start(Reply::redirect(&stranger.url("/x"))).await;
    let fetcher = Wishes::default().fetcher();
    let json = json!({"filename": "x.pdf", "storage_path": server.url("/x"),
        "auth": {"method": "bearer", "token": "k"}});
    let fetched = fetcher.fetch(&tenant("t"), &request(json)).await;
    assert_eq!(fetched.unwrap().bytes, "content");
    assert!(server.requests()[0].contains("authorization: Bearer k"));
    assert!(!stranger.requests()[0].contains("authorization"));
    // An endpoint's question carries a body, which goes nowhere else at all.
    let error = fetch(&fetcher, &tenant_at(&server, "t"), "x")
        .await
        .unwrap_err();
    assert!(!error.is_temporary(), "{error}");
    assert_eq!(stranger.count(), 1);
}

#[tokio::test]
async fn private_targets_are_refused_unless_the_operator_listed_them() {
    let server = Server::start(Reply::ok(b"secret")).await;
    let wishes = Wishes {
        allowed: Vec::new(),
        ..Wishes::default()
    };
    let fetcher = wishes.fetcher();
    let tenant = tenant("t");
    let port = server.port;
    let hosts = [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
    ];
    for host in hosts {
        for url in [format!("http://{host}:{port}/"), format!("http://{host}/")] {
            let error = fetch(&fetcher, &tenant, &url).await.unwrap_err();
            let refused = matches!(&*error.problem, Problem::Web(webclient::Error::Refused(_)));
            assert!(refused, "{url}: {error}");
            assert!(!error.is_temporary(), "{url}");
        }
    }
    let error = fetch(&fetcher, &tenant_at(&server, "t"), "x")
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.problem, Problem::Web(webclient::Error::Refused(_))),
        "{error}"
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_private_target_is_refused() {
    let inner = Server::start(Reply::ok(b"secret")).await;
    let to = format!("http://127.0.0.2:{}/", inner.port);
    let server = Server::start(Reply::redirect(&to)).await;
    let fetcher = Wishes::default().fetcher();
    let error = fetch(&fetcher, &tenant("t"), &server.url("/"))
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.problem, Problem::Web(webclient::Error::Refused(_))),
        "{error}"
    );
    assert_eq!(inner.count(), 0);
}

#[tokio::test]
async fn other_schemes_never_reach_the_web_or_the_disk() {
    let fetcher = Wishes::default().fetcher();
    let tenant = tenant("t");
    for path in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1/",
        "data:,x",
    ] {
        let error = fetch(&fetcher, &tenant, path).await.unwrap_err();
        assert!(!error.is_temporary(), "{path}: {error}");
    }
    let named = fetch(&fetcher, &tenant, "http://user:hunter2@127.0.0.1/")
        .await
        .unwrap_err();
    assert!(!named.to_string().contains("hunter2"), "{named}");
}

#[tokio::test]
async fn bodies_larger_than_allowed_are_dropped_while_they_come() {
    let announced = Server::start(Reply::ok(&[0; 100_001])).await;
    let endless = Server::start(Reply::Endless).await;
    let fetcher = Wishes::default().fetcher();
    for server in [&announced, &endless] {
        for path in [server.url("/"), "endpoint".to_owned()] {
            let error = fetch(&fetcher, &tenant_at(server, "t"), &path)
                .await
                .unwrap_err();
            let too_large = matches!(
                &*error.problem,
                Problem::Web(webclient::Error::TooLarge {
                    bytes_max: 100_000,
                    ..
                })
            );
            assert!(too_large && !error.is_temporary(), "{error}");
        }
    }
    let fits = Server::start(Reply::ok(&[0; 100_000])).await;
    let fetched = fetch(&fetcher, &tenant("t"), &fits.url("/")).await.unwrap();
    assert_eq!(fetched.bytes.len(), 100_000);
}

#[tokio::test]
async fn a_server_that_stalls_is_left_and_may_be_asked_again_later() {
    let server = Server::start(Reply::Stall).await;
    let mut wishes = Wishes::default();
    wishes.limits.deadline = Duration::from_millis(200);
    let fetcher = wishes.fetcher();
    for path in [server.url("/"), "endpoint".to_owned()] {
        let start = Instant::now();
        let error = fetch(&fetcher, &tenant_at(&server, "t"), &path)
            .await
            .unwrap_err();
        assert!(error.is_temporary(), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

async fn problem_of(status: u16) -> FetchError {
    let server = Server::start(Reply::status(status)).await;
    let fetcher = Wishes::default().fetcher();
    fetch(&fetcher, &tenant_at(&server, "t"), "x")
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_status_says_whether_it_may_pass() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        assert!(problem_of(status).await.is_temporary(), "{status}");
    }
    for status in [301, 400, 401, 403, 404, 410, 413, 422] {
        assert!(!problem_of(status).await.is_temporary(), "{status}");
    }
    let text = problem_of(404).await.to_string();
    assert_eq!(
        text,
        "Attachment fetch failed for file.pdf: 127.0.0.1 answered with status 404"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let fetcher = Wishes::default().fetcher();
    let error = fetch(&fetcher, &tenant("t"), &url).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
}

#[tokio::test]
async fn what_a_tenant_lacks_is_named() {
    let fetcher = Wishes::default().fetcher();
    let tenant = tenant("t");
    let error = fetch(&fetcher, &tenant, "doc_id=1").await.unwrap_err();
    assert!(error.to_string().contains("client_base_url"), "{error}");
    let error = fetch(&fetcher, &tenant, "HOME:x.pdf").await.unwrap_err();
    assert!(
        error.to_string().contains("no storage named HOME"),
        "{error}"
    );
    let json = json!({"filename": "x", "storage_path": "base64:%%%%"});
    let error = fetcher.fetch(&tenant, &request(json)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Attachment fetch failed for x: storage_path: not base64"),
        "{error}"
    );
    assert!(!error.is_temporary());
}

#[tokio::test]
async fn a_tenant_with_a_slow_server_does_not_hold_up_another() {
    let slow = Server::closed(Reply::ok(b"slow")).await;
    let quick = Server::start(Reply::ok(b"quick")).await;
    let mut wishes = Wishes::default();
    wishes.limits.deadline = Duration::from_secs(30);
    let fetcher = std::sync::Arc::new(wishes.fetcher());
    for number in 0..20 {
        let (fetcher, tenant) = (std::sync::Arc::clone(&fetcher), tenant_at(&slow, "slow"));
        tokio::spawn(async move { fetch(&fetcher, &tenant, &number.to_string()).await });
    }
    slow.wait_for_requests(4).await;
    let fetched = fetch(&fetcher, &tenant_at(&quick, "quick"), "x")
        .await
        .unwrap();
    assert_eq!(fetched.bytes, "quick");
    assert_eq!(slow.count(), 4, "no more than its turns");
}
