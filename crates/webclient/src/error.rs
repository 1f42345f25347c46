//! What can go wrong, divided by what the caller does next.

use std::net::IpAddr;
use std::time::Duration;

/// Why a request failed. No text holds more of the URL than its host: the rest may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL must be corrected by whoever supplied it.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// The operator's policy forbids this target. Trying again changes nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No connection, no valid certificate, or the connection broke. May pass with time.
    #[error("{host} cannot be reached: {detail}")]
    Unreachable {
        /// The host of the URL.
        host: String,
        /// What the connection, the resolver or TLS said.
        detail: String,
    },
    /// The answer was not complete in time. May pass with time.
    #[error("{host} did not answer within {after:?}")]
    TimedOut {
        /// The host of the URL.
        host: String,
        /// The limit that ran out.
        after: Duration,
    },
    /// The answer is larger than the caller accepts.
    #[error("{host} sent more than the allowed {bytes_max} bytes")]
    TooLarge {
        /// The host of the URL.
        host: String,
        /// The caller's limit, in bytes.
        bytes_max: u64,
    },
    /// The answer is compressed although nothing but plain bytes was asked for.
    #[error("{host} sent the body as {encoding}, which was not asked for; let it send plain bytes")]
    Encoded {
        /// The host of the URL.
        host: String,
        /// The value of the header Content-Encoding.
        encoding: String,
    },
    /// The server understood and said no: any status but 2xx.
    #[error("{host} answered with status {status}")]
    Status {
        /// The host of the URL.
        host: String,
        /// The HTTP status code.
        status: u16,
        /// How long the server asks to wait before the next attempt (RFC 9110 section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// The body arrived but the caller's writer failed, a full disk for example.
    #[error("the answer of {host} cannot be written: {source}")]
    Sink {
        /// The host of the URL.
        host: String,
        /// What the writer said.
        source: std::io::Error,
    },
    /// The client cannot be built at all.
    #[error(
        "the https client cannot start: {detail}; are the system's root certificates installed?"
    )]
    Setup {
        /// What TLS said.
        detail: String,
    },
}

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL at all, or with an impossible host or port.
    #[error("the url cannot be read: {0}")]
    Unreadable(#[from] url::ParseError),
    /// Longer than any server accepts.
    #[error("the url is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// Another protocol than HTTP.
    #[error("the url starts with {scheme}: where http:// or https:// is needed")]
    Scheme {
        /// The scheme found.
        scheme: String,
    },
    /// A name or password before the host. It would end up in logs and in front of redirect targets.
    #[error(
        "the url of {host} carries a user name or password; take it out and send a header instead"
    )]
    Credentials {
        /// The host of the URL.
        host: String,
    },
}

/// Why the policy forbids a target, and how an operator can allow it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The host is, or one of the addresses of its name is, not on the public internet.
    #[error(
        "{host} leads to {address}, a {purpose} address; to allow it, add {host} to \
         GLASSPOST_ALLOW_PRIVATE_TARGETS"
    )]
    Address {
        /// The host of the URL.
        host: String,
        /// The address that was refused.
        address: IpAddr,
        /// What that address is for; see [`special_use`](crate::special_use).
        purpose: &'static str,
    },
    /// The port is not one that public web servers use.
    #[error(
        "port {port} of {host} is not open to requests; to allow it, add {host} to \
         GLASSPOST_ALLOW_PRIVATE_TARGETS"
    )]
    Port {
        /// The host of the URL.
        host: String,
        /// The port of the URL.
        port: u16,
    },
    /// The answer redirects to a host that this request has no business with.
    #[error("redirected to {host}, which this request does not follow")]
    RedirectHost {
        /// The host of the next hop.
        host: String,
    },
    /// The answer redirects from HTTPS to plain HTTP.
    #[error("redirected to {host} without encryption, after a start with https")]
    Downgrade {
        /// The host of the next hop.
        host: String,
    },
    /// The chain of redirects is longer than the caller allows.
    #[error("{host} redirects once more after {hops_max} redirects, the most allowed here")]
    TooManyRedirects {
        /// The host that sent the last redirect.
        host: String,
        /// The caller's limit.
        hops_max: u8,
    },
}

/// `error` and its causes, outermost first.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let outermost: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(outermost), |cause| cause.source())
}

/// What the innermost cause says: the layers around it only tell which library it came through, and
/// the outermost one quotes the whole URL.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The refusal that our resolver handed to reqwest as the cause of a failed lookup, if it was that.
pub(crate) fn refusal_in(error: &reqwest::Error) -> Option<Refusal> {
    chain(error)
        .find_map(|cause| cause.downcast_ref::<Refusal>())
        .cloned()
}
