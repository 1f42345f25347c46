//! A relay that is not there is said on the dashboard, and the command ends as it does without one.

use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Home, Hook, Sink, free_port, wait_for_the_end};

#[test]
fn it_is_shown_and_the_code_stays() {
    let (home, hook) = (Home::new(), Hook::answering(&[200]));
    home.relay(free_port());
    write_list(&home, &people(7));
    let url = hook.url();
    let args = [
        "--retries",
        "0",
        "--webhook",
        &url,
        "--monitor-linger",
        "10m",
    ];
    let (mut process, dashboard) = watch(&home, &args);
    let mut updates = dashboard.follow();
    wait_for_the_end(&mut process);
    let figures = Figures::of(&dashboard.json("/api/stats"));
    assert_eq!(
        (figures.pending, figures.total),
        (7, 7),
        "it costs nobody a try"
    );
    assert_eq!(dashboard.get("/ready").status, 503);
    assert_eq!(dashboard.get("/health").status, 200);
    process.signal("INT");
    let last = updates.last();
    assert_eq!(last["stage"], "unreachable");
    let trouble = last["trouble"].as_str().unwrap_or_default();
    assert!(trouble.contains("refused"), "{last}");
    let finished = process.wait().expect_code(5);
    assert!(finished.stderr.contains("--resume"), "{finished}");
    assert_eq!(hook.posts()[0].json()["status"], "failed");

    let sink = Sink::start(&[]);
    home.relay(sink.port());
    let resumed = ["--csv", "list.csv", "--text", "Hello", "--resume"];
    home.send(&resumed).expect_code(0);
    assert_eq!(sink.count(), 7);
}
