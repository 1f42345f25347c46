//! The postroom, from a mail in a mailbox to the event in the data file.

mod bounces;
mod forged;
mod hardships;
mod mail;
mod mailboxes;
mod receipts;
mod world;
