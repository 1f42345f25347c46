//! The server as its clients see it: raw sockets on loopback.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

mod bodies;
mod crowds;
mod ending;
mod harness;
mod large;
mod names;
mod programs;
mod slow;
mod tokens;
