//! What scenarios stand on: the real binary and the real programs around it, each in a temporary folder of its own.
//!
//! - [`Home`]: where `glasspost` runs, with its configuration, list, templates and data or database; [`Home::glasspost`]
//!   runs it
//! - [`Sink`]: `glasspost sink` with its exact record of what it accepted
//! - [`Relay`]: a receiver whose every answer the test decides
//! - [`Home::exact_account`]: what became of each recipient, having checked that every account says the same
//! - [`Disk`]: a small disk that can be full
//! - [`amount`]: the usual figure, or the full one when the run is a soak
//! - [`Postfix`]: a private Postfix with mailboxes, and [`mailboxes`] that reads them with Python's `email`
//! - [`Dovecot`]: logins for Postfix, and a submission service
//! - [`Authority`]: certificates that nobody else believes
//! - [`Dashboard`]: the dashboard of a campaign: asked, intervened through, followed by [`Updates`]
//! - [`Service`]: `glasspost serve`, with [`Application`]s that hand it mail; both are [`Caller`]s of its API
//! - [`Installation`]: several processes of the service on one PostgreSQL, under a [`Load`]
//! - [`Wire`]: what stands between a process and its database, to be cut and held up
//! - [`archive_lines`]: the archive of events as a service leaves it
//! - [`Hook`]: a web server in an application's place
//! - [`Prometheus`]: scrapes, answers queries, and knows which alerts fire
//! - [`Request`]: HTTP by hand, also such as no library would send
//! - [`Process`]: a program that never outlives its test; [`Finished`]: what it left
//! - [`until`], [`until_within`]: how to wait: for a condition, with a deadline

mod archive;
mod authority;
#[path = "../../postgres/cluster.rs"]
pub mod cluster;
mod dashboard;
mod disk;
mod dovecot;
mod exact;
mod folder;
mod home;
mod hook;
mod http;
mod installation;
pub mod mailboxes;
mod ports;
mod postfix;
mod process;
mod prometheus;
mod relay;
mod service;
mod sink;
mod soak;
mod updates;
mod wait;
mod wire;

pub use archive::{ARCHIVE_FOLDER, archive_files, archive_lines};
pub use authority::{Authority, Certificate};
pub use dashboard::{Dashboard, has_ended, wait_for_the_end};
pub use disk::Disk;
pub use dovecot::{Dovecot, TOKEN_OF_ADA};
pub use exact::Statuses;
pub use folder::Folder;
pub use home::{Account, Home};
pub use hook::{Hook, Post};
pub use http::{Answer, Request};
pub use installation::{
    COPIES_A_FAULT_MAX, Installation, KEY, Load, client_name, durable_cluster, ready,
};
pub use ports::free_port;
pub use postfix::{Entrance, Postfix, Residents};
pub use process::{Finished, Process, program};
pub use prometheus::Prometheus;
pub use relay::{Deed, Moment, Relay};
pub use service::{Application, Caller, Service};
pub use sink::Sink;
pub use soak::amount;
pub use updates::Updates;
pub use wait::{until, until_within};
pub use wire::Wire;
