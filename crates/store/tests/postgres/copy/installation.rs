//! A data folder of an installation that was at work: something in every table.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{
    BatchCode, ControlAction, EventKind, News, Permanence, Priority, Secret, Seq, SubmissionId,
    Suspension, Timestamp,
};
use store::directory::NewCommand;
use store::submissions::{Channel, NewNews, Place};
use store::{
    Campaign, Directory, Job, JobState, LaneKey, Lease, NewControl, NewEvent, Payload, SqliteStore,
    Statistics, Store, Submissions, Submitted,
};

use crate::canaries;
use crate::support::directory::{account, account_id, given_key, tenant_id};
use crate::support::submissions::{mail, settle};
use crate::support::{START, accept, accept_as_holder, begin, event, messages, second, stored};

/// The far end of time: everything queued is due.
pub const ALWAYS: Timestamp = Timestamp::from_millis(i64::MAX);
/// Years before the others: the events of then have no part yet.
const LONG_AGO: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Makes it, and closes it as a stop does.
pub async fn make(folder: &Path) {
    let store = open(folder);
    canaries::fill(&store).await;
    command(&store, "POST /tenant").await;
    run_campaigns(&store).await;
    hand_over(&store).await;
    // Some of what is forgotten then was counted before, and some was not.
    assert!(store.roll_up(250).await.unwrap().is_behind);
    remove(&store).await;
    store.add_job(job("weekly")).await.unwrap();
    store.save_cursor("webhooks", "12").await.unwrap();
    let gone = command(&store, "POST /gone").await;
    assert!(gone > 1);
    store.purge_commands(second(5)).await.unwrap();
    command(&store, "POST /account").await;
}

pub fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open_with_key(folder, &given_key()).unwrap()
}

async fn command(store: &SqliteStore, endpoint: &str) -> i64 {
    let new = NewCommand {
        at: second(if endpoint == "POST /gone" { 1 } else { 9 }),
        endpoint: endpoint.into(),
        tenant: Some(tenant_id("acme")),
        payload: r#"{"id":"a"}"#.into(),
        response_status: 200,
        response: None,
    };
    store.log_command(new).await.unwrap()
}

fn job(id: &str) -> Job {
    Job {
        id: id.to_owned(),
        request: r#"{"template":"news.html"}"#.to_owned(),
        state: JobState::Pending,
        next_run_at: Some(second(60)),
        cron: Some("0 9 * * 1".to_owned()),
        interval: Some(Duration::from_millis(90_500)),
        attempts: 1,
        attempts_max: 3,
        backoff: Duration::from_secs(2),
        created_at: START,
        updated_at: second(1),
        last_run_at: None,
        last_error: Some("none yet".to_owned()),
    }
}

// === campaigns ===

async fn run_campaigns(store: &SqliteStore) {
    let spring = begin(store, "spring").await;
    let lease = store.lease(spring.lane_key()).await.unwrap();
    let seqs = accept(store, &spring, "ada", 40).await;
    let kinds = [
        EventKind::Delivered,
        EventKind::Deferred,
        EventKind::Bounced,
        EventKind::Expired,
        EventKind::Dropped,
        EventKind::Cancelled,
    ];
    for (&seq, kind) in seqs.iter().zip(kinds.into_iter().cycle()).take(36) {
        happens(store, &lease, seq, EventKind::Deferred, LONG_AGO).await;
        happens(store, &lease, seq, kind, second(seq.get().unsigned_abs())).await;
    }
    intervene(store, &spring).await;
    let end = store.end_of_log().await.unwrap();
    assert_eq!(
        store
            .retry_failed(&lease, end, 5, second(90))
            .await
            .unwrap(),
        5
    );
    let summer = begin(store, "summer").await;
    let mut quiet = messages(&summer, "\u{c4}da", 3);
    quiet[0].address = model::Address::parse("ADA@EXAMPLE.ORG").unwrap();
    accept_as_holder(store, &summer, quiet).await.unwrap();
    // Its lease is not given back: the process was killed.
}

async fn happens(store: &SqliteStore, lease: &Lease, seq: Seq, kind: EventKind, at: Timestamp) {
    let message = stored(store, seq).await;
    let new = NewEvent {
        at,
        ..event(&message, kind)
    };
    assert_eq!(store.record(lease, vec![new]).await.unwrap(), 0);
}

async fn intervene(store: &SqliteStore, campaign: &Campaign) {
    for action in ControlAction::ALL {
        let new = NewControl {
            lane: campaign.lane,
            at: second(80),
            action,
            by: "dashboard 127.0.0.1".into(),
        };
        store.control(new).await.unwrap();
    }
}

