//! What goes through the service, in total, by tenant and by account, once and again and again.

use super::cli::{Cli, has};
use crate::harness::{Home, Service, Sink, until};

#[test]
fn the_figures_are_those_of_the_mail() {
    let home = Home::new();
    let sink = Sink::start(&["--rule", "nobody@*: refuse 550 5.1.1 \"no such user\""]);
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    let cli = Cli::new(&home, &service);
    shop.send(&[
        shop.message("a", "bob@example.org"),
        shop.message("b", "carol@example.org"),
        shop.message("c", "nobody@example.org"),
    ]);
    service.until_done();
    let traffic = cli.json(&["stats"]);
    assert_eq!(traffic["totals"]["accepted"], 3);
    assert_eq!(traffic["totals"]["sent"], 2);
    assert_eq!(traffic["totals"]["errors"], 1);
    let text = cli.ok(&["stats"]);
    has(
        &text,
        &["ACCEPTED", "TENANT ID", "ACCOUNT ID", "shop", "main"],
    );
    let account = text.lines().find(|line| line.contains("main")).unwrap();
    let words: Vec<&str> = account.split_whitespace().collect();
    assert_eq!(words[..5], ["shop", "main", "3", "2", "1"], "{text}");
}

#[test]
fn watching_goes_on_until_it_is_interrupted() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let watching = home.glasspost_with(&cli.variables(), &["stats", "--watch=1", "--json"]);
    until("two looks", || {
        (watching.stdout().lines().count() >= 2).then_some(())
    });
    watching.signal("INT");
    watching.wait().expect_code(0);
    has(&cli.error(2, &["stats", "--watch=0"]), &["--watch"]);
}
