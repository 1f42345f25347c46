//! The log of commands: listed, looked into, printed again, emptied.

use serde_json::Value;

use super::cli::{Cli, has};
use crate::harness::{Home, Service};

#[test]
fn what_was_asked_is_found_again_without_its_secrets() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    cli.ok(&["tenants", "add", "acme"]);
    cli.fed(
        "canary",
        &[
            "accounts",
            "add",
            "main",
            "--tenant",
            "acme",
            "--host",
            "h.example.com",
            "--user",
            "u",
            "--password-file",
            "-",
        ],
    )
    .expect(0);
    let list = cli.ok(&["command-log", "list"]);
    has(
        &list,
        &["ENDPOINT", "POST /tenants/add", "POST /accounts/add", "200"],
    );
    assert!(!list.contains("canary"), "{list}");
    let one = cli.json(&[
        "command-log",
        "list",
        "--endpoint",
        "POST /accounts/add",
        "--tenant",
        "acme",
    ]);
    assert_eq!(one["total"], 1);
    let id = one["commands"][0]["id"].to_string();
    let entry = cli.json(&["command-log", "get", &id]);
    assert_eq!(entry["tenant_id"], "acme");
    let export = cli.ok(&["command-log", "export"]);
    assert_eq!(export.lines().count(), 2);
    for line in export.lines() {
        let request: Value = serde_json::from_str(line).unwrap();
        assert!(request["payload"].is_object(), "{request}");
    }
    let purged = cli.ok(&["command-log", "purge", "--before", "2099-01-01T00:00:00Z"]);
    has(&purged, &["deleted  2"]);
    has(
        &cli.error(2, &["command-log", "purge"]),
        &["--before <TIME>"],
    );
}
