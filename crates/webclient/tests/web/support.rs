//! Small servers, a canary and a DNS of our own: all that the tests need of a network, on loopback.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use webclient::{Lookup, Resolver, Settings, WebClient};

/// What a server does with one connection after it has read the request.
#[derive(Clone)]
pub enum Reply {
    /// Writes this and closes.
    Say(String),
    /// Writes this and keeps the connection open without another byte.
    Stall(String),
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply::with(status, "", "")
    }

    pub fn ok(body: &str) -> Reply {
        Reply::with(200, "", body)
    }

    pub fn redirect(to: &str) -> Reply {
        Reply::with(302, &format!("location: {to}\r\n"), "")
    }

    /// A whole answer with these header lines, each ending in CRLF.
    pub fn with(status: u16, headers: &str, body: &str) -> Reply {
        let size = body.len();
        Reply::Say(format!(
            "HTTP/1.1 {status} Because\r\ncontent-length: {size}\r\nconnection: close\r\n{headers}\r\n{body}"
        ))
    }
}

/// An HTTP server that gives its replies in order, one a connection, the last one for ever.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(replies: Vec<Reply>) -> Server {
        Server::launch(
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            replies,
            None,
        )
    }

    pub async fn start_tls(replies: Vec<Reply>, acceptor: TlsAcceptor) -> Server {
        Server::launch(
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            replies,
            Some(acceptor),
        )
    }

    fn launch(listener: TcpListener, replies: Vec<Reply>, tls: Option<TlsAcceptor>) -> Server {
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            for turn in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let reply = replies[turn.min(replies.len() - 1)].clone();
                let (seen, tls) = (Arc::clone(&seen), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, reply, &seen).await,
                        Some(tls) => serve(tls.accept(stream).await?, reply, &seen).await,
                    }
                });
            }
        });
        Server { port, requests }
    }

    /// The requests read so far: their heads in lower case as sent, then their bodies.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A URL of this server under any name that the test's DNS knows.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    reply: Reply,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    seen.lock().unwrap().push(request);
    let (Reply::Say(text) | Reply::Stall(text)) = &reply;
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await?;
    if matches!(reply, Reply::Stall(_)) {
        // Until the client has had enough.
        stream.read_to_end(&mut Vec::new()).await?;
    }
    stream.shutdown().await
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut text = String::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await?;
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let announced = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= announced.map_or(0, |size| size.parse().unwrap()) || count == 0 {
            return Ok(text);
        }
    }
}

/// Listens on loopback where no request may ever arrive, and counts those that do.
pub struct Canary {
    pub port: u16,
    addresses: Vec<SocketAddr>,
    count: Arc<AtomicUsize>,
}

impl Canary {
    pub async fn start() -> Canary {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        let others = [
            Ipv4Addr::new(127, 0, 0, 2).into(),
            Ipv4Addr::new(127, 1, 2, 3).into(),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        for address in others {
            // A machine without IPv6 has nothing to guard there.
            listeners.extend(TcpListener::bind((address, port)).await.ok());
        }
        let addresses = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        let canary = Canary {
            port,
            addresses,
            count: Arc::default(),
        };
        listeners
            .into_iter()
            .for_each(|listener| canary.watch(listener));
        canary
    }

    fn watch(&self, listener: TcpListener) {
        let count = Arc::clone(&self.count);
        tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                drop(stream);
            }
        });
    }

    /// How many connections came since the last question. Connections are accepted in their order
    /// and counted before they are closed: once a probe of our own is closed at each address, all
    /// earlier ones have been counted.
    pub async fn connections(&self) -> usize {
        for address in &self.addresses {
            let mut probe = TcpStream::connect(address).await.unwrap();
            assert_eq!(probe.read(&mut [0]).await.unwrap(), 0);
        }
        self.count.swap(0, Ordering::SeqCst) - self.addresses.len()
    }
}

type Answer = dyn Fn(&str, usize) -> Vec<IpAddr> + Send + Sync;

/// A DNS that answers as the test wishes, told the name and how many questions came before.
#[derive(Clone)]
pub struct Dns {
    answer: Arc<Answer>,
    asked: Arc<AtomicUsize>,
}

impl Dns {
    pub fn new(answer: impl Fn(&str, usize) -> Vec<IpAddr> + Send + Sync + 'static) -> Dns {
        Dns {
            answer: Arc::new(answer),
            asked: Arc::default(),
        }
    }

    /// Every name is this machine.
    pub fn all_loopback() -> Dns {
        Dns::new(|_, _| vec![Ipv4Addr::LOCALHOST.into()])
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for Dns {
    fn lookup(&self, host: &str) -> Lookup {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let found = (self.answer)(host, turn);
        Box::pin(async move { Ok(found) })
    }
}

/// Settings whose names all lead to loopback, with the policy's default: public targets only.
pub fn settings() -> Settings {
    Settings {
        resolver: Arc::new(Dns::all_loopback()),
        connect_timeout: Duration::from_secs(5),
        ..Settings::default()
    }
}

/// A client that may reach these names only.
pub fn client_for(hosts: &[&str]) -> WebClient {
    let allowed = hosts.iter().map(|host| host.parse().unwrap()).collect();
    WebClient::new(Settings {
        allowed,
        ..settings()
    })
    .unwrap()
}
