//! The service's console as a whole: a real store, a real server, real requests.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not the helpers that only they call"
)]

mod client;
mod health;
mod house;
mod nodes;
mod page;
mod statistics;
mod stream;
mod submissions;
mod traffic;
mod walls;
