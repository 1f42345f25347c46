//! Each weakness of the program whose flags we take, and what holds here instead: a test is named for it.

mod arguments;
mod content;
mod counts;
mod failures;
mod lists;
mod resuming;
mod schedules;
mod unreachable_relay;
mod webhooks;
