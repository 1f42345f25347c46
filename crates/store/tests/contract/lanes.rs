//! Leases: one living holder a lane, and nothing recorded by anybody else (promise: P-03).

use model::{EventKind, Message, MessageState};
use store::{LaneKey, Lease, Progress, Renewal, Store, StoreError};

use crate::support::{Child, accept, begin, event, player, stored, whole_log};
use crate::{lease_soon, on_each_backend};

fn lane() -> LaneKey {
    LaneKey::job("nightly")
}

async fn assert_held(store: &dyn Store, holder: u32) {
    match store.lease(lane()).await {
        Err(StoreError::LaneHeld { holder: named, .. }) => assert_eq!(named, holder),
        other => panic!("the lane is held: {other:?}"),
    }
}

#[test]
fn a_lane_has_one_holder_until_it_is_released() {
    on_each_backend(async |place| {
        let (first, second) = (place.open().await, place.open().await);
        let lease = first.lease(lane()).await.unwrap();
        assert_eq!(lease.key, lane());
        assert_held(&*second, std::process::id()).await;
        assert_held(&*first, std::process::id()).await;
        second.lease(LaneKey::job("weekly")).await.unwrap();
        first.release(lease.clone()).await.unwrap();
        let next = second.lease(lane()).await.unwrap();
        assert!(next.token > lease.token, "{next:?} after {lease:?}");
        assert_eq!(next.lane, lease.lane);
    });
}

#[test]
fn of_many_who_want_a_lane_one_gets_it() {
    on_each_backend(async |place| {
        let mut tasks = Vec::new();
        for _ in 0..6 {
            let store = place.open().await;
            tasks.push(tokio::spawn(async move {
                (store.lease(lane()).await.is_ok(), store)
            }));
        }
        let mut stores = Vec::new();
        for task in tasks {
            stores.push(task.await.unwrap());
        }
        assert_eq!(stores.iter().filter(|(has_it, _)| *has_it).count(), 1);
    });
}

#[test]
fn a_lane_is_free_when_its_holder_closes_the_store() {
    on_each_backend(async |place| {
        let (first, second) = (place.open().await, place.open().await);
        let old = first.lease(lane()).await.unwrap();
        drop(first);
        assert!(lease_soon(&*second, lane()).await.token > old.token);
    });
}

#[test]
fn a_lane_is_free_soon_when_its_holder_is_killed() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let [backend, data] = place.words();
        for _ in 0..3 {
            let mut child = Child::start(player(&["hold-lane", backend, data, "nightly"]));
            let token: i64 = child.hear().expect("it leases").parse().unwrap();
            assert_held(&*store, child.process.id()).await;
            child.kill();
            let lease = lease_soon(&*store, lane()).await;
            assert!(lease.token > token);
            store.release(lease).await.unwrap();
        }
    });
}

#[test]
fn a_stale_lease_changes_nothing() {
    on_each_backend(async |place| {
        let (first, second) = (place.open().await, place.open().await);
        let campaign = begin(&*first, "spring").await;
        let seq = accept(&*first, &campaign, "ada", 1).await[0];
        let overtaken = second.lease(campaign.lane_key()).await.unwrap();
        drop(second);
        let released = lease_soon(&*first, campaign.lane_key()).await;
        first.release(released.clone()).await.unwrap();
        assert_refused(&*first, &released, seq).await;
        let current = first.lease(campaign.lane_key()).await.unwrap();
        assert_refused(&*first, &overtaken, seq).await;
        assert_refused(&*first, &released, seq).await;
        // Nor does it take the lane from who holds it now.
        first.release(overtaken).await.unwrap();
        let message = stored(&*first, seq).await;
        let left_out = first
            .record(&current, vec![event(&message, EventKind::Delivered)])
            .await;
        assert_eq!(left_out.unwrap(), 0);
    });
}

/// Nor is the list read on by who lost the run.
async fn assert_run_is_refused(store: &dyn Store, lease: &Lease, message: &Message) {
    let run = store.campaigns(None, 1).await.unwrap().remove(0);
    let other = crate::support::message(&run, "late@example.org");
    let renewal = Renewal {
        seq: message.seq,
        content: run.content,
        data: r#"{"old":true}"#.into(),
    };
    let refusals = [
        store.accept(lease, vec![other]).await.err(),
        store.renew(lease, vec![renewal]).await.err(),
        store.mark_campaign(lease, Progress::Listing).await.err(),
        store
            .mark_campaign(lease, Progress::Finished(message.accepted_at))
            .await
            .err(),
    ];
    for refused in refusals {
        assert!(
            matches!(refused, Some(StoreError::LeaseLost { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(stored(store, message.seq).await.data, message.data);
    let now = store.campaign(&run.job_id).await.unwrap();
    assert_eq!(now, Some(run));
}

async fn assert_refused(store: &dyn Store, lease: &Lease, seq: model::Seq) {
    let message = stored(store, seq).await;
    let recorded = store
        .record(lease, vec![event(&message, EventKind::Delivered)])
        .await;
    assert!(
        matches!(recorded, Err(StoreError::LeaseLost { .. })),
        "{recorded:?}"
    );
    let cancelled = store
        .cancel(lease, vec![seq], "stop", message.accepted_at)
        .await;
    assert!(
        matches!(cancelled, Err(StoreError::LeaseLost { .. })),
        "{cancelled:?}"
    );
    assert_run_is_refused(store, lease, &message).await;
    assert_eq!(stored(store, seq).await.state, MessageState::Queued);
    assert_eq!(whole_log(store).await.len(), 1);
    assert_eq!(store.books(message.lane).await.unwrap().queued, 1);
}

#[test]
fn a_lease_covers_only_its_own_lane() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (own, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let seq = accept(&*store, &other, "ada", 1).await[0];
        let lease = store.lease(own.lane_key()).await.unwrap();
        let message = stored(&*store, seq).await;
        let recorded = store
            .record(&lease, vec![event(&message, EventKind::Delivered)])
            .await;
        assert!(
            matches!(recorded, Err(StoreError::Missing(_))),
            "{recorded:?}"
        );
        let cancelled = store
            .cancel(&lease, vec![seq], "stop", message.accepted_at)
            .await;
        assert!(
            matches!(cancelled, Err(StoreError::Missing(_))),
            "{cancelled:?}"
        );
        let due = store
            .due(&lease, crate::ALWAYS, 10, &Default::default())
            .await
            .unwrap();
        assert!(due.messages.is_empty());
        assert_eq!(stored(&*store, seq).await.state, MessageState::Queued);
    });
}
