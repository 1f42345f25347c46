//! Who asked for what.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{ADMIN, Running, START, key_of, message_with, start_with_acme};

async fn log(running: &Running, query: &str) -> Value {
    running
        .get(ADMIN, &format!("/command-log{query}"))
        .await
        .ok()
}

async fn endpoints(running: &Running, query: &str) -> Vec<String> {
    let log = log(running, query).await;
    let commands = log["commands"].as_array().unwrap().iter();
    commands
        .map(|command| command["endpoint"].as_str().unwrap().to_owned())
        .collect()
}

/// What changes something, each kind of it once.
async fn busy() -> Running {
    let running = start_with_acme().await;
    let own = key_of("acme");
    running
        .post(ADMIN, "/tenant", &json!({"id": "other", "name": "Other"}))
        .await
        .ok();
    let account =
        json!({"id": "b", "host": "localhost", "port": 25, "password": "hunter2", "user": "u"});
    running.post(&own, "/account", &account).await.ok();
    running
        .hand_over(&[message_with("a", json!({"body": "x".repeat(5_000)}))])
        .await;
    running
        .ask(
            "POST",
            ADMIN,
            "/commands/suspend?tenant_id=other&batch_code=b",
            b"",
        )
        .await
        .ok();
    running.ask("DELETE", &own, "/account/b", b"").await.ok();
    running
        .ask("DELETE", ADMIN, "/tenant/other", b"")
        .await
        .ok();
    running
}

#[tokio::test]
async fn what_changes_something_is_written_down() {
    let running = busy().await;
    running.get(ADMIN, "/tenants").await.ok();
    let log = log(&running, "").await;
    assert_eq!(log["total"], 6);
    let commands = log["commands"].as_array().unwrap();
    let find = |endpoint: &str| {
        commands
            .iter()
            .find(|one| one["endpoint"] == endpoint)
            .unwrap()
    };
    assert_eq!(
        *find("POST /tenant"),
        json!({"id": 1, "command_ts": START.as_secs(), "endpoint": "POST /tenant",
            "tenant_id": "other", "payload": {"id": "other", "name": "Other"}, "response_status": 200})
    );
    let account = find("POST /account");
    assert_eq!(account["payload"]["password"], "***");
    assert_eq!(account["tenant_id"], "acme");
    let mail = &find("POST /commands/add-messages")["payload"]["messages"][0];
    assert_eq!(*mail, json!({"id": "a", "account_id": "main", "to": 1}));
    let suspend = find("POST /commands/suspend");
    assert_eq!(suspend["tenant_id"], "other");
    assert_eq!(
        suspend["payload"],
        json!({"tenant_id": "other", "batch_code": "b"})
    );
    assert_eq!(find("DELETE /account/b")["payload"], Value::Null);
    assert_eq!(find("DELETE /tenant/other")["tenant_id"], "other");
}

#[tokio::test]
async fn what_was_refused_is_written_down_but_not_who_had_no_token() {
    let running = start_with_acme().await;
    running
        .post(&key_of("acme"), "/tenant", &json!({"id": "x"}))
        .await;
    running.post(ADMIN, "/account", &json!({"id": "x"})).await;
    running.post("wrong", "/tenant", &json!({"id": "y"})).await;
    running.post(ADMIN, "/nowhere", &json!({"id": "y"})).await;
    running.ask("PUT", ADMIN, "/tenants", b"{}").await;
    let log = log(&running, "").await;
    let kept: Vec<_> = log["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["endpoint"].as_str().unwrap(),
                one["response_status"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            ("POST /tenant", 403),
            ("POST /account", 422),
            ("PUT /tenants", 405)
        ]
    );
    assert_eq!(log["commands"][0]["tenant_id"], "acme");
}

