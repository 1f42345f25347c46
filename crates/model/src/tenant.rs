//! Tenants: who shares one installation without seeing each other.

use std::fmt;
use std::num::NonZeroU32;

use crate::clock::Timestamp;
use crate::field::{self, FieldError, Line};
use crate::secret::Secret;
use crate::suspension::Suspension;

/// Where delivery reports go, under the tenant's base URL, unless it says otherwise.
pub const SYNC_PATH: &str = "/mail-proxy/sync";
/// Where attachments come from, under the tenant's base URL, unless it says otherwise.
pub const ATTACHMENT_PATH: &str = "/mail-proxy/attachments";
/// The longest base URL or path, in bytes.
const URL_BYTES_MAX: usize = 2048;
/// What a URL is that is not plain.
const NOT_PLAIN: &str =
    "must have no space, control character, query or fragment, and 2048 bytes at most";
/// Characters of a webhook's secret: enough that it cannot be guessed.
const WEBHOOK_SECRET_CHARS: std::ops::RangeInclusive<usize> = 16..=256;

/// A tenant's id: 1 to 64 letters, digits, `.`, `_` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Box<str>);

/// An isolated customer.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name for people.
    pub name: Option<Line<255>>,
    /// Where its own application is.
    pub client: Client,
    /// Where each event is told by itself, beside the reports.
    pub webhook: Option<Webhook>,
    /// What it may send, all accounts together.
    pub limits: TenantLimits,
    /// What happens to its large attachments; a JSON object of the attachments' room.
    pub large_files: Option<serde_json::Value>,
    /// Whether its mail is accepted and sent.
    pub is_active: bool,
    /// What of its mail is held back.
    pub suspension: Suspension,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a tenant's own application is: reports go there, and attachments can come from there.
#[derive(Clone, Debug)]
pub struct Client {
    /// What both paths stand under; without it there are no reports.
    pub base_url: Option<BaseUrl>,
    /// Where delivery reports go.
    pub sync_path: UrlPath,
    /// Where attachments come from.
    pub attachment_path: UrlPath,
    /// How we prove who we are.
    pub auth: ClientAuth,
}

/// How we prove to a tenant's application who we are.
#[derive(Clone, Debug, Default)]
pub enum ClientAuth {
    /// Not at all.
    #[default]
    None,
    /// By a token (RFC 6750).
    Bearer(Secret),
    /// By name and password (RFC 7617).
    Basic {
        /// The name; it holds no colon.
        user: Line<255>,
        /// The password.
        password: Secret,
    },
}

/// Where each event of a tenant is posted, and what with it is signed.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Box<str>,
    secret: Secret,
}

/// What a tenant may send, all accounts together; `None` is without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Messages in an hour.
    pub per_hour: Option<NonZeroU32>,
    /// Messages in a day.
    pub per_day: Option<NonZeroU32>,
}

/// An `http` or `https` URL without credentials, query, fragment or a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Box<str>);

/// The path of a URL, from its slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPath(Box<str>);

// === impl TenantId ===

impl TenantId {
    /// Takes an id, or says what it may be.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        field::id("tenant_id", text).map(Self)
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Tenant ===

impl Tenant {
    /// A tenant of whom nothing but the id is known: active, without limits, without an application of its own.
    pub fn new(id: TenantId, at: Timestamp) -> Self {
        Self {
            id,
            name: None,
            client: Client::default(),
            webhook: None,
            limits: TenantLimits::default(),
            large_files: None,
            is_active: true,
            suspension: Suspension::default(),
            created_at: at,
            updated_at: at,
        }
    }
}

// === impl Client ===

impl Client {
    /// Where delivery reports go; `None` when there are none.
    pub fn sync_url(&self) -> Option<String> {
        self.url(&self.sync_path)
    }

    /// Where attachments come from; `None` when they cannot.
    pub fn attachment_url(&self) -> Option<String> {
        self.url(&self.attachment_path)
    }

    fn url(&self, path: &UrlPath) -> Option<String> {
        let base_url = self.base_url.as_ref()?;
        Some(format!("{}{}", base_url.as_str(), path.as_str()))
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            base_url: None,
            sync_path: UrlPath(SYNC_PATH.into()),
            attachment_path: UrlPath(ATTACHMENT_PATH.into()),
            auth: ClientAuth::None,
        }
    }
}

// === impl ClientAuth ===

impl ClientAuth {
    /// By a token.
    pub fn bearer(token: &str) -> Result<Self, FieldError> {
        field::secret("client_auth.token", token).map(Self::Bearer)
    }

    /// By name and password.
    pub fn basic(user: &str, password: &str) -> Result<Self, FieldError> {
        // RFC 7617 §2: the colon ends the name.
        if user.contains(':') {
            return Err(FieldError::new("client_auth.user", "holds a colon"));
        }
        Ok(Self::Basic {
            user: Line::parse("client_auth.user", user)?,
            password: field::secret("client_auth.password", password)?,
        })
    }
}

// === impl Webhook ===

