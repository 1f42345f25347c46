//! A running API, those who send and report for it, and a client.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use intake::proxy::keys::DirectoryKeys;
use intake::proxy::{Proxy, ProxySettings, SyncControl, Unanswered, Wakes, router};
use model::account::{Account, AccountId, AccountPk, Host};
use model::{Clock, EventKind, Line, Message, Secret, Seq, Tenant, TenantId, Timestamp};
use observe::reports::SyncStatus;
use serde_json::{Value, json};
use store::directory::KeyHash;
use store::submissions::{ClientId, Followed};
use store::{
    Directory, KeySource, LaneKey, Lease, NewEvent, SqliteStore, Statistics, Store, Submissions,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webserver::{Access, Gate, Limits, Server};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_355_000_000);
/// The administrator's token.
pub const ADMIN: &str = "admin-token-of-the-tests";
/// Longer than anything here takes that goes well.
const PATIENCE: Duration = Duration::from_secs(60);
/// The base64 of 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Remembers what it was asked for.
#[derive(Default)]
pub struct Sending {
    pub wakes: AtomicUsize,
    pub recalls: AtomicUsize,
    pub looks_around: AtomicUsize,
    /// Whether another process that delivers does not answer.
    pub is_unanswered: AtomicBool,
    /// What another process has begun, and told nobody yet.
    pub untold: Mutex<HashSet<Seq>>,
    pub looked_at: Mutex<Vec<AccountPk>>,
    pub now: Mutex<HashSet<Seq>>,
    pub held: Mutex<HashSet<AccountPk>>,
    /// Held by a test that makes who recalls wait.
    pub recalling: tokio::sync::Mutex<()>,
    is_suspended: AtomicBool,
}

