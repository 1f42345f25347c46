//! Applications that fail, are slow, want to be left alone or never have enough.

use std::time::{Duration, Instant};

use observe::reports::ReportSettings;
use webclient::TargetPolicy;

use crate::house::{House, START, quick, tenant_id, until};
use crate::receiver::{Answer, Receiver};

/// So often is an application called that has nothing to be told, in these tests.
const HEARTBEAT: Duration = Duration::from_millis(150);

fn beating() -> ReportSettings {
    ReportSettings {
        heartbeat: HEARTBEAT,
        ..quick()
    }
}

fn seconds(after: Duration) -> f64 {
    (START + after).as_millis() as f64 / 1e3
}

#[tokio::test]
async fn a_failing_application_gets_everything_once_it_recovers() {
    let house = House::open().await;
    let receiver = Receiver::start(|turn, _| match turn {
        0 => Answer::status(500),
        1 => Answer::status(302),
        2 => Answer {
            headers: "retry-after: 0\r\n",
            ..Answer::status(503)
        },
        _ => Answer::ok("{}"),
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    house.deliver("acme", "a").await;
    house.deliver("acme", "b").await;
    let running = house.report(quick());
    until("a failure", || running.status("acme").failures > 0).await;
    assert_eq!(house.backlog().await, 2);
    house.until_all_are_told().await;
    assert_eq!(receiver.ids(), ["a", "b"].repeat(4));
    until("the end of the call", || {
        running.status("acme").failures == 0
    })
    .await;
    let told = &running.reports.figures().tenants[0];
    assert_eq!((told.failures, told.acknowledged), (3, 2));
    running.stop().await;
}

#[tokio::test]
async fn an_application_that_is_away_is_not_called_in_a_busy_loop() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, _| Answer::status(500)).await;
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(ReportSettings {
        retry_min: Duration::from_millis(300),
        retry_max: Duration::from_millis(300),
        ..quick()
    });
    let began = Instant::now();
    let mut number = 0;
    while began.elapsed() < Duration::from_millis(1_000) {
        house.deliver("acme", &format!("msg-{number}")).await;
        number += 1;
    }
    let calls = receiver.calls().len();
    assert!(
        (2..=5).contains(&calls),
        "{calls} calls for {number} messages"
    );
    running.stop().await;
}

