//! A data file that cannot be written for a while.

use serde_json::json;

use crate::harness::{key_of, message, start_with_acme};

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_that_others_hold_is_said_and_nothing_is_lost() {
    let running = start_with_acme().await;
    running.hand_over(&[message("before")]).await;
    let other = rusqlite::Connection::open(running.folder.path().join("glasspost.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = json!({ "messages": [message("meanwhile")] });
    let reply = running
        .post(&key_of("acme"), "/commands/add-messages", &body)
        .await;
    let (status, detail) = reply.refused();
    assert_eq!(status, 503, "{reply:?}");
    assert!(
        reply.head.to_ascii_lowercase().contains("retry-after: 5"),
        "{reply:?}"
    );
    assert!(
        detail.as_str().unwrap().starts_with("nothing was written"),
        "{detail}"
    );
    let list = running.get(&key_of("acme"), "/messages").await.ok();
    assert_eq!(list["messages"].as_array().unwrap().len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    let answer = running
        .post(&key_of("acme"), "/commands/add-messages", &body)
        .await
        .ok();
    assert_eq!(answer["queued"], 1);
}
