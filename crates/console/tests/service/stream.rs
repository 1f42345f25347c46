//! The updates that the page follows: everything, then the rows that changed.

use std::collections::BTreeMap;
use std::time::Duration;

use deliver::dispatch::LaneNow;
use model::EventKind;
use serde_json::{Value, json};
use store::Directory;

use crate::client::Events;
use crate::house::{House, START, tenant_id};
use crate::traffic::assert_adds_up;

/// What a page knows that follows: the rows by their keys.
#[derive(Default)]
struct Page {
    accounts: BTreeMap<String, Value>,
    tenants: BTreeMap<String, Value>,
}

impl Page {
    fn merge(&mut self, update: &Value) {
        if update["kind"] == "snapshot" {
            *self = Self::default();
        }
        let lists = [
            (&mut self.accounts, "accounts", "gone_accounts", "pk"),
            (&mut self.tenants, "tenants", "gone_tenants", "tenant_id"),
        ];
        for (rows, changed, gone, key) in lists {
            for gone in update[gone].as_array().unwrap() {
                assert!(
                    rows.remove(&gone.to_string()).is_some(),
                    "{gone} was not there"
                );
            }
            for row in update[changed].as_array().unwrap() {
                rows.insert(row[key].to_string(), row.clone());
            }
        }
    }

    /// Follows until the totals say so; gives the update that did.
    async fn follow(&mut self, events: &mut Events, says: impl Fn(&Value) -> bool) -> Value {
        loop {
            let update = events.next().await.unwrap();
            self.merge(&update);
            if says(&update["totals"]) {
                return update;
            }
        }
    }

    /// Checks that it is what is answered to who asks.
    async fn assert_is_right(&self, house: &House) {
        let mut told = house.json("/api/traffic").await;
        assert_adds_up(&told);
        for (rows, list, key) in [
            (&self.accounts, "accounts", "pk"),
            (&self.tenants, "tenants", "tenant_id"),
        ] {
            let told = told[list].as_array_mut().unwrap().iter();
            let told: BTreeMap<String, Value> = told
                .map(|row| (row[key].to_string(), row.clone()))
                .collect();
            assert_eq!(*rows, told, "{list}");
        }
    }
}

fn names(rows: &Value, name: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[name].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_snapshot_and_its_deltas_say_what_is_and_a_delta_only_what_changed() {
    let house = House::open().await;
    house.settle("acme", &["main", "bulk"]).await;
    house.settle("other", &["main"]).await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    let (mut events, mut page) = (house.follow().await, Page::default());
    let is_whole = |totals: &Value| totals["sent"] == 1 && totals["accounts"] == 3;
    let update = page.follow(&mut events, is_whole).await;
    page.assert_is_right(&house).await;
    assert_eq!(
        (&update["active"], &update["trouble"]),
        (&json!(true), &Value::Null)
    );

    house.mail("acme/bulk", "2", &[]).await;
    let update = page
        .follow(&mut events, |totals| totals["pending"] == 1)
        .await;
    assert_eq!(update["kind"], "delta");
    assert_eq!(names(&update["accounts"], "account_id"), ["bulk"]);
    assert_eq!(names(&update["tenants"], "tenant_id"), ["acme"]);
    assert_eq!(
        (&update["gone_accounts"], &update["gone_tenants"]),
        (&json!([]), &json!([]))
    );
    page.assert_is_right(&house).await;

    house
        .store
        .delete_tenant(&tenant_id("other"))
        .await
        .unwrap();
    let update = page
        .follow(&mut events, |totals| totals["accounts"] == 2)
        .await;
    assert_eq!(update["gone_tenants"], json!(["other"]));
    page.assert_is_right(&house).await;

    // One who comes later gets the same.
    let (mut events, mut later) = (house.follow().await, Page::default());
    // It may begin with an earlier moment, when there were two accounts as well.
    let is_latest = |totals: &Value| totals["accounts"] == 2 && totals["pending"] == 1;
    later.follow(&mut events, is_latest).await;
    later.assert_is_right(&house).await;
}

#[tokio::test]
async fn what_goes_on_is_news_and_the_charts_get_a_point_a_second() {
    let house = House::open().await;
    let numbers = house.settle("acme", &["main"]).await;
    let mut events = house.follow().await;
    events
        .until(|update| update["totals"]["accounts"] == 1)
        .await;
    *house.board.lanes.lock().unwrap() = vec![LaneNow {
        account: numbers[0],
        connections: 7,
        sending: 5,
        trouble: None,
        limited_until: None,
    }];
    let update = events
        .until(|update| update["totals"]["connections"] == 7)
        .await;
    assert_eq!(update["accounts"][0]["sending"], 5);

    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    events.until(|update| update["totals"]["sent"] == 1).await;
    house.clock.set(START + Duration::from_secs(1));
    let update = events.until(|update| update["points"] != json!([])).await;
    assert_eq!(
        update["points"],
        json!([{
            "t": START.as_secs(), "span": 1, "accepted": 1, "sent": 1, "failed": 0, "deferred": 0,
            "rate_limited": 0, "pending": 0, "connections": 7, "sending": 5,
        }])
    );
    // Who comes later gets the points that there were.
    let mut later = house.follow().await;
    let told = later.until(|update| update["points"] != json!([])).await;
    assert_eq!(told["points"], update["points"]);
}

#[tokio::test]
async fn a_data_file_that_cannot_be_read_is_said_and_the_figures_stay() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    let mut events = house.follow().await;
    events
        .until(|update| update["totals"]["accounts"] == 1)
        .await;
    let other = rusqlite::Connection::open(house.file()).unwrap();
    other
        .execute_batch("ALTER TABLE account_counts RENAME TO elsewhere")
        .unwrap();
    let update = events.until(|update| !update["trouble"].is_null()).await;
    assert_eq!(update["totals"]["accounts"], 1);
    other
        .execute_batch("ALTER TABLE elsewhere RENAME TO account_counts")
        .unwrap();
    events.until(|update| update["trouble"].is_null()).await;
}

#[tokio::test]
async fn at_the_end_there_is_a_last_update_and_nothing_more() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    let mut events = house.follow().await;
    events
        .until(|update| update["totals"]["accounts"] == 1)
        .await;
    house.mail("acme/main", "1", &[EventKind::Delivered]).await;
    house.stop.cancel();
    let mut last = None;
    while let Some(update) = events.next().await {
        last = Some(update);
    }
    assert_eq!(last.unwrap()["totals"]["sent"], 1);
}

#[tokio::test]
async fn the_stream_is_the_operators_alone() {
    let house = House::open().await;
    house.settle("acme", &["main"]).await;
    let answer = house.ask_as("of-acme", "/api/traffic/stream").await;
    assert_eq!(answer.status, 403);
    let words = answer.json()["error"]["message"].to_string();
    assert!(words.contains("./traffic"), "{words}");
}
