//! Where the database is, and how far its server is believed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model::FieldError;
use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::unverified::Unverified;

/// The setting's name in errors.
const FIELD: &str = "store";
/// How long a connection may take to open.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long what was sent to a server may go without an acknowledgement before the connection counts as broken.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// What every session is held to by the server itself. A process that stops in the middle of a transaction holds up all
/// others no longer than the first; and one that takes nothing of what it is told is let go (milliseconds), before the
/// server has no room for more.
const SESSION: &str = "-c idle_in_transaction_session_timeout=3s -c lock_timeout=4s -c statement_timeout=30s \
                       -c tcp_user_timeout=15000 \
                       -c synchronous_commit=on -c client_encoding=UTF8 -c timezone=UTC";

/// The address of a PostgreSQL database: `postgres://user:password@host:port/database`, with `sslmode` (`disable`,
/// `prefer`, `require`, `verify-full`) and `sslrootcert` as PostgreSQL's own programs know them. Its text hides the
/// password.
#[derive(Clone)]
pub struct Address {
    config: tokio_postgres::Config,
    tls: Tls,
    shown: Box<str>,
    /// As it was given, when it has no password.
    open: Option<Box<str>>,
}

/// How far a server's certificate is believed.
#[derive(Clone)]
enum Tls {
    /// It is encrypted where the server can, and whoever it is.
    Unverified,
    /// It must be the server of that name, known to one of these authorities; `None` for those of the system.
    Verified(Option<Vec<CertificateDer<'static>>>),
}

impl Address {
    /// Reads an address. What it cannot mean is refused, naming the part.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let mut url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(refused("must begin with postgres://"));
        }
        let (mut mode, mut authorities, mut others) = (None, None, Vec::new());
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => authorities = Some(read_authorities(&value)?),
                _ => others.push((name.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(&others);
        }
        let mut config = tokio_postgres::Config::from_str(url.as_str())
            .map_err(|error| refused(&source_of(&error)))?;
        let (ssl_mode, tls) = match mode.as_deref() {
            Some("disable") => (SslMode::Disable, Tls::Unverified),
            None | Some("prefer") => (SslMode::Prefer, Tls::Unverified),
            Some("require") => (SslMode::Require, Tls::Unverified),
            Some("verify-full") => (SslMode::Require, Tls::Verified(authorities)),
            Some(_) => {
                return Err(refused(
                    "sslmode must be disable, prefer, require or verify-full",
                ));
            }
        };
        config
            .ssl_mode(ssl_mode)
            .application_name("glasspost")
            .connect_timeout(CONNECT_MAX)
            .tcp_user_timeout(SILENCE_MAX)
            .keepalives_idle(SILENCE_MAX)
            .options(SESSION);
        let has_password = config.get_password().is_some();
        Ok(Self {
            shown: shown(url),
            open: (!has_password).then(|| text.into()),
            config,
            tls,
        })
    }

    /// The address as it was given; `None` where it says a password.
    pub fn without_secret(&self) -> Option<&str> {
        self.open.as_deref()
    }

    /// What the client library needs.
    pub(super) fn config(&self) -> tokio_postgres::Config {
        self.config.clone()
    }

    /// How connections are encrypted.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, FieldError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error.to_string()))?;
        let config = match &self.tls {
            Tls::Unverified => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Unverified::new(provider)))
                .with_no_client_auth(),
            Tls::Verified(None) => builder
                .with_platform_verifier()
                .map_err(|error| refused(&error.to_string()))?
                .with_no_client_auth(),
            Tls::Verified(Some(authorities)) => builder
                .with_webpki_verifier(verifier(authorities, &provider)?)
                .with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

fn verifier(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, FieldError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority.clone())
            .map_err(|error| refused(&format!("sslrootcert: {error}")))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| refused(&format!("sslrootcert: {error}")))
}

fn read_authorities(path: &str) -> Result<Vec<CertificateDer<'static>>, FieldError> {
    let wrong = |error: &dyn fmt::Display| refused(&format!("sslrootcert {path}: {error}"));
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong(&error))?
        .collect();
    let authorities = read.map_err(|error| wrong(&error))?;
    match authorities.is_empty() {
        true => Err(wrong(&"it holds no certificate")),
        false => Ok(authorities),
    }
}

/// The address without its password and its options.
fn shown(mut url: Url) -> Box<str> {
    // An address that can have none is refused before.
    let _ = url.set_password(None);
    url.set_query(None);
    url.as_str().into()
}

fn refused(what: &str) -> FieldError {
    FieldError::new(FIELD, what.to_owned())
}

/// What is behind the client library's own words, which say little.
pub(super) fn source_of(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows_its_password() {
        let address = Address::parse("postgres://gp:canary@db.example:5433/mail?sslmode=require");
        let address = address.unwrap();
        assert_eq!(address.to_string(), "postgres://gp@db.example:5433/mail");
        assert!(!format!("{address:?}").contains("canary"));
        assert_eq!(address.config().get_password(), Some(b"canary".as_slice()));
        assert_eq!(address.without_secret(), None);
        let open = "postgres://gp@db.example/mail?sslmode=require";
        assert_eq!(Address::parse(open).unwrap().without_secret(), Some(open));
        assert_eq!(address.config().get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn what_an_address_cannot_mean_is_refused() {
        for wrong in [
            "mysql://db.example/mail",
            "postgres//db",
            "postgres://db.example/mail?sslmode=verify-ca",
            "postgres://db.example/mail?sslmode=verify-full&sslrootcert=/nowhere/root.pem",
            "postgres://db.example/mail?colour=blue",
        ] {
            let error = Address::parse(wrong).unwrap_err().to_string();
            assert!(error.starts_with("store"), "{error}");
        }
    }
}