#[tokio::test]
async fn an_application_with_nothing_to_be_told_is_called_now_and_then() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(beating());
    until("three calls", || receiver.calls().len() >= 3).await;
    let calls = receiver.calls();
    assert!(calls.iter().all(|call| call.items().is_empty()));
    let gap = calls[2].at - calls[1].at;
    assert!(gap >= HEARTBEAT, "{gap:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_wish_to_be_left_alone_holds_over_a_restart_but_not_for_reports() {
    let house = House::open().await;
    let quiet_until = seconds(Duration::from_secs(3_600));
    let receiver =
        Receiver::start(move |_, _| Answer::ok(format!(r#"{{"next_sync_after":{quiet_until}}}"#)))
            .await;
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(beating());
    until("the first call", || running.status("acme").in_dnd).await;
    tokio::time::sleep(HEARTBEAT * 3).await;
    assert_eq!(receiver.calls().len(), 1);
    running.stop().await;

    let house = house.reopen().await;
    let running = house.report(beating());
    until("a look", || running.status("acme").in_dnd).await;
    running.reports.run_now(None);
    tokio::time::sleep(HEARTBEAT * 3).await;
    assert_eq!(
        receiver.calls().len(),
        1,
        "all are called, but not who wants to be left alone"
    );
    house.deliver("acme", "a").await;
    until("the report", || receiver.ids() == ["a"]).await;
    running.reports.run_now(Some(tenant_id("acme")));
    until("the call", || receiver.calls().len() == 3).await;
    running.stop().await;
}

#[tokio::test]
async fn a_wish_that_was_withdrawn_is_forgotten() {
    let house = House::open().await;
    let quiet_until = seconds(Duration::from_secs(3_600));
    let receiver = Receiver::start(move |turn, _| match turn {
        0 => Answer::ok(format!(r#"{{"next_sync_after":{quiet_until}}}"#)),
        _ => Answer::ok("{}"),
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(quick());
    until("the first call", || running.status("acme").in_dnd).await;
    running.reports.run_now(Some(tenant_id("acme")));
    until("the second call", || receiver.calls().len() == 2).await;
    running.stop().await;
    let house = house.reopen().await;
    let running = house.report(quick());
    until("the call of a new start", || receiver.calls().len() == 3).await;
    running.stop().await;
}

#[tokio::test]
async fn an_application_with_work_for_us_is_called_again_at_once_and_ever_slower() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, _| Answer::ok(r#"{"ok":true,"queued":3}"#)).await;
    house.settle("acme", Some(&receiver.url())).await;
    let running = house.report(ReportSettings {
        gathering: Duration::from_millis(100),
        ..quick()
    });
    until("two calls", || receiver.calls().len() >= 2).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let calls = receiver.calls().len();
    assert!((4..=8).contains(&calls), "{calls}");
    running.stop().await;
}

#[tokio::test]
async fn applications_that_hang_hold_up_nobody_else() {
    let house = House::open().await;
    let hanging = Receiver::start(|_, _| Answer {
        after: Duration::from_secs(3_600),
        ..Answer::ok("{}")
    })
    .await;
    let healthy = Receiver::willing().await;
    for number in 0..40 {
        house
            .settle(&format!("hanging-{number}"), Some(&hanging.url()))
            .await;
    }
    let running = house.report(ReportSettings {
        deadline: Duration::from_millis(400),
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(20),
        ..quick()
    });
    let have_failed = || {
        let status = running.reports.status();
        status.iter().filter(|status| status.failures > 0).count()
    };
    until("all to have failed", || have_failed() == 40).await;
    // From now on all of them together are always due, and hang as long as they may.
    house.settle("acme", Some(&healthy.url())).await;
    let mut slowest = Duration::ZERO;
    for number in 0..10 {
        let (id, began) = (format!("msg-{number}"), Instant::now());
        house.deliver("acme", &id).await;
        until("the healthy one", || healthy.ids().contains(&id)).await;
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_millis(350), "{slowest:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_private_address_that_nobody_opened_is_not_called() {
    let (house, receiver) = (House::open().await, Receiver::willing().await);
    house.settle("acme", Some(&receiver.url())).await;
    house.deliver("acme", "a").await;
    let running = house.report_to(TargetPolicy::PublicOnly, quick());
    until("a failure", || running.status("acme").failures > 1).await;
    assert_eq!(receiver.calls().len(), 0);
    assert_eq!(house.backlog().await, 1);
    running.stop().await;
}

#[tokio::test]
async fn an_endless_answer_is_a_failure() {
    let house = House::open().await;
    let receiver = Receiver::start(|turn, _| match turn {
        0 => Answer::ok(" ".repeat(2 * 1024 * 1024)),
        _ => Answer::ok("{}"),
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    house.deliver("acme", "a").await;
    let running = house.report(quick());
    house.until_all_are_told().await;
    assert_eq!(receiver.ids(), ["a", "a"]);
    running.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_the_call_that_is_under_way() {
    let house = House::open().await;
    let receiver = Receiver::start(|_, _| Answer {
        after: Duration::from_millis(300),
        ..Answer::ok("{}")
    })
    .await;
    house.settle("acme", Some(&receiver.url())).await;
    house.deliver("acme", "a").await;
    let running = house.report(quick());
    until("the call", || !receiver.calls().is_empty()).await;
    running.stop().await;
    assert_eq!(house.backlog().await, 0);
    assert_eq!(receiver.ids(), ["a"]);
}
