//! A storage's life, and its key, which is never shown.

use super::cli::{Cli, has};
use crate::harness::{Home, Service};

#[test]
fn a_storage_lives_from_add_to_delete() {
    let home = Home::new();
    let service = Service::start(&home);
    let cli = Cli::new(&home, &service).with("GMP_TENANT", "default");
    has(&cli.ok(&["storages", "list"]), &["None found."]);
    home.write("secret", "canary");
    let added = cli.ok(&[
        "storages",
        "add",
        "files",
        "--protocol",
        "s3",
        "--bucket",
        "acme-files",
        "--region",
        "eu-south-1",
        "--access-key-id",
        "AKIA",
        "--secret-key-file",
        "secret",
    ]);
    has(&added, &["config.bucket  acme-files"]);
    assert!(!added.contains("canary"), "{added}");
    has(
        &cli.ok(&["storages", "list"]),
        &["BUCKET", "acme-files", "eu-south-1"],
    );
    assert_eq!(cli.json(&["storages", "get", "files"])["protocol"], "s3");
    assert_eq!(cli.ok(&["storages", "delete", "files"]), "deleted\n");
    has(
        &cli.error(1, &["storages", "get", "files"]),
        &["storage not found"],
    );
    let unsaid = cli.error(1, &["storages", "add", "files", "--protocol", "s3"]);
    has(&unsaid, &["bucket"]);
}
