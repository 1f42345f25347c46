//! Mail as it stands: records, pages, histories, counts.

use std::time::Duration;

use model::{
    Attempt, Category, EventKind, News, Permanence, Phase, PhaseTimes, ReceiptKind, Reply,
};
use serde_json::{Value, json};
use store::submissions::NewNews;
use store::{NewEvent, Submissions};

use crate::harness::{
    ADMIN, START, key_of, message, message_with, new_event, start_with_acme, tenant_id,
};

fn refusal(code: u16, text: &str) -> Attempt {
    Attempt {
        remote: "smtp.example.org:25".into(),
        tls: None,
        phase: Phase::Recipient,
        reply: Some(Reply {
            code,
            enhanced: None,
            text: text.into(),
        }),
        category: Some(Category::UnknownRecipient),
        error: None,
        times: PhaseTimes::default(),
        refused_copies: Vec::new(),
        dialogue: None,
    }
}

#[tokio::test]
async fn a_record_says_all_that_is_known_and_nothing_that_is_not() {
    let running = start_with_acme().await;
    let fields = json!({"priority": 1, "batch_code": "spring"});
    running.hand_over(&[message_with("a", fields)]).await;
    let answer = running.get(&key_of("acme"), "/messages").await.ok();
    assert_eq!(answer["ok"], true);
    assert!(answer.get("next").is_none());
    let pk = running
        .followed("acme", "a")
        .await
        .unwrap()
        .submission
        .message_id;
    let expected = json!({
        "pk": pk.to_string(),
        "id": "a",
        "tenant_id": "acme",
        "tenant_name": "Name of acme",
        "account_id": "main",
        "status": "pending",
        "priority": 1,
        "batch_code": "spring",
        "created_at": "2026-11-22T13:43:20.000Z",
        "updated_at": "2026-11-22T13:43:20.000Z",
        "message": message_with("a", json!({"priority": 1, "batch_code": "spring"})),
        "is_pec": false,
        "recipients": [
            {"address": "ada@example.net", "status": "pending", "attempts": 0, "ts": 1_795_355_000},
        ],
    });
    assert_eq!(answer["messages"], json!([expected]));
    let bare = running.get(&key_of("acme"), "/messages/list").await.ok();
    assert_eq!(bare[0]["sent_ts"], Value::Null);
    assert!(bare[0].as_object().unwrap().contains_key("bounce_reason"));
}

#[tokio::test]
async fn a_record_follows_its_recipients() {
    let running = start_with_acme().await;
    let to = json!({"to": ["ada@example.net", "ben@example.net"]});
    running.hand_over(&[message_with("a", to)]).await;
    let lease = running.lease("acme").await;
    let messages = running.messages_of("acme", "a").await;
    let record =
        async || running.get(&key_of("acme"), "/messages").await.ok()["messages"][0].clone();
    let at = |seconds| START + Duration::from_secs(seconds);
    running
        .record(
            &lease,
            &messages[0],
            new_event(&messages[0], EventKind::Delivered, at(1)),
        )
        .await;
    let deferred = NewEvent {
        due_at: Some(at(61)),
        attempt: Some(refusal(451, "try later")),
        ..new_event(&messages[1], EventKind::Deferred, at(1))
    };
    running.record(&lease, &messages[1], deferred).await;
    let shown = record().await;
    assert_eq!(shown["status"], "deferred");
    assert_eq!(shown["deferred_ts"], at(61).as_secs());
    assert!(shown.get("sent_ts").is_none() && shown.get("error").is_none());
    assert_eq!(shown["recipients"][0]["status"], "sent");
    assert_eq!(
        shown["recipients"][1],
        json!({"address": "ben@example.net", "status": "deferred", "code": 451,
            "error": "451 try later", "attempts": 1, "ts": at(1).as_secs(),
            "deferred_ts": at(61).as_secs()})
    );
    let bounced = NewEvent {
        attempts: 2,
        attempt: Some(refusal(550, "no such user")),
        ..new_event(&messages[1], EventKind::Bounced, at(61))
    };
    running.record(&lease, &messages[1], bounced).await;
    let shown = record().await;
    assert_eq!(shown["status"], "error");
    assert_eq!(
        shown["error"],
        "1 of 2 recipients failed: ben@example.net: 550 no such user"
    );
    assert_eq!(shown["error_ts"], at(61).as_secs());
    assert!(shown.get("sent_ts").is_none() && shown.get("deferred_ts").is_none());
    assert_eq!(shown["recipients"][1]["status"], "error");
}

