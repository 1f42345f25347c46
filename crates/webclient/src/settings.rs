//! How a client is set up: what it may reach, whom it trusts, what it never does.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, root_cause};
use crate::guard::{AllowedTarget, Guard, TargetPolicy};
use crate::resolve::{GuardedResolver, Resolver, SystemResolver};

/// The most headers of an answer (HTTP/1).
const HEADERS_MAX: usize = 100;
/// The most bytes of headers of an answer (HTTP/2).
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// The most idle connections kept for one host.
const IDLE_PER_HOST_MAX: usize = 8;

/// How a client behaves towards every target.
pub struct Settings {
    /// Which targets may be reached.
    pub policy: TargetPolicy,
    /// The targets that may be reached besides.
    pub allowed: Vec<AllowedTarget>,
    /// The ports at which public targets may be reached.
    pub web_ports: Vec<u16>,
    /// The limit for name lookup, connection and TLS handshake together.
    pub connect_timeout: Duration,
    /// What the client calls itself.
    pub user_agent: String,
    /// Root certificates to trust besides the system's, in PEM.
    pub extra_roots_pem: Vec<String>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for Settings {
    /// Public targets only, at ports 80 and 443, with the system's resolver and root certificates.
    fn default() -> Settings {
        Settings {
            policy: TargetPolicy::PublicOnly,
            allowed: Vec::new(),
            web_ports: vec![80, 443],
            connect_timeout: Duration::from_secs(10),
            user_agent: concat!("Glasspost/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots_pem: Vec::new(),
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl Settings {
    /// The client of reqwest that keeps our promises, and the guard that its resolver asks.
    pub(crate) fn into_parts(self) -> Result<(reqwest::Client, Arc<Guard>), Error> {
        let roots = certificates(&self.extra_roots_pem)?;
        let guard = Arc::new(Guard::new(self.policy, self.allowed, self.web_ports));
        let http = careful()
            .user_agent(self.user_agent)
            .connect_timeout(self.connect_timeout)
            .tls_certs_merge(roots)
            .dns_resolver(GuardedResolver::new(Arc::clone(&guard), self.resolver))
            .build()
            .map_err(setup)?;
        Ok((http, guard))
    }
}

/// What holds for every client, whatever the settings and the features that other crates switch on.
fn careful() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        // A proxy would resolve names for us, past the guard.
        .no_proxy()
        // Redirects and retries are ours, so that each hop is checked and each attempt counted.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // The bytes that are counted are the bytes on the wire.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .http1_max_headers(HEADERS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
}

/// Reads every certificate of every text. A text without one is an error: it was given to be trusted.
fn certificates(pems: &[String]) -> Result<Vec<reqwest::Certificate>, Error> {
    let mut roots = Vec::new();
    for pem in pems {
        let read = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(setup)?;
        if read.is_empty() {
            let detail = "an extra root holds no certificate in PEM form".to_owned();
            return Err(Error::Setup { detail });
        }
        roots.extend(read);
    }
    Ok(roots)
}

fn setup(error: reqwest::Error) -> Error {
    Error::Setup {
        detail: root_cause(&error),
    }
}
