//! Where a mailbox is and how it is reached.

use std::net::IpAddr;
use std::time::Duration;

use model::Secret;

use super::tls::Trusted;

/// Everything a [`Mailbox`](super::Mailbox) needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host name or IP address of the server. Its certificate is checked against this.
    pub host: Box<str>,
    /// TCP port: mostly 993, or 143 with STARTTLS.
    pub port: u16,
    /// How TLS starts, if at all.
    pub security: Security,
    /// Whose certificates are believed.
    pub trust: Trusted,
    /// Who logs in.
    pub user: Box<str>,
    /// With what.
    pub password: Secret,
    /// The folder that is read, `INBOX` mostly.
    pub folder: Box<str>,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

/// How TLS starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// From the first byte (RFC 8314 §3.2).
    #[default]
    Implicit,
    /// By STARTTLS; without it nobody logs in.
    StartTls,
    /// Never: for a server on this machine only.
    Plain,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those the operating system believes.
    #[default]
    Platform,
    /// Those the operating system believes, and the authorities in this PEM text.
    PlatformAnd(Box<[u8]>),
}

/// How long each step may take, counted from its start to its whole answer, however the bytes drip in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Looking up the name and connecting, all addresses together.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Each command.
    pub reply: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            tls: Duration::from_secs(30),
            reply: Duration::from_secs(60),
        }
    }
}

/// Why a mailbox cannot be read with these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// No name or address.
    #[error("imap_host {0:?} is neither a host name nor an address")]
    Host(Box<str>),
    /// The password would cross a network in clear.
    #[error("imap_host {0:?} is not this machine: read it by TLS, on port 993 or with STARTTLS")]
    PlainToOthers(Box<str>),
    /// A text that no command can hold.
    #[error("{0} holds a line break or NUL")]
    LineBreak(&'static str),
    /// The authorities cannot be read or TLS cannot be prepared.
    #[error("certificate authorities for IMAP: {0}")]
    Authorities(Box<str>),
}

impl Settings {
    /// Checks what can be checked without connecting.
    pub(super) fn check(&self) -> Result<(), BadSettings> {
        let texts = [
            ("imap_user", &*self.user),
            ("imap_password", self.password.expose()),
            ("imap_folder", &*self.folder),
        ];
        for (name, text) in texts {
            if text.contains(['\r', '\n', '\0']) {
                return Err(BadSettings::LineBreak(name));
            }
        }
        let is_elsewhere = self
            .host
            .parse()
            .is_ok_and(|address: IpAddr| !address.is_loopback());
        if self.security == Security::Plain && is_elsewhere {
            return Err(BadSettings::PlainToOthers(self.host.clone()));
        }
        Ok(())
    }
}
