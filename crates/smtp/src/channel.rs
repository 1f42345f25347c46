//! A connection's bytes, in clear or inside TLS, for both roles.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// A stream that may be inside TLS.
#[derive(Debug)]
pub(crate) enum Channel<S> {
    /// As it is.
    Plain(S),
    /// Inside TLS.
    Tls(Box<TlsStream<S>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Starts TLS as a client.
    pub(crate) async fn connect_tls(
        stream: S,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let secured = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Self::Tls(Box::new(secured.into())))
    }

    /// Starts TLS as a server.
    pub(crate) async fn accept_tls(
        stream: S,
        config: Arc<rustls::ServerConfig>,
    ) -> io::Result<Self> {
        let secured = TlsAcceptor::from(config).accept(stream).await?;
        Ok(Self::Tls(Box::new(secured.into())))
    }

    /// TLS version and cipher suite, as in `TLSv1.3 AES_256_GCM_SHA384`.
    pub(crate) fn tls_summary(&self) -> Option<String> {
        let Self::Tls(stream) = self else { return None };
        let (_, state) = stream.get_ref();
        let version = state.protocol_version()?.as_str()?.replace('_', ".");
        let suite = state.negotiated_cipher_suite()?.suite();
        let suite = suite.as_str()?.trim_start_matches("TLS13_");
        Some(format!("{version} {}", suite.trim_start_matches("TLS_")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
