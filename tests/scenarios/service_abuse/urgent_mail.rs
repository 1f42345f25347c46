//! Urgent mail does not wait for the bulk that was there before it.

use serde_json::json;

use super::letters::{address, hand_over};
use crate::harness::{Home, Service, Sink, amount, until};

const BULK: usize = 10_000;
/// How much bulk may arrive before an urgent message that was handed over after it.
const OVERTAKEN_MAX: usize = 50;

#[test]
fn an_urgent_message_overtakes_the_bulk_of_its_account() {
    let (home, sink) = (
        Home::new(),
        Sink::start(&["--rule", "*: stall 50ms at end"]),
    );
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    hand_over(&shop, "main", "bulk", BULK);
    until("some of the bulk", || (sink.count() >= 100).then_some(()));
    for number in 0..amount(5, 50) {
        let id = format!("urgent{number}");
        let mut message = shop.message(&id, &address(&id));
        message["priority"] = json!("immediate");
        let before = sink.count();
        shop.send(&[message]);
        let place = until("the urgent message", || {
            let received = sink.recipients();
            received.iter().position(|one| *one == address(&id))
        });
        let overtaken = place.saturating_sub(before);
        println!("{overtaken} of the bulk came before {id}");
        assert!(overtaken <= OVERTAKEN_MAX, "{overtaken}");
    }
    assert!(sink.count() < BULK, "there was no bulk left to overtake");
}