// === what clients hand over ===

/// Mail of three tenants in every state, with reports, news and secrets.
async fn hand_over(store: &SqliteStore) {
    for owner in ["ada", "bob", "cleo"] {
        let pk = settle(store, owner).await;
        let mut ids = Vec::new();
        for number in 0..12 {
            ids.push(submit(store, owner, number).await);
        }
        let lease = store.lease(LaneKey::account(pk)).await.unwrap();
        let kinds = [
            EventKind::Delivered,
            EventKind::Bounced,
            EventKind::Deferred,
            EventKind::RateLimited,
        ];
        for (id, kind) in ids.iter().zip(kinds.into_iter().cycle()).take(8) {
            happens(
                store,
                &lease,
                id.0,
                EventKind::Deferred,
                LONG_AGO + Duration::from_secs(9),
            )
            .await;
            happens(store, &lease, id.0, kind, second(20)).await;
            happens(store, &lease, id.0.next(), EventKind::Delivered, second(21)).await;
        }
        store.release(lease).await.unwrap();
        learn(store, ids[0]).await;
    }
    hold_back(store, "bob").await;
}

async fn submit(store: &SqliteStore, owner: &str, number: u64) -> SubmissionId {
    let mut new = mail(
        owner,
        &format!("{owner}-{number}"),
        &["x@example.org", "Y@example.org"],
    );
    new.priority = Priority::clamped((number % 4).cast_signed());
    new.batch = number
        .is_multiple_of(3)
        .then(|| BatchCode::parse("spring").unwrap());
    new.deferred_until = number.is_multiple_of(5).then(|| second(30 + number));
    if number % 2 == 1 {
        new.payload = Payload::Secret(Secret::new(format!(r#"{{"token":"canary-{number}"}}"#)));
    }
    match store.submit(vec![new]).await.unwrap()[..] {
        [Submitted::New(id)] => id,
        ref other => panic!("{other:?}"),
    }
}

async fn learn(store: &SqliteStore, id: SubmissionId) {
    let news = NewNews {
        message: id.0,
        kind: EventKind::Returned,
        at: second(40),
        news: News::Bounce {
            permanence: Permanence::Hard,
            code: Some("511".into()),
        },
        reason: "550 5.1.1 no such user".into(),
    };
    let place = Place {
        reader: "bounces".to_owned(),
        place: "1:77".to_owned(),
    };
    assert_eq!(store.note_news(vec![news], Some(place)).await.unwrap(), 1);
}

async fn hold_back(store: &SqliteStore, owner: &str) {
    let owner = tenant_id(owner);
    let suspend = |tenant: &mut model::Tenant| {
        tenant.suspension = Suspension::default();
        tenant.suspension.suspend(None)
    };
    let changed = store
        .change_tenant(&owner, Box::new(suspend), second(50))
        .await;
    changed.unwrap().unwrap();
    assert!(store.align_suspension(&owner, 100).await.unwrap() > 0);
}

/// What is gone leaves numbers that are never given again, and counts of what is kept no longer.
async fn remove(store: &SqliteStore) {
    let cleo = tenant_id("cleo");
    let reports = store
        .reports(&cleo, Channel::Sync, Seq::START, 1_000)
        .await
        .unwrap();
    let seqs = reports.iter().map(|report| report.seq).collect();
    store.acknowledge(&cleo, Channel::Sync, seqs).await.unwrap();
    assert!(store.clean_up(Some(&cleo), ALWAYS, 100).await.unwrap() > 0);
    store.put_account(account("cleo", "gone")).await.unwrap();
    assert!(
        store
            .delete_account(&cleo, &account_id("gone"))
            .await
            .unwrap()
    );
    // The last places of the log go with what was there.
    submit(store, "cleo", 77).await;
    let last = model::Line::parse("id", "cleo-77").unwrap();
    let removed = store.remove(&cleo, vec![last], second(60)).await.unwrap();
    assert_eq!(removed, [true]);
}

/// Many messages of one run, each with an event.
pub async fn make_large(folder: &Path, count: usize) {
    let store = open(folder);
    let campaign = begin(&store, "large").await;
    let lease = store.lease(campaign.lane_key()).await.unwrap();
    for batch in 0..count / 1_000 {
        let new = messages(&campaign, &format!("{batch}-"), 1_000);
        let mut delivered = Vec::new();
        for accepted in store.accept(&lease, new).await.unwrap() {
            let message = Arc::new(store.message(accepted.seq()).await.unwrap().unwrap());
            delivered.push(event(&message, EventKind::Delivered));
        }
        store.record(&lease, delivered).await.unwrap();
    }
}
