//! The client: opens a connection once, then sends message after message through it.
//!
//! The protocol's decisions are pure: `opening` from the greeting to AUTH, `transaction` from MAIL to the
//! final reply. `wire` moves bytes within deadlines; `connector`, `connection` and
//! `handover` put them together; `verdict` says what came of it.

mod alarm;
mod auth;
mod commands;
mod config;
mod connection;
mod connector;
mod dialogue;
mod error;
mod handover;
mod offer;
mod opening;
mod tls;
mod transaction;
mod verdict;
mod wire;

pub use auth::{Credentials, Mechanism};
pub use config::{Chunking, ClientCertificate, ClientConfig, Deadlines, Dialogue, TlsMode, Trust};
pub use connection::Connection;
pub use connector::Connector;
pub use error::{ConfigError, ConnectError, Persistence};
pub use verdict::{Sent, Verdict};
