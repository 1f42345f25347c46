//! The real binary against real parts: one scenario a file, the file's name says which.
//!
//! `harness` has what they stand on. What they need of Debian is installed by `scripts/install-test-parts.sh`.

#![cfg(test)]

mod harness;

mod cluster;
mod dashboard;
mod defects;
mod durability;
mod isolation;
mod service;
mod service_abuse;
mod service_cli;

mod dovecot_submission;
mod postfix_delivers_into_mailboxes;
mod smtp_sink_receives;
mod smtp_source_fills_the_sink;
mod starttls_is_verified;
mod submission_with_auth;
