//! Outcomes: every message reaches exactly one final state, together with its event (promise: P-02).

use std::sync::Arc;

use model::{
    Attempt, Category, EnhancedCode, EventKind, MessageState, Phase, PhaseTimes, Reply, Seq,
};
use store::StoreError;

use crate::on_each_backend;
use crate::support::{accept, begin, event, facts, second, stored, whole_log};

const FINAL: [EventKind; 5] = [
    EventKind::Delivered,
    EventKind::Bounced,
    EventKind::Expired,
    EventKind::Dropped,
    EventKind::Cancelled,
];

#[test]
fn a_second_final_event_is_left_out_and_counted() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let all = accept(&*store, &campaign, "ada", FINAL.len()).await;
        for (&seq, kind) in all.iter().zip(FINAL) {
            let message = stored(&*store, seq).await;
            assert_eq!(
                store
                    .record(&lease, vec![event(&message, kind)])
                    .await
                    .unwrap(),
                0
            );
            let mut late: Vec<_> = FINAL.map(|kind| event(&message, kind)).to_vec();
            late.push(event(&message, EventKind::Deferred));
            assert_eq!(store.record(&lease, late).await.unwrap(), 6);
            let found = stored(&*store, seq).await;
            assert_eq!((found.state, found.attempts), (kind.state(), 1));
        }
        let recorded = &facts(&whole_log(&*store).await)[all.len()..];
        let kinds: Vec<EventKind> = recorded.iter().map(|fact| fact.2).collect();
        assert_eq!(kinds, FINAL);
        let books = store.books(campaign.lane).await.unwrap();
        assert_eq!(books, store.count_books(campaign.lane).await.unwrap());
        assert!(
            FINAL.iter().all(|kind| books.count(kind.state()) == 1),
            "{books:?}"
        );
        assert_eq!(books.failed(), 3);
    });
}

#[test]
fn of_two_final_events_in_one_batch_the_first_counts() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let message = stored(&*store, seq).await;
        let kinds = [
            EventKind::Deferred,
            EventKind::Bounced,
            EventKind::Delivered,
            EventKind::Deferred,
        ];
        let batch = kinds.map(|kind| event(&message, kind)).to_vec();
        assert_eq!(store.record(&lease, batch).await.unwrap(), 2);
        assert_eq!(stored(&*store, seq).await.state, MessageState::Bounced);
        let log = facts(&whole_log(&*store).await);
        let of_message: Vec<_> = log.iter().map(|fact| fact.2).collect();
        assert_eq!(
            of_message,
            [EventKind::Accepted, EventKind::Deferred, EventKind::Bounced]
        );
    });
}

#[test]
fn of_many_who_record_one_message_at_once_one_does() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let message = stored(&*store, seq).await;
        let tasks: Vec<_> = (0..20)
            .map(|task| {
                let (store, lease) = (Arc::clone(&store), lease.clone());
                let event = event(&message, FINAL[task % FINAL.len()]);
                tokio::spawn(async move { store.record(&lease, vec![event]).await.unwrap() })
            })
            .collect();
        let mut left_out = 0;
        for task in tasks {
            left_out += task.await.unwrap();
        }
        assert_eq!(left_out, 19);
        assert_eq!(whole_log(&*store).await.len(), 2);
        assert!(store.books(campaign.lane).await.unwrap().balance());
    });
}

#[test]
fn an_attempt_comes_back_as_it_was_recorded() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seqs = accept(&*store, &campaign, "ada", 2).await;
        let (first, second_) = (
            stored(&*store, seqs[0]).await,
            stored(&*store, seqs[1]).await,
        );
        let mut bounced = event(&first, EventKind::Bounced);
        (bounced.attempt, bounced.at) = (Some(full_attempt()), second(4));
        bounced.reason = Some("line one\nline \"two\" \u{1b}[31m".into());
        let plain = event(&second_, EventKind::Dropped);
        store.record(&lease, vec![bounced, plain]).await.unwrap();

        let log = store.events_after(seqs[1], None, 10).await.unwrap();
        let [full, plain] = &log[..] else {
            panic!("two events: {log:?}");
        };
        assert_eq!(full.event.attempt, Some(full_attempt()));
        assert_eq!(
            full.event.reason.as_deref(),
            Some("line one\nline \"two\" \u{1b}[31m")
        );
        assert_eq!((full.event.at, full.event.attempts), (second(4), 1));
        assert_eq!(
            (full.event.message, full.event.lane),
            (seqs[0], campaign.lane)
        );
        assert_eq!(
            (plain.event.attempt.as_ref(), plain.event.reason.as_ref()),
            (None, None)
        );
        let latest = store.messages(campaign.lane, Seq::START, 10).await.unwrap();
        assert_eq!(latest[0].event, full.event);
        assert_eq!(latest[0].message.state, MessageState::Bounced);
        assert_eq!(latest[1].event, plain.event);
    });
}

fn full_attempt() -> Attempt {
    Attempt {
        remote: "mx.example.org:25".into(),
        tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384".into()),
        phase: Phase::Recipient,
        reply: Some(Reply {
            code: 550,
            enhanced: Some(EnhancedCode(5, 1, 1)),
            text: "no such user\nsee https://example.org/'quoted'".into(),
        }),
        category: Some(Category::UnknownRecipient),
        error: Some("nobody".into()),
        times: PhaseTimes {
            connect_us: 1,
            hello_us: 2,
            tls_us: 3,
            authenticate_us: 4,
            transaction_us: u32::MAX,
        },
        refused_copies: vec!["cc@example.org: 550 no".into()],
        dialogue: Some("C: EHLO here\nS: 250 there".into()),
    }
}

#[test]
fn acceptance_cannot_be_recorded_a_second_time() {
    on_each_backend(async |place| {
        let store = place.open().await;
        let campaign = begin(&*store, "spring").await;
        let lease = store.lease(campaign.lane_key()).await.unwrap();
        let seq = accept(&*store, &campaign, "ada", 1).await[0];
        let message = stored(&*store, seq).await;
        let batch = vec![
            event(&message, EventKind::Deferred),
            event(&message, EventKind::Accepted),
        ];
        let error = store.record(&lease, batch).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
        assert_eq!(whole_log(&*store).await.len(), 1);
    });
}