impl Webhook {
    /// Takes an `http` or `https` URL without credentials, query or fragment, and a secret of 16 to 256 characters.
    pub fn new(url: &str, secret: &str) -> Result<Self, FieldError> {
        check_place("webhook_url", url, "put what is secret into webhook_secret")?;
        if !is_plain(url) {
            return Err(FieldError::new("webhook_url", NOT_PLAIN));
        }
        if !WEBHOOK_SECRET_CHARS.contains(&secret.chars().count()) {
            return Err(FieldError::new(
                "webhook_secret",
                "must have 16 to 256 characters",
            ));
        }
        Ok(Self {
            url: url.into(),
            secret: field::secret("webhook_secret", secret)?,
        })
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the events are signed with.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

// === impl BaseUrl ===

impl BaseUrl {
    /// Takes a URL; slashes at its end are dropped, since a path follows.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let field = "client_base_url";
        let text = text.trim_end_matches('/');
        check_place(field, text, "put them into client_auth")?;
        match is_plain(text) {
            true => Ok(Self(text.into())),
            false => Err(FieldError::new(field, NOT_PLAIN)),
        }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl UrlPath ===

impl UrlPath {
    /// Takes a path that begins with a slash.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        match text.starts_with('/') && is_plain(text) {
            true => Ok(Self(text.into())),
            false => Err(FieldError::new(
                field,
                "must begin with '/', without space, control character, query or fragment, \
                 in 2048 bytes at most",
            )),
        }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Refuses what does not begin like a URL of a host, and credentials before the host.
fn check_place(field: &'static str, url: &str, instead: &'static str) -> Result<(), FieldError> {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            .then(|| &url[scheme.len()..])
    });
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        let problem = "must be a URL that begins with http:// or https:// and a host";
        return Err(FieldError::new(field, problem));
    };
    let host = rest.split(['/', '?', '#']).next();
    match host.is_some_and(|host| host.contains('@')) {
        true => Err(FieldError::new(
            field,
            format!("holds credentials: {instead}"),
        )),
        false => Ok(()),
    }
}

/// Whether a text can stand in a request's line as it is.
fn is_plain(text: &str) -> bool {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
    text.len() <= URL_BYTES_MAX && !text.contains(is_bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_go_under_the_base_url() {
        let mut tenant = Tenant::new(TenantId::parse("acme").unwrap(), Timestamp::default());
        assert_eq!(tenant.client.sync_url(), None);
        tenant.client.base_url = Some(BaseUrl::parse("https://acme.example/app//").unwrap());
        assert_eq!(
            tenant.client.sync_url().unwrap(),
            "https://acme.example/app/mail-proxy/sync"
        );
        tenant.client.attachment_path = UrlPath::parse("client_attachment_path", "/a").unwrap();
        assert_eq!(
            tenant.client.attachment_url().unwrap(),
            "https://acme.example/app/a"
        );
    }

    #[test]
    fn a_base_url_is_plain_and_holds_no_credentials() {
        for good in [
            "http://localhost:8080",
            "HTTPS://acme.example",
            "http://[::1]/x",
        ] {
            assert_eq!(BaseUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "http://",
            "http:///x",
            "ftp://acme.example",
            "acme.example",
            "httpß//",
            "http://ada:hunter2@acme.example",
            "http://acme.example/?a",
            "http://acme.example/#a",
            "http://acme.example/\r\nHost: x",
            "http://acme.example/a b",
            &format!("http://{}", "a".repeat(URL_BYTES_MAX)),
        ] {
            let error = BaseUrl::parse(bad).unwrap_err();
            assert_eq!(error.field, "client_base_url", "{bad:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for bad in ["", "sync", "/a b", "/a\n", "/a?b"] {
            let error = UrlPath::parse("client_sync_path", bad).unwrap_err();
            assert_eq!(error.field, "client_sync_path", "{bad:?}");
        }
    }

    #[test]
    fn a_webhook_has_a_url_and_a_secret_that_cannot_be_guessed() {
        let secret = "0123456789abcdef";
        for good in ["https://acme.example", "http://[::1]:8080/hook/"] {
            let webhook = Webhook::new(good, secret).unwrap();
            assert_eq!((webhook.url(), webhook.secret().expose()), (good, secret));
            assert!(!format!("{webhook:?}").contains(secret));
        }
        for bad in [
            "",
            "https://",
            "ftp://acme.example",
            "https://ada:hunter2@acme.example",
            "https://acme.example/?token=hunter2",
            "https://acme.example/#a",
            "https://acme.example/a b",
            "https://acme.example/\r\nHost: x",
            &format!("http://{}", "a".repeat(URL_BYTES_MAX)),
        ] {
            let error = Webhook::new(bad, secret).unwrap_err();
            assert_eq!(error.field, "webhook_url", "{bad:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for bad in ["", &secret[1..], &"ä".repeat(257), "0123456789\r\nabcdef"] {
            let error = Webhook::new("https://acme.example", bad).unwrap_err();
            assert_eq!(error.field, "webhook_secret", "{bad:?}");
        }
        assert!(Webhook::new("https://acme.example", &"ä".repeat(256)).is_ok());
    }

    #[test]
    fn credentials_fit_into_a_header_and_never_show() {
        let basic = ClientAuth::basic("ada", "hunter2").unwrap();
        let bearer = ClientAuth::bearer("hunter2").unwrap();
        for auth in [basic, bearer] {
            assert!(!format!("{auth:?}").contains("hunter2"));
        }
        let fields = [
            (ClientAuth::bearer("a\r\nb"), "client_auth.token"),
            (ClientAuth::basic("a:b", "c"), "client_auth.user"),
            (ClientAuth::basic("", "c"), "client_auth.user"),
            (ClientAuth::basic("a", ""), "client_auth.password"),
        ];
        for (outcome, field) in fields {
            assert_eq!(outcome.unwrap_err().field, field);
        }
    }
}
