//! The page: it opens with the operator's token, and then by its cookie.

use serde_json::json;

use crate::house::{House, START};

const HTML: (&str, &str) = ("accept", "text/html");

#[tokio::test]
async fn the_page_opens_with_the_operators_token_and_then_by_a_cookie() {
    let house = House::open().await;
    assert_eq!(house.ask("/", &[HTML]).await.status, 401);
    assert_eq!(house.ask("/?token=wrong", &[HTML]).await.status, 401);
    let signed_in = house.ask("/?token=admin", &[HTML]).await;
    assert_eq!(signed_in.status, 303);
    let cookie = signed_in
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let cookie = [("cookie", &*cookie)];
    let page = house.ask("/", &cookie).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    for path in ["/api/traffic", "/api/submissions"] {
        assert_eq!(house.ask(path, &cookie).await.status, 200, "{path}");
    }
    let told = house.ask("/api/console", &cookie).await.json();
    assert_eq!(
        (&told["kind"], &told["version"]),
        (&json!("service"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(START.as_millis(), 1_795_355_000_000);
    assert_eq!(told["started_at"], "2026-11-22T13:43:20.000Z");
    // What is for programs is not opened by it.
    assert_eq!(house.ask("/status", &cookie).await.status, 401);
}

#[tokio::test]
async fn what_is_no_address_says_so_to_whoever_may_know() {
    let house = House::open().await;
    assert_eq!(house.ask("/nowhere", &[]).await.status, 401);
    for path in ["/nowhere", "/api/nowhere", "/assets/none.js"] {
        let answer = house.ask_as("admin", path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["message"], "there is no such page");
    }
}
