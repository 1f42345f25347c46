//! The lanes of an account: several where it has no limits, so that several processes can send for it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use model::account::AccountPk;
use model::{Address as MailAddress, BatchCode, EventKind, LaneId, Priority, Timestamp};
use store::postgres::Settings;
use store::submissions::WaitingLane;
use store::{
    Directory, LaneKey, NewEvent, NewSubmission, PostgresStore, Store, Submissions, Submitted,
};

use crate::cluster::{Cluster, Database};
use crate::support::directory::{account, given_key, tenant_id};
use crate::support::submissions::{mail, settle};
use crate::support::{event, second, stored};
use crate::{open_with_key, runtime};

/// Submissions of a check: enough for each lane to have some of each part.
const MANY: usize = 400;

async fn open(database: &Database<'_>) -> PostgresStore {
    open_with_key(database, &given_key(), Settings::default()).await
}

/// A tenant with an account `main` that has no limits.
async fn settle_without_limits(store: &PostgresStore, owner: &str) -> AccountPk {
    settle(store, owner).await;
    let mut account = account(owner, "main");
    account.limits.per_minute = None;
    account.limits.per_hour = None;
    account.limits.per_day = None;
    store.put_account(account).await.unwrap()
}

fn many(owner: &str) -> Vec<NewSubmission> {
    let one = |number: usize| {
        let mut new = mail(owner, &number.to_string(), &["ada@example.org"]);
        new.priority = Priority::ALL[number % 4];
        new
    };
    (0..MANY).map(one).collect()
}

/// The lanes with mail, and how much each has.
async fn waiting(store: &PostgresStore) -> Vec<(WaitingLane, u64)> {
    let mut all = Vec::new();
    for waiting in store.waiting_lanes().await.unwrap() {
        let books = store.books(waiting.lane).await.unwrap();
        assert_eq!(books, store.count_books(waiting.lane).await.unwrap());
        all.push((waiting, books.queued));
    }
    all
}

/// Delivers what is due in a lane, most urgent first.
async fn deliver(store: &PostgresStore, waiting: WaitingLane, at: u64) {
    let key = LaneKey::account_shard(waiting.account, waiting.shard);
    let lease = store.lease(key).await.unwrap();
    assert_eq!(lease.lane, waiting.lane);
    let (always, nobody) = (Timestamp::from_millis(i64::MAX), HashSet::new());
    let due = store.due(&lease, always, MANY, &nobody).await;
    let messages = due.unwrap().messages;
    assert!(messages.is_sorted_by_key(|message| message.priority));
    let delivered = |message| NewEvent {
        at: second(at),
        ..event(&Arc::new(message), EventKind::Delivered)
    };
    let events = messages.into_iter().map(delivered).collect();
    assert_eq!(store.record(&lease, events).await.unwrap(), 0);
    store.release(lease).await.unwrap();
}

#[test]
fn an_account_without_limits_has_several_lanes_that_share_its_mail() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        let pk = settle_without_limits(&store, "acme").await;
        let limited = settle(&store, "other").await;
        store.submit(many("acme")).await.unwrap();
        store.submit(many("other")).await.unwrap();
        let lanes = waiting(&store).await;
        let of = |pk| lanes.iter().filter(move |(lane, _)| lane.account == pk);
        let shards: Vec<u16> = of(pk).map(|(lane, _)| lane.shard).collect();
        assert_eq!(shards, [0, 1, 2, 3]);
        let even = MANY as u64 / 8..=MANY as u64 / 2;
        assert!(of(pk).all(|(_, queued)| even.contains(queued)), "{lanes:?}");
        let whole: Vec<(u16, u64)> = of(limited)
            .map(|(lane, count)| (lane.shard, *count))
            .collect();
        assert_eq!(whole, [(0, MANY as u64)], "limits are kept by one");
        for (lane, _) in &lanes {
            let account = store.lane_account(lane.lane).await.unwrap();
            assert_eq!(account, Some(lane.account));
        }
    });
}

#[test]
fn what_every_lane_sent_counts_for_the_account() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        settle_without_limits(&store, "acme").await;
        store.submit(many("acme")).await.unwrap();
        let lanes = waiting(&store).await;
        let mut sent = BTreeMap::new();
        for (number, (lane, queued)) in (0_i64..).zip(&lanes) {
            deliver(&store, *lane, number.unsigned_abs()).await;
            sent.insert(second(0).as_secs() + number, *queued);
        }
        for (lane, _) in &lanes {
            let found = store.sends(lane.lane, second(0)).await.unwrap();
            let found: BTreeMap<i64, u64> = found
                .into_iter()
                .map(|(second, count)| (second, count.into()))
                .collect();
            assert_eq!(found, sent);
        }
        let counts = &store.account_counts().await.unwrap()[0];
        assert_eq!((counts.accepted, counts.sent), (MANY as u64, MANY as u64));
        assert!(store.waiting_lanes().await.unwrap().is_empty());
    });
}

#[test]
fn other_content_stays_in_the_lane_and_other_recipients_are_new_in_theirs() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        settle_without_limits(&store, "acme").await;
        let answers = store.submit(many("acme")).await.unwrap();
        let mut before: Vec<LaneId> = Vec::new();
        for answer in &answers {
            let Submitted::New(id) = answer else {
                panic!("{answer:?}");
            };
            before.push(stored(&store, id.0).await.lane);
        }
        let mut others = many("acme");
        for (number, new) in others.iter_mut().enumerate() {
            new.batch = Some(BatchCode::parse("spring").unwrap());
            if number % 2 == 1 {
                new.recipients = vec![MailAddress::parse("bob@example.org").unwrap()];
            }
        }
        let replaced = store.submit(others).await.unwrap();
        for (number, (old, new)) in answers.iter().zip(&replaced).enumerate() {
            let (Submitted::New(old), Submitted::Replaced(new)) = (old, new) else {
                panic!("{old:?}, {new:?}");
            };
            assert_eq!(old == new, number % 2 == 0);
            if old == new {
                assert_eq!(stored(&store, new.0).await.lane, before[number]);
            }
        }
        let queued: u64 = waiting(&store).await.iter().map(|(_, queued)| queued).sum();
        assert_eq!(queued, MANY as u64);
        let counts = &store.account_counts().await.unwrap()[0];
        let half = MANY as u64 / 2;
        assert_eq!((counts.accepted, counts.cancelled), (3 * half, half));
    });
}

#[test]
fn an_account_s_mail_is_removed_from_all_of_its_lanes_the_first_first() {
    let database = Cluster::shared().database();
    runtime().block_on(async {
        let store = open(&database).await;
        let pk = settle_without_limits(&store, "acme").await;
        let answers = store.submit(many("acme")).await.unwrap();
        let gone = store.remove_of_account(pk, second(1), MANY / 2).await;
        assert_eq!(gone.unwrap(), MANY / 2);
        for (number, answer) in answers.iter().enumerate() {
            let Submitted::New(id) = answer else {
                panic!("{answer:?}");
            };
            let there = store.message(id.0).await.unwrap();
            assert_eq!(there.is_some(), number >= MANY / 2);
        }
        let queued: u64 = waiting(&store).await.iter().map(|(_, queued)| queued).sum();
        assert_eq!(queued, MANY as u64 / 2);
        let pending = store.pending(&tenant_id("acme"), None).await.unwrap();
        assert_eq!(pending, MANY as u64 / 2);
    });
}
