//! What every HTTP surface of the product shares: the accept loop, the guard before the routes, and the limits.
//!
//! Promises:
//! - **Nobody holds a connection for nothing.** A client that is slow with its head or its body, that reads no
//!   answer, that vanished or that idles is dropped by a deadline of [`Limits`]; connections are bounded in all
//!   and for each client.
//! - **No route is outside the guard**, not even one that does not exist: it wraps the whole router. It checks the
//!   host name (DNS rebinding), the origin and the browser's fetch metadata (foreign pages), the content type of a
//!   POST (forms), and the token where [`Access`] asks for one. No answer carries a CORS header, and all carry the
//!   headers that keep a browser from guessing, leaking, storing and embedding.
//! - **An error is JSON that says what to do**: `{"error":{"message":…,"field":…}}`, see [`Refusal`].
//! - **It ends gracefully**: on its stop token, what is under way gets [`Limits::grace`], then it is cut.
//! - **A handler that panics** costs its own request a 500, and nothing else.
//!
//! Does not know: routes, what is served, users and tenants. TLS ends at a proxy before it.
//!
//! # Layout
//! - `server`: binds, accepts, ends; `bind`: why it could not bind
//! - `connection`: one client's connection from its first byte to its last
//! - `front`: what happens to one request: guard, body, handler, headers
//! - `guard`: the rules for a request's head; `authority`: the name that it is addressed to
//! - `access`: who may ask; `token`: how a token is shown; `misses`: how often it may be wrong
//! - `client`: who is one client, and how many connections it holds
//! - `answer`: the headers of every answer; `refusal`: answers that say no
//! - `limits`: the bounds

mod access;
mod answer;
mod authority;
mod bind;
mod client;
mod connection;
mod front;
mod guard;
mod limits;
mod misses;
mod refusal;
mod server;
mod token;

pub use access::Access;
pub use bind::BindError;
pub use client::Peer;
pub use limits::Limits;
pub use refusal::Refusal;
pub use server::Server;
