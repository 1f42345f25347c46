//! Mailboxes that come and go, and those that cannot be read.

use model::AccountId;
use serde_json::json;
use store::Directory;

use super::mail::bounce;
use super::world::{BOUNCES, World, inbox_name, tenant_id};
use crate::dovecot::PASSWORD;

#[tokio::test]
async fn a_bounce_mailbox_is_read_from_when_it_is_set_until_it_is_disabled() {
    let mut world = World::start().await;
    let (first, second) = (world.delivered("acme").await, world.delivered("acme").await);
    world.dovecot.deliver(bounce(first).as_bytes());
    world.run();
    assert_eq!(world.mailboxes(), []);
    world.read_bounces(&json!({})).await;
    world.read_to(BOUNCES, 1).await;

    world.read_bounces(&json!({"enabled": false})).await;
    world
        .until("the mailbox to be left alone", async || {
            world.mailboxes().is_empty()
        })
        .await;
    world.dovecot.deliver(bounce(second).as_bytes());
    world.certify("beta").await;
    world
        .until("another to be read", async || {
            let now = world.mailboxes();
            now.iter().any(|one| one.last_visit_at.is_some())
        })
        .await;
    assert_eq!(world.last_uid(BOUNCES).await, Some(1));
    assert_eq!(world.news(second).await, []);
}

#[tokio::test]
async fn another_folder_is_another_mailbox_with_a_place_of_its_own() {
    let mut world = World::with_bounces().await;
    let (first, second) = (world.delivered("acme").await, world.delivered("acme").await);
    for _ in 0..3 {
        world.dovecot.deliver(bounce(first).as_bytes());
    }
    world.read_to(BOUNCES, 3).await;
    world
        .dovecot
        .doveadm(&["mailbox", "create", "-u", "bounces", "Other"]);
    world
        .dovecot
        .deliver_to("mail/.Other", bounce(second).as_bytes());
    // Both folders may have the same UIDVALIDITY, as they do on many servers.
    let place = world.place(BOUNCES).await;
    world.dovecot.doveadm(&[
        "mailbox",
        "update",
        "-u",
        "bounces",
        "--uid-validity",
        &place["uid_validity"].to_string(),
        "Other",
    ]);
    world.read_bounces(&json!({"imap_folder": "Other"})).await;
    world
        .until("the other folder to be read", async || {
            world.news(second).await.len() == 1
        })
        .await;
    assert_eq!(world.news(first).await.len(), 1);
}

#[tokio::test]
async fn accounts_are_read_as_they_come_change_and_go() {
    let mut world = World::start().await;
    world.run();
    let id = world.delivered("acme").await;
    let acme = world.certify("acme").await;
    world
        .dovecot
        .deliver_to("mail/.acme", bounce(id).as_bytes());
    world.read_to(&inbox_name(acme), 1).await;

    let mut wrong = world.account("acme");
    wrong.is_pec = true;
    wrong.inbox = Some(world.inbox("Nowhere"));
    wrong.updated_at = world.pass(std::time::Duration::from_secs(1));
    world.store.put_account(wrong).await.unwrap();
    world
        .until("the trouble", async || world.mailboxes()[0].failures > 2)
        .await;
    let shown = &world.mailboxes()[0];
    let trouble = shown.trouble.as_deref().unwrap();
    assert!(
        trouble.contains("Nowhere") && !trouble.contains(PASSWORD),
        "{trouble}"
    );
    assert_eq!(shown.tenant, Some(tenant_id("acme")));
    assert_eq!(shown.account, Some(AccountId::parse("main").unwrap()));

    world.pass(std::time::Duration::from_secs(1));
    world.certify("acme").await;
    world
        .until("the trouble to end", async || {
            let shown = &world.mailboxes()[0];
            (shown.failures, &shown.trouble) == (0, &None)
        })
        .await;
    let main = AccountId::parse("main").unwrap();
    world
        .store
        .delete_account(&tenant_id("acme"), &main)
        .await
        .unwrap();
    world
        .until("it to be gone", async || world.mailboxes().is_empty())
        .await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_read_on_from_where_it_was_left() {
    let mut world = World::with_bounces().await;
    let (first, second) = (world.delivered("acme").await, world.delivered("acme").await);
    world.dovecot.deliver(bounce(first).as_bytes());
    world.read_to(BOUNCES, 1).await;
    world.dovecot.kill();
    world
        .until("the trouble", async || world.mailboxes()[0].failures > 0)
        .await;
    world.dovecot.deliver(bounce(second).as_bytes());
    world.dovecot.run();
    world.read_to(BOUNCES, 2).await;
    assert_eq!(world.news(first).await.len(), 1);
    assert_eq!(world.news(second).await.len(), 1);
}

#[tokio::test]
async fn many_accounts_are_all_read_a_few_at_a_time() {
    const ACCOUNTS: usize = 60;
    let mut world = World::start().await;
    world.settings.visits_max = 4;
    for number in 0..ACCOUNTS {
        let mut account = world.account(["acme", "beta"][number % 2]);
        account.id = AccountId::parse(&format!("pec-{number}")).unwrap();
        account.is_pec = true;
        account.inbox = Some(world.inbox("INBOX"));
        world.store.put_account(account).await.unwrap();
    }
    let id = world.delivered("beta").await;
    world.dovecot.deliver(bounce(id).as_bytes());
    world.run();
    world
        .until("all to be read", async || {
            let now = world.mailboxes();
            now.len() == ACCOUNTS && now.iter().all(|one| one.last_visit_at.is_some())
        })
        .await;
    // The tenant's other mailboxes hold the same bounce; the other tenant's are not believed.
    assert_eq!(world.news(id).await.len(), 1);
    let unknown: u64 = world.mailboxes().iter().map(|one| one.unknown).sum();
    assert_eq!(unknown, ACCOUNTS as u64 / 2);
    world.stop().await;
}
