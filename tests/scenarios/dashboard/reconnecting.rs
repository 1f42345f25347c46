//! Whoever loses the stream and comes back goes on where it was.

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Home, Sink, Updates, wait_for_the_end};

#[test]
fn a_stream_goes_on_after_the_last_update_that_came() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(200));
    let (mut process, dashboard) = watch(&home, &["--rate", "50", "--monitor-linger", "10m"]);
    let request = dashboard.request("GET", "/api/stream");
    let mut updates = dashboard.follow();
    let first = updates.next().unwrap();
    assert_eq!(first.data["kind"], "snapshot");
    let (mut latest, mut log) = (first.id.unwrap(), Vec::new());
    for _ in 0..4 {
        // Two updates, then the connection is lost, and one more comes while nobody is there.
        for _ in 0..2 {
            let update = updates.next().unwrap();
            assert_eq!(update.data["kind"], "delta");
            assert_eq!(update.id, Some(latest + 1));
            latest += 1;
            log.extend(lines(&update.data));
        }
        drop(updates);
        dashboard.follow().until("something new", |update| {
            update["id"].as_u64() > Some(latest)
        });
        let again = request.clone().header("Last-Event-ID", &latest.to_string());
        updates = Updates::follow(dashboard.address, &again);
    }
    wait_for_the_end(&mut process);
    process.signal("INT");
    while let Some(update) = updates.next() {
        assert_eq!(update.id, Some(latest + 1));
        latest += 1;
        log.extend(lines(&update.data));
        Figures::of(&update.data);
    }
    // No line of the log was missed, and none came twice.
    assert!(log.windows(2).all(|two| two[0] + 1 == two[1]), "{log:?}");
    process.wait().expect_code(0);
}

/// The numbers of an update's lines of the log.
fn lines(update: &serde_json::Value) -> Vec<u64> {
    let lines = update["log"].as_array().into_iter().flatten();
    lines.map(|line| line["number"].as_u64().unwrap()).collect()
}

#[test]
fn an_id_of_another_process_gets_everything_anew() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(3));
    let (mut process, dashboard) = watch(&home, &["--monitor-linger", "10m"]);
    wait_for_the_end(&mut process);
    for id in ["0", "7", "18446744073709551615", "no number"] {
        let request = dashboard.request("GET", "/api/stream");
        let again = request.header("Last-Event-ID", id);
        let first = Updates::follow(dashboard.address, &again).next().unwrap();
        assert_eq!(first.data["kind"], "snapshot", "{id}");
        assert_eq!(Figures::of(&first.data), Figures::of_the_end(3, 0));
    }
    process.signal("INT");
    process.wait().expect_code(0);
}
