//! A dispatcher over the real store: every account of a service at once.

mod accounts;
mod damaged;
mod limits;
mod making;
mod outage;
mod recall;
mod recent;
mod replaced;
mod sleep;
mod takeover;
mod urgent;
mod world;
