//! A mailbox where bounces arrive, read by IMAP (RFC 3501, RFC 9051) now and then from where it was left.
//!
//! A [`Mailbox`] is visited: [`Visit::next`] gives [`Batch`] after [`Batch`], each with what was learned and with the
//! [`Cursor`] behind it, so that the caller keeps both in one transaction and nothing is counted twice or missed.
//! Who comes back to it, and when, is not known here.
//!
//! The mailbox is opened by EXAMINE and read by `BODY.PEEK`: nothing in it changes. Of each message only the
//! beginning is fetched, so no message is too large. A message on which the connection breaks again and again is left
//! out in the end.
//!
//! `settings` says where and how, `command` writes commands and `response` reads answers (both pure), `wire` moves
//! lines and literals within bounds, `tls` prepares trust, `session` logs in and asks, `visit` goes through the new
//! messages.

mod command;
mod error;
mod response;
mod session;
mod settings;
mod tls;
mod visit;
mod wire;

pub use error::Error;
pub use settings::{BadSettings, Deadlines, Security, Settings, Trust};
pub use tls::Trusted;
pub use visit::{Batch, Cursor, Found, Mailbox, Visit};
