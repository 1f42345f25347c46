//! TLS on the way to the server, and how far its certificate is believed.

use std::fs;

use tempfile::NamedTempFile;

use crate::certificate::Authority;
use crate::cluster::{Cluster, Options};
use crate::support::{accept, begin};
use crate::{open, refusal, runtime};

/// A server with a certificate for that name.
fn serve(authority: &Authority, name: &str) -> Cluster {
    Cluster::with(Options {
        certificate: Some(authority.certificate(name)),
        ..Options::default()
    })
}

/// A file with what is believed.
fn root(authority: &Authority) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), authority.pem()).unwrap();
    file
}

#[test]
fn a_server_with_a_certificate_is_used_encrypted() {
    let authority = Authority::new();
    let (cluster, root) = (serve(&authority, "127.0.0.1"), root(&authority));
    let database = cluster.database();
    let (address, root) = (database.address(), root.path().display());
    runtime().block_on(async {
        for query in [
            String::new(),
            "?sslmode=prefer".to_owned(),
            "?sslmode=require".to_owned(),
            format!("?sslmode=verify-full&sslrootcert={root}"),
        ] {
            let store = open(&format!("{address}{query}")).await.unwrap();
            let campaign = begin(&store, &format!("spring{query}")).await;
            accept(&store, &campaign, "ada", 2).await;
            let plain = database.sql(
                "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'glasspost' AND NOT ssl",
            );
            assert_eq!(plain, "0", "{query}");
        }
        let reason = refusal(&format!("{address}?sslmode=disable")).await;
        assert!(reason.contains("no encryption"), "{reason}");
    });
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (cluster, root) = (
        serve(&Authority::new(), "127.0.0.1"),
        root(&Authority::new()),
    );
    let database = cluster.database();
    let (address, root) = (database.address(), root.path().display());
    runtime().block_on(async {
        let query = format!("?sslmode=verify-full&sslrootcert={root}");
        let reason = refusal(&format!("{address}{query}")).await;
        assert!(reason.contains("certificate"), "{reason}");
        // Nor is it one of those that the system knows.
        let reason = refusal(&format!("{address}?sslmode=verify-full")).await;
        assert!(reason.contains("certificate"), "{reason}");
        open(&format!("{address}?sslmode=require")).await.unwrap();
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let (cluster, root) = (serve(&authority, "db.example.org"), root(&authority));
    let database = cluster.database();
    let (address, root) = (database.address(), root.path().display());
    runtime().block_on(async {
        let query = format!("?sslmode=verify-full&sslrootcert={root}");
        let reason = refusal(&format!("{address}{query}")).await;
        assert!(reason.contains("certificate"), "{reason}");
        assert!(reason.contains("127.0.0.1"), "{reason}");
    });
}

#[test]
fn a_server_that_cannot_encrypt_is_refused_where_it_must() {
    let database = Cluster::shared().empty_database();
    runtime().block_on(async {
        for mode in ["require", "verify-full"] {
            let reason = refusal(&format!("{}?sslmode={mode}", database.address())).await;
            assert!(reason.contains("TLS"), "{reason}");
        }
    });
}
