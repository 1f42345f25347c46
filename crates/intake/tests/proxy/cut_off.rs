//! Clients that go away before they are answered.

use std::sync::atomic::Ordering;

use serde_json::Value;
use store::Submissions;
use store::submissions::SubmissionFilter;

use crate::harness::{ADMIN, Running, key_of, message, start_with_acme, tenant_id, until};

/// Messages of one request.
const PART: usize = 1_000;

async fn held(running: &Running) -> usize {
    let (mut held, mut after) = (0, None);
    loop {
        let filter = SubmissionFilter {
            tenant: Some(tenant_id("acme")),
            after,
            limit: PART,
            ..SubmissionFilter::default()
        };
        let page = running.store.submissions(filter).await.unwrap();
        let Some(last) = page.last() else {
            return held;
        };
        after = Some(last.submission.id);
        held += page.iter().filter(|one| one.submission.is_held).count();
    }
}

async fn is_first_held(running: &Running) -> bool {
    let first = running.followed("acme", "0-0").await;
    first.unwrap().submission.is_held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_whose_client_leaves_is_whole_and_so_is_its_end() {
    let running = start_with_acme().await;
    for part in 0..6 {
        let ids = (0..PART).map(|number| format!("{part}-{number}"));
        let messages: Vec<Value> = ids.map(|id| message(&id)).collect();
        running.hand_over(&messages).await;
    }
    let begun = async || is_first_held(&running).await;
    let token = key_of("acme");
    running
        .ask_and_leave("POST", &token, "/commands/suspend", begun)
        .await;
    until(async || held(&running).await == 6 * PART).await;
    let begun = async || !is_first_held(&running).await;
    running
        .ask_and_leave("POST", &token, "/commands/activate", begun)
        .await;
    until(async || held(&running).await == 0).await;
}

#[tokio::test]
async fn a_deletion_whose_client_leaves_is_whole_and_written_down() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let stopped = running.sending.recalling.lock().await;
    let begun = async || running.sending.recalls.load(Ordering::Relaxed) > 0;
    let target = "/account/main";
    running
        .ask_and_leave("DELETE", &key_of("acme"), target, begun)
        .await;
    drop(stopped);
    let is_written = async || {
        let log = running
            .get(ADMIN, "/command-log?endpoint_filter=account")
            .await
            .ok();
        log["total"] == 1
    };
    until(is_written).await;
    let accounts = running.get(&key_of("acme"), "/accounts").await.ok();
    assert_eq!(accounts["accounts"], serde_json::json!([]));
}
