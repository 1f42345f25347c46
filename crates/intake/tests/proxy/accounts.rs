//! Accounts.

use std::sync::atomic::Ordering;

use model::account::{AccountId, TlsRule};
use serde_json::{Value, json};
use store::Directory;
use store::directory::KnownAccount;

use crate::harness::{ADMIN, Reply, Running, key_of, message, start_with_acme, tenant_id};

async fn known(running: &Running, tenant: &str, id: &str) -> Option<KnownAccount> {
    let id = AccountId::parse(id).unwrap();
    running
        .store
        .account(&tenant_id(tenant), &id)
        .await
        .unwrap()
}

async fn password(running: &Running, id: &str) -> Option<String> {
    let account = known(running, "acme", id).await.unwrap().account;
    account
        .password
        .map(|password| password.expose().to_owned())
}

async fn delete(running: &Running, token: &str, target: &str) -> Reply {
    running.ask("DELETE", token, target, b"").await
}

fn bulk() -> Value {
    json!({"id": "bulk", "host": "smtp.example.com", "port": 587, "user": "acme",
        "password": "hunter2", "limit_per_minute": 10, "limit_per_hour": 0, "limit_per_day": -1,
        "limit_behavior": "reject"})
}

fn bulk_with(field: &str, value: Value) -> Value {
    let mut account = bulk();
    account[field] = value;
    account
}

#[tokio::test]
async fn an_account_is_added_shown_changed_and_deleted() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    assert_eq!(
        running.post(&own, "/account", &bulk()).await.ok(),
        json!({"ok": true})
    );
    let listed = running.get(&own, "/accounts").await.ok();
    assert_eq!(
        listed["accounts"][1],
        json!({"id": "bulk", "tenant_id": "acme", "host": "smtp.example.com", "port": 587,
            "user": "acme", "ttl": 300, "limit_per_minute": 10, "limit_behavior": "reject",
            "is_pec_account": false, "created_at": "2026-11-22T13:43:20.000Z",
            "updated_at": "2026-11-22T13:43:20.000Z"})
    );
    assert_eq!(password(&running, "bulk").await.as_deref(), Some("hunter2"));
    let number = known(&running, "acme", "bulk").await.unwrap().pk;
    running
        .post(&own, "/account", &bulk_with("ttl", json!(60)))
        .await
        .ok();
    let changed = known(&running, "acme", "bulk").await.unwrap();
    assert_eq!((changed.pk, changed.account.ttl_s), (number, 60));
    assert_eq!(
        delete(&running, &own, "/account/bulk").await.ok(),
        json!({"ok": true})
    );
    let gone = delete(&running, &own, "/account/bulk").await.refused();
    assert_eq!(gone, (404, json!("account not found")));
}

#[tokio::test]
async fn a_password_that_is_not_given_stays_where_it_was_given_for() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    running.post(&own, "/account", &bulk()).await.ok();
    let mut silent = bulk_with("ttl", json!(60));
    silent["password"] = Value::Null;
    running.post(&own, "/account", &silent).await.ok();
    assert_eq!(password(&running, "bulk").await.as_deref(), Some("hunter2"));
    silent["host"] = json!("smtp.evil.example");
    let reply = running.post(&own, "/account", &silent).await;
    assert_eq!(reply.wrong_field(), "body.password");
    silent["user"] = Value::Null;
    running.post(&own, "/account", &silent).await.ok();
    assert_eq!(password(&running, "bulk").await, None);
}

#[tokio::test]
async fn tls_is_as_each_route_has_it() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    for (target, use_tls, port, rule) in [
        ("/account", Value::Null, 587, TlsRule::Plain),
        ("/account", Value::Null, 465, TlsRule::Implicit),
        ("/account", json!(true), 587, TlsRule::StartTls),
        ("/accounts/add", Value::Null, 587, TlsRule::StartTls),
        ("/accounts/add", json!(false), 587, TlsRule::Plain),
        ("/accounts/add", Value::Null, 465, TlsRule::Implicit),
    ] {
        let mut account = bulk_with("use_tls", use_tls);
        account["port"] = json!(port);
        running.post(&own, target, &account).await.ok();
        let known = known(&running, "acme", "bulk").await.unwrap();
        assert_eq!(known.account.tls(), rule, "{target} {port}");
    }
}

