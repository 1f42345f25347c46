//! A tenant's life: added, shown, changed, held back, let go, its keys made and revoked, deleted.

use serde_json::json;

use super::cli::{Cli, has};
use crate::harness::{Home, Service};

#[test]
fn a_tenant_lives_from_add_to_delete() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service);
    home.write("secret", "s3cret\n");
    let added = cli.ok(&[
        "tenants",
        "add",
        "acme",
        "--name",
        "Acme Ltd",
        "--client-url",
        "https://app.example.com",
        "--client-auth",
        "bearer",
        "--client-secret-file",
        "secret",
        "--hourly-limit",
        "100",
        "--large-files",
        "reject",
        "--large-file-mb",
        "2.5",
    ]);
    has(&added, &["Acme Ltd", "api_key", "rate_limits.hourly"]);
    assert!(!added.contains("s3cret"), "{added}");
    let shown = cli.json(&["tenants", "get", "acme"]);
    assert_eq!(shown["client_auth"], json!({"method": "bearer"}));
    assert_eq!(shown["large_file_config"]["max_size_mb"], 2.5);
    assert_eq!(shown["large_file_config"]["enabled"], true);
    let list = cli.ok(&["tenants", "list"]);
    has(&list, &["ID ", "acme", "Acme Ltd", "default"]);

    cli.ok(&[
        "tenants",
        "update",
        "acme",
        "--name",
        "Acme",
        "--large-files",
        "off",
    ]);
    let shown = cli.json(&["tenants", "get", "--tenant", "acme"]);
    assert_eq!(shown["name"], "Acme");
    assert_eq!(shown["client_base_url"], "https://app.example.com");
    assert_eq!(shown["large_file_config"], json!({"enabled": false}));
    cli.ok(&["tenants", "update", "acme", "--active", "false"]);
    let active = cli.json(&["tenants", "list", "--active-only"]);
    assert!(!active.to_string().contains("acme"), "{active}");
    cli.ok(&["tenants", "update", "acme", "--active", "true"]);

    has(
        &cli.ok(&["tenants", "suspend", "acme", "--batch", "spring"]),
        &["suspended_batches  spring"],
    );
    let activated = cli.json(&["tenants", "activate", "acme", "--batch", "spring"]);
    assert_eq!(activated["suspended_batches"], json!([]));
    has(&cli.ok(&["tenants", "sync-status"]), &["IN DND", "acme"]);

    assert_eq!(cli.ok(&["tenants", "delete", "acme"]), "deleted\n");
    let gone = cli.error(1, &["tenants", "get", "acme"]);
    has(&gone, &["tenant not found"]);
}

#[test]
fn a_tenants_key_is_a_token_for_what_is_its_own() {
    let home = Home::new();
    let service = Service::start(&home);
    let operator = Cli::new(&home, &service);
    operator.ok(&["tenants", "add", "acme"]);
    let made = operator.json(&[
        "tenants",
        "create-key",
        "acme",
        "--expires-at",
        "2099-01-01T00:00:00Z",
    ]);
    let key = made["api_key"].as_str().unwrap();
    home.write("key", key);
    let tenant = Cli::new(&home, &service).with("GMP_API_TOKEN", key);
    assert_eq!(tenant.json(&["tenants", "get"])["id"], "acme");
    has(&tenant.ok(&["accounts", "list"]), &["None found."]);
    let walled = tenant.error(1, &["tenants", "list"]);
    has(&walled, &["GMP_API_TOKEN", "the operator's is needed"]);
    let other = tenant.error(1, &["accounts", "list", "--tenant", "default"]);
    has(&other, &["another tenant's"]);

    let by_file = operator.json(&["tenants", "get", "--token-file", "key"]);
    assert_eq!(
        by_file["id"], "acme",
        "the flag counts more than the data folder"
    );
    operator.ok(&["tenants", "revoke-keys", "acme"]);
    let revoked = tenant.error(1, &["accounts", "list"]);
    has(
        &revoked,
        &[
            "Invalid or missing API token",
            "GMP_API_TOKEN",
            "admin.token",
        ],
    );
}
