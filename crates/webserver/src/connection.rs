//! One client's connection, from its first byte to its last.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, Parts};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::client::Peer;
use crate::front::Front;

/// Longest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// What is kept of a request before it is read, and of an answer before the client takes more.
const BUFFER_BYTES_MAX: usize = 32 * 1024;
/// How long a client that still sends is listened to after the last answer.
const LINGER: Duration = Duration::from_secs(1);
/// How much of it is read.
const LINGER_BYTES_MAX: u64 = 1024 * 1024;

type Io = TokioIo<Pin<Box<TimeoutStream<TcpStream>>>>;

/// The requests of one connection.
struct Requests {
    front: Arc<Front>,
    peer: Peer,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (front, peer) = (Arc::clone(&self.front), self.peer);
        Box::pin(async move { Ok(front.answer(peer, request).await) })
    }
}

/// Serves a connection until the client ends it, breaks a limit, or `stop` and the grace are over.
pub async fn serve(stream: TcpStream, peer: Peer, front: Arc<Front>, stop: CancellationToken) {
    let (limits, requests) = (front.limits.clone(), Requests { front, peer });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_timeout));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), requests);
    let mut ended = stop
        .run_until_cancelled(poll_fn(|context| connection.poll_without_shutdown(context)))
        .await;
    if ended.is_none() {
        Pin::new(&mut connection).graceful_shutdown();
        let rest = poll_fn(|context| connection.poll_without_shutdown(context));
        ended = timeout(limits.grace, rest).await.ok();
    }
    if let Some(ended) = ended {
        close(connection.into_parts(), ended).await;
    }
}

async fn close(parts: Parts<Io, Requests>, ended: hyper::Result<()>) {
    let stream = parts.io.into_inner();
    match ended {
        Ok(()) => linger(stream).await,
        Err(error) if is_stalled(&error) => {
            tracing::debug!(peer = %parts.service.peer.0, "dropped a client that reads no answer");
            // What it does not read would stay in the kernel for minutes.
            let _ = stream.get_ref().set_zero_linger();
        }
        Err(error) => {
            tracing::debug!(%error, peer = %parts.service.peer.0, "a connection ended early");
            if error.is_parse() {
                linger(stream).await;
            }
        }
    }
}

/// Ends our side, then reads on for a moment: a client that still sends would otherwise be reset, perhaps before it
/// read our answer (RFC 9112 §9.6).
async fn linger(mut stream: Pin<Box<TimeoutStream<TcpStream>>>) {
    let rest = async {
        stream.shutdown().await?;
        copy(&mut stream.take(LINGER_BYTES_MAX), &mut sink()).await
    };
    let _ = timeout(LINGER, rest).await;
}

fn is_stalled(error: &hyper::Error) -> bool {
    let reason = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    reason.is_some_and(|reason| reason.kind() == io::ErrorKind::TimedOut)
}
