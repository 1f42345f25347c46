//! A connection's bytes, in clear or inside TLS, for both roles.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// What a connection of the client runs over.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Tells the other side's system at once that its bytes arrived, where that makes a difference.
    ///
    /// A server that writes its replies in two pieces and leaves Nagle's algorithm on (Postfix does both)
    /// waits with the second until the first is acknowledged, and a system that has nothing to send does
    /// that 40 ms later.
    fn acknowledge(&self) {}
}

impl Transport for TcpStream {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn acknowledge(&self) {
        // Without it the replies still come, only later.
        let _ = self.set_quickack(true);
    }
}

impl Transport for DuplexStream {}

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

impl<S: Transport> Channel<S> {
    /// See [`Transport::acknowledge`].
    pub(crate) fn acknowledge(&self) {
        match self {
            Self::Plain(stream) => stream.acknowledge(),
            Self::Tls(stream) => stream.get_ref().0.acknowledge(),
        }
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
