//! What every HTTP surface of the product shares: the accept loop, the guard before the routes, and the limits.
//!
//! Promises:
//! - **Nobody holds a connection for nothing.** A client that is slow with its head or its body, that reads no
//!   answer, that vanished or that idles is dropped by a deadline of [`Limits`]; connections are bounded in all
//!   and for each client.
//! - **No route is outside the guard**, not even one that does not exist: it wraps the whole router. It checks the
//!   host name (DNS rebinding), the origin and the browser's fetch metadata (foreign pages), the content type of a
//!   POST (forms). No answer carries a CORS header, and all carry the headers that keep a browser from guessing,
//!   leaking, storing and embedding.
//! - **Routes for people and for programs share a port.** Pages open with one token ([`Access`], or [`locked`] for a
//!   part of the routes), programs with a header ([`authenticated`]) that says who they are ([`Caller`]). Tokens are
//!   compared by their hashes, and wrong ones are counted for each client, at all routers of one [`Gate`] together.
//! - **Bodies are bounded**, each and all together, and none is read of a client that no token let in.
//! - **An error is JSON that says what to do**: `{"error":{"message":…,"field":…}}`, see [`Refusal`].
//! - **It ends gracefully**: on its stop token, what is under way gets [`Limits::grace`], then it is cut.
//! - **A handler that panics** costs its own request a 500, and nothing else.
//!
//! Does not know: routes, what is served, whose tokens there are ([`Keys`] does). TLS ends at a proxy before it.
//!
//! # Layout
//! - `server`: binds, accepts, ends; `bind`: why it could not bind
//! - `connection`: one client's connection from its first byte to its last
//! - `front`: what happens to one request: guard, handler, headers; `body`: what a handler gets of its body
//! - `guard`: the rules for a request's head; `authority`: the name that it is addressed to
//! - `access`: who may ask; `token`, `locked`: how people show a token; `caller`: how programs do
//! - `fingerprint`: how tokens are compared; `misses`, `known`: how often they were wrong, and which were right
//! - `client`: who is one client, and how many connections it holds
//! - `answer`: the headers of every answer; `refusal`: answers that say no
//! - `limits`: the bounds

mod access;
mod answer;
mod authority;
mod bind;
mod body;
mod caller;
mod client;
mod connection;
mod fingerprint;
mod front;
mod guard;
mod known;
mod limits;
mod locked;
mod misses;
mod refusal;
mod server;
mod token;

pub use access::Access;
pub use bind::BindError;
pub use caller::{Caller, Gate, Keys, Unavailable, authenticated};
pub use client::Peer;
pub use limits::Limits;
pub use locked::locked;
pub use refusal::Refusal;
pub use server::Server;
