//! The mailbox against a real Dovecot, and against servers that do what no real one should; and the postroom that reads
//! such mailboxes into a real data file.
//!
//! These tests run as root, because Dovecot starts as root. What they need of Debian is installed by
//! `scripts/install-test-parts.sh`.

#![cfg(test)]

mod dovecot;
mod mailbox;
mod misbehaving;
mod postroom;
mod scripted;
