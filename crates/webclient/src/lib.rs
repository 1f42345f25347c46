//! The outbound HTTP client for every address that a user, a tenant or a message supplies: webhooks,
//! Google Sheets, attachments by URL.
//!
//! Such an address is written by someone we do not trust with our network, so this room promises:
//!
//! - **Only public targets**, unless the operator listed more. Every address of a name is checked,
//!   and the connection goes to exactly the addresses that were checked: a name that answers
//!   differently the next moment gains nothing. Literal addresses are judged by what they mean,
//!   however they are spelled. The same checks run again at each redirect.
//! - **Nothing leaks sideways.** No proxy is taken from the environment, no cookie is kept, what a
//!   caller put into the headers stays with the origin the caller named, and errors name the host
//!   only, since the path of a webhook is often its secret.
//! - **Everything ends**: connecting, the whole exchange, the size of the answer, the count of its
//!   headers, redirects and retries are bounded.
//!
//! It does not know who calls it or what the bytes mean. It never asks for a compressed answer, so
//! the bytes that are counted are the bytes that are kept.
//!
//! Map: [`address`](is_public) says which addresses are public, `network` is one CIDR range, `guard`
//! applies the operator's [`TargetPolicy`] to a URL and to what its name resolved to, `resolve` puts
//! that check between the name lookup and the connection, `redirect` and `retry` hold the pure rules
//! for the next hop and the next attempt, `settings` builds the connection underneath, `client` is the
//! thin shell that does the exchange, `error` is what can go wrong.

mod address;
mod client;
mod error;
mod guard;
mod network;
mod redirect;
mod resolve;
mod retry;
mod settings;

pub use address::{is_public, special_use};
pub use client::{Exchange, Fetch, Head, Receipt, Response, WebClient};
pub use error::{BadUrl, Error, Refusal};
pub use guard::{AllowedTarget, BadTarget, TargetPolicy};
pub use network::Network;
pub use redirect::Redirects;
pub use reqwest::Method;
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use resolve::{Lookup, Resolver, SystemResolver};
pub use retry::RetryPolicy;
pub use settings::Settings;
