//! Mail that is held back and let go on.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::harness::{ADMIN, Running, key_of, message, message_with, start_with_acme};

async fn ask(running: &Running, verb: &str, query: &str) -> Value {
    let target = format!("/commands/{verb}{query}");
    running
        .ask("POST", &key_of("acme"), &target, b"")
        .await
        .ok()
}

#[tokio::test]
async fn mail_that_goes_on_wakes_its_own_lanes_and_no_others() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running.add_account("acme", "idle").await;
    running.hand_over(&[message("a")]).await;
    let of_beta = json!({"messages": [message("b")]});
    running
        .post(&key_of("beta"), "/commands/add-messages", &of_beta)
        .await
        .ok();
    ask(&running, "suspend", "").await;
    ask(&running, "activate", "").await;
    let account = running
        .followed("acme", "a")
        .await
        .unwrap()
        .submission
        .account;
    assert_eq!(*running.sending.looked_at.lock().unwrap(), [account]);
    assert_eq!(running.sending.wakes.load(Ordering::Relaxed), 0);
}

async fn is_held(running: &Running, id: &str) -> bool {
    running
        .followed("acme", id)
        .await
        .unwrap()
        .submission
        .is_held
}

#[tokio::test]
async fn a_batch_is_held_back_and_goes_on() {
    let running = start_with_acme().await;
    let spring = |id| message_with(id, json!({"batch_code": "spring"}));
    running
        .hand_over(&[message("a"), spring("b"), spring("c")])
        .await;
    let answer = ask(&running, "suspend", "?batch_code=spring").await;
    let expected = json!({
        "ok": true,
        "tenant_id": "acme",
        "batch_code": "spring",
        "suspended_batches": ["spring"],
        "pending_messages": 2,
    });
    assert_eq!(answer, expected);
    assert_eq!(running.sending.recalls.load(Ordering::Relaxed), 1);
    assert!(is_held(&running, "b").await && !is_held(&running, "a").await);
    running.hand_over(&[spring("d")]).await;
    assert!(is_held(&running, "d").await);
    let list = running.get(&key_of("acme"), "/messages").await.ok();
    assert_eq!(list["messages"][1]["status"], "suspended");
    let answer = ask(&running, "activate", "?batch_code=spring").await;
    assert_eq!(answer["suspended_batches"], json!([]));
    assert!(!is_held(&running, "b").await && !is_held(&running, "d").await);
}

#[tokio::test]
async fn all_is_held_back_and_one_batch_does_not_go_on_alone() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let answer = ask(&running, "suspend", "").await;
    assert_eq!(answer["suspended_batches"], json!(["*"]));
    assert_eq!(answer["pending_messages"], 1);
    assert!(answer.get("batch_code").is_none());
    assert!(is_held(&running, "a").await);
    let target = "/commands/activate?batch_code=spring";
    let reply = running.ask("POST", &key_of("acme"), target, b"").await;
    let said = json!("all batches are suspended: activate all of them first");
    assert_eq!(reply.refused(), (400, said));
    assert!(is_held(&running, "a").await);
    assert_eq!(
        ask(&running, "activate", "?batch_code=*").await["suspended_batches"],
        json!([])
    );
    assert!(!is_held(&running, "a").await);
}

#[tokio::test]
async fn more_than_one_step_is_held_back() {
    let running = start_with_acme().await;
    for part in 0..3 {
        let ids = (0..1_000).map(|number| format!("{part}-{number}"));
        let messages: Vec<Value> = ids.map(|id| message(&id)).collect();
        running.hand_over(&messages).await;
    }
    assert_eq!(
        ask(&running, "suspend", "").await["pending_messages"],
        3_000
    );
    assert!(is_held(&running, "0-0").await && is_held(&running, "2-999").await);
}

#[tokio::test]
async fn the_other_names_do_the_same() {
    let running = start_with_acme().await;
    let post = async |target, body| running.post(ADMIN, target, &body).await;
    let body = json!({"tenant_id": "acme", "batch_code": "spring"});
    let answer = post("/tenants/suspend_batch", body.clone()).await.ok();
    assert_eq!(answer["suspended_batches"], json!(["spring"]));
    let target = "/tenants/get_suspended_batches?tenant_id=acme";
    let expected = json!({"ok": true, "tenant_id": "acme", "suspended_batches": ["spring"]});
    assert_eq!(running.get(ADMIN, target).await.ok(), expected);
    let answer = post("/tenants/activate_batch", body).await.ok();
    assert_eq!(answer["suspended_batches"], json!([]));
    let field = post("/tenants/suspend_batch", json!({"batch_code": "x"}))
        .await
        .wrong_field();
    assert_eq!(field, "body.tenant_id");
    let bad = json!({"tenant_id": "acme", "batch_code": "x".repeat(65)});
    assert_eq!(
        post("/tenants/suspend_batch", bad).await.wrong_field(),
        "body.batch_code"
    );
}
