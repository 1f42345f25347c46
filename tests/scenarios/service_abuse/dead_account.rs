//! Accounts whose relays are dead, with much mail waiting: the others feel nothing of it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::letters::{address, hand_over, letters};
use crate::harness::{
    Application, Deed, Home, Moment, Relay, Service, Sink, amount, free_port, until,
};

/// The relay of those who are measured takes its time: what is measured is waiting, not the machine.
const STALL: [&str; 2] = ["--rule", "*: stall 40ms at end"];
const MEASURED: usize = 300;
const ROUNDS: usize = 3;
/// What is left of an account's speed beside dead ones. The promise is 0.95; a busy machine spoils a short run.
const LEAST_RATIO: f64 = 0.7;
/// More than all the connections that there may be could be wasted on.
const DEAD_ACCOUNTS: usize = 60;
/// Far less than a relay is given to say its first word.
const PROMPT: Duration = Duration::from_secs(10);

/// A relay that takes connections and says nothing.
fn mute() -> Relay {
    Relay::start(|moment| matches!(moment, Moment::Greeting(_)).then_some(Deed::Hang))
}

/// An account of a service of its own.
struct Place {
    service: Service,
    shop: Application,
    sink: Sink,
    _home: Home,
}

impl Place {
    fn new() -> Self {
        let (home, sink) = (Home::new(), Sink::start(&STALL));
        let service = Service::start(&home);
        let shop = service.tenant("shop", sink.port());
        Self {
            service,
            shop,
            sink,
            _home: home,
        }
    }

    /// How long a number of messages takes from the first request to the last arrival.
    fn measure(&self, name: &str) -> Duration {
        let wanted = self.sink.count() + MEASURED;
        let began = Instant::now();
        hand_over(&self.shop, "main", name, MEASURED);
        until("the measured messages", || {
            (self.sink.count() >= wanted).then_some(())
        });
        began.elapsed()
    }
}

#[test]
fn an_account_keeps_its_speed_beside_dead_ones_with_much_mail() {
    let (alone, beside, mute) = (Place::new(), Place::new(), mute());
    let waiting = amount(10_000, 50_000);
    beside.shop.account("mute", mute.port(), json!({}));
    beside.shop.account("refusing", free_port(), json!({}));
    for account in ["mute", "refusing"] {
        hand_over(&beside.shop, account, account, waiting);
    }
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let name = format!("measured{round}");
            let (alone, beside) = (alone.measure(&name), beside.measure(&name));
            println!("alone {alone:?}, beside the dead {beside:?}");
            alone.as_secs_f64() / beside.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    assert!(median >= LEAST_RATIO, "{median:.2} of its speed");
    until("nothing but the mail of the dead", || {
        let metrics = beside.service.metrics();
        (metrics["gmp_pending_messages"] == (2 * waiting) as f64).then_some(())
    });
}

#[test]
fn no_number_of_dead_accounts_takes_all_connections() {
    let (place, mute) = (Place::new(), mute());
    let mut batch = Vec::new();
    for number in 0..DEAD_ACCOUNTS {
        let account = format!("mute{number}");
        place.shop.account(&account, mute.port(), json!({}));
        batch.extend(letters(&place.shop, &account, &account, 0..15));
    }
    place.shop.send(&batch);
    until("the dead ones to be tried", || {
        (mute.connections() >= DEAD_ACCOUNTS).then_some(())
    });
    for number in 0..5 {
        let id = format!("living{number}");
        let began = Instant::now();
        place.shop.send(&[place.shop.message(&id, &address(&id))]);
        until("it to arrive", || {
            (place.sink.count() > number).then_some(())
        });
        let took = began.elapsed();
        assert!(took < PROMPT, "{took:?}");
        println!("{} mute connections, {took:?}", mute.connections());
    }
}
