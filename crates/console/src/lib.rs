//! Every way people look: the dashboard and its JSON, the stream of updates, metrics, health.
//!
//! Promises:
//! - Everything shown comes from the readers of the event log and from the store; looking never slows a delivery
//!   (promise: P-08).
//! - At every answer pending + sending + sent + failed + retry = total.
//! - Memory is bounded whatever is asked and however slowly it is taken (promise: P-05): an update is made once for
//!   all who follow, a list of a million is written a page at a time, and what is shared has a named bound.
//! - What recipients, servers and templates say is data: it is encoded as JSON, or shown in a frame of its own that
//!   can do nothing (promise: P-09).
//!
//! Does not know: the queue's tables, connections and retries, who may ask (`webserver` decides before a route is
//! reached). A message is shown as the delivery itself makes it, by `deliver::Letters`.
//!
//! # Layout
//! - [`router`](mod@router): which route answers what, and what all of them share
//! - `query`, `problem`: what may be asked for, and what is said when it may not
//! - `status`, `time`, `row`, `figures`, `log_line`: words, moments, rows, figures and lines as they stand in JSON
//! - `page`: one bounded look at a run's messages
//! - `messages`, `recipients`, `campaigns`, `domains`, `stats`: the JSON routes
//! - `content`: a message as it was rendered
//! - `stream`: the updates that a dashboard follows
//! - `controls`: pause, resume, cancel, retry
//! - `metrics`, `health`, `assets`: what machines ask for, and the page itself
//! - [`service`]: the console of the service, beside that of a campaign

mod assets;
mod campaigns;
mod content;
mod controls;
mod domains;
mod figures;
mod health;
mod log_line;
mod messages;
mod metrics;
mod page;
mod problem;
mod query;
mod recipients;
pub mod router;
mod row;
pub mod service;
mod stats;
mod status;
mod stream;
mod time;

pub use controls::{ControlError, Controls};
pub use router::{Console, ROUTES, Route, router};
