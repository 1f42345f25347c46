//! No secret comes out where it does not belong: not in logs at their loudest, not in metrics, not by any route, and not
//! in the data folder. What a message says of its own attachments, also their logins, lies there as it was handed over.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{Application, Caller, Home, Hook, Request, Service, Sink, until};

const SMTP_PASSWORD: &str = "canary-smtp-password";
const IMAP_PASSWORD: &str = "canary-imap-password";
const BOUNCE_PASSWORD: &str = "canary-bounce-password";
const BEARER: &str = "canary-bearer-token";
const BASIC: &str = "canary-basic-password";
const STORAGE_KEY: &str = "canary-storage-secret";
const STORAGE_KEY_NAME: &str = "canary-storage-key-id";
const ATTACHMENT_TOKEN: &str = "canary-attachment-token";
const ATTACHMENT_PASSWORD: &str = "canary-attachment-password";
const ADMIN: &str = "canary-admin-token-0123456789";
const SYNC_TOKEN: &str = "canary-sync-token";
/// The base64 of 32 bytes.
const KEY: &str = "Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGVzLi4=";

/// What each secret looks like on the way, beside itself.
fn secrets() -> Vec<(&'static str, bool)> {
    vec![
        (SMTP_PASSWORD, true),
        (IMAP_PASSWORD, true),
        (BOUNCE_PASSWORD, true),
        (BEARER, true),
        (BASIC, true),
        (STORAGE_KEY, true),
        (STORAGE_KEY_NAME, true),
        (ADMIN, true),
        (SYNC_TOKEN, true),
        (KEY, true),
        (ATTACHMENT_TOKEN, false),
        (ATTACHMENT_PASSWORD, false),
    ]
}

/// The forms in which secrets cross the network (RFC 4616, RFC 7617).
fn forms() -> Vec<String> {
    let login = format!("\0ada\0{SMTP_PASSWORD}");
    let basic = format!("glasspost:{BASIC}");
    let attachment = format!("reader:{ATTACHMENT_PASSWORD}");
    [login, basic, attachment, SMTP_PASSWORD.to_owned()]
        .iter()
        .map(|text| STANDARD.encode(text))
        .collect()
}

#[track_caller]
fn has_no_secret(place: &str, text: &[u8]) {
    let all = secrets().into_iter().map(|(secret, _)| secret.to_owned());
    for secret in all.chain(forms()) {
        let found = memchr::memmem::find(text, secret.as_bytes());
        let around = found.map(|at| {
            let begin = at.saturating_sub(200);
            String::from_utf8_lossy(&text[begin..(at + 80).min(text.len())]).into_owned()
        });
        assert_eq!(around, None, "{secret} in {place}");
    }
}

/// A service with a secret wherever one can be, which were all used.
struct Scene {
    home: Home,
    service: Service,
    shop: Application,
    _sink: Sink,
    _hook: Hook,
}

impl Scene {
    fn new() -> Self {
        let home = Home::new();
        let login = format!("ada:{SMTP_PASSWORD}");
        let sink = Sink::start(&["--auth", &login, "--rule", "bad@*: refuse"]);
        let hook = Hook::replying(|post, _| {
            let is_refused = post.line.contains("/bucket/") || post.line.contains("/closed");
            (if is_refused { 403 } else { 200 }, b"bytes".to_vec())
        });
        let service = Service::start_with(
            &home,
            &[
                ("LOG_LEVEL", "trace"),
                ("GLASSPOST_ALLOW_PRIVATE_TARGETS", "127.0.0.1"),
                ("GLASSPOST_ADMIN_TOKEN", ADMIN),
                ("MAIL_PROXY_ENCRYPTION_KEY", KEY),
                ("GMP_CLIENT_SYNC_URL", &hook.base()),
                ("GMP_CLIENT_SYNC_TOKEN", SYNC_TOKEN),
            ],
        );
        let shop = fill(&service, &sink, &hook);
        Self {
            home,
            service,
            shop,
            _sink: sink,
            _hook: hook,
        }
    }
}

