//! Mail as it is handed over: what is taken, what is refused, and what the same thing twice is.

use std::sync::atomic::Ordering;

use model::{EventKind, Priority};
use serde_json::{Value, json};
use store::Submissions;

use crate::harness::{
    ADMIN, Running, START, key_of, message, message_with, new_event, start, start_with_acme,
    tenant_id,
};

const ADD: &str = "/commands/add-messages";

async fn add(running: &Running, messages: Value) -> Value {
    let body = json!({ "messages": messages });
    running.post(&key_of("acme"), ADD, &body).await.ok()
}

#[tokio::test]
async fn what_was_answered_is_in_the_store() {
    let running = start_with_acme().await;
    let full = json!({
        "to": ["ada@example.net", "Ben <ben@example.net>"],
        "cc": "cyd@example.net, ADA@example.net",
        "bcc": ["dan@example.net"],
        "priority": "high",
        "batch_code": "spring",
        "deferred_ts": 1_900_000_000.5,
        "x-unknown": {"kept": [1, null]},
    });
    let answer = add(&running, json!([message("a"), message_with("b", full)])).await;
    assert_eq!(answer, json!({"ok": true, "queued": 2, "rejected": []}));
    let b = running.followed("acme", "b").await.unwrap();
    assert_eq!(b.submission.priority, Priority::High);
    assert_eq!(b.submission.batch.as_ref().unwrap().as_str(), "spring");
    assert_eq!(
        b.submission.deferred_until.unwrap().as_millis(),
        1_900_000_000_500
    );
    let to: Vec<_> = b
        .messages
        .iter()
        .map(|one| one.message.address.as_str())
        .collect();
    assert_eq!(
        to,
        [
            "ada@example.net",
            "ben@example.net",
            "cyd@example.net",
            "dan@example.net"
        ]
    );
    let kept: Value = serde_json::from_str(&b.payload).unwrap();
    assert_eq!(kept["x-unknown"]["kept"], json!([1, null]));
    // Who sends follows the log.
    assert_eq!(running.sending.wakes.load(Ordering::Relaxed), 0);
    let a = running.followed("acme", "a").await.unwrap();
    assert_eq!(a.submission.priority, Priority::Medium);
}

