//! Mail as it is taken back and forgotten.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use store::{Submissions, submissions::SubmissionFilter};

use crate::harness::{ADMIN, Running, START, key_of, message, start_with_acme, tenant_id};

#[tokio::test]
async fn what_is_taken_back_is_gone_and_what_is_not_there_is_said() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running
        .hand_over(&[message("a"), message("b"), message("c")])
        .await;
    running.deliver("acme", "b").await;
    let ids = json!({"ids": ["a", "b", "nothing", "a", "", "with\nbreak"]});
    let target = "/commands/delete-messages";
    let beta = running
        .post(&key_of("beta"), target, &json!({"ids": ["a"]}))
        .await
        .ok();
    let none = json!({"ok": true, "removed": 0, "not_found": ["a"], "unauthorized": []});
    assert_eq!(beta, none);
    let answer = running.post(&key_of("acme"), target, &ids).await.ok();
    assert_eq!(answer["removed"], 2);
    assert_eq!(answer["unauthorized"], json!([]));
    assert_eq!(answer["not_found"], json!(["", "with\nbreak", "nothing"]));
    assert!(running.followed("acme", "a").await.is_none());
    assert!(running.followed("acme", "c").await.is_some());
    assert!(running.sending.recalls.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn the_other_names_take_back_as_well() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a"), message("b")]).await;
    let post = async |target, body| running.post(&key_of("acme"), target, &body).await;
    let answer = post(
        "/messages/delete_batch",
        json!({"tenant_id": "acme", "ids": ["a"]}),
    )
    .await;
    let nothing = json!({"ok": true, "removed": 1, "not_found": null, "unauthorized": null});
    assert_eq!(answer.ok(), nothing);
    let answer = post("/messages/delete_batch", json!({"ids": ["a"]}))
        .await
        .ok();
    assert_eq!(answer["not_found"], json!(["a"]));
    let pk = running
        .followed("acme", "b")
        .await
        .unwrap()
        .submission
        .message_id
        .to_string();
    assert_eq!(
        post("/messages/delete", json!({"message_pk": pk}))
            .await
            .ok(),
        true
    );
    let gone = post("/messages/delete", json!({"message_pk": pk})).await;
    assert_eq!(gone.refused(), (404, json!("message not found")));
    let field = post("/messages/delete", json!({})).await.wrong_field();
    assert_eq!(field, "body.message_pk");
}

#[tokio::test]
async fn ids_are_texts_in_a_list() {
    let running = start_with_acme().await;
    let field = async |body| {
        let reply = running
            .post(&key_of("acme"), "/commands/delete-messages", &body)
            .await;
        reply.wrong_field()
    };
    assert_eq!(field(json!({})).await, "body.ids");
    assert_eq!(field(json!({"ids": "a"})).await, "body.ids");
    assert_eq!(field(json!({"ids": ["a", 5]})).await, "body.ids.1");
    let many: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    assert_eq!(field(json!({"ids": many})).await, "body.ids");
}

async fn ids(running: &Running) -> Vec<String> {
    let filter = SubmissionFilter {
        tenant: Some(tenant_id("acme")),
        limit: 100,
        ..SubmissionFilter::default()
    };
    let found = running.store.submissions(filter).await.unwrap();
    found
        .iter()
        .map(|one| one.submission.client_id.to_string())
        .collect()
}

/// Three messages, of which `old` and `new` were sent and reported, an hour apart.
async fn three() -> Running {
    let running = start_with_acme().await;
    running
        .hand_over(&[message("old"), message("waiting"), message("new")])
        .await;
    running.deliver("acme", "old").await;
    let lease = running.lease("acme").await;
    let new = running.messages_of("acme", "new").await.remove(0);
    let later = START + Duration::from_secs(3_600);
    let event = crate::harness::new_event(&new, model::EventKind::Delivered, later);
    running.record(&lease, &new, event).await;
    let acme = tenant_id("acme");
    let reports = running
        .store
        .reports(
            &acme,
            store::submissions::Channel::Sync,
            model::Seq::START,
            100,
        )
        .await
        .unwrap();
    let arrived = reports.iter().map(|report| report.seq).collect();
    running
        .store
        .acknowledge(&acme, store::submissions::Channel::Sync, arrived)
        .await
        .unwrap();
    running.clock.set(START + Duration::from_secs(7_200));
    running
}

#[tokio::test]
async fn what_is_cleaned_up_was_final_for_so_long() {
    let running = three().await;
    let post = async |body| {
        let reply = running
            .post(&key_of("acme"), "/commands/cleanup-messages", &body)
            .await;
        reply.ok()
    };
    // Without an age it is that of the settings, a week.
    assert_eq!(post(json!({})).await, json!({"ok": true, "removed": 0}));
    let older = json!({"older_than_seconds": 5_000});
    assert_eq!(post(older).await, json!({"ok": true, "removed": 1}));
    assert_eq!(ids(&running).await, ["waiting", "new"]);
    assert_eq!(post(json!({"older_than_seconds": 0})).await["removed"], 1);
    assert_eq!(ids(&running).await, ["waiting"]);
}

#[tokio::test]
async fn asking_by_get_deletes_nothing() {
    let running = three().await;
    for token in [ADMIN.to_owned(), key_of("acme")] {
        let target = "/messages/cleanup?tenant_id=acme&older_than_seconds=0";
        for method in ["GET", "HEAD"] {
            let reply = running.ask(method, &token, target, b"").await;
            assert_eq!(reply.status, 405);
            assert!(
                reply.head.to_ascii_lowercase().contains("\r\nallow: post"),
                "{reply:?}"
            );
        }
        let reply = running.get(&token, target).await;
        assert!(reply.refused().1.as_str().unwrap().contains("POST"));
    }
    assert_eq!(ids(&running).await.len(), 3);
    let target = "/messages/cleanup";
    let body = json!({"tenant_id": "acme", "older_than_seconds": 0});
    assert_eq!(running.post(ADMIN, target, &body).await.ok()["removed"], 2);
}

#[tokio::test]
async fn an_age_is_a_number_of_seconds() {
    let running = start_with_acme().await;
    for bad in [json!(-1), json!("soon"), json!(1.5), json!(1e18), json!([])] {
        let body = json!({ "older_than_seconds": bad });
        let reply = running
            .post(&key_of("acme"), "/commands/cleanup-messages", &body)
            .await;
        assert_eq!(reply.wrong_field(), "body.older_than_seconds", "{bad}");
    }
}

#[tokio::test]
async fn run_now_wakes_who_sends_and_who_reports() {
    let running = start_with_acme().await;
    let empty = async |token: &str| {
        running
            .ask("POST", token, "/commands/run-now", b"")
            .await
            .ok()
    };
    assert_eq!(empty(&key_of("acme")).await, json!({"ok": true}));
    assert_eq!(empty(ADMIN).await, json!({"ok": true}));
    let asked = running.reporting.0.lock().unwrap().clone();
    assert_eq!(asked, [Some(tenant_id("acme")), None]);
    assert_eq!(running.sending.wakes.load(Ordering::Relaxed), 2);
}