/// Puts a secret wherever one can be, and lets each be used.
fn fill(service: &Service, sink: &Sink, hook: &Hook) -> Application {
    let shop = service.tenant_with(
        "shop",
        json!({
            "client_base_url": hook.base(),
            "client_auth": {"method": "bearer", "token": BEARER},
        }),
    );
    let basic = json!({"method": "basic", "user": "glasspost", "password": BASIC});
    let other = service.tenant_with(
        "other",
        json!({"client_base_url": hook.base(), "client_auth": basic}),
    );
    let login = json!({
        "user": "ada", "password": SMTP_PASSWORD, "imap_host": "127.0.0.1", "imap_port": 9,
        "imap_user": "ada", "imap_password": IMAP_PASSWORD,
    });
    shop.account("main", sink.port(), login.clone());
    other.account("main", sink.port(), login);
    let storage = json!({
        "tenant_id": "shop", "name": "docs", "protocol": "s3",
        "config": {
            "bucket": "bucket", "endpoint_url": hook.base(), "aws_access_key_id": STORAGE_KEY_NAME,
            "aws_secret_access_key": STORAGE_KEY,
        },
    });
    shop.post("/storages/add", &storage).expect(200);
    let bounces = json!({
        "bounce_imap_host": "127.0.0.1", "bounce_imap_user": "bounces", "bounce_imap_password": BOUNCE_PASSWORD,
    });
    service
        .ask("PUT", "/instance")
        .json(&bounces)
        .send(service.address)
        .expect(200);
    what_is_refused_is_not_repeated(service, &shop);

    let with = |id: &str, attachment: Value| {
        let mut message = shop.message(id, "bob@example.org");
        message["attachments"] = json!([attachment]);
        message
    };
    let token = json!({"method": "bearer", "token": ATTACHMENT_TOKEN});
    let password = json!({"method": "basic", "user": "reader", "password": ATTACHMENT_PASSWORD});
    let at = |path: &str| format!("{}{path}", hook.base());
    shop.send(&[
        shop.message("plain", "bob@example.org"),
        shop.message("refused", "bad@example.org"),
        with(
            "url",
            json!({"filename": "x", "storage_path": at("/x"), "auth": token}),
        ),
        with(
            "closed",
            json!({"filename": "x", "storage_path": at("/closed"), "auth": password}),
        ),
        with(
            "endpoint",
            json!({"filename": "x", "storage_path": "some-id"}),
        ),
        with("bucket", json!({"filename": "x", "storage_path": "docs:x"})),
    ]);
    other.send(&[other.message("plain", "eve@example.org")]);
    service.until_done();
    for value in [
        format!("Bearer {BEARER}"),
        format!("Bearer {ATTACHMENT_TOKEN}"),
    ]
    .into_iter()
    .chain(forms()[1..3].iter().map(|form| format!("Basic {form}")))
    {
        until(&value, || {
            let posts = hook.posts();
            let mut given = posts
                .iter()
                .filter_map(|post| post.fields.get("authorization"));
            given.any(|given| *given == value).then_some(())
        });
    }
    shop
}

/// Requests with a secret in the wrong place.
fn what_is_refused_is_not_repeated(service: &Service, shop: &Application) {
    let account = json!({
        "id": "broken", "tenant_id": "shop", "host": "127.0.0.1", "port": 25,
        "password": {"is": SMTP_PASSWORD}, "smtp_password": SMTP_PASSWORD,
    });
    let auth = json!({"id": "broken", "client_auth": {"method": "bearer", "token": [BEARER]}});
    let url = json!({"id": "broken", "client_base_url": format!("http://ada:{BASIC}@127.0.0.1/")});
    let storage = json!({
        "tenant_id": "shop", "name": "broken", "protocol": "s3", "config": {"aws_secret_access_key": STORAGE_KEY},
    });
    let answers = [
        shop.post("/account", &account),
        service.post("/tenant", &auth),
        service.post("/tenant", &url),
        shop.post("/storages/add", &storage),
        shop.post(
            &format!("/commands/run-now?token={BEARER}"),
            &json!({"token": BEARER}),
        ),
    ];
    for answer in answers {
        let is_refused = answer.status == 422 || answer.status == 200;
        assert!(is_refused, "{}: {}", answer.status, answer.text());
        has_no_secret("an answer", &answer.body);
    }
    let mistaken = Request::new("GET", "/status")
        .header("Host", &service.address.to_string())
        .header("X-API-Token", SMTP_PASSWORD)
        .send(service.address)
        .expect(401);
    has_no_secret("an answer", &mistaken.body);
}

