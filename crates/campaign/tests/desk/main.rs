//! Interventions in a run that sends from the real store to a real server on loopback, and what is left of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says by a panic what failed"
)]

mod after_the_end;
mod cancel;
mod cut_off;
mod hook;
mod pause;
#[path = "../../../deliver/tests/support/relay.rs"]
#[expect(dead_code, reason = "what only deliveries are tried with")]
mod relay;
mod retry;
mod watcher;
mod world;
