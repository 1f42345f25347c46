//! Why an attachment could not be had.

use std::sync::Arc;

use model::HeaderText;

use crate::digest::Md5;
use crate::folder::FolderError;
use model::FieldError;

/// An attachment could not be had. Its text names the attachment, and holds no credentials, no query of
/// a URL and no content.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Attachment fetch failed for {file_name}: {problem}")]
pub struct FetchError {
    /// The attachment.
    pub file_name: HeaderText,
    /// What went wrong. It is shared with those who waited for the same fetch.
    pub problem: Arc<Problem>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The request cannot be understood.
    #[error(transparent)]
    Request(#[from] FieldError),
    /// Not base64 as RFC 4648 section 4 has it.
    #[error(
        "storage_path: not base64: {0}; encode with the standard alphabet, padding and no line breaks"
    )]
    Base64(base64::DecodeError),
    /// More bytes than allowed.
    #[error("larger than the allowed {bytes_max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: u64,
    },
    /// The bytes are others than the client announced.
    #[error("its content has the MD5 {actual}, not {expected} as announced")]
    Md5 {
        /// What the client told.
        expected: Md5,
        /// What the bytes have.
        actual: Md5,
    },
    /// The tenant serves no attachments.
    #[error("the tenant has no client_base_url to ask for it")]
    NoEndpoint,
    /// The tenant has no such storage.
    #[error("the tenant has no storage named {mount}")]
    UnknownStorage {
        /// The name asked for.
        mount: String,
    },
    /// A server did not give it.
    #[error(transparent)]
    Web(#[from] webclient::Error),
    /// A folder did not give it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The program is shutting down.
    #[error("interrupted before it was read")]
    Interrupted,
}

impl FetchError {
    /// Whether the same request may succeed later. All else fails the same way for ever.
    pub fn is_temporary(&self) -> bool {
        self.problem.is_temporary()
    }
}

impl Problem {
    /// See [`FetchError::is_temporary`].
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Request(_) | Self::Base64(_) | Self::TooLarge { .. } | Self::Md5 { .. } => false,
            Self::NoEndpoint | Self::UnknownStorage { .. } => false,
            Self::Web(error) => may_pass(error),
            Self::Folder(error) => error.is_temporary(),
            Self::Interrupted => true,
        }
    }
}

/// Whether a server may answer otherwise later: silence, a broken connection, "too many", 5xx.
pub(crate) fn may_pass(error: &webclient::Error) -> bool {
    use webclient::Error;
    match error {
        Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Sink { .. } => true,
        Error::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
        Error::BadUrl(_) | Error::Refused(_) | Error::TooLarge { .. } => false,
        Error::Encoded { .. } | Error::Setup { .. } => false,
    }
}
