//! What can go wrong when a mailbox is read.

use std::io;

/// Why a visit ended early. No variant holds a password, and what a server said is one line of bounded length.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server was not reached.
    #[error("cannot reach the IMAP server {host}:{port}: {source}")]
    Connect {
        /// The server's name.
        host: Box<str>,
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// TLS was not agreed on, mostly because of the certificate.
    #[error("TLS with the IMAP server failed: {0}")]
    Tls(io::Error),
    /// Going on would have shown the password or believed an answer from who knows whom.
    #[error("the connection to the IMAP server is not safe: {0}")]
    Insecure(&'static str),
    /// The server does not take user and password.
    #[error("the IMAP server refused the login: {0}; check imap_user and imap_password")]
    Login(Box<str>),
    /// The folder cannot be opened.
    #[error("the IMAP folder {folder:?} cannot be opened: {text}; check imap_folder")]
    Folder {
        /// Its name.
        folder: Box<str>,
        /// What the server said.
        text: Box<str>,
    },
    /// The server refused something else.
    #[error("the IMAP server refused {command}: {text}")]
    Refused {
        /// The command, without its arguments.
        command: &'static str,
        /// What the server said.
        text: Box<str>,
    },
    /// The server closed the connection.
    #[error("the IMAP server closed the connection: {0}")]
    Closed(Box<str>),
    /// An answer did not come in time, or not all of it.
    #[error("the IMAP server did not answer {0} in time")]
    Timeout(&'static str),
    /// What came is no IMAP, or more of it than there may be.
    #[error("the IMAP server's answer cannot be used: {0}")]
    Protocol(&'static str),
    /// The connection broke.
    #[error("the connection to the IMAP server broke: {0}")]
    Broken(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Closed("without a word".into()),
            _ => Self::Broken(error),
        }
    }
}
