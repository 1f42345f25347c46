//! The updates that a dashboard follows.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use model::{EventKind, Live, Seq, Stage};
use serde_json::Value;
use tokio::time::Instant;
use webserver::Peer;

use crate::run::{
    DEFERRED, PENDING, UNANSWERED, accept, attempt, begin, every_kind, record, reply, stored,
};
use crate::world::{World, pretty, store};

/// What a client is sent, event by event.
struct Events(BodyDataStream);

impl Events {
    /// Follows from the beginning, or from after an update.
    async fn follow(world: &World, last_id: Option<&str>) -> Self {
        let mut request = Request::get("/api/stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = world.begin(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Self(response.into_body().into_data_stream());
        assert_eq!(events.bytes().await.unwrap(), "retry: 2000\n\n");
        events
    }

    /// The next part as it is sent; `None` at the end.
    async fn bytes(&mut self) -> Option<Bytes> {
        self.0.next().await.map(Result::unwrap)
    }

    /// What the next event says.
    async fn next(&mut self) -> Value {
        data(&self.bytes().await.unwrap())
    }

    /// The first update that says so.
    async fn until(&mut self, says: impl Fn(&Value) -> bool) -> Value {
        loop {
            let update = self.next().await;
            if says(&update) {
                return update;
            }
        }
    }

    /// The last update, when there will be no more.
    async fn last(&mut self) -> Value {
        let mut last = self.next().await;
        while let Some(bytes) = self.bytes().await {
            last = data(&bytes);
        }
        last
    }
}

/// What an event says.
fn data(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: "));
    let data: Value = serde_json::from_str(data.unwrap()).unwrap();
    let id = text.lines().find_map(|line| line.strip_prefix("id: "));
    assert_eq!(id.map(str::to_owned), data.get("id").map(Value::to_string));
    data
}

async fn deliver(world: &World, seq: Seq) {
    let ok = Some(attempt(reply(250, None, "ok"), None));
    record(&*world.store, &world.lease, seq, EventKind::Delivered, ok).await;
    world.monitor.catch_up().await.unwrap();
}

/// Lets so many looks at the run pass; each finds another number of connections.
async fn changes(world: &World, count: usize) {
    for _ in 0..count {
        world.live.connection_opened();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn numbers(update: &Value) -> Vec<u64> {
    let lines = update["log"].as_array().into_iter().flatten();
    lines.map(|line| line["number"].as_u64().unwrap()).collect()
}

fn numbers_end(numbers: &[u64]) -> u64 {
    numbers.last().copied().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn first_everything_then_what_changed() {
    let (world, seqs) = every_kind().await;
    world.live.set_stage(Stage::Sending);
    changes(&world, 2).await;
    let mut events = Events::follow(&world, None).await;
    let mut snapshot = events.next().await;
    let id = snapshot["id"].as_u64().unwrap();
    snapshot["id"] = 7.into();
    insta::assert_snapshot!("stream_snapshot", pretty(snapshot.clone()));

    let message = stored(&*world.store, seqs[PENDING]).await;
    let sending = Live::begin_sending(&world.live, &message);
    let mut delta = events.next().await;
    assert_eq!(
        (delta["id"].as_u64().unwrap(), &delta["sending_count"]),
        (id + 1, &1.into())
    );
    drop(sending);
    deliver(&world, seqs[PENDING]).await;
    delta = events.until(|update| update["sent_count"] == 2).await;
    delta["id"] = 9.into();
    insta::assert_snapshot!("stream_delta", pretty(delta));
}

#[tokio::test(start_paused = true)]
async fn the_five_add_up_and_the_last_update_equals_the_figures() {
    let (world, seqs) = every_kind().await;
    let mut events = Events::follow(&world, None).await;
    let mut last = events.next().await;
    for (place, sent) in [(DEFERRED, 2), (UNANSWERED, 3), (PENDING, 4)] {
        deliver(&world, seqs[place]).await;
        last = events.until(|update| update["sent_count"] == sent).await;
        let count = |name: &str| last[name].as_u64().unwrap();
        let five = [
            "pending_count",
            "sending_count",
            "sent_count",
            "failed_count",
            "retry_count",
        ];
        assert_eq!(
            five.map(count).iter().sum::<u64>(),
            count("total_recipients")
        );
    }
    let status = world.json("/api/status").await;
    for name in [
        "sent_count",
        "failed_count",
        "pending_count",
        "total_recipients",
    ] {
        assert_eq!(last[name], status[name]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_comes_back_goes_on_where_it_was() {
    let (world, seqs) = every_kind().await;
    let mut stayed = Events::follow(&world, None).await;
    let snapshot = stayed.next().await;
    let mut left = Events::follow(&world, None).await;
    assert_eq!(left.next().await["id"], snapshot["id"]);
    drop(left);
    let mut missed = Vec::new();
    for place in [DEFERRED, UNANSWERED, PENDING] {
        deliver(&world, seqs[place]).await;
        missed.push(stayed.bytes().await.unwrap());
    }
    let mut back = Events::follow(&world, Some(&snapshot["id"].to_string())).await;
    for update in missed {
        let again = back.bytes().await.unwrap();
        assert_eq!(again, update);
        assert_eq!(
            again.as_ptr(),
            update.as_ptr(),
            "each update is made once, for everybody"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_log_line_comes_once() {
    let (world, seqs) = every_kind().await;
    let mut events = Events::follow(&world, None).await;
    let mut seen = numbers(&events.next().await);
    let mut last = numbers_end(&seen);
    assert_eq!(
        last, 10,
        "what the log had before is there from the first moment"
    );
    for place in [DEFERRED, UNANSWERED, PENDING] {
        deliver(&world, seqs[place]).await;
        last += 1;
        // Between the line and its update somebody else comes: that changes nothing.
        let mut other = Events::follow(&world, None).await;
        let mut others = numbers(&other.next().await);
        while numbers_end(&seen) < last {
            seen.extend(numbers(&events.next().await));
        }
        while numbers_end(&others) < last {
            others.extend(numbers(&other.next().await));
        }
        assert_eq!(others, seen);
    }
    let expected: Vec<u64> = (seen[0]..seen[0] + seen.len() as u64).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_known_gets_everything() {
    let (world, _) = every_kind().await;
    changes(&world, 3).await;
    for id in [
        "",
        "0",
        "7",
        "-1",
        "abc",
        "18446744073709551615",
        "1795355059999",
    ] {
        let mut events = Events::follow(&world, Some(id)).await;
        assert_eq!(events.next().await["kind"], "snapshot", "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_away_for_too_long_gets_everything() {
    let (world, _) = every_kind().await;
    let first = Events::follow(&world, None).await.next().await;
    changes(&world, 300).await;
    let mut events = Events::follow(&world, Some(&first["id"].to_string())).await;
    assert_eq!(events.next().await["kind"], "snapshot");
}

#[tokio::test(start_paused = true)]
async fn who_lags_is_told_of_the_gap_and_gets_everything() {
    let (world, _) = every_kind().await;
    let mut events = Events::follow(&world, None).await;
    let first = events.next().await;
    changes(&world, 300).await;
    let gap = events.next().await;
    assert_eq!(gap["kind"], "gap");
    let snapshot = events.next().await;
    assert_eq!(snapshot["kind"], "snapshot");
    let passed = snapshot["id"].as_u64().unwrap() - first["id"].as_u64().unwrap();
    assert!((290..=301).contains(&passed), "{passed}");
    assert!(gap["missed"].as_u64().unwrap() >= passed - 256);
    changes(&world, 1).await;
    assert_eq!(
        events.next().await["id"],
        snapshot["id"].as_u64().unwrap() + 1
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_nothing_changes_but_a_sign_of_life() {
    let (folder, store) = store();
    let run = begin(&*store, "quiet").await;
    let world = World::watching(folder, store, run).await;
    let mut events = Events::follow(&world, None).await;
    let _snapshot = events.next().await;
    let begun = tokio::time::Instant::now();
    while let Some(bytes) = events.bytes().await
        && bytes != ":\n\n"
    {
        assert!(begun.elapsed() < Duration::from_secs(2), "{bytes:?}");
    }
    let silence = begun.elapsed().as_secs();
    assert!((15..=17).contains(&silence), "{silence} s");
}

#[tokio::test(start_paused = true)]
async fn one_address_follows_twenty_times_and_others_are_not_touched() {
    let (world, _) = every_kind().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(Events::follow(&world, None).await);
    }
    let refused = world.get("/api/stream").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let words = refused.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(words.contains("20"), "{words}");
    let mut other = Request::get("/api/stream").body(Body::empty()).unwrap();
    let address: IpAddr = [127, 0, 0, 2].into();
    other.extensions_mut().insert(Peer(address));
    assert_eq!(world.begin(other).await.status(), StatusCode::OK);
    held.pop();
    Events::follow(&world, None).await;
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_and_ends_every_stream() {
    let (world, seqs) = every_kind().await;
    let mut events = Events::follow(&world, None).await;
    let _snapshot = events.next().await;
    world.live.set_stage(Stage::Completed);
    deliver(&world, seqs[PENDING]).await;
    world.stop.cancel();
    let mut late = Events::follow(&world, None).await;
    for follower in [&mut events, &mut late] {
        let last = follower.last().await;
        assert_eq!(
            (&last["stage"], &last["sent_count"]),
            (&"completed".into(), &2.into())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_did_not_keep_up_are_counted() {
    let (world, _) = every_kind().await;
    let mut kept_up = Events::follow(&world, None).await;
    let mut stalled = Events::follow(&world, None).await;
    let _ = (kept_up.next().await, stalled.next().await);
    let open = world.get("/metrics").await.text();
    assert!(value(&open, "stream_clients ") == 2.0, "{open}");
    changes(&world, 20).await;
    for _ in 0..20 {
        kept_up.next().await;
    }
    drop((kept_up, stalled));
    let closed = world.get("/metrics").await.text();
    assert_eq!(value(&closed, "stream_clients "), 0.0);
    assert_eq!(value(&closed, "stream_clients_dropped_total "), 1.0);
}

/// The value of the series whose name ends so.
fn value(metrics: &str, name: &str) -> f64 {
    let mut lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let line = lines.find(|line| line.contains(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_burst_leaves_the_newest_lines_of_each_level() {
    let (folder, store) = store();
    let run = begin(&*store, "burst").await;
    let addresses: Vec<String> = (0..100)
        .map(|number| format!("r{number}@example.org"))
        .collect();
    let seqs = accept(&*store, &run, addresses.iter().map(String::as_str)).await;
    let world = World::watching(folder, store, run).await;
    let mut events = Events::follow(&world, None).await;
    let _snapshot = events.next().await;
    let refusal = Some(attempt(reply(550, None, "no"), None));
    record(
        &*world.store,
        &world.lease,
        seqs[0],
        EventKind::Bounced,
        refusal,
    )
    .await;
    let batch = seqs[1..].iter().map(|seq| stored(&*world.store, *seq));
    let mut delivered = Vec::new();
    for message in batch {
        let message = std::sync::Arc::new(message.await);
        delivered.push(store::NewEvent {
            message,
            kind: EventKind::Delivered,
            at: crate::world::second(12),
            attempts: 1,
            due_at: None,
            attempt: Some(attempt(reply(250, None, "ok"), None)),
            reason: None,
        });
    }
    world.store.record(&world.lease, delivered).await.unwrap();
    world.monitor.catch_up().await.unwrap();
    let mut lines = Vec::new();
    while !lines
        .iter()
        .any(|line: &Value| line["email"] == "r99@example.org")
    {
        let update = events.next().await;
        lines.extend(update["log"].as_array().cloned().unwrap_or_default());
    }
    let levels = |level: &str| lines.iter().filter(|line| line["level"] == level).count();
    assert_eq!(levels("error"), 1, "a failure is not lost among deliveries");
    assert!((20..=40).contains(&levels("info")), "{}", levels("info"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_after_minutes_and_goes_on_where_it_was() {
    let (world, _) = every_kind().await;
    world.live.set_stage(Stage::Sending);
    let begun = Instant::now();
    let mut events = Events::follow(&world, None).await;
    let mut id = events.next().await["id"].to_string();
    loop {
        let bytes = events.bytes().await.unwrap();
        match bytes.as_ref() {
            b":\n\n" => {}
            b"retry: 50\n\n" => break,
            update => id = data(update)["id"].to_string(),
        }
    }
    assert_eq!(events.bytes().await, None);
    let minutes = begun.elapsed().as_secs() / 60;
    assert!((10..=12).contains(&minutes), "{minutes} min");
    let mut again = Events::follow(&world, Some(&id)).await;
    world.live.connection_opened();
    let update = again.next().await;
    assert_eq!(update["kind"], "delta");
    assert_eq!(update["id"].as_u64(), id.parse().ok().map(|id: u64| id + 1));
}
