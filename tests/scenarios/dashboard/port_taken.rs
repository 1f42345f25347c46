//! A campaign does not begin without the dashboard that it was asked to have.

use std::net::TcpListener;

use super::scene::{people, write_list};
use crate::harness::{Home, Sink};

#[test]
fn a_port_that_is_taken_is_said_and_nothing_is_sent() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(3));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let args = ["--csv", "list.csv", "--text", "Hello"];
    let watched = ["--monitor", "--monitor-port", &port];
    let finished = home.send(&[&args[..], &watched].concat()).expect_code(1);
    for word in [port.as_str(), "--monitor-port", "taken"] {
        assert!(finished.stderr.contains(word), "{word} in {finished}");
    }
    let report = home.glasspost(&["report"]).wait().expect_code(1);
    assert!(report.stderr.contains("no "), "{report}");
    // The same command once the port is free: only now somebody connects to the relay.
    drop(taken);
    let again = [&args[..], &watched, &["--monitor-linger", "0s"]].concat();
    home.send(&again).expect_code(0);
    assert_eq!(sink.stop()["connections"], 1);
}
