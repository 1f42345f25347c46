//! What a message needs before it can go and that takes IO: attachments.
//!
//! Promises: reads only regular files, and never more of them than the limits say; each error names
//! the file and what to do about it.
//!
//! Does not know: SMTP, the store, how a message is written. Reading blocks; in async code the
//! caller moves it to a thread for blocking work.
//!
//! # Layout
//! - [`attachments`]: files of this machine

pub mod attachments;

pub use attachments::{AttachmentError, AttachmentLimits, read_attachments};
