//! The log of commands.

use store::directory::{COMMAND_BYTES_MAX, Command, CommandFilter, NewCommand};
use store::{Directory, StoreError};

use crate::on_each_backend;
use crate::support::directory::{tenant, tenant_id};
use crate::support::second;

fn command(at: u64, endpoint: &str, tenant: Option<&str>) -> NewCommand {
    NewCommand {
        at: second(at),
        endpoint: endpoint.into(),
        tenant: tenant.map(tenant_id),
        payload: r#"{"id":"a"}"#.into(),
        response_status: 200,
        response: Some(r#"{"ok":true}"#.into()),
    }
}

/// Logs a command a second; gives their numbers.
async fn log(directory: &dyn Directory) -> Vec<i64> {
    let commands = [
        ("POST /account", Some("acme")),
        ("POST /tenant", None),
        ("POST /commands/add-messages", Some("acme")),
        ("DELETE /account/a", Some("other")),
        ("POST /commands/run-now", Some("acme")),
    ];
    let mut ids = Vec::new();
    for (at, (endpoint, tenant)) in commands.into_iter().enumerate() {
        let new = command(at as u64, endpoint, tenant);
        ids.push(directory.log_command(new).await.unwrap());
    }
    ids
}

fn all() -> CommandFilter {
    CommandFilter {
        limit: 100,
        ..CommandFilter::default()
    }
}

#[test]
fn a_command_comes_back_as_it_was_logged() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let mut new = command(3, "POST /tenant", None);
        (new.response, new.response_status) = (None, 503);
        let id = directory.log_command(new).await.unwrap();
        let expected = Command {
            id,
            at: second(3),
            endpoint: "POST /tenant".into(),
            tenant: None,
            payload: r#"{"id":"a"}"#.into(),
            response_status: 503,
            response: None,
        };
        let again = place.directory().await;
        assert_eq!(again.command(id).await.unwrap().as_ref(), Some(&expected));
        assert_eq!(again.command(id + 1).await.unwrap(), None);
        let page = again.commands(all()).await.unwrap();
        assert_eq!((page.commands, page.total), (vec![expected], 1));
    });
}

#[test]
fn commands_are_filtered_and_paged_in_the_order_of_the_log() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let ids = log(&*directory).await;
        assert!(ids.is_sorted());
        let acme = Some(tenant_id("acme"));
        // The filter, the places of what it shows, and how many it lets through.
        let cases: Vec<(CommandFilter, &[usize], u32)> = vec![
            (all(), &[0, 1, 2, 3, 4], 5),
            (
                CommandFilter {
                    tenant: acme.clone(),
                    ..all()
                },
                &[0, 2, 4],
                3,
            ),
            (
                CommandFilter {
                    since: Some(second(3)),
                    ..all()
                },
                &[3, 4],
                2,
            ),
            (
                CommandFilter {
                    until: Some(second(1)),
                    ..all()
                },
                &[0, 1],
                2,
            ),
            (
                CommandFilter {
                    endpoint: Some("/Account".into()),
                    ..all()
                },
                &[0, 3],
                2,
            ),
            (
                CommandFilter {
                    endpoint: Some("%".into()),
                    ..all()
                },
                &[],
                0,
            ),
            (CommandFilter { limit: 2, ..all() }, &[0, 1], 5),
            (CommandFilter { offset: 3, ..all() }, &[3, 4], 5),
            (CommandFilter { offset: 9, ..all() }, &[], 5),
            (
                CommandFilter {
                    tenant: acme,
                    since: Some(second(1)),
                    limit: 1,
                    ..all()
                },
                &[2],
                2,
            ),
            (CommandFilter::default(), &[], 5),
        ];
        for (filter, places, total) in cases {
            let page = directory.commands(filter.clone()).await.unwrap();
            let found: Vec<i64> = page.commands.iter().map(|command| command.id).collect();
            let expected: Vec<i64> = places.iter().map(|&place| ids[place]).collect();
            assert_eq!((found, page.total), (expected, total), "{filter:?}");
        }
    });
}

#[test]
fn a_purge_takes_what_is_older_and_no_more() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let ids = log(&*directory).await;
        assert_eq!(directory.purge_commands(second(3)).await.unwrap(), 3);
        assert_eq!(directory.purge_commands(second(3)).await.unwrap(), 0);
        let page = directory.commands(all()).await.unwrap();
        let left: Vec<i64> = page.commands.iter().map(|command| command.id).collect();
        assert_eq!(left, ids[3..]);
        assert_eq!(directory.purge_commands(second(99)).await.unwrap(), 2);
        let next = directory.log_command(command(9, "POST /tenant", None));
        assert!(next.await.unwrap() > ids[4], "numbers go on");
    });
}

#[test]
fn a_command_outlives_its_tenant_and_needs_none() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        directory.put_tenant(tenant("acme")).await.unwrap();
        let ids = log(&*directory).await;
        directory.delete_tenant(&tenant_id("acme")).await.unwrap();
        let found = directory.command(ids[0]).await.unwrap().unwrap();
        assert_eq!(found.tenant, Some(tenant_id("acme")));
    });
}

#[test]
fn a_command_that_is_too_long_is_refused() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let long: Box<str> = "x".repeat(COMMAND_BYTES_MAX + 1).into();
        let mut payload = command(1, "POST /tenant", None);
        payload.payload = long.clone();
        let mut response = command(1, "POST /tenant", None);
        response.response = Some(long.clone());
        let endpoint = command(1, &long, None);
        for new in [payload, response, endpoint] {
            let error = directory.log_command(new).await.unwrap_err();
            assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        }
        assert_eq!(directory.commands(all()).await.unwrap().total, 0);
    });
}

#[test]
fn a_command_with_a_nul_in_it_is_kept_and_found() {
    on_each_backend(async |place| {
        let directory = place.directory().await;
        let mut new = command(1, "POST /account/a\0b", None);
        new.response = Some("\0".into());
        directory.log_command(new).await.unwrap();
        let filter = CommandFilter {
            endpoint: Some("/Account/a\0".into()),
            ..all()
        };
        let page = directory.commands(filter).await.unwrap();
        assert_eq!((page.commands.len(), page.total), (1, 1));
    });
}
