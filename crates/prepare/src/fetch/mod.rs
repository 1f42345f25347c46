//! An attachment that a client described becomes bytes.
//!
//! - [`request`]: what the client wrote, and what it means
//! - [`source`]: where the bytes are
//! - [`tenant`]: what a tenant has for its attachments
//! - [`error`]: why bytes could not be had
//! - `name`: the name and its marker; `cache`: what was fetched before; `turns`: how many at once

pub mod error;
pub mod request;
pub mod source;
pub mod tenant;

mod cache;
mod name;
mod turns;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use compose::mime::{Attachment, MediaType};
use model::{Clock, HeaderText};
use serde_json::json;
use webclient::{Exchange, Fetch, HeaderMap, HeaderValue, Method, Redirects, WebClient, header};

use crate::digest::Md5;
use crate::flight::Flights;
use crate::folder::{FolderError, InnerPath};
use crate::mount::Mount;
use crate::roots::Roots;
use crate::s3;
use cache::{Cache, Key};
use error::{FetchError, Problem};
use request::{AttachmentRequest, Order};
use source::Source;
use tenant::TenantSource;
use turns::{Turn, Turns};

pub use cache::CacheSettings;

/// The redirects followed from the URL of an attachment.
const REDIRECTS_MAX: u8 = 3;
/// From this size on, a digest is not computed between the tasks of others.
const LONG_DIGEST_BYTES: usize = 256 << 10;

/// How much a fetch may take.
#[derive(Clone, Debug)]
pub struct FetchLimits {
    /// The largest attachment, in bytes.
    pub each_bytes_max: u64,
    /// The time for one, from the connection to the last byte.
    pub deadline: Duration,
    /// How many are fetched at once.
    pub fetches_max: usize,
    /// How many of them for one tenant.
    pub tenant_fetches_max: usize,
}

impl Default for FetchLimits {
    /// 32 MiB, 30 s, 16 at once, 4 of them for one tenant.
    fn default() -> Self {
        Self {
            each_bytes_max: 32 << 20,
            deadline: Duration::from_secs(30),
            fetches_max: 16,
            tenant_fetches_max: 4,
        }
    }
}

/// What a fetch gave, for one or for many.
type Outcome = Result<Bytes, Arc<Problem>>;

/// Fetches attachments for all tenants.
pub struct Fetcher {
    web: WebClient,
    roots: Arc<Roots>,
    cache: Cache,
    limits: FetchLimits,
    clock: Clock,
    turns: Turns,
    flights: Flights<Outcome>,
}

/// An attachment with its bytes.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What the reader is offered as its name.
    pub file_name: HeaderText,
    /// What kind of file it is.
    pub media_type: MediaType,
    /// What is in it.
    pub bytes: Bytes,
}

impl From<Fetched> for Attachment {
    fn from(fetched: Fetched) -> Self {
        Self {
            file_name: fetched.file_name,
            media_type: fetched.media_type,
            bytes: fetched.bytes.into(),
        }
    }
}

impl Fetcher {
    /// A fetcher that reaches the web as `web` allows and this machine as `roots` allow. Fails when the
    /// cache's folder cannot be used.
    pub fn new(
        web: WebClient,
        roots: Roots,
        cache: &CacheSettings,
        limits: FetchLimits,
        clock: Clock,
    ) -> io::Result<Self> {
        Ok(Self {
            web,
            roots: Arc::new(roots),
            cache: Cache::open(cache, clock.clone())?,
            turns: Turns::new(limits.fetches_max, limits.tenant_fetches_max),
            limits,
            clock,
            flights: Flights::default(),
        })
    }

