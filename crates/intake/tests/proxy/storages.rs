//! Storages.

use serde_json::{Value, json};
use store::Directory;
use store::directory::STORAGES_MAX;

use crate::harness::{ADMIN, key_of, start_with_acme, tenant_id};

fn bucket(name: &str) -> Value {
    json!({"name": name, "protocol": "s3", "config": {"bucket": "files", "prefix": "a/",
        "aws_access_key_id": "AKIA", "aws_secret_access_key": "hunter2"}})
}

#[tokio::test]
async fn a_storage_is_added_shown_and_deleted_without_its_keys() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    let shown = running
        .post(&own, "/storages/add", &bucket("FILES"))
        .await
        .ok();
    assert_eq!(shown["config"], json!({"bucket": "files", "prefix": "a/"}));
    assert_eq!(shown["tenant_id"], "acme");
    let folder = json!({"name": "HOME", "protocol": "local", "config": {"base_path": "/data"}});
    running
        .post(ADMIN, "/storages/add?tenant_id=acme", &folder)
        .await
        .ok();
    assert_eq!(
        running.get(&own, "/storages/get?name=FILES").await.ok(),
        shown
    );
    let list = running.get(&own, "/storages/list").await.ok();
    assert_eq!(list[0], shown);
    assert_eq!(list[1]["config"], json!({"base_path": "/data"}));
    let kept = running.store.storages(&tenant_id("acme")).await.unwrap();
    assert!(kept[0].config.expose().contains("hunter2"));
    let one = json!({"name": "FILES"});
    let deleted = running.post(&own, "/storages/delete", &one).await.ok();
    assert_eq!(
        deleted,
        json!({"ok": true, "tenant_id": "acme", "name": "FILES"})
    );
    assert_eq!(
        running.post(&own, "/storages/delete", &one).await.status,
        404
    );
    assert_eq!(
        running.get(&own, "/storages/get?name=FILES").await.status,
        404
    );
}

#[tokio::test]
async fn storages_are_a_tenants_own() {
    let running = start_with_acme().await;
    running.add_tenant("other").await;
    running
        .post(&key_of("other"), "/storages/add", &bucket("FILES"))
        .await
        .ok();
    let own = key_of("acme");
    assert_eq!(running.get(&own, "/storages/list").await.ok(), json!([]));
    assert_eq!(
        running.get(&own, "/storages/get?name=FILES").await.status,
        404
    );
    let one = json!({"name": "FILES"});
    assert_eq!(
        running.post(&own, "/storages/delete", &one).await.status,
        404
    );
    for target in [
        "/storages/list?tenant_id=other",
        "/storages/get?name=FILES&tenant_id=other",
    ] {
        assert_eq!(running.get(&own, target).await.status, 401, "{target}");
    }
    for target in ["/storages/add", "/storages/delete"] {
        let mut body = bucket("FILES");
        body["tenant_id"] = json!("other");
        assert_eq!(
            running.post(&own, target, &body).await.status,
            401,
            "{target}"
        );
    }
    assert_eq!(
        running
            .get(&key_of("other"), "/storages/get?name=FILES")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_storage_that_could_not_be_used_is_not_kept() {
    let running = start_with_acme().await;
    let own = key_of("acme");
    for (storage, field) in [
        (
            json!({"name": "A", "protocol": "gcs", "config": {}}),
            "body.protocol",
        ),
        (
            json!({"name": "A", "protocol": "local", "config": {"base_path": "x"}}),
            "body.config.base_path",
        ),
        (
            json!({"name": "A", "protocol": "local", "config": {"base_path": "/a/../b"}}),
            "body.config.base_path",
        ),
        (
            json!({"name": "A", "protocol": "s3", "config": {"bucket": "b"}}),
            "body.config.aws_access_key_id",
        ),
        (json!({"name": "a:b", "protocol": "local"}), "body.name"),
    ] {
        let reply = running.post(&own, "/storages/add", &storage).await;
        assert_eq!(reply.wrong_field(), field, "{storage}");
    }
    assert_eq!(running.get(&own, "/storages/list").await.ok(), json!([]));
}

#[tokio::test]
async fn the_storages_of_a_tenant_are_bounded() {
    let running = start_with_acme().await;
    for number in 0..STORAGES_MAX {
        running
            .post(
                &key_of("acme"),
                "/storages/add",
                &bucket(&format!("s{number}")),
            )
            .await
            .ok();
    }
    let one_more = running
        .post(&key_of("acme"), "/storages/add", &bucket("x"))
        .await;
    assert_eq!(one_more.wrong_field(), "body.name");
}
