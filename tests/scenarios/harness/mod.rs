//! What scenarios stand on: the real binary and the real programs around it, each in a temporary folder of its own.
//!
//! - [`Home`]: where `glasspost` runs, with its configuration, list, templates and data; [`Home::glasspost`] runs it
//! - [`Sink`]: `glasspost sink` with its exact record of what it accepted
//! - [`Relay`]: a receiver whose every answer the test decides
//! - [`Home::exact_account`]: what became of each recipient, having checked that every account says the same
//! - [`amount`]: the usual figure, or the full one when the run is a soak
//! - [`Postfix`]: a private Postfix with mailboxes, and [`mailboxes`] that reads them with Python's `email`
//! - [`Dovecot`]: logins for Postfix, and a submission service
//! - [`Authority`]: certificates that nobody else believes
//! - [`Process`]: a program that never outlives its test; [`Finished`]: what it left
//! - [`until`]: how to wait: for a condition, with a deadline

mod authority;
mod dovecot;
mod exact;
mod folder;
mod home;
pub mod mailboxes;
mod ports;
mod postfix;
mod process;
mod relay;
mod sink;
mod soak;
mod wait;

pub use authority::{Authority, Certificate};
pub use dovecot::{Dovecot, TOKEN_OF_ADA};
pub use exact::Statuses;
pub use folder::Folder;
pub use home::{Account, Home};
pub use ports::free_port;
pub use postfix::{Entrance, Postfix, Residents};
pub use process::{Finished, Process, program};
pub use relay::{Deed, Moment, Relay};
pub use sink::Sink;
pub use soak::amount;
pub use wait::until;