    /// Fetches one attachment of `tenant`.
    pub async fn fetch(
        &self,
        tenant: &TenantSource,
        request: &AttachmentRequest,
    ) -> Result<Fetched, FetchError> {
        let failed = |problem| FetchError {
            file_name: request.shown_name(),
            problem,
        };
        let order = request
            .read(tenant)
            .map_err(|error| failed(Arc::new(error.into())))?;
        let bytes = self.bytes(tenant, &order).await.map_err(failed)?;
        Ok(Fetched {
            file_name: order.file_name,
            media_type: order.media_type,
            bytes,
        })
    }

    /// What another machine gives is cached under its MD5 and fetched once for all who wait for it.
    async fn bytes(&self, tenant: &TenantSource, order: &Order<'_>) -> Outcome {
        match order.md5 {
            Some(md5) if is_remote(tenant, order.source) => {
                let key = Key::new(tenant.id.as_str(), md5);
                let fetch = self.through_cache(tenant, order, key);
                self.flights
                    .run(order.identity(tenant.id.as_str()), fetch)
                    .await
            }
            Some(_) | None => self.checked(tenant, order).await.map_err(Arc::new),
        }
    }

    async fn through_cache(&self, tenant: &TenantSource, order: &Order<'_>, key: Key) -> Outcome {
        if let Some(found) = self.cache.get(&key).await {
            return Ok(found);
        }
        let bytes = self.checked(tenant, order).await.map_err(Arc::new)?;
        self.cache.put(key, &bytes).await;
        Ok(bytes)
    }

    /// The bytes, with the MD5 that was announced if one was.
    async fn checked(&self, tenant: &TenantSource, order: &Order<'_>) -> Result<Bytes, Problem> {
        let bytes = self.read(tenant, order).await?;
        let Some(expected) = order.md5 else {
            return Ok(bytes);
        };
        match md5_of(&bytes).await? {
            actual if actual == expected => Ok(bytes),
            actual => Err(Problem::Md5 { expected, actual }),
        }
    }

    async fn read(&self, tenant: &TenantSource, order: &Order<'_>) -> Result<Bytes, Problem> {
        let _turn = match order.source {
            Source::Base64(_) => None,
            _ => Some(self.turn(tenant).await?),
        };
        match order.source {
            Source::Base64(text) => decode(text, self.limits.each_bytes_max),
            Source::File(path) => self.file(tenant, InnerPath::parse(path)?).await,
            Source::Mount { mount, path } => self.mounted(tenant, mount, path).await,
            Source::Url(url) => self.url(url, order).await,
            Source::Endpoint(path) => self.endpoint(tenant, path, order).await,
        }
    }

    async fn turn(&self, tenant: &TenantSource) -> Result<Turn, Problem> {
        let turn = self.turns.take(tenant.id.as_str()).await;
        turn.ok_or(Problem::Interrupted)
    }

    async fn file(&self, tenant: &TenantSource, path: InnerPath) -> Result<Bytes, Problem> {
        let (roots, tenant) = (Arc::clone(&self.roots), tenant.id.clone());
        let bytes_max = self.limits.each_bytes_max;
        let reading = tokio::task::spawn_blocking(move || {
            let (folder, rest) = roots.find(tenant.as_str(), &path)?;
            folder.read(&rest, bytes_max)
        });
        // A network's file system may hang; then the thread hangs, but not the message.
        match tokio::time::timeout(self.limits.deadline, reading).await {
            Ok(Ok(read)) => Ok(read?.into()),
            Ok(Err(_)) => Err(Problem::Interrupted),
            Err(_) => Err(FolderError::Io(io::ErrorKind::TimedOut.into()).into()),
        }
    }

    async fn mounted(
        &self,
        tenant: &TenantSource,
        mount: &str,
        path: &str,
    ) -> Result<Bytes, Problem> {
        let path = InnerPath::parse(path)?;
        match tenant.mounts.get(mount) {
            None => Err(Problem::UnknownStorage {
                mount: mount.to_owned(),
            }),
            // What a tenant calls a storage opens nothing: the operator's folders still decide.
            Some(Mount::Folder { path: base }) => {
                self.file(tenant, InnerPath::parse(base)?.join(&path)).await
            }
            Some(Mount::S3(bucket)) => {
                let request = s3::get(bucket, &path, self.clock.now());
                let fetch = self.fetch_limits(request.headers, Redirects::NONE);
                Ok(self.web.get(&request.url, &fetch).await?.body)
            }
        }
    }

