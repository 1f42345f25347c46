//! Receipts of certified mail, and those that do not come.

use std::time::Duration;

use model::{EventKind, News, ReceiptKind};
use serde_json::json;

use super::mail::{bounce, in_envelope, receipt, receipt_with_message};
use super::world::{PEC_TIMEOUT, START, World, inbox_name};

const SECOND: Duration = Duration::from_secs(1);

fn receipts(kinds: &[ReceiptKind]) -> Vec<News> {
    kinds.iter().map(|&kind| News::Receipt(kind)).collect()
}

impl World {
    /// Puts mail into a tenant's inbox.
    fn put(&mut self, tenant: &str, mail: &str) {
        self.dovecot
            .deliver_to(&format!("mail/.{tenant}"), mail.as_bytes());
    }

    async fn learned(&self, id: model::MessageId, kinds: &[ReceiptKind]) {
        let expected = receipts(kinds);
        self.until(&format!("{kinds:?}"), async || {
            self.news(id).await == expected
        })
        .await;
    }
}

#[tokio::test]
async fn receipts_tell_the_way_of_a_certified_message() {
    let mut world = World::with_certified().await;
    let id = world.delivered("acme").await;
    let message_id = format!("{id}@sender.example");
    let to = ["ada@reader.example"];
    for kind in ["accettazione", "presa-in-carico", "accettazione"] {
        world.put("acme", &receipt(kind, &message_id, &to, None));
    }
    world.put(
        "acme",
        &receipt_with_message("avvenuta-consegna", id, &message_id),
    );
    let kinds = [
        ReceiptKind::Acceptance,
        ReceiptKind::Relay,
        ReceiptKind::Delivery,
    ];
    world.learned(id, &kinds).await;
    let events = world.events(id).await;
    assert!(events.iter().all(|event| event.kind == EventKind::Receipt));
    assert_eq!(
        events[0].reason.as_deref(),
        Some("accepted by the provider")
    );
    // The outcome, which is told at once for one recipient, and the three.
    assert_eq!(world.reports("acme").await, 4);

    world.pass(PEC_TIMEOUT * 2);
    let other = world.delivered("acme").await;
    world.put(
        "acme",
        &receipt("accettazione", &format!("{other}@x.example"), &to, None),
    );
    world.learned(other, &kinds[..1]).await;
    assert_eq!(world.news(id).await, receipts(&kinds), "it was answered");
}

#[tokio::test]
async fn each_recipient_has_receipts_of_its_own() {
    let mut world = World::with_certified().await;
    let to = [
        "ada@reader.example",
        "bob@reader.example",
        "eve@reader.example",
    ];
    let messages = world.submit("acme", &to).await;
    world.deliver(&messages).await;
    let message_id = format!("{}@sender.example", messages[0].id);
    world.put(
        "acme",
        &receipt("accettazione", &message_id, &to[1..2], None),
    );
    world.put(
        "acme",
        &receipt("mancata-consegna", &message_id, &to, Some(to[2])),
    );
    // To whom it was accepted is not said: to the first who has no acceptance.
    world.put("acme", &receipt("accettazione", &message_id, &to, None));
    world
        .learned(messages[0].id, &[ReceiptKind::Acceptance])
        .await;
    world
        .learned(messages[1].id, &[ReceiptKind::Acceptance])
        .await;
    world.learned(messages[2].id, &[ReceiptKind::Error]).await;
}

#[tokio::test]
async fn an_acceptance_by_the_client_s_own_message_id_is_found() {
    let mut world = World::with_certified().await;
    let mut messages = Vec::new();
    for number in 1..=3 {
        let said = json!({"message_id": format!("<order-{number}@client.example>")});
        let mail = world.submit_saying("acme", &["ada@reader.example"], said);
        messages.extend(mail.await);
    }
    world.deliver(&messages).await;
    let to = ["ada@reader.example"];
    for id in ["order-2@client.example", "by-hand@client.example"] {
        world.put("acme", &receipt("accettazione", id, &to, None));
    }
    world
        .learned(messages[1].id, &[ReceiptKind::Acceptance])
        .await;
    assert_eq!(world.news(messages[0].id).await, []);
    assert_eq!(world.news(messages[2].id).await, []);
}

#[tokio::test]
async fn a_bounce_in_an_envelope_is_a_bounce() {
    let mut world = World::with_certified().await;
    let id = world.delivered("acme").await;
    world.put("acme", &in_envelope(&bounce(id)));
    world
        .until("the bounce", async || world.news(id).await.len() == 1)
        .await;
    assert_eq!(world.events(id).await[0].kind, EventKind::Returned);
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_given_up_once_across_restarts() {
    let mut world = World::with_certified().await;
    let early = world.delivered("acme").await;
    world.pass(PEC_TIMEOUT);
    let late = world.delivered("acme").await;
    let mail = bounce(world.delivered("beta").await);
    world.put("beta", &mail);
    world.pass(SECOND);
    world.learned(early, &[ReceiptKind::Timeout]).await;
    let event = &world.events(early).await[0];
    assert_eq!(event.at, START + PEC_TIMEOUT + SECOND);
    let reason = event.reason.as_deref();
    assert_eq!(reason, Some("no acceptance came within 1800 s"));
    assert_eq!(world.news(late).await, [], "it has time left");

    world.stop().await;
    world.pass(PEC_TIMEOUT);
    let message_id = format!("{late}@sender.example");
    let to = ["ada@reader.example"];
    // It came while nobody looked, and is read before anything is given up.
    world.put("acme", &receipt("accettazione", &message_id, &to, None));
    world.run();
    world.learned(late, &[ReceiptKind::Acceptance]).await;
    let message_id = format!("{early}@sender.example");
    world.put("acme", &receipt("accettazione", &message_id, &to, None));
    let kinds = [ReceiptKind::Timeout, ReceiptKind::Acceptance];
    world.learned(early, &kinds).await;
    assert_eq!(world.news(late).await.len(), 1);
}

#[tokio::test]
async fn an_ordinary_account_s_mail_waits_for_no_acceptance() {
    let mut world = World::start().await;
    let mut account = world.account("acme");
    account.inbox = Some(world.inbox("INBOX"));
    let acme = store::Directory::put_account(&*world.store, account)
        .await
        .unwrap();
    let id = world.delivered("acme").await;
    world.pass(PEC_TIMEOUT * 2);
    world.run();
    world
        .until("a visit", async || {
            let now = world.mailboxes();
            now.first().is_some_and(|one| one.last_visit_at.is_some())
        })
        .await;
    assert_eq!(world.mailboxes()[0].name, inbox_name(acme));
    assert_eq!(world.news(id).await, []);
}

#[tokio::test]
async fn an_inbox_that_cannot_be_read_is_waited_for_as_long_as_an_answer() {
    let mut world = World::start().await;
    // The time that an inbox may be out of sight is real, unlike the messages' age.
    world.settings.pec_timeout = SECOND;
    world.certify("acme").await;
    let id = world.delivered("acme").await;
    world.pass(SECOND * 60);
    world.dovecot.kill();
    world.run();
    let begun = std::time::Instant::now();
    world.learned(id, &[ReceiptKind::Timeout]).await;
    assert!(begun.elapsed() >= SECOND, "{:?}", begun.elapsed());
    let event = &world.events(id).await[0];
    let reason = event.reason.as_deref().unwrap();
    assert!(
        reason.starts_with("no acceptance was seen within 1 s, and the inbox cannot be read: "),
        "{reason}"
    );
}
