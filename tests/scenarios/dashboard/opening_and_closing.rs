//! The dashboard is there before the first message and a while after the last, and closes in good order.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::scene::{people, watch, watch_sending, write_list};
use crate::harness::{
    Dashboard, Home, Hook, Moment, Process, Relay, Sink, until, wait_for_the_end,
};

/// How long it stays when nobody says otherwise.
const LINGER: Duration = Duration::from_secs(5);
/// What ending takes at most on a busy machine, and how late a line may be seen.
const LEEWAY: Duration = Duration::from_secs(3);

/// A relay that greets nobody until it is released.
fn held_relay() -> (Relay, Arc<AtomicBool>) {
    let is_released = Arc::<AtomicBool>::default();
    let released = Arc::clone(&is_released);
    let relay = Relay::start(move |moment| {
        if let Moment::Greeting(_) = moment {
            until("the release", || {
                released.load(Ordering::SeqCst).then_some(())
            });
        }
        None
    });
    (relay, is_released)
}

#[test]
fn it_answers_before_the_first_message_leaves() {
    let list = ["--csv", "list.csv", "--text", "Hello"];
    let one = ["--to", "ada@good.example", "--text", "Hello"];
    let cases: [(&[&str], u64); 3] = [
        (&list, 30),
        (&[&list[..], &["-c", "20"]].concat(), 30),
        (&one, 1),
    ];
    for (args, total) in cases {
        let ((relay, is_released), home) = (held_relay(), Home::new());
        home.relay(relay.port());
        write_list(&home, &people(30));
        let args = [args, &["--monitor-linger", "10m"]].concat();
        let (mut process, dashboard) = watch_sending(&home, &args);
        let first = Figures::of(&dashboard.json("/api/stats"));
        assert_eq!((first.sent, first.failed), (0, 0));
        assert!(relay.taken().is_empty());
        let mut updates = dashboard.follow();
        let held = updates.until("the list", |update| update["total_recipients"] == total);
        assert_eq!(Figures::of(&held).sent, 0);
        is_released.store(true, Ordering::SeqCst);
        wait_for_the_end(&mut process);
        let stats = dashboard.json("/api/stats");
        assert_eq!(Figures::of(&stats), Figures::of_the_end(total, 0));
        assert_eq!(relay.taken().len() as u64, total);
        process.signal("INT");
        process.wait().expect_code(0);
    }
}

/// A campaign that is over at once, and how long its dashboard stayed.
fn lingered(args: &[&str]) -> Duration {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    let to = ["--to", "ada@good.example", "--text", "Hello"];
    let (mut process, dashboard) = watch_sending(&home, &[&to, args].concat());
    let mut updates = dashboard.follow();
    wait_for_the_end(&mut process);
    let ended = Instant::now();
    let stats = dashboard.json("/api/stats");
    assert_eq!(Figures::of(&stats), Figures::of_the_end(1, 0));
    let last = updates.last();
    assert_eq!(last["stage"], "completed");
    assert_eq!(Figures::of(&last), Figures::of_the_end(1, 0));
    let finished = process.wait().expect_code(0);
    assert!(finished.stdout.contains("Completed in"), "{finished}");
    ended.elapsed()
}

#[test]
fn it_stays_five_seconds_or_as_long_as_was_said() {
    let (usual, short) = (
        thread::spawn(|| lingered(&[])),
        thread::spawn(|| lingered(&["--monitor-linger", "1500ms"])),
    );
    for (thread, expected) in [(usual, LINGER), (short, Duration::from_millis(1_500))] {
        let lingered = thread.join().unwrap();
        println!("{expected:?}: {lingered:?}");
        assert!(lingered > expected - Duration::from_secs(1), "{lingered:?}");
        assert!(lingered < expected + LEEWAY, "{lingered:?}");
    }
}

#[test]
fn the_webhook_is_told_at_the_end_and_not_when_the_dashboard_closes() {
    let (home, sink, hook) = (Home::new(), Sink::start(&[]), Hook::answering(&[200]));
    home.relay(sink.port());
    write_list(&home, &people(20));
    let url = hook.url();
    let args = ["--webhook", &url, "--monitor-linger", "10m"];
    let (process, dashboard) = watch(&home, &args);
    let told = until("the webhook", || hook.posts().pop()).json();
    assert_eq!(told["status"], "completed");
    assert_eq!(told["successful_deliveries"], 20);
    let stats = dashboard.json("/api/stats");
    assert_eq!(Figures::of(&stats), Figures::of_the_end(20, 0));
    process.signal("INT");
    process.wait().expect_code(0);
    assert_eq!(hook.posts().len(), 1);
}

/// A campaign that takes long, in its midst.
fn under_way(args: &[&str]) -> (Home, Sink, Process, Dashboard) {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(1_000));
    let (process, dashboard) = watch(&home, &[&["--rate", "50"], args].concat());
    until("some messages", || (sink.count() >= 10).then_some(()));
    (home, sink, process, dashboard)
}

#[test]
fn ctrl_c_during_the_run_ends_both_in_good_order() {
    let (home, sink, process, dashboard) = under_way(&["-c", "4", "--monitor-linger", "10m"]);
    let mut followers: Vec<_> = (0..3).map(|_| dashboard.follow()).collect();
    for follower in &mut followers {
        follower.next().unwrap();
    }
    let asked = Instant::now();
    process.signal("INT");
    // Each stream ends with the last figures, and not by a cut.
    let ends: Vec<_> = followers.iter_mut().map(|updates| updates.last()).collect();
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < LEEWAY * 2, "{finished}");
    assert!(finished.stderr.contains("interrupted; "), "{finished}");
    let sent = sink.count();
    for end in ends {
        assert_eq!(end["stage"], "interrupted");
        assert_eq!(Figures::of(&end).sent, sent as u64);
    }
    let statuses = home.exact_account();
    let delivered = statuses.values().filter(|one| *one == "delivered").count();
    assert_eq!(delivered, sent);
}

#[test]
fn ctrl_c_while_it_stays_closes_it_at_once() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    home.relay(sink.port());
    write_list(&home, &people(5));
    let (mut process, dashboard) = watch(&home, &["--monitor-linger", "10m"]);
    let mut updates = dashboard.follow();
    wait_for_the_end(&mut process);
    let asked = Instant::now();
    process.signal("INT");
    assert_eq!(Figures::of(&updates.last()), Figures::of_the_end(5, 0));
    let finished = process.wait().expect_code(0);
    assert!(asked.elapsed() < LEEWAY, "{finished}");
    assert!(finished.stdout.contains("Completed in"), "{finished}");
    assert_eq!(home.exact_account().len(), 5);
}

#[test]
fn a_client_that_never_ends_its_request_does_not_hold_the_end() {
    let (_home, _sink, process, dashboard) = under_way(&[]);
    let mut half = TcpStream::connect(dashboard.address).unwrap();
    half.write_all(b"GET /api/stats HTTP/1.1\r\nHost: ")
        .unwrap();
    let mut kept = TcpStream::connect(dashboard.address).unwrap();
    let whole = format!(
        "GET /health HTTP/1.1\r\nHost: {}\r\n\r\n",
        dashboard.address
    );
    kept.write_all(whole.as_bytes()).unwrap();
    let asked = Instant::now();
    process.signal("INT");
    let finished = process.wait().expect_code(1);
    assert!(asked.elapsed() < LINGER + LEEWAY * 2, "{finished}");
}
