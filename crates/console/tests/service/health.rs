//! What machines ask for: whether it lives, whether it can work, how it stands.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use console::service::NodeNow;
use model::EventKind;
use serde_json::json;
use store::Store;

use crate::house::{House, START, lane};

#[tokio::test]
async fn health_is_for_everybody_and_says_both_versions_words() {
    let house = House::open().await;
    house.clock.set(START + Duration::from_secs(90));
    let answer = house.ask("/health", &[]).await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        answer.json(),
        json!({ "ok": true, "status": "ok", "version": version, "uptime_seconds": 90 })
    );
    assert_eq!(house.json("/instance/health").await, answer.json());
}

#[tokio::test]
async fn status_is_for_tokens_and_counts_what_is_theirs() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.settle("other", &["main"]).await;
    house.mail("acme/main", "1", &[]).await;
    house.mail("acme/main", "2", &[EventKind::Delivered]).await;
    house.mail("other/main", "3", &[EventKind::Deferred]).await;
    let version = env!("CARGO_PKG_VERSION");
    let status = |pending: u64, active: bool| {
        json!({
            "ok": true, "active": active, "scheduler_active": active, "pending_messages": pending,
            "uptime_seconds": 0, "version": version,
        })
    };
    let whole = |active: bool| {
        let mut status = status(2, active);
        status["queues"] = json!([
            { "queue": "email:process", "depth": 0, "oldest_age_s": 0 },
            { "queue": "smtp:deliver", "depth": 2, "oldest_age_s": 0 },
            { "queue": "webhook:deliver", "depth": 2, "oldest_age_s": 0 },
        ]);
        status
    };
    for path in ["/status", "/instance/status"] {
        assert_eq!(house.json(path).await, whole(true));
        let own = house.ask_as("of-acme", path).await;
        assert_eq!(own.json(), status(1, true));
        let nobody = house.ask(path, &[]).await;
        assert_eq!(nobody.status, 401);
        assert_eq!(
            nobody.json(),
            json!({ "detail": "Invalid or missing API token" })
        );
    }
    house.board.dispatch.lock().unwrap().0 = false;
    assert_eq!(house.json("/status").await, whole(false));
}

#[tokio::test]
async fn it_is_ready_while_it_can_take_mail_and_somebody_sends_it() {
    let house = House::open().await;
    let ready = house.ask("/ready", &[]).await;
    let checks = json!({
        "store": "ok", "migrations": "ok", "disk": "ok", "draining": "no", "dispatcher": "running",
    });
    assert_eq!(ready.json(), json!({ "status": "ready", "checks": checks }));

    let suspended = House::open().await;
    suspended.board.dispatch.lock().unwrap().0 = false;
    let answer = suspended.ask("/ready", &[]).await;
    assert_eq!(
        (answer.status, &answer.json()["checks"]["dispatcher"]),
        (200, &json!("suspended"))
    );

    let stopped = House::open().await;
    stopped.board.dispatch.lock().unwrap().1 = false;
    let answer = stopped.ask("/ready", &[]).await;
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (503, &json!("not_ready"))
    );
    assert_eq!(answer.json()["checks"]["dispatcher"], "stopped");
}

#[tokio::test]
async fn who_does_not_deliver_needs_no_dispatcher() {
    let house = House::open().await;
    house.board.dispatch.lock().unwrap().1 = false;
    *house.board.roles.lock().unwrap() = vec!["worker".to_owned()];
    let answer = house.ask("/ready", &[]).await;
    assert_eq!(answer.status, 200);
    let checks = json!({ "store": "ok", "migrations": "ok", "disk": "ok", "draining": "no" });
    assert_eq!(answer.json()["checks"], checks);
    assert_eq!(
        house.store.cursor("readiness").await.unwrap(),
        None,
        "who takes no mail writes nothing"
    );
}

#[tokio::test]
async fn who_ends_is_not_ready_from_that_moment_on() {
    let house = House::open().await;
    assert_eq!(house.ask("/ready", &[]).await.status, 200);
    house.board.is_draining.store(true, Ordering::Relaxed);
    let answer = house.ask("/ready", &[]).await;
    assert_eq!(
        (answer.status, &answer.json()["checks"]["draining"]),
        (503, &json!("yes"))
    );
    assert_eq!(house.ask("/health", &[]).await.status, 200);
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_not_one_to_work_with() {
    let house = House::open().await;
    let other = rusqlite::Connection::open(house.file()).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    let answer = house.ask("/ready", &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["migrations"], "newer");
}

#[tokio::test]
async fn it_is_not_ready_while_the_data_file_takes_nothing() {
    let house = House::open().await;
    let other = rusqlite::Connection::open(house.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = std::time::Instant::now();
    let answer = house.ask("/ready", &[]).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"]["store"], "no answer");
    assert_eq!(house.ask("/health", &[]).await.status, 200);
    other.execute_batch("ROLLBACK").unwrap();
    let began = std::time::Instant::now();
    while house.ask("/ready", &[]).await.status != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it stays not ready"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn it_is_not_ready_where_its_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("gone");
    let house = House::open_in(folder, Some(nowhere)).await;
    let answer = house.ask("/ready", &[]).await;
    assert_eq!(
        (answer.status, &answer.json()["checks"]["disk"]),
        (503, &json!("failed"))
    );
}

#[tokio::test]
async fn probes_of_a_crowd_write_once_a_second_at_most() {
    let house = House::open().await;
    let began = std::time::Instant::now();
    let mut written = HashSet::new();
    for number in 0..50 {
        house.clock.set(START + Duration::from_millis(number));
        assert_eq!(house.ask("/ready", &[]).await.status, 200);
        written.insert(house.store.cursor("readiness").await.unwrap().unwrap());
    }
    let may = began.elapsed().as_secs() as usize + 1;
    assert!(
        written.len() <= may,
        "{} writes, {may} may be",
        written.len()
    );
}

#[tokio::test]
async fn a_process_that_does_not_expose_the_figures_of_all_exposes_its_own() {
    let house = House::open().await;
    let own = house.settle("acme", &["main"]).await;
    *house.board.lanes.lock().unwrap() = vec![lane(own[0], 3)];
    *house.board.others.lock().unwrap() = vec![NodeNow {
        lanes: vec![lane(own[0], 4)],
        ..NodeNow::default()
    }];
    let all = house.ask("/metrics", &[]).await.text();
    house
        .board
        .exposes_installation
        .store(false, Ordering::Relaxed);
    let text = house.ask("/metrics", &[]).await.text();
    assert!(
        all.contains("\ngmp_sent_total{") && all.contains("\nglasspost_queue_depth{"),
        "{all}"
    );
    assert!(
        !text.contains("gmp_") && !text.contains("glasspost_queue_"),
        "{text}"
    );
    for text in [all, text] {
        assert!(
            text.contains("\nglasspost_service_connections 3.0\n"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn metrics_are_for_everybody_and_agree_with_the_traffic() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house.mail("acme/main", "2", &[]).await;
    let answer = house.ask("/metrics", &[]).await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text();
    assert!(text.contains("\ngmp_pending_messages 1.0\n"), "{text}");
    let sent = text
        .lines()
        .find(|line| line.starts_with("gmp_sent_total{") && line.contains("account_id=\"main\""));
    assert!(sent.is_some_and(|line| line.ends_with("} 1.0")), "{sent:?}");
    let traffic = house.json("/api/traffic").await;
    assert_eq!(traffic["totals"]["sent"], 1);
    assert_eq!(traffic["totals"]["pending"], 1);
}
