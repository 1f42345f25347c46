//! Each event reaches the tenant's webhook by itself: signed, in order, and until it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use model::{EventKind, News, Permanence, Webhook};
use serde_json::json;
use store::Submissions;
use store::submissions::{Channel, NewNews};
use webclient::TargetPolicy;

use crate::house::{House, PATIENCE, START, quick, tenant_id, until};
use crate::receiver::{Answer, Call, Receiver};

const SECRET: &str = "0123456789abcdef";

/// A tenant with a webhook, and perhaps an application that takes reports.
async fn settle(house: &House, base_url: Option<&str>, hook: &Receiver) {
    let webhook = Webhook::new(&format!("{}/hook", hook.url()), SECRET).unwrap();
    let set = |tenant: &mut model::Tenant| tenant.webhook = Some(webhook);
    house.settle_with("acme", base_url, set).await;
}

/// Whether the signature in a call's head is that of its body.
fn is_signed(call: &Call) -> bool {
    let mut lines = call.head.lines();
    let value = lines.find_map(|line| line.strip_prefix("glasspost-signature: "));
    let (moment, tag) = value.unwrap().split_once(",v1=").unwrap();
    let moment = moment.strip_prefix("t=").unwrap();
    let tag: Vec<u8> = (0..tag.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&tag[place..place + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = format!("{moment}.{}", call.text);
    moment == START.as_secs().to_string() && hmac::verify(&key, signed.as_bytes(), &tag).is_ok()
}

/// What was told of which mail, call by call.
fn told(hook: &Receiver) -> Vec<(String, String)> {
    let text = |call: &Call, pointer| {
        call.body
            .pointer(pointer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let calls = hook.calls();
    let told = calls
        .iter()
        .map(|call| (text(call, "/type"), text(call, "/data/id")));
    told.collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(kind, id)| ((*kind).to_owned(), (*id).to_owned()));
    owned.collect()
}

/// Reports that wait on a channel.
async fn waiting(house: &House, channel: Channel) -> u64 {
    let backlog = house.store.report_backlog().await.unwrap().into_iter();
    let mut of_channel = backlog.filter(|each| each.channel == channel);
    of_channel.next().map_or(0, |each| each.count)
}

async fn until_none_waits(house: &House, channel: Channel) {
    let began = Instant::now();
    while waiting(house, channel).await > 0 {
        assert!(began.elapsed() < PATIENCE, "{channel:?} was to be told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_kind_of_event_is_posted_signed_and_in_order() {
    let (house, hook) = (House::open().await, Receiver::willing().await);
    settle(&house, None, &hook).await;
    let one = house.submit("acme", "one", &["ada@example.org"]).await;
    house.record(&one, &[EventKind::Deferred]).await;
    let one = house.submit("acme", "one", &["ada@example.org"]).await;
    house.record(&one, &[EventKind::Delivered]).await;
    let two = ["ada@example.org", "bob@example.org"];
    let two = house.submit("acme", "two", &two).await;
    house
        .record(&two, &[EventKind::Delivered, EventKind::Bounced])
        .await;
    let bounce = NewNews {
        message: one.messages[0].message.seq,
        kind: EventKind::Returned,
        at: START,
        news: News::Bounce {
            permanence: Permanence::Hard,
            code: Some("5.1.1".into()),
        },
        reason: "no such user".into(),
    };
    house.store.note_news(vec![bounce], None).await.unwrap();
    let running = house.report(quick());
    until("four events", || hook.calls().len() == 4).await;
    let expected = [
        ("message.deferred", "one"),
        ("message.sent", "one"),
        ("message.failed", "two"),
        ("message.bounced", "one"),
    ];
    assert_eq!(told(&hook), pairs(&expected));
    let calls = hook.calls();
    assert!(calls.iter().all(is_signed));
    let sent = &calls[1];
    assert!(
        sent.head.starts_with("POST /hook HTTP/1.1\r\n"),
        "{}",
        sent.head
    );
    assert!(sent.head.contains("content-type: application/json"));
    let pk = one.submission.message_id.to_string();
    let data = json!({"id": "one", "tenant_id": "acme", "pk": pk, "sent_ts": 1_795_355_000.0});
    assert_eq!(sent.body["data"], data);
    assert_eq!(sent.body["created_at"], 1_795_355_000.0);
    assert_eq!(
        calls[2].body["data"]["recipients"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let mut ids: Vec<&str> = calls
        .iter()
        .map(|call| call.body["id"].as_str().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    running.stop().await;
}

#[tokio::test]
async fn an_event_that_is_not_taken_is_posted_again_before_those_behind_it() {
    let house = House::open().await;
    let hook = Receiver::start(|turn, _| match turn {
        1 | 2 => Answer::status(500),
        3 => Answer::status(302),
        _ => Answer::status(204),
    })
    .await;
    settle(&house, None, &hook).await;
    for id in ["a", "b", "c"] {
        house.deliver("acme", id).await;
    }
    let running = house.report(quick());
    until("all", || hook.calls().len() == 6).await;
    let ids: Vec<String> = told(&hook).into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, ["a", "b", "b", "b", "b", "c"]);
    let calls = hook.calls();
    assert_eq!(
        calls[1].body, calls[4].body,
        "the same event has the same id"
    );
    until_none_waits(&house, Channel::Webhook).await;
    until("the end of the call", || {
        let figures = running.reports.figures();
        (figures.tenants[0].acknowledged, figures.tenants[0].failures) == (3, 2)
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn one_channel_that_is_down_does_not_hold_the_other() {
    let house = House::open().await;
    let is_hook_down = Arc::new(AtomicBool::new(true));
    let switch = |is_down: bool, switch: &Arc<AtomicBool>| {
        let switch = Arc::clone(switch);
        move |_: usize, _: &Call| match switch.load(Ordering::SeqCst) == is_down {
            true => Answer::status(500),
            false => Answer::ok("{}"),
        }
    };
    let hook = Receiver::start(switch(true, &is_hook_down)).await;
    let application = Receiver::start(switch(false, &is_hook_down)).await;
    settle(&house, Some(&application.url()), &hook).await;
    let running = house.report(quick());
    house.deliver("acme", "a").await;
    until("the report", || application.ids() == ["a"]).await;
    until("a call of the webhook", || !hook.calls().is_empty()).await;
    until_none_waits(&house, Channel::Sync).await;
    assert_eq!(waiting(&house, Channel::Webhook).await, 1);

    is_hook_down.store(false, Ordering::SeqCst);
    until_none_waits(&house, Channel::Webhook).await;
    house.deliver("acme", "b").await;
    let sent_b = pairs(&[("message.sent", "b")]);
    until("the event", || told(&hook).ends_with(&sent_b)).await;
    until_none_waits(&house, Channel::Webhook).await;
    assert_eq!(waiting(&house, Channel::Sync).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn what_was_not_taken_is_posted_after_a_restart() {
    let house = House::open().await;
    let down = Receiver::start(|_, _| Answer::status(503)).await;
    settle(&house, None, &down).await;
    house.deliver("acme", "a").await;
    let running = house.report(quick());
    until("a call", || !down.calls().is_empty()).await;
    running.stop().await;

    let (house, hook) = (house.reopen().await, Receiver::willing().await);
    settle(&house, None, &hook).await;
    let running = house.report(quick());
    until("the event", || {
        told(&hook) == pairs(&[("message.sent", "a")])
    })
    .await;
    assert_eq!(hook.calls()[0].body, down.calls()[0].body);
    running.stop().await;
}

#[tokio::test]
async fn a_webhook_in_a_private_network_is_not_called() {
    let (house, hook) = (House::open().await, Receiver::willing().await);
    settle(&house, None, &hook).await;
    house.deliver("acme", "a").await;
    let running = house.report_to(TargetPolicy::PublicOnly, quick());
    until("a failure", || {
        let figures = running.reports.figures();
        figures.tenants.iter().any(|each| each.failures > 0)
    })
    .await;
    assert!(hook.calls().is_empty());
    assert_eq!(waiting(&house, Channel::Webhook).await, 1);
    running.stop().await;
}

#[tokio::test]
async fn a_webhook_that_was_taken_away_is_not_called() {
    let (house, hook) = (House::open().await, Receiver::willing().await);
    settle(&house, None, &hook).await;
    house.deliver("acme", "a").await;
    let away = Box::new(|tenant: &mut model::Tenant| {
        tenant.webhook = None;
        Ok(())
    });
    let acme = tenant_id("acme");
    let changed = store::Directory::change_tenant(&*house.store, &acme, away, START);
    changed.await.unwrap().unwrap();
    house.deliver("acme", "b").await;
    assert_eq!(
        waiting(&house, Channel::Webhook).await,
        1,
        "`b` is told nowhere"
    );
    let running = house.report(quick());
    until("a look", || !running.reports.figures().tenants.is_empty()).await;
    tokio::time::sleep(quick().look * 2).await;
    assert!(hook.calls().is_empty());
    running.stop().await;
}
