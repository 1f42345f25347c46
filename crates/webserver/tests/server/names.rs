//! Hosts, origins and fetch metadata, over a router with several routes and addresses that it does not know.

use axum::extract::Extension;
use axum::http::{HeaderMap, header};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Router, response::IntoResponse};
use webserver::{Access, Limits, Peer, Refusal};

use crate::harness::{Answer, Running, start};

const TARGETS: [&str; 7] = [
    "/",
    "/api/stats",
    "/api/act",
    "/api/broken",
    "/nothing",
    "/api/",
    "/../etc/passwd",
];

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { Html("<!doctype html>page") }))
        .route("/api/stats", get(|| async { shared_with_all() }))
        .route("/api/act", post(|| async { "done" }))
        .route(
            "/api/no",
            get(|| async { Refusal::bad_field("limit", "at most 1000") }),
        )
        .route(
            "/api/peer",
            get(|Extension(Peer(ip)): Extension<Peer>| async move { ip.to_string() }),
        )
        .route("/api/broken", get(broken))
}

/// A handler that thinks too well of other sites.
fn shared_with_all() -> impl IntoResponse {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*".parse().unwrap());
    (headers, "figures")
}

async fn broken() -> String {
    panic!("this handler is broken")
}

async fn local() -> Running {
    start(
        router(),
        Access::loopback().with_host_hint("use --monitor-host"),
        Limits::default(),
    )
    .await
}

fn assert_guarded(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "),
        "{policy}"
    );
    assert!(
        policy.ends_with("form-action 'none'; frame-ancestors 'none'"),
        "{policy}"
    );
    assert!(!answer.head.contains("access-control"), "{answer:?}");
    if answer.status >= 400 {
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{answer:?}"
        );
        assert!(answer.body.starts_with(r#"{"error":{"#), "{answer:?}");
    }
}

