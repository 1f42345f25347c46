//! What can go wrong before a message: a configuration that cannot work, a connection that does not open.

use std::fmt;

use model::Attempt;

/// The configuration cannot work; found before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The EHLO name would break its line or is none.
    #[error("hello_name {0:?} is not a host name or an address literal such as [192.0.2.1]")]
    HelloName(Box<str>),
    /// The host is neither a name nor an address.
    #[error("host {0:?} is neither a host name nor an IP address")]
    Host(Box<str>),
    /// User name or password hold what no mechanism can carry.
    #[error("the {0} must not be empty or hold a control character")]
    Credentials(&'static str),
    /// A certificate or key could not be used.
    #[error("{what}: {problem}")]
    Certificate {
        /// Which of them.
        what: &'static str,
        /// Why not.
        problem: Box<str>,
    },
}

/// No connection could be opened, or not as far as messages need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// The facts: phase, reply, category, error, times, dialogue.
    pub attempt: Box<Attempt>,
    /// Whether trying again can help.
    pub persistence: Persistence,
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It may work later.
    Transient,
    /// It will fail again until the configuration or the account changes.
    Permanent,
}

impl ConnectError {
    /// Whether trying again is pointless.
    pub fn is_permanent(&self) -> bool {
        self.persistence == Persistence::Permanent
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.attempt.remote)?;
        match (&self.attempt.error, &self.attempt.reply) {
            (Some(error), Some(reply)) => write!(f, "{error}: {reply}"),
            (Some(error), None) => f.write_str(error),
            (None, Some(reply)) => write!(f, "the server said {reply}"),
            (None, None) => f.write_str("no connection"),
        }
    }
}

impl std::error::Error for ConnectError {}
