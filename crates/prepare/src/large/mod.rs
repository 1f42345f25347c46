//! What becomes of attachments that are too large to be mailed: a warning, a refusal, or a link.
//!
//! - [`policy`]: what a tenant wants
//! - [`link`]: links that cannot be forged and that end
//! - [`list`]: the links as a part of the message's text
//! - `shelf`: the operator's folder where linked files lie

pub mod link;
pub mod list;
pub mod policy;

mod shelf;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Clock, HeaderText, Timestamp};
use webclient::{Exchange, Method, WebClient};

use crate::fetch::Fetched;
use crate::fetch::error::may_pass;
use crate::fetch::tenant::TenantSource;
use crate::folder::{FolderError, InnerPath};
use crate::mount::Mount;
use crate::percent::encode_path;
use crate::s3::{self, Bucket, LINK_SECONDS_MAX, ObjectRequest};
use link::Ticket;
use list::FileLink;
use model::FieldError;
use policy::{LargeFileAction, LargeFilePolicy, Place};
use shelf::file_name_on_disk;

pub use shelf::{Download, DownloadError, Shelf};

/// The most that a bucket may say about an upload, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// How long an upload may take.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(120);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Applies the tenants' policies.
pub struct LargeFiles {
    web: WebClient,
    shelf: Option<Arc<Shelf>>,
    clock: Clock,
}

/// What goes into the message.
#[derive(Debug)]
pub enum Treatment {
    /// The attachment itself.
    Attach(Fetched),
    /// A link to it.
    Link(FileLink),
}

/// A large file that cannot go.
#[derive(Debug, thiserror::Error)]
pub enum LargeFileError {
    /// The tenant's policy refuses it.
    #[error("Attachment '{file_name}' ({:.1} MB) exceeds limit ({max_size_mb} MB)", megabytes(*size_bytes))]
    TooLarge {
        /// The attachment.
        file_name: HeaderText,
        /// Its size, in bytes.
        size_bytes: u64,
        /// The policy's limit, in MB of 1024 × 1024 bytes.
        max_size_mb: f64,
    },
    /// It could not be put where the link would lead.
    #[error("Attachment upload failed for {file_name}: {problem}")]
    Upload {
        /// The attachment.
        file_name: HeaderText,
        /// Why.
        problem: UploadProblem,
    },
}