#[tokio::test]
async fn a_rebound_name_gets_no_answer_on_any_route() {
    let server = local().await;
    for host in [
        "evil.example",
        "evil.example:9091",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "evil.localhost",
        "localhost.",
        "10.0.0.1",
        "[::2]:1",
        "2130706433",
        "",
        "a b",
    ] {
        for target in TARGETS {
            for method in ["GET", "HEAD", "POST", "OPTIONS", "BREW"] {
                let answer = server
                    .ask(&format!(
                        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                    ))
                    .await;
                assert_eq!(
                    answer.status, 403,
                    "{method} {target} at {host:?}: {answer:?}"
                );
                if method != "HEAD" {
                    assert!(answer.body.contains("use --monitor-host"), "{answer:?}");
                    assert_guarded(&answer);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_host_and_two_hosts_get_no_answer_on_any_route() {
    let server = local().await;
    for target in TARGETS {
        for hosts in [
            "",
            "Host: localhost\r\nHost: localhost\r\n",
            "Host: localhost\r\nhost: evil.example\r\n",
        ] {
            let answer = server.get(target, hosts).await;
            assert_eq!(answer.status, 400, "{target} {hosts:?}: {answer:?}");
            assert_guarded(&answer);
        }
    }
    let answer = server
        .get("http://evil.example/", "Host: localhost\r\n")
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(
        server
            .get("http://localhost/", "Host: localhost\r\n")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn this_machines_own_names_are_answered() {
    let server = local().await;
    let port = server.address.port();
    for host in ["localhost", "LocalHost", "127.0.0.1", "[::1]"] {
        for host in [
            host.to_owned(),
            format!("{host}:{port}"),
            format!("{host}:8080"),
        ] {
            let answer = server.get("/", &format!("Host: {host}\r\n")).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, "<!doctype html>page"),
                "{host}"
            );
            assert_guarded(&answer);
        }
    }
}

#[tokio::test]
async fn every_answer_has_its_headers_and_every_error_is_json() {
    let server = local().await;
    for (target, status, words) in [
        ("/", 200, "page"),
        ("/api/stats", 200, "figures"),
        ("/api/peer", 200, "127.0.0.1"),
        (
            "/api/no",
            400,
            r#"{"error":{"field":"limit","message":"at most 1000"}}"#,
        ),
        ("/nothing", 404, "nothing at this address"),
        ("/api/act", 405, "Allow names"),
        ("/api/broken", 500, "the log has more"),
        ("/", 200, "page"),
    ] {
        let answer = server.get(target, "Host: localhost\r\n").await;
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.body.contains(words), "{target}: {answer:?}");
        assert_guarded(&answer);
    }
    let head = server
        .ask("HEAD /api/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(
        (
            head.status,
            head.header("content-length"),
            head.body.as_str()
        ),
        (200, Some("7"), "")
    );
    assert_guarded(&head);
}

#[tokio::test]
async fn a_foreign_page_gets_no_answer_on_any_route() {
    let server = local().await;
    for target in TARGETS {
        for lines in [
            "Origin: http://evil.example\r\n",
            "Origin: null\r\n",
            "Origin: http://localhost:3000\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
            "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
        ] {
            let answer = server
                .get(target, &format!("Host: localhost:9091\r\n{lines}"))
                .await;
            assert_eq!(answer.status, 403, "{target} {lines}: {answer:?}");
            assert_guarded(&answer);
        }
    }
    let preflight = "OPTIONS /api/act HTTP/1.1\r\nHost: localhost:9091\r\nOrigin: http://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n";
    let answer = server.ask(preflight).await;
    assert_eq!(answer.status, 403);
    assert_guarded(&answer);
}

#[tokio::test]
async fn an_own_page_and_a_link_are_answered() {
    let server = local().await;
    for lines in [
        "Origin: http://localhost:9091\r\nSec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: same-origin\r\n",
        "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    ] {
        let answer = server
            .get("/api/stats", &format!("Host: localhost:9091\r\n{lines}"))
            .await;
        assert_eq!(answer.status, 200, "{lines}: {answer:?}");
    }
}

#[tokio::test]
async fn a_form_of_another_page_cannot_post() {
    let server = local().await;
    let post = async |lines: &str| {
        let head = format!(
            "POST /api/act HTTP/1.1\r\nHost: localhost:9091\r\nConnection: close\r\n{lines}"
        );
        server
            .ask(&format!("{head}Content-Length: 2\r\n\r\n{{}}"))
            .await
            .status
    };
    let json = "Content-Type: application/json\r\n";
    assert_eq!(post(json).await, 200);
    assert_eq!(
        post(&format!(
            "{json}Origin: http://localhost:9091\r\nSec-Fetch-Site: same-origin\r\n"
        ))
        .await,
        200
    );
    assert_eq!(post("").await, 415);
    assert_eq!(post("Content-Type: text/plain\r\n").await, 415);
    assert_eq!(
        post(&format!("{json}Origin: http://evil.example\r\n")).await,
        403
    );
    assert_eq!(
        post(&format!("{json}Sec-Fetch-Site: cross-site\r\n")).await,
        403
    );
    let navigates =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    assert_eq!(post(&format!("{json}{navigates}")).await, 403);
}

#[tokio::test]
async fn elsewhere_a_name_has_to_be_listed_and_a_number_has_not() {
    let access = Access::elsewhere(None, vec!["Mail.example".to_owned()]);
    let server = start(router(), access, Limits::default()).await;
    for (host, status) in [
        ("mail.example:9091", 200),
        ("10.1.2.3:9091", 200),
        ("[2001:db8::1]", 200),
        ("localhost", 200),
        ("evil.example", 403),
        ("mail.example.evil", 403),
        ("10.1.2.3.evil.example", 403),
    ] {
        assert_eq!(
            server.get("/", &format!("Host: {host}\r\n")).await.status,
            status,
            "{host}"
        );
    }
}
