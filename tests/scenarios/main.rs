//! The real binary against real parts: one scenario a file, the file's name says which.
//!
//! `harness` has what they stand on. What they need of Debian is installed by `scripts/install-test-parts.sh`.

#[cfg(test)]
mod harness;
