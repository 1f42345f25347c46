//! Submissions page by page, and one with what happened to it.

use std::time::Duration;

use model::EventKind;
use serde_json::{Value, json};

use crate::house::{House, START};

fn ids(page: &Value) -> Vec<&str> {
    let rows = page["submissions"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

async fn some(house: &House) {
    house.settle("acme", &["main", "bulk"]).await;
    house.settle("other", &["main"]).await;
    house
        .mail("acme/main", "order-1", &[EventKind::Delivered])
        .await;
    house
        .mail("acme/bulk", "order-2", &[EventKind::Bounced])
        .await;
    house.mail("other/main", "order-3", &[]).await;
    house
        .submit(
            "acme/main",
            "Letter",
            &["bob@example.net", "eve@example.net"],
        )
        .await;
}

#[tokio::test]
async fn a_page_is_a_row_a_submission() {
    let house = House::open().await;
    some(&house).await;
    let page = house.json("/api/submissions").await;
    assert_eq!(ids(&page), ["order-1", "order-2", "order-3", "Letter"]);
    assert_eq!(
        (&page["previous"], &page["next"]),
        (&Value::Null, &Value::Null)
    );
    let failed = &page["submissions"][1];
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"], "550 <b>no</b> such user");
    assert_eq!(
        (&failed["tenant_id"], &failed["account_id"]),
        (&json!("acme"), &json!("bulk"))
    );
    let open = &page["submissions"][3];
    assert_eq!(
        (&open["status"], &open["recipients"]),
        (&json!("pending"), &json!(2))
    );
    assert_eq!(open["email"], "bob@example.net");
    assert_eq!(open["due_at"], "2026-11-22T13:43:20.000Z");
}

#[tokio::test]
async fn a_message_that_is_being_sent_or_tried_again_is_shown_so() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    let two = ["a@example.org", "b@example.org"];
    let sending = house.submit("acme/main", "1", &two).await;
    house.mail("acme/main", "2", &[EventKind::Deferred]).await;
    *house.board.sending.lock().unwrap() = vec![sending.messages[1].message.seq];
    let page = house.json("/api/submissions").await;
    assert_eq!(page["submissions"][0]["status"], "sending");
    assert_eq!(page["submissions"][1]["status"], "retry");
    let pending = house.json("/api/submissions?status=pending").await;
    assert_eq!(ids(&pending), ["1", "2"]);
}

#[tokio::test]
async fn filters_and_pages_narrow_the_list() {
    let house = House::open().await;
    some(&house).await;
    for (query, expected) in [
        ("status=sent", vec!["order-1"]),
        ("status=failed", vec!["order-2"]),
        ("status=pending", vec!["order-3", "Letter"]),
        ("tenant=acme", vec!["order-1", "order-2", "Letter"]),
        ("tenant=acme&account=main", vec!["order-1", "Letter"]),
        ("search=ORDER", vec!["order-1", "order-2", "order-3"]),
        ("search=eve%40", vec!["Letter"]),
        ("search=nothing", vec![]),
        ("tenant=nobody", vec![]),
        ("before=end&limit=2", vec!["order-3", "Letter"]),
        ("limit=2", vec!["order-1", "order-2"]),
    ] {
        let page = house.json(&format!("/api/submissions?{query}")).await;
        assert_eq!(ids(&page), expected, "{query}");
    }
    let newest = house.json("/api/submissions?before=end&limit=3").await;
    let older = newest["previous"].as_i64().unwrap();
    let page = house
        .json(&format!("/api/submissions?before={older}&limit=3"))
        .await;
    assert_eq!(ids(&page), ["order-1"]);
    let newer = page["next"].as_i64().unwrap();
    let page = house.json(&format!("/api/submissions?after={newer}")).await;
    assert_eq!(ids(&page), ["order-2", "order-3", "Letter"]);
}

#[tokio::test]
async fn a_refusal_names_the_parameter() {
    let house = House::open().await;
    some(&house).await;
    for (query, status, words) in [
        (
            "status=open",
            400,
            "status: expected one of pending, sent, failed",
        ),
        ("account=main", 400, "account: needs its tenant beside it"),
        (
            "limit=201",
            400,
            "limit: expected a whole number from 1 to 200",
        ),
        ("after=1&before=2", 400, "before: given together with after"),
        ("colour=red", 400, "colour: unknown; known are"),
        ("tenant=acme&account=none", 404, "there is no such account"),
    ] {
        let answer = house
            .ask_as("admin", &format!("/api/submissions?{query}"))
            .await;
        assert_eq!(answer.status, status, "{query}");
        let error = &answer.json()["error"];
        let field = error["field"]
            .as_str()
            .map(|field| format!("{field}: "))
            .unwrap_or_default();
        let told = format!("{field}{}", error["message"].as_str().unwrap());
        assert!(told.starts_with(words), "{query}: {told}");
    }
}

#[tokio::test]
async fn one_submission_tells_its_recipients_and_its_story() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    let two = ["bob@example.net", "eve@example.net"];
    let sent = house.submit("acme/main", "Letter", &two).await;
    house.clock.set(START + Duration::from_secs(5));
    house
        .record(&sent, &[EventKind::Delivered, EventKind::Bounced])
        .await;
    let pk = sent.submission.message_id;
    let story = house.json(&format!("/api/submissions/{pk}")).await;
    assert_eq!(story["submission"]["pk"], pk.to_string());
    assert_eq!(story["submission"]["status"], "failed");
    assert_eq!(
        (&story["submission"]["sent"], &story["submission"]["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&story["subject"], &story["from"]),
        (&json!("About Letter"), &json!("shop@example.com"))
    );
    assert_eq!(story["attachments"], json!(["bill.pdf"]));
    let recipients = story["recipients"].as_array().unwrap();
    let standing = recipients
        .iter()
        .map(|row| (row["email"].as_str(), row["status"].as_str()));
    assert_eq!(
        standing.collect::<Vec<_>>(),
        [(Some(two[0]), Some("sent")), (Some(two[1]), Some("failed"))]
    );
    assert_eq!(story["message"], pk.to_string());
    let kinds = |story: &Value| -> Vec<String> {
        let events = story["events"].as_array().unwrap().iter();
        events
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(kinds(&story), ["accepted", "delivered"]);

    let second = recipients[1]["id"].as_str().unwrap();
    let story = house
        .json(&format!("/api/submissions/{pk}?recipient={second}"))
        .await;
    assert_eq!(kinds(&story), ["accepted", "bounced"]);
    let attempt = &story["events"][1]["attempt"];
    assert_eq!(attempt["text"], "<b>no</b> such user");
    assert_eq!(attempt["dialogue"], "C: RCPT TO:<x>\nS: 550 no");
    assert_eq!(story["events"][1]["at"], "2026-11-22T13:43:25.000Z");
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let house = House::open().await;
    some(&house).await;
    let page = house.json("/api/submissions").await;
    let pk = |place: usize| {
        page["submissions"][place]["pk"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (own, other) = (pk(0), pk(1));
    for path in [
        "nothing".to_owned(),
        "00000000-0000-7000-8000-000000000001".to_owned(),
        format!("{own}?recipient={other}"),
        format!("{own}?recipient=nobody"),
    ] {
        let answer = house
            .ask_as("admin", &format!("/api/submissions/{path}"))
            .await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
}
