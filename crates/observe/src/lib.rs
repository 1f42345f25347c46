//! Readers of the event log: everything anyone sees is made from it, so all figures agree.
//!
//! Promises: a reader has a cursor, sees every event once and in order, and never slows a delivery
//! (promise: P-08). Nothing is counted that the log does not say.
//!
//! Does not know: how mail is sent, how figures are shown beyond a terminal.
//!
//! # Layout
//! - [`follow`]: the log without gaps, from memory while it can, from the store when it must
//! - [`tally`]: counts by outcome, provider, code and category
//! - [`monitor`]: a run watched while it goes on, for dashboards and metrics
//! - [`metrics`]: a watched run, or the service, in the formats of Prometheus and OpenMetrics
//! - [`provider`]: which provider a recipient's domain belongs to
//! - [`log_lines`]: one log line a change
//! - [`archive`]: every event as a line of a file, for as long as somebody keeps it
//! - [`reports`]: what became of submissions, told to their tenants' applications
//! - [`service_log`]: the log of the service, one line an event
//! - [`statistics`]: what happened by hours, days and months, as it is asked for and told
//! - [`terminal`]: the live progress bar
//! - [`summary`]: the closing account as text

pub mod archive;
pub mod follow;
pub mod log_lines;
pub mod metrics;
pub mod monitor;
pub mod provider;
pub mod reports;
pub mod service_log;
pub mod statistics;
pub mod summary;
pub mod tally;
pub mod terminal;

pub use follow::Follower;
pub use monitor::Monitor;
pub use provider::Provider;
pub use tally::Tally;
