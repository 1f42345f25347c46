//! Reports reach their applications: all of them, in order, and until they are acknowledged.

use std::time::Duration;

use model::{ClientAuth, EventKind, News, Permanence};
use observe::reports::{ReportSettings, Target};
use serde_json::json;
use store::submissions::{Channel, NewNews};
use store::{Directory, Submissions};

use crate::house::{House, START, quick, tenant_id, until};
use crate::receiver::{Answer, Receiver};

#[tokio::test]
async fn a_delivery_is_reported_with_the_tenants_credentials() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    let running = house.report(quick());
    house
        .settle_with("acme", Some(&receiver.url()), |tenant| {
            tenant.client.auth = ClientAuth::bearer("hunter2").unwrap();
        })
        .await;
    let followed = house.submit("acme", "msg-1", &["ada@example.org"]).await;
    house.record(&followed, &[EventKind::Delivered]).await;
    until("the report", || !receiver.ids().is_empty()).await;
    let calls = receiver.calls();
    let call = calls.iter().find(|call| !call.items().is_empty()).unwrap();
    assert!(call.head.starts_with("POST /mail-proxy/sync HTTP/1.1\r\n"));
    assert!(call.head.contains("content-type: application/json"));
    assert!(call.head.contains("authorization: Bearer hunter2"));
    let pk = followed.submission.message_id.to_string();
    let item = json!({"id": "msg-1", "tenant_id": "acme", "pk": pk, "sent_ts": 1_795_355_000.0});
    assert_eq!(call.body, json!({ "delivery_report": [item] }));
    house.until_all_are_told().await;
    let status = running.status("acme");
    assert_eq!((status.last_sync_at, status.failures), (Some(START), 0));
    let told = &running.reports.figures().tenants[0];
    assert_eq!((told.acknowledged, told.backlog, told.failures), (1, 0, 0));
    running.stop().await;
}

#[tokio::test]
async fn what_waited_before_the_start_is_told_in_the_logs_order() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", Some(&receiver.url())).await;
    let deferred = house.submit("acme", "a", &["ada@example.org"]).await;
    house.record(&deferred, &[EventKind::Deferred]).await;
    house.deliver("acme", "b").await;
    house.record(&deferred, &[EventKind::Bounced]).await;
    let limited = house.submit("acme", "c", &["ada@example.org"]).await;
    house.record(&limited, &[EventKind::RateLimited]).await;
    let house = house.reopen().await;
    let running = house.report(quick());
    house.until_all_are_told().await;
    assert_eq!(receiver.ids(), ["a", "b", "a", "c"]);
    let items = receiver.calls()[0].items();
    assert_eq!(items[0]["deferred_reason"], "451 Try again later");
    assert_eq!(items[0]["retry_ts"], 1_795_355_060.0);
    assert_eq!(items[2]["error"], "550 Mailbox not found");
    assert_eq!(items[3]["deferred_reason"], "rate_limit");
    running.stop().await;
}

#[tokio::test]
async fn several_recipients_and_news_of_one_of_them() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(quick());
    let both = ["ada@example.org", "bob@example.org"];
    let followed = house.submit("acme", "msg-1", &both).await;
    let outcomes = [EventKind::Delivered, EventKind::Bounced];
    house.record(&followed, &outcomes).await;
    until("the outcome", || receiver.ids().len() == 1).await;
    let news = NewNews {
        message: followed.messages[0].message.seq,
        kind: EventKind::Returned,
        at: START,
        news: News::Bounce {
            permanence: Permanence::Soft,
            code: Some("422".into()),
        },
        reason: "mailbox full".into(),
    };
    assert_eq!(house.store.note_news(vec![news], None).await.unwrap(), 1);
    until("the news", || receiver.ids().len() == 2).await;
    let items: Vec<_> = receiver
        .calls()
        .iter()
        .flat_map(|call| call.items())
        .collect();
    assert_eq!(
        items[0]["error"],
        "1 of 2 recipients failed: bob@example.org: 550 Mailbox not found"
    );
    let each = items[0]["recipients"].as_array().unwrap();
    assert_eq!(
        (&each[0]["status"], &each[1]["status"]),
        (&json!("sent"), &json!("error"))
    );
    assert_eq!(items[1]["bounce_type"], "soft");
    assert_eq!(items[1]["bounce_code"], "422");
    assert_eq!(items[1]["recipients"][0]["address"], "ada@example.org");
    running.stop().await;
}

#[tokio::test]
async fn a_large_backlog_goes_in_batches_of_500() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", Some(&receiver.url())).await;
    let mut expected = Vec::new();
    for number in 0..1_200 {
        let id = format!("msg-{number}");
        house.deliver("acme", &id).await;
        expected.push(id);
    }
    let running = house.report(quick());
    house.until_all_are_told().await;
    let sizes: Vec<usize> = receiver
        .calls()
        .iter()
        .map(|call| call.ids().len())
        .collect();
    assert_eq!(sizes, [500, 500, 200]);
    assert_eq!(receiver.ids(), expected);
    running.stop().await;
}

