//! The mailbox against a real Dovecot, and against servers that do what no real one should.
//!
//! These tests run as root, because Dovecot starts as root. What they need of Debian is installed by
//! `scripts/install-test-parts.sh`.

#![cfg(test)]

mod dovecot;
mod mailbox;
mod misbehaving;
mod scripted;
mod watching;
