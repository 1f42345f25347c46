//! An account's life, and its password, which is never on the command line and never shown.

use super::cli::{Cli, has};
use super::terminal::Terminal;
use crate::harness::{Home, Service};

#[test]
fn an_account_lives_from_add_to_delete() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "default");
    home.write("password", "canary\n");
    let add = [
        "accounts",
        "add",
        "main",
        "--host",
        "smtp.example.com",
        "--user",
        "ada",
        "--limit-per-minute",
        "60",
        "--limit-behavior",
        "reject",
        "--password-file",
    ];
    let added = cli.ok(&[&add[..], &["password"]].concat());
    has(
        &added,
        &["smtp.example.com", "587", "use_tls           yes", "reject"],
    );
    assert!(!added.contains("canary"), "{added}");
    cli.fed("canary\n", &[&add[..], &["-"]].concat()).expect(0);
    home.write("receipts", "canary-imap");
    cli.ok(&[
        "accounts",
        "add-pec",
        "pec",
        "--host",
        "pec.example.com",
        "--port",
        "465",
        "--imap-host",
        "pec.example.com",
        "--imap-user",
        "ada",
        "--imap-password-file",
        "receipts",
    ]);
    let list = cli.ok(&["accounts", "list"]);
    has(
        &list,
        &["LIMIT PER MINUTE", "smtp.example.com", "pec.example.com"],
    );
    let all = cli.json(&["accounts", "list"]);
    assert_eq!(all["accounts"].as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains("canary"), "{all}");
    assert_eq!(
        cli.json(&["accounts", "get", "pec"])["is_pec_account"],
        true
    );
    assert_eq!(cli.ok(&["accounts", "delete", "pec"]), "deleted\n");
    has(
        &cli.error(1, &["accounts", "get", "pec"]),
        &["account not found"],
    );
}

#[test]
fn a_password_on_the_command_line_is_refused_with_the_reason() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let refused = cli.error(
        2,
        &[
            "accounts",
            "add",
            "main",
            "--host",
            "h",
            "--user",
            "u",
            "--password",
            "canary",
        ],
    );
    has(
        &refused,
        &["--password is not taken", "--password-file FILE"],
    );
    assert!(!refused.contains("canary"), "{refused}");
}

#[test]
fn certified_mail_without_a_mailbox_is_refused_by_the_field() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "default");
    let refused = cli.error(
        1,
        &["accounts", "add-pec", "pec", "--host", "pec.example.com"],
    );
    has(&refused, &["imap_host"]);
}

#[test]
fn a_password_that_is_typed_is_not_seen() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "default");
    let add = [
        "accounts",
        "add",
        "main",
        "--host",
        "h.example.com",
        "--user",
        "ada",
    ];
    let mut terminal = Terminal::start(&cli, &add);
    terminal.until_shown("password of ada, or nothing: ");
    terminal.press("canary\n");
    let shown = terminal.end();
    has(&shown, &["h.example.com"]);
    assert!(!shown.contains("canary"), "{shown}");
    let log = cli.ok(&["command-log", "list", "--endpoint", "POST /accounts/add"]);
    has(&log, &["\"password\""]);
    assert!(!log.contains("canary"), "{log}");
}
