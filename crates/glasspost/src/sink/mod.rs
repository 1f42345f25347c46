//! A receiver for tests: a whole SMTP server that does with mail what its rules say, and counts.
//!
//! - [`rules`], [`rule_text`], [`pattern`]: pure: what happens to whom, and how that is written
//! - [`visit`]: one connection's decisions
//! - [`counts`], [`record`]: what is told of it afterwards
//! - [`tls`]: certificates, given or made

pub mod counts;
mod pattern;
pub mod record;
pub mod rule_text;
pub mod rules;
pub mod tls;
mod visit;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use model::{Clock, Secret};
use smtp::security::Peer;
use smtp::server::{ServerConfig, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use counts::Counts;
use record::Keeping;
use rules::Rules;
use visit::Visit;

/// Connections at once; further ones wait.
const CONNECTIONS_MAX: u32 = 4_096;
/// How long to wait before the next connection when the system cannot give one, as when files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long open connections may take to end after a stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What a sink does.
pub struct Settings {
    /// How it speaks SMTP.
    pub server: ServerConfig,
    /// What happens to whom.
    pub rules: Rules,
    /// Who has to log in, if anybody.
    pub login: Option<Login>,
    /// What is kept of accepted messages.
    pub keeping: Keeping,
    /// A line of counts after every so many messages.
    pub count_every: Option<u64>,
}

/// The one login.
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A listening sink.
pub struct Sink {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    settings: Settings,
    counts: Arc<Counts>,
    clock: Clock,
    stop: CancellationToken,
    connections: AtomicU64,
}

impl Sink {
    /// Starts to listen. `stop` ends it.
    pub async fn bind(
        listen: SocketAddr,
        settings: Settings,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let shared = Shared {
            settings,
            counts: Arc::default(),
            clock: Clock::system(),
            stop,
            connections: AtomicU64::new(0),
        };
        Ok(Self {
            listener,
            shared: Arc::new(shared),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// The counts, which go on while it runs.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.shared.counts)
    }

    /// Receives until the stop, then lets open connections end.
    pub async fn run(self) {
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
        loop {
            let accepted = tokio::select! {
                () = self.shared.stop.cancelled() => break,
                accepted = accept(&self.listener, &free) => accepted,
            };
            let Some((stream, address, permit)) = accepted else {
                break;
            };
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                receive(&shared, stream, Peer::of(address.ip())).await;
                drop(permit);
            });
        }
        let ended = free.acquire_many(CONNECTIONS_MAX);
        let _ = tokio::time::timeout(STOP_GRACE, ended).await;
    }
}

/// The next connection, when there is room for one.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return Some((stream, address, permit)),
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn receive(shared: &Arc<Shared>, stream: TcpStream, peer: Peer) {
    // Without this each small reply waits for the ACK of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the connection was gone at once");
        return;
    }
    let number = shared.connections.fetch_add(1, Ordering::Relaxed);
    shared.counts.connected();
    let mut visit = Visit::new(Arc::clone(shared), number);
    let stop = shared.stop.cancelled();
    if let Err(error) = serve(stream, peer, &shared.settings.server, &mut visit, stop).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
