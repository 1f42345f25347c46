//! Interventions by hand: facts of the log, in order among the events, with nothing lost on the way.

use std::sync::Arc;

use model::{Control, ControlAction, EventKind, LaneId, Seq};
use store::log::BY_CHARS_MAX;
use store::{Campaign, NewControl, Store, StoreError};

use crate::on_each_backend;
use crate::support::{accept, begin, event, messages, second, stored, whole_log};
use crate::tail::next;

fn new(campaign: LaneId, action: ControlAction) -> NewControl {
    NewControl {
        lane: campaign,
        at: second(3),
        action,
        by: "dashboard 127.0.0.1".into(),
    }
}

async fn all(store: &dyn Store, campaign: &Campaign) -> Vec<Control> {
    let controls = store.controls_after(Seq::START, campaign.lane, usize::MAX);
    controls.await.unwrap()
}

#[test]
fn they_come_back_as_they_were_written_page_by_page() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let (campaign, other) = (begin(&*store, "one").await, begin(&*store, "two").await);
        let mut expected = Vec::new();
        for action in ControlAction::ALL {
            let written = store.control(new(campaign.lane, action)).await.unwrap();
            let seq = store.end_of_log().await.unwrap();
            let (id, by) = (campaign.lane, "dashboard 127.0.0.1".into());
            assert_eq!(
                written,
                Control {
                    seq,
                    lane: id,
                    at: second(3),
                    action,
                    by
                }
            );
            expected.push(written);
            store.control(new(other.lane, action)).await.unwrap();
        }
        let again = place.open().await;
        let mut read = Vec::new();
        let mut cursor = Seq::START;
        loop {
            let page = again
                .controls_after(cursor, campaign.lane, 3)
                .await
                .unwrap();
            let Some(last) = page.last() else {
                break;
            };
            cursor = last.seq;
            read.extend(page);
        }
        assert_eq!(read, expected);
        let none = again.controls_after(Seq::START, campaign.lane, 0);
        assert!(none.await.unwrap().is_empty());
    });
}

#[test]
fn events_and_controls_share_one_order() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut places = Vec::new();
        for round in 0..5 {
            let seq = accept(&*store, &campaign, &format!("ada{round}-"), 1).await[0];
            places.push(seq);
            let pause = store.control(new(campaign.lane, ControlAction::Pause));
            places.push(pause.await.unwrap().seq);
            assert_eq!(
                store.end_of_log().await.unwrap(),
                *places.last().unwrap(),
                "the log ends with a control"
            );
            let delivered = event(&stored(&*store, seq).await, EventKind::Delivered);
            store.record(&lease, vec![delivered]).await.unwrap();
            places.push(store.end_of_log().await.unwrap());
        }
        let expected: Vec<Seq> = (1..=15).map(Seq::new).collect();
        assert_eq!(places, expected, "no place is given twice or left out");
        let log = whole_log(&*store).await;
        let controls = all(&*store, &campaign).await;
        let mut read: Vec<Seq> = log.iter().map(|logged| logged.event.seq).collect();
        read.extend(controls.iter().map(|control| control.seq));
        read.sort_unstable();
        assert_eq!(read, expected);
        drop(store);
        let again = place.open().await;
        assert_eq!(again.end_of_log().await.unwrap(), Seq::new(15));
        let last = again.control(new(campaign.lane, ControlAction::Resume));
        assert_eq!(last.await.unwrap().seq, Seq::new(16));
        let next = accept(&*again, &campaign, "bob", 1).await;
        assert_eq!(next, [Seq::new(17)]);
    });
}

#[test]
fn a_follower_is_shown_them_in_the_commit_that_wrote_them() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let mut tail = store.tail();
        let written = store.control(new(campaign.lane, ControlAction::Pause));
        let written = written.await.unwrap();
        let alone = next(&mut tail).await;
        assert_eq!((alone.previous, alone.last), (Seq::START, written.seq));
        assert_eq!(alone.controls, [written]);
        assert!(alone.events.is_empty());

        let (accepted, written) = tokio::join!(
            store.accept(&lease, messages(&campaign, "ada", 3)),
            store.control(new(campaign.lane, ControlAction::Resume))
        );
        assert_eq!(accepted.unwrap().len(), 3);
        let written = written.unwrap();
        let (mut events, mut controls) = (0, Vec::new());
        while events < 3 || controls.is_empty() {
            let batch = next(&mut tail).await;
            events += batch.events.len();
            controls.extend(batch.controls.iter().cloned());
        }
        assert_eq!(controls, [written]);
    });
}

