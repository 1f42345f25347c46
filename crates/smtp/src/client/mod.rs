//! The client: opens a connection once, then sends message after message through it.
//!
//! The protocol's decisions are pure: [`opening`] from the greeting to AUTH, [`transaction`] from MAIL to the
//! final reply. [`wire`] moves bytes within deadlines, [`connector`] and [`connection`] put them together.

mod auth;
mod config;
mod connection;
mod connector;
mod dialogue;
mod error;
mod offer;
mod opening;
mod tls;
mod transaction;
mod wire;

pub use auth::{Credentials, Mechanism};
pub use config::{Chunking, ClientCertificate, ClientConfig, Deadlines, Dialogue, TlsMode, Trust};
pub use connection::{Connection, Sent, Verdict};
pub use connector::Connector;
pub use error::{ConfigError, ConnectError};
