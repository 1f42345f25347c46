//! Campaigns: recipients, filter and template become messages; every recipient ends exactly once.
//!
//! Promises:
//! - The ledger is the message rows: whoever is in a run is in it once, however often it is resumed and however
//!   the list was sorted or edited meanwhile.
//! - `success.csv`, `failed.csv`, the closing account and the webhook are made from the event log, so they equal
//!   what the receiver got.
//! - An intervention (pause, resume, cancel, retry) is written down before its effect, with who and when; a run that
//!   was cancelled is not gone on with.
//! - A list is streamed: memory does not grow with it.
//!
//! Does not know: SMTP, flags, where settings come from.
//!
//! # Layout
//! - [`request`]: what to send, to whom and how, as data
//! - [`recipients`], [`filter`], [`csv_out`]: the list, who of it, and our own CSV files
//! - [`list`]: the list of a request, opened as often as it is read
//! - `missing`: fields that the letter uses and the list lacks
//! - `wanted`: its rows that the campaign is for
//! - [`letter`]: the request's files read into what is stored of a campaign
//! - [`mod@send`]: one run from start to end
//! - [`check`]: what would be sent: dry run, preview and the strict check
//! - [`report`]: what became of a run
//! - [`schedule`]: when jobs run, and the loop that runs them

pub mod check;
pub mod csv_out;
pub mod error;
pub mod filter;
pub mod letter;
pub mod list;
mod missing;
pub mod recipients;
pub mod report;
pub mod request;
pub mod schedule;
pub mod send;
mod wanted;

pub use error::CampaignError;
pub use report::RunReport;
pub use request::{Checking, LetterRequest, ListSource, SendRequest, Start};
pub use send::{Desk, DeskError, Machine, Rival, Tools, Watcher, possible, send};
