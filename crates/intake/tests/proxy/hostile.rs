//! Bodies that no honest client sends.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ADMIN, key_of, message, message_with, start_with_acme};

/// Within this, a bomb is refused.
const QUICK: Duration = Duration::from_millis(200);

/// Every route that takes a body.
fn targets() -> impl Iterator<Item = (&'static str, String)> {
    let with_body = intake::proxy::routes().filter(|route| {
        let method = route.method.as_str();
        method == "POST" || method == "PUT"
    });
    with_body.map(|route| (route.method.as_str(), filled(route.path)))
}

/// A route's path with ids of `acme`.
fn filled(path: &str) -> String {
    let names = [
        ("{tenant_id}", "acme"),
        ("{account_id}", "main"),
        ("{id}", "main"),
    ];
    names
        .iter()
        .fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
}

#[tokio::test]
async fn no_body_makes_a_fault_of_ours() {
    let running = start_with_acme().await;
    let deep = format!(
        "{{\"messages\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let shallow = format!("{{\"messages\":{}{}}}", "[".repeat(31), "]".repeat(31));
    let wide = format!("{{\"messages\":[{}0]}}", "0,".repeat(900_000));
    let fields: String = (0..50_000)
        .map(|number| format!("\"f{number}\":{number},"))
        .collect();
    let bodies: Vec<Vec<u8>> = [
        "{", "}", "null", "true", "5", "\"text\"", "[]", "{}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}", "{\"\\u0000\":\"\\u0000\"}", "\u{feff}{}", "{} {}", "{'a':1}",
        "NaN", "{\"messages\":NaN}", "{\"ids\":[\"\\u0000\"],\"messages\":[{\"id\":\"\\u0000\"}]}",
        "{\"messages\":[{\"id\":{\"$gt\":\"\"}}],\"ids\":[{}],\"tenant_id\":[],\"id\":{},\"batch_code\":9}",
        &deep, &shallow, &wide, &format!("{{{fields}\"z\":0}}"),
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([vec![0xff, 0xfe], b"{\"a\":\"\xff\"}".to_vec(), vec![0; 1_000]])
    .collect();
    for (method, target) in targets() {
        for body in &bodies {
            for token in [ADMIN.to_owned(), key_of("acme")] {
                // Both may be gone by a route that was asked for that.
                let reply = running.ask(method, &token, &target, body).await;
                let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
                assert!(reply.status < 500, "{method} {target} {start}: {reply:?}");
                assert!(
                    reply.status < 400 || !reply.json()["detail"].is_null(),
                    "{reply:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_short_text_that_would_take_much_memory_is_refused_before_it_is_read() {
    let (running, token) = (start_with_acme().await, key_of("acme"));
    let many = r#"{"":0},"#.repeat(200_000);
    let body = format!(r#"{{"messages":[{{"x":[{many}{{}}]}}]}}"#);
    let target = "/commands/add-messages";
    let reply = running.ask("POST", &token, target, body.as_bytes()).await;
    let (status, detail) = reply.refused();
    assert_eq!(status, 413);
    assert!(detail.as_str().unwrap().contains("more values"), "{detail}");
    let body = format!(r#"{{"messages":[{many}{{}}]}}"#);
    let reply = running.ask("POST", &token, target, body.as_bytes()).await;
    let (status, detail) = reply.refused();
    assert_eq!(status, 400);
    assert!(
        detail.as_str().unwrap().contains("1000 messages"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_deep_nesting_is_refused_at_once_and_told_its_bound() {
    let (running, token) = (start_with_acme().await, key_of("acme"));
    let nested = |open: &str, close: &str, depth: usize| {
        let message = message("a").to_string();
        let (open, close) = (open.repeat(depth), close.repeat(depth));
        format!(r#"{{"deep":{open}0{close},"messages":[{message}]}}"#)
    };
    let target = "/commands/add-messages";
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [32, 10_000] {
            let body = nested(open, close, depth);
            let started = Instant::now();
            let reply = running.ask("POST", &token, target, body.as_bytes()).await;
            let took = started.elapsed();
            let (status, detail) = reply.refused();
            assert_eq!(status, 400, "{depth} of {open}");
            assert!(detail.as_str().unwrap().contains("32 levels"), "{detail}");
            assert!(took < QUICK, "{depth} of {open} took {took:?}");
        }
    }
    assert!(running.followed("acme", "a").await.is_none());
    let body = nested("[", "]", 31);
    let reply = running.ask("POST", &token, target, body.as_bytes()).await;
    assert_eq!(reply.ok()["queued"], 1);
}

#[tokio::test]
async fn what_is_no_json_is_said_with_its_place() {
    let running = start_with_acme().await;
    let reply = running
        .ask(
            "POST",
            &key_of("acme"),
            "/commands/add-messages",
            b"{\"a\": }",
        )
        .await;
    assert_eq!(reply.wrong_field(), "body");
    let fault = reply.json()["detail"][0].clone();
    assert_eq!(fault["type"], "json_invalid");
    assert!(
        fault["msg"].as_str().unwrap().contains("line 1 column 7"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_wrong_type_names_the_field_and_repeats_no_value() {
    let running = start_with_acme().await;
    let wrong = [
        ("id", json!(["canary"])),
        ("account_id", json!({"canary": "canary"})),
        ("account_id", json!("canary canary")),
        ("from", json!(["canary"])),
        ("from", json!("canary")),
        ("from", json!("a@b.example\r\nBcc: canary@example.org")),
        ("to", json!([{"canary": 1}])),
        ("to", json!("canary")),
        ("cc", json!(7)),
        ("subject", json!(["canary"])),
        ("subject", json!("canary\r\nX: y")),
        ("body", json!({"canary": 1})),
        ("content_type", json!("canary")),
        ("reply_to", json!("canary")),
        ("return_path", json!("canary")),
        ("headers", json!(["canary"])),
        ("headers", json!({"X bad": "canary"})),
        ("attachments", json!("canary")),
        (
            "attachments",
            json!([{"filename": "canary", "storage_path": {"canary": 1}}]),
        ),
        ("priority", json!("canary")),
        ("batch_code", json!({"canary": 1})),
        ("deferred_ts", json!("canary")),
        ("deferred_ts", json!(-1)),
    ];
    for (field, value) in wrong {
        let message = message_with("a", json!({ field: value }));
        let reply = running
            .post(&key_of("acme"), "/messages/add", &message)
            .await;
        let place = reply.wrong_field();
        assert!(
            place.starts_with(&format!("body.{field}")),
            "{field} = {value}: {place}"
        );
        assert!(
            !reply.json()["detail"][0]["msg"]
                .to_string()
                .contains("canary"),
            "{reply:?}"
        );
        let body = json!({ "messages": [message] });
        let reply = running
            .post(&key_of("acme"), "/commands/add-messages", &body)
            .await;
        let (status, detail) = reply.refused();
        assert_eq!(status, 400);
        let reason = detail["rejected"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with(field), "{field} = {value}: {reason}");
    }
}

#[tokio::test]
async fn two_tenants_in_one_request_are_refused() {
    let running = start_with_acme().await;
    running.add_tenant("beta").await;
    let body = json!({"tenant_id": "acme", "ids": ["a"]});
    let target = "/commands/delete-messages?tenant_id=beta";
    let reply = running.post(ADMIN, target, &body).await;
    assert_eq!(reply.wrong_field(), "body.tenant_id");
    for token in [key_of("acme"), key_of("beta")] {
        assert_eq!(running.post(&token, target, &body).await.status, 401);
    }
}

#[tokio::test]
async fn texts_of_every_kind_come_back_as_they_were() {
    let running = start_with_acme().await;
    let texts = [
        "ünïcode 🦀",
        "\"quoted\" \\ ",
        "<script>alert(1)</script>",
        "{{template}}",
        "' OR 1=1 --",
    ];
    for (number, text) in texts.iter().enumerate() {
        let id = format!("{number} {text}");
        running
            .hand_over(&[message_with(&id, json!({"body": text, "batch_code": text}))])
            .await;
    }
    let list = running.get(&key_of("acme"), "/messages").await.ok();
    for (number, text) in texts.iter().enumerate() {
        let shown = &list["messages"][number];
        assert_eq!(shown["id"], format!("{number} {text}"));
        assert_eq!(shown["message"]["body"], *text);
        assert_eq!(shown["batch_code"], *text);
    }
}

#[tokio::test]
async fn a_thousand_recipients_are_taken_and_one_more_is_not() {
    let running = start_with_acme().await;
    let to = |count: usize| -> Value {
        (0..count)
            .map(|number| format!("r{number}@example.net"))
            .collect::<Vec<_>>()
            .into()
    };
    running
        .hand_over(&[message_with("a", json!({"to": to(1_000)}))])
        .await;
    assert_eq!(running.messages_of("acme", "a").await.len(), 1_000);
    let more = message_with("b", json!({"to": to(1_001)}));
    let reply = running.post(&key_of("acme"), "/messages/add", &more).await;
    assert!(reply.wrong_field().starts_with("body.to"));
}

#[tokio::test]
async fn other_methods_and_other_paths_are_said_in_json() {
    let running = start_with_acme().await;
    let token = key_of("acme");
    let reply = running.ask("PATCH", &token, "/messages", b"{}").await;
    assert_eq!(reply.status, 405);
    assert!(
        reply.head.to_ascii_lowercase().contains("\r\nallow: get"),
        "{reply:?}"
    );
    assert!(reply.json().is_object());
    let reply = running.get(&token, "/commands/add-messages").await;
    assert_eq!(reply.status, 405);
    let reply = running
        .post(&token, "/no-such-command", &message("a"))
        .await;
    assert_eq!(reply.status, 404);
    assert!(reply.json().is_object());
}
