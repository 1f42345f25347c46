//! Reports that strangers wrote.

use model::{Content, MessageId, News, ReceiptKind, Seq, Timestamp};

use super::mail::{bounce, bounce_by_message_id, receipt, receipt_with_message};
use super::world::{BOUNCES, World, inbox_name};

/// The same id with one part changed.
fn others(id: MessageId) -> [MessageId; 3] {
    let text = id.to_string();
    let millis = i64::from_str_radix(&format!("{}{}", &text[..8], &text[9..13]), 16).unwrap();
    let at = Timestamp::from_millis(millis);
    let (tag, seq) = (id.store(), id.seq());
    assert_eq!(MessageId::new(at, tag, seq), id);
    [
        MessageId::new(Timestamp::from_millis(millis + 1), tag, seq),
        MessageId::new(at, tag ^ 1, seq),
        MessageId::new(at, tag, Seq::new(seq.get() + 1)),
    ]
}

#[tokio::test]
async fn an_id_of_which_any_part_is_guessed_leads_to_nothing() {
    let mut world = World::with_bounces().await;
    let id = world.delivered("acme").await;
    let mut mails: Vec<String> = others(id).map(bounce).into();
    mails.extend(
        others(id).map(|id| bounce_by_message_id(&format!("{id}@x.example"), "ada@reader.example")),
    );
    mails.push(bounce_by_message_id(
        "hello@sender.example",
        "ada@reader.example",
    ));
    mails.push(bounce(id).replace(&id.to_string(), "gp-7001"));
    mails.push(bounce(id).replace(&id.to_string(), &id.seq().get().to_string()));
    for mail in &mails {
        world.dovecot.deliver(mail.as_bytes());
    }
    let count = mails.len() as u32;
    world.read_to(BOUNCES, count).await;
    assert_eq!(world.news(id).await, []);
    world
        .until("the strangers to be counted", async || {
            world.mailboxes()[0].unknown == u64::from(count)
        })
        .await;
}

#[tokio::test]
async fn the_id_of_another_recipient_s_message_is_no_message_id() {
    let mut world = World::with_bounces().await;
    let messages = world
        .submit("acme", &["ada@reader.example", "bob@reader.example"])
        .await;
    world.deliver(&messages).await;
    let message_id = format!("{}@sender.example", messages[1].id);
    let mail = bounce_by_message_id(&message_id, "bob@reader.example");
    world.dovecot.deliver(mail.as_bytes());
    world.read_to(BOUNCES, 1).await;
    assert_eq!(world.news(messages[1].id).await, []);
}

#[tokio::test]
async fn what_is_not_delivered_cannot_come_back() {
    let mut world = World::with_bounces().await;
    let queued = world.submit("acme", &["ada@reader.example"]).await;
    world.dovecot.deliver(bounce(queued[0].id).as_bytes());
    world.read_to(BOUNCES, 1).await;
    assert_eq!(world.news(queued[0].id).await, []);
    assert_eq!(world.reports("acme").await, 0);
    assert!(matches!(queued[0].content, Content::Submission(_)));
}

#[tokio::test]
async fn an_inbox_teaches_nothing_about_another_tenant_s_mail() {
    let mut world = World::with_certified().await;
    let own = world.delivered("acme").await;
    let foreign = world.delivered("beta").await;
    let message_id = format!("{foreign}@sender.example");
    let to = ["ada@reader.example"];
    for mail in [
        bounce(foreign),
        bounce_by_message_id(&message_id, to[0]),
        receipt("accettazione", &message_id, &to, None),
        receipt_with_message("avvenuta-consegna", foreign, &message_id),
        bounce(own),
    ] {
        world.dovecot.deliver_to("mail/.acme", mail.as_bytes());
    }
    let acme = world.certify("acme").await;
    world.read_to(&inbox_name(acme), 5).await;
    assert_eq!(world.news(foreign).await, []);
    assert_eq!(world.news(own).await.len(), 1);
}

#[tokio::test]
async fn a_receipt_counts_in_a_certified_inbox_only() {
    let mut world = World::start().await;
    world.read_bounces(&serde_json::json!({})).await;
    let mut account = world.account("acme");
    account.inbox = Some(world.inbox("acme"));
    world
        .dovecot
        .doveadm(&["mailbox", "create", "-u", "bounces", "acme"]);
    let acme = store::Directory::put_account(&*world.store, account)
        .await
        .unwrap();
    let id = world.delivered("acme").await;
    let mail = receipt_with_message("avvenuta-consegna", id, &format!("{id}@sender.example"));
    world.dovecot.deliver(mail.as_bytes());
    world.dovecot.deliver_to("mail/.acme", mail.as_bytes());
    world.run();
    world.read_to(BOUNCES, 1).await;
    world.read_to(&inbox_name(acme), 1).await;
    assert_eq!(world.news(id).await, []);

    // The same account, certified: read from the beginning of another folder.
    world.certify("acme").await;
    world.dovecot.deliver_to("mail/.acme", mail.as_bytes());
    world.read_to(&inbox_name(acme), 2).await;
    assert_eq!(world.news(id).await, [News::Receipt(ReceiptKind::Delivery)]);
}
