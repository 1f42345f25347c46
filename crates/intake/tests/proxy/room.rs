//! The memory that requests and answers may take together.

use std::sync::atomic::Ordering;

use intake::proxy::ProxySettings;
use serde_json::json;

use crate::harness::{ADMIN, key_of, message, message_with, start_acme_with, until};

#[tokio::test]
async fn requests_that_together_take_too_much_are_put_off_and_nothing_stays_taken() {
    let settings = ProxySettings {
        requests_bytes_max: 1024 * 1024,
        ..ProxySettings::default()
    };
    let running = start_acme_with(settings).await;
    running.hand_over(&[message("a")]).await;
    let own = key_of("acme");
    // Of 7 bytes each; read they take more than half of the room.
    let objects = r#"{"":0},"#.repeat(800);
    let heavy = format!(r#"{{"batch_code":"b","x":[{objects}0]}}"#);
    let stopped = running.sending.recalling.lock().await;
    let first = running.ask("POST", &own, "/commands/suspend", heavy.as_bytes());
    let others = async {
        until(async || running.sending.recalls.load(Ordering::Relaxed) > 0).await;
        let reply = running
            .ask("POST", &own, "/commands/activate", heavy.as_bytes())
            .await;
        let (status, detail) = reply.refused();
        assert_eq!(status, 503);
        assert!(
            detail.as_str().unwrap().starts_with("nothing was done"),
            "{detail}"
        );
        assert!(
            reply.head.to_ascii_lowercase().contains("retry-after: 5"),
            "{reply:?}"
        );
        // What is small goes on.
        running.hand_over(&[message("b")]).await;
        running.get(ADMIN, "/tenants").await.ok();
        drop(stopped);
    };
    let (reply, ()) = tokio::join!(first, others);
    reply.ok();
    for _ in 0..20 {
        running
            .ask("POST", &own, "/commands/suspend", heavy.as_bytes())
            .await
            .ok();
    }
}

/// More than a client's and the server's system take together of an answer that nobody reads.
const LARGE: usize = 1_500_000;

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_nobody_reads_are_few_and_hold_little() {
    let running = start_acme_with(ProxySettings::default()).await;
    for number in 0..12 {
        let body = "x".repeat(LARGE);
        running
            .hand_over(&[message_with(&number.to_string(), json!({ "body": body }))])
            .await;
    }
    let own = key_of("acme");
    // It is written in several parts, and whole.
    let list = running.get(&own, "/messages").await.ok();
    assert_eq!(list["messages"].as_array().unwrap().len(), 12);
    let page = running.get(&own, "/messages?limit=5").await.ok();
    assert_eq!(page["messages"][4]["id"], "4");
    let next = page["next"].as_str().unwrap();
    let rest = running
        .get(&own, &format!("/messages?after={next}"))
        .await
        .ok();
    assert_eq!(rest["messages"][0]["id"], "5");
    let mut readers = Vec::new();
    for _ in 0..16 {
        readers.push(running.begin_to_read(&own, "/messages").await);
    }
    let reply = running.get(&own, "/messages").await;
    let (status, detail) = reply.refused();
    assert_eq!(status, 503);
    assert!(
        detail.as_str().unwrap().contains("too many lists"),
        "{detail}"
    );
    drop(readers);
    until(async || running.get(&own, "/messages?limit=1").await.status == 200).await;
}
