//! The console as a whole: its routes over a real store with a run in it.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, not the helpers that only they call"
)]

mod assets;
mod content;
mod filters;
mod hostile;
mod recipients;
mod routes;
mod run;
mod shapes;
mod stream;
mod world;
