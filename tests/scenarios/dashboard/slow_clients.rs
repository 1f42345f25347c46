//! Clients that send half a request, or ask for the stream and read nothing: they are closed, those who read are
//! told in time, and the campaign goes on (bars: slowloris, SSE clients).

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::Clock;

use super::crowd::{connect, is_closed, write_only};
use super::figures::Figures;
use super::scene::{people, watch, write_list};
use crate::harness::{Dashboard, Home, Sink, Updates, amount, until, wait_for_the_end};

/// Who reads what comes.
const HEALTHY: usize = 20;
/// By when everybody is closed who does not go on.
const CLOSED_WITHIN: Duration = Duration::from_secs(35);
/// How late an update may come to all but one in a hundred.
const LAG_MAX: Duration = Duration::from_secs(1);
/// Messages a second.
const RATE: usize = 100;
/// Each is refused, which is said with words: the activity log is long, and so is the stream's first message.
const RULE: [&str; 2] = [
    "--rule",
    "*: refuse 550 5.1.1 \"this mailbox moved away and left no address\"",
];
/// Lines that the activity log has before anybody stalls.
const LINES: u64 = 600;

/// How late each update came.
type Lags = Vec<Duration>;

#[test]
fn they_are_closed_and_nobody_else_feels_it() {
    let (halves, stalled) = (amount(300, 5_000), amount(300, 1_000));
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let recipients = RATE * amount(22, 45);
    let (home, sink) = (Home::new(), Sink::start(&RULE));
    home.relay(sink.port());
    write_list(&home, &people(recipients));
    let rate = RATE.to_string();
    let args = [
        "-c",
        "4",
        "--rate",
        &rate,
        "--monitor-linger",
        "10m",
        "--log-level",
        "error",
    ];
    let (mut process, dashboard) = watch(&home, &args);
    dashboard.follow().until("a long log", |update| {
        update["failed_count"].as_u64() >= Some(LINES)
    });

    let is_over = Arc::<AtomicBool>::default();
    let healthy = start_healthy(&dashboard, &is_over);
    let began = Instant::now();
    let half = format!(
        "GET /api/stats HTTP/1.1\r\nHost: {}\r\nX-Half",
        dashboard.address
    );
    let whole = format!(
        "GET /api/stream HTTP/1.1\r\nHost: {}\r\n\r\n",
        dashboard.address
    );
    let crowds = [
        write_only(&dashboard, HEALTHY..HEALTHY + halves, &half),
        write_only(
            &dashboard,
            HEALTHY + halves..HEALTHY + halves + stalled,
            &whole,
        ),
    ];
    println!("all there after {:?}", began.elapsed());
    for (name, crowd) in ["half requests", "stalled readers"].iter().zip(crowds) {
        wait_until_closed(name, crowd, began);
    }
    let metrics = dashboard.metrics();
    assert_eq!(metrics["glasspost_stream_clients"], HEALTHY as f64);
    let dropped = metrics["glasspost_stream_clients_dropped_total"];
    assert_eq!(dropped, stalled as f64);
    let stats = dashboard.json("/api/stats");
    assert!(
        Figures::of(&stats).failed > LINES,
        "the campaign stands still"
    );
    wait_for_the_end(&mut process);
    is_over.store(true, Ordering::SeqCst);
    process.signal("INT");
    let lags = healthy
        .into_iter()
        .flat_map(|thread| thread.join().unwrap());
    check(lags.collect());
    process.wait().expect_code(0);
    assert_eq!(home.exact_account().len(), recipients);
}

fn start_healthy(dashboard: &Dashboard, is_over: &Arc<AtomicBool>) -> Vec<JoinHandle<Lags>> {
    let start = |number| {
        let stream = connect(dashboard.address, number);
        let (request, is_over) = (dashboard.request("GET", "/api/stream"), Arc::clone(is_over));
        thread::spawn(move || follow(Updates::over(stream, &request), &is_over))
    };
    (0..HEALTHY).map(start).collect()
}

/// Reads to the end. None is missed, and none of those that came while the campaign went on is forgotten.
fn follow(mut updates: Updates, is_over: &AtomicBool) -> Lags {
    let clock = Clock::system();
    let (mut lags, mut latest) = (Lags::new(), None);
    while let Some(update) = updates.next() {
        let at: Timestamp = update.data["at"].as_str().unwrap().parse().unwrap();
        let late_ms = clock.now().as_millis() - at.as_millisecond();
        let id = update.id.unwrap();
        assert!(
            latest.is_none_or(|latest| id == latest + 1),
            "{latest:?}, then {id}"
        );
        // The first one is as old as the latest change.
        if latest.is_some() && !is_over.load(Ordering::SeqCst) {
            lags.push(Duration::from_millis(late_ms.max(0) as u64));
        }
        latest = Some(id);
    }
    lags
}

fn wait_until_closed(name: &str, mut crowd: Vec<TcpStream>, began: Instant) {
    let count = crowd.len();
    until(name, || {
        crowd.retain(|stream| !is_closed(stream));
        let is_late = began.elapsed() > CLOSED_WITHIN;
        assert!(!is_late, "{} of {count} {name} are not closed", crowd.len());
        crowd.is_empty().then_some(())
    });
    println!("{count} {name} closed after {:?}", began.elapsed());
}

fn check(mut lags: Lags) {
    lags.sort();
    assert!(lags.len() > HEALTHY * 20, "only {} updates", lags.len());
    let [median, p99] = [50, 99].map(|percent| lags[lags.len() * percent / 100]);
    println!("{} updates: {median:?} late, p99 {p99:?}", lags.len());
    assert!(p99 < LAG_MAX, "p99 {p99:?}");
}
