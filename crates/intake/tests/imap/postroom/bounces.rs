//! Bounces in the installation's mailbox.

use model::{EventKind, MessageState, News, Permanence};
use serde_json::json;

use super::mail::{bounce, bounce_by_message_id, delay, soft_bounce};
use super::world::{BOUNCES, START, World};

fn hard() -> News {
    News::Bounce {
        permanence: Permanence::Hard,
        code: Some("511".into()),
    }
}

#[tokio::test]
async fn a_bounce_becomes_an_event_and_a_report_and_the_message_stays_delivered() {
    let mut world = World::with_bounces().await;
    let id = world.delivered("acme").await;
    let reports = world.reports("acme").await;
    world.dovecot.deliver(bounce(id).as_bytes());
    world.read_to(BOUNCES, 1).await;

    let [event] = &world.events(id).await[..] else {
        panic!("one event");
    };
    assert_eq!(event.kind, EventKind::Returned);
    assert_eq!(event.news, Some(hard()));
    let reason = event.reason.as_deref().unwrap();
    assert!(
        reason.starts_with("550 5.1.1 <ada@reader.example>"),
        "{reason}"
    );
    assert_eq!(event.at, START);
    assert_eq!(world.reports("acme").await, reports + 1);
    let message = world.store_message(id).await;
    assert_eq!(message.state, MessageState::Delivered);
    let history = world.history(&message).await;
    assert_eq!(history.last().unwrap().event, *event);
    world
        .until("the visit to be shown", async || {
            let shown = &world.mailboxes()[0];
            (shown.noted, shown.unknown, shown.last_visit_at) == (1, 0, Some(START))
        })
        .await;
}

#[tokio::test]
async fn the_class_of_the_code_says_hard_or_soft_and_a_delay_is_no_bounce() {
    let mut world = World::with_bounces().await;
    let (soft, late) = (world.delivered("acme").await, world.delivered("beta").await);
    world.dovecot.deliver(soft_bounce(soft).as_bytes());
    world.dovecot.deliver(delay(late).as_bytes());
    world.read_to(BOUNCES, 2).await;
    let permanence = Permanence::Soft;
    let code = Some("422".into());
    assert_eq!(world.news(soft).await, [News::Bounce { permanence, code }]);
    assert_eq!(world.news(late).await, []);
}

#[tokio::test]
async fn our_message_id_leads_to_the_recipient_s_message() {
    let mut world = World::with_bounces().await;
    let recipients: Vec<String> = (0..120).map(|n| format!("r{n}@reader.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let messages = world.submit("acme", &recipients).await;
    world.deliver(&messages).await;
    let other = world.delivered("acme").await;
    let message_id = format!("{}@sender.example", messages[0].id);
    for recipient in ["R117@reader.example", "who@reader.example"] {
        let mail = bounce_by_message_id(&message_id, recipient);
        world.dovecot.deliver(mail.as_bytes());
    }
    world.read_to(BOUNCES, 2).await;
    for message in &messages {
        let expected = match message.address.as_str() {
            "r117@reader.example" => vec![hard()],
            _ => vec![],
        };
        assert_eq!(world.news(message.id).await, expected);
    }
    assert_eq!(world.news(other).await, []);
}

#[tokio::test]
async fn what_one_recipient_forwarded_and_came_back_is_theirs() {
    let mut world = World::with_bounces().await;
    let id = world.delivered("acme").await;
    let message_id = format!("{id}@sender.example");
    let mail = bounce_by_message_id(&message_id, "ada@forwarded.example");
    world.dovecot.deliver(mail.as_bytes());
    world.read_to(BOUNCES, 1).await;
    assert_eq!(world.news(id).await, [hard()]);
}

#[tokio::test]
async fn the_same_bounce_twice_is_one_and_another_code_is_news() {
    let mut world = World::with_bounces().await;
    let id = world.delivered("acme").await;
    for mail in [bounce(id), bounce(id), soft_bounce(id), bounce(id)] {
        world.dovecot.deliver(mail.as_bytes());
    }
    world.read_to(BOUNCES, 4).await;
    assert_eq!(world.news(id).await.len(), 2);
    world.dovecot.deliver(bounce(id).as_bytes());
    world.read_to(BOUNCES, 5).await;
    assert_eq!(world.news(id).await.len(), 2);
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was_and_doubles_nothing() {
    let mut world = World::with_bounces().await;
    let (first, second) = (world.delivered("acme").await, world.delivered("acme").await);
    world.dovecot.deliver(bounce(first).as_bytes());
    world.read_to(BOUNCES, 1).await;
    world.stop().await;
    world.dovecot.deliver(bounce(second).as_bytes());
    world.run();
    world.read_to(BOUNCES, 2).await;
    assert_eq!(world.news(first).await, [hard()]);
    assert_eq!(world.news(second).await, [hard()]);
    // It looked at nothing twice.
    assert_eq!(world.mailboxes()[0].unknown, 0);
}

#[tokio::test]
async fn a_folder_that_was_made_anew_is_read_again_and_doubles_nothing() {
    let mut world = World::with_bounces().await;
    let (first, second) = (world.delivered("acme").await, world.delivered("acme").await);
    world.dovecot.deliver(bounce(first).as_bytes());
    world.read_to(BOUNCES, 1).await;
    world.dovecot.doveadm(&[
        "mailbox",
        "update",
        "-u",
        "bounces",
        "--uid-validity",
        "77",
        "INBOX",
    ]);
    world.dovecot.deliver(bounce(second).as_bytes());
    world
        .until("the new folder to be read", async || {
            world.news(second).await.len() == 1
        })
        .await;
    assert_eq!(world.news(first).await, [hard()]);
    let place = world.place(BOUNCES).await;
    assert_eq!(place["uid_validity"], json!(77));
}

#[tokio::test]
async fn a_bounce_that_is_faster_than_the_record_of_its_delivery_is_kept() {
    let mut world = World::with_bounces().await;
    let messages = world.submit("acme", &["ada@reader.example"]).await;
    world.dovecot.deliver(bounce(messages[0].id).as_bytes());
    // Long enough for the visit to meet the message while it is queued; if it did not, nothing is shown wrongly.
    tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
    world.deliver(&messages).await;
    world.read_to(BOUNCES, 1).await;
    assert_eq!(world.news(messages[0].id).await, [hard()]);
}