#[tokio::test]
async fn the_log_is_looked_through() {
    let running = busy().await;
    running.clock.set(START + Duration::from_secs(10));
    running
        .post(ADMIN, "/tenant", &json!({"id": "late"}))
        .await
        .ok();
    assert_eq!(
        endpoints(&running, "?endpoint_filter=ACCOUNT").await.len(),
        2
    );
    assert_eq!(
        endpoints(&running, "?tenant_id=late").await,
        ["POST /tenant"]
    );
    let (start, late) = (START.as_secs(), START.as_secs() + 10);
    assert_eq!(
        endpoints(&running, &format!("?since_ts={late}"))
            .await
            .len(),
        1
    );
    assert_eq!(
        endpoints(&running, &format!("?until_ts={start}"))
            .await
            .len(),
        6
    );
    let page = log(&running, "?limit=2&offset=1").await;
    assert_eq!(page["commands"].as_array().unwrap().len(), 2);
    assert_eq!(page["total"], 7);
    for (query, field) in [
        ("?limit=0", "query.limit"),
        ("?limit=1001", "query.limit"),
        ("?since_ts=x", "query.since_ts"),
        ("?tenant_id=a%20b", "query.tenant_id"),
    ] {
        let reply = running.get(ADMIN, &format!("/command-log{query}")).await;
        assert_eq!(reply.wrong_field(), field);
    }
}

#[tokio::test]
async fn the_log_is_exported_and_purged() {
    let running = busy().await;
    let exported = running
        .get(ADMIN, "/command-log/export?tenant_id=acme")
        .await
        .ok();
    let first = exported["commands"][0].as_object().unwrap();
    let mut fields: Vec<_> = first.keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["command_ts", "endpoint", "payload", "tenant_id"]);
    let list = running.get(ADMIN, "/command_log/list").await.ok();
    assert_eq!(list.as_array().unwrap().len(), 6);
    let export = running.get(ADMIN, "/command_log/export").await.ok();
    assert_eq!(export.as_array().unwrap().len(), 6);
    let one = running
        .get(ADMIN, "/command_log/get?command_id=1")
        .await
        .ok();
    assert_eq!(one, list[0]);
    assert_eq!(
        running
            .get(ADMIN, "/command_log/get?command_id=99")
            .await
            .status,
        404
    );
    let none = running.post(ADMIN, "/command_log/purge", &json!({})).await;
    assert_eq!(none.wrong_field(), "body.threshold_ts");
    let until = json!({"threshold_ts": START.as_secs() + 1});
    let purged = running.post(ADMIN, "/command_log/purge", &until).await.ok();
    assert_eq!(purged, json!({"ok": true, "deleted": 7}));
    assert_eq!(endpoints(&running, "").await, ["POST /command_log/purge"]);
}

#[tokio::test]
async fn what_many_ask_at_once_is_all_written_down() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    for round in 0..10 {
        let asked = (0..60).map(|number| {
            let message = message_with(&format!("{round}-{number}"), json!({}));
            let (running, own) = (&running, &own);
            async move { running.post(own, "/messages/add", &message).await.ok() }
        });
        futures_util::future::join_all(asked).await;
    }
    assert_eq!(log(&running, "?limit=1").await["total"], 600);
}

#[tokio::test]
async fn neither_secrets_nor_what_mail_says_are_written_down_also_of_what_was_refused() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    for config in ["connection_string", "sas_token", "account_key", "anything"] {
        let storage = json!({"name": "S", "protocol": "nowhere", "config": {config: "canary"}});
        let reply = running.post(&own, "/storages/add", &storage).await;
        assert_eq!(reply.status, 422);
    }
    let slip = json!({"name": "S", "protocol": "s3", "confg": {"a": "canary"}});
    running.post(&own, "/storages/add", &slip).await.refused();
    let fields = json!({"subject": "canary", "body": "canary", "to": ["canary@example.com"], "tex": "canary",
        "headers": {"X-Note": "canary"}, "attachments": [{"filename": "canary", "content": "Y2FuYXJ5"}]});
    let message = message_with("a", fields);
    running.post(&own, "/messages/add", &message).await;
    for target in ["/commands/add-messages", "/messages/add_batch"] {
        let body = json!({"messages": [message, "canary"]});
        running.post(&own, target, &body).await;
    }
    let account =
        json!({"id": "b", "credentials": "canary", "connectionString": "canary", "SAS": "canary"});
    running.post(&own, "/account", &account).await.refused();
    let log = log(&running, "").await;
    assert_eq!(log["total"], 9);
    assert!(!log.to_string().contains("canary"), "{log}");
}
