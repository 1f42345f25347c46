//! From the queue to the remote server.
//!
//! Promises:
//! - A message's bytes leave only after it was accepted durably, and none begins unless its lane's lease is held for certain.
//! - What may be delivered but not yet recorded is bounded: [`Settings::unrecorded_outcomes_max`] plus the
//!   connections open (promise: P-03).
//! - One message's failure touches only that message; a dead relay costs a campaign's messages no attempt, and those of
//!   a service one when they are due.
//! - While outcomes cannot be recorded nothing begins; what is under way is finished, and recorded when that is possible
//!   again.
//! - One account's failure touches only that account; in no minute, hour or day is more delivered than its limits say.
//! - The most urgent message of a lane is begun first, at once when a connection is free.
//! - A closed [`Gate`] finishes what is under way and begins nothing until it is opened.
//! - A stop finishes what is under way, hands back the rest and records everything (promise: P-06).
//!
//! Does not know: HTTP, dashboards, where messages come from.
//!
//! # Layout
//! - [`dispatch`]: every account of a service, one delivery each
//! - [`plan`]: pure decisions: what a reply means, what happens next, when to try the relay again, what an account may send
//! - [`run`]: one lane's delivery, the tasks that hold sockets and clocks: feeder, connections, recorder
//! - [`maker`]: who makes the bytes of messages
//! - [`letters`]: makes those of campaigns, from templates compiled once

pub mod dispatch;
pub mod letters;
pub mod maker;
pub mod plan;
pub mod run;

pub use letters::Letters;
pub use maker::{Maker, Unmade};
pub use plan::classify::{Classification, classify};
pub use plan::limits::Limits;
pub use plan::relay::Unreachable;
pub use plan::retry::RetryPolicy;
pub use run::allowance::Allowance;
pub use run::gate::Gate;
pub use run::pool::Pool;
pub use run::recent::{Recent, Said};
pub use run::supply::Supply;
pub use run::{DeliverError, Delivery, Ended, Settings};
pub use smtp::client::{ConnectError, Connector};
