//! A relay on loopback: the real server, whose answers the test decides.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{Address, Envelope, Secret};
use smtp::server::AuthPolicy;
use smtp::{Action, Handler, Peer, ServerConfig, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::io::InspectReader;

/// How long a test waits for what must come.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A running relay; it ends with the test's runtime.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    seen: watch::Sender<Seen>,
    /// Whether messages wait at their end.
    is_holding: watch::Sender<bool>,
    /// Whether connections are greeted by a refusal.
    is_shut: watch::Sender<bool>,
    refused: Mutex<HashSet<String>>,
    /// Recipients that are put off.
    put_off: Mutex<HashSet<String>>,
    /// How long each message takes.
    pause: Mutex<Duration>,
    /// The password; any is right where there is none.
    password: Mutex<Option<String>>,
}

/// What the relay saw so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// To whom messages came whole.
    pub begun: Vec<String>,
    /// To whom messages were taken.
    pub taken: Vec<String>,
    /// Connections that are open.
    pub open: usize,
    /// Connections that said QUIT.
    pub quits: usize,
    /// Connections there ever were.
    pub opened: usize,
    /// Times that somebody said NOOP.
    pub noops: usize,
    /// The passwords that were right.
    pub logins: Vec<String>,
}

impl Relay {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one at an address where another one was.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            seen: watch::Sender::default(),
            is_holding: watch::Sender::new(false),
            is_shut: watch::Sender::new(false),
            refused: Mutex::default(),
            put_off: Mutex::default(),
            pause: Mutex::default(),
            password: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            accepting,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets messages wait at their end from now on.
    pub fn hold(&self) {
        self.shared.is_holding.send_replace(true);
    }

    /// Takes what waits and what comes.
    pub fn go_on(&self) {
        self.shared.is_holding.send_replace(false);
    }

    /// Greets new connections by a refusal that passes.
    pub fn shut(&self) {
        self.shared.is_shut.send_replace(true);
    }

    /// Greets new connections as usual.
    pub fn reopen(&self) {
        self.shared.is_shut.send_replace(false);
    }

    /// Refuses these recipients for good, and no others any more.
    pub fn refuse(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| (*address).to_owned());
        *self.shared.refused.lock().unwrap() = addresses.collect();
    }

    /// Puts these recipients off, and no others any more.
    pub fn put_off(&self, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| (*address).to_owned());
        *self.shared.put_off.lock().unwrap() = addresses.collect();
    }

    /// Takes so long for each message from now on.
    pub fn slow(&self, pause: Duration) {
        *self.shared.pause.lock().unwrap() = pause;
    }

    /// Takes only this password.
    pub fn set_password(&self, password: &str) {
        *self.shared.password.lock().unwrap() = Some(password.to_owned());
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// Waits until it has seen that.
    pub async fn until(&self, what: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        let waiting = tokio::time::timeout(DEADLINE, seen.wait_for(what));
        match waiting.await {
            Ok(seen) => seen.unwrap().clone(),
            Err(_) => panic!("it never came to that: {:?}", self.seen()),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(waited.is_ok(), "it never came to that: {what}");
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(attend(stream, Arc::clone(&shared)));
    }
}

async fn attend(stream: TcpStream, shared: Arc<Shared>) {
    let config = ServerConfig {
        auth: AuthPolicy::Offered,
        ..ServerConfig::new("relay.test")
    };
    shared.seen.send_modify(|seen| {
        seen.open += 1;
        seen.opened += 1;
    });
    let watching = Arc::clone(&shared);
    let stream = InspectReader::new(stream, move |bytes: &[u8]| {
        if bytes.ends_with(b"QUIT\r\n") {
            watching.seen.send_modify(|seen| seen.quits += 1);
        }
        if bytes.ends_with(b"NOOP\r\n") {
            watching.seen.send_modify(|seen| seen.noops += 1);
        }
    });
    let mut attendant = Attendant(Arc::clone(&shared));
    // How a client leaves is seen by its QUIT.
    let _ = serve(
        stream,
        Peer::Loopback,
        &config,
        &mut attendant,
        std::future::pending(),
    )
    .await;
    shared.seen.send_modify(|seen| seen.open -= 1);
}

struct Attendant(Arc<Shared>);

impl Handler for Attendant {
    async fn greeting(&mut self) -> Action {
        match *self.0.is_shut.borrow() {
            true => Action::reply(421, "4.3.2 closed for today"),
            false => Action::Accept,
        }
    }

    async fn authenticate(&mut self, _username: &str, password: &Secret) -> Action {
        let given = password.expose().to_owned();
        let right = self.0.password.lock().unwrap().clone();
        match right.is_none_or(|right| right == given) {
            true => {
                self.0.seen.send_modify(|seen| seen.logins.push(given));
                Action::Accept
            }
            false => Action::reply(535, "5.7.8 wrong password"),
        }
    }

    async fn recipient(&mut self, recipient: &Address) -> Action {
        if self.0.put_off.lock().unwrap().contains(recipient.as_str()) {
            return Action::reply(451, "4.3.0 not now");
        }
        match self.0.refused.lock().unwrap().contains(recipient.as_str()) {
            true => Action::reply(550, "5.1.1 nobody here of that name"),
            false => Action::Accept,
        }
    }

    async fn message(&mut self, envelope: &Envelope, _message: &[u8]) -> Action {
        let recipients = || envelope.recipients.iter().map(ToString::to_string);
        self.0
            .seen
            .send_modify(|seen| seen.begun.extend(recipients()));
        let mut is_holding = self.0.is_holding.subscribe();
        let _ = is_holding.wait_for(|holding| !holding).await;
        let pause = *self.0.pause.lock().unwrap();
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        self.0
            .seen
            .send_modify(|seen| seen.taken.extend(recipients()));
        Action::Accept
    }
}
