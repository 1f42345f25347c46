//! Tenants and their keys.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::Timestamp;
use serde_json::{Value, json};
use store::Directory;
use store::directory::KEYS_MAX;

use crate::harness::{
    ADMIN, Reply, Running, START, key_of, message, start, start_with_acme, tenant_id,
};

async fn put(running: &Running, token: &str, target: &str, body: Value) -> Reply {
    running
        .ask("PUT", token, target, body.to_string().as_bytes())
        .await
}

async fn delete(running: &Running, target: &str) -> Reply {
    running.ask("DELETE", ADMIN, target, b"").await
}

async fn add(running: &Running, body: Value) -> Value {
    running.post(ADMIN, "/tenant", &body).await.ok()
}

async fn status(running: &Running, key: &str) -> u16 {
    running.get(key, "/tenant/acme").await.status
}

#[tokio::test]
async fn a_new_tenant_gets_its_key_once() {
    let running = start().await;
    let added = add(&running, json!({"id": "acme", "name": "Acme"})).await;
    let key = added["api_key"].as_str().unwrap();
    assert_eq!(key.len(), 43);
    let shown = running.get(key, "/tenant/acme").await.ok();
    assert_eq!(
        shown,
        json!({"id": "acme", "name": "Acme", "active": true, "suspended_batches": [],
            "client_sync_path": "/mail-proxy/sync", "client_attachment_path": "/mail-proxy/attachments",
            "created_at": "2026-11-22T13:43:20.000Z", "updated_at": "2026-11-22T13:43:20.000Z"})
    );
    let again = json!({"id": "acme", "client_base_url": "https://acme.example"});
    assert_eq!(add(&running, again).await, json!({"ok": true}));
    let shown = running.get(key, "/tenant/acme").await.ok();
    assert_eq!(shown["name"], "Acme");
    assert_eq!(shown["client_base_url"], "https://acme.example");
}

#[tokio::test]
async fn only_the_hash_of_a_key_is_kept() {
    let running = start().await;
    let key = add(&running, json!({"id": "acme"})).await["api_key"].clone();
    assert!(running.is_readable_on_disk("acme"));
    assert!(!running.is_readable_on_disk(key.as_str().unwrap()));
}