#[tokio::test]
async fn ids_are_unique_in_a_tenant_and_each_sees_its_own() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    running
        .post(&key_of("other"), "/account", &bulk())
        .await
        .ok();
    let own = key_of("acme");
    let named = json!("Token not authorized for this tenant");
    for (method, target, body) in [
        ("GET", "/accounts?tenant_id=other", Value::Null),
        ("POST", "/account", bulk_with("tenant_id", json!("other"))),
        ("DELETE", "/account/bulk?tenant_id=other", Value::Null),
        (
            "GET",
            "/accounts/get?account_id=bulk&tenant_id=other",
            Value::Null,
        ),
        ("GET", "/accounts/list_pec?tenant_id=other", Value::Null),
        (
            "POST",
            "/accounts/delete",
            json!({"account_id": "bulk", "tenant_id": "other"}),
        ),
    ] {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let reply = running.ask(method, &own, target, body.as_bytes()).await;
        assert_eq!(reply.refused(), (401, named.clone()), "{method} {target}");
    }
    for reply in [
        delete(&running, &own, "/account/bulk").await,
        running.get(&own, "/accounts/get?account_id=bulk").await,
        running
            .post(&own, "/accounts/delete", &json!({"account_id": "bulk"}))
            .await,
    ] {
        assert_eq!(reply.status, 404);
    }
    running
        .post(&own, "/account", &bulk_with("host", json!("localhost")))
        .await
        .ok();
    delete(&running, &own, "/account/bulk").await.ok();
    let others = known(&running, "other", "bulk").await.unwrap();
    assert_eq!(others.account.host.as_str(), "smtp.example.com");
}

#[tokio::test]
async fn the_administrator_says_whose_account_it_is() {
    let running = start_with_acme().await;
    let reply = running.post(ADMIN, "/account", &bulk()).await;
    assert_eq!(reply.wrong_field(), "body.tenant_id");
    let reply = running
        .post(ADMIN, "/account", &bulk_with("tenant_id", json!("nobody")))
        .await;
    assert_eq!(reply.refused(), (404, json!("tenant not found")));
    running
        .post(ADMIN, "/account", &bulk_with("tenant_id", json!("acme")))
        .await
        .ok();
    assert!(known(&running, "acme", "bulk").await.is_some());
    assert_eq!(
        running.get(ADMIN, "/accounts").await.wrong_field(),
        "query.tenant_id"
    );
    let after = running
        .get(ADMIN, "/accounts?tenant_id=acme&after=main")
        .await
        .ok();
    assert_eq!(after["accounts"].as_array().unwrap().len(), 1);
    let after = running
        .get(ADMIN, "/accounts?tenant_id=acme&after=nothing")
        .await;
    assert_eq!(after.wrong_field(), "query.after");
}

#[tokio::test]
async fn a_deleted_account_takes_its_mail_with_it() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    running.post(&own, "/account", &bulk()).await.ok();
    let mut other = message("b");
    other["account_id"] = json!("bulk");
    running.hand_over(&[message("a"), other]).await;
    let recalls = running.sending.recalls.load(Ordering::Relaxed);
    delete(&running, &own, "/account/bulk").await.ok();
    assert!(running.sending.recalls.load(Ordering::Relaxed) > recalls);
    assert!(running.followed("acme", "b").await.is_none());
    assert!(running.followed("acme", "a").await.is_some());
}

#[tokio::test]
async fn accounts_of_certified_mail_are_listed_for_who_may_see_them() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    let pec = |id: &str| {
        let mut account = bulk_with("id", json!(id));
        account["imap_host"] = json!("imap.example.com");
        account
    };
    let own = key_of("acme");
    let added = running
        .post(&own, "/accounts/add_pec", &pec("pec-a"))
        .await
        .ok();
    assert_eq!(added["is_pec_account"], true);
    assert_eq!(added["imap_folder"], "INBOX");
    running
        .post(&key_of("other"), "/accounts/add_pec", &pec("pec-b"))
        .await
        .ok();
    let ids = async |token: &str, target: &str| running.get(token, target).await.ok();
    assert_eq!(ids(&own, "/accounts/get_pec_ids").await, json!(["pec-a"]));
    assert_eq!(
        ids(ADMIN, "/accounts/get_pec_ids").await,
        json!(["pec-a", "pec-b"])
    );
    let one = ids(ADMIN, "/accounts/list_pec?tenant_id=other").await;
    assert_eq!(one[0]["id"], "pec-b");
    assert_eq!(one.as_array().unwrap().len(), 1);
    let without = running.post(&own, "/accounts/add_pec", &bulk()).await;
    assert_eq!(without.wrong_field(), "body.imap_host");
}

#[tokio::test]
async fn the_other_names_do_the_same() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    let added = running.post(&own, "/accounts/add", &bulk()).await.ok();
    assert_eq!(added["use_tls"], true);
    assert_eq!(added["imap_host"], Value::Null);
    assert!(added.get("password").is_none());
    let shown = running
        .get(&own, "/accounts/get?account_id=bulk")
        .await
        .ok();
    assert_eq!(shown, added);
    let list = running.get(&own, "/accounts/list").await.ok();
    assert_eq!(list[1], added);
    let one = json!({"account_id": "bulk"});
    assert_eq!(
        running.post(&own, "/accounts/delete", &one).await.ok(),
        json!(true)
    );
    assert_eq!(
        running
            .get(&own, "/accounts/get?account_id=bulk")
            .await
            .status,
        404
    );
}
