//! The token, on every route of a router.

use axum::Router;
use axum::routing::get;
use model::Secret;
use webserver::{Access, Limits};

use crate::harness::{Running, start};

const TOKEN: &str = "t0ken+with/odd=signs";

async fn locked() -> Running {
    let router = Router::new()
        .route("/", get(|| async { "page" }))
        .route("/api/stats", get(|| async { "figures" }));
    let access = Access::elsewhere(Some(Secret::new(TOKEN)), Vec::new());
    start(router, access, Limits::default()).await
}

#[tokio::test]
async fn no_route_opens_without_the_token() {
    let server = locked().await;
    for target in [
        "/",
        "/api/stats",
        "/nothing",
        "/?x=1",
        &format!("/api/stats?token={TOKEN}"),
    ] {
        let answer = server.get(target, "Host: localhost\r\n").await;
        assert_eq!(answer.status, 401, "{target}");
        assert!(
            answer.body.contains("?token=…") && answer.body.contains("Bearer"),
            "{answer:?}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    for (target, status) in [("/", 200), ("/api/stats", 200), ("/nothing", 404)] {
        let lines = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
        assert_eq!(server.get(target, &lines).await.status, status, "{target}");
    }
    let rebound = format!("Host: evil.example\r\nAuthorization: Bearer {TOKEN}\r\n");
    assert_eq!(server.get("/", &rebound).await.status, 403);
}

#[tokio::test]
async fn a_browser_signs_in_once_by_its_address() {
    let server = locked().await;
    let page = "Host: localhost\r\nAccept: text/html,application/xhtml+xml\r\n";
    let answer = server.get(&format!("/?token={TOKEN}&view=all"), page).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("./?view=all"))
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(!answer.head.contains(TOKEN), "{answer:?}");
    let (cookie, attributes) = answer
        .header("set-cookie")
        .unwrap()
        .split_once(';')
        .unwrap();
    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Path=/");
    let lines = format!("{page}Cookie: {cookie}\r\n");
    assert_eq!(server.get("/?view=all", &lines).await.body, "page");
    assert_eq!(server.get("/api/stats", &lines).await.body, "figures");
    assert_eq!(server.get("/?token=wrong", page).await.status, 401);
}

#[tokio::test]
async fn guessing_tokens_ends_with_429_for_all_but_who_is_signed_in() {
    let server = locked().await;
    let page = "Host: localhost\r\nAccept: text/html\r\n";
    let answer = server.get(&format!("/?token={TOKEN}"), page).await;
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for guess in 0..10 {
        let answer = match guess % 2 {
            0 => {
                server
                    .get(
                        "/",
                        &format!("Host: localhost\r\nAuthorization: Bearer {guess}\r\n"),
                    )
                    .await
            }
            _ => server.get(&format!("/?token={guess}"), page).await,
        };
        assert_eq!(answer.status, 401, "guess {guess}");
    }
    let right = format!("Host: localhost\r\nAuthorization: Bearer {TOKEN}\r\n");
    let answer = server.get("/", &right).await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=61).contains(&wait), "{wait}");
    let signed_in = format!("Host: localhost\r\nCookie: {cookie}\r\n");
    assert_eq!(server.get("/", &signed_in).await.status, 200);
}
