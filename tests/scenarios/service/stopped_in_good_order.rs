//! A stop finishes what is under way and loses nothing (promise: P-06).

use std::time::{Duration, Instant};

use crate::harness::{Home, Service, Sink, until};

#[test]
fn a_stop_drains_and_a_start_goes_on() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "*: stall 20ms"]);
    let mut service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let messages: Vec<_> = (0..1000)
        .map(|n| shop.message(&format!("m{n}"), &format!("p{n}@example.org")))
        .collect();
    shop.send(&messages);
    until("the first", || (sink.count() > 10).then_some(()));
    let asked = Instant::now();
    service.process.signal("TERM");
    until("its end", || service.process.has_ended().then_some(()));
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    let log = service.process.stdout();
    assert!(
        !log.contains(" WARNING ") && !log.contains(" ERROR "),
        "what a stop cuts off is no trouble: {log}"
    );
    let before = sink.count();
    assert!(before < 1000);
    let service = Service::start(&home);
    assert_eq!(
        service.metrics()["gmp_pending_messages"],
        (1000 - before) as f64
    );
    service.until_done();
    assert_eq!(sink.count(), 1000, "each once");
}
