//! The dashboard of a run that is taken up again shows the whole run, also what a killed process had sent.

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Home, Sink, until, wait_for_the_end};

const RECIPIENTS: usize = 120;

#[test]
fn what_the_killed_process_had_sent_is_shown() {
    let (home, sink) = (Home::new(), Sink::start(&["--rule", "*7@*: refuse"]));
    home.relay(sink.port());
    write_list(&home, &people(RECIPIENTS));
    let (process, dashboard) = watch(&home, &["--rate", "40"]);
    let job = dashboard.job();
    until("a third", || (sink.count() >= RECIPIENTS / 3).then_some(()));
    process.kill();
    let before = home.report(&[])["books"]["delivered"].as_u64().unwrap();
    assert!(before > 0);

    let args = ["--rate", "40", "--resume", "--monitor-linger", "10m"];
    let (mut process, dashboard) = watch(&home, &args);
    assert_eq!(dashboard.job(), job);
    let first = dashboard.follow().next().unwrap().data;
    let figures = Figures::of(&first);
    assert!(figures.sent >= before, "{figures:?}");
    assert_eq!(figures.total, RECIPIENTS as u64);
    wait_for_the_end(&mut process);
    let end = Figures::of_the_end(RECIPIENTS as u64 / 10 * 9, RECIPIENTS as u64 / 10);
    assert_eq!(Figures::of(&dashboard.json("/api/stats")), end);
    assert_eq!(
        dashboard.metrics()["mailgrid_emails_sent_total"],
        end.sent as f64
    );
    let whole = dashboard.follow().next().unwrap().data;
    let points = whole["points"].as_array().unwrap();
    let sent: u64 = points
        .iter()
        .map(|point| point["sent"].as_u64().unwrap())
        .sum();
    assert_eq!(sent, end.sent);
    process.signal("INT");
    process.wait().expect_code(0);
    home.exact_account();
}
