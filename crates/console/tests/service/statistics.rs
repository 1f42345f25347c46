//! What happened by hours, days and months, as the page asks for it.

use model::EventKind;
use serde_json::json;
use store::Statistics;

use crate::house::House;

/// Two tenants, one message each, of which one was delivered; all of it is counted.
async fn counted() -> House {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.settle("beta", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house.mail("beta/main", "2", &[EventKind::Bounced]).await;
    while house.store.roll_up(100).await.unwrap().is_behind {}
    house
}

#[tokio::test]
async fn the_operator_sees_all_mail_and_a_tenant_its_own() {
    let house = counted().await;
    let total = async |token: &str, query: &str| {
        let path = format!("/api/statistics{query}");
        let told = house.ask_as(token, &path).await.json();
        ["accepted", "delivered", "bounced"].map(|kind| told["total"][kind].as_u64().unwrap())
    };
    assert_eq!(total("admin", "").await, [2, 1, 1]);
    assert_eq!(total("admin", "?tenant=acme&account=main").await, [1, 1, 0]);
    assert_eq!(total("admin", "?tenant=nobody").await, [0, 0, 0]);
    assert_eq!(total("of-beta", "?each=account").await, [1, 0, 1]);
    let foreign = house.ask_as("of-beta", "/api/statistics?tenant=acme").await;
    assert_eq!(foreign.status, 404);
}

#[tokio::test]
async fn a_day_is_a_row_and_it_is_said_how_far_all_was_counted() {
    let house = counted().await;
    let told = house.ask_as("admin", "/api/statistics").await.json();
    assert_eq!(told["by"], "day");
    assert_eq!(told["from"], "2026-11-16T00:00:00Z");
    assert_eq!(told["until"], "2026-11-23T00:00:00Z");
    assert_eq!(told["counted_until"], "2026-11-22T13:43:20Z");
    assert_eq!(told["rows"].as_array().unwrap().len(), 1);
    assert_eq!(told["rows"][0]["from"], "2026-11-22T00:00:00Z");
    let path = "/api/statistics?by=month&from=2026-10-05T00:00:00Z&until=2026-11-01T00:00:00Z";
    let told = house.ask_as("admin", path).await.json();
    assert_eq!(
        (&told["rows"], &told["until"]),
        (&json!([]), &json!("2026-11-01T00:00:00Z"))
    );
}

#[tokio::test]
async fn what_cannot_be_asked_for_names_the_parameter() {
    let house = counted().await;
    for (query, words) in [
        ("by=week", "must be hour, day or month"),
        ("from=soon", "such as 2026-01-31T12:00:00Z"),
        ("by=hour&from=2020-01-01T00:00:00Z", "choose a shorter time"),
        ("span=week", "unknown"),
    ] {
        let answer = house
            .ask_as("admin", &format!("/api/statistics?{query}"))
            .await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(words), "{}", answer.text());
    }
}
