//! The service's API over real HTTP, on a real data file.

#![expect(clippy::unwrap_used, reason = "a test says by a panic what failed")]

mod accounts;
mod being_sent;
mod busy;
mod command_log;
mod cut_off;
mod handing_over;
mod harness;
mod hostile;
mod instance;
mod openapi;
mod room;
mod secrets;
mod showing;
mod statistics;
mod storages;
mod suspending;
mod taking_back;
mod tenants;
mod walls;
