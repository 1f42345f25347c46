//! A dispatcher over the real store: every account of a service at once.

mod accounts;
mod beside;
mod damaged;
mod limits;
mod making;
mod outage;
mod recall;
mod recent;
mod replaced;
mod shards;
mod sleep;
mod takeover;
mod urgent;
mod world;
