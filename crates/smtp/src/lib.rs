//! The SMTP protocol, written once and without IO, with thin drivers for both roles.
//!
//! # What it is for
//! A [`client`] that sends message after message through one connection with as few system calls as the
//! protocol allows, and a [`server`] that takes them. Both are pure state machines over [`wire`]'s codec; the
//! drivers move bytes, keep deadlines and do nothing else.
//!
//! # What it promises
//! - A message is delivered or it is not: never in part, never with another's end mark. A CR or LF that stands
//!   alone is refused in both directions.
//! - Whatever the other side sends, an attempt ends by its deadline as a classified result; no buffer, line or
//!   reply grows beyond its named bound.
//! - Credentials show in no error, no reply and no dialogue, and a password crosses the network in clear only
//!   where the configuration says so.
//! - The replies of one recipient touch no other message.
//!
//! # What it does not know
//! Campaigns, tenants, queues, retries, what a reply means to a sender: it reports replies, others judge them.
//!
//! # Layout
//! - [`wire`]: lines, commands, paths, replies, dots, chunks
//! - [`client`]: connector, connection; the pure parts are its opening and its transaction
//! - [`server`]: session, one file a verb, handler, driver
//! - [`security`]: when a password may be shown

mod channel;
pub mod client;
pub mod security;
pub mod server;
pub mod wire;

pub use channel::Transport;
pub use client::{
    Chunking, ClientCertificate, ClientConfig, ConfigError, ConnectError, Connection, Connector,
    Credentials, Deadlines, Dialogue, Mechanism, Sent, TlsMode, Trust, Verdict,
};
pub use security::{ClearTextAuth, Peer, Protection};
pub use server::{Action, Handler, ServeError, ServerConfig, serve};
