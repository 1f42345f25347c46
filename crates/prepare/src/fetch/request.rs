//! An attachment as a client describes it, and the same once it was understood.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use compose::mime::MediaType;
use model::{ClientAuth, FieldError, HeaderText, Line, Secret, field};
use serde::Deserialize;
use serde_json::Value;
use webclient::HeaderValue;

use crate::digest::{Md5, Sha256, sha256_of_parts};
use crate::fetch::name::{self, MarkedName};
use crate::fetch::source::Source;
use crate::fetch::tenant::TenantSource;
use crate::object::Object;

/// One item of a message's `attachments`.
#[derive(Clone, Deserialize)]
#[serde(try_from = "Value")]
pub struct AttachmentRequest {
    /// What the reader is offered as its name; may carry a marker `{MD5:…}`.
    pub file_name: String,
    /// Where it is; see [`Source`].
    pub storage_path: String,
    /// What kind of file it is; else the name tells.
    pub mime_type: Option<String>,
    /// How to read `storage_path`; else its form tells.
    pub fetch_mode: Option<String>,
    /// The MD5 of its bytes, 32 hexadecimal digits. It wins over a marker in the name.
    pub content_md5: Option<String>,
    /// Credentials in place of the tenant's, for this attachment only.
    pub auth: Option<Auth>,
}

/// How a request to somebody's server proves who sends it.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// Which of the other fields count.
    pub method: AuthMethod,
    /// For `bearer`.
    pub token: Option<Secret>,
    /// For `basic`.
    pub user: Option<String>,
    /// For `basic`.
    pub password: Option<Secret>,
}

/// The ways of HTTP to send credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMethod {
    /// None are sent.
    #[default]
    None,
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// `Authorization: Basic …` (RFC 7617).
    Basic,
}

/// A request that was understood: nothing in it can fail any more but the fetching.
pub struct Order<'a> {
    /// The name without its marker, without a path, safe for a header.
    pub file_name: HeaderText,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// What the bytes must have, if the client told.
    pub md5: Option<Md5>,
    /// Where the bytes are.
    pub source: Source<'a>,
    /// The value of the header `Authorization` that goes to the source.
    pub(crate) authorization: Option<HeaderValue>,
}

// === impl AttachmentRequest ===

impl TryFrom<Value> for AttachmentRequest {
    type Error = FieldError;

    /// Reads the JSON of the contract, or names the field that is missing, of a wrong type or unknown.
    fn try_from(value: Value) -> Result<Self, FieldError> {
        let mut object = Object::new("attachments", value)?;
        let auth: Option<Value> = object.take("auth", "must be an object")?;
        let request = Self {
            file_name: object.needed("filename")?,
            storage_path: object.needed("storage_path")?,
            mime_type: object.text("mime_type")?,
            fetch_mode: object.text("fetch_mode")?,
            content_md5: object.text("content_md5")?,
            auth: auth.map(Auth::try_from).transpose()?,
        };
        object.finish()?;
        Ok(request)
    }
}

impl AttachmentRequest {
    /// Understands the request, or names the field that cannot be understood. Needs no network, so it
    /// can be asked before a message is accepted.
    pub fn read<'a>(&'a self, tenant: &'a TenantSource) -> Result<Order<'a>, FieldError> {
        let MarkedName { file_name, md5 } = name::read(&self.file_name)?;
        let source = Source::read(&self.storage_path, self.fetch_mode.as_deref(), tenant)?;
        Ok(Order {
            media_type: media_type(self.mime_type.as_deref(), &file_name),
            md5: self.md5()?.or(md5),
            authorization: self.authorization(&source, tenant)?,
            file_name,
            source,
        })
    }

    /// Whether it can be understood, whoever's it is; else names the field that cannot.
    pub fn check(&self) -> Result<(), FieldError> {
        name::read(&self.file_name)?;
        Source::check(&self.storage_path, self.fetch_mode.as_deref())?;
        self.md5()?;
        self.auth
            .as_ref()
            .map_or(Ok(()), |auth| auth.read().map(drop))
    }

    /// Whether its bytes are in it, so that nothing has to be fetched.
    pub(crate) fn is_inside(&self) -> bool {
        Source::is_inside(&self.storage_path, self.fetch_mode.as_deref())
    }

    /// The name as errors show it, also when the rest cannot be understood.
    pub(crate) fn shown_name(&self) -> HeaderText {
        name::read(&self.file_name).map_or_else(
            |_| HeaderText::cleaned(&self.file_name.chars().take(80).collect::<String>()),
            |name| name.file_name,
        )
    }

