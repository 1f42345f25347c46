//! What a server is told before it listens: its name, what it offers, and its limits.

use std::sync::Arc;
use std::time::Duration;

use crate::security::ClearTextAuth;

/// Everything a session needs to know.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Our name, as in the greeting.
    pub hostname: Box<str>,
    /// How TLS starts, if at all.
    pub tls: ServerTls,
    /// Whether clients log in.
    pub auth: AuthPolicy,
    /// Whether they may without TLS.
    pub clear_text_auth: ClearTextAuth,
    /// What EHLO offers.
    pub extensions: Extensions,
    /// Largest message, in bytes.
    pub message_bytes_max: usize,
    /// Most recipients of one message.
    pub recipients_max: usize,
    /// Most errors of a session before it is closed; a message that was taken forgives them.
    pub errors_max: u32,
    /// How long things may take.
    pub deadlines: ServerDeadlines,
}

/// How TLS starts on a server.
#[derive(Clone, Debug, Default)]
pub enum ServerTls {
    /// Never.
    #[default]
    Off,
    /// When the client says STARTTLS.
    StartTls(Arc<rustls::ServerConfig>),
    /// From the first byte.
    Implicit(Arc<rustls::ServerConfig>),
}

/// Whether clients log in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthPolicy {
    /// They cannot.
    #[default]
    Off,
    /// They can.
    Offered,
    /// They must, before MAIL.
    Required,
}

/// An extension that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 2920.
    Pipelining,
    /// RFC 3030.
    Chunking,
    /// RFC 1870.
    Size,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    Smtputf8,
    /// RFC 2034.
    EnhancedStatusCodes,
}

/// A set of extensions; all by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions(u8);

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerDeadlines {
    /// From our reply to the client's next whole command.
    pub command: Duration,
    /// For all of a message's bytes.
    pub message: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// For taking our replies off our hands.
    pub write: Duration,
}

impl Extensions {
    /// All of them.
    pub const ALL: Self = Self(u8::MAX);

    /// The same set without one.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !(1 << extension as u8))
    }

    /// Whether it is in the set.
    pub const fn has(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u8) != 0
    }
}

impl Default for Extensions {
    fn default() -> Self {
        Self::ALL
    }
}

impl Default for ServerDeadlines {
    /// RFC 5321 §4.5.3.2.7 for commands.
    fn default() -> Self {
        Self {
            command: Duration::from_secs(300),
            message: Duration::from_secs(600),
            tls: Duration::from_secs(30),
            write: Duration::from_secs(60),
        }
    }
}

impl ServerConfig {
    /// A server of that name, everything else at its default: 25 MiB messages, no TLS, no AUTH.
    pub fn new(hostname: impl Into<Box<str>>) -> Self {
        Self {
            hostname: hostname.into(),
            tls: ServerTls::default(),
            auth: AuthPolicy::default(),
            clear_text_auth: ClearTextAuth::default(),
            extensions: Extensions::default(),
            message_bytes_max: 25 * 1024 * 1024,
            recipients_max: 1000,
            errors_max: 20,
            deadlines: ServerDeadlines::default(),
        }
    }
}