#[tokio::test]
async fn only_what_the_application_could_not_take_is_told_again() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, call| {
        let is_first = call.ids().len() == 3;
        let error = if is_first {
            r#","error":["b"],"not_found":["c"]"#
        } else {
            ""
        };
        Answer::ok(format!(r#"{{"ok":true{error}}}"#))
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    for id in ["a", "b", "c"] {
        house.deliver("acme", id).await;
    }
    let running = house.report(quick());
    house.until_all_are_told().await;
    assert_eq!(receiver.ids(), ["a", "b", "c", "b"]);
    let told = &running.reports.figures().tenants[0];
    assert_eq!((told.acknowledged, told.refused), (3, 1));
    running.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_ever_does_not_stand_in_the_way() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, _| Answer::ok(r#"{"ok":true,"error":["bad"]}"#)).await;
    house.settle("acme", Some(&receiver.url())).await;
    house.deliver("acme", "bad").await;
    let running = house.report(quick());
    for number in 0..5 {
        let id = format!("good-{number}");
        house.deliver("acme", &id).await;
        until("the good one", || receiver.ids().contains(&id)).await;
    }
    house.until_so_many_wait(1).await;
    let good = receiver.ids().into_iter().filter(|id| id != "bad");
    assert_eq!(good.count(), 5, "each once");
    running.stop().await;
}

#[tokio::test]
async fn any_success_without_json_takes_everything() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, _| Answer {
        status: 204,
        ..Answer::ok("")
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(quick());
    house.deliver("acme", "a").await;
    house.until_all_are_told().await;
    assert_eq!(receiver.ids(), ["a"]);
    running.stop().await;
}

#[tokio::test]
async fn tenants_without_a_url_share_the_one_for_all_and_inactive_ones_have_none() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", None).await;
    house.settle("second", None).await;
    house.settle("asleep", None).await;
    for tenant in ["acme", "second", "asleep"] {
        house.deliver(tenant, tenant).await;
    }
    let put_to_sleep = Box::new(|tenant: &mut model::Tenant| {
        tenant.is_active = false;
        Ok(())
    });
    let asleep = crate::house::tenant_id("asleep");
    let changed = store::Directory::change_tenant(&*house.store, &asleep, put_to_sleep, START);
    changed.await.unwrap();
    let fallback = Target {
        url: format!("{}/all", receiver.url()).into(),
        auth: ClientAuth::basic("ada", "hunter2").unwrap(),
    };
    let running = house.report(ReportSettings {
        fallback: Some(fallback),
        heartbeat: Duration::from_millis(100),
        ..quick()
    });
    until("both", || receiver.ids().len() == 2).await;
    let mut ids = receiver.ids();
    ids.sort();
    assert_eq!(ids, ["acme", "second"]);
    for call in receiver.calls() {
        assert!(call.head.starts_with("POST /all HTTP"), "{}", call.head);
        assert!(call.head.contains("authorization: Basic YWRhOmh1bnRlcjI="));
    }
    house.until_so_many_wait(1).await;
    // One of them has a heartbeat for all.
    let beats = || {
        let calls = receiver.calls().into_iter();
        calls
            .filter(|call| call.items().is_empty())
            .map(|call| call.at)
            .collect::<Vec<_>>()
    };
    until("some heartbeats", || beats().len() >= 5).await;
    let gaps = beats().windows(2).map(|pair| pair[1] - pair[0]).min();
    assert!(gaps.unwrap() >= Duration::from_millis(90), "{gaps:?}");
    running.stop().await;
}

#[tokio::test]
async fn reports_that_nobody_takes_are_given_up_after_their_retention() {
    let house = House::open().await;
    house.settle("acme", None).await;
    house.settle("gone", Some("http://127.0.0.1:1")).await;
    house.deliver("acme", "a").await;
    house.deliver("gone", "b").await;
    let running = house.report(quick());
    until("a look", || running.reports.figures().tenants.len() == 2).await;
    // The one without an application has nobody who waits for it.
    let waiting = || {
        let told = running.reports.figures().tenants;
        told.iter().map(|told| told.backlog).collect::<Vec<_>>()
    };
    until("the backlog", || waiting() == [0, 1]).await;
    for (tenant, is_awaited) in [("acme", false), ("gone", true)] {
        let tenant = house.store.tenant(&tenant_id(tenant)).await.unwrap();
        let tenant = tenant.unwrap();
        assert_eq!(
            running.reports.are_awaited(&tenant, Channel::Sync),
            is_awaited
        );
        assert!(!running.reports.are_awaited(&tenant, Channel::Webhook));
    }
    house
        .clock
        .set(START + Duration::from_secs(7 * 24 * 3600 - 60));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.backlog().await, 2);
    house
        .clock
        .set(START + Duration::from_secs(7 * 24 * 3600 + 1));
    house.until_all_are_told().await;
    until("the count", || running.reports.figures().expired == 2).await;
    running.stop().await;
}