/// Every address that can be read, as the service's own document has them.
fn readable(scene: &Scene) -> Vec<String> {
    let document = Request::new("GET", "/openapi.json")
        .header("Host", &scene.service.address.to_string())
        .send(scene.service.address)
        .expect(200)
        .json();
    let paths = document["paths"].as_object().unwrap().iter();
    let with_get = paths.filter(|(_, methods)| !methods["get"].is_null());
    let query = "tenant_id=shop&account_id=main&message_id=url&name=docs&command_id=1&limit=100\
                 &include_history=true";
    let of_api = with_get.map(|(path, _)| {
        let path = path.replace("{tenant_id}", "shop").replace("{id}", "url");
        format!("{path}?{query}")
    });
    let of_page = [
        "/api/console",
        "/api/traffic",
        "/api/submissions",
        "/openapi.json",
        "/docs",
    ];
    of_api.chain(of_page.map(str::to_owned)).collect()
}

#[test]
fn secrets_stay_where_they_belong() {
    let scene = Scene::new();
    let (service, shop) = (&scene.service, &scene.shop);
    let addresses = readable(&scene);
    assert!(addresses.len() > 30, "{addresses:?}");
    let mut answered = 0;
    for address in &addresses {
        for request in [service.ask("GET", address), shop.ask("GET", address)] {
            let answer = request.send(service.address);
            assert!(answer.status < 500, "{address}: {}", answer.text());
            answered += usize::from(answer.status == 200);
            has_no_secret(address, &answer.body);
            // A key of a tenant is not shown either.
            assert!(
                !answer.text().contains(&shop.key),
                "a tenant's key in {address}"
            );
        }
    }
    assert!(
        answered > addresses.len(),
        "{answered} of {} answered",
        addresses.len()
    );
    let pk = shop.record("url")["pk"].as_str().unwrap().to_owned();
    let story = service.ask("GET", &format!("/api/submissions/{pk}"));
    has_no_secret("a story", &story.send(service.address).expect(200).body);

    let Scene {
        home,
        service,
        shop,
        ..
    } = scene;
    // While it runs, what was written last is in the journal; after the end, all is in the file.
    has_no_secret_in_its_files(&home.data(), &shop.key);
    let finished = service.stop();
    has_no_secret("its output", finished.output().as_bytes());
    assert!(
        !finished.output().contains(&shop.key),
        "a tenant's key in its output"
    );
    assert!(finished.stdout.contains("TRACE") || finished.stdout.contains("DEBUG"));
    has_no_secret_in_its_files(&home.data(), &shop.key);
}

#[track_caller]
fn has_no_secret_in_its_files(folder: &Path, key: &str) {
    let mut size = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What an older SQLite needs may go away meanwhile.
        let Ok(bytes) = fs::read(&path) else { continue };
        size += bytes.len();
        let kept = secrets()
            .into_iter()
            .filter(|(_, is_kept_secret)| *is_kept_secret);
        for secret in kept.map(|(secret, _)| secret).chain([key]) {
            let found = memchr::memmem::find(&bytes, secret.as_bytes());
            let around = found.map(|at| {
                let begin = at.saturating_sub(200);
                String::from_utf8_lossy(&bytes[begin..(at + 80).min(bytes.len())]).into_owned()
            });
            assert_eq!(around, None, "{secret} in {}", path.display());
        }
    }
    assert!(size > 10_000, "{size} bytes are in {}", folder.display());
}
