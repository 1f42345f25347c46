//! A campaign that is watched: what its dashboard says is true, at every moment and everywhere; nobody else gets at
//! it; and nobody who looks, however badly, holds the campaign up.

pub mod crowd;
mod figures;
mod scene;

mod controls;
mod interventions_keep_the_books;
mod killed_while_cancelled;
mod killed_while_paused;
mod many_recipients;
mod opening_and_closing;
mod port_taken;
mod prometheus;
mod reconnecting;
mod resumed_run;
mod safety;
mod searchers;
mod slow_clients;
mod token;
mod truth;
mod unreachable_relay;
