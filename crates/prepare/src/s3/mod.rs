//! Objects in a bucket of S3, or of something that speaks like it: the requests, and links that work
//! without credentials. They are only written here; `webclient` sends them, with its guard.

mod sign;

use model::{Secret, Timestamp};
use serde_json::Value;
use url::Url;
use webclient::{HeaderMap, HeaderName, HeaderValue};

use crate::digest::{hex, sha256};
use crate::folder::InnerPath;
use crate::object::Object;
use crate::percent::{encode, encode_path};
use model::FieldError;
use sign::Signer;

/// The longest that S3 lets a link work, in seconds: a week.
pub(crate) const LINK_SECONDS_MAX: u64 = 7 * 24 * 3600;

/// Where Amazon puts a bucket that names no region.
const DEFAULT_REGION: &str = "us-east-1";

/// A bucket and the credentials for it. Whatever is in it can stand in a URL and in a header.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    prefix: InnerPath,
    region: String,
    endpoint: Url,
    key_name: String,
    key: Secret,
}

/// A request about one object.
pub(crate) struct ObjectRequest {
    pub url: String,
    pub headers: HeaderMap,
}

/// The request that reads an object.
pub(crate) fn get(bucket: &Bucket, path: &InnerPath, now: Timestamp) -> ObjectRequest {
    request("GET", bucket, path, &[], now)
}

/// The request that writes an object.
pub(crate) fn put(bucket: &Bucket, path: &InnerPath, body: &[u8], now: Timestamp) -> ObjectRequest {
    request("PUT", bucket, path, body, now)
}

/// A link that reads an object for `seconds`, at most [`LINK_SECONDS_MAX`].
pub(crate) fn link(bucket: &Bucket, path: &InnerPath, seconds: u64, now: Timestamp) -> String {
    let url = bucket.url_of(path);
    let signer = bucket.signer(&url, now);
    let query = signer.query(url.path(), seconds.min(LINK_SECONDS_MAX));
    format!("{url}?{query}")
}

fn request(
    method: &str,
    bucket: &Bucket,
    path: &InnerPath,
    body: &[u8],
    now: Timestamp,
) -> ObjectRequest {
    let url = bucket.url_of(path);
    let content = hex(&sha256(body));
    let signer = bucket.signer(&url, now);
    let signed = [
        (
            "authorization",
            signer.header(method, url.path(), "", &content),
        ),
        ("x-amz-date", signer.date_time()),
        ("x-amz-content-sha256", content),
    ];
    let headers = signed.into_iter().filter_map(|(name, value)| {
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_static(name), value))
    });
    ObjectRequest {
        headers: headers.collect(),
        url: url.into(),
    }
}

impl Bucket {
    /// Reads the `config` of a storage, or names the field that cannot be used.
    pub(crate) fn read(config: Value) -> Result<Self, FieldError> {
        let mut object = Object::new("config", config)?;
        let region = object.text("config.region")?;
        let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let amazon = || format!("https://s3.{region}.amazonaws.com");
        let endpoint = object.text("config.endpoint_url")?.unwrap_or_else(amazon);
        let prefix = object.text("config.prefix")?.unwrap_or_default();
        let bucket = Self {
            name: object.needed("config.bucket")?,
            prefix: InnerPath::parse(&prefix)
                .map_err(|error| FieldError::new("config.prefix", error.to_string()))?,
            region,
            endpoint: server(&endpoint).ok_or_else(|| {
                let problem = "must be http(s)://host without credentials";
                FieldError::new("config.endpoint_url", problem)
            })?,
            key_name: object.needed("config.aws_access_key_id")?,
            key: Secret::new(object.needed("config.aws_secret_access_key")?),
        };
        object.finish()?;
        bucket.checked()
    }

    fn checked(self) -> Result<Self, FieldError> {
        let bad = |field, problem: &'static str| Err(FieldError::new(field, problem));
        if !is_plain(&self.name, b".-_", 63) || self.name.starts_with('.') {
            return bad("config.bucket", "is no name of a bucket");
        }
        if !is_plain(&self.region, b"-", 40) {
            return bad("config.region", "is no name of a region");
        }
        if !is_plain(&self.key_name, b"-_.@+=", 128) {
            return bad("config.aws_access_key_id", "is no name of a key");
        }
        Ok(self)
    }
}

/// Whether a name is letters, digits and some `more` characters.
fn is_plain(text: &str, more: &[u8], length_max: usize) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || more.contains(&byte);
    (1..=length_max).contains(&text.len()) && text.bytes().all(fits)
}

/// A server without credentials and without a question.
fn server(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (is_web && is_bare && url.fragment().is_none()).then_some(url)
}

impl Bucket {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same bucket from its top.
    pub(crate) fn without_prefix(&self) -> Self {
        Self {
            prefix: InnerPath::default(),
            ..self.clone()
        }
    }

    /// The URL of an object, with the bucket in its path: every server understands that, and no name of
    /// a bucket needs a certificate.
    fn url_of(&self, path: &InnerPath) -> Url {
        let mut url = self.endpoint.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        let object = encode_path(self.prefix.join(path).parts());
        url.set_path(&format!("{base}/{}/{object}", encode(&self.name)));
        url
    }

    fn signer<'a>(&'a self, url: &Url, now: Timestamp) -> Signer<'a> {
        let host = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Signer {
            key_name: &self.key_name,
            key: &self.key,
            region: &self.region,
            host,
            now,
        }
    }
}
