//! What happened by hours, days and months: whose it is, and what cannot be asked for.

use model::EventKind;
use serde_json::{Value, json};
use store::Statistics;
use store::statistics::ROWS_MAX;

use crate::harness::{ADMIN, Running, START, key_of, message, new_event, start_with_acme};

/// Counts all that is in the log.
async fn count(running: &Running) {
    while running.store.roll_up(100).await.unwrap().is_behind {}
}

/// `acme` with two messages, one delivered and one refused; `beta` with one that waits.
async fn two_tenants() -> Running {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running.hand_over(&[message("a"), message("b")]).await;
    let others = json!({"messages": [message("x")]});
    let target = "/commands/add-messages";
    running.post(&key_of("beta"), target, &others).await.ok();
    running.deliver("acme", "a").await;
    let lease = running.lease("acme").await;
    for refused in running.messages_of("acme", "b").await {
        let event = new_event(&refused, EventKind::Bounced, START);
        running.record(&lease, &refused, event).await;
    }
    count(&running).await;
    running
}

fn figures(told: &Value) -> [u64; 3] {
    ["accepted", "delivered", "bounced"].map(|kind| told[kind].as_u64().unwrap())
}

#[tokio::test]
async fn a_tenant_sees_its_own_and_the_administrator_all_or_any() {
    let running = two_tenants().await;
    let total = async |token: &str, query: &str| {
        let target = format!("/statistics?{query}");
        let told = running.get(token, &target).await.ok();
        figures(&told["total"])
    };
    assert_eq!(total(ADMIN, "").await, [3, 1, 1]);
    assert_eq!(total(ADMIN, "tenant_id=beta").await, [1, 0, 0]);
    assert_eq!(total(ADMIN, "tenant_id=nobody").await, [0, 0, 0]);
    assert_eq!(total(&key_of("acme"), "").await, [2, 1, 1]);
    assert_eq!(total(&key_of("acme"), "tenant_id=acme").await, [2, 1, 1]);
    assert_eq!(total(&key_of("beta"), "each=account").await, [1, 0, 0]);
    assert_eq!(total(ADMIN, "account_id=main").await, [3, 1, 1]);
    assert_eq!(total(ADMIN, "account_id=other").await, [0, 0, 0]);
    let refused = running
        .get(&key_of("acme"), "/statistics?tenant_id=beta")
        .await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn rows_are_spans_with_whose_they_are_and_how_far_they_are_counted() {
    let running = two_tenants().await;
    let told = running
        .get(ADMIN, "/statistics?by=hour&each=tenant")
        .await
        .ok();
    assert_eq!(
        (&told["by"], &told["each"]),
        (&json!("hour"), &json!("tenant"))
    );
    assert_eq!(told["until"], "2026-11-22T14:00:00Z");
    assert_eq!(told["from"], "2026-11-21T14:00:00Z");
    assert_eq!(told["counted_until"], "2026-11-22T13:43:20Z");
    let rows = told["rows"].as_array().unwrap();
    let row = |row: &Value| (row["from"].clone(), row["tenant_id"].clone(), figures(row));
    let hour = json!("2026-11-22T13:00:00Z");
    assert_eq!(
        rows.iter().map(row).collect::<Vec<_>>(),
        [
            (hour.clone(), json!("acme"), [2, 1, 1]),
            (hour, json!("beta"), [1, 0, 0])
        ]
    );
    assert!(rows[0].get("account_id").is_none());
    let told = running
        .get(ADMIN, "/statistics?by=month&each=account")
        .await
        .ok();
    assert_eq!(told["rows"][0]["from"], "2026-11-01T00:00:00Z");
    assert_eq!(told["rows"][0]["account_id"], "main");

    running.hand_over(&[message("later")]).await;
    let behind = running.get(ADMIN, "/statistics").await.ok();
    assert_eq!(figures(&behind["total"]), [3, 1, 1]);
    count(&running).await;
    let counted = running.get(ADMIN, "/statistics").await.ok();
    assert_eq!(figures(&counted["total"]), [4, 1, 1]);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_by_its_field() {
    let running = start_with_acme().await;
    for (query, field) in [
        ("by=week", "query.by"),
        ("each=message", "query.each"),
        ("from=soon", "query.from"),
        ("until=2026-13-01", "query.until"),
        ("tenant_id=a%20b", "query.tenant_id"),
        ("account_id=a%20b", "query.account_id"),
        ("by=hour&from=0", "query.from"),
        (
            "from=2026-11-23T00:00:00Z&until=2026-11-22T00:00:00Z",
            "query.from",
        ),
        ("from=4000000000", "query.from"),
    ] {
        let reply = running.get(ADMIN, &format!("/statistics?{query}")).await;
        assert_eq!(reply.wrong_field(), field, "{query}: {reply:?}");
    }
    let reply = running.get(ADMIN, "/statistics?by=hour&from=0").await;
    assert!(reply.text.contains("choose a shorter time"), "{reply:?}");
    for fine in ["from=0&by=month&until=2592000", "by=&each=&from="] {
        running
            .get(ADMIN, &format!("/statistics?{fine}"))
            .await
            .ok();
    }
}

#[tokio::test]
async fn more_rows_than_are_told_at_once_are_refused_by_what_tells_them_apart() {
    let running = start_with_acme().await;
    let file = running.folder.path().join(store::sqlite::FILE_NAME);
    let hour = START.as_millis() / 3_600_000 * 3_600_000;
    rusqlite::Connection::open(file)
        .unwrap()
        .execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) \
             INSERT INTO statistics (hour, tenant, account, kind, count) SELECT ?2, 'tenant' || n, 'main', 1, 3 FROM numbers",
            (i64::try_from(ROWS_MAX).unwrap(), hour),
        )
        .unwrap();
    let reply = running.get(ADMIN, "/statistics?each=tenant").await;
    assert_eq!(reply.wrong_field(), "query.each");
    assert!(reply.text.contains("ask for a shorter time"), "{reply:?}");
    let together = running.get(ADMIN, "/statistics").await.ok();
    assert_eq!(together["total"]["delivered"], 3 * (ROWS_MAX + 1));
}
