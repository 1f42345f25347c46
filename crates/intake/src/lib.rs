//! Every way mail and news about mail come in: the service's API, and bounces.
//!
//! # What it is for
//! A message that was delivered to the next server may still come back. [`bounce`] learns of it: it reads what a
//! mailbox received, tells reports from everything else, and says which message each is about.
//!
//! [`postroom`] goes to the mailboxes as long as the service runs and writes down what they say.
//!
//! # What it promises
//! - Whatever the bytes are, reading them ends quickly, within named bounds and without a panic.
//! - A message is called a bounce only on evidence: a report by the standard, or a mail system as its sender and
//!   the words of one. An automatic reply is none, and neither is a person who writes about bounces.
//! - A mailbox is only looked at: nothing in it is marked, moved or deleted.
//! - One message that cannot be read never keeps the others from being read.
//!
//! - What was learned from a mailbox is kept together with the place up to which it was read.
//!
//! # Map
//! - [`bounce`]: reports, receipts and the mailbox they arrive in
//! - [`postroom`]: who reads the mailboxes, and what becomes of the messages that the reports are about
//! - [`proxy`]: the service's API, for applications and their administrator

pub mod bounce;
pub mod postroom;
pub mod proxy;