impl Sending {
    fn answered(&self) -> Result<(), Unanswered> {
        match self.is_unanswered.load(Ordering::Relaxed) {
            true => Err(Unanswered),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Wakes for Sending {
    fn wake(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }

    fn look_at(&self, account: AccountPk) {
        self.looked_at.lock().unwrap().push(account);
    }

    async fn recall(&self) -> Result<(), Unanswered> {
        self.recalls.fetch_add(1, Ordering::Relaxed);
        let _may_go_on = self.recalling.lock().await;
        self.answered()
    }

    async fn look_around(&self) -> Result<(), Unanswered> {
        self.looks_around.fetch_add(1, Ordering::Relaxed);
        let told = std::mem::take(&mut *self.untold.lock().unwrap());
        self.now.lock().unwrap().extend(told);
        self.answered()
    }

    async fn hold(&self, accounts: &[AccountPk]) -> Result<(), Unanswered> {
        self.held.lock().unwrap().extend(accounts);
        Ok(())
    }

    fn let_go(&self, accounts: &[AccountPk]) {
        let mut held = self.held.lock().unwrap();
        for account in accounts {
            assert!(held.remove(account), "it is not held");
        }
    }

    fn is_sending(&self, message: Seq) -> bool {
        self.now.lock().unwrap().contains(&message)
    }

    fn is_sending_of(&self, _: AccountPk) -> bool {
        !self.now.lock().unwrap().is_empty()
    }

    async fn activate(&self) -> store::Result<()> {
        self.is_suspended.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn suspend(&self) -> store::Result<()> {
        self.is_suspended.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_active(&self) -> bool {
        !self.is_suspended.load(Ordering::Relaxed)
    }

    fn account_changed(&self, _: AccountPk) {}
}

/// Remembers who was to be reported to.
#[derive(Default)]
pub struct Reporting(pub Mutex<Vec<Option<TenantId>>>);

impl SyncControl for Reporting {
    fn run_now(&self, tenant: Option<TenantId>) {
        self.0.lock().unwrap().push(tenant);
    }

    fn status(&self) -> Vec<SyncStatus> {
        Vec::new()
    }
}

/// A running API.
pub struct Running {
    pub store: Arc<SqliteStore>,
    pub sending: Arc<Sending>,
    pub reporting: Arc<Reporting>,
    pub bounces_changed: Arc<Notify>,
    pub clock: Clock,
    pub folder: TempDir,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts the API on an empty data file.
pub async fn start() -> Running {
    start_with(ProxySettings::default()).await
}

/// The same with other settings.
pub async fn start_with(settings: ProxySettings) -> Running {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let source = KeySource::Given(Secret::new(KEY));
    let store = Arc::new(SqliteStore::open_with_key(folder.path(), &source).unwrap());
    let (sending, reporting) = (Arc::<Sending>::default(), Arc::<Reporting>::default());
    let bounces_changed = Arc::<Notify>::default();
    let clock = Clock::manual(START);
    let keys = DirectoryKeys {
        directory: Arc::clone(&store) as Arc<dyn Directory>,
        admin: Some(KeyHash::of(&Secret::new(ADMIN))),
        clock: clock.clone(),
    };
    let router = router(Proxy {
        submissions: Arc::clone(&store) as Arc<dyn Submissions>,
        directory: Arc::clone(&store) as Arc<dyn Directory>,
        store: Arc::clone(&store) as Arc<dyn Store>,
        statistics: Arc::clone(&store) as Arc<dyn Statistics>,
        sending: Arc::clone(&sending) as Arc<dyn Wakes>,
        reports: Arc::clone(&reporting) as Arc<dyn SyncControl>,
        bounces_changed: Arc::clone(&bounces_changed),
        gate: Gate::new(Arc::new(keys)),
        clock: clock.clone(),
        settings,
    });
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), "--port")
        .await
        .unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    tokio::spawn(server.serve(
        router,
        Access::loopback(),
        Limits::for_programs(),
        stop.clone(),
    ));
    Running {
        store,
        sending,
        reporting,
        bounces_changed,
        clock,
        folder,
        address,
        stop,
    }
}

/// The API with other settings, and the tenant `acme` as below.
pub async fn start_acme_with(settings: ProxySettings) -> Running {
    let running = start_with(settings).await;
    running.add_tenant("acme").await;
    running
}

/// The same with the tenant `acme` and its account `main`, whose key is [`key_of`].
pub async fn start_with_acme() -> Running {
    start_acme_with(ProxySettings::default()).await
}

/// The key that a tenant of these tests has.
pub fn key_of(tenant: &str) -> String {
    format!("key-of-{tenant}")
}

pub fn tenant_id(text: &str) -> TenantId {
    TenantId::parse(text).unwrap()
}

/// A message that can be taken.
pub fn message(id: &str) -> Value {
    json!({
        "id": id,
        "account_id": "main",
        "from": "sender@example.org",
        "to": ["ada@example.net"],
        "subject": "Hello",
        "body": "Hello, Ada",
    })
}

/// The same with fields that are set, or taken away by `null`.
pub fn message_with(id: &str, fields: Value) -> Value {
    let mut message = message(id);
    for (name, value) in fields.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub text: String,
}

impl Reply {
    /// The body, which has to be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of an answer that is fine.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// What a refusal says, with its status.
    pub fn refused(&self) -> (u16, Value) {
        assert!(self.status >= 400, "{self:?}");
        (self.status, self.json()["detail"].clone())
    }

    /// Where the first field stands that is wrong.
    pub fn wrong_field(&self) -> String {
        assert_eq!(self.status, 422, "{self:?}");
        let loc = self.json()["detail"][0]["loc"].clone();
        let steps = loc.as_array().unwrap().iter();
        let steps = steps.map(|step| step.as_str().map_or(step.to_string(), str::to_owned));
        steps.collect::<Vec<_>>().join(".")
    }
}

impl Running {
    // === The client ===

    pub async fn get(&self, token: &str, target: &str) -> Reply {
        self.ask("GET", token, target, b"").await
    }

    pub async fn post(&self, token: &str, target: &str, body: &Value) -> Reply {
        self.ask("POST", token, target, body.to_string().as_bytes())
            .await
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, method: &str, token: &str, target: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let token = match token {
            "" => String::new(),
            token => format!("X-API-Token: {token}\r\n"),
        };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let exchange = async {
            stream.write_all(head.as_bytes()).await.unwrap();
            // Whoever is refused early is not read to the end.
            let _ = stream.write_all(body).await;
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            bytes
        };
        parsed(&timeout(PATIENCE, exchange).await.unwrap())
    }

    /// A request whose client goes away, once something has come of it.
    pub async fn ask_and_leave(
        &self,
        method: &str,
        token: &str,
        target: &str,
        begun: impl AsyncFn() -> bool,
    ) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-API-Token: {token}\r\nContent-Length: 0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        until(begun).await;
        drop(stream);
        // What the server is asked later it answers later: it has seen that the client is gone.
        self.get(ADMIN, "/tenants").await.ok();
    }

    /// A request of whose answer only the beginning is read.
    pub async fn begin_to_read(&self, token: &str, target: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX-API-Token: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let begun = timeout(PATIENCE, stream.read_u8()).await.unwrap();
        assert_eq!(begun.unwrap(), b'H');
        stream
    }

    /// Hands messages over as `acme`, which all have to be taken.
    pub async fn hand_over(&self, messages: &[Value]) {
        let body = json!({ "messages": messages });
        let answer = self
            .post(&key_of("acme"), "/commands/add-messages", &body)
            .await
            .ok();
        assert_eq!(answer["rejected"], json!([]), "{answer}");
        assert_eq!(answer["queued"], messages.len());
    }

    // === The directory ===

    /// A tenant with a key and the account `main`.
    pub async fn add_tenant(&self, id: &str) {
        let mut tenant = Tenant::new(tenant_id(id), START);
        tenant.name = Some(Line::parse("name", &format!("Name of {id}")).unwrap());
        self.store.put_tenant(tenant).await.unwrap();
        let hash = KeyHash::of(&Secret::new(key_of(id)));
        self.store
            .add_key(&tenant_id(id), hash, None, START)
            .await
            .unwrap();
        self.add_account(id, "main").await;
    }

    pub async fn add_account(&self, tenant: &str, id: &str) {
        let account = Account::new(
            tenant_id(tenant),
            AccountId::parse(id).unwrap(),
            Host::parse("host", "smtp.example.org").unwrap(),
            NonZeroU16::new(25).unwrap(),
            START,
        );
        self.store.put_account(account).await.unwrap();
    }

    /// Whether a text can be read in the files of the data folder.
    pub fn is_readable_on_disk(&self, text: &str) -> bool {
        let mut paths = vec![self.folder.path().to_owned()];
        let mut is_found = false;
        while let Some(path) = paths.pop() {
            match path.is_dir() {
                true => paths.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path())),
                false => {
                    let bytes = std::fs::read(path).unwrap();
                    is_found |= bytes
                        .windows(text.len())
                        .any(|window| window == text.as_bytes());
                }
            }
        }
        is_found
    }

    // === The mail ===

    pub async fn followed(&self, tenant: &str, id: &str) -> Option<Followed> {
        let id = ClientId::parse("id", id).unwrap();
        self.store
            .submission(&tenant_id(tenant), &id)
            .await
            .unwrap()
    }

    /// What the messages of a submission are.
    pub async fn messages_of(&self, tenant: &str, id: &str) -> Vec<Message> {
        let followed = self.followed(tenant, id).await.unwrap();
        followed
            .messages
            .into_iter()
            .map(|one| one.message)
            .collect()
    }

    /// The lane of a tenant's account `main`.
    pub async fn lease(&self, tenant: &str) -> Lease {
        let account = AccountId::parse("main").unwrap();
        let known = self
            .store
            .account(&tenant_id(tenant), &account)
            .await
            .unwrap()
            .unwrap();
        self.store.lease(LaneKey::account(known.pk)).await.unwrap()
    }

    /// Records something of a message.
    pub async fn record(&self, lease: &Lease, message: &Message, event: NewEvent) {
        assert_eq!(message.lane, lease.lane);
        assert_eq!(self.store.record(lease, vec![event]).await.unwrap(), 0);
    }

    /// Records that all messages of a submission were delivered.
    pub async fn deliver(&self, tenant: &str, id: &str) {
        let lease = self.lease(tenant).await;
        for message in self.messages_of(tenant, id).await {
            let event = new_event(&message, EventKind::Delivered, START);
            self.record(&lease, &message, event).await;
        }
        self.store.release(lease).await.unwrap();
    }
}

/// Waits for what has to come.
pub async fn until(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

/// An event after one attempt.
pub fn new_event(message: &Message, kind: EventKind, at: Timestamp) -> NewEvent {
    NewEvent {
        message: Arc::new(message.clone()),
        kind,
        at,
        attempts: 1,
        due_at: None,
        attempt: None,
        reason: None,
    }
}

fn parsed(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = match is_chunked {
        true => unchunked(&bytes[end + 4..]),
        false => bytes[end + 4..].to_vec(),
    };
    Reply {
        status: head[9..12].parse().unwrap(),
        text: String::from_utf8(body).unwrap(),
        head,
    }
}

/// The text of a body in chunks (RFC 9112 §7.1).
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}
