//! The page itself.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::run::every_kind;
use crate::world::Answer;

/// The addresses that the page names.
fn names(page: &str) -> Vec<&str> {
    let parts = page
        .split(['"', '\''])
        .filter(|part| part.contains("assets/"));
    parts.collect()
}

#[tokio::test]
async fn the_page_and_what_it_names_are_there_under_any_prefix() {
    let (world, _) = every_kind().await;
    let page = world.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    let text = page.text();
    for absolute in ["=\"/", "='/", "://"] {
        assert!(
            !text.contains(absolute),
            "{absolute} would break under a prefix"
        );
    }
    for name in names(&text) {
        let asset = world
            .get(&format!("/{}", name.trim_start_matches("./")))
            .await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert_eq!(
            asset.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        let kind = asset.header("content-type");
        let expected = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => kind,
        };
        assert_eq!(kind, expected, "{name}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_page_is_told_so() {
    let (world, _) = every_kind().await;
    let tag = world.get("/").await.header("etag").to_owned();
    let ask = |tag: &str| {
        Request::get("/")
            .header("if-none-match", tag)
            .body(Body::empty())
    };
    let same = Answer::of(world.begin(ask(&tag).unwrap()).await).await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    assert_eq!(same.header("etag"), tag);
    let other = Answer::of(world.begin(ask("\"other\"").unwrap()).await).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn no_name_leads_out_of_the_page() {
    let (world, _) = every_kind().await;
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "//etc/passwd",
        "/assets/",
        "/assets",
        "/index.html/",
        "/src/main.tsx",
        "/assets/%00",
        "/favicon.ico",
        "/api",
        "/api/",
        "/api/nothing",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.json()["error"]["message"],
            "there is no such page",
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_methods_are_refused_in_json() {
    let (world, _) = every_kind().await;
    for (method, path) in [
        (Method::POST, "/"),
        (Method::DELETE, "/api/stats"),
        (Method::POST, "/api/recipients"),
        (Method::GET, "/api/campaigns/mailgrid-1/controls"),
    ] {
        let answer = world.ask(method, path, "{}").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(answer.json()["error"]["message"].is_string());
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
    assert_eq!(
        world.ask(Method::HEAD, "/", "").await.status,
        StatusCode::OK
    );
}
