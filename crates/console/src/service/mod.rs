//! The console of the service: how its traffic goes, by tenant and account, what became of each submission, and what each
//! process is doing. All of it is of the whole installation, whichever process is asked.
//!
//! Promises:
//! - The totals are the sum of the rows, and in each of them accepted = sent + errors + cancelled + pending.
//! - A tenant's token sees what is that tenant's, and nothing of others: every route for people or programs takes the
//!   `Caller`.
//! - At most [`ROWS_MAX`] accounts and tenants are listed; the others stand together in a row of their own.
//! - Looking at the counts takes a twentieth of the time at most, however many accounts there are (promise: P-08).
//!
//! # Layout
//! - `router`: which route answers what to whom
//! - `source`: what the console is told by who delivers and reports
//! - `traffic`: the rows and their sums; `look`: how they are come by; `history`: the points of the charts
//! - `stream`: the updates that the page follows
//! - `submissions`, `submission`: submissions page by page, and one with what happened to it
//! - `statistics`: what happened by hours, days and months
//! - `nodes`: the processes that share the work
//! - `awaited`: which reports somebody waits for
//! - `health`, `metrics`: what machines ask for

mod awaited;
mod health;
mod history;
mod look;
mod metrics;
mod nodes;
mod router;
mod source;
mod statistics;
mod stream;
mod submission;
mod submissions;
mod traffic;

pub use router::{Door, ROUTES, Route, Service, Who, router};
pub use source::{FiguresSource, Making, NodeNow};
pub use traffic::ROWS_MAX;
