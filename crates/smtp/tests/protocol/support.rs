//! What the tests share: envelopes, a recording handler, a listening server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{Address, Envelope, Secret};
use smtp::{Action, ClientConfig, Deadlines, Handler, Peer, ServerConfig, TlsMode, serve};
use tokio::net::TcpListener;

pub const MESSAGE: &[u8] = b"Subject: hello\r\n\r\n.dot\r\n";

/// An envelope from `news@example.org`.
pub fn envelope(recipients: &[&str]) -> Envelope {
    Envelope {
        sender: Some(Address::parse("news@example.org").unwrap()),
        recipients: recipients
            .iter()
            .map(|r| Address::parse(r).unwrap())
            .collect(),
    }
}

/// A client that speaks in clear and loses patience after two seconds.
pub fn client_config(address: SocketAddr) -> ClientConfig {
    let mut config = ClientConfig::new(address.ip().to_string(), address.port());
    config.tls = TlsMode::Off;
    config.deadlines = Deadlines::all(Duration::from_secs(2));
    config
}

/// A message as a server took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub recipients: Vec<String>,
    pub message: Vec<u8>,
}

/// What all connections of a server saw.
#[derive(Clone, Default)]
pub struct Inbox {
    pub taken: Arc<Mutex<Vec<Taken>>>,
}

impl Inbox {
    pub fn messages(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

/// Decides by the recipient's local part: `mail-…`, `rcpt-…`, `data-…`, `final-…` with a code, or `drop-…`.
#[derive(Clone, Default)]
pub struct Recorder {
    pub inbox: Inbox,
}

fn wish(address: &Address, stage: &str) -> Action {
    let mut parts = address.local_part().split('-');
    match (parts.next() == Some(stage), parts.next()) {
        (true, Some("drop")) => Action::Drop,
        (true, Some(code)) => Action::reply(code.parse().unwrap(), "as you wish"),
        _ => Action::Accept,
    }
}

fn first_wish(envelope: &Envelope, stage: &str) -> Action {
    wish(&envelope.recipients[0], stage)
}

impl Handler for Recorder {
    async fn mail(&mut self, sender: Option<&Address>) -> Action {
        sender.map_or(Action::Accept, |sender| wish(sender, "mail"))
    }

    async fn recipient(&mut self, recipient: &Address) -> Action {
        wish(recipient, "rcpt")
    }

    async fn data(&mut self, envelope: &Envelope) -> Action {
        first_wish(envelope, "data")
    }

    async fn message(&mut self, envelope: &Envelope, message: &[u8]) -> Action {
        let action = first_wish(envelope, "final");
        if action == Action::Accept {
            self.inbox.taken.lock().unwrap().push(Taken {
                recipients: envelope.recipients.iter().map(Address::to_string).collect(),
                message: message.to_vec(),
            });
        }
        action
    }

    async fn authenticate(&mut self, username: &str, password: &Secret) -> Action {
        match (username, password.expose()) {
            ("ada", "s3cret-pass") => Action::Accept,
            _ => Action::reply(535, "5.7.8 wrong user or password"),
        }
    }
}

/// Listens on loopback until the test ends.
pub async fn listen(config: ServerConfig) -> (SocketAddr, Inbox) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let inbox = Inbox::default();
    let recorder = Recorder {
        inbox: inbox.clone(),
    };
    let config = Arc::new(config);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (config, mut handler) = (Arc::clone(&config), recorder.clone());
            tokio::spawn(async move {
                let shutdown = std::future::pending();
                let _ = serve(stream, Peer::Loopback, &config, &mut handler, shutdown).await;
            });
        }
    });
    (address, inbox)
}
