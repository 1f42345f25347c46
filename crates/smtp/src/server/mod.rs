//! The server: a session that reads commands and writes replies, and a driver that carries its bytes.
//!
//! [`Session`] is pure: input in, replies and questions out. The questions ("may this
//! recipient be written to?") go to a [`Handler`]; each verb of the protocol is one file in `verbs`.

mod config;
mod driver;
mod handler;
mod session;
mod verbs;

pub use config::{AuthPolicy, Extension, Extensions, ServerConfig, ServerDeadlines, ServerTls};
pub use driver::{ServeError, serve};
pub use handler::{Action, Handler};
pub use session::{Event, Progress, Session};