#[tokio::test]
async fn priorities_are_words_or_numbers_and_clamped() {
    let running = start_with_acme().await;
    let cases = [
        (json!("immediate"), Priority::Immediate),
        (json!("LOW"), Priority::Low),
        (json!("1"), Priority::High),
        (json!(3), Priority::Low),
        (json!(2.0), Priority::Medium),
        (json!(-9), Priority::Immediate),
        (json!(99), Priority::Low),
        (json!(u64::MAX), Priority::Low),
        (json!(1e300), Priority::Low),
        (Value::Null, Priority::High),
    ];
    let messages = cases.iter().enumerate().map(|(number, (priority, _))| {
        message_with(&number.to_string(), json!({ "priority": priority }))
    });
    let body = json!({ "messages": messages.collect::<Vec<_>>(), "default_priority": "high" });
    let answer = running.post(&key_of("acme"), ADD, &body).await.ok();
    assert_eq!(answer["queued"], cases.len());
    for (number, (_, expected)) in cases.iter().enumerate() {
        let followed = running.followed("acme", &number.to_string()).await.unwrap();
        assert_eq!(followed.submission.priority, *expected, "case {number}");
    }
    for bad in [
        json!("urgent"),
        json!(1.5),
        json!([1]),
        json!(true),
        json!({}),
    ] {
        let body = json!({ "messages": [message("z")], "default_priority": bad });
        let reply = running.post(&key_of("acme"), ADD, &body).await;
        assert_eq!(reply.wrong_field(), "body.default_priority", "{bad}");
        let messages = json!([message("ok"), message_with("z", json!({"priority": bad}))]);
        let reason = add(&running, messages).await["rejected"][0]["reason"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(reason.starts_with("priority: must be"), "{reason}");
    }
}

#[tokio::test]
async fn each_rejection_says_why_and_the_others_go_on() {
    let running = start_with_acme().await;
    running.hand_over(&[message("sent")]).await;
    running.deliver("acme", "sent").await;
    let long = "x".repeat(256);
    let messages = json!([
        message("good"),
        message_with("no-from", json!({"from": null})),
        message_with("no-to", json!({"to": null})),
        message_with("no-subject", json!({"subject": null})),
        message_with("no-account-id", json!({"account_id": null})),
        message_with("no-account", json!({"account_id": "other"})),
        message_with("sent", json!({"body": "again"})),
        message_with("bad-to", json!({"to": ["ada@example.net", "nobody"]})),
        message_with("bad-batch", json!({"batch_code": "*"})),
        message_with(
            "bad-deferred",
            json!({"deferred_ts": 1_795_355_000_000_i64})
        ),
        message_with("bad-deferred-2", json!({"deferred_ts": "tomorrow"})),
        message_with("", json!({})),
        message_with(&long, json!({})),
        message_with("x", json!({"id": null})),
        message_with("x", json!({"id": 5})),
        "text",
        null,
        [],
    ]);
    let answer = add(&running, messages).await;
    assert_eq!(answer["queued"], 1, "{answer}");
    let rejected = answer["rejected"].as_array().unwrap();
    let reason = |id: &str| {
        let one = rejected.iter().find(|one| one["id"] == id).unwrap();
        one["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason("no-from"), "missing from");
    assert_eq!(reason("no-to"), "missing to");
    assert_eq!(reason("no-subject"), "missing subject");
    assert_eq!(reason("no-account-id"), "missing account_id");
    assert_eq!(reason("no-account"), "account not found for tenant");
    assert_eq!(reason("sent"), "already sent");
    assert!(
        reason("bad-to").starts_with("to[1]: "),
        "{}",
        reason("bad-to")
    );
    assert!(reason("bad-batch").starts_with("batch_code: "));
    assert!(reason("bad-deferred").starts_with("deferred_ts: must be seconds"));
    assert!(reason("bad-deferred-2").starts_with("deferred_ts: must be a number"));
    assert!(reason("").starts_with("id: is empty"));
    assert!(reason(&long).starts_with("id: is longer than 255"));
    let by_place = |index: usize| {
        let one = rejected.iter().find(|one| one["index"] == index).unwrap();
        assert!(one.get("id").is_none());
        one["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(by_place(13), "missing id");
    assert_eq!(by_place(14), "id: must be text");
    for place in 15..18 {
        assert_eq!(by_place(place), "invalid payload: must be an object");
    }
    assert_eq!(rejected.len(), 17);
    assert!(running.followed("acme", "no-from").await.is_none());
}

#[tokio::test]
async fn when_nothing_can_be_taken_the_answer_is_400() {
    let running = start_with_acme().await;
    let body = json!({ "messages": [message_with("a", json!({"from": null}))] });
    let (status, detail) = running.post(&key_of("acme"), ADD, &body).await.refused();
    assert_eq!(status, 400);
    assert_eq!(
        detail["rejected"],
        json!([{"id": "a", "reason": "missing from"}])
    );
    assert!(detail["error"].is_string());
    let answer = running
        .post(&key_of("acme"), "/messages/add_batch", &body)
        .await
        .ok();
    let rejected = json!([{"id": "a", "reason": "Missing 'from' field"}]);
    assert_eq!(
        answer,
        json!({"ok": false, "queued": 0, "rejected": rejected})
    );
    assert_eq!(running.sending.wakes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_was_sent_before_is_no_failure_of_the_request() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    running.deliver("acme", "a").await;
    let answer = add(&running, json!([message("a")])).await;
    let rejected = json!([{"id": "a", "reason": "already sent"}]);
    assert_eq!(
        answer,
        json!({"ok": true, "queued": 0, "rejected": rejected})
    );
}

#[tokio::test]
async fn the_same_twice_is_one_message_and_other_content_takes_its_place() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let first = running.followed("acme", "a").await.unwrap();
    running.hand_over(&[message("a")]).await;
    let again = running.followed("acme", "a").await.unwrap();
    assert_eq!(first.submission, again.submission);
    assert_eq!(running.sending.recalls.load(Ordering::Relaxed), 0);
    assert_eq!(
        running.sending.looks_around.load(Ordering::Relaxed),
        1,
        "nobody is asked about what is new"
    );
    running
        .hand_over(&[message_with("a", json!({"body": "other"}))])
        .await;
    let other = running.followed("acme", "a").await.unwrap();
    assert!(other.payload.contains("other"));
    assert_eq!(running.sending.recalls.load(Ordering::Relaxed), 1);
    // Only the lane of its account has something to look at.
    assert_eq!(running.sending.wakes.load(Ordering::Relaxed), 0);
    let account = other.submission.account;
    assert_eq!(*running.sending.looked_at.lock().unwrap(), [account]);
    assert_eq!(
        running
            .store
            .pending(&tenant_id("acme"), None)
            .await
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn of_one_id_twice_in_a_request_the_last_wins() {
    let running = start_with_acme().await;
    running
        .hand_over(&[
            message_with("a", json!({"body": "first"})),
            message_with("a", json!({"body": "last"})),
            message_with("b", json!({})),
            message_with("b", json!({})),
        ])
        .await;
    let a = running.followed("acme", "a").await.unwrap();
    assert!(a.payload.contains("last"));
    assert_eq!(
        running
            .store
            .pending(&tenant_id("acme"), None)
            .await
            .unwrap(),
        2
    );
}

#[tokio::test]
async fn the_same_id_of_two_tenants_is_two_messages() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running.hand_over(&[message("a")]).await;
    let body = json!({ "messages": [message_with("a", json!({"body": "of beta"}))] });
    running.post(&key_of("beta"), ADD, &body).await.ok();
    assert!(
        !running
            .followed("acme", "a")
            .await
            .unwrap()
            .payload
            .contains("of beta")
    );
    assert!(
        running
            .followed("beta", "a")
            .await
            .unwrap()
            .payload
            .contains("of beta")
    );
}

#[tokio::test]
async fn what_is_being_sent_cannot_become_another_message() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let sending = running.messages_of("acme", "a").await[0].seq;
    running.sending.now.lock().unwrap().insert(sending);
    let other = message_with("a", json!({"body": "other"}));
    let answer = add(&running, json!([other, message("b")])).await;
    let rejected = json!([{"id": "a", "reason": "being sent"}]);
    assert_eq!(
        answer,
        json!({"ok": true, "queued": 1, "rejected": rejected})
    );
    assert!(
        !running
            .followed("acme", "a")
            .await
            .unwrap()
            .payload
            .contains("other")
    );
    let (status, detail) = running
        .post(&key_of("acme"), "/messages/add", &other)
        .await
        .refused();
    assert_eq!((status, detail), (409, json!("being sent")));
}

#[tokio::test]
async fn what_was_sent_is_said_to_be_sent_also_while_who_sends_does_not_know_it_yet() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let sending = running.messages_of("acme", "a").await[0].seq;
    running.sending.now.lock().unwrap().insert(sending);
    running.deliver("acme", "a").await;
    let answer = add(&running, json!([message("a")])).await;
    let rejected = json!([{"id": "a", "reason": "already sent"}]);
    assert_eq!(answer["rejected"], rejected);
}

#[tokio::test]
async fn a_request_above_the_limits_is_refused_whole() {
    let running = start_with_acme().await;
    let many: Vec<Value> = (0..1_001)
        .map(|number| message(&number.to_string()))
        .collect();
    let body = json!({ "messages": many });
    let (status, detail) = running.post(&key_of("acme"), ADD, &body).await.refused();
    assert_eq!(
        (status, detail),
        (400, json!("Cannot enqueue more than 1000 messages at once"))
    );
    assert!(running.followed("acme", "0").await.is_none());
    let most = json!({ "messages": many[..1_000] });
    assert_eq!(
        running.post(&key_of("acme"), ADD, &most).await.ok()["queued"],
        1_000
    );
    let huge = vec![b' '; 33 * 1024 * 1024];
    let reply = running.ask("POST", &key_of("acme"), ADD, &huge).await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    assert!(reply.json()["detail"].is_string());
}

#[tokio::test]
async fn a_request_without_messages_names_the_field() {
    let running = start_with_acme().await;
    for bad in [
        json!({}),
        json!({"messages": null}),
        json!({"messages": {}}),
        json!({"messages": []}),
    ] {
        let reply = running.post(&key_of("acme"), ADD, &bad).await;
        assert_eq!(reply.wrong_field(), "body.messages", "{bad}");
    }
    let reply = running.ask("POST", &key_of("acme"), ADD, b"").await;
    assert_eq!(reply.wrong_field(), "body.messages");
    assert_eq!(reply.json()["detail"][0]["type"], "missing");
}

#[tokio::test]
async fn an_administrator_says_whose_each_message_is() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    let messages = json!([
        message_with("a", json!({"tenant_id": "acme"})),
        message_with("b", json!({"tenant_id": "beta"})),
        message_with("c", json!({})),
        message_with("d", json!({"tenant_id": "nobody"})),
    ]);
    let answer = running
        .post(ADMIN, ADD, &json!({ "messages": messages }))
        .await
        .ok();
    assert_eq!(answer["queued"], 2);
    assert_eq!(
        answer["rejected"][0],
        json!({"id": "c", "reason": "missing tenant_id"})
    );
    assert_eq!(
        answer["rejected"][1],
        json!({"id": "d", "reason": "tenant not found"})
    );
    assert!(running.followed("beta", "b").await.is_some());
    assert!(running.followed("acme", "b").await.is_none());
}

#[tokio::test]
async fn a_tenant_that_names_another_hands_nothing_over() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    let messages = json!([
        message("a"),
        message_with("b", json!({"tenant_id": "beta"}))
    ]);
    let reply = running
        .post(&key_of("acme"), ADD, &json!({ "messages": messages }))
        .await;
    assert_eq!(
        reply.refused(),
        (401, json!("Token not authorized for this tenant"))
    );
    assert!(
        reply
            .head
            .to_ascii_lowercase()
            .contains("www-authenticate: bearer")
    );
    assert!(running.followed("acme", "a").await.is_none());
}

#[tokio::test]
async fn one_message_is_taken_by_itself() {
    let running = start_with_acme().await;
    let new = message_with(
        "a",
        json!({"from": null, "from_addr": "x@example.org", "priority": 1}),
    );
    let answer = running
        .post(&key_of("acme"), "/messages/add", &new)
        .await
        .ok();
    let pk = running
        .followed("acme", "a")
        .await
        .unwrap()
        .submission
        .message_id;
    assert_eq!(answer, json!({"id": "a", "pk": pk.to_string()}));
    let again = running
        .post(&key_of("acme"), "/messages/add", &new)
        .await
        .ok();
    assert_eq!(again, answer);
    let post = async |body: Value| running.post(&key_of("acme"), "/messages/add", &body).await;
    let field = async |fields: Value| post(message_with("b", fields)).await.wrong_field();
    assert_eq!(field(json!({"id": null})).await, "body.id");
    assert_eq!(field(json!({"from": null})).await, "body.from");
    assert_eq!(field(json!({"to": ["x@y.example", 5]})).await, "body.to.1");
    assert_eq!(
        field(json!({"account_id": "other"})).await,
        "body.account_id"
    );
    assert_eq!(
        field(json!({"attachments": [{"filename": "a"}]})).await,
        "body.attachments.0.storage_path"
    );
    running.deliver("acme", "a").await;
    assert_eq!(post(new).await.refused(), (409, json!("already sent")));
}

#[tokio::test]
async fn who_failed_for_good_is_not_begun_anew() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    let lease = running.lease("acme").await;
    let sent = running.messages_of("acme", "a").await.remove(0);
    running
        .record(&lease, &sent, new_event(&sent, EventKind::Bounced, START))
        .await;
    let answer = add(&running, json!([message("a")])).await;
    assert_eq!(answer["rejected"][0]["reason"], "already sent");
}

#[tokio::test]
async fn a_tenant_that_is_not_active_is_nobody() {
    let running = start().await;
    running.add_tenant("acme").await;
    let change: store::directory::Change<model::Tenant> = Box::new(|tenant| {
        tenant.is_active = false;
        Ok(())
    });
    let (directory, acme) = (&*running.store, tenant_id("acme"));
    store::Directory::change_tenant(directory, &acme, change, START)
        .await
        .unwrap();
    let body = json!({ "messages": [message("a")] });
    let reply = running.post(&key_of("acme"), ADD, &body).await;
    assert_eq!(
        reply.refused(),
        (401, json!("Invalid or missing API token"))
    );
}
