//! What is said when the service is not there, does not know who asks, or does not take what it is given.

use serde_json::json;

use super::cli::{Cli, has};
use crate::harness::{Home, Hook, Service, Sink, free_port};

#[test]
fn without_a_service_it_is_said_how_to_start_one() {
    let home = Home::new();
    let url = format!("http://127.0.0.1:{}", free_port());
    let cli = Cli::at(&home, &url).with("GLASSPOST_ADMIN_TOKEN", "x");
    let nobody = cli.error(1, &["tenants", "list"]);
    has(
        &nobody,
        &[&url, "`glasspost serve`", "--url", "GLASSPOST_URL"],
    );
    let bad = cli.error(2, &["tenants", "list", "--url", "localhost:8000"]);
    has(&bad, &["--url", "like http://127.0.0.1:8000"]);
}

#[test]
fn without_a_token_it_is_said_where_it_is_looked_for() {
    let home = Home::new();
    let here = Cli::at(&home, "http://127.0.0.1:1").error(1, &["tenants", "list"]);
    has(
        &here,
        &["admin.token is not there", "--token-file", "GMP_API_TOKEN"],
    );
    let elsewhere = Cli::at(&home, "http://mail.example.com").error(1, &["tenants", "list"]);
    has(&elsewhere, &["on another machine", "GLASSPOST_ADMIN_TOKEN"]);
}

#[test]
fn the_token_of_the_data_folder_is_read_only_if_nobody_else_can_read_it() {
    let home = Home::new();
    let service = Service::start(&home);
    let path = home.data().join("admin.token");
    std::process::Command::new("chmod")
        .arg("644")
        .arg(&path)
        .status()
        .unwrap();
    let open = Cli::new(&home, &service).error(1, &["tenants", "list"]);
    has(&open, &["can be read by others", "chmod 600"]);
}

#[test]
fn a_wrong_token_is_named_by_where_it_is_from() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service).with("GMP_API_TOKEN", "canary");
    let refused = cli.run(&["tenants", "list", "--json"]).expect(1);
    assert_eq!(
        refused.json(),
        json!({"detail": "Invalid or missing API token"})
    );
    has(&refused.stderr, &["the token of GMP_API_TOKEN"]);
    assert!(!refused.stderr.contains("canary"), "{refused:?}");
}

#[test]
fn fields_that_are_not_taken_are_named_one_by_one() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    let unnamed = cli.error(1, &["accounts", "list"]);
    has(
        &unnamed,
        &["which tenant is meant?", "--tenant", "GMP_TENANT"],
    );
    let wrong = cli.error(
        1,
        &[
            "tenants",
            "add",
            "a b",
            "--client-url",
            "https://app.example.com",
        ],
    );
    has(&wrong, &["id: "]);
}

#[test]
fn what_is_no_glasspost_is_told_apart() {
    let home = Home::new();
    let page = Hook::replying(|_, _| (200, b"<html>".to_vec()));
    let cli = Cli::at(&home, &page.base()).with("GLASSPOST_ADMIN_TOKEN", "x");
    let other = cli.error(1, &["tenants", "add", "acme"]);
    has(&other, &["is no Glasspost (status 200", "--url"]);
    let sink = Sink::start(&[]);
    let cli = Cli::at(&home, &format!("http://127.0.0.1:{}", sink.port()));
    let mail = cli.with("GLASSPOST_ADMIN_TOKEN", "x");
    has(
        &mail.error(1, &["tenants", "list"]),
        &["no service answers", "glasspost serve"],
    );
}
