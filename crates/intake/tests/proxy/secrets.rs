//! Secrets go in through every field that takes one, and come out nowhere.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{ADMIN, Running, key_of, message_with, start_with_acme};

/// What every secret here begins with.
const CANARY: &str = "canary";

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Requests with secrets, good ones and those that are refused.
fn requests() -> Vec<(&'static str, &'static str, Value)> {
    let account = json!({"id": "s", "tenant_id": "acme", "host": "smtp.example.com", "port": 587, "user": "u",
        "password": "canary-smtp", "imap_host": "imap.example.com", "imap_password": "canary-imap"});
    let bucket = json!({"tenant_id": "acme", "name": "S", "protocol": "s3", "config": {"bucket": "b",
        "aws_access_key_id": "canary-name", "aws_secret_access_key": "canary-key"}});
    let with = |body: &Value, field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let attachment = json!([{"filename": "a", "storage_path": "https://u:canary-url@files.example/a?sig=canary-sig",
        "auth": {"method": "bearer", "token": "canary-attachment"}}]);
    let message = message_with("m", json!({"tenant_id": "acme", "attachments": attachment}));
    vec![
        (
            "POST",
            "/tenant",
            json!({"id": "acme", "client_auth": {"method": "bearer", "token": "canary-bearer"}}),
        ),
        (
            "PUT",
            "/tenant/acme",
            json!({"client_auth": {"method": "basic", "user": "u", "password": "canary-basic"}}),
        ),
        (
            "PUT",
            "/tenant/acme",
            json!({"client_auth": {"method": "basic", "user": "u", "pasword": "canary-1"}}),
        ),
        ("PUT", "/tenant/acme", json!({"client_auth": "canary-2"})),
        (
            "PUT",
            "/tenant/acme",
            json!({"webhook_url": "https://acme.example/hook", "webhook_secret": "canary-0123456789"}),
        ),
        (
            "PUT",
            "/tenant/acme",
            json!({"webhook_url": "https://acme.example/hook", "webhook_secret": "canary-short"}),
        ),
        (
            "PUT",
            "/tenant/acme",
            json!({"client_base_url": "https://u:canary-3@acme.example"}),
        ),
        (
            "PUT",
            "/tenant/acme",
            json!({"large_file_config": {"storage_url": "s3://k:canary-4@b"}}),
        ),
        ("POST", "/account", account.clone()),
        ("POST", "/accounts/add", account.clone()),
        (
            "POST",
            "/account",
            with(&account, "password", json!("canary-5\n")),
        ),
        (
            "POST",
            "/account",
            with(&account, "password", json!(["canary-6"])),
        ),
        (
            "POST",
            "/account",
            with(&account, "passwort", json!("canary-7")),
        ),
        (
            "POST",
            "/account",
            with(&account, "imap_password", json!({"a": "canary-8"})),
        ),
        ("POST", "/storages/add", bucket.clone()),
        (
            "POST",
            "/storages/add",
            with(&bucket, "protocol", json!("local")),
        ),
        ("PUT", "/instance", json!({"api_token": "canary-token"})),
        (
            "PUT",
            "/instance",
            json!({"api_token": "canary with a space"}),
        ),
        (
            "PUT",
            "/instance",
            json!({"bounce_enabled": true, "bounce_imap_host": "i.example",
            "bounce_imap_user": "u", "bounce_imap_password": "canary-bounce"}),
        ),
        (
            "POST",
            "/instance/set_bounce_config",
            json!({"imap_password": "canary-alone"}),
        ),
        (
            "POST",
            "/commands/add-messages",
            json!({"messages": [message]}),
        ),
    ]
}

async fn ask_all(running: &Running) {
    for (method, target, body) in requests() {
        let reply = running
            .ask(method, ADMIN, target, body.to_string().as_bytes())
            .await;
        assert!(reply.status < 500, "{method} {target}: {reply:?}");
        assert!(
            !reply.text.contains(CANARY),
            "{method} {target}: {}",
            reply.text
        );
    }
    for broken in ["{\"password\": \"canary-9", "canary-10", "[\"canary-11\"]"] {
        for target in ["/account", "/tenant", "/instance/update", "/storages/add"] {
            let reply = running.ask("POST", ADMIN, target, broken.as_bytes()).await;
            assert!(!reply.text.contains(CANARY), "{target}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn no_secret_comes_back_or_is_logged() {
    let lines = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(lines.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let running = start_with_acme().await;
    ask_all(&running).await;
    for target in [
        "/tenants",
        "/tenant/acme",
        "/tenants/list",
        "/tenants/get?tenant_id=acme",
        "/accounts?tenant_id=acme",
        "/accounts/list?tenant_id=acme",
        "/accounts/list_pec",
        "/accounts/get?tenant_id=acme&account_id=s",
        "/storages/list?tenant_id=acme",
        "/storages/get?tenant_id=acme&name=S",
        "/instance",
        "/instance/get",
        "/instance/get_bounce_config",
        "/tenants/sync-status",
        "/command-log?limit=1000",
        "/command-log/export",
        "/command_log/list",
        "/command_log/export",
    ] {
        let reply = running.get(ADMIN, target).await;
        assert_eq!(reply.status, 200, "{target}: {reply:?}");
        assert!(!reply.text.contains(CANARY), "{target}: {}", reply.text);
    }
    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(!lines.contains(CANARY), "{lines}");
    assert_eq!(
        running.get(&key_of("acme"), "/tenant/acme").await.status,
        200
    );
}

#[tokio::test]
async fn no_secret_is_readable_on_the_disk() {
    let running = start_with_acme().await;
    for (method, target, body) in requests() {
        running
            .ask(method, ADMIN, target, body.to_string().as_bytes())
            .await;
    }
    let plain = message_with("plain", json!({"tenant_id": "acme", "subject": "Readable"}));
    let sent = running
        .post(
            ADMIN,
            "/commands/add-messages",
            &json!({"messages": [plain]}),
        )
        .await;
    assert_eq!(sent.status, 200, "{sent:?}");
    let shown = running.get(&key_of("acme"), "/tenant/acme").await;
    assert!(
        shown
            .text
            .contains(r#""webhook_url":"https://acme.example/hook""#),
        "{shown:?}"
    );
    let with_secrets = running.followed("acme", "m").await.unwrap();
    assert!(with_secrets.payload.contains("canary-attachment"));
    for kept in ["smtp.example.com", "Readable"] {
        assert!(running.is_readable_on_disk(kept), "{kept}");
    }
    assert!(!running.is_readable_on_disk(CANARY));
}
