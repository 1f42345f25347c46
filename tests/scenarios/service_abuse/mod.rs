//! What the service bears: loads, stops, full disks, dead relays, floods, guesses, and a second one beside it.

mod letters;
mod memory;

mod answered_when_durable;
mod backlog;
mod cardinality;
mod dead_account;
mod disk_full;
mod floods;
mod guessing;
mod stopped_under_load;
mod two_services;
mod urgent_mail;
