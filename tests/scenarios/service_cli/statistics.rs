//! What happened in each hour, day or month, with the sum of it, and counted anew.

use super::cli::{Cli, has};
use crate::harness::{Application, Home, Service, Sink, until};

/// Two messages of a shop that arrived and one that was refused, all of it counted.
fn shop_with_mail(service: &Service, sink: &Sink, cli: &Cli<'_>) -> Application {
    let shop = service.tenant("shop", sink.port());
    shop.send(&[
        shop.message("a", "bob@example.org"),
        shop.message("b", "carol@example.org"),
        shop.message("c", "nobody@example.org"),
    ]);
    until("the count of all", || {
        let total = cli.json(&["statistics"])["total"].clone();
        (total["delivered"] == 2 && total["bounced"] == 1).then_some(())
    });
    shop
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn each_span_is_a_row_and_their_sum_the_last() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "nobody@*: refuse 550 5.1.1 \"no such user\""]);
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let shop = shop_with_mail(&service, &sink, &cli);
    service.tenant("other", sink.port());

    let text = cli.ok(&["statistics", "--by", "month", "--each", "account"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        words(lines[0])[..7],
        [
            "FROM",
            "TENANT",
            "ID",
            "ACCOUNT",
            "ID",
            "ACCEPTED",
            "DELIVERED"
        ]
    );
    assert_eq!(words(lines[1])[1..5], ["shop", "main", "3", "2"], "{text}");
    assert_eq!(words(lines[2])[..5], ["all", "-", "-", "3", "2"], "{text}");
    has(lines.last().unwrap(), &["counted until 2"]);

    let of_other = cli.ok(&["statistics", "--tenant", "other"]);
    has(&of_other, &["Nothing happened in this time."]);
    let own = Cli::new(&home, &service).with("GMP_API_TOKEN", &shop.key);
    assert_eq!(
        own.json(&["statistics", "--by", "hour"])["total"]["accepted"],
        3
    );
    let foreign = own.error(1, &["statistics", "--tenant", "other"]);
    has(&foreign, &["another tenant's"]);
    let before = [
        "statistics",
        "--from",
        "2001-01-01",
        "--until",
        "2001-02-01",
    ];
    assert_eq!(cli.json(&before)["until"], "2001-02-01T00:00:00Z");

    let long = cli.error(1, &["statistics", "--by", "hour", "--from", "2001-01-01"]);
    has(
        &long,
        &["from: at most 1000 hours", "choose a shorter time"],
    );
    has(
        &cli.error(2, &["statistics", "--by", "week"]),
        &["hour, day, month"],
    );
    has(
        &cli.error(2, &["statistics", "--from", "soon"]),
        &["--from", "2027-01-31"],
    );
    let prompt = cli.fed("use shop\nstatistics --each total\n", &["connect"]);
    has(&prompt.expect(0).stdout, &["DELIVERED", "all"]);
}

#[test]
fn counting_anew_needs_no_service_and_says_what_it_found() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "nobody@*: refuse 550 5.1.1 \"no such user\""]);
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    shop_with_mail(&service, &sink, &cli);
    let rebuild = ["statistics", "rebuild"];
    has(
        &cli.ok(&rebuild),
        &[
            "all hours counted anew from 6 events in ",
            "nothing differed\n",
        ],
    );
    let month = [&rebuild[..], &["--month", "2001-02"]].concat();
    has(&cli.ok(&month), &["672 hours counted anew from 0 events"]);
    service.stop();
    assert_eq!(cli.json(&rebuild)["counted"], 6);

    has(
        &cli.error(2, &[&rebuild[..], &["--month", "2001-13"]].concat()),
        &["--month", "such as 2026-11"],
    );
    let nowhere = [&rebuild[..], &["--data", "nowhere"]].concat();
    has(
        &cli.error(2, &nowhere),
        &["there is no data file in nowhere"],
    );
    assert!(!home.path().join("nowhere").exists());
}
