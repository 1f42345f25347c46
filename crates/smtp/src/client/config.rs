//! What a client is told before it connects.

use std::time::Duration;

use model::Phase;

use super::auth::Credentials;
use crate::security::ClearTextAuth;

/// Everything a [`Connector`](super::Connector) needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Host name or IP address of the server. Its certificate is checked against this.
    pub host: Box<str>,
    /// TCP port.
    pub port: u16,
    /// How TLS starts, if at all.
    pub tls: TlsMode,
    /// Whose certificates are believed. Not asked in [`TlsMode::Opportunistic`], which takes any.
    pub trust: Trust,
    /// Who we are, for servers that ask for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Who we log in as, if at all.
    pub credentials: Option<Credentials>,
    /// Whether the password may be sent without TLS.
    pub clear_text_auth: ClearTextAuth,
    /// Our name in EHLO: a host name or an address literal.
    pub hello_name: Box<str>,
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// Whether BDAT takes the place of DATA.
    pub chunking: Chunking,
    /// Which attempts carry their dialogue.
    pub dialogue: Dialogue,
}

/// How TLS starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Never.
    Off,
    /// By STARTTLS when the server offers it, with whatever certificate it shows (RFC 7435). Safe from whoever
    /// only listens, not from whoever sits in between; where a password matters, use another mode.
    #[default]
    Opportunistic,
    /// By STARTTLS; without it nothing is sent.
    Required,
    /// From the first byte (RFC 8314 §3.3).
    Implicit,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those the operating system believes.
    #[default]
    Platform,
    /// Those the operating system believes, and the authorities in this PEM text.
    PlatformAnd(Box<[u8]>),
    /// Any at all. Whoever sits on the way can read and change everything.
    DangerousAcceptAnyCertificate,
}

/// A certificate of our own, with its key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The chain, own certificate first, in PEM.
    pub chain_pem: Box<[u8]>,
    /// Its private key, in PEM.
    pub key_pem: model::Secret,
}

/// Whether BDAT takes the place of DATA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chunking {
    /// When the server offers CHUNKING.
    #[default]
    WhenOffered,
    /// Never.
    Never,
}

/// Which attempts carry their dialogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialogue {
    /// Those that did not deliver.
    #[default]
    FailuresOnly,
    /// All.
    Always,
}

/// How long each phase may take, counted from its start to its whole reply, however the bytes drip in.
/// The defaults are those of RFC 5321 §4.5.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Looking up the name and connecting, all addresses together.
    pub connect: Duration,
    /// The greeting.
    pub greeting: Duration,
    /// EHLO, HELO and the reply to STARTTLS.
    pub hello: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Each step of AUTH.
    pub authenticate: Duration,
    /// MAIL, and RSET before it.
    pub mail: Duration,
    /// Each RCPT.
    pub recipient: Duration,
    /// DATA.
    pub data: Duration,
    /// Writing each block of the message.
    pub block: Duration,
    /// The reply to the final dot or last chunk.
    pub final_reply: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: MINUTE * 5,
            hello: MINUTE * 5,
            tls: MINUTE,
            authenticate: MINUTE * 2,
            mail: MINUTE * 5,
            recipient: MINUTE * 5,
            data: MINUTE * 2,
            block: MINUTE * 3,
            final_reply: MINUTE * 10,
        }
    }
}

impl Deadlines {
    /// The same deadline for every phase.
    pub fn all(deadline: Duration) -> Self {
        Self {
            connect: deadline,
            greeting: deadline,
            hello: deadline,
            tls: deadline,
            authenticate: deadline,
            mail: deadline,
            recipient: deadline,
            data: deadline,
            block: deadline,
            final_reply: deadline,
        }
    }

    /// How long the reply of a phase may take.
    pub fn of(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Compose | Phase::Connect => self.connect,
            Phase::Greeting => self.greeting,
            Phase::Hello => self.hello,
            Phase::Tls => self.tls,
            Phase::Authenticate => self.authenticate,
            Phase::Mail => self.mail,
            Phase::Recipient => self.recipient,
            Phase::Data => self.data,
            Phase::Final => self.final_reply,
        }
    }
}

impl ClientConfig {
    /// A configuration for a host and port, everything else at its default.
    pub fn new(host: impl Into<Box<str>>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: TlsMode::default(),
            trust: Trust::default(),
            client_certificate: None,
            credentials: None,
            clear_text_auth: ClearTextAuth::default(),
            hello_name: "localhost".into(),
            deadlines: Deadlines::default(),
            chunking: Chunking::default(),
            dialogue: Dialogue::default(),
        }
    }
}
