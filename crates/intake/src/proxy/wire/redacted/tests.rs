//! Hostile bodies, long ones, and secrets under many names.

use super::*;

fn payload(body: &str) -> Value {
    payload_about(body, About::Other)
}

fn payload_about(body: &str, about: About) -> Value {
    let redacted = redacted(body.as_bytes(), about);
    assert!(redacted.payload.len() <= COMMAND_BYTES_MAX);
    serde_json::from_str(&redacted.payload)
        .unwrap_or_else(|error| panic!("{error}: {}", redacted.payload))
}

#[test]
fn secrets_are_left_out_by_the_names_of_their_fields() {
    let body = json!({
        "password": "canary", "Password": "canary", "passwrd": "canary", "pasword": "canary", "api_token": "canary",
        "apiKey": ["canary"], "imap_password": 5, "x-secret": {"a": "canary"}, "tokn": "canary",
        "client_auth": {"method": "basic", "user": "ada", "password": "canary", "pw": "canary"},
        "auth": "canary", "config": {"bucket": "b", "aws_access_key_id": "canary"},
        "headers": {"Authorization": "canary", "X-Kind": "news", "Set-Cookie": "canary"},
        "storage_path": "https://ada:canary@files.example/a/b?signature=canary#canary",
        "authorization": null, "name": "Acme", "active": true, "port": 25, "share": 0.5,
    });
    let payload = payload(&body.to_string());
    assert!(!payload.to_string().contains("canary"), "{payload}");
    for (pointer, value) in [
        ("/client_auth/method", json!("basic")),
        ("/client_auth/user", json!("ada")),
        ("/client_auth/password", json!("***")),
        ("/imap_password", json!("***")),
        ("/authorization", Value::Null),
        ("/config", json!("***")),
        ("/headers/X-Kind", json!("news")),
        ("/name", json!("Acme")),
        ("/port", json!(25)),
        ("/share", json!(0.5)),
    ] {
        assert_eq!(payload.pointer(pointer), Some(&value), "{pointer}");
    }
    let path = payload["storage_path"].as_str().unwrap();
    assert!(path.starts_with("https://files.example/a/b…"), "{path}");
}

#[test]
fn of_mail_only_what_tells_it_apart_is_kept() {
    let message = json!({
        "id": "a", "account_id": "main", "priority": 2, "batch_code": "spring", "subject": "canary", "body": "canary",
        "to": ["canary@example.com", "canary@example.org"], "cc": "canary@example.net, canary@example.com",
        "attachments": [{"filename": "canary"}], "headers": {"X-Id": "canary"}, "id2": {"id": "canary"},
    });
    let kept = json!({
        "id": "a", "account_id": "main", "priority": 2, "batch_code": "spring", "to": 2, "cc": 2, "attachments": 1,
    });
    assert_eq!(payload_about(&message.to_string(), About::Mail), kept);
    let batch = json!({"tenant_id": "acme", "messages": [message, "canary", ["canary"]], "default_priority": 1});
    let kept =
        json!({"tenant_id": "acme", "messages": [kept, "***", ["***"]], "default_priority": 1});
    assert_eq!(payload_about(&batch.to_string(), About::Mail), kept);
    let hostile = json!({"id": {"body": "canary"}, "account_id": ["canary"], "messages": "canary", "to": {"a": "canary"}});
    let kept = json!({"id": "***", "account_id": "***", "messages": "***", "to": "***"});
    assert_eq!(payload_about(&hostile.to_string(), About::Mail), kept);
}

#[test]
fn of_a_storage_no_settings_are_kept_under_any_name() {
    let storage = json!({"tenant_id": "acme", "name": "S", "protocol": "azure", "confg": {"a": "canary"},
        "config": {"connection_string": "canary", "bucket": "canary"}, "sas": null});
    let kept = json!({"tenant_id": "acme", "name": "S", "protocol": "azure", "confg": "***", "config": "***", "sas": null});
    assert_eq!(payload_about(&storage.to_string(), About::Storage), kept);
}

#[test]
fn files_and_long_texts_are_shortened() {
    let (file, body) = ("A".repeat(100_000), "ä".repeat(1_000));
    let message =
        json!({"body": body, "attachments": [{"storage_path": format!("base64:{file}")}]});
    let payload = payload(&message.to_string());
    assert_eq!(
        payload["attachments"][0]["storage_path"],
        "base64:… (100007 bytes)"
    );
    let body = payload["body"].as_str().unwrap();
    assert!(
        body.ends_with("ä… (2000 bytes)") && body.len() < 600,
        "{body}"
    );
}

#[test]
fn a_batch_is_cut_to_a_json_text_of_bounded_size() {
    let message =
        |id: usize| json!({"id": id, "to": ["a@example.com"], "body": "\u{1}".repeat(300)});
    let messages: Vec<Value> = (0..1_000).map(message).collect();
    let payload = payload(&json!({"tenant_id": "acme", "messages": messages}).to_string());
    let kept = payload["messages"].as_array().unwrap();
    assert!((2..100).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0]["id"], 0);
    assert!(payload.to_string().contains('…'));
}

#[test]
fn whatever_a_body_is_what_is_kept_is_json() {
    for (body, kept) in [
        ("", "null"),
        ("canary", "null"),
        ("[\"canary\"]", "null"),
        ("\"canary\"", "null"),
        ("{\"a\":1", "{\"a\":1,\"…\":true}"),
        ("{\"a\":[1,canary", "{\"a\":[1,\"…\"]}"),
        ("{\"password\":\"canary", "{\"…\":true}"),
        ("{\"a\":{}}", "{\"a\":{}}"),
        ("{}", "{}"),
    ] {
        assert_eq!(
            redacted(body.as_bytes(), About::Other).payload,
            kept,
            "{body}"
        );
    }
    let deep = format!("{}1", "{\"a\":".repeat(10_000));
    payload(&deep);
    payload(&json!({"n".repeat(100_000): {"m": "x"}}).to_string());
}

#[test]
fn the_tenant_is_the_one_that_the_whole_request_names() {
    let tenant = |value: Value| redacted(value.to_string().as_bytes(), About::Other).tenant;
    assert_eq!(
        tenant(json!({"tenant_id": "acme"})).as_deref(),
        Some("acme")
    );
    assert_eq!(tenant(json!({"messages": [{"tenant_id": "acme"}]})), None);
    assert_eq!(tenant(json!({"tenant_id": 5})), None);
    let one = redacted(br#"{"headers":{"id":"x"},"id":"acme"}"#, About::Other);
    assert_eq!((one.id.as_deref(), one.tenant), (Some("acme"), None));
}
