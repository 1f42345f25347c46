//! What an answer rests on when power fails, proven by the order of system calls: messages are on disk before the
//! first byte of the answer that they were taken, and before their envelopes leave (promise: P-01).

use std::fs;
use std::thread;

use serde_json::json;

use super::letters::address;
use crate::durability::trace::Trace;
use crate::harness::{Application, Home, Process, Service, Sink, program, until};

const CLIENTS: usize = 4;
const REQUESTS: usize = 25;

#[test]
fn nothing_is_answered_or_sent_before_it_is_on_disk() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let strace = follow(&home, &service);
    let requests = post_from_many(&shop);
    service.until_done();
    // Whom it follows goes on.
    strace.signal("TERM");
    strace.wait();
    let text = fs::read_to_string(home.path().join("trace.txt")).unwrap();
    let people: Vec<String> = requests
        .iter()
        .map(|(address, _)| address.clone())
        .collect();
    let trace = Trace::parse(&text);
    trace.check_answered(&requests).unwrap();
    trace.check_accepted(&people).unwrap();
    // The same calls without the syncs are found out, so it was they that were seen.
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("sync")).collect();
    let found = Trace::parse(&without.join("\n")).check_answered(&requests);
    assert!(found.unwrap_err().contains("synced"));
}

/// Begins to write down what the service does.
fn follow(home: &Home, service: &Service) -> Process {
    let calls = "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";
    let id = service.process.id().to_string();
    let mut command = program("strace");
    command
        .args(["-f", "-yy", "-s", "70000", "-e", calls])
        .args(["-o", "trace.txt", "-p", &id])
        .current_dir(home.path());
    let strace = Process::start("strace", &mut command);
    until("strace", || {
        strace.stderr().contains("attached").then_some(())
    });
    strace
}

/// Several clients at once, so that several share one commit. Each request has a message that is taken, and one that
/// cannot be, whose id comes back: by it the answer is known. Gives what is kept of each, and what is said to it.
fn post_from_many(shop: &Application) -> Vec<(String, String)> {
    let post = |client: usize| {
        (0..REQUESTS).map(move |number| {
            let (id, wrong) = (
                format!("m-{client}-{number}-"),
                format!("w-{client}-{number}-"),
            );
            let answer = shop.send(&[
                shop.message(&id, &address(&id)),
                json!({"id": wrong, "tenant_id": shop.tenant}),
            ]);
            assert_eq!(answer["queued"], 1, "{answer}");
            (address(&id), wrong)
        })
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || post(client).collect::<Vec<_>>()))
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    })
}