#[tokio::test]
async fn news_after_the_delivery_leave_it_sent() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a")]).await;
    running.deliver("acme", "a").await;
    let sent = running.messages_of("acme", "a").await.remove(0);
    let at = |seconds| START + Duration::from_secs(seconds);
    let news = |kind, at, news, reason: &str| NewNews {
        message: sent.seq,
        kind,
        at,
        news,
        reason: reason.into(),
    };
    let bounce = News::Bounce {
        permanence: Permanence::Hard,
        code: Some("511".into()),
    };
    let receipt = News::Receipt(ReceiptKind::Acceptance);
    let noted = running.store.note_news(
        vec![
            news(EventKind::Returned, at(10), bounce, "mailbox gone"),
            news(EventKind::Receipt, at(20), receipt, "accepted"),
        ],
        None,
    );
    assert_eq!(noted.await.unwrap(), 2);
    let target = "/messages?include_history=true";
    let shown = running.get(&key_of("acme"), target).await.ok()["messages"][0].clone();
    assert_eq!(shown["status"], "sent");
    assert_eq!(shown["sent_ts"], START.as_secs());
    assert_eq!(shown["bounce_type"], "hard");
    assert_eq!(shown["bounce_code"], "511");
    assert_eq!(shown["bounce_reason"], "mailbox gone");
    assert_eq!(shown["bounce_ts"], at(10).as_secs());
    let kinds = |field: &str, list: &Value| -> Vec<String> {
        let events = list.as_array().unwrap().iter();
        events
            .map(|event| event[field].as_str().unwrap().to_owned())
            .collect()
    };
    let expected = ["sent", "bounce", "pec_acceptance"];
    assert_eq!(kinds("event_type", &shown["history"]), expected);
    assert_eq!(shown["history"][1]["description"], "mailbox gone");
    assert_eq!(shown["history"][1]["metadata"]["bounce_type"], "hard");
    let without = running.get(&key_of("acme"), "/messages").await.ok();
    assert!(without["messages"][0].get("history").is_none());
    assert_eq!(without["messages"][0]["sent_ts"], START.as_secs());
    let events = running
        .get(&key_of("acme"), "/messages/a/events")
        .await
        .ok();
    assert_eq!(kinds("event_type", &events["events"]), expected);
    assert_eq!(
        events["events"][0]["event_data"]["recipient"],
        "ada@example.net"
    );
    assert_eq!(events["events"][0]["event_ts"], START.as_secs());
}

#[tokio::test]
async fn secrets_of_attachments_are_kept_and_never_shown() {
    let running = start_with_acme().await;
    let attachments = json!([{
        "filename": "a.pdf",
        "storage_path": "https://files.example/a.pdf",
        "auth": {"method": "basic", "user": "u", "password": "canary", "token": "canary"},
    }]);
    running
        .hand_over(&[message_with("a", json!({ "attachments": attachments }))])
        .await;
    assert!(
        running
            .followed("acme", "a")
            .await
            .unwrap()
            .payload
            .contains("canary")
    );
    for target in [
        "/messages?include_history=1",
        "/messages/list",
        "/messages/get?message_id=a",
        "/messages/a/events",
    ] {
        let reply = running.get(&key_of("acme"), target).await;
        assert_eq!(reply.status, 200, "{target}");
        assert!(!reply.text.contains("canary"), "{target}");
    }
    let shown = running.get(&key_of("acme"), "/messages").await.ok();
    let auth = &shown["messages"][0]["message"]["attachments"][0]["auth"];
    assert_eq!(auth["user"], "u");
}

#[tokio::test]
async fn a_long_list_comes_in_pages_without_a_gap() {
    let running = start_with_acme().await;
    let ids: Vec<String> = (0..600).map(|number| format!("m{number}")).collect();
    let messages: Vec<Value> = ids.iter().map(|id| message(id)).collect();
    running.hand_over(&messages).await;
    let seen = |answer: &Value| -> Vec<String> {
        let records = answer.as_array().unwrap().iter();
        records
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect()
    };
    for limit in [1_000, 600, 599, 250, 7] {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let target = format!("/messages?limit={limit}&after={after}");
            let answer = running.get(&key_of("acme"), &target).await.ok();
            let page = seen(&answer["messages"]);
            assert!(page.len() <= limit);
            all.extend(page);
            match answer["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => break,
            }
        }
        assert_eq!(all, ids, "limit {limit}");
    }
    let bare = running
        .get(&key_of("acme"), "/messages/list?limit=5")
        .await
        .ok();
    assert_eq!(seen(&bare), ids[..5]);
    let target = format!(
        "/messages/list?limit=5&after={}",
        bare[4]["pk"].as_str().unwrap()
    );
    assert_eq!(
        seen(&running.get(&key_of("acme"), &target).await.ok()),
        ids[5..10]
    );
}

