//! The command line as a client of a running service: one group of verbs a file.

mod accounts;
mod cli;
mod command_log;
mod completions;
mod connect;
mod instance;
mod letters;
mod messages;
mod refusals;
mod statistics;
mod stats;
mod storages;
mod tenants;
mod terminal;