#[tokio::test]
async fn a_tenant_changes_itself_but_not_what_it_is_granted() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    let own = key_of("acme");
    let change = json!({"name": "New", "client_auth": {"method": "bearer", "token": "t"}});
    let answer = put(&running, &own, "/tenant/acme", change).await.ok();
    assert_eq!(answer, json!({"ok": true}));
    let shown = running.get(&own, "/tenant/acme").await.ok();
    assert_eq!(shown["name"], "New");
    assert_eq!(shown["client_auth"], json!({"method": "bearer"}));
    for granted in [
        json!({"active": true}),
        json!({"rate_limits": {"hourly": 9}}),
    ] {
        assert_eq!(
            put(&running, &own, "/tenant/acme", granted.clone())
                .await
                .status,
            403
        );
        assert_eq!(
            put(&running, ADMIN, "/tenant/acme", granted).await.status,
            200
        );
    }
    for (method, body) in [("GET", ""), ("PUT", "{}")] {
        let foreign = running
            .ask(method, &own, "/tenant/other", body.as_bytes())
            .await;
        let refusal = (401, json!("Token not authorized for this tenant"));
        assert_eq!(foreign.refused(), refusal, "{method}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let running = start_with_acme().await;
    for (body, field) in [
        (json!({"nmae": "x"}), "body.nmae"),
        (json!({"id": "other"}), "body.id"),
        (json!({"tenant_id": "other"}), "body.tenant_id"),
        (json!({"name": 5}), "body.name"),
        (
            json!({"client_auth": {"method": "basic", "user": "u"}}),
            "body.client_auth.password",
        ),
        (
            json!({"client_auth": {"metod": "none"}}),
            "body.client_auth.metod",
        ),
        (
            json!({"rate_limits": {"weekly": 5}}),
            "body.rate_limits.weekly",
        ),
        (
            json!({"large_file_config": {"max_size_mb": 0}}),
            "body.large_file_config.max_size_mb",
        ),
        (
            json!({"large_file_config": {"size": 0}}),
            "body.large_file_config",
        ),
    ] {
        let reply = put(&running, ADMIN, "/tenant/acme", body.clone()).await;
        // Which of two names is right nobody knows, so the first is shown.
        let field = field.replace("body.tenant_id", "path.tenant_id");
        assert_eq!(reply.wrong_field(), field, "{body}");
    }
    let missing = running.post(ADMIN, "/tenant", &json!({"name": "x"})).await;
    assert_eq!(missing.wrong_field(), "body.id");
}

#[tokio::test]
async fn a_tenant_has_several_keys_until_all_are_revoked() {
    let running = start_with_acme().await;
    let made = running
        .post(ADMIN, "/tenant/acme/api-key", &json!({}))
        .await
        .ok();
    let second = made["api_key"].as_str().unwrap().to_owned();
    assert_eq!(status(&running, &second).await, 200);
    assert_eq!(status(&running, &key_of("acme")).await, 200);
    let revoked = delete(&running, "/tenant/acme/api-key").await.ok();
    assert_eq!(revoked, json!({"ok": true}));
    assert_eq!(status(&running, &second).await, 401);
    assert_eq!(status(&running, &key_of("acme")).await, 401);
    for target in ["/tenant/nobody/api-key", "/tenant/nobody"] {
        assert_eq!(
            delete(&running, target).await.refused(),
            (404, json!("tenant not found"))
        );
    }
    let none = running
        .post(ADMIN, "/tenant/nobody/api-key", &json!({}))
        .await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_key_ends_when_it_was_said() {
    let running = start_with_acme().await;
    let end = START + Duration::from_secs(60);
    let made = running
        .post(
            ADMIN,
            "/tenant/acme/api-key",
            &json!({"expires_at": end.as_secs()}),
        )
        .await
        .ok();
    let key = made["api_key"].as_str().unwrap();
    assert_eq!(status(&running, key).await, 200);
    running.clock.set(end);
    assert_eq!(status(&running, key).await, 401);
    for past in [
        json!(end.as_secs()),
        json!("2020-01-01T00:00:00Z"),
        json!("soon"),
    ] {
        let reply = running
            .post(ADMIN, "/tenant/acme/api-key", &json!({"expires_at": past}))
            .await;
        assert_eq!(reply.wrong_field(), "body.expires_at");
    }
}

#[tokio::test]
async fn the_keys_of_a_tenant_are_bounded() {
    let running = start_with_acme().await;
    for _ in 1..KEYS_MAX {
        running
            .post(ADMIN, "/tenant/acme/api-key", &json!({}))
            .await
            .ok();
    }
    let one_more = running
        .post(ADMIN, "/tenant/acme/api-key", &json!({}))
        .await;
    assert_eq!(one_more.status, 422, "{one_more:?}");
}

#[tokio::test]
async fn a_tenant_that_is_not_active_has_no_say() {
    let running = start_with_acme().await;
    put(&running, ADMIN, "/tenant/acme", json!({"active": false}))
        .await
        .ok();
    assert_eq!(running.sending.recalls.load(Ordering::Relaxed), 1);
    assert_eq!(status(&running, &key_of("acme")).await, 401);
    add(&running, json!({"id": "acme", "name": "Still not active"})).await;
    assert_eq!(status(&running, &key_of("acme")).await, 401);
    put(&running, ADMIN, "/tenant/acme", json!({"active": true}))
        .await
        .ok();
    assert_eq!(status(&running, &key_of("acme")).await, 200);
}

#[tokio::test]
async fn tenants_are_listed_by_id() {
    let running = start().await;
    for id in ["b", "a", "c"] {
        add(&running, json!({"id": id, "active": id != "b"})).await;
    }
    let ids = |answer: Value| -> Vec<String> {
        let tenants = answer["tenants"].as_array().unwrap().iter();
        tenants
            .map(|tenant| tenant["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = async |target: &str| ids(running.get(ADMIN, target).await.ok());
    assert_eq!(list("/tenants").await, ["a", "b", "c"]);
    assert_eq!(list("/tenants?active_only=true").await, ["a", "c"]);
    assert_eq!(list("/tenants?after=a").await, ["b", "c"]);
}

#[tokio::test]
async fn a_deleted_tenant_takes_its_mail_and_nobody_elses_with_it() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    running.hand_over(&[message("a"), message("b")]).await;
    let body = json!({"messages": [message("a")]});
    running
        .post(&key_of("other"), "/commands/add-messages", &body)
        .await
        .ok();
    let recalls = running.sending.recalls.load(Ordering::Relaxed);
    assert_eq!(
        delete(&running, "/tenant/acme").await.ok(),
        json!({"ok": true})
    );
    assert!(running.sending.recalls.load(Ordering::Relaxed) > recalls);
    assert_eq!(status(&running, &key_of("acme")).await, 401);
    assert_eq!(status(&running, ADMIN).await, 404);
    assert_eq!(delete(&running, "/tenant/acme").await.status, 404);
    assert!(running.followed("other", "a").await.is_some());
    add(&running, json!({"id": "acme"})).await;
    assert_eq!(status(&running, &key_of("acme")).await, 401);
    let accounts = running.get(ADMIN, "/accounts?tenant_id=acme").await.ok();
    assert_eq!(accounts["accounts"], json!([]));
    let messages = running.get(ADMIN, "/messages?tenant_id=acme").await.ok();
    assert_eq!(messages["messages"], json!([]));
}

#[tokio::test]
async fn the_other_names_do_the_same() {
    let running = start().await;
    let body = json!({"id": "acme", "rate_limits": {"hourly": 5}});
    let added = running.post(ADMIN, "/tenants/add", &body).await.ok();
    assert_eq!(added["rate_limits"], json!({"hourly": 5, "daily": 0}));
    assert_eq!(added["name"], Value::Null);
    let key = added["api_key"].as_str().unwrap();
    assert!(
        running
            .post(ADMIN, "/tenants/add", &body)
            .await
            .ok()
            .get("api_key")
            .is_none()
    );
    let shown = running.get(key, "/tenants/get").await.ok();
    assert_eq!(
        shown,
        running.get(ADMIN, "/tenants/get?tenant_id=acme").await.ok()
    );
    let change = json!({"tenant_id": "acme", "name": "New"});
    assert_eq!(
        running.post(key, "/tenants/update", &change).await.ok()["name"],
        "New"
    );
    let list = running.get(ADMIN, "/tenants/list").await.ok();
    assert_eq!(list[0]["name"], "New");
    let one = json!({"tenant_id": "acme"});
    let made = running
        .post(ADMIN, "/tenants/create_api_key", &one)
        .await
        .ok();
    assert_eq!(made["tenant_id"], "acme");
    assert_eq!(
        status(&running, made["api_key"].as_str().unwrap()).await,
        200
    );
    let revoked = running
        .post(ADMIN, "/tenants/revoke_api_key", &one)
        .await
        .ok();
    assert_eq!(revoked["ok"], true);
    assert_eq!(status(&running, key).await, 401);
    assert_eq!(
        running.post(ADMIN, "/tenants/delete", &one).await.ok(),
        json!(true)
    );
    assert_eq!(
        running
            .get(ADMIN, "/tenants/get?tenant_id=acme")
            .await
            .status,
        404
    );
    assert_eq!(
        running.post(ADMIN, "/tenants/delete", &one).await.status,
        404
    );
    assert_eq!(
        running.post(ADMIN, "/tenants/update", &change).await.status,
        404
    );
}

#[tokio::test]
async fn no_body_makes_an_error_of_ours() {
    let running = start_with_acme().await;
    let long = "x".repeat(100_000);
    let values = [
        json!(null),
        json!([]),
        json!({}),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\u{0}\r\n"),
        json!(long),
        json!([[[]]]),
        json!({"a": {"b": {}}}),
        json!(true),
        json!("../../x"),
    ];
    let fields = [
        ("/tenant", "id"),
        ("/tenant", "name"),
        ("/tenant", "client_auth"),
        ("/tenant", "client_base_url"),
        ("/tenant", "rate_limits"),
        ("/tenant", "large_file_config"),
        ("/tenants/update", "tenant_id"),
        ("/account", "id"),
        ("/account", "host"),
        ("/account", "port"),
        ("/account", "password"),
        ("/account", "ttl"),
        ("/account", "limit_per_minute"),
        ("/account", "imap_host"),
        ("/account", "tenant_id"),
        ("/storages/add", "name"),
        ("/storages/add", "config"),
        ("/storages/add", "protocol"),
        ("/instance/update", "api_token"),
        ("/instance/update", "name"),
        ("/instance/set_bounce_config", "imap_port"),
        ("/command_log/purge", "threshold_ts"),
        ("/tenants/create_api_key", "expires_at"),
        ("/instance/suspend", "batch_code"),
    ];
    for (target, field) in fields {
        for value in &values {
            let mut body = json!({"id": "a", "tenant_id": "acme", "host": "localhost", "port": 25,
                "name": "n", "protocol": "local", "config": {"base_path": "/x"}});
            if target == "/tenant" {
                body = json!({"id": "acme"});
            }
            body[field] = value.clone();
            let reply = running.post(ADMIN, target, &body).await;
            assert!(reply.status < 500, "{target} {field}: {}", reply.status);
        }
    }
    for body in ["", "null", "[]", "{", "\"x\"", "\u{feff}{}"] {
        for (target, _) in fields {
            let reply = running.ask("POST", ADMIN, target, body.as_bytes()).await;
            assert!(reply.status < 500, "{target} {body:?}: {}", reply.status);
        }
    }
}

#[tokio::test]
async fn two_changes_at_once_are_both_made() {
    let running = start_with_acme().await;
    let changes = (0..20).map(|number| {
        let body = match number % 2 {
            0 => json!({"name": format!("Name {number}")}),
            _ => json!({"client_base_url": format!("https://acme.example/{number}")}),
        };
        let running = &running;
        async move { put(running, ADMIN, "/tenant/acme", body).await.ok() }
    });
    futures_util::future::join_all(changes).await;
    let tenant = running
        .store
        .tenant(&tenant_id("acme"))
        .await
        .unwrap()
        .unwrap();
    assert!(tenant.name.is_some() && tenant.client.base_url.is_some());
    assert_eq!(tenant.created_at, Timestamp::from_millis(START.as_millis()));
}