    async fn url(&self, url: &str, order: &Order<'_>) -> Result<Bytes, Problem> {
        let headers = authorized(order.authorization.as_ref());
        let fetch = self.fetch_limits(headers, Redirects::up_to(REDIRECTS_MAX));
        Ok(self.web.get(url, &fetch).await?.body)
    }

    fn fetch_limits(&self, headers: HeaderMap, redirects: Redirects) -> Fetch {
        Fetch {
            headers,
            redirects,
            deadline: self.limits.deadline,
            body_bytes_max: self.limits.each_bytes_max,
        }
    }

    async fn endpoint(
        &self,
        tenant: &TenantSource,
        path: &str,
        order: &Order<'_>,
    ) -> Result<Bytes, Problem> {
        let url = tenant.client.attachment_url().ok_or(Problem::NoEndpoint)?;
        let mut headers = authorized(order.authorization.as_ref());
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let exchange = Exchange {
            method: Method::POST,
            headers,
            body: json!({ "storage_path": path }).to_string().into(),
            deadline: self.limits.deadline,
            body_bytes_max: self.limits.each_bytes_max,
        };
        Ok(self.web.exchange(&url, exchange).await?.body)
    }
}

/// Whether the bytes come over the network.
fn is_remote(tenant: &TenantSource, source: Source<'_>) -> bool {
    match source {
        Source::Url(_) | Source::Endpoint(_) => true,
        Source::Base64(_) | Source::File(_) => false,
        Source::Mount { mount, .. } => {
            matches!(tenant.mounts.get(mount), Some(Mount::S3(_)))
        }
    }
}

fn authorized(authorization: Option<&HeaderValue>) -> HeaderMap {
    let pair = authorization.map(|value| (header::AUTHORIZATION, value.clone()));
    pair.into_iter().collect()
}

/// The content of a text in base64. How much it would be is known before it is decoded.
fn decode(text: &str, bytes_max: u64) -> Result<Bytes, Problem> {
    let too_large = Problem::TooLarge { bytes_max };
    let groups = text.len() as u64 / 4;
    // The last group may stand for as little as one byte.
    if groups.saturating_mul(3) > bytes_max.saturating_add(2) {
        return Err(too_large);
    }
    let bytes = STANDARD.decode(text).map_err(Problem::Base64)?;
    match bytes.len() as u64 <= bytes_max {
        true => Ok(bytes.into()),
        false => Err(too_large),
    }
}

async fn md5_of(bytes: &Bytes) -> Result<Md5, Problem> {
    if bytes.len() < LONG_DIGEST_BYTES {
        return Ok(Md5::of(bytes));
    }
    let bytes = bytes.clone();
    tokio::task::spawn_blocking(move || Md5::of(&bytes))
        .await
        .map_err(|_| Problem::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_strict_and_its_size_is_known_before() {
        assert_eq!(decode("aGk=", 2).unwrap(), "hi");
        assert_eq!(decode("", 0).unwrap(), "");
        for bad in ["aGk", "aGk=\n", "aG k=", "aGl=", "a-_=", "%", "aGk=aGk="] {
            let problem = decode(bad, 100).unwrap_err();
            assert!(matches!(problem, Problem::Base64(_)), "{bad}: {problem}");
        }
        let large = |text: &str, max| matches!(decode(text, max), Err(Problem::TooLarge { .. }));
        assert!(large("aGk=", 1));
        assert!(!large("aGlq", 3));
        assert!(large("aGlq", 2));
        assert!(
            large(&"*".repeat(4000), 10),
            "refused before it is looked at"
        );
    }
}