#[test]
fn after_a_gap_they_are_read_from_the_store() {
    on_each_backend(async |place| {
        let (store, other) = (place.open().await, place.open().await);
        let campaign = begin(&*store, "spring").await;
        let mut tail = store.tail();
        let mut written = Vec::new();
        for _ in 0..200 {
            let pause = store.control(new(campaign.lane, ControlAction::Pause));
            written.push(pause.await.unwrap());
        }
        let foreign = other.control(new(campaign.lane, ControlAction::Resume));
        written.push(foreign.await.unwrap());
        written.push(
            store
                .control(new(campaign.lane, ControlAction::Cancel))
                .await
                .unwrap(),
        );
        let end = written.last().unwrap().seq;
        let (mut cursor, mut seen, mut gaps) = (Seq::START, Vec::new(), 0);
        while cursor < end {
            let batch = next(&mut tail).await;
            if batch.previous > cursor {
                gaps += 1;
                let missed = store.controls_after(cursor, campaign.lane, usize::MAX);
                seen.extend(missed.await.unwrap());
                cursor = seen
                    .last()
                    .map_or(batch.last, |control: &Control| control.seq);
            } else if batch.last > cursor {
                seen.extend(batch.controls.iter().cloned());
                cursor = batch.last;
            }
        }
        assert_eq!(seen, written);
        assert!(gaps > 0, "more commits than a follower may lag behind");
    });
}

#[test]
fn what_cannot_be_written_down_leaves_nothing_behind() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let mut tail = store.tail();
        let mut long = new(campaign.lane, ControlAction::Pause);
        long.by = "é".repeat(BY_CHARS_MAX + 1).into();
        let error = store.control(long).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        let nowhere = store.control(new(LaneId(99), ControlAction::Pause));
        let error = nowhere.await.unwrap_err();
        assert!(matches!(error, StoreError::Missing(_)), "{error:?}");
        assert_eq!(store.end_of_log().await.unwrap(), Seq::START);

        let mut longest = new(campaign.lane, ControlAction::Pause);
        longest.by = "é".repeat(BY_CHARS_MAX).into();
        let written = store.control(longest).await.unwrap();
        let shown = next(&mut tail).await;
        assert_eq!(shown.controls, [written]);
        assert_eq!(all(&*store, &campaign).await, shown.controls);
        let mut hostile = new(campaign.lane, ControlAction::Pause);
        hostile.by = "'); DROP TABLE controls; --\u{0}\u{1b}[31m".into();
        let written = store.control(hostile).await.unwrap();
        assert_eq!(all(&*store, &campaign).await[1], written);
    });
}

#[test]
fn many_at_once_get_a_place_each() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        // Held by one, so that the writers do not take it from each other.
        store.lease(campaign.lane_key()).await.unwrap();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let (store, campaign) = (Arc::clone(&store), campaign.clone());
                tokio::spawn(async move {
                    for round in 0..5 {
                        let prefix = format!("task{task}-{round}-");
                        let pause = store.control(new(campaign.lane, ControlAction::Pause));
                        let (paused, _) =
                            tokio::join!(pause, accept(&*store, &campaign, &prefix, 2));
                        paused.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let mut places: Vec<Seq> = all(&*store, &campaign)
            .await
            .into_iter()
            .map(|control| control.seq)
            .collect();
        assert_eq!(places.len(), 40);
        let log = whole_log(&*store).await;
        places.extend(log.iter().map(|logged| logged.event.seq));
        places.sort_unstable();
        let expected: Vec<Seq> = (1..=120).map(Seq::new).collect();
        assert_eq!(places, expected);
    });
}
