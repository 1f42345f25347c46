//! The installation as a whole.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Reply, Running, key_of, message, start, start_with_acme, tenant_id};

async fn put(running: &Running, body: Value) -> Reply {
    running
        .ask("PUT", ADMIN, "/instance", body.to_string().as_bytes())
        .await
}

#[tokio::test]
async fn the_settings_are_shown_and_changed_without_their_secrets() {
    let running = start().await;
    let usual = running.get(ADMIN, "/instance").await.ok();
    assert_eq!(
        usual,
        json!({"ok": true, "id": 1, "edition": "ee", "bounce_enabled": false,
            "bounce_imap_port": 993, "bounce_imap_folder": "INBOX", "bounce_imap_ssl": true,
            "bounce_poll_interval": 60})
    );
    let change = json!({"name": "prod", "bounce_enabled": true, "bounce_imap_host": "imap.example.com",
        "bounce_imap_user": "bounces", "bounce_imap_password": "hunter2"});
    assert_eq!(put(&running, change).await.ok(), json!({"ok": true}));
    put(&running, json!({"bounce_poll_interval": 30}))
        .await
        .ok();
    let shown = running.get(ADMIN, "/instance/get").await.ok();
    assert_eq!(shown["name"], "prod");
    assert_eq!(shown["bounce_imap_user"], "bounces");
    assert_eq!(shown["bounce_poll_interval"], 30);
    assert_eq!(shown["updated_at"], "2026-11-22T13:43:20.000Z");
    assert!(!shown.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_token_that_was_set_is_the_administrators_too() {
    let running = start().await;
    put(&running, json!({"api_token": "another-token"}))
        .await
        .ok();
    for token in ["another-token", ADMIN] {
        let shown = running.get(token, "/instance").await.ok();
        assert!(!shown.to_string().contains("another-token"));
    }
    put(&running, json!({"api_token": "yet-another", "name": "x"}))
        .await
        .ok();
    assert_eq!(running.get("another-token", "/instance").await.status, 401);
    for bad in ["with space", "line\nbreak", "ä", ""] {
        assert_eq!(
            put(&running, json!({"api_token": bad})).await.wrong_field(),
            "body.api_token"
        );
    }
}

#[tokio::test]
async fn bounces_are_set_alone_and_who_reads_them_is_told() {
    let running = start().await;
    let config = json!({"enabled": true, "imap_host": "imap.example.com", "imap_user": "b",
        "imap_password": "hunter2", "return_path": "bounces@example.com"});
    running
        .post(ADMIN, "/instance/set_bounce_config", &config)
        .await
        .ok();
    running.bounces_changed.notified().await;
    let shown = running.get(ADMIN, "/instance/get_bounce_config").await.ok();
    assert_eq!(
        shown,
        json!({"ok": true, "enabled": true, "imap_host": "imap.example.com", "imap_port": 993,
            "imap_user": "b", "imap_folder": "INBOX", "imap_ssl": true, "poll_interval": 60,
            "return_path": "bounces@example.com"})
    );
    for target in ["/instance/reload-bounce", "/instance/reload_bounce"] {
        let answer = running.post(ADMIN, target, &json!({})).await.ok();
        assert_eq!(answer, json!({"ok": true, "enabled": true}));
        running.bounces_changed.notified().await;
    }
    for (body, field) in [
        (json!({"imap_hots": "x"}), "body.imap_hots"),
        (json!({"imap_host": ""}), "body.enabled"),
        (json!({"return_path": "nobody"}), "body.return_path"),
    ] {
        let reply = running
            .post(ADMIN, "/instance/set_bounce_config", &body)
            .await;
        assert_eq!(reply.wrong_field(), field);
    }
}

#[tokio::test]
async fn every_edition_is_the_whole_one() {
    let running = start().await;
    for target in ["/instance/upgrade-to-ee", "/instance/upgrade_to_ee"] {
        let answer = running.post(ADMIN, target, &json!({})).await.ok();
        assert_eq!(
            (&answer["ok"], &answer["edition"]),
            (&json!(true), &json!("ee"))
        );
        assert!(answer["message"].is_string() && answer.get("default_tenant_token").is_none());
    }
    let reply = running
        .post(ADMIN, "/instance/update", &json!({"edition": "ce"}))
        .await;
    assert_eq!(reply.wrong_field(), "body.edition");
    running
        .post(
            ADMIN,
            "/instance/update",
            &json!({"edition": "ee", "name": "n"}),
        )
        .await
        .ok();
}

#[tokio::test]
async fn sending_is_held_back_for_one_or_for_all() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    running.hand_over(&[message("a")]).await;
    let own = key_of("acme");
    let held = running
        .post(&own, "/instance/suspend", &json!({}))
        .await
        .ok();
    assert_eq!(held["suspended_batches"], json!(["*"]));
    assert_eq!(held["pending_messages"], 1);
    let one = json!({"tenant_id": "acme"});
    let gone_on = running.post(ADMIN, "/instance/activate", &one).await.ok();
    assert_eq!(gone_on["suspended_batches"], json!([]));
    let foreign = running
        .post(&own, "/instance/suspend", &json!({"tenant_id": "other"}))
        .await;
    assert_eq!(foreign.status, 401);
    let nobody = running
        .post(ADMIN, "/instance/suspend", &json!({"tenant_id": "nobody"}))
        .await;
    assert_eq!(nobody.status, 404);
    for (target, is_active) in [("/instance/suspend", false), ("/instance/activate", true)] {
        let answer = running.post(ADMIN, target, &json!({})).await.ok();
        assert_eq!(answer, json!({"ok": true, "active": is_active}));
    }
}

#[tokio::test]
async fn reports_go_at_once_to_who_was_named() {
    let running = start_with_acme().await;
    let acme = json!({"tenant_id": "acme"});
    for (token, body) in [
        (key_of("acme").as_str(), &json!({})),
        (ADMIN, &acme),
        (ADMIN, &json!({})),
    ] {
        let answer = running.post(token, "/instance/run_now", body).await.ok();
        assert_eq!(answer, json!({"ok": true}));
    }
    let reported = running.reporting.0.lock().unwrap().clone();
    let acme = Some(tenant_id("acme"));
    assert_eq!(reported, [acme.clone(), acme, None]);
    let nobody = json!({"tenant_id": "nobody"});
    let reply = running.post(ADMIN, "/instance/run_now", &nobody).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn how_reporting_stands_is_told_tenant_by_tenant() {
    let running = start_with_acme().await;
    for target in ["/tenants/sync-status", "/instance/get_sync_status"] {
        let answer = running.get(ADMIN, target).await.ok();
        assert_eq!(answer["sync_interval_seconds"], 300);
        assert_eq!(
            answer["tenants"],
            json!([{"id": "acme", "name": "Name of acme", "active": true, "next_sync_due": false,
                "in_dnd": false, "failures": 0}])
        );
    }
}

#[tokio::test]
async fn a_tenant_is_told_that_only_the_administrator_may() {
    let running = start_with_acme().await;
    for (method, target) in [
        ("GET", "/instance"),
        ("PUT", "/instance"),
        ("POST", "/instance/update"),
        ("GET", "/instance/get_bounce_config"),
        ("POST", "/instance/set_bounce_config"),
        ("POST", "/instance/reload-bounce"),
        ("POST", "/instance/upgrade-to-ee"),
        ("GET", "/tenants/sync-status"),
        ("GET", "/tenants"),
        ("POST", "/tenant"),
        ("DELETE", "/tenant/acme"),
        ("POST", "/tenant/acme/api-key"),
        ("GET", "/command-log"),
        ("GET", "/command-log/export"),
        ("POST", "/command_log/purge"),
    ] {
        let reply = running.ask(method, &key_of("acme"), target, b"").await;
        assert_eq!(
            reply.refused(),
            (403, json!("Admin token required")),
            "{method} {target}"
        );
    }
}
