//! Our side of TLS: versions, trust and our own certificate, prepared once for all connections.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use super::config::{ClientCertificate, ClientConfig, TlsMode, Trust};
use super::error::ConfigError;

/// What the connections of one connector share.
#[derive(Clone, Debug)]
pub(crate) struct TlsSetup {
    /// Versions, trust, certificate.
    pub config: Arc<rustls::ClientConfig>,
    /// Whom the certificate has to name.
    pub name: ServerName<'static>,
    /// Whether anybody looks at the certificate.
    pub certificate: CertificateCheck,
}

/// Whether the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateCheck {
    Checked,
    Unchecked,
}

/// Prepares TLS as configured; `None` when it is off.
pub(crate) fn prepare(config: &ClientConfig) -> Result<Option<TlsSetup>, ConfigError> {
    if config.tls == TlsMode::Off {
        return Ok(None);
    }
    let name = ServerName::try_from(config.host.to_string())
        .map_err(|_| ConfigError::Host(config.host.clone()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (verifier, certificate) = verifier(config, &provider)?;
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| certificate_error("TLS", &e))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let prepared = match &config.client_certificate {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let (chain, key) = own.parse()?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| certificate_error("client certificate", &e))?
        }
    };
    Ok(Some(TlsSetup {
        config: Arc::new(prepared),
        name,
        certificate,
    }))
}

type Checked = (Arc<dyn ServerCertVerifier>, CertificateCheck);

fn verifier(config: &ClientConfig, provider: &Arc<CryptoProvider>) -> Result<Checked, ConfigError> {
    let any = || Arc::new(AnyCertificate(provider.signature_verification_algorithms));
    if config.tls == TlsMode::Opportunistic {
        return Ok((any(), CertificateCheck::Unchecked));
    }
    let platform = match &config.trust {
        Trust::DangerousAcceptAnyCertificate => return Ok((any(), CertificateCheck::Unchecked)),
        Trust::Platform => Verifier::new(Arc::clone(provider)),
        Trust::PlatformAnd(pem) => {
            let extra = certificates(pem, "extra certificate authorities")?;
            Verifier::new_with_extra_roots(extra, Arc::clone(provider))
        }
    };
    let platform = platform.map_err(|e| certificate_error("certificate authorities", &e))?;
    Ok((Arc::new(platform), CertificateCheck::Checked))
}

fn certificates(
    pem: &[u8],
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(certificate_error(what, &"no certificate in the PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(certificate_error(what, &error)),
    }
}

fn certificate_error(what: &'static str, problem: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::Certificate {
        what,
        problem: problem.to_string().into(),
    }
}

impl ClientCertificate {
    fn parse(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
        let chain = certificates(&self.chain_pem, "client certificate")?;
        // The parser's own words could repeat a part of the key.
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.expose().as_bytes())
            .map_err(|_| certificate_error("client key", &"no private key in the PEM"))?;
        Ok((chain, key))
    }
}

/// Takes any certificate, but still has the server prove that it holds its key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