    /// Everything that it says, to tell it from others.
    pub(crate) fn parts(&self) -> [&str; 9] {
        let auth = self.auth.as_ref();
        let parts = [
            Some(&*self.file_name),
            Some(&*self.storage_path),
            self.mime_type.as_deref(),
            self.fetch_mode.as_deref(),
            self.content_md5.as_deref(),
            auth.map(|auth| auth.method.as_str()),
            auth.and_then(|auth| auth.token.as_ref().map(Secret::expose)),
            auth.and_then(|auth| auth.user.as_deref()),
            auth.and_then(|auth| auth.password.as_ref().map(Secret::expose)),
        ];
        parts.map(Option::unwrap_or_default)
    }

    fn md5(&self) -> Result<Option<Md5>, FieldError> {
        let Some(text) = &self.content_md5 else {
            return Ok(None);
        };
        match Md5::parse(text) {
            Some(md5) => Ok(Some(md5)),
            None => Err(FieldError::new(
                "content_md5",
                "expected 32 hexadecimal digits",
            )),
        }
    }

    /// The tenant's own credentials go to the tenant's endpoint only, and those of the request to the
    /// place that the request names.
    fn authorization(
        &self,
        source: &Source<'_>,
        tenant: &TenantSource,
    ) -> Result<Option<HeaderValue>, FieldError> {
        match (source, &self.auth) {
            (Source::Url(_) | Source::Endpoint(_), Some(auth)) => Ok(header(&auth.read()?)),
            (Source::Endpoint(_), None) => Ok(header(&tenant.client.auth)),
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for AttachmentRequest {
    /// The path may be the content itself, or hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachmentRequest")
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

fn media_type(given: Option<&str>, file_name: &HeaderText) -> MediaType {
    given
        .and_then(|text| MediaType::parse(text).ok())
        .or_else(|| {
            let guess = mime_guess::from_path(file_name.as_str()).first_raw()?;
            MediaType::parse(guess).ok()
        })
        .unwrap_or_default()
}

// === impl AuthMethod ===

impl AuthMethod {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
        }
    }
}

// === impl Auth ===

impl TryFrom<Value> for Auth {
    type Error = FieldError;

    fn try_from(value: Value) -> Result<Self, FieldError> {
        let mut object = Object::new("auth", value)?;
        let method = object.take("auth.method", "is none of none, bearer, basic")?;
        let auth = Self {
            method: method.unwrap_or_default(),
            token: object.text("auth.token")?.map(Secret::new),
            user: object.text("auth.user")?,
            password: object.text("auth.password")?.map(Secret::new),
        };
        object.finish()?;
        Ok(auth)
    }
}

impl Auth {
    /// Understands the credentials, or names the field that is missing or cannot be sent.
    fn read(&self) -> Result<ClientAuth, FieldError> {
        match self.method {
            AuthMethod::None => Ok(ClientAuth::None),
            AuthMethod::Bearer => Ok(ClientAuth::Bearer(secret("auth.token", &self.token)?)),
            AuthMethod::Basic => {
                let user = self.user.as_deref().unwrap_or_default();
                // RFC 7617 section 2: the first colon ends the user's name.
                if user.contains(':') {
                    return Err(FieldError::new("auth.user", "holds a colon"));
                }
                Ok(ClientAuth::Basic {
                    user: Line::parse("auth.user", user)?,
                    password: secret("auth.password", &self.password)?,
                })
            }
        }
    }
}

fn secret(field: &'static str, given: &Option<Secret>) -> Result<Secret, FieldError> {
    field::secret(field, given.as_ref().map_or("", Secret::expose))
}

/// The value of the header `Authorization`. Credentials hold no control character, so there always is one.
fn header(auth: &ClientAuth) -> Option<HeaderValue> {
    let text = match auth {
        ClientAuth::None => return None,
        ClientAuth::Bearer(token) => format!("Bearer {}", token.expose()),
        ClientAuth::Basic { user, password } => {
            let pair = format!("{user}:{}", password.expose());
            format!("Basic {}", STANDARD.encode(pair))
        }
    };
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

// === impl Order ===

impl Order<'_> {
    /// Tells apart what must not share one fetch: another tenant, place or credentials.
    pub(crate) fn identity(&self, tenant: &str) -> Sha256 {
        let (kind, place, inner) = self.source.parts();
        let authorization = self
            .authorization
            .as_ref()
            .map_or(&[][..], HeaderValue::as_bytes);
        let md5 = self.md5.map(|md5| md5.to_string()).unwrap_or_default();
        let parts = [tenant, &md5, kind, place, inner].map(str::as_bytes);
        sha256_of_parts(parts.into_iter().chain([authorization]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::BaseUrl;

    fn request(json: &str) -> Result<AttachmentRequest, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn problem(json: &str) -> String {
        let request = request(json).unwrap();
        let tenant = TenantSource::named("t");
        request.read(&tenant).err().unwrap().to_string()
    }

    #[test]
    fn the_contracts_fields_are_read() {
        let request = request(
            r#"{"filename": "r_{MD5:d41d8cd98f00b204e9800998ecf8427e}.PDF",
                "storage_path": "https://cdn.example/r", "fetch_mode": "http_url",
                "auth": {"method": "basic", "user": "u", "password": "p"}}"#,
        )
        .unwrap();
        let tenant = TenantSource::named("t");
        let order = request.read(&tenant).unwrap();
        assert_eq!(order.file_name.as_str(), "r.PDF");
        assert_eq!(order.media_type.as_str(), "application/pdf");
        assert_eq!(order.md5, Some(Md5::of(b"")));
        assert_eq!(order.authorization.unwrap(), "Basic dTpw");
    }

    #[test]
    fn content_md5_wins_over_the_marker() {
        let json = r#"{"filename": "{MD5:d41d8cd98f00b204e9800998ecf8427e}r.pdf",
            "storage_path": "base64:", "content_md5": "0CC175B9C0F1B6A831C399E269772661"}"#;
        let request = request(json).unwrap();
        let tenant = TenantSource::named("t");
        let order = request.read(&tenant).unwrap();
        assert_eq!(order.md5, Some(Md5::of(b"a")));
    }

    #[test]
    fn errors_name_the_field() {
        let with = |rest: &str| {
            problem(&format!(
                r#"{{"filename": "x", "storage_path": "http://h/"{rest}}}"#
            ))
        };
        assert!(with(r#", "content_md5": "../../x""#).starts_with("content_md5: expected 32"));
        assert!(with(r#", "auth": {"method": "bearer"}"#).starts_with("auth.token: is empty"));
        let broken = r#", "auth": {"method": "bearer", "token": "a\r\nX: y"}"#;
        assert!(with(broken).starts_with("auth.token: holds"));
        let colon = r#", "auth": {"method": "basic", "user": "a:b", "password": "c"}"#;
        assert!(with(colon).starts_with("auth.user: holds a colon"));
        assert!(with(r#", "fetch_mode": "ftp""#).starts_with("fetch_mode: "));
        let unnamed = problem(r#"{"filename": "", "storage_path": "x"}"#);
        assert!(unnamed.starts_with("filename: "), "{unnamed}");
        let unreadable = |json| request(json).unwrap_err().to_string();
        let missing = unreadable(r#"{"filename": "x"}"#);
        assert_eq!(missing, "storage_path: is missing");
        let wrong = unreadable(r#"{"filename": "x", "storage_path": {"key": "hunter2"}}"#);
        assert_eq!(wrong, "storage_path: must be text");
        let wrong = r#"{"filename": "x", "storage_path": "y", "auth": {"token": 5}}"#;
        assert_eq!(unreadable(wrong), "auth.token: must be text");
        let wrong = r#"{"filename": "x", "storage_path": "y", "auth": {"method": "digest"}}"#;
        assert!(unreadable(wrong).starts_with("auth.method: "));
        let wrong = r#"{"filename": "x", "storage_path": "y", "auth": {"tokn": "z"}}"#;
        assert_eq!(unreadable(wrong), "auth: has no field \"tokn\"");
        let unknown = request(r#"{"filename": "x", "storage_path": "y", "contentmd5": ""}"#);
        assert!(unknown.unwrap_err().to_string().contains("contentmd5"));
    }

    #[test]
    fn the_tenants_credentials_go_to_the_tenants_endpoint_only() {
        let mut tenant = TenantSource::named("t");
        tenant.client.base_url = Some(BaseUrl::parse("https://app.example").unwrap());
        tenant.client.auth = ClientAuth::bearer("k").unwrap();
        let sent = |path: &str| {
            let json = format!(r#"{{"filename": "x", "storage_path": "{path}"}}"#);
            let request = request(&json).unwrap();
            request.read(&tenant).unwrap().authorization
        };
        assert_eq!(sent("doc_id=1").unwrap(), "Bearer k");
        assert_eq!(sent("https://app.example/x"), None);
        assert_eq!(sent("https://evil.example/x"), None);
    }

    #[test]
    fn debug_shows_no_path_and_no_credentials() {
        let json = r#"{"filename": "x", "storage_path": "https://h/?key=hunter2",
            "auth": {"method": "bearer", "token": "hunter2"}}"#;
        let request = request(json).unwrap();
        assert!(!format!("{request:?} {:?}", request.auth).contains("hunter2"));
    }
}