/// Why a file could not be put where the link would lead.
#[derive(Debug, thiserror::Error)]
pub enum UploadProblem {
    /// The tenant's policy cannot be followed.
    #[error(transparent)]
    Policy(#[from] FieldError),
    /// The folder did not take it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The bucket did not take it.
    #[error(transparent)]
    Web(#[from] webclient::Error),
    /// No name could be made that nobody can guess.
    #[error("the system gives no random numbers")]
    NoRandom,
    /// The program is shutting down.
    #[error("interrupted before it was written")]
    Interrupted,
}

impl LargeFiles {
    /// `shelf` is the folder that the operator opened for linked files, if any.
    pub fn new(web: WebClient, shelf: Option<Arc<Shelf>>, clock: Clock) -> Self {
        Self { web, shelf, clock }
    }

    /// Decides what becomes of `fetched`, and brings it to its place when that is a link.
    pub async fn apply(
        &self,
        tenant: &TenantSource,
        policy: &LargeFilePolicy,
        fetched: Fetched,
    ) -> Result<Treatment, LargeFileError> {
        let size_bytes = fetched.bytes.len() as u64;
        if !policy.is_large(size_bytes) {
            return Ok(Treatment::Attach(fetched));
        }
        match policy.action {
            LargeFileAction::Warn => {
                let (tenant, limit) = (tenant.id.as_str(), policy.max_size_mb);
                tracing::warn!(
                    tenant,
                    size_bytes,
                    max_size_mb = limit,
                    "a large attachment is mailed as it is"
                );
                Ok(Treatment::Attach(fetched))
            }
            LargeFileAction::Reject => Err(LargeFileError::TooLarge {
                file_name: fetched.file_name,
                size_bytes,
                max_size_mb: policy.max_size_mb,
            }),
            LargeFileAction::Rewrite => match self.link(tenant, policy, &fetched).await {
                Ok(link) => Ok(Treatment::Link(link)),
                Err(problem) => Err(LargeFileError::Upload {
                    file_name: fetched.file_name,
                    problem,
                }),
            },
        }
    }

    async fn link(
        &self,
        tenant: &TenantSource,
        policy: &LargeFilePolicy,
        fetched: &Fetched,
    ) -> Result<FileLink, UploadProblem> {
        let name = file_name_on_disk(fetched.file_name.as_str());
        let expires = self.clock.now() + DAY * policy.file_ttl_days;
        let (url, expires) = match policy.place()? {
            Place::Folder {
                path,
                public_base_url,
            } => {
                let ticket = Ticket::new(&name, expires, policy.lifespan_after_download_days)
                    .ok_or(UploadProblem::NoRandom)?;
                let url = self.to_shelf(&path, &public_base_url, ticket, &fetched.bytes);
                (url.await?, expires)
            }
            Place::Bucket { bucket, prefix } => {
                let bucket = bucket_of(tenant, &bucket)?;
                self.to_bucket(bucket, &prefix, &name, expires, &fetched.bytes)
                    .await?
            }
        };
        Ok(FileLink {
            file_name: fetched.file_name.clone(),
            size_bytes: fetched.bytes.len() as u64,
            url,
            expires,
        })
    }

    async fn to_shelf(
        &self,
        path: &InnerPath,
        public_base_url: &str,
        ticket: Ticket,
        bytes: &Bytes,
    ) -> Result<String, UploadProblem> {
        let shelf = self.shelf.clone().ok_or(FolderError::Closed)?;
        let ticket = ticket.on(shelf.place(path)?);
        let (base, bytes) = (
            public_base_url.trim_end_matches('/').to_owned(),
            bytes.clone(),
        );
        let writing = tokio::task::spawn_blocking(move || {
            shelf.put(&ticket, &bytes)?;
            Ok(format!("{base}/download/{}", shelf.seal(&ticket)))
        });
        writing.await.map_err(|_| UploadProblem::Interrupted)?
    }

    /// Writes `{prefix}/{id}/{name}`; the link is the bucket's own, which works a week at most.
    async fn to_bucket(
        &self,
        bucket: &Bucket,
        prefix: &InnerPath,
        name: &str,
        expires: Timestamp,
        bytes: &Bytes,
    ) -> Result<(String, Timestamp), UploadProblem> {
        let now = self.clock.now();
        let id = link::random_id().ok_or(UploadProblem::NoRandom)?;
        let path = InnerPath::parse(&format!("{id}/{name}"))?;
        let path = prefix.join(&path);
        // The place is the policy's: the prefix of the storage is for what the tenant keeps there.
        let bucket = bucket.without_prefix();
        let request = signed(&bucket, &path, bytes, now).await?;
        let exchange = Exchange {
            method: Method::PUT,
            headers: request.headers,
            body: bytes.clone(),
            deadline: UPLOAD_DEADLINE,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        self.web.exchange(&request.url, exchange).await?;
        let seconds = expires.since(now).as_secs().min(LINK_SECONDS_MAX);
        let url = s3::link(&bucket, &path, seconds, now);
        Ok((url, now + Duration::from_secs(seconds)))
    }
}

/// The request that writes an object. What is signed includes the digest of all bytes, which is not
/// computed between the tasks of others.
async fn signed(
    bucket: &Bucket,
    path: &InnerPath,
    bytes: &Bytes,
    now: Timestamp,
) -> Result<ObjectRequest, UploadProblem> {
    let (bucket, path, bytes) = (bucket.clone(), path.clone(), bytes.clone());
    tokio::task::spawn_blocking(move || s3::put(&bucket, &path, &bytes, now))
        .await
        .map_err(|_| UploadProblem::Interrupted)
}

/// The tenant's own storage of that bucket, since only that has credentials.
fn bucket_of<'a>(tenant: &'a TenantSource, name: &str) -> Result<&'a Bucket, FieldError> {
    let buckets = tenant.mounts.values().filter_map(|storage| match storage {
        Mount::S3(bucket) => Some(bucket),
        Mount::Folder { .. } => None,
    });
    buckets
        .into_iter()
        .find(|bucket| bucket.name() == name)
        .ok_or_else(|| {
            let problem = "the tenant has no s3 storage with this bucket";
            FieldError::new(policy::STORAGE_URL, problem)
        })
}

/// Of 1024 × 1024 bytes.
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl LargeFileError {
    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::TooLarge { .. } => false,
            Self::Upload { problem, .. } => match problem {
                UploadProblem::Policy(_) => false,
                UploadProblem::Folder(error) => error.is_temporary(),
                UploadProblem::Web(error) => may_pass(error),
                UploadProblem::NoRandom | UploadProblem::Interrupted => true,
            },
        }
    }
}

impl Shelf {
    /// The path of a download below `/download/`.
    fn seal(&self, ticket: &Ticket) -> String {
        let parts = ticket.sealed(self.key());
        encode_path(parts.iter().map(String::as_str))
    }
}
