//! Two processes on one data folder: whatever they do at once, nothing is delivered twice and nothing is lost.

use std::time::Duration;

use super::letters::{assert_each_once, hand_over};
use crate::harness::{Home, Service, Sink, until, until_within};

const MESSAGES: usize = 400;
/// After how long a service looks for mail that another process accepted, and what a busy machine may add.
const LOOKS_AGAIN: Duration = Duration::from_secs(60 + 30);

#[test]
fn two_services_on_one_folder_deliver_each_message_once() {
    let (home, sink) = (
        Home::new(),
        Sink::start(&["--rule", "*: stall 10ms at end"]),
    );
    let first = Service::start(&home);
    let shop = first.tenant("shop", sink.port());
    let second = Service::start(&home);
    let mut all = Vec::new();
    for round in 0..4 {
        all.extend(hand_over(&shop, "main", &format!("a{round}"), MESSAGES));
        let there = shop.at(&second);
        all.extend(hand_over(&there, "main", &format!("b{round}"), MESSAGES));
    }
    first.until_done();
    assert_each_once(&sink.recipients(), &all);
    for service in [&first, &second] {
        assert_eq!(service.count("gmp_sent_total", "main"), all.len() as f64);
    }
}

#[test]
fn what_one_service_leaves_the_other_delivers() {
    let (home, sink) = (
        Home::new(),
        Sink::start(&["--rule", "*: stall 10ms at end"]),
    );
    let first = Service::start(&home);
    let shop = first.tenant("shop", sink.port());
    let second = Service::start(&home);
    let all = hand_over(&shop, "main", "m", MESSAGES);
    until("some messages", || (sink.count() > 20).then_some(()));
    first.process.signal("TERM");
    first.process.wait().expect_code(0);
    assert!(sink.count() < MESSAGES, "nothing was left");
    until_within(LOOKS_AGAIN, "what was left", || {
        (sink.count() >= MESSAGES).then_some(())
    });
    second.until_done();
    assert_each_once(&sink.recipients(), &all);
}

#[test]
fn a_campaign_is_sent_beside_a_running_service() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    home.relay(sink.port());
    let people: Vec<String> = (0..200)
        .map(|n| format!("reader-{n}@example.org"))
        .collect();
    home.write_list("list.csv", people.iter().map(String::as_str));
    let campaign = home.start_send(&["-f", "list.csv", "-s", "Hi", "--text", "Hello"]);
    let mut all = hand_over(&shop, "main", "m", MESSAGES);
    campaign.wait().expect_code(0);
    service.until_done();
    all.extend((0..200).map(|n| format!("reader-{n}")));
    assert_each_once(&sink.recipients(), &all);
    assert!(
        home.exact_account()
            .values()
            .all(|status| status == "delivered")
    );
    assert_eq!(service.count("gmp_sent_total", "main"), MESSAGES as f64);
    assert_eq!(service.metrics()["glasspost_service_books_balance"], 1.0);
}
