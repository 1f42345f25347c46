//! Listens, lets connections in as far as the limits go, and ends gracefully.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::bind::BindError;
use crate::client::{Crowd, Peer};
use crate::connection;
use crate::front::Front;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1_024;
/// What the kernel may hold of one client's answers: on its way and waiting. Less than two packets of a loopback
/// interface (64 KiB each) would leave each one waiting for a confirmation that its receiver delays by 40 ms.
const SEND_BUFFER_BYTES: u32 = 256 * 1024;
/// What the kernel takes of an answer beyond what the client has room for. It is small, so that a client that reads
/// nothing shows within seconds.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 16 * 1024;
/// How long a client may confirm nothing of what was sent: then its machine or its network is gone.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: Duration = Duration::from_secs(60);
/// How long accepting rests when the system has no more files or memory for it.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A server that is bound, and not serving yet: what connects now is answered when it does.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on an address; port 0 lets the system choose. An error names `flag`, such as `--port`, as what chooses
    /// another port.
    pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<Self, BindError> {
        let listening = listener(address).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        });
        listening.map_err(|reason| BindError::new(address, flag, reason))
    }

    /// Where it listens, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the routes to whom `access` lets ask, until `stop`. It returns when the last connection is closed, at
    /// most the grace and a second later.
    pub async fn serve(
        self,
        router: Router,
        access: Access,
        limits: Limits,
        stop: CancellationToken,
    ) {
        let places = limits.connections_max.min(Semaphore::MAX_PERMITS);
        let mut door = Door {
            listener: self.listener,
            free: Arc::new(Semaphore::new(places)),
            crowd: Arc::default(),
            is_in_trouble: false,
        };
        let per_client_max = limits.connections_per_client_max;
        let front = Arc::new(Front::new(router, access, limits, self.address.port()));
        let connections = TaskTracker::new();
        while let Some((permit, stream, peer)) = stop.run_until_cancelled(door.next()).await {
            let Some(place) = door.crowd.enter(peer.client(), per_client_max) else {
                turn_away(stream);
                continue;
            };
            let served = connection::serve(stream, peer, Arc::clone(&front), stop.clone());
            connections.spawn(async move {
                served.await;
                drop((permit, place));
            });
        }
        drop(door);
        connections.close();
        connections.wait().await;
    }
}

/// Where connections come in.
struct Door {
    listener: TcpListener,
    free: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    is_in_trouble: bool,
}

impl Door {
    /// The next connection, once there is a place for it.
    async fn next(&mut self) -> (Option<OwnedSemaphorePermit>, TcpStream, Peer) {
        // It is never closed, so there is always a permit in the end.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    self.is_in_trouble = false;
                    // Without it a small event waits for the confirmation of the one before.
                    let _ = stream.set_nodelay(true);
                    return (permit, stream, Peer::new(from.ip()));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// Waits a little, since what is missing comes back when some connection ends. The trouble is logged when it begins.
    async fn rest(&mut self, error: &io::Error) {
        if !self.is_in_trouble {
            tracing::error!(%error, "no connection can be accepted; it is tried on");
        }
        self.is_in_trouble = true;
        sleep(ACCEPT_REST).await;
    }
}

/// Whether a connection was gone before it was accepted (accept(2)), which says nothing of the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A port whose last connections are still ending can be had again at once.
    socket.set_reuseaddr(true)?;
    // All of this is inherited by every connection that is accepted.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(&socket);
        socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
        socket.set_tcp_user_timeout(Some(VANISHED_AFTER))?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Says why, as far as that goes without waiting: the connection is closed in any case.
fn turn_away(stream: TcpStream) {
    let json = Refusal::too_many("your address holds too many connections: close some", 1).json();
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-content-type-options: nosniff\r\ncache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\n\r\n{json}",
        json.len()
    );
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(answer.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn connections_inherit_what_tells_of_a_stalled_or_vanished_client() {
        let listener = listener("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (_client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let accepted = accepted.unwrap().0;
        let socket = SockRef::from(&accepted);
        // Linux doubles what it is asked for, for its own books (socket(7)).
        assert_eq!(
            socket.send_buffer_size().unwrap(),
            2 * SEND_BUFFER_BYTES as usize
        );
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT_BYTES_MAX);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(VANISHED_AFTER));
    }
}
