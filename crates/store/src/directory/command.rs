//! The log of commands: who asked for what, for people who look into the past.

use model::{TenantId, Timestamp};

/// Commands that are kept; of more, the oldest go.
pub const COMMANDS_MAX: u32 = 100_000;
/// The longest endpoint, payload or answer of a command, in bytes each: the caller shortens what is longer.
pub const COMMAND_BYTES_MAX: usize = 16 * 1024;

/// A command to write down. No text holds a secret; the caller takes them out.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// When it came.
    pub at: Timestamp,
    /// Its method and path.
    pub endpoint: Box<str>,
    /// Whom it was about.
    pub tenant: Option<TenantId>,
    /// What was asked, a JSON text.
    pub payload: Box<str>,
    /// The HTTP status of the answer.
    pub response_status: u16,
    /// The answer, a JSON text.
    pub response: Option<Box<str>>,
}

/// A command that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its number, in the order of the log.
    pub id: i64,
    /// When it came.
    pub at: Timestamp,
    /// Its method and path.
    pub endpoint: Box<str>,
    /// Whom it was about.
    pub tenant: Option<TenantId>,
    /// What was asked, a JSON text.
    pub payload: Box<str>,
    /// The HTTP status of the answer.
    pub response_status: u16,
    /// The answer, a JSON text.
    pub response: Option<Box<str>>,
}

/// Which commands. What is not set lets all through.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// About that tenant.
    pub tenant: Option<TenantId>,
    /// From that moment on.
    pub since: Option<Timestamp>,
    /// Up to that moment.
    pub until: Option<Timestamp>,
    /// With that text in the endpoint.
    pub endpoint: Option<Box<str>>,
    /// So many of the first are left out.
    pub offset: usize,
    /// So many of the rest at most.
    pub limit: usize,
}

/// A page of the log.
#[derive(Clone, Debug, Default)]
pub struct CommandPage {
    /// The commands, in the order of the log.
    pub commands: Vec<Command>,
    /// How many the filter lets through, those outside of the page as well.
    pub total: u32,
}
