//! The service as a whole: shown, changed, stopped from sending, and its tokens.

use serde_json::json;

use super::cli::{Cli, has};
use crate::harness::{Home, Service, Sink};

#[test]
fn the_service_is_shown_and_changed() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    home.write("password", "canary");
    let updated = cli.ok(&[
        "instance",
        "update",
        "--name",
        "mail of Acme",
        "--bounce-imap-host",
        "imap.example.com",
        "--bounce-imap-user",
        "bounces",
        "--bounce-imap-password-file",
        "password",
        "--bounce-poll-interval",
        "30",
    ]);
    assert_eq!(updated, "done\n");
    let shown = cli.ok(&["instance", "show"]);
    has(
        &shown,
        &[
            "mail of Acme",
            "imap.example.com",
            "bounce_poll_interval  30",
        ],
    );
    assert!(!shown.contains("canary"), "{shown}");
    has(&cli.ok(&["instance", "reload-bounce"]), &["enabled"]);
    assert_eq!(cli.ok(&["instance", "run-now"]), "done\n");
    assert_eq!(cli.json(&["run-now"]), json!({"ok": true}));
    assert_eq!(cli.ok(&["run-now", "--tenant", "default"]), "done\n");
    has(
        &cli.error(1, &["run-now", "--tenant", "nobody"]),
        &["tenant not found"],
    );
}

#[test]
fn sending_stops_and_goes_on() {
    let (home, sink) = (Home::new(), Sink::start(&[]));
    let service = Service::start(&home);
    let shop = service.tenant("shop", sink.port());
    // A tenant in the environment does not make it that tenant's alone.
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "shop");
    has(&cli.ok(&["instance", "suspend"]), &["active  no"]);
    shop.send(&[shop.message("m", "bob@example.org")]);
    let status = cli.json(&["instance", "status"]);
    assert_eq!(status["active"], false);
    assert_eq!(status["pending_messages"], 1);
    has(&cli.ok(&["stats"]), &["sending is suspended"]);
    has(&cli.ok(&["instance", "activate"]), &["active  yes"]);
    service.until_done();
    assert_eq!(sink.count(), 1);
}

#[test]
fn the_operator_gets_a_second_token_without_losing_the_first() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    assert_eq!(cli.ok(&["instance", "token"]).trim(), service.admin);
    let made = cli.ok(&["instance", "token", "--regenerate"]);
    assert_ne!(made.trim(), service.admin);
    let second = Cli::new(&home, &service).with("GLASSPOST_ADMIN_TOKEN", made.trim());
    second.ok(&["instance", "status"]);
    let said = second.json(&["instance", "token"]);
    assert_eq!(
        said,
        json!({"token": made.trim(), "from": "GLASSPOST_ADMIN_TOKEN"})
    );
    cli.ok(&["instance", "status"]);
    cli.ok(&["instance", "token", "--regenerate"]);
    has(
        &second.error(1, &["instance", "status"]),
        &["GLASSPOST_ADMIN_TOKEN"],
    );
}
