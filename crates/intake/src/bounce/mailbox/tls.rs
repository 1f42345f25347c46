//! TLS for mailboxes: versions and trust, prepared once for all visits.

use std::fmt::Display;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;

use super::settings::{BadSettings, Settings, Trust};

/// Whose certificates are believed, read once for all mailboxes.
#[derive(Clone, Debug)]
pub struct Trusted(Arc<rustls::ClientConfig>);

/// What the connections to one server share.
#[derive(Clone)]
pub(super) struct Tls {
    pub connector: TlsConnector,
    /// Whom the certificate has to name.
    pub name: ServerName<'static>,
}

impl Trusted {
    /// Reads the authorities.
    ///
    /// # Errors
    /// They cannot be read, or TLS cannot be prepared.
    pub fn prepare(trust: &Trust) -> Result<Self, BadSettings> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = match trust {
            Trust::Platform => Verifier::new(Arc::clone(&provider)),
            Trust::PlatformAnd(pem) => {
                Verifier::new_with_extra_roots(authorities(pem)?, Arc::clone(&provider))
            }
        };
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.map_err(unusable)?))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

impl Tls {
    pub fn prepare(settings: &Settings) -> Result<Self, BadSettings> {
        let name = ServerName::try_from(settings.host.to_string())
            .map_err(|_| BadSettings::Host(settings.host.clone()))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::clone(&settings.trust.0)),
            name,
        })
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadSettings> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(unusable)?;
    match found.is_empty() {
        true => Err(unusable("no certificate in the PEM")),
        false => Ok(found),
    }
}

fn unusable(problem: impl Display) -> BadSettings {
    BadSettings::Authorities(problem.to_string().into())
}
