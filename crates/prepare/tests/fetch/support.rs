//! A small HTTP server on loopback, a fetcher that may reach it, and short ways to ask.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{
    BaseUrl, Clock, Secret, Storage, StorageName, StorageProtocol, Tenant, TenantId, Timestamp,
};
use prepare::{
    AttachmentRequest, CacheSettings, FetchError, FetchLimits, Fetched, Fetcher, Mount, Roots,
    TenantSource,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use webclient::{Settings, WebClient};

/// What the server does once it has read a request.
#[derive(Clone)]
pub enum Reply {
    /// Answers with this status, these header lines and this body.
    Say(u16, String, Vec<u8>),
    /// Says 200 and then nothing more.
    Stall,
    /// Sends pieces of a body without end and without saying how long it is.
    Endless,
}

impl Reply {
    pub fn ok(body: &[u8]) -> Self {
        Self::Say(200, String::new(), body.to_vec())
    }

    pub fn status(status: u16) -> Self {
        Self::Say(status, String::new(), Vec::new())
    }

    pub fn redirect(to: &str) -> Self {
        Self::Say(302, format!("location: {to}\r\n"), Vec::new())
    }
}

/// A server that gives the same reply to all, once the gate lets them through.
pub struct Server {
    pub port: u16,
    gate: Arc<Semaphore>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    pub async fn start(reply: Reply) -> Self {
        let server = Self::closed(reply).await;
        server.open();
        server
    }

    /// Reads requests but answers none until it is opened.
    pub async fn closed(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (gate, requests) = (Arc::new(Semaphore::new(0)), Arc::default());
        let server = Self {
            port,
            gate: Arc::clone(&gate),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reply, gate) = (reply.clone(), Arc::clone(&gate));
                tokio::spawn(serve(stream, reply, gate, Arc::clone(&requests)));
            }
        });
        server
    }

    pub fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The requests as they came, heads in the case they were sent in.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| String::from_utf8_lossy(request).into_owned())
            .collect()
    }

    pub fn raw_request(&self, index: usize) -> Vec<u8> {
        self.requests.lock().unwrap()[index].clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub async fn wait_for_requests(&self, count: usize) {
        let arrived = async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), arrived)
            .await
            .expect("requests within ten seconds");
    }
}

async fn serve(
    mut stream: TcpStream,
    reply: Reply,
    gate: Arc<Semaphore>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    requests.lock().unwrap().push(request);
    let _through = gate.acquire().await;
    match reply {
        Reply::Say(status, headers, body) => {
            let head = format!(
                "HTTP/1.1 {status} Because\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.shutdown().await
        }
        Reply::Stall => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx")
                .await?;
            stream.read_to_end(&mut Vec::new()).await.map(drop)
        }
        Reply::Endless => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            let piece = [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat();
            loop {
                stream.write_all(&piece).await?;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(end) = text.find("\r\n\r\n") {
            let announced = text[..end]
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let size = announced.map_or(0, |size| size.parse().unwrap());
            let head = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap()
                + 4;
            if bytes.len() - head >= size || count == 0 {
                return Ok(bytes);
            }
        }
    }
}

/// How a test wants its fetcher.
pub struct Wishes {
    pub allowed: Vec<&'static str>,
    pub roots: Roots,
    pub cache: CacheSettings,
    pub limits: FetchLimits,
    pub clock: Clock,
}

impl Default for Wishes {
    /// May reach 127.0.0.1, opens no folder, at most 100,000 bytes within two seconds.
    fn default() -> Self {
        Self {
            allowed: vec!["127.0.0.1"],
            roots: Roots::default(),
            cache: CacheSettings::default(),
            limits: FetchLimits {
                each_bytes_max: 100_000,
                deadline: Duration::from_secs(2),
                ..FetchLimits::default()
            },
            clock: Clock::manual(Timestamp::from_millis(1_800_000_000_000)),
        }
    }
}

impl Wishes {
    pub fn fetcher(self) -> Fetcher {
        let web = web(&self.allowed);
        Fetcher::new(web, self.roots, &self.cache, self.limits, self.clock).unwrap()
    }
}

pub fn web(allowed: &[&str]) -> WebClient {
    let settings = Settings {
        allowed: allowed.iter().map(|entry| entry.parse().unwrap()).collect(),
        ..Settings::default()
    };
    WebClient::new(settings).unwrap()
}

pub fn request(json: Value) -> AttachmentRequest {
    serde_json::from_value(json).unwrap()
}

/// Asks for `path` under the name `file.pdf`.
pub async fn fetch(
    fetcher: &Fetcher,
    tenant: &TenantSource,
    path: &str,
) -> Result<Fetched, FetchError> {
    let json = serde_json::json!({"filename": "file.pdf", "storage_path": path});
    fetcher.fetch(tenant, &request(json)).await
}

/// A tenant whose endpoint is `server`.
pub fn tenant_at(server: &Server, id: &str) -> TenantSource {
    let mut source = tenant(id);
    source.client.base_url = Some(BaseUrl::parse(&server.url("")).unwrap());
    source
}

/// A tenant without an endpoint and without storages.
pub fn tenant(id: &str) -> TenantSource {
    let id = TenantId::parse(id).unwrap();
    let tenant = Tenant::new(id, Timestamp::from_millis(0));
    TenantSource::new(&tenant, &[]).unwrap()
}

/// Gives `tenant` a storage, as it is kept.
pub fn mount(tenant: &mut TenantSource, name: &str, protocol: StorageProtocol, config: &Value) {
    let storage = Storage {
        tenant: tenant.id.clone(),
        name: StorageName::parse(name).unwrap(),
        protocol,
        config: Secret::new(config.to_string()),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    };
    tenant
        .mounts
        .insert(name.to_owned(), Mount::of(&storage).unwrap());
}
