//! The traffic by account and tenant: rows that add up, and in words what holds them up.

use std::time::Duration;

use console::service::ROWS_MAX;
use deliver::dispatch::LaneNow;
use model::EventKind;
use observe::reports::SyncStatus;
use serde_json::{Value, json};

use crate::house::{House, START, tenant_id};

/// The counts that are summed.
const COUNTS: [&str; 9] = [
    "accepted",
    "sent",
    "errors",
    "cancelled",
    "pending",
    "deferred",
    "rate_limited",
    "connections",
    "sending",
];

/// Checks that rows and the rest come to the totals, and that each row's books balance.
pub fn assert_adds_up(traffic: &Value) {
    for (rows, rest) in [("accounts", "other_accounts"), ("tenants", "other_tenants")] {
        let all = traffic[rows].as_array().unwrap().iter();
        let all: Vec<&Value> = all
            .chain([&traffic[rest]])
            .filter(|row| !row.is_null())
            .collect();
        for row in &all {
            let count = |name: &str| row[name].as_u64().unwrap();
            let done = count("sent") + count("errors") + count("cancelled");
            assert_eq!(count("accepted"), done + count("pending"), "{row}");
        }
        for name in COUNTS {
            let sum: u64 = all.iter().map(|row| row[name].as_u64().unwrap()).sum();
            assert_eq!(
                sum,
                traffic["totals"][name].as_u64().unwrap(),
                "{rows}: {name}"
            );
        }
    }
}

#[tokio::test]
async fn rows_by_account_and_tenant_add_up_to_the_message() {
    let house = House::open().await;
    let own = house.settle("acme", &["main", "bulk"]).await;
    house.settle("other", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house
        .mail("acme/main", "2", &[EventKind::Deferred, EventKind::Bounced])
        .await;
    house
        .mail("acme/bulk", "3", &[EventKind::RateLimited])
        .await;
    house.mail("other/main", "4", &[]).await;
    let two = house
        .submit("other/main", "5", &["a@example.org", "b@example.org"])
        .await;
    house
        .record(&two, &[EventKind::Delivered, EventKind::Bounced])
        .await;
    *house.board.lanes.lock().unwrap() = vec![
        LaneNow {
            account: own[0],
            connections: 3,
            sending: 2,
            trouble: Some("535 bad credentials".into()),
            limited_until: None,
        },
        LaneNow {
            account: own[1],
            connections: 1,
            sending: 0,
            trouble: None,
            limited_until: Some(START + Duration::from_secs(60)),
        },
    ];
    let traffic = house.json("/api/traffic").await;
    assert_adds_up(&traffic);
    let totals = &traffic["totals"];
    assert_eq!(totals["accepted"], 5);
    assert_eq!((&totals["sent"], &totals["errors"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&totals["troubled"], &totals["limited"]),
        (&json!(1), &json!(1))
    );
    let rows = traffic["accounts"].as_array().unwrap();
    let main = rows.iter().find(|row| row["pk"] == own[0].0).unwrap();
    assert_eq!(
        *main,
        json!({
            "pk": own[0].0, "account_id": "main", "tenant_id": "acme", "tenant_name": null,
            "accepted": 2, "sent": 1, "errors": 1, "cancelled": 0, "pending": 0, "deferred": 1,
            "rate_limited": 0, "connections": 3, "sending": 2, "trouble": "535 bad credentials",
            "limited_until": null,
        })
    );
    let bulk = rows.iter().find(|row| row["pk"] == own[1].0).unwrap();
    assert_eq!(bulk["limited_until"], "2026-11-22T13:44:20.000Z");
    assert_eq!(
        (&bulk["pending"], &bulk["rate_limited"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn reports_have_a_backlog_and_an_age() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.settle("other", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house.clock.set(START + Duration::from_secs(300));
    house.mail("other/main", "2", &[EventKind::Delivered]).await;
    *house.board.reporting.lock().unwrap() = vec![SyncStatus {
        tenant: tenant_id("acme"),
        last_sync_at: None,
        next_sync_at: Some(START + Duration::from_secs(360)),
        in_dnd: true,
        failures: 4,
    }];
    house.clock.set(START + Duration::from_secs(310));
    let traffic = house.json("/api/traffic").await;
    let (acme, totals) = (&traffic["tenants"][0], &traffic["totals"]);
    assert_eq!(acme["tenant_id"], "acme", "who is held up stands first");
    assert_eq!(
        (&acme["report_backlog"], &acme["report_lag_s"]),
        (&json!(1), &json!(310))
    );
    assert_eq!(
        (&acme["report_failures"], &acme["in_dnd"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(
        (&totals["report_backlog"], &totals["report_lag_s"]),
        (&json!(2), &json!(310))
    );
    assert_eq!(totals["report_oldest_at"], "2026-11-22T13:43:20.000Z");
}

#[tokio::test]
async fn reports_of_a_tenant_without_an_application_wait_for_nobody() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.settle("other", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house.mail("other/main", "2", &[EventKind::Delivered]).await;
    *house.board.without_application.lock().unwrap() = vec![tenant_id("acme")];
    let traffic = house.json("/api/traffic").await;
    let waiting: Vec<&Value> = traffic["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| &tenant["report_backlog"])
        .collect();
    assert_eq!(waiting, [&json!(0), &json!(1)]);
    assert_eq!(traffic["totals"]["report_backlog"], 1);
}

#[tokio::test]
async fn many_accounts_are_a_bounded_list_and_a_rest_and_trouble_is_never_in_the_rest() {
    let house = House::open().await;
    let names: Vec<String> = (0..ROWS_MAX + 20)
        .map(|number| format!("a{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let numbers = house.settle("acme", &names).await;
    for number in 0..ROWS_MAX + 10 {
        house
            .submit(
                &format!("acme/a{number}"),
                &number.to_string(),
                &["a@example.org"],
            )
            .await;
    }
    let idle = numbers[ROWS_MAX + 15];
    *house.board.lanes.lock().unwrap() = vec![LaneNow {
        account: idle,
        connections: 0,
        sending: 0,
        trouble: Some("no route to host".into()),
        limited_until: None,
    }];
    let traffic = house.json("/api/traffic").await;
    assert_adds_up(&traffic);
    let rows = traffic["accounts"].as_array().unwrap();
    assert_eq!(rows.len(), ROWS_MAX);
    assert_eq!(rows[0]["pk"], idle.0);
    assert_eq!(traffic["other_accounts"]["accounts"], 20);
    assert_eq!(traffic["other_accounts"]["accepted"], 11);
    assert_eq!(traffic["totals"]["accounts"], ROWS_MAX + 20);
}
