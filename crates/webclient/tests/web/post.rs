//! POST: delivered once it can be, tried again when that may help, and only then.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpListener;
use webclient::{Error, HeaderMap, Receipt, RetryPolicy};

use crate::support::{Canary, Reply, Server, client_for, settings};

const EVENT: &str = r#"{"status":"completed"}"#;

/// Four quick attempts.
fn policy() -> RetryPolicy {
    RetryPolicy {
        delays: vec![Duration::from_millis(5)],
        ..RetryPolicy::default()
    }
}

async fn post(replies: Vec<Reply>, policy: RetryPolicy) -> (Result<Receipt, Error>, Server) {
    let server = Server::start(replies).await;
    let url = server.url("hook.test", "/event");
    let client = client_for(&["hook.test"]);
    let task = async move {
        let signature = (
            "x-mailgrid-signature".parse().unwrap(),
            "sha256=00".parse().unwrap(),
        );
        let headers = HeaderMap::from_iter([signature]);
        client
            .post(&url, &headers, Bytes::from(EVENT), &policy)
            .await
    };
    // In a task of its own, as its users do.
    (tokio::spawn(task).await.unwrap(), server)
}

#[tokio::test]
async fn a_post_arrives_with_its_headers_and_body() {
    let (receipt, server) = post(vec![Reply::status(204)], policy()).await;
    assert_eq!(
        receipt.unwrap(),
        Receipt {
            status: 204,
            attempts: 1
        }
    );
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /event HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("x-mailgrid-signature: sha256=00\r\n"),
        "{request}"
    );
    assert!(request.ends_with(EVENT), "{request}");
}

#[tokio::test]
async fn a_server_that_recovers_gets_the_same_request_again() {
    let replies = [503, 503, 200].map(Reply::status).to_vec();
    let (receipt, server) = post(replies, policy()).await;
    assert_eq!(
        receipt.unwrap(),
        Receipt {
            status: 200,
            attempts: 3
        }
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]));
}

