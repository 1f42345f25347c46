//! A watched run over a real store: what is shown is what the log says, at every moment.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

mod exposition;
mod figures;
mod following;
mod run;
