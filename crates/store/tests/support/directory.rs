//! What both suites keep in the directory: every field set, every secret a word to look for.

use std::num::NonZeroU32;

use model::account::{Account, AccountId, AccountLimits, Host, Inbox, WhenOver, port};
use model::storage::{Storage, StorageName, StorageProtocol};
use model::{
    BaseUrl, BatchCode, Client, ClientAuth, Line, Secret, Suspension, Tenant, TenantId,
    TenantLimits, UrlPath, Webhook,
};
use store::KeySource;

use super::{START, second};

/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A key as an operator gives it.
pub fn given_key() -> KeySource {
    KeySource::Given(Secret::new(KEY))
}

pub fn tenant_id(text: &str) -> TenantId {
    TenantId::parse(text).unwrap()
}

pub fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

/// A tenant with everything that it can have.
pub fn tenant(id: &str) -> Tenant {
    let mut suspension = Suspension::default();
    for code in ["spring", "a \"quoted\", one"] {
        let code = BatchCode::parse(code).unwrap();
        suspension.suspend(Some(code)).unwrap();
    }
    Tenant {
        id: tenant_id(id),
        name: Some(Line::parse("name", "Acme \u{e4} Sons").unwrap()),
        client: Client {
            base_url: Some(BaseUrl::parse("https://acme.example/app").unwrap()),
            sync_path: UrlPath::parse("client_sync_path", "/reports").unwrap(),
            attachment_path: UrlPath::parse("client_attachment_path", "/files").unwrap(),
            auth: ClientAuth::basic("acme", "canary-client \\ \"quoted\"").unwrap(),
        },
        webhook: Some(
            Webhook::new("https://hooks.example/acme/", "canary-webhook-secret").unwrap(),
        ),
        limits: TenantLimits {
            per_hour: NonZeroU32::new(1_000),
            per_day: NonZeroU32::new(u32::MAX),
        },
        large_files: Some(serde_json::json!({"action": "rewrite", "secret": "canary-large"})),
        is_active: true,
        suspension,
        created_at: START,
        updated_at: second(1),
    }
}

/// An account with everything that it can have.
pub fn account(tenant: &str, id: &str) -> Account {
    Account {
        tenant: tenant_id(tenant),
        id: account_id(id),
        host: Host::parse("host", "smtp.example.com").unwrap(),
        port: port("port", 587).unwrap(),
        user: Some(Line::parse("user", "acme@example.com").unwrap()),
        password: Some(Secret::new("canary-smtp")),
        use_tls: Some(true),
        ttl_s: 60,
        batch_size: NonZeroU32::new(20),
        limits: AccountLimits {
            per_minute: NonZeroU32::new(10),
            per_hour: NonZeroU32::new(100),
            per_day: NonZeroU32::new(1_000),
            when_over: WhenOver::Reject,
        },
        is_pec: true,
        inbox: Some(Inbox {
            host: Host::parse("imap_host", "imap.example.com").unwrap(),
            port: port("imap_port", 143).unwrap(),
            user: Some(Line::parse("imap_user", "bounces").unwrap()),
            password: Some(Secret::new("canary-imap")),
            folder: Some(Line::parse("imap_folder", "Bounces").unwrap()),
        }),
        created_at: START,
        updated_at: second(1),
    }
}

/// A storage with its keys.
pub fn storage(tenant: &str, name: &str) -> Storage {
    Storage {
        tenant: tenant_id(tenant),
        name: StorageName::parse(name).unwrap(),
        protocol: StorageProtocol::S3,
        config: Secret::new(r#"{"bucket":"acme","secret":"canary-storage"}"#),
        created_at: START,
        updated_at: second(1),
    }
}
