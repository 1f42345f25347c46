//! The sink's certificate: read from files, or made for this run.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The names a made certificate is for.
const SELF_SIGNED_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A server's side of TLS from a chain and a key in PEM files.
pub fn from_files(chain: &Path, key: &Path) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let unreadable = |path: &Path| format!("cannot read PEM from {}", path.display());
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .with_context(|| unreadable(chain))?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| unreadable(key))?;
    config(certificates, key)
}

/// A certificate of our own; gives it in PEM too, for those who are to believe it.
pub fn self_signed() -> anyhow::Result<(Arc<rustls::ServerConfig>, String)> {
    let made = rcgen::generate_simple_self_signed(SELF_SIGNED_NAMES.map(str::to_owned))
        .context("cannot make a certificate")?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| anyhow::anyhow!("cannot make a certificate: {error}"))?;
    let config = config(vec![made.cert.der().clone()], key)?;
    Ok((config, made.cert.pem()))
}

fn config(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .context("the certificate and the key do not go together")?;
    Ok(Arc::new(config))
}
