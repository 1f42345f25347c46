//! A workshop without any network, and a draft to change.

use model::{Clock, MessageId, Seq, Tenant, TenantId, Timestamp};
use prepare::{
    CacheSettings, Draft, DraftError, FetchLimits, Fetcher, LargeFiles, Made, Roots, TenantSource,
    Unmakeable, Workshop,
};
use serde_json::{Value, json};
use webclient::{Settings, WebClient};

pub const AT: Timestamp = Timestamp::from_millis(1_795_355_000_123);

pub fn id() -> MessageId {
    MessageId::new(AT, 7, Seq::new(42))
}

pub fn workshop() -> Workshop {
    let web = WebClient::new(Settings::default()).unwrap();
    let (clock, cache) = (Clock::manual(AT), CacheSettings::default());
    let (roots, limits) = (Roots::default(), FetchLimits::default());
    let fetcher = Fetcher::new(web.clone(), roots, &cache, limits, clock.clone()).unwrap();
    Workshop::new(fetcher, LargeFiles::new(web, None, clock.clone()), clock)
}

pub fn tenant() -> TenantSource {
    let tenant = Tenant::new(TenantId::parse("acme").unwrap(), AT);
    TenantSource::new(&tenant, &[]).unwrap()
}

/// A message in which every field says something harmless.
pub fn message() -> Value {
    json!({
        "from": "Ada <ada@example.org>",
        "to": ["Bob <bob@example.net>"],
        "cc": ["Cy <cy@example.net>"],
        "bcc": ["Di <di@example.net>"],
        "reply_to": "Eve <eve@example.org>",
        "return_path": "bounces@example.org",
        "subject": "Hi",
        "body": "Hello",
        "body_html": "<p>Hello</p>",
        "headers": {"X-Note": "note"},
        "attachments": [{"filename": "a.pdf", "storage_path": "base64:aGk="}],
    })
}

pub async fn made(draft: &Draft) -> Result<Made, Unmakeable> {
    workshop().make(&tenant(), None, draft, id(), AT).await
}

/// The draft and the bytes that were made of it, or why there is none.
pub async fn written(message: &Value) -> Result<(Draft, Vec<u8>), DraftError> {
    let draft = Draft::read(message)?;
    let made = made(&draft).await.unwrap();
    assert_eq!(made.sender.as_ref(), draft.sender());
    Ok((draft, made.bytes.to_vec()))
}
