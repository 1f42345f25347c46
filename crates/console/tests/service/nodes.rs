//! The processes of the installation: all of them, wherever they are looked at, and what they do together.

use std::time::Duration;

use console::service::{Making, NodeNow};
use deliver::dispatch::LaneNow;
use serde_json::{Value, json};

use crate::house::{House, START, lane};

/// Another process, which delivers.
fn other(lanes: Vec<LaneNow>) -> NodeNow {
    NodeNow {
        id: "other".to_owned(),
        host: "mail-2".to_owned(),
        process: 7,
        roles: vec!["smtp".to_owned()],
        version: "9.9".to_owned(),
        address: Some("10.0.0.2:8002".to_owned()),
        started_at: START,
        silent_for: Duration::from_millis(1_240),
        is_active: true,
        duties: vec!["reports".to_owned()],
        lanes,
        ..NodeNow::default()
    }
}

#[tokio::test]
async fn each_process_is_shown_with_what_it_does() {
    let house = House::open().await;
    let own = house.settle("acme", &["main", "bulk"]).await;
    *house.board.lanes.lock().unwrap() = vec![lane(own[1], 2)];
    let troubled = LaneNow {
        trouble: Some("no route to host".into()),
        limited_until: Some(START + Duration::from_secs(60)),
        ..lane(own[0], 0)
    };
    let ending = NodeNow {
        is_draining: true,
        ..other(Vec::new())
    };
    let busy = LaneNow {
        sending: 3,
        ..lane(own[1], 3)
    };
    *house.board.others.lock().unwrap() = vec![other(vec![busy, troubled]), ending];
    let answer = house.json("/api/nodes").await;
    let nodes = answer["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    assert_eq!(
        (
            &nodes[0]["this"],
            &nodes[0]["state"],
            &nodes[0]["connections"]
        ),
        (&json!(true), &json!("active"), &json!(2))
    );
    assert_eq!(
        nodes[1],
        json!({
            "id": "other", "this": false, "host": "mail-2", "process": 7, "roles": ["smtp"], "version": "9.9",
            "address": "10.0.0.2:8002", "started_at": "2026-11-22T13:43:20.000Z", "silent_s": 1.2, "state": "active",
            "duties": ["reports"], "connections": 3, "sending": 3, "making": 0, "other_accounts": 0,
            "accounts": [
                {
                    "pk": own[0].0, "tenant_id": "acme", "account_id": "main", "connections": 0, "sending": 0,
                    "trouble": "no route to host", "limited_until": "2026-11-22T13:44:20.000Z",
                },
                {
                    "pk": own[1].0, "tenant_id": "acme", "account_id": "bulk", "connections": 3, "sending": 3,
                    "trouble": null, "limited_until": null,
                },
            ],
        })
    );
    assert_eq!(nodes[2]["state"], "draining");
}

#[tokio::test]
async fn a_tenant_sees_no_processes_and_no_queues() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    assert_eq!(house.ask_as("of-acme", "/api/nodes").await.status, 403);
    assert_eq!(house.ask("/api/nodes", &[]).await.status, 401);
    let traffic = house.ask_as("of-acme", "/api/traffic").await.json();
    assert_eq!(traffic["queues"], Value::Null);
}

#[tokio::test]
async fn the_traffic_is_that_of_all_processes() {
    let house = House::open().await;
    let own = house.settle("acme", &["main", "bulk"]).await;
    *house.board.lanes.lock().unwrap() = vec![lane(own[0], 2)];
    *house.board.others.lock().unwrap() = vec![other(vec![lane(own[0], 3), lane(own[1], 4)])];
    let traffic = house.json("/api/traffic").await;
    assert_eq!(traffic["totals"]["connections"], 9);
    let rows = traffic["accounts"].as_array().unwrap();
    let main = rows.iter().find(|row| row["pk"] == own[0].0).unwrap();
    assert_eq!(main["connections"], 5);
}

#[tokio::test]
async fn nobody_delivers_only_when_no_living_process_does() {
    let house = House::open().await;
    let delivering = async || house.json("/api/traffic").await["delivering"].clone();
    assert_eq!(delivering().await, true);
    *house.board.roles.lock().unwrap() = vec!["api".to_owned()];
    assert_eq!(delivering().await, false);
    *house.board.others.lock().unwrap() = vec![other(Vec::new())];
    assert_eq!(delivering().await, true);
    house.board.others.lock().unwrap()[0].is_draining = true;
    assert_eq!(delivering().await, false);
}

#[tokio::test]
async fn queues_are_those_of_the_installation() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.mail("acme/main", "1", &[]).await;
    house
        .mail("acme/main", "2", &[model::EventKind::Delivered])
        .await;
    house.clock.set(START + Duration::from_secs(90));
    let making = Making {
        count: 4,
        oldest_at: Some(START + Duration::from_secs(88)),
    };
    *house.board.others.lock().unwrap() = vec![NodeNow {
        making,
        ..other(Vec::new())
    }];
    let expected = json!([
        { "queue": "email:process", "depth": 4, "oldest_age_s": 2 },
        { "queue": "smtp:deliver", "depth": 1, "oldest_age_s": 90 },
        { "queue": "webhook:deliver", "depth": 1, "oldest_age_s": 90 },
    ]);
    assert_eq!(house.json("/api/traffic").await["queues"], expected);
    assert_eq!(house.json("/status").await["queues"], expected);
    let text = house.ask("/metrics", &[]).await.text();
    for line in [
        r#"depth{queue="email:process"} 4.0"#,
        r#"oldest_age_seconds{queue="smtp:deliver"} 90.0"#,
    ] {
        assert!(
            text.contains(&format!("\nglasspost_queue_{line}\n")),
            "{text}"
        );
    }
}