#[tokio::test]
async fn attempts_end_with_the_last_answer() {
    let (outcome, server) = post(vec![Reply::status(502)], policy()).await;
    assert!(
        matches!(outcome, Err(Error::Status { status: 502, .. })),
        "{outcome:?}"
    );
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_refusal_for_good_is_not_repeated() {
    for status in [301, 400, 401, 404, 410, 422] {
        let (outcome, server) = post(vec![Reply::status(status)], policy()).await;
        assert!(matches!(outcome, Err(Error::Status { status: found, .. }) if found == status));
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_up_to_its_bound() {
    let busy = Reply::with(429, "retry-after: 3600\r\n", "");
    let bound = Duration::from_millis(150);
    let start = Instant::now();
    let policy = RetryPolicy {
        retry_after_max: bound,
        ..policy()
    };
    let (receipt, _) = post(vec![busy, Reply::status(200)], policy).await;
    assert_eq!(receipt.unwrap().attempts, 2);
    assert!(start.elapsed() >= bound);
}

#[tokio::test]
async fn a_dropped_connection_is_tried_again() {
    let replies = vec![
        Reply::Say(String::new()),
        Reply::Say("HTTP/1.1 200 OK\r\ncontent-le".to_owned()),
        Reply::status(200),
    ];
    let (receipt, _) = post(replies, policy()).await;
    assert_eq!(receipt.unwrap().attempts, 3);
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_attempt() {
    let replies = vec![Reply::Stall(String::new()), Reply::status(200)];
    let policy = RetryPolicy {
        attempt_deadline: Duration::from_secs(1),
        ..policy()
    };
    let (receipt, _) = post(replies, policy).await;
    assert_eq!(receipt.unwrap().attempts, 2);
}

#[tokio::test]
async fn all_attempts_together_keep_the_deadline() {
    let start = Instant::now();
    let policy = RetryPolicy {
        deadline: Duration::from_millis(300),
        ..policy()
    };
    let (outcome, _) = post(vec![Reply::Stall(String::new())], policy).await;
    assert!(
        matches!(outcome, Err(Error::TimedOut { .. })),
        "{outcome:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_closed_port_is_unreachable_after_all_attempts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://hook.test:{}/",
        listener.local_addr().unwrap().port()
    );
    drop(listener);
    let client = client_for(&["hook.test"]);
    let outcome = client
        .post(&url, &HeaderMap::new(), Bytes::new(), &policy())
        .await;
    assert!(
        matches!(outcome, Err(Error::Unreachable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_success_with_a_large_or_broken_body_is_a_success() {
    let large = Reply::ok(&"x".repeat(3_000_000));
    let broken = Reply::Say("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx".to_owned());
    for reply in [
        large,
        broken,
        Reply::Stall("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".into()),
    ] {
        let (receipt, _) = post(vec![reply], policy()).await;
        assert_eq!(
            receipt.unwrap(),
            Receipt {
                status: 200,
                attempts: 1
            }
        );
    }
}

#[tokio::test]
async fn a_signed_body_does_not_follow_a_redirect() {
    let canary = Canary::start().await;
    for status in [302, 307, 308] {
        let location = format!("location: http://hook.test:{}/\r\n", canary.port);
        let (outcome, _) = post(vec![Reply::with(status, &location, "")], policy()).await;
        assert!(matches!(outcome, Err(Error::Status { status: found, .. }) if found == status));
        assert_eq!(canary.connections().await, 0);
    }
}

#[tokio::test]
async fn a_private_target_is_refused_at_once() {
    let canary = Canary::start().await;
    let settings = webclient::Settings {
        web_ports: vec![canary.port],
        ..settings()
    };
    let client = webclient::WebClient::new(settings).unwrap();
    for host in ["127.0.0.1", "hook.test"] {
        let url = format!("http://{host}:{}/", canary.port);
        let outcome = client
            .post(&url, &HeaderMap::new(), Bytes::new(), &policy())
            .await;
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
    }
    assert_eq!(canary.connections().await, 0);
}

#[tokio::test]
async fn a_callers_headers_cannot_frame_or_route_the_request() {
    let server = Server::start(vec![Reply::status(200)]).await;
    let pairs = [
        ("host", "inside.test"),
        ("content-length", "3"),
        ("transfer-encoding", "chunked"),
    ];
    let headers = pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let (url, client) = (server.url("hook.test", "/"), client_for(&["hook.test"]));
    let receipt = client
        .post(
            &url,
            &HeaderMap::from_iter(headers),
            Bytes::from(EVENT),
            &policy(),
        )
        .await;
    receipt.unwrap();
    let request = &server.requests()[0];
    assert!(
        request.contains(&format!("host: hook.test:{}\r\n", server.port)),
        "{request}"
    );
    assert!(
        request.contains(&format!("content-length: {}\r\n", EVENT.len())),
        "{request}"
    );
    assert!(
        !request.contains("transfer-encoding") && request.ends_with(EVENT),
        "{request}"
    );
}

fn exchange(body_bytes_max: u64) -> webclient::Exchange {
    webclient::Exchange {
        method: webclient::Method::PUT,
        headers: HeaderMap::new(),
        body: Bytes::from(EVENT),
        deadline: Duration::from_secs(5),
        body_bytes_max,
    }
}

#[tokio::test]
async fn an_exchange_sends_its_method_and_body_and_returns_the_answer() {
    let server = Server::start(vec![Reply::ok("thank you")]).await;
    let client = client_for(&["hook.test"]);
    let url = server.url("hook.test", "/event");
    let answer = client.exchange(&url, exchange(9)).await.unwrap();
    assert_eq!(&answer.body[..], b"thank you");
    let request = &server.requests()[0];
    assert!(request.starts_with("PUT /event HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(EVENT), "{request}");
    let error = client.exchange(&url, exchange(8)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn an_exchange_of_any_status_returns_what_the_server_says_of_its_refusal() {
    let refusal = Reply::with(422, "", "it lacks a field");
    let server = Server::start(vec![refusal]).await;
    let client = client_for(&["hook.test"]);
    let url = server.url("hook.test", "/event");
    let answer = client.exchange_any(&url, exchange(16)).await.unwrap();
    assert_eq!(answer.head.status, 422);
    assert_eq!(&answer.body[..], b"it lacks a field");
    let error = client.exchange_any(&url, exchange(15)).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn an_exchange_follows_no_redirect_and_reaches_no_private_host() {
    let server = Server::start(vec![Reply::redirect("http://127.0.0.1/")]).await;
    let client = client_for(&["hook.test"]);
    let url = server.url("hook.test", "/event");
    let error = client.exchange(&url, exchange(9)).await.unwrap_err();
    assert!(
        matches!(error, Error::Status { status: 302, .. }),
        "{error}"
    );
    let url = server.url("127.0.0.1", "/event");
    let error = client.exchange(&url, exchange(9)).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(server.requests().len(), 1);
}
