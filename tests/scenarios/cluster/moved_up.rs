//! An installation grows out of one machine: its data file is copied into a database, and several processes go on from there
//! with nothing lost and nothing sent twice.

use model::Clock;
use serde_json::{Value, json};

use crate::harness::cluster::Cluster;
use crate::harness::{Application, Home, Installation, KEY, Service, Sink, until};

const DONE: usize = 200;
const WAITING: usize = 200;
const DEFERRED: usize = 50;

fn hand_over(shop: &Application, prefix: &str, count: usize, later_s: f64) {
    let now = Clock::system().now().as_millis() as f64 / 1e3;
    let messages: Vec<Value> = (0..count)
        .map(|number| {
            let id = format!("{prefix}{number}");
            let mut message = shop.message(&id, &format!("{id}@example.org"));
            message["deferred_ts"] = json!(now + later_s);
            message
        })
        .collect();
    assert_eq!(shop.send(&messages)["queued"], count);
}

/// The counts that a service shows of the account.
fn counts(service: &Service) -> Vec<(String, f64)> {
    let names = ["gmp_sent_total", "gmp_errors_total", "gmp_deferred_total"];
    let pending = service.metrics()["gmp_pending_messages"];
    let counts = names.map(|name| (name.to_owned(), service.count(name, "main")));
    let pending = [("gmp_pending_messages".to_owned(), pending)];
    counts.into_iter().chain(pending).collect()
}

#[test]
fn a_service_goes_on_in_a_database_where_its_data_file_ended() {
    let home = Home::new();
    let sink = Sink::start(&[
        "--rule",
        "deferred*@*: defer 451 4.7.1 \"greylisted\" times 1",
        "--rule",
        "bad*@*: refuse",
    ]);
    let variables = [
        ("MAIL_PROXY_ENCRYPTION_KEY", KEY),
        // What was put off once waits until after the move.
        ("GLASSPOST_RETRY_DELAYS", "5,5,5"),
    ];
    let service = Service::start_with(&home, &variables);
    let shop = service.tenant("shop", sink.port());
    hand_over(&shop, "done", DONE, -1.0);
    hand_over(&shop, "bad", 10, -1.0);
    service.until_done();
    hand_over(&shop, "waiting", WAITING, 6.0);
    hand_over(&shop, "deferred", DEFERRED, -1.0);
    until("what is put off", || {
        (service.count("gmp_deferred_total", "main") == DEFERRED as f64).then_some(())
    });
    let before = counts(&service);
    let history = shop.record("done7");
    service.stop();

    let database = Cluster::shared().database();
    let address = database.address().to_owned();
    let copied = home.glasspost(&["copy", "--from", "sqlite:", "--to", &address]);
    let copied = copied.wait().expect_code(0);
    assert!(copied.stdout.contains("the books agree"), "{copied}");
    assert_eq!(sink.count(), DONE);

    let installation = Installation::start_at(database, address, &["api,worker", "smtp", "smtp"]);
    let service = installation.node(0);
    let shop = shop.at(service);
    assert_eq!(counts(service), before);
    assert_eq!(shop.record("done7"), history);
    installation.until_sent();
    assert_eq!(sink.each_once(), DONE + WAITING + DEFERRED);
    // An id that was used there is known here.
    let again = shop.send(&[shop.message("waiting0", "waiting0@example.org")]);
    assert_eq!(again["rejected"][0]["reason"], "already sent");
    assert_eq!(service.metrics()["glasspost_service_books_balance"], 1.0);
}