#[tokio::test]
async fn only_what_is_under_way_is_listed_when_asked() {
    let running = start_with_acme().await;
    running.hand_over(&[message("a"), message("b")]).await;
    running.deliver("acme", "a").await;
    let ids = async |target| {
        let answer = running.get(&key_of("acme"), target).await.ok();
        let records = answer["messages"].as_array().unwrap().clone();
        records
            .iter()
            .map(|record| record["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("/messages?active_only=true").await, ["b"]);
    assert_eq!(ids("/messages?active_only=false").await, ["a", "b"]);
    assert_eq!(ids("/messages").await, ["a", "b"]);
    let counts = async |target| running.get(&key_of("acme"), target).await.ok();
    assert_eq!(counts("/messages/count_active").await, 1);
    assert_eq!(counts("/messages/count_pending_for_tenant").await, 1);
    assert_eq!(
        counts("/messages/count_pending_for_tenant?batch_code=none").await,
        0
    );
}

#[tokio::test]
async fn the_administrator_counts_all_and_lists_whom_it_names() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running.hand_over(&[message("a")]).await;
    let body = json!({"messages": [message("b1"), message("b2")]});
    running
        .post(&key_of("beta"), "/commands/add-messages", &body)
        .await
        .ok();
    let get = async |target| running.get(ADMIN, target).await;
    assert_eq!(get("/messages/count_active").await.ok(), 3);
    assert_eq!(get("/messages/count_active?tenant_id=beta").await.ok(), 2);
    let beta = get("/messages?tenant_id=beta").await.ok();
    assert_eq!(beta["messages"].as_array().unwrap().len(), 2);
    assert_eq!(get("/messages").await.wrong_field(), "query.tenant_id");
    assert_eq!(
        get("/messages?tenant_id=nobody").await.refused(),
        (404, json!("tenant not found"))
    );
    assert_eq!(
        get("/messages?tenant_id=a/b").await.wrong_field(),
        "query.tenant_id"
    );
}

#[tokio::test]
async fn one_message_is_found_by_either_of_its_ids() {
    let running = start_with_acme().await;
    running
        .hand_over(&[message("a"), message("with /?&# and ü")])
        .await;
    let get = async |target: String| running.get(&key_of("acme"), &target).await;
    let by_id = get("/messages/get?message_id=a".to_owned()).await.ok();
    let pk = by_id["pk"].as_str().unwrap();
    assert_eq!(
        get(format!("/messages/get?message_id={pk}")).await.ok(),
        by_id
    );
    assert_eq!(get(format!("/messages/{pk}/events")).await.ok()["ok"], true);
    let odd = "with%20%2F%3F%26%23%20and%20%C3%BC";
    assert_eq!(
        get(format!("/messages/{odd}/events")).await.ok(),
        json!({"ok": true, "events": []})
    );
    for gone in [
        "/messages/get?message_id=b".to_owned(),
        "/messages/b/events".to_owned(),
        "/messages/%FF/events".to_owned(),
        format!("/messages/{}/events", pk.replace('0', "1")),
    ] {
        assert_eq!(get(gone.clone()).await.status, 404, "{gone}");
    }
    let reply = get("/messages/get".to_owned()).await;
    assert_eq!(reply.wrong_field(), "query.message_id");
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let running = start_with_acme().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=x", "limit"),
        ("active_only=perhaps", "active_only"),
        ("include_history=2", "include_history"),
        ("after=x", "after"),
        ("limit=1&limit=2", "limit"),
    ] {
        let reply = running
            .get(&key_of("acme"), &format!("/messages?{query}"))
            .await;
        assert_eq!(reply.wrong_field(), format!("query.{field}"), "{query}");
    }
}

#[tokio::test]
async fn counts_stay_with_their_tenant() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    running.hand_over(&[message("a")]).await;
    assert_eq!(
        running
            .get(&key_of("beta"), "/messages/count_active")
            .await
            .ok(),
        0
    );
    assert_eq!(
        running
            .store
            .pending(&tenant_id("acme"), None)
            .await
            .unwrap(),
        1
    );
}
