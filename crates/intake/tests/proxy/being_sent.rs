//! Mail that is in the middle of a dialogue while somebody takes it back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use intake::proxy::ProxySettings;
use model::Seq;
use serde_json::{Value, json};
use store::Submissions;

use crate::harness::{
    ADMIN, Running, key_of, message, message_with, start_acme_with, start_with_acme, tenant_id,
};

/// Begins to send a message.
async fn begin(running: &Running, id: &str) -> Seq {
    let submission = running.followed("acme", id).await.unwrap().submission;
    let message = submission.id.0;
    running.sending.now.lock().unwrap().insert(message);
    message
}

async fn post(running: &Running, target: &str, body: Value) -> Value {
    running.post(&key_of("acme"), target, &body).await.ok()
}

#[tokio::test]
async fn what_is_being_sent_is_not_taken_back_and_so_not_sent_twice() {
    let running = start_with_acme().await;
    running
        .hand_over(&[message("a"), message("b"), message("c")])
        .await;
    let sending = begin(&running, "a").await;
    let ids = json!({"ids": ["a", "b", "nothing"]});
    let answer = post(&running, "/commands/delete-messages", ids.clone()).await;
    let expected = json!({
        "ok": true, "removed": 1, "not_found": ["nothing"], "unauthorized": [], "being_sent": ["a"],
    });
    assert_eq!(answer, expected);
    let answer = post(&running, "/messages/delete_batch", ids).await;
    assert_eq!(answer["being_sent"], json!(["a"]));
    assert_eq!(answer["removed"], 0);
    let pk = running
        .followed("acme", "a")
        .await
        .unwrap()
        .submission
        .message_id;
    let one = json!({"message_pk": pk.to_string()});
    let reply = running
        .post(&key_of("acme"), "/messages/delete", &one)
        .await;
    assert_eq!(reply.refused(), (409, json!("being sent")));
    // Who hands it over again gets no second one.
    let again = json!({"messages": [message("a")]});
    let answer = running
        .post(&key_of("acme"), "/commands/add-messages", &again)
        .await
        .ok();
    assert_eq!(
        answer["rejected"],
        json!([{"id": "a", "reason": "being sent"}])
    );
    running.sending.now.lock().unwrap().remove(&sending);
    assert_eq!(post(&running, "/messages/delete", one).await, json!(true));
}

#[tokio::test]
async fn what_was_sent_is_forgotten_also_before_who_sends_noticed() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    begin(&running, "a").await;
    running.deliver("acme", "a").await;
    let answer = post(&running, "/commands/delete-messages", json!({"ids": ["a"]})).await;
    assert_eq!(answer["removed"], 1);
    assert!(answer.get("being_sent").is_none());
}

#[tokio::test]
async fn what_begins_while_it_is_taken_back_is_told() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a"), message("b")]).await;
    let first = running.followed("acme", "a").await.unwrap().submission.id.0;
    let stopped = running.sending.recalling.lock().await;
    let ids = json!({"ids": ["a", "b"]});
    let asking = post(&running, "/commands/delete-messages", ids);
    let beginning = async {
        crate::harness::until(async || running.followed("acme", "a").await.is_none()).await;
        running.sending.now.lock().unwrap().insert(first);
        drop(stopped);
    };
    let (answer, ()) = tokio::join!(asking, beginning);
    assert_eq!(answer["removed"], 1);
    assert_eq!(answer["being_sent"], json!(["a"]));
}

#[tokio::test]
async fn what_another_process_has_just_begun_is_neither_replaced_nor_taken_back() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let first = running.followed("acme", "a").await.unwrap().submission.id.0;
    let begins_untold = || running.sending.untold.lock().unwrap().insert(first);
    let ends = || running.sending.now.lock().unwrap().remove(&first);
    begins_untold();
    let other = json!({"messages": [message_with("a", json!({"body": "other"}))]});
    let answer = post(&running, "/commands/add-messages", other).await;
    let rejected = json!([{"id": "a", "reason": "being sent"}]);
    assert_eq!(answer["rejected"], rejected);
    ends();
    begins_untold();
    let answer = post(&running, "/commands/delete-messages", json!({"ids": ["a"]})).await;
    assert_eq!(answer["being_sent"], json!(["a"]));
    ends();
    let kept = running.followed("acme", "a").await.unwrap();
    assert!(!kept.payload.contains("other"));
}

#[tokio::test]
async fn what_depends_on_processes_that_do_not_answer_is_to_be_asked_for_again() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    running.sending.is_unanswered.store(true, Ordering::Relaxed);
    // What is new is taken whoever answers.
    running.hand_over(&[message("b")]).await;
    let own = key_of("acme");
    let other = json!({"messages": [message_with("a", json!({"body": "other"}))]});
    let asked = [
        ("/commands/suspend", json!({})),
        ("/commands/add-messages", other),
        ("/commands/delete-messages", json!({"ids": ["a"]})),
    ];
    for (target, body) in &asked {
        let reply = running.post(&own, target, body).await;
        let head = reply.head.to_ascii_lowercase();
        assert!(head.contains("retry-after: 5"), "{target}: {head}");
        let (status, detail) = reply.refused();
        assert_eq!(status, 503, "{target}");
        assert!(detail.as_str().unwrap().contains("in time"), "{detail}");
    }
    let reply = running.post(ADMIN, "/instance/suspend", &json!({})).await;
    assert_eq!(reply.refused().0, 503);
    for (target, token) in [("/account/main", own.as_str()), ("/tenant/acme", ADMIN)] {
        let reply = running.ask("DELETE", token, target, b"").await;
        assert_eq!(reply.refused().0, 503, "{target}");
    }
}

fn impatient() -> ProxySettings {
    ProxySettings {
        dialogue_patience: Duration::from_millis(200),
        ..ProxySettings::default()
    }
}

#[tokio::test]
async fn an_account_and_a_tenant_stay_while_their_mail_is_in_a_dialogue() {
    let running = start_acme_with(impatient()).await;
    running.hand_over(&[message("a"), message("b")]).await;
    let sending = begin(&running, "a").await;
    let own = key_of("acme");
    for (token, target) in [(own.as_str(), "/account/main"), (ADMIN, "/tenant/acme")] {
        let (status, detail) = running.ask("DELETE", token, target, b"").await.refused();
        assert_eq!(status, 409);
        assert!(detail.as_str().unwrap().contains("being sent"), "{detail}");
        assert!(running.followed("acme", "a").await.is_some());
        assert!(running.followed("acme", "b").await.is_none());
    }
    running.sending.now.lock().unwrap().remove(&sending);
    running.ask("DELETE", ADMIN, "/tenant/acme", b"").await.ok();
    assert!(running.followed("acme", "a").await.is_none());
}

#[tokio::test]
async fn the_deletion_of_an_account_waits_for_a_dialogue_to_end() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a"), message("b")]).await;
    let sending = begin(&running, "a").await;
    let own = key_of("acme");
    let asking = running.ask("DELETE", &own, "/account/main", b"");
    let sent = async {
        crate::harness::until(async || running.followed("acme", "b").await.is_none()).await;
        running.deliver("acme", "a").await;
        running.sending.now.lock().unwrap().remove(&sending);
    };
    let (reply, ()) = tokio::join!(asking, sent);
    reply.ok();
    let pending = running.store.pending(&tenant_id("acme"), None).await;
    assert_eq!(pending.unwrap(), 0);
}
