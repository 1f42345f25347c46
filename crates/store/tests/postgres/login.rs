//! Who may open the database: passwords, and how little is said of them.

use store::postgres::{Address, migrate};

use crate::cluster::{Cluster, Options};
use crate::support::begin;
use crate::{open, refusal, runtime};

const PASSWORD: &str = "canary-right";

#[test]
fn a_password_opens_the_database_and_is_never_shown() {
    let cluster = Cluster::with(Options {
        password: Some(PASSWORD.to_owned()),
        ..Options::default()
    });
    let database = cluster.database();
    let address = database.address();
    runtime().block_on(async {
        let store = open(address).await.unwrap();
        begin(&store, "spring").await;
        let wrong = address.replace(PASSWORD, "canary-wrong");
        let without = address.replace(&format!(":{PASSWORD}"), "");
        for (address, expected) in [
            (
                &wrong,
                "password authentication failed for user \"glasspost\"",
            ),
            (&without, "password"),
        ] {
            let error = open(address).await.err().unwrap();
            let texts = [error.to_string(), format!("{error:?}")];
            assert!(
                texts.iter().all(|text| !text.contains("canary")),
                "{texts:?}"
            );
            let reason = refusal(address).await;
            assert!(reason.contains(expected), "{reason}");
            let error = migrate(&Address::parse(address).unwrap())
                .await
                .unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    });
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let database = Cluster::shared().empty_database();
    let address = format!("{}-lost", database.address());
    runtime().block_on(async {
        let reason = refusal(&address).await;
        assert!(reason.contains("does not exist"), "{reason}");
    });
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_away() {
    let cluster = Cluster::with(Options::default());
    let database = cluster.database();
    cluster.stop();
    runtime().block_on(async {
        let reason = refusal(database.address()).await;
        assert!(reason.contains("away"), "{reason}");
        assert!(reason.contains("refused"), "{reason}");
    });
}
